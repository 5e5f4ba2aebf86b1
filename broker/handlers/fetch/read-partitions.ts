// One pass over the partitions of a fetch: what is read of each, by the size limits of KIP-74. Partitions are
// filled in order, whole batches only, and the first that has any gives one however large it is.
//
// A partition that does not exist is answered so, after all others, and ends no wait for them: a consumer that has
// not yet heard of a deletion would ask without a pause. Source: KafkaApis.handleFetchRequest, ReplicaManager.readFromLog.

import type { ReadOptions } from '../../partition/partition-api.ts'
import type { Partition } from '../../partition/partition.ts'
import { type ErrorCode, errorCodes } from '../../protocol/errors.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { PartitionDirectory } from '../context.ts'
import type { AnsweredPartition, PartitionAnswer, WantedPartition } from './session.ts'

export interface PassOptions {
  directory: PartitionDirectory
  isolation: ReadOptions['isolation']
  /** Of the whole reply. */
  maxBytes: number
  minBytes: number
  /** Somebody who says that it is a replica: no other broker is one of ours. */
  isFromFollower: boolean
  /** Whether the client knows this much already: then a partition without records needs no answer. */
  isKnown(wanted: WantedPartition, highWatermark: bigint, logStartOffset: bigint): boolean
  /** Memory for the bytes that are read; whoever sends the reply gives it back. */
  allocate?: (sizeInBytes: number) => Buffer
}

export interface FetchPass {
  answered: AnsweredPartition[]
  /** Enough bytes, or an error or an offset that is ahead: the client must hear of it now. */
  isComplete: boolean
  partitions: Partition[]
  /** Of each partition, as they were when it was looked at: high watermark, last stable offset. */
  watermarks: bigint[]
  /** How many more bytes would be enough. */
  missingBytes: number
}

export async function readPartitions(
  wanted: readonly WantedPartition[],
  options: PassOptions,
): Promise<FetchPass> {
  const { directory, maxBytes, minBytes, isolation } = options
  const answered: AnsweredPartition[] = []
  /** Ids that no topic has, told before other refusals. */
  const strange: AnsweredPartition[] = []
  const refused: AnsweredPartition[] = []
  const partitions: Partition[] = []
  const watermarks: bigint[] = []
  let roomInBytes = maxBytes
  let sizeInBytes = 0
  let readableBytes = 0
  let hasError = false
  let isAhead = false
  for (const each of wanted) {
    const partition = each.topic === undefined ? undefined : directory.partition(each.topic, each.partition)
    if (partition === undefined) {
      const list = each.topic === undefined && !options.isFromFollower ? strange : refused
      list.push({ wanted: each, answer: unknown(each) })
      continue
    }
    partitions.push(partition)
    const { highWatermark, lastStableOffset } = partition
    watermarks.push(highWatermark, lastStableOffset)
    const refusal = refusalOf(partition, each, options)
    if (refusal !== undefined) {
      hasError = true
      answered.push({ wanted: each, answer: refusal })
      continue
    }
    // Most partitions of most fetches: at the end, and nothing has happened.
    const { fetchOffset, currentLeaderEpoch } = each
    if (
      fetchOffset === (isolation === 'read_committed' ? lastStableOffset : highWatermark) &&
      (currentLeaderEpoch < 0 || currentLeaderEpoch === partition.leaderEpoch) &&
      !partition.hasEnded &&
      options.isKnown(each, highWatermark, partition.logStartOffset)
    ) {
      continue
    }
    const limitInBytes = Math.min(each.partitionMaxBytes, roomInBytes)
    const read: ReadOptions = {
      fromOffset: each.fetchOffset,
      maxBytes: Math.max(0, limitInBytes),
      isolation,
      minOneBatch: sizeInBytes === 0 && limitInBytes >= 0,
      currentLeaderEpoch: each.currentLeaderEpoch,
    }
    if (options.allocate !== undefined) read.allocate = options.allocate
    const isHot = partition.isHot(each.fetchOffset)
    const found = isHot ? partition.read(read) : await partition.readOffThread(read)
    const visibleEnd = isolation === 'read_committed' ? found.lastStableOffset : found.highWatermark
    roomInBytes = Math.max(0, roomInBytes - found.records.length)
    // Kafka fails within where there is something to read and less than nothing may be.
    const isAbsurd = limitInBytes < 0 && each.fetchOffset < visibleEnd
    const errorCode = isAbsurd ? errorCodes.UNKNOWN_SERVER_ERROR : found.errorCode
    if (errorCode !== errorCodes.NONE) {
      hasError = true
      answered.push({ wanted: each, answer: emptyAnswer(each.partition, errorCode) })
      continue
    }
    // What is not there yet for this reader is not waited for (DelayedFetch, case F).
    if (each.fetchOffset > visibleEnd) isAhead = true
    const { records, nextOffset } = found
    sizeInBytes += records.length
    // Where there is more than fits, the limit is full: batches are not cut to fill it.
    readableBytes += nextOffset < visibleEnd ? Math.max(records.length, read.maxBytes) : records.length
    answered.push({
      wanted: each,
      answer: {
        partitionIndex: each.partition,
        errorCode: errorCodes.NONE,
        highWatermark: found.highWatermark,
        lastStableOffset: found.lastStableOffset,
        logStartOffset: found.logStartOffset,
        abortedTransactions: found.abortedTransactions,
        records,
      },
    })
  }
  answered.push(...strange, ...refused)
  return {
    answered,
    isComplete: hasError || isAhead || readableBytes >= minBytes || partitions.length === 0,
    partitions,
    watermarks,
    missingBytes: minBytes - readableBytes,
  }
}

/** Whether nothing has become readable since. */
export function isCurrent({ partitions, watermarks }: FetchPass): boolean {
  return partitions.every(
    ({ highWatermark, lastStableOffset }, i) =>
      highWatermark === watermarks[2 * i] && lastStableOffset === watermarks[2 * i + 1],
  )
}

/**
 * Tells, for a pass that is current, when what was appended since may be enough. Without it, each small append would
 * have everything read again that a large `min_bytes` is waiting for.
 */
export function growthOf({ partitions, missingBytes }: FetchPass): { mayBeEnough(): boolean } {
  const bytesOf = (): number => {
    let sum = 0
    for (const { sizeInBytes } of partitions) sum += sizeInBytes
    return sum
  }
  // One byte is enough, or what is there hides behind a watermark: growth tells nothing then.
  const tellsNothing =
    missingBytes <= 1 || partitions.some(({ lastStableOffset, endOffset }) => lastStableOffset < endOffset)
  const before = tellsNothing ? 0 : bytesOf()
  return {
    mayBeEnough(): boolean {
      if (tellsNothing || partitions.some(({ hasEnded }) => hasEnded)) return true
      const grownBy = bytesOf() - before
      // Less than before: old segments were deleted meanwhile.
      return grownBy < 0 || grownBy >= missingBytes
    },
  }
}

/** The answer where nothing is read: another topic has the name by now, no replica asks, the log was cut. */
function refusalOf(
  partition: Partition,
  wanted: WantedPartition,
  { isFromFollower }: PassOptions,
): PartitionAnswer | undefined {
  const { topicId, currentLeaderEpoch } = wanted
  if (topicId !== partition.topicId && topicId !== ZERO_UUID) {
    return emptyAnswer(wanted.partition, errorCodes.INCONSISTENT_TOPIC_ID)
  }
  if (isFromFollower && !partition.hasEnded) {
    const claimed = currentLeaderEpoch < 0 || currentLeaderEpoch === partition.leaderEpoch
    // Who knows the leader's epoch is taken for a replica that this broker has not heard of yet.
    if (claimed) {
      const isByEpoch = currentLeaderEpoch >= 0
      return emptyAnswer(
        wanted.partition,
        isByEpoch ? errorCodes.UNKNOWN_LEADER_EPOCH : errorCodes.NOT_LEADER_OR_FOLLOWER,
      )
    }
  }
  return wanted.lastFetchedEpoch < 0 ? undefined : divergence(partition, wanted)
}

/** What the client fetched last may have been cut off since (KIP-320, KIP-595): it is told where to go back to. */
function divergence(partition: Partition, wanted: WantedPartition): PartitionAnswer | undefined {
  const { lastFetchedEpoch, fetchOffset, currentLeaderEpoch } = wanted
  const known = partition.offsetForLeaderEpoch(lastFetchedEpoch, currentLeaderEpoch)
  if (known.errorCode !== errorCodes.NONE) return emptyAnswer(wanted.partition, known.errorCode)
  if (known.leaderEpoch < 0) return emptyAnswer(wanted.partition, errorCodes.OFFSET_OUT_OF_RANGE)
  if (known.leaderEpoch >= lastFetchedEpoch && known.endOffset >= fetchOffset) return undefined
  const { highWatermark, lastStableOffset, logStartOffset } = partition
  return {
    ...emptyAnswer(wanted.partition, errorCodes.NONE),
    highWatermark,
    lastStableOffset,
    logStartOffset,
    divergingEpoch: { epoch: known.leaderEpoch, endOffset: known.endOffset },
  }
}

const NOTHING = Buffer.alloc(0)

function emptyAnswer(partitionIndex: number, errorCode: ErrorCode): PartitionAnswer {
  return {
    partitionIndex,
    errorCode,
    highWatermark: -1n,
    lastStableOffset: -1n,
    logStartOffset: -1n,
    abortedTransactions: null,
    records: NOTHING,
  }
}

/** The answer that no log was asked for. Not null there: Kafka leaves the schema's default. */
export function refusedAnswer(partition: number, errorCode: ErrorCode): PartitionAnswer {
  return { ...emptyAnswer(partition, errorCode), abortedTransactions: [] }
}

function unknown({ topic, partition }: WantedPartition): PartitionAnswer {
  return refusedAnswer(
    partition,
    topic === undefined ? errorCodes.UNKNOWN_TOPIC_ID : errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  )
}
