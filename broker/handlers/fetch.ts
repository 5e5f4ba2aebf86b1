// Fetch, versions 4-18: bytes of the segment, undecoded.
//
// A fetch that finds less than `min_bytes` waits for a partition to advance or for `max_wait_ms`, without
// polling: the partitions it names call back (Kafka: DelayedFetch). Size limits are KIP-74's: partitions are
// filled in request order, and at least one whole batch is answered even where it is larger than every limit.
// Fetch sessions (KIP-227) are not kept: session id 0 tells the client to go on with full requests.

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
/** Older clients cannot read zstd (KIP-110). */
const ZSTD_FROM = 10

export interface FetchServices {
  directory: PartitionDirectory
  clock: Clock
  /** fetch.max.bytes: the broker's own bound on a response. */
  fetchMaxBytes: number
  /** compression.type of the topic is zstd: old clients are told so instead of being sent what they cannot read. */
  isZstdTopic(topic: string): boolean
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
  if (request.sessionId !== 0 && request.sessionEpoch > 0) {
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
      pass = await readAll(request, context, services)
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
}

async function readAll(
  request: FetchRequest,
  context: RequestContext,
  services: FetchServices,
): Promise<FetchPass> {
  const maxBytes = Math.max(0, Math.min(request.maxBytes, services.fetchMaxBytes))
  const partitions: Partition[] = []
  let watermarks = 0n
  let sizeInBytes = 0
  let hasError = false
  const responses: TopicResponse[] = []
  for (const topic of request.topics) {
    const given = { name: topic.topic, topicId: topic.topicId }
    const resolved = resolveTopic(services.directory, given, context.apiVersion >= BY_TOPIC_ID_FROM)
    const answers: PartitionResponse[] = []
    for (const wanted of topic.partitions) {
      const partition = services.directory.partition(resolved.name, wanted.partition)
      const errorCode = refusal(resolved.errorCode, partition, resolved.name, context, services)
      if (errorCode !== errorCodes.NONE || partition === undefined) {
        hasError = true
        answers.push(emptyAnswer(wanted.partition, errorCode))
        continue
      }
      partitions.push(partition)
      watermarks += watermarksOf([partition])
      const answer = await readOne(
        partition,
        wanted,
        request,
        maxBytes - sizeInBytes,
        sizeInBytes === 0,
        services,
      )
      hasError ||= answer.errorCode !== errorCodes.NONE || answer.divergingEpoch !== undefined
      sizeInBytes += sizeOf(answer)
      answers.push(answer)
    }
    responses.push({ topic: resolved.name, topicId: topic.topicId, partitions: answers })
  }
  return {
    response: { errorCode: errorCodes.NONE, sessionId: 0, responses },
    isComplete: hasError || sizeInBytes >= request.minBytes || partitions.length === 0,
    partitions,
    watermarks,
  }
}

/** Moves whenever something new has become readable in any of them. */
function watermarksOf(partitions: readonly Partition[]): bigint {
  let sum = 0n
  for (const { highWatermark, lastStableOffset } of partitions) sum += highWatermark + lastStableOffset
  return sum
}

function refusal(
  resolvedError: ErrorCode,
  partition: Partition | undefined,
  topic: string,
  context: RequestContext,
  services: FetchServices,
): ErrorCode {
  if (resolvedError !== errorCodes.NONE) return resolvedError
  if (partition === undefined) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION
  if (context.apiVersion < ZSTD_FROM && services.isZstdTopic(topic)) {
    return errorCodes.UNSUPPORTED_COMPRESSION_TYPE
  }
  return errorCodes.NONE
}

async function readOne(
  partition: Partition,
  wanted: PartitionRequest,
  request: FetchRequest,
  roomInBytes: number,
  isFirstWithData: boolean,
  { allocate }: FetchServices,
): Promise<PartitionResponse> {
  const diverging = divergence(partition, wanted)
  if (diverging !== undefined) {
    return { ...emptyAnswer(wanted.partition, errorCodes.NONE), divergingEpoch: diverging }
  }
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
  return {
    partitionIndex: wanted.partition,
    errorCode: read.errorCode,
    highWatermark: read.highWatermark,
    lastStableOffset: read.lastStableOffset,
    logStartOffset: read.logStartOffset,
    abortedTransactions: read.abortedTransactions,
    records: read.records,
  }
}

/** What the client fetched last may have been cut off since (KIP-320, KIP-595): it is told where to go back to. */
function divergence(
  partition: Partition,
  wanted: PartitionRequest,
): { epoch: number; endOffset: bigint } | undefined {
  if (wanted.lastFetchedEpoch < 0) return undefined
  const known = partition.offsetForLeaderEpoch(wanted.lastFetchedEpoch)
  if (known.errorCode !== errorCodes.NONE) return undefined
  if (known.leaderEpoch >= wanted.lastFetchedEpoch && known.endOffset >= wanted.fetchOffset) return undefined
  return { epoch: known.leaderEpoch, endOffset: known.endOffset }
}

function emptyAnswer(partitionIndex: number, errorCode: ErrorCode): PartitionResponse {
  return {
    partitionIndex,
    errorCode,
    highWatermark: -1n,
    lastStableOffset: -1n,
    logStartOffset: -1n,
    abortedTransactions: null,
    records: null,
  }
}

function sizeOf(answer: PartitionResponse): number {
  return Buffer.isBuffer(answer.records) ? answer.records.length : 0
}
