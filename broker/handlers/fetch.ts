// Fetch, versions 4-18: bytes of the segment, undecoded.
//
// A fetch that finds less than `min_bytes` waits for a partition to advance or for `max_wait_ms`, without
// polling: the partitions it names call back (Kafka: DelayedFetch). What it names stands in a session or not
// (fetch/fetch-context.ts); what is read of it is in fetch/read-partitions.ts.

import { errorCodes } from '../protocol/errors.ts'
import { ZERO_UUID } from '../protocol/schema.ts'
import type { Clock } from '../time/clock.ts'
import { AdvanceSignal } from './advance-signal.ts'
import { type BrokerAddress, type ClusterView, reachable } from './cluster-view.ts'
import type { PartitionDirectory, Request, RequestContext, Response } from './context.ts'
import { type FetchContext, fetchContext, type SessionReply } from './fetch/fetch-context.ts'
import {
  type FetchPass,
  growthOf,
  isCurrent,
  type PassOptions,
  readPartitions,
  refusedAnswer,
} from './fetch/read-partitions.ts'
import type { AnsweredPartition, PartitionAnswer } from './fetch/session.ts'
import type { SessionCache } from './fetch/session-cache.ts'
import type { RequestQuotas } from './request-quota.ts'

type FetchRequest = Request<'Fetch'>
type FetchResponse = Response<'Fetch'>
type TopicResponse = FetchResponse['responses'][number]

const REPLICA_STATE_FROM = 15
/** From here on a client that asked the wrong leader is told the right one (KIP-951). */
const CURRENT_LEADER_FROM = 16
/** From here on an error of the whole request is not repeated for each partition. */
const ERROR_ALONE_FROM = 13
/** Older clients do not know KAFKA_STORAGE_ERROR, and would not come back. */
const STORAGE_ERROR_FROM = 6

export interface FetchServices {
  directory: PartitionDirectory
  clock: Clock
  sessions: SessionCache
  cluster: Pick<ClusterView, 'image' | 'address'>
  /** fetch.max.bytes: the broker's own bound on a response. */
  fetchMaxBytes: number
  /** Followers have none. */
  quota: Pick<RequestQuotas, 'fetchMaxBytes' | 'recordFetch'>
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
  const { directory, clock, sessions } = services
  const { apiVersion } = context
  const replicaId = apiVersion < REPLICA_STATE_FROM ? request.replicaId : request.replicaState.replicaId
  const isFromFollower = replicaId >= 0
  if (request.isolationLevel !== 0 && request.isolationLevel !== 1) return failedWithin(request, apiVersion)
  const asked = fetchContext(sessions, request, {
    apiVersion,
    isFromFollower,
    topicName: (topicId) => directory.topicName(topicId),
    nowMs: clock.now(),
  })
  const quotaBytes = isFromFollower ? Infinity : services.quota.fetchMaxBytes(context)
  const maxBytes = Math.min(request.maxBytes, services.fetchMaxBytes, quotaBytes)
  const options: PassOptions = {
    directory,
    isolation: request.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted',
    maxBytes,
    // More than may be answered cannot be waited for.
    minBytes: Math.min(request.minBytes, maxBytes),
    isFromFollower,
    isKnown: asked.isKnown,
  }
  if (services.allocate !== undefined) options.allocate = services.allocate
  const { answered } = await readOrWait(asked, request.maxWaitMs, options, services)
  const throttleTimeMs = isFromFollower
    ? 0
    : services.quota.recordFetch(context, () => bytesOf(asked.news(answered)))
  // What was read is not sent, nor taken as told: it is read again after the silence.
  if (throttleTimeMs > 0) return { ...respond(asked.emptyReply(), context, services), throttleTimeMs }
  const response = respond(asked.answer(answered, clock.now()), context, services)
  return isFromFollower ? { ...response, nodeEndpoints: [] } : response
}

async function readOrWait(
  { wanted }: FetchContext,
  maxWaitMs: number,
  options: PassOptions,
  { clock, stopping }: FetchServices,
): Promise<FetchPass> {
  let pass = await readPartitions(wanted, options)
  if (pass.isComplete || maxWaitMs <= 0) return pass
  const signal = new AdvanceSignal(pass.partitions, clock, maxWaitMs, stopping)
  try {
    while (!pass.isComplete && !signal.isOver) {
      // What advanced before the subscription, or while bytes were read, is not called back for.
      if (isCurrent(pass)) {
        const growth = growthOf(pass)
        do await signal.next()
        while (!signal.isOver && !growth.mayBeEnough())
      }
      pass = await readPartitions(wanted, options)
    }
    return pass
  } finally {
    signal.close()
  }
}

function bytesOf(answered: readonly AnsweredPartition[]): number {
  return answered.reduce((sum, { answer }) => sum + (answer.records?.length ?? 0), 0)
}

/** Neighbours of one topic stand together, and the order stays: it is the order in which they were read. */
function respond(
  { errorCode, sessionId, answered }: SessionReply,
  context: RequestContext,
  services: FetchServices,
): FetchResponse {
  const responses: TopicResponse[] = []
  const nodeEndpoints: BrokerAddress[] = []
  let topicKey: string | undefined
  let partitions: PartitionAnswer[] = []
  for (const { wanted, answer } of answered) {
    const key = wanted.topicId === ZERO_UUID ? wanted.topic : wanted.topicId
    if (key !== topicKey) {
      topicKey = key
      partitions = []
      responses.push({ topic: wanted.topic ?? '', topicId: wanted.topicId, partitions })
    }
    partitions.push(
      answer.errorCode === errorCodes.NONE
        ? answer
        : explained({ wanted, answer }, context, services, nodeEndpoints),
    )
  }
  return { errorCode, sessionId, responses, nodeEndpoints }
}

/** An error as this version of the client understands it, with the leader that it should have asked. */
function explained(
  { wanted, answer }: AnsweredPartition,
  { apiVersion, connection }: RequestContext,
  { cluster }: FetchServices,
  nodeEndpoints: BrokerAddress[],
): PartitionAnswer {
  const { errorCode } = answer
  if (errorCode === errorCodes.KAFKA_STORAGE_ERROR && apiVersion < STORAGE_ERROR_FROM) {
    return { ...answer, errorCode: errorCodes.NOT_LEADER_OR_FOLLOWER }
  }
  const isWrongLeader =
    errorCode === errorCodes.NOT_LEADER_OR_FOLLOWER || errorCode === errorCodes.FENCED_LEADER_EPOCH
  if (apiVersion < CURRENT_LEADER_FROM || !isWrongLeader || wanted.topic === undefined) return answer
  const partition = cluster.image.partition(wanted.topic, wanted.partition)
  if (partition === undefined) return answer
  const { leader: leaderId, leaderEpoch } = partition
  const node = reachable(cluster, leaderId, connection)
  const isNew = !nodeEndpoints.some(({ nodeId }) => nodeId === leaderId)
  if (node !== undefined && isNew) nodeEndpoints.push(node)
  return { ...answer, currentLeader: { leaderId, leaderEpoch } }
}

/** What Kafka answers where its own code throws, here for an isolation level that there is not. */
function failedWithin({ sessionId, topics }: FetchRequest, apiVersion: number): FetchResponse {
  const errorCode = errorCodes.UNKNOWN_SERVER_ERROR
  if (apiVersion >= ERROR_ALONE_FROM) return { errorCode, sessionId, responses: [] }
  const responses = topics.map(
    ({ topic, partitions }): TopicResponse => ({
      topic,
      partitions: partitions.map(({ partition }) => refusedAnswer(partition, errorCode)),
    }),
  )
  return { errorCode, sessionId, responses }
}
