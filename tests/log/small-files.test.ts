// The files beside the segments: Kafka's bytes, and a changed byte never believed where the format can tell.

import { describe, expect, test } from 'vitest'
import { markCleanShutdown, takeCleanShutdown } from '../../broker/log/clean-shutdown.ts'
import { decodeEpochCheckpoint, encodeEpochCheckpoint } from '../../broker/log/epoch-checkpoint.ts'
import { decodeMetaProperties, encodeMetaProperties } from '../../broker/log/meta-properties.ts'
import {
  deletedDirectoryName,
  isDeletedDirectoryName,
  offsetOfFileName,
  parsePartitionDirectoryName,
  partitionDirectoryName,
  segmentFileName,
} from '../../broker/log/names.ts'
import { decodeOffsetCheckpoint, encodeOffsetCheckpoint } from '../../broker/log/offset-checkpoints.ts'
import { OffsetIndex } from '../../broker/log/offset-index.ts'
import { decodePartitionMetadata, encodePartitionMetadata } from '../../broker/log/partition-metadata.ts'
import { decodeProducerSnapshot, encodeProducerSnapshot } from '../../broker/log/producer-snapshot.ts'
import { TimeIndex } from '../../broker/log/time-index.ts'
import { MemoryStorage } from '../../broker/storage/memory-storage.ts'

describe('names', () => {
  test('segments have twenty digits', () => {
    expect(segmentFileName(42n, '.log')).toBe('00000000000000000042.log')
    expect(segmentFileName(0x7fffffffffffffffn, '.index')).toBe('09223372036854775807.index')
    expect(offsetOfFileName('00000000000000000042.log', '.log')).toBe(42n)
    for (const name of [
      '42.log',
      '00000000000000000042.index',
      '0000000000000000004x.log',
      '99999999999999999999.log',
    ]) {
      expect(offsetOfFileName(name, '.log'), name).toBeUndefined()
    }
  })

  test('partition folders carry topic and number', () => {
    expect(partitionDirectoryName('a-b', 3)).toBe('a-b-3')
    expect(parsePartitionDirectoryName('a-b-3')).toEqual({ topic: 'a-b', partition: 3 })
    for (const name of ['a', '-3', 'a-', 'a-03', 'a-x', 'a-99999999999', '.logmill-lock']) {
      expect(parsePartitionDirectoryName(name), name).toBeUndefined()
    }
  })

  test('a deleted partition’s folder is none any more, and never too long', () => {
    const hex = '0123456789abcdef0123456789abcdef'
    expect(deletedDirectoryName('orders', 3, hex)).toBe(`orders-3.${hex}-delete`)
    expect(deletedDirectoryName('x'.repeat(249), 3, hex).length).toBe(255)
    expect(isDeletedDirectoryName(deletedDirectoryName('orders', 3, hex))).toBe(true)
    expect(parsePartitionDirectoryName(deletedDirectoryName('orders', 3, hex))).toBeUndefined()
  })
})

describe('index bytes', () => {
  test('of the offset index: offset and position, four bytes each', () => {
    const index = new OffsetIndex()
    index.append(9, 4200)
    index.append(30, 8500)
    expect(index.encode().toString('hex')).toBe('0000000900001068' + '0000001e00002134')
    expect([8, 9, 29, 30, 99].map((offset) => index.lookup(offset))).toEqual([-1, 0, 0, 1, 1])
    expect(() => index.append(30, 9000)).toThrow('entry 2 (30, 9000) after (30, 8500)')
    expect(OffsetIndex.decode(index.encode(), 8500)).toBeUndefined()
    expect(OffsetIndex.decode(index.encode(), 8501)?.entryCount).toBe(2)
  })

  test('of the time index: timestamp and offset, twelve bytes; only newer ones are added', () => {
    const index = new TimeIndex()
    index.maybeAppend(1000n, 9)
    index.maybeAppend(1000n, 20)
    index.maybeAppend(900n, 25)
    index.maybeAppend(1001n, 30)
    expect(index.encode().toString('hex')).toBe('00000000000003e800000009' + '00000000000003e90000001e')
    expect([999n, 1000n, 1001n, 1002n].map((at) => index.lookupBelow(at))).toEqual([-1, -1, 0, 1])
    expect(TimeIndex.decode(index.encode())?.entryCount).toBe(2)
  })
})

describe('the producer snapshot', () => {
  const entries = [
    {
      producerId: 5n,
      epoch: 2,
      lastSequence: 14,
      lastOffset: 20n,
      offsetDelta: 4,
      timestamp: 1_700_000_000_000n,
      coordinatorEpoch: -1,
      currentTxnFirstOffset: 16n,
    },
    {
      producerId: 0x7fffffffffffffffn,
      epoch: 0,
      lastSequence: -1,
      lastOffset: -1n,
      offsetDelta: 0,
      timestamp: -1n,
      coordinatorEpoch: 3,
      currentTxnFirstOffset: -1n,
    },
  ]

  test('has Kafka’s bytes', () => {
    const bytes = encodeProducerSnapshot(entries)
    expect(bytes.length).toBe(10 + 2 * 46)
    expect(bytes.subarray(0, 2).toString('hex')).toBe('0001')
    expect(bytes.subarray(6, 56).toString('hex')).toBe(
      '00000002' +
        '0000000000000005' +
        '0002' +
        '0000000e' +
        '0000000000000014' +
        '00000004' +
        '0000018bcfe56800' +
        'ffffffff' +
        '0000000000000010',
    )
    expect(decodeProducerSnapshot(bytes)).toEqual(entries)
    expect(decodeProducerSnapshot(encodeProducerSnapshot([]))).toEqual([])
  })

  test('with any bit changed, or cut anywhere, is none', () => {
    const bytes = encodeProducerSnapshot(entries)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(decodeProducerSnapshot(changed), `bit ${bit}`).toBeUndefined()
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeProducerSnapshot(bytes.subarray(0, length)), `${length} bytes`).toBeUndefined()
    }
    expect(decodeProducerSnapshot(Buffer.concat([bytes, Buffer.alloc(1)]))).toBeUndefined()
  })
})

describe('checkpoints', () => {
  const offsets = [
    { topic: 'orders', partition: 0, offset: 42n },
    { topic: 'a.b_c-d', partition: 11, offset: 0x7fffffffffffffffn },
  ]
  const epochs = [
    { epoch: 0, startOffset: 0n },
    { epoch: 3, startOffset: 120n },
  ]

  test('are lines: version, count, entries', () => {
    expect(encodeOffsetCheckpoint(offsets).toString()).toBe(
      '0\n2\norders 0 42\na.b_c-d 11 9223372036854775807\n',
    )
    expect(decodeOffsetCheckpoint(encodeOffsetCheckpoint(offsets))).toEqual(offsets)
    expect(encodeEpochCheckpoint(epochs).toString()).toBe('0\n2\n0 0\n3 120\n')
    expect(decodeEpochCheckpoint(encodeEpochCheckpoint(epochs))).toEqual(epochs)
    expect(decodeOffsetCheckpoint(Buffer.from('0\n0\n'))).toEqual([])
  })

  test.each([
    '',
    '0',
    '0\n',
    '1\n0\n',
    '0\n1\n',
    '0\n2\norders 0 1\n',
    '0\n0\norders 0 1\n',
    '0\n1\norders 0 1',
    '0\n1\norders 0\n',
    '0\n1\norders 0 -1\n',
    '0\n1\norders 0 01\n',
    '0\n1\norders 0 9223372036854775808\n',
    '0\n1\norders 2147483648 1\n',
    '0\n1\norders 0 1 2\n',
    '0\n1\n 0 1\n',
    '0\n2\norders 0 1\norders 0 2\n',
  ])('offsets %j are not believed', (text) => {
    expect(decodeOffsetCheckpoint(Buffer.from(text))).toBeUndefined()
  })

  test.each([
    '0\n2\n3 0\n3 5\n',
    '0\n2\n3 5\n4 4\n',
    '0\n1\n3\n',
    '0\n1\n3 x\n',
    '0\n1\n3 1 1\n',
    '0\n2\n3 1\n',
  ])('epochs %j are not believed', (text) => {
    expect(decodeEpochCheckpoint(Buffer.from(text))).toBeUndefined()
  })

  test('a changed bit is an error, or at most another digit or letter in one entry', () => {
    const bytes = encodeOffsetCheckpoint(offsets)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      const decoded = decodeOffsetCheckpoint(changed)
      if (decoded === undefined) continue
      expect(decoded.length).toBe(2)
      const differing = decoded.filter((entry, i) => {
        const original = offsets[i] as (typeof offsets)[number]
        return (
          entry.topic !== original.topic ||
          entry.partition !== original.partition ||
          entry.offset !== original.offset
        )
      })
      expect(differing.length, `bit ${bit}`).toBe(1)
    }
  })
})

describe('partition.metadata', () => {
  // Uuid.fromString("AAAAAAAAAAAAAAAAAAAAAQ") is Uuid(0, 1), Kafka's METADATA_TOPIC_ID.
  test('holds the topic id in Kafka’s text form', () => {
    const topicId = '00000000000000000000000000000001'
    expect(encodePartitionMetadata(topicId).toString()).toBe('version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ\n')
    expect(decodePartitionMetadata(encodePartitionMetadata(topicId))).toBe(topicId)
    expect(decodePartitionMetadata(Buffer.from('version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ'))).toBe(topicId)
  })

  test.each([
    '',
    'version: 1\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ',
    'version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAR',
    'version: 0',
  ])('%j is not believed', (text) => {
    expect(decodePartitionMetadata(Buffer.from(text))).toBeUndefined()
  })
})

describe('meta.properties', () => {
  const properties = { clusterId: 'Some Id=:#', nodeId: 1, directoryId: 'AAAAAAAAAAAAAAAAAAAAAQ' }

  test('reads what it wrote, and what Kafka writes', () => {
    expect(decodeMetaProperties(encodeMetaProperties(properties))).toEqual(properties)
    const text = '#\n#Thu Jan 01 00:00:00 UTC 1970\ncluster.id=abc\nversion=1\ndirectory.id=def\nnode.id=7\n'
    expect(decodeMetaProperties(Buffer.from(text))).toEqual({
      clusterId: 'abc',
      nodeId: 7,
      directoryId: 'def',
    })
  })

  test('says what is missing', () => {
    expect(decodeMetaProperties(Buffer.from(''))).toBe('version is missing')
    expect(decodeMetaProperties(Buffer.from('version=2'))).toBe('version 2')
    expect(decodeMetaProperties(Buffer.from('version=1\ncluster.id=a'))).toBe('no node.id')
    expect(decodeMetaProperties(Buffer.from('version=1\nnode.id=x\ncluster.id=a'))).toBe('no node.id')
    expect(decodeMetaProperties(Buffer.from('version=1\nnode.id=1'))).toBe('no cluster.id')
    expect(decodeMetaProperties(Buffer.from('nonsense'))).toBe("line 'nonsense' is not a property")
  })
})

test('the clean-shutdown marker is taken once', async () => {
  const storage = new MemoryStorage()
  expect(await takeCleanShutdown(storage)).toBe(false)
  await markCleanShutdown(storage, 12)
  expect(storage.readFile('.kafka_cleanshutdown')?.toString()).toBe('{"version":0,"brokerEpoch":12}')
  expect(await takeCleanShutdown(storage)).toBe(true)
  expect(await takeCleanShutdown(storage)).toBe(false)
  storage.replaceFileUnsynced('.kafka_cleanshutdown', Buffer.from('{"version":'))
  expect(await takeCleanShutdown(storage)).toBe(false)
})
