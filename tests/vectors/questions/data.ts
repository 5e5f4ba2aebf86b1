// What is asked about records: Produce, Fetch, ListOffsets, OffsetForLeaderEpoch, DeleteRecords.

import { deleteRecords } from '../../../broker/protocol/apis/delete-records.ts'
import { fetch } from '../../../broker/protocol/apis/fetch.ts'
import { listOffsets } from '../../../broker/protocol/apis/list-offsets.ts'
import { offsetForLeaderEpoch } from '../../../broker/protocol/apis/offset-for-leader-epoch.ts'
import { produce } from '../../../broker/protocol/apis/produce.ts'
import { buildBatch } from '../../../broker/protocol/record-batch/builder.ts'
import { type Context, type Question, questions } from './question.ts'

const records = [{ timestampMs: 1000, key: Buffer.from('k'), value: Buffer.from('v') }]
const good = buildBatch(records)
const broken = Buffer.from(good)
broken.writeUInt8(broken.readUInt8(broken.length - 1) ^ 1, broken.length - 1)
const unknownId = 'deadbeefdeadbeefdeadbeefdeadbeef'
const idempotent = (producerId: bigint, baseSequence: number): Buffer =>
  buildBatch(records, { producerId, producerEpoch: 0, baseSequence })

function produceTo(
  { version, topicId }: Context,
  {
    topic = 'written',
    index = 0,
    batch = good as Buffer | null,
    acks = -1,
    transactionalId = null as string | null,
  },
) {
  const named =
    version >= 13 ? { topicId: topic === 'unknown' ? unknownId : topicId(topic) } : { name: topic }
  return {
    transactionalId,
    acks,
    timeoutMs: 3000,
    topicData: [{ ...named, partitionData: [{ index, records: batch }] }],
  }
}

const oldMessage = Buffer.alloc(40)
oldMessage.writeInt32BE(28, 8)
oldMessage.writeInt8(1, 16)

const produced: Question[] = [
  ...questions('a batch', produce, [3, 13], (context) => produceTo(context, {})),
  ...questions('unknown topic', produce, [3, 13], (context) => produceTo(context, { topic: 'unknown' })),
  ...questions('unknown partition', produce, [9, 13], (context) => produceTo(context, { index: 7 })),
  ...questions('acks 1', produce, [9, 9], (context) => produceTo(context, { acks: 1 })),
  ...questions('acks 2', produce, [3, 13], (context) => produceTo(context, { acks: 2 })),
  ...questions('acks -2', produce, [9, 9], (context) => produceTo(context, { acks: -2 })),
  ...questions('no records', produce, [9, 9], (context) => produceTo(context, { batch: Buffer.alloc(0) })),
  ...questions('null records', produce, [9, 9], (context) => produceTo(context, { batch: null })),
  ...questions('broken checksum', produce, [9, 9], (context) => produceTo(context, { batch: broken })),
  ...questions('half a batch', produce, [9, 9], (context) =>
    produceTo(context, { batch: good.subarray(0, good.length - 3) }),
  ),
  ...questions('two batches', produce, [9, 9], (context) =>
    produceTo(context, { batch: Buffer.concat([good, good]) }),
  ),
  ...questions('message format 1', produce, [9, 9], (context) => produceTo(context, { batch: oldMessage })),
  ...questions('zstd', produce, [6, 7], (context) =>
    produceTo(context, { batch: buildBatch(records, { codec: 'zstd' }) }),
  ),
  ...questions('a timestamp far ahead', produce, [9, 9], (context) =>
    produceTo(context, { batch: buildBatch([{ ...records[0], timestampMs: 9e15 } as never]) }),
  ),
  ...questions('larger than max.message.bytes', produce, [9, 9], (context) =>
    produceTo(context, {
      batch: buildBatch([{ timestampMs: 1000, key: null, value: Buffer.alloc(1_200_000) }]),
    }),
  ),
  ...questions('a null key to a compacted topic', produce, [9, 9], (context) =>
    produceTo(context, {
      topic: 'compacted',
      batch: buildBatch([{ timestampMs: 1000, key: null, value: Buffer.from('v') }]),
    }),
  ),
  ...questions('an internal topic', produce, [9, 9], (context) =>
    produceTo(context, { topic: '__consumer_offsets' }),
  ),
  ...questions('the first of a producer, sequence 5', produce, [9, 9], (context) =>
    produceTo(context, { batch: idempotent(7001n, 5) }),
  ),
  ...questions('the first of a producer, sequence 0', produce, [9, 9], (context) =>
    produceTo(context, { batch: idempotent(7002n, 0) }),
  ),
  ...questions('the same again', produce, [9, 9], (context) =>
    produceTo(context, { batch: idempotent(7002n, 0) }),
  ),
  ...questions('a gap in the sequence', produce, [9, 9], (context) =>
    produceTo(context, { batch: idempotent(7002n, 9) }),
  ),
  ...questions('transactional, of no transaction', produce, [9, 12], (context) =>
    produceTo(context, {
      transactionalId: 'nobody',
      batch: buildBatch(records, {
        producerId: 7003n,
        producerEpoch: 0,
        baseSequence: 0,
        isTransactional: true,
      }),
    }),
  ),
]

function fetchFrom(
  { version, topicId }: Context,
  {
    topic = 'kept',
    partition = 0,
    fetchOffset = 0n,
    currentLeaderEpoch = -1,
    ...rest
  }: Record<string, unknown>,
) {
  const named =
    version >= 13
      ? { topicId: topic === 'unknown' ? unknownId : topicId(topic as string) }
      : { topic: topic as string }
  const { lastFetchedEpoch, partitionMaxBytes = 1_000_000, ...whole } = rest
  return {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1_000_000,
    ...(version < 15 ? { replicaId: -1 } : {}),
    topics: [
      {
        ...named,
        partitions: [
          {
            partition: partition as number,
            fetchOffset: fetchOffset as bigint,
            partitionMaxBytes: partitionMaxBytes as number,
            ...(version >= 9 ? { currentLeaderEpoch: currentLeaderEpoch as number } : {}),
            ...(lastFetchedEpoch === undefined ? {} : { lastFetchedEpoch: lastFetchedEpoch as number }),
          },
        ],
      },
    ],
    forgottenTopicsData: [],
    ...whole,
  }
}

const fetched: Question[] = [
  ...questions('from the beginning', fetch, [4, 18], (context) => fetchFrom(context, {})),
  ...questions('at the end', fetch, [4, 18], (context) => fetchFrom(context, { fetchOffset: 5n })),
  ...questions('beyond the end', fetch, [4, 18], (context) => fetchFrom(context, { fetchOffset: 6n })),
  ...questions('a negative offset', fetch, [4, 18], (context) => fetchFrom(context, { fetchOffset: -1n })),
  ...questions('unknown topic', fetch, [4, 18], (context) => fetchFrom(context, { topic: 'unknown' })),
  ...questions('unknown partition', fetch, [4, 18], (context) => fetchFrom(context, { partition: 9 })),
  ...questions('read committed', fetch, [4, 18], (context) => fetchFrom(context, { isolationLevel: 1 })),
  ...questions('an older leader epoch', fetch, [9, 18], (context) =>
    fetchFrom(context, { currentLeaderEpoch: 0, topic: 'kept' }),
  ),
  ...questions('a later leader epoch', fetch, [9, 18], (context) =>
    fetchFrom(context, { currentLeaderEpoch: 9 }),
  ),
  ...questions('of an epoch that was last fetched', fetch, [12, 18], (context) =>
    fetchFrom(context, { fetchOffset: 2n, lastFetchedEpoch: 0 }),
  ),
  ...questions('of a later epoch that was last fetched', fetch, [12, 12], (context) =>
    fetchFrom(context, { fetchOffset: 2n, lastFetchedEpoch: 5 }),
  ),
  ...questions('one byte', fetch, [11, 11], (context) =>
    fetchFrom(context, { maxBytes: 1, partitionMaxBytes: 1 }),
  ),
  ...questions('in a session that nobody knows', fetch, [7, 18], (context) =>
    fetchFrom(context, { sessionId: 4711, sessionEpoch: 3 }),
  ),
  ...questions('leaving a session that nobody knows', fetch, [11, 11], (context) =>
    fetchFrom(context, { sessionId: 4711, sessionEpoch: -1 }),
  ),
  ...questions('without a session', fetch, [11, 11], (context) =>
    fetchFrom(context, { sessionId: 0, sessionEpoch: -1 }),
  ),
  ...questions('opening a session', fetch, [11, 11], (context) =>
    fetchFrom(context, { sessionId: 0, sessionEpoch: 0 }),
  ),
  ...questions('nothing', fetch, [11, 11], (context) => ({ ...fetchFrom(context, {}), topics: [] })),
]

const offsetAt =
  (timestamp: bigint, more: Record<string, unknown> = {}) =>
  ({ version }: Context) => {
    const { name = 'kept', partitionIndex = 0, currentLeaderEpoch, ...whole } = more
    return {
      replicaId: -1,
      ...(version >= 2 ? { isolationLevel: 0 } : {}),
      topics: [
        {
          name: name as string,
          partitions: [
            {
              partitionIndex: partitionIndex as number,
              timestamp,
              ...(currentLeaderEpoch === undefined
                ? {}
                : { currentLeaderEpoch: currentLeaderEpoch as number }),
            },
          ],
        },
      ],
      ...whole,
    } as never
  }

const listed: Question[] = [
  ...[0n, 2500n, 3000n, 9_000_000_000_000n].flatMap((timestamp) =>
    questions(`of timestamp ${timestamp}`, listOffsets, [1, 11], offsetAt(timestamp)),
  ),
  ...[-1n, -2n, -3n, -4n, -5n, -6n, -7n].flatMap((timestamp) =>
    questions(`of special timestamp ${timestamp}`, listOffsets, [1, 11], offsetAt(timestamp)),
  ),
  ...[-1n, -3n, 0n].flatMap((timestamp) =>
    questions(
      `of ${timestamp} in an empty partition`,
      listOffsets,
      [8, 8],
      offsetAt(timestamp, { partitionIndex: 1 }),
    ),
  ),
  ...questions('unknown topic', listOffsets, [1, 11], offsetAt(-1n, { name: 'unknown' })),
  ...questions('unknown partition', listOffsets, [5, 5], offsetAt(-1n, { partitionIndex: 9 })),
  ...questions('a later leader epoch', listOffsets, [5, 5], offsetAt(-1n, { currentLeaderEpoch: 9 })),
  ...questions('read committed', listOffsets, [5, 5], offsetAt(-1n, { isolationLevel: 1 })),
  ...questions('as a replica', listOffsets, [5, 5], offsetAt(-1n, { replicaId: 2 })),
]

const epoch =
  (leaderEpoch: number, more: { topic?: string; currentLeaderEpoch?: number } = {}) =>
  () => ({
    replicaId: -1,
    topics: [
      {
        topic: more.topic ?? 'kept',
        partitions: [{ partition: 0, leaderEpoch, currentLeaderEpoch: more.currentLeaderEpoch ?? -1 }],
      },
    ],
  })

const epochs: Question[] = [
  ...questions('epoch 0', offsetForLeaderEpoch, [3, 4], epoch(0)),
  ...questions('a later epoch', offsetForLeaderEpoch, [3, 4], epoch(5)),
  ...questions('a negative epoch', offsetForLeaderEpoch, [4, 4], epoch(-1)),
  ...questions('a later current epoch', offsetForLeaderEpoch, [4, 4], epoch(0, { currentLeaderEpoch: 9 })),
  ...questions('unknown topic', offsetForLeaderEpoch, [4, 4], epoch(0, { topic: 'unknown' })),
]

const deleteUpTo =
  (offset: bigint, name = 'doomed') =>
  () => ({
    topics: [{ name, partitions: [{ partitionIndex: 0, offset }] }],
    timeoutMs: 3000,
  })

const deleted: Question[] = [
  ...questions('beyond the end', deleteRecords, [0, 2], deleteUpTo(99n)),
  ...questions('a negative offset', deleteRecords, [2, 2], deleteUpTo(-2n)),
  ...questions('unknown topic', deleteRecords, [2, 2], deleteUpTo(0n, 'unknown')),
  ...questions('of an internal topic', deleteRecords, [2, 2], deleteUpTo(0n, '__consumer_offsets')),
  ...questions('of a compacted topic', deleteRecords, [2, 2], deleteUpTo(0n, 'compacted')),
  ...questions('up to 2', deleteRecords, [2, 2], deleteUpTo(2n)),
  ...questions('up to the end', deleteRecords, [2, 2], deleteUpTo(-1n)),
]

export const dataQuestions: readonly Question[] = [...fetched, ...listed, ...epochs, ...deleted, ...produced]
