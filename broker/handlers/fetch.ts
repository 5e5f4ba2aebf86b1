// Fetch, versions 4-18: bytes of the segment, undecoded.
//
// A fetch that finds less than `min_bytes` waits for a partition to advance or for `max_wait_ms`, without
// polling: the partitions it names call back (Kafka: DelayedFetch). Size limits are KIP-74's: partitions are
// filled in request order, and at least one whole batch is answered even where it is larger than every limit.
// Fetch sessions (KIP-227) are not kept: session id 0 tells the client to go on with full requests.
// A partition that does not exist is answered so, but ends no wait for the others: a consumer that has not yet
// heard of a deletion would ask without a pause.

import type { ReadOptions } from '../partition/partition-api.ts'
import type { Partition } from '../partition/partition.ts'
import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import type { Clock } from '../time/clock.ts'
import { AdvanceSignal } from './advance-signal.ts'
import type { PartitionDirectory, Request, RequestContext, Response } from './context.ts'
import { resolveTopic } from './topic-names.ts'

type FetchRequest = Request<'Fetch'>
type FetchResponse = Response<'Fetch'>
type TopicResponse = FetchResponse['responses'][number]
type PartitionRequest = FetchRequest['topics'][number]['partitions'][number]
type PartitionResponse = TopicResponse['partitions'][number]

const BY_TOPIC_ID_FROM = 13
/** Session epochs of a request that names all that it wants (FetchMetadata.isFull). */
const FULL_EPOCHS: readonly number[] = [0, -1]

export interface FetchServices {
  directory: PartitionDirectory
  clock: Clock
  /** fetch.max.bytes: the broker's own bound on a response. */
  fetchMaxBytes: number
  /** Resolves early when the broker stops, so that no fetch outlives it. */
  stopping: AbortSignal
  /** Memory for the bytes that are read; whoever sends the reply gives it back. */
  allocate?: (sizeInBytes: number) => Buffer
}

export async function handleFetch(
  request: FetchRequest,
  context: RequestContext,
  services: FetchServices,
): Promise<FetchResponse> {
  if (!FULL_EPOCHS.includes(request.sessionEpoch)) {
    return { errorCode: errorCodes.FETCH_SESSION_ID_NOT_FOUND, sessionId: 0, responses: [] }
  }
  let pass = await readAll(request, context, services)
  if (pass.isComplete || request.maxWaitMs <= 0) return pass.response
  const signal = new AdvanceSignal(pass.partitions, services.clock, request.maxWaitMs, services.stopping)
  try {
    // An advance between the first pass and the subscription would otherwise be missed.
    if (watermarksOf(pass.partitions) !== pass.watermarks) pass = await readAll(request, context, services)
    while (!pass.isComplete && !signal.isOver) {
      await signal.next()
      if (signal.isOver || mayBeComplete(pass)) pass = await readAll(request, context, services)
    }
    return pass.response
  } finally {
    signal.close()
  }
}

/** One pass over the request's partitions. */
interface FetchPass {
  response: FetchResponse
  /** Enough bytes, or an error that the client must hear of now. */
  isComplete: boolean
  partitions: Partition[]
  watermarks: bigint
  /** How many more bytes would be enough. */
  missingBytes: number
  /** Of the partitions' logs; nothing was hidden behind a watermark, or it is -1. */
  logBytes: number
}

async function readAll(
  request: FetchRequest,
  context: RequestContext,
  services: FetchServices,
): Promise<FetchPass> {
  const maxBytes = Math.max(0, Math.min(request.maxBytes, services.fetchMaxBytes))
  // More than may be answered cannot be waited for.
  const minBytes = Math.min(request.minBytes, maxBytes)
  const partitions: Partition[] = []
  let watermarks = 0n
  let logBytes = 0
  let sizeInBytes = 0
  let readableBytes = 0
  let hasError = false
  const responses: TopicResponse[] = []
  for (const topic of request.topics) {
    const given = { name: topic.topic, topicId: topic.topicId }
    const resolved = resolveTopic(services.directory, given, context.apiVersion >= BY_TOPIC_ID_FROM)
    const answers: PartitionResponse[] = []
    for (const wanted of topic.partitions) {
      const partition = services.directory.partition(resolved.name, wanted.partition)
      if (partition === undefined) {
        const isKnown = resolved.errorCode === errorCodes.NONE
        const errorCode = isKnown ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : resolved.errorCode
        // Not null here: Kafka leaves the schema's default in an answer that no log was asked for.
        answers.push({ ...emptyAnswer(wanted.partition, errorCode), abortedTransactions: [] })
        continue
      }
      partitions.push(partition)
      watermarks += watermarksOf([partition])
      logBytes = logBytes < 0 || hidesRecords(partition) ? -1 : logBytes + partition.sizeInBytes
      const read = await readOne(
        partition,
        wanted,
        request,
        maxBytes - sizeInBytes,
        sizeInBytes === 0,
        services,
      )
      hasError ||= read.endsWait
      sizeInBytes += read.sizeInBytes
      readableBytes += read.readableBytes
      answers.push(read.answer)
    }
    responses.push({ topic: resolved.name, topicId: topic.topicId, partitions: answers })
  }
  return {
    response: { errorCode: errorCodes.NONE, sessionId: 0, responses },
    isComplete: hasError || readableBytes >= minBytes || partitions.length === 0,
    partitions,
    watermarks,
    missingBytes: minBytes - readableBytes,
    logBytes,
  }
}

/**
 * False where what was appended since cannot be enough. Without it, each small append would have everything
 * read again that a large `min_bytes` is waiting for.
 */
function mayBeComplete({ partitions, missingBytes, logBytes }: FetchPass): boolean {
  if (logBytes < 0 || partitions.some(({ hasEnded }) => hasEnded)) return true
  const grownBy = partitions.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, -logBytes)
  // Less than before: old segments were deleted meanwhile.
  return grownBy < 0 || grownBy >= missingBytes
}

/** Whether some of the log cannot be read yet, so that its growth does not tell how much became readable. */
function hidesRecords({ lastStableOffset, endOffset }: Partition): boolean {
  return lastStableOffset < endOffset
}

/** Moves whenever something new has become readable in any of them. */
function watermarksOf(partitions: readonly Partition[]): bigint {
  let sum = 0n
  for (const { highWatermark, lastStableOffset } of partitions) sum += highWatermark + lastStableOffset
  return sum
}

interface PartitionPass {
  answer: PartitionResponse
  /** Of the records. */
  sizeInBytes: number
  /** The same, or the whole limit where there is more to read than fits: batches are not cut to fill it. */
  readableBytes: number
  /** The client must hear of it now. */
  endsWait: boolean
}

async function readOne(
  partition: Partition,
  wanted: PartitionRequest,
  request: FetchRequest,
  roomInBytes: number,
  isFirstWithData: boolean,
  { allocate }: FetchServices,
): Promise<PartitionPass> {
  const diverging = divergence(partition, wanted)
  if (diverging !== undefined) return withoutRecords(diverging)
  const options: ReadOptions = {
    fromOffset: wanted.fetchOffset,
    maxBytes: Math.max(0, Math.min(wanted.partitionMaxBytes, roomInBytes)),
    isolation: request.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted',
    minOneBatch: isFirstWithData,
    currentLeaderEpoch: wanted.currentLeaderEpoch,
    ...(allocate === undefined ? {} : { allocate }),
  }
  const isHot = partition.isHot(wanted.fetchOffset)
  const read = isHot ? partition.read(options) : await partition.readOffThread(options)
  const { errorCode, records, highWatermark, lastStableOffset, logStartOffset, abortedTransactions } = read
  if (errorCode !== errorCodes.NONE) return withoutRecords(emptyAnswer(wanted.partition, errorCode))
  const visibleEnd = options.isolation === 'read_committed' ? lastStableOffset : highWatermark
  return {
    answer: {
      partitionIndex: wanted.partition,
      errorCode,
      highWatermark,
      lastStableOffset,
      logStartOffset,
      abortedTransactions,
      records,
    },
    sizeInBytes: records.length,
    readableBytes: read.nextOffset < visibleEnd ? Math.max(records.length, options.maxBytes) : records.length,
    endsWait: false,
  }
}

function withoutRecords(answer: PartitionResponse): PartitionPass {
  return { answer, sizeInBytes: 0, readableBytes: 0, endsWait: true }
}

/** What the client fetched last may have been cut off since (KIP-320, KIP-595): it is told where to go back to. */
function divergence(partition: Partition, wanted: PartitionRequest): PartitionResponse | undefined {
  const { lastFetchedEpoch, fetchOffset, currentLeaderEpoch } = wanted
  if (lastFetchedEpoch < 0) return undefined
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

function emptyAnswer(partitionIndex: number, errorCode: ErrorCode): PartitionResponse {
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
