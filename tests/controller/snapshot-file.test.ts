// Snapshots as files: Kafka's own are read, and written again to the byte; what is damaged is none.

import { beforeEach, describe, expect, test } from 'vitest'
import {
  encodeSnapshot,
  parseSnapshotFileName,
  readSnapshot,
  snapshotFileName,
} from '../../broker/controller/snapshot-file.ts'
import { decodeFact } from '../../broker/controller/metadata-codec.ts'
import { CorruptLogError } from '../../broker/storage/storage.ts'
import { MemoryStorage } from '../../broker/storage/memory-storage.ts'

/** bootstrap.checkpoint, as `kafka-storage.sh format` of Kafka 4.3.1 wrote it. */
const levels = Buffer.from(
  '0000000000000000000000470000000002af79e2eb002000000000000001a221252273000001a221252273ffffffffffffffffffffffffffff000000012a0000000800000003160000000000000000000000000000000000000001000000f100000000025f2549b4000000000005000001a22125229c000001a22125229cffffffffffffffffffffffffffff000000063a000000012e010c00116d657461646174612e76657273696f6e001e00005a000002014e010c0021656c696769626c652e6c65616465722e7265706c696361732e76657273696f6e00010000340000040128010c000e67726f75702e76657273696f6e00010000340000060128010c000e73686172652e76657273696f6e0001000038000008012c010c001073747265616d732e76657273696f6e000100004000000a0134010c00147472616e73616374696f6e2e76657273696f6e0002000000000000000000070000003f000000000211c0f534002000000000000001a22125229d000001a22125229dffffffffffffffffffffffffffff000000011a00000008000000040600000000',
  'hex',
)
/** 00000000000000000000-0000000000.checkpoint of the same: a quorum that knows its voter (KIP-853). */
const voters = Buffer.from(
  '00000000000000000000009a0000000002769b9a70002000000002000001a2212522c0000001a2212522c0ffffffffffffffffffffffffffff000000032a0000000800000003160000000001a2212522aa00001e00000208000000050a000000010000820100000408000000066e00000200000001c2011bcb23214151b3e3ced4f215a5e9020b434f4e54524f4c4c45520a3132372e302e302e314e1f00000000010000000000000000000000030000003f0000000002457846a2002000000000000001a2212522c8000001a2212522c8ffffffffffffffffffffffffffff000000011a00000008000000040600000000',
  'hex',
)
const PATH = '__cluster_metadata-0/00000000000000000000-0000000000.checkpoint'

let storage: MemoryStorage
beforeEach(() => {
  storage = new MemoryStorage()
  storage.makeDirectory('__cluster_metadata-0')
})

const read = (bytes: Buffer) => {
  storage.open(PATH, { create: true }).truncate(0)
  storage.open(PATH).append([bytes])
  const values: Buffer[] = []
  const found = readSnapshot(storage, PATH, {
    records: (batch) => void values.push(...batch.map((value) => Buffer.from(value))),
  })
  return { ...found, values }
}
const clockOf = (...times: number[]) => {
  const left = [...times]
  return () => left.shift() as number
}

describe('a snapshot of Kafka’s', () => {
  test('that holds feature levels is read, and written again to the byte', async () => {
    const { values, controls, lastContainedLogTimestamp } = read(levels)
    expect(values.map((value) => decodeFact(value, 0, value.length))).toMatchObject([
      { type: 'FeatureLevelRecord', name: 'metadata.version', featureLevel: 30 },
      { name: 'eligible.leader.replicas.version' },
      { name: 'group.version' },
      { name: 'share.version' },
      { name: 'streams.version' },
      { name: 'transaction.version', featureLevel: 2 },
    ])
    expect(controls).toEqual({})
    const now = clockOf(1795852411507, 1795852411548, 1795852411549)
    const again = await encodeSnapshot({ epoch: 0, lastContainedLogTimestamp, controls, values, now })
    expect(again.toString('hex')).toBe(levels.toString('hex'))
  })

  test('that names its voters keeps them, to the byte', async () => {
    const { values, controls, lastContainedLogTimestamp } = read(voters)
    expect(values).toEqual([])
    expect(controls.voters?.toString('latin1')).toContain('CONTROLLER')
    const now = clockOf(1795852411584, 1795852411592)
    const again = await encodeSnapshot({ epoch: 0, lastContainedLogTimestamp, controls, values, now })
    expect(again.toString('hex')).toBe(voters.toString('hex'))
  })
})

describe('no snapshot', () => {
  const whole = levels

  test('is one of which a byte has changed', () => {
    for (let at = 0; at < whole.length; at++) {
      // The epochs of batches lie outside their checksums, and say nothing here.
      if ([12, 95, 348].some((epoch) => at >= epoch && at < epoch + 4)) continue
      const damaged = Buffer.from(whole)
      damaged[at] = (damaged[at] as number) ^ 0x10
      expect(() => read(damaged), `byte ${at}`).toThrow(CorruptLogError)
    }
  })

  test('is one that was cut short, anywhere', () => {
    for (let size = 0; size < whole.length; size++) {
      expect(() => read(whole.subarray(0, size)), `${size} bytes`).toThrow(CorruptLogError)
    }
  })

  test.each([
    ['without a header', whole.subarray(83)],
    ['with something behind its footer', Buffer.concat([whole, whole.subarray(336)])],
    ['that is a log', whole.subarray(83, 336)],
  ])('is one %s', (_, bytes) => {
    expect(() => read(bytes)).toThrow(CorruptLogError)
  })
})

test('many records are several batches, and come back in their order', async () => {
  const values = Array.from({ length: 40 }, (_, i) => Buffer.alloc(100_000, i))
  const content = await encodeSnapshot({
    epoch: 7,
    lastContainedLogTimestamp: 5n,
    controls: {},
    values,
    now: () => 1000,
  })
  const found = read(content)
  expect(found.lastContainedLogTimestamp).toBe(5n)
  expect(found.values.length).toBe(values.length)
  expect(Buffer.concat(found.values).equals(Buffer.concat(values))).toBe(true)
})

test('names say up to where', () => {
  const id = { endOffset: 1234n, epoch: 5 }
  expect(snapshotFileName(id)).toBe('00000000000000001234-0000000005.checkpoint')
  expect(parseSnapshotFileName(snapshotFileName(id))).toEqual(id)
  for (const other of ['1234-5.checkpoint', `${snapshotFileName(id)}.part`, 'leader-epoch-checkpoint']) {
    expect(parseSnapshotFileName(other)).toBeUndefined()
  }
})
