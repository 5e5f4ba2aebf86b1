// One planned range fetched from the leader of its partition, reply after reply, as a read_committed consumer
// without a session.

import { fetch } from '../broker/protocol/apis/fetch.ts'
import { errorCodes } from '../broker/protocol/errors.ts'
import type { LogRange } from '../processor/ports.ts'
import type { BrokerConnection } from './connection.ts'
import { KafkaError } from './errors.ts'
import { takeBatches } from './taken-batches.ts'

const READ_COMMITTED = 1
/** A whole Fetch of Kafka's consumer: fetch.max.bytes; the first batch comes whole, however large. */
const REPLY_BYTES = 8 * 1024 * 1024
/** From this version on topics go by their ids (KIP-516). */
const BY_TOPIC_ID = 13
const LAST_BY_NAME = 12
const WAIT_MS = 500

export interface FetchedLog {
  readonly topic: string
  readonly partition: number
  /** '' where the broker has no topic ids. */
  readonly topicId: string
}

/** Hands on each batch with the offset behind it. Resolves when the range is whole; throws KafkaError. */
export async function fetchRange(
  connection: BrokerConnection,
  { topic, partition, topicId }: FetchedLog,
  { from, until }: LogRange,
  take: (batch: Buffer, nextOffset: bigint) => void,
): Promise<void> {
  const version = connection.versionOf(fetch, topicId === '' ? LAST_BY_NAME : 17)
  const name = version < BY_TOPIC_ID ? { topic } : { topicId }
  const what = `Fetch of ${topic}-${partition}`
  for (let fetchOffset = from; fetchOffset < until; ) {
    const answer = await connection.request(fetch, version, {
      maxWaitMs: WAIT_MS,
      minBytes: 1,
      maxBytes: REPLY_BYTES,
      isolationLevel: READ_COMMITTED,
      topics: [{ ...name, partitions: [{ partition, fetchOffset, partitionMaxBytes: REPLY_BYTES }] }],
      forgottenTopicsData: [],
    })
    if (answer.errorCode !== errorCodes.NONE) throw new KafkaError(answer.errorCode, what)
    const found = answer.responses[0]?.partitions[0]
    // A client over its quota is answered with nothing.
    if (found === undefined) throw new KafkaError(errorCodes.REQUEST_TIMED_OUT, `${what}: no answer`)
    if (found.errorCode !== errorCodes.NONE) throw new KafkaError(found.errorCode, what)
    const records = found.records ?? NOTHING
    const { batches, nextOffset } = takeBatches(records, found.abortedTransactions ?? [], fetchOffset, until)
    for (const batch of batches) take(batch, nextOffset)
    if (nextOffset > fetchOffset) fetchOffset = nextOffset
    // Behind a compacted tail there is nothing to come, though offsets go on.
    else if (records.length === 0 && found.lastStableOffset >= until) return
    else
      throw new KafkaError(
        errorCodes.REQUEST_TIMED_OUT,
        `${what}: nothing came from offset ${fetchOffset} on`,
      )
  }
}

const NOTHING = Buffer.alloc(0)
