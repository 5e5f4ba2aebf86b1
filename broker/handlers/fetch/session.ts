// An incremental fetch session (KIP-227): the partitions that a client fetches, kept so that a request names only
// what changes and a reply only what is new.
//
// Rule kept: the replies of a session, one laid over the other, say of every partition what a full reply would.
// The order of the partitions is the order in which they are read; who gave records goes to the end, so that with
// a small limit everybody's turn comes. Source: FetchSession, FetchContext.IncrementalFetchContext.

import { errorCodes } from '../../protocol/errors.ts'
import type { Response } from '../context.ts'

export type PartitionAnswer = Response<'Fetch'>['responses'][number]['partitions'][number]

/** What is asked of one partition. */
export interface WantedPartition {
  /** Of the topic's id where topics go by id, so that it stays when a name becomes known; else of its name. */
  readonly key: string
  /** Undefined: no topic of that id is known. */
  topic: string | undefined
  /** ZERO_UUID where topics go by name. */
  readonly topicId: string
  readonly partition: number
  fetchOffset: bigint
  partitionMaxBytes: number
  currentLeaderEpoch: number
  lastFetchedEpoch: number
}

/** One partition and its answer, as it is read. */
export interface AnsweredPartition<W extends WantedPartition = WantedPartition> {
  readonly wanted: W
  readonly answer: PartitionAnswer
}

export interface SessionPartition extends WantedPartition {
  /** As the client was last told; -1: it was not, or it was told an error. */
  highWatermark: bigint
  logStartOffset: bigint
}

export function partitionKey(topicIdOrName: string, partition: number): string {
  return `${partition}:${topicIdOrName}`
}

/** Bytes that a partition holds in memory, about; a name counts as often as it is kept. */
const PARTITION_BYTES = 320

export class FetchSession {
  readonly id: number
  /** A follower's: it makes way last. */
  readonly isPrivileged: boolean
  readonly usesTopicIds: boolean
  readonly createdMs: number
  lastUsedMs: number
  /** Of the request that comes next. */
  epoch = 1
  private readonly byKey = new Map<string, SessionPartition>()
  private bytes = 0

  constructor(id: number, isPrivileged: boolean, usesTopicIds: boolean, nowMs: number) {
    this.id = id
    this.isPrivileged = isPrivileged
    this.usesTopicIds = usesTopicIds
    this.createdMs = nowMs
    this.lastUsedMs = nowMs
  }

  get size(): number {
    return this.byKey.size
  }

  get sizeInBytes(): number {
    return this.bytes
  }

  /** In the order in which they are to be read. */
  partitions(): SessionPartition[] {
    return [...this.byKey.values()]
  }

  /** Adds a partition, at the end, or changes what is asked of it. */
  want(wanted: WantedPartition): void {
    const known = this.byKey.get(wanted.key)
    if (known === undefined) {
      this.add(wanted, -1n, -1n)
      return
    }
    known.fetchOffset = wanted.fetchOffset
    known.partitionMaxBytes = wanted.partitionMaxBytes
    known.currentLeaderEpoch = wanted.currentLeaderEpoch
    known.lastFetchedEpoch = wanted.lastFetchedEpoch
  }

  forget(key: string): void {
    const known = this.byKey.get(key)
    if (known === undefined) return
    this.byKey.delete(key)
    this.bytes -= bytesOf(known)
  }

  /** Adds a partition, at the end, whose answer the client has been told as a whole. */
  add(wanted: WantedPartition, highWatermark: bigint, logStartOffset: bigint): void {
    this.byKey.set(wanted.key, { ...wanted, highWatermark, logStartOffset })
    this.bytes += bytesOf(wanted)
  }

  /** Takes an answer that is news as told. Who gave records goes to the end. */
  told(known: SessionPartition, answer: PartitionAnswer): void {
    // When the error goes away, that is news whatever the watermark is.
    known.highWatermark = answer.errorCode === errorCodes.NONE ? answer.highWatermark : -1n
    known.logStartOffset = answer.logStartOffset ?? -1n
    if (recordBytes(answer) === 0) return
    this.byKey.delete(known.key)
    this.byKey.set(known.key, known)
  }
}

/** Whether the client has to hear of the answer. */
export function isNews(known: SessionPartition, answer: PartitionAnswer): boolean {
  return (
    recordBytes(answer) > 0 ||
    known.highWatermark !== answer.highWatermark ||
    known.logStartOffset !== (answer.logStartOffset ?? -1n) ||
    answer.errorCode !== errorCodes.NONE ||
    (answer.preferredReadReplica ?? -1) !== -1 ||
    (answer.divergingEpoch?.epoch ?? -1) >= 0
  )
}

function recordBytes({ records }: PartitionAnswer): number {
  return records?.length ?? 0
}

function bytesOf({ key, topic }: WantedPartition): number {
  return PARTITION_BYTES + 2 * (key.length + (topic?.length ?? 0))
}
