// Batches that Kafka's own writers made, read here and, where the builder can make the same, made here.
// The vectors lie beside the repository, not in it; a batch of our own, written down byte by byte, does not.
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { buildBatch, buildEndTxnMarker } from '../../../broker/protocol/record-batch/builder.ts'
import { readEndTxnMarker } from '../../../broker/protocol/record-batch/control.ts'
import { isCrcValid, lastOffsetOf, readBatchHeader } from '../../../broker/protocol/record-batch/header.ts'
import { checkBatch } from '../../../broker/protocol/record-batch/validate.ts'
import { anyTopic, readRecords } from './samples.ts'

interface Vector {
  name: string
  hex: string
}

const file = new URL('../../../../shared/kafka-wire-vectors/record-batches/vectors.json', import.meta.url)
const vectors = existsSync(file)
  ? (JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] }).vectors
  : []

function vector(name: string): Buffer {
  const found = vectors.find((candidate) => candidate.name === name)
  if (found === undefined) throw new Error(`no vector ${name}`)
  return Buffer.from(found.hex, 'hex')
}

/** Written by the broker or its cleaner: no producer could have sent them. */
const notFromClients = [
  'three_records_with_deltas',
  'compacted_records_keep_offset_gaps',
  'empty_compacted_batch_keeps_last_offset',
  'committed_transaction_control_batch',
  'log_append_time',
]
/** What the builder does not make: gaps, no records, other timestamp types; and codecs need not give the same bytes. */
const notRebuilt = [
  'compacted_records_keep_offset_gaps',
  'empty_compacted_batch_keeps_last_offset',
  'tombstone_with_delete_horizon',
  'log_append_time',
  'gzip',
  'snappy',
  'lz4',
  'zstd',
]

describe.skipIf(vectors.length === 0)("Kafka's batches (skipped: no vectors beside the repository)", () => {
  test.each(vectors.map(({ name }) => name))(
    '%s is whole and passes the checks that hold anywhere',
    (name) => {
      const batch = vector(name)
      expect(readBatchHeader(batch, 0).sizeInBytes).toBe(batch.length)
      expect(isCrcValid(batch, 0)).toBe(true)
      expect(readRecords(batch).length).toBe(readBatchHeader(batch, 0).recordCount)
      expect(checkBatch(batch, 0, batch.length, { ...anyTopic, fromClient: false })).toBeUndefined()
      const refusal = checkBatch(batch, 0, batch.length, anyTopic)
      if (notFromClients.includes(name)) expect(refusal).toBeDefined()
      else expect(refusal).toBeUndefined()
    },
  )

  test.each(vectors.map(({ name }) => name).filter((name) => !notRebuilt.includes(name)))(
    '%s is built alike',
    (name) => {
      const batch = vector(name)
      const head = readBatchHeader(batch, 0)
      const rebuilt = buildBatch(readRecords(batch), { ...head, codec: head.codec ?? 'none' })
      expect(rebuilt.toString('hex')).toBe(batch.toString('hex'))
    },
  )

  test.each(['gzip', 'snappy', 'lz4', 'zstd'])(
    '%s holds the same records as its uncompressed twin',
    (name) => {
      const twin = readRecords(vector('compression_twin_uncompressed'))
      expect(readRecords(vector(name))).toEqual(twin)
      expect(twin.map((record) => record.value?.toString())).toEqual(['value-one', 'value-two'])
    },
  )

  test('the commit marker', () => {
    const batch = vector('committed_transaction_control_batch')
    expect(readEndTxnMarker(batch, 0)).toEqual({ isCommit: true, coordinatorEpoch: 11 })
    const marker = buildEndTxnMarker(12345n, 7, true, 11, 1_700_000_000_000)
    expect(checkBatch(marker, 0, marker.length, { ...anyTopic, fromClient: false })).toBeUndefined()
    expect(readRecords(marker)).toEqual(readRecords(batch))
    const { isTransactional, isControl, producerId, producerEpoch, baseSequence } = readBatchHeader(marker, 0)
    expect({ isTransactional, isControl, producerId, producerEpoch, baseSequence }).toEqual({
      isTransactional: true,
      isControl: true,
      producerId: 12345n,
      producerEpoch: 7,
      baseSequence: -1,
    })
  })

  test('gaps that compaction leaves keep their offsets', () => {
    const batch = vector('compacted_records_keep_offset_gaps')
    expect(readRecords(batch).map((record) => record.offset)).toEqual([100n, 102n])
    expect(lastOffsetOf(batch, 0)).toBe(102n)
    expect(lastOffsetOf(vector('empty_compacted_batch_keeps_last_offset'), 0)).toBe(102n)
  })
})

describe('a batch written down by hand', () => {
  const bytes = Buffer.from(
    [
      '0000000000000000', // base offset
      '00000048', // length: 72 bytes follow
      'ffffffff', // leader epoch
      '02', // magic
      'a54e567f', // CRC-32C, computed bit by bit
      '0000', // attributes: no codec
      '00000001', // last offset delta
      '00000000000003e8', // base timestamp 1000
      '00000000000003ea', // max timestamp 1002
      'ffffffffffffffff', // producer id
      'ffff', // producer epoch
      'ffffffff', // base sequence
      '00000002', // records
      '18' + '00' + '00' + '00' + '026b' + '0476' + '31' + '02' + '0268' + '01', // k, v1, header h: null
      '12' + '00' + '04' + '02' + '01' + '06' + '747765' + '00', // null key, "twe"
    ].join(''),
    'hex',
  )
  const records = [
    {
      timestampMs: 1000,
      key: Buffer.from('k'),
      value: Buffer.from('v1'),
      headers: [{ key: 'h', value: null }],
    },
    { timestampMs: 1002, key: null, value: Buffer.from('twe'), headers: [] },
  ]

  test('is what the builder makes', () => {
    expect(buildBatch(records).toString('hex')).toBe(bytes.toString('hex'))
  })

  test('is read back', () => {
    expect(readRecords(bytes)).toEqual(records.map((record, i) => ({ ...record, offset: BigInt(i) })))
    expect(checkBatch(bytes, 0, bytes.length, anyTopic)).toBeUndefined()
  })
})
