// What is asked about batches that are wrong in one way each, and about requests that name a partition twice.

import { gzipSync } from 'node:zlib'
import { fetch } from '../../../broker/protocol/apis/fetch.ts'
import { produce } from '../../../broker/protocol/apis/produce.ts'
import { buildBatch } from '../../../broker/protocol/record-batch/builder.ts'
import { crc32c } from '../../../broker/protocol/record-batch/crc32c.ts'
import { type Context, type Question, questions } from './question.ts'

const CRC_AT = 17
const ATTRIBUTES_AT = 21
const LAST_OFFSET_DELTA_AT = 23
const PRODUCER_ID_AT = 43
const PRODUCER_EPOCH_AT = 51
const BASE_SEQUENCE_AT = 53
const RECORD_COUNT_AT = 57
const RECORDS_AT = 61
const LENGTH_AT = 8

const record = { timestampMs: 1000, key: Buffer.from('k'), value: Buffer.from('v') }
const two = buildBatch([record, record])

/** The batch changed, its checksum right. */
function changed(batch: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(batch)
  change(copy)
  copy.writeUInt32BE(crc32c(copy, ATTRIBUTES_AT, copy.length), CRC_AT)
  return copy
}

/** The head of `two`, with this instead of its records. */
function withRecords(records: Buffer, attributes = 0): Buffer {
  const whole = Buffer.concat([two.subarray(0, RECORDS_AT), records])
  return changed(whole, (copy) => {
    copy.writeInt32BE(whole.length - LENGTH_AT - 4, LENGTH_AT)
    copy.writeInt16BE(attributes, ATTRIBUTES_AT)
  })
}

const GZIP = 1
const of = (producerId: bigint, producerEpoch: number, baseSequence: number): Buffer =>
  buildBatch([record], { producerId, producerEpoch, baseSequence })

const batches: Record<string, Buffer> = {
  'two records': two,
  'a base offset of 5': changed(two, (b) => b.writeBigInt64BE(5n, 0)),
  'no records by its count': changed(two, (b) => b.writeInt32BE(0, RECORD_COUNT_AT)),
  'one record more by its count': changed(two, (b) => b.writeInt32BE(3, RECORD_COUNT_AT)),
  'a negative count': changed(two, (b) => b.writeInt32BE(-1, RECORD_COUNT_AT)),
  'another last offset delta': changed(two, (b) => b.writeInt32BE(7, LAST_OFFSET_DELTA_AT)),
  'a control batch': changed(two, (b) => b.writeInt16BE(0x20, ATTRIBUTES_AT)),
  'a negative sequence of a producer': changed(two, (b) => {
    b.writeBigInt64BE(8001n, PRODUCER_ID_AT)
    b.writeInt16BE(0, PRODUCER_EPOCH_AT)
    b.writeInt32BE(-1, BASE_SEQUENCE_AT)
  }),
  'a codec that there is not': changed(two, (b) => b.writeInt16BE(7, ATTRIBUTES_AT)),
  'compressed records that are none': withRecords(Buffer.from('this is no gzip'), GZIP),
  'compressed records that end early': withRecords(gzipSync(two.subarray(RECORDS_AT)).subarray(0, 12), GZIP),
  'records cut off': withRecords(two.subarray(RECORDS_AT, RECORDS_AT + 5)),
  'bytes behind the last record': withRecords(Buffer.concat([two.subarray(RECORDS_AT), Buffer.alloc(3)])),
  'a length of nothing': changed(two, (b) => b.writeInt32BE(0, LENGTH_AT)),
  'magic 3': changed(two, (b) => b.writeInt8(3, 16)),
  'one of three too late': buildBatch([record, { ...record, timestampMs: 9e14 }, record]),
  'a timestamp before the epoch': buildBatch([{ ...record, timestampMs: -7 }]),
  'no timestamp': buildBatch([{ ...record, timestampMs: -1 }]),
  'a producer, epoch 3': of(8002n, 3, 0),
  'the producer, an epoch that was': of(8002n, 2, 1),
  'the producer, a new epoch in the middle': of(8002n, 4, 5),
  'the producer, a new epoch': of(8002n, 4, 0),
  // Kafka accepts these two, so they come last.
  'bytes behind the batch': Buffer.concat([two, Buffer.alloc(4)]),
  'LogAppendTime by the producer': changed(two, (b) => b.writeInt16BE(0x8, ATTRIBUTES_AT)),
}

function to(
  { version, topicId }: Context,
  partitions: readonly (readonly [topic: string, index: number, records: Buffer])[],
  acks = -1,
) {
  return {
    transactionalId: null,
    acks,
    timeoutMs: 3000,
    topicData: partitions.map(([topic, index, records]) => ({
      ...(version >= 13 ? { topicId: topicId(topic) } : { name: topic }),
      partitionData: [{ index, records }],
    })),
  }
}

const nulls = buildBatch([record, { ...record, key: null }, { ...record, key: null, timestampMs: 9e14 }])

export const produceQuestions: readonly Question[] = [
  ...questions('null keys and late records to a compacted topic', produce, [7, 9], (context) =>
    to(context, [['compacted', 0, nulls]]),
  ),
  ...questions('one partition twice', produce, [9, 13], (context) =>
    to(context, [
      ['doomed', 0, two],
      ['doomed', 0, buildBatch([record, record, record])],
    ]),
  ),
  ...questions('and what it left', fetch, [12, 12], () => ({
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1,
    replicaId: -1,
    topics: [{ topic: 'doomed', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 }] }],
    forgottenTopicsData: [],
  })),
  ...questions('one topic twice', produce, [9, 12], (context) =>
    to(context, [
      ['kept', 0, two],
      ['written', 0, two],
      ['kept', 1, two],
    ]),
  ),
  ...questions('of nothing', produce, [9, 13], (context) => to(context, [])),
  ...questions('acks 0 and an unknown partition', produce, [9, 9], (context) =>
    to(context, [['kept', 9, two]], 0),
  ),
  ...questions('acks 3 and an unknown partition', produce, [9, 9], (context) =>
    to(
      context,
      [
        ['kept', 0, two],
        ['kept', 9, two],
      ],
      3,
    ),
  ),
  ...Object.entries(batches).flatMap(([name, batch]) =>
    questions(name, produce, [9, 9], (context) => to(context, [['written', 0, batch]])),
  ),
]
