// The codec that is generated from schemas against one written by hand for four messages. Both are first
// shown to agree on the very bytes that are measured.

import { fetch } from '../../../broker/protocol/apis/fetch.ts'
import { offsetCommit } from '../../../broker/protocol/apis/offset-commit.ts'
import { produce } from '../../../broker/protocol/apis/produce.ts'
import { decodeRequest, encodeRequest, encodeResponse } from '../../../broker/protocol/codec.ts'
import { buildBatches } from '../batches.ts'
import type { Figure, Outcome } from '../figure.ts'
import {
  decodeOffsetCommit,
  decodeProduce,
  encodeFetchAnswer,
  encodeProduceAnswer,
  type FetchAnswer,
  type ProduceAnswer,
} from '../reference/hand-codec.ts'
import { alternate } from '../rounds.ts'
import { roundsOf, type SuiteContext } from '../suite.ts'

const PRODUCE_VERSION = 9
const FETCH_VERSION = 12
const OFFSET_COMMIT_VERSION = 8
const CALLS = 200
const K = 1e3

interface Pair {
  name: string
  ours: () => unknown
  hand: () => unknown
}

export async function codec(context: SuiteContext): Promise<Outcome[]> {
  const figures: Figure[] = []
  for (const { name, ours, hand } of pairs()) {
    assertSame(name, ours(), hand())
    const measured = await alternate({ hand: repeat(hand), ours: repeat(ours) }, roundsOf(context))
    figures.push({
      suite: 'codec',
      name,
      unit: 'k messages/s',
      better: 'more',
      value: measured.ours.best / K,
      reference: { name: 'written by hand', value: measured.hand.best / K },
      noise: measured.ours.noise,
    })
  }
  return figures
}

function repeat(work: () => unknown): () => number {
  return () => {
    for (let i = 0; i < CALLS; i++) work()
    return CALLS
  }
}

function pairs(): Pair[] {
  const [records] = buildBatches({ valueBytes: 100, records: 150 }, 1, 1_700_000_000_000) as [Buffer]
  const produceBytes = Buffer.concat(
    encodeRequest(produce, PRODUCE_VERSION, {
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ name: 'orders', partitionData: [{ index: 3, records }] }],
    }),
  )
  const commitBytes = Buffer.concat(
    encodeRequest(offsetCommit, OFFSET_COMMIT_VERSION, {
      groupId: 'billing',
      generationIdOrMemberEpoch: 7,
      memberId: 'billing-1-2f6e0d2c-6f0c-4f2e-9d55-0c6d0a6c2f11',
      groupInstanceId: null,
      topics: [
        {
          name: 'orders',
          partitions: Array.from({ length: 200 }, (_, partitionIndex) => ({
            partitionIndex,
            committedOffset: BigInt(1_000_000 + partitionIndex),
            committedLeaderEpoch: 4,
            committedMetadata: '',
          })),
        },
      ],
    }),
  )
  const produceAnswer: ProduceAnswer = {
    responses: [
      {
        name: 'orders',
        partitionResponses: [
          { index: 3, errorCode: 0, baseOffset: 81_234n, logAppendTimeMs: -1n, logStartOffset: 0n },
        ],
      },
    ],
  }
  const fetchAnswer: FetchAnswer = {
    topic: 'orders',
    partitions: Array.from({ length: 4 }, (_, partitionIndex) => ({
      partitionIndex,
      highWatermark: 90_000n,
      lastStableOffset: 90_000n,
      logStartOffset: 0n,
      records,
    })),
  }
  const fetchBody = {
    errorCode: 0,
    sessionId: 0,
    responses: [
      {
        topic: fetchAnswer.topic,
        partitions: fetchAnswer.partitions.map((partition) => ({
          ...partition,
          errorCode: 0,
          abortedTransactions: null,
        })),
      },
    ],
  }
  return [
    {
      name: 'Produce request, 16 KB of records, decode',
      ours: () => decodeRequest(produce, PRODUCE_VERSION, produceBytes),
      hand: () => decodeProduce(produceBytes, 0),
    },
    {
      name: 'Produce response, encode',
      ours: () => encodeResponse(produce, PRODUCE_VERSION, produceAnswer),
      hand: () => encodeProduceAnswer(produceAnswer),
    },
    {
      name: 'Fetch response, 4 partitions, encode',
      ours: () => encodeResponse(fetch, FETCH_VERSION, fetchBody),
      hand: () => encodeFetchAnswer(fetchAnswer),
    },
    {
      name: 'OffsetCommit request, 200 partitions, decode',
      ours: () => decodeRequest(offsetCommit, OFFSET_COMMIT_VERSION, commitBytes),
      hand: () => decodeOffsetCommit(commitBytes, 0),
    },
  ]
}

/** Bytes must be equal; of decoded messages, what the hand-written codec knows of them. */
function assertSame(name: string, ours: unknown, hand: unknown): void {
  const [left, right] = [comparable(ours), comparable(hand)]
  if (left === right) return
  throw new Error(`${name}: the two codecs do not agree\n${left.slice(0, 300)}\n${right.slice(0, 300)}`)
}

function comparable(value: unknown): string {
  if (Array.isArray(value) && value.every((chunk) => chunk instanceof Uint8Array)) {
    return Buffer.concat(value as Uint8Array[]).toString('hex')
  }
  const known = new Set(
    'acks timeoutMs topicData partitionData index topics partitions partitionIndex committedOffset committedMetadata groupId memberId'.split(
      ' ',
    ),
  )
  return JSON.stringify(value, (key, field: unknown) => {
    if (field instanceof Uint8Array) return Buffer.from(field).toString('hex')
    if (key !== '' && !known.has(key) && !/^\d+$/.test(key)) return undefined
    return typeof field === 'bigint' ? String(field) : field
  })
}
