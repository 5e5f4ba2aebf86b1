// ShareFetch, versions 1-2 (KIP-932, KIP-1206, KIP-1222): acknowledges what the member is done with, and acquires records
// for it from the partitions of its session. One that finds too little waits for its share partitions to call back,
// never by polling. Order, codes: Kafka's KafkaApis.handleShareFetchRequest, DelayedShareFetch.

import { type ErrorCode, errorCodes } from '../../protocol/errors.ts'
import { lengthOf } from '../../share/record-runs.ts'
import type { SharePartitionLeader } from '../../share/share-partition-leader.ts'
import { INITIAL_EPOCH, type SessionPartition, type ShareSession } from '../../share/share-sessions.ts'
import { AdvanceSignal } from '../advance-signal.ts'
import type { Request, RequestContext, Response } from '../context.ts'
import { type Acknowledged, acknowledgeAll } from './acknowledge.ts'
import {
  acquire,
  type FetchLimits,
  letGo,
  type LockedRead,
  lockAndRead,
  type ReadRequest,
} from './read-records.ts'
import { endIfFinal, memberProblem, partitionOf, type ShareServices } from './services.ts'

type ShareFetchRequest = Request<'ShareFetch'>
type ShareFetchResponse = Response<'ShareFetch'>
type PartitionResponse = ShareFetchResponse['responses'][number]['partitions'][number]

const RENEW_SINCE = 2
const RECORD_LIMIT_MODE = 1
const NOTHING = Buffer.alloc(0)

export async function handleShareFetch(
  request: ShareFetchRequest,
  context: RequestContext,
  services: ShareServices,
): Promise<ShareFetchResponse> {
  const { groupId, memberId, shareSessionEpoch: epoch, topics, forgottenTopicsData, isRenewAck } = request
  const problem = memberProblem(services, groupId, memberId)
  if (problem !== errorCodes.NONE || groupId === null || memberId === null) return refused(problem)
  const knowsRenew = context.apiVersion >= RENEW_SINCE
  const { maxBytes, minBytes, maxRecords, maxWaitMs } = request
  const asksForRecords = maxBytes !== 0 || minBytes !== 0 || maxRecords !== 0 || maxWaitMs !== 0
  if (knowsRenew && isRenewAck && asksForRecords) return refused(errorCodes.INVALID_REQUEST)
  const hasAcknowledgements = topics.some(({ partitions }) =>
    partitions.some(({ acknowledgementBatches }) => acknowledgementBatches.length > 0),
  )
  const session = services.sessions.fetch(
    { groupId, memberId, connection: context.connection },
    epoch,
    topics.flatMap(({ topicId, partitions }) =>
      partitions.map(({ partitionIndex }) => ({ topicId, partition: partitionIndex })),
    ),
    forgottenTopicsData.flatMap(({ topicId, partitions }) =>
      partitions.map((partition) => ({ topicId, partition })),
    ),
    hasAcknowledgements,
  )
  if ('errorCode' in session) {
    if (session.errorCode === errorCodes.SHARE_SESSION_LIMIT_REACHED) await wait(request.maxWaitMs, services)
    return refused(session.errorCode)
  }
  const acknowledging = acknowledgeAll(
    topics,
    { groupId, memberId, knowsRenew, isRenewAck: knowsRenew && isRenewAck },
    services,
  )
  const fetching =
    knowsRenew && isRenewAck
      ? Promise.resolve([])
      : fetchRecords(request, session.session, rotated(session.partitions, epoch), context, services)
  const [fetched, acknowledged] = await Promise.all([fetching, acknowledging])
  endIfFinal(services, epoch, groupId, memberId)
  const answered = answer(fetched, acknowledged, services.settings(groupId).recordLockDurationMs)
  // What was acquired is sent: withheld, it would stay locked, and a delivery would be spent on nothing.
  return { ...answered, throttleTimeMs: services.quota.recordSent(context, () => bytesOf(fetched)) }
}

function bytesOf(fetched: readonly Fetched[]): number {
  return fetched.reduce((sum, { answer: { records } }) => sum + (records?.length ?? 0), 0)
}

interface Fetched {
  place: SessionPartition
  answer: PartitionResponse
}

/** Each partition is the first in its turn, for the first may take all the room. */
function rotated(partitions: readonly SessionPartition[], epoch: number): SessionPartition[] {
  if (epoch < 1 || partitions.length < 2) return [...partitions]
  const at = epoch % partitions.length
  return [...partitions.slice(at), ...partitions.slice(0, at)]
}

async function fetchRecords(
  request: ShareFetchRequest,
  session: ShareSession,
  places: readonly SessionPartition[],
  context: RequestContext,
  services: ShareServices,
): Promise<Fetched[]> {
  const { maxWaitMs, maxRecords, shareSessionEpoch } = request
  const { groupId } = session
  const failed: Fetched[] = []
  const leaders = new Map<SharePartitionLeader, SessionPartition>()
  for (const place of places) {
    const partition = partitionOf(services, place)
    if (typeof partition === 'number') failed.push(failure(place, partition))
    else leaders.set(services.sharePartitions.open({ groupId, ...place }, partition), place)
  }
  const isNothingAsked = leaders.size === 0 || maxRecords <= 0 || request.maxBytes <= 0
  if (isNothingAsked) return failed
  const maxBytes = Math.min(request.maxBytes, services.fetchMaxBytes, services.quota.fetchMaxBytes(context))
  const look = (isOver: boolean, again?: () => void): Promise<Fetched[] | undefined> =>
    lookAtAll({ ...request, maxBytes }, session, leaders, isOver || failed.length > 0, services, again)
  const isInitial = shareSessionEpoch === INITIAL_EPOCH
  const found = await look(maxWaitMs <= 0)
  if (found !== undefined || failed.length > 0 || maxWaitMs <= 0) return [...failed, ...(found ?? [])]
  const { clock, stopping } = services
  const changes = [...leaders.keys()].map((leader) => (moved: () => void) => leader.onChange(moved))
  changes.push((moved) => {
    session.onEnd.add(moved)
    return () => void session.onEnd.delete(moved)
  })
  const partitions = [...leaders.keys()].map(({ partition }) => partition)
  const signal = new AdvanceSignal(partitions, clock, maxWaitMs, stopping, changes)
  try {
    // What changed between the first look and the subscription would otherwise be missed.
    let later = await look(false, signal.poke)
    while (later === undefined && !signal.isOver) {
      await signal.next()
      later = await look(signal.isOver, signal.poke)
    }
    return later ?? (isInitial ? [...leaders.values()].map((place) => failure(place, errorCodes.NONE)) : [])
  } finally {
    signal.close()
    for (const leader of leaders.keys()) leader.forget(signal.poke)
  }
}

/**
 * Undefined: too little, the fetch may wait. `isOver`: what there is, is enough. Nothing where the session has ended:
 * records would be locked for a member that nobody tells of them.
 */
async function lookAtAll(
  request: ShareFetchRequest,
  session: ShareSession,
  leaders: ReadonlyMap<SharePartitionLeader, SessionPartition>,
  isOver: boolean,
  services: ShareServices,
  again?: () => void,
): Promise<Fetched[] | undefined> {
  const { groupId, memberId } = session
  const { isolation } = services.settings(groupId)
  const limits: FetchLimits = {
    memberId,
    isRecordLimit: request.shareAcquireMode === RECORD_LIMIT_MODE,
    batchSize: request.batchSize,
    isolation,
  }
  const { maxBytes, maxRecords } = request
  const minBytes = Math.min(request.minBytes, maxBytes)
  const failed: Fetched[] = []
  const usable: SharePartitionLeader[] = []
  if (!services.sessions.isCurrent(session)) return []
  for (const [leader, place] of leaders) {
    if (leader.failure === undefined) usable.push(leader)
    else failed.push(failure(place, leader.failure.errorCode, leader.failure.errorMessage))
  }
  const { allocate } = services
  const reads = await readAll(usable, { isolation, maxRecords, maxBytes, minBytes, allocate }, again)
  // Reading may have taken a while.
  if (!services.sessions.isCurrent(session)) {
    for (const read of reads) letGo(read)
    return []
  }
  const sizeInBytes = reads.reduce((sum, { records }) => sum + records.length, 0)
  const mustTell = reads.some(({ errorCode }) => errorCode !== errorCodes.NONE) || failed.length > 0
  if (sizeInBytes < minBytes && !mustTell && !isOver) {
    for (const read of reads) letGo(read)
    return undefined
  }
  let left = maxRecords
  const found: Fetched[] = []
  const locked = new Set(reads)
  try {
    for (const read of reads) {
      locked.delete(read)
      const place = leaders.get(read.leader) as SessionPartition
      const { errorCode, records, acquired } = acquire(read, limits, left)
      for (const range of acquired) left -= lengthOf(range)
      if (acquired.length === 0 && errorCode === errorCodes.NONE) continue
      if (acquired.length > 0) services.sessions.served(groupId, memberId, place)
      found.push({
        place,
        answer: { ...emptyAnswer(place.partition, errorCode, null), records, acquiredRecords: acquired },
      })
    }
  } finally {
    // Only where one of them has failed: no lock is left behind.
    for (const read of locked) letGo(read)
  }
  return found.length + failed.length > 0 ? [...failed, ...found] : undefined
}

/** An even part of the bytes for each that has something; the first of them may have a batch that is larger. */
async function readAll(
  leaders: readonly SharePartitionLeader[],
  request: Omit<ReadRequest, 'minOneBatch'>,
  again?: () => void,
): Promise<LockedRead[]> {
  const reads: LockedRead[] = []
  const maxBytes = Math.max(1, Math.floor(request.maxBytes / Math.max(1, leaders.length)))
  try {
    for (const leader of leaders) {
      const minOneBatch = reads.every(({ records }) => records.length === 0)
      const read = await lockAndRead(leader, { ...request, maxBytes, minOneBatch }, again)
      if (read !== undefined) reads.push(read)
    }
  } catch (error) {
    for (const read of reads) letGo(read)
    throw error
  }
  return reads
}

function wait(ms: number, { clock, stopping }: ShareServices): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel()
      stopping.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.setTimer(Math.max(0, ms), end)
    if (stopping.aborted) end()
    else stopping.addEventListener('abort', end)
  })
}

function answer(
  fetched: readonly Fetched[],
  acknowledged: readonly Acknowledged[],
  acquisitionLockTimeoutMs: number,
): ShareFetchResponse {
  const topics = new Map<string, Map<number, PartitionResponse>>()
  const ofTopic = (topicId: string): Map<number, PartitionResponse> => {
    const known = topics.get(topicId) ?? new Map<number, PartitionResponse>()
    topics.set(topicId, known)
    return known
  }
  for (const { place, answer: partition } of fetched) ofTopic(place.topicId).set(place.partition, partition)
  for (const { topicId, partitionIndex, errorCode, errorMessage } of acknowledged) {
    const known = ofTopic(topicId).get(partitionIndex) ?? emptyAnswer(partitionIndex, errorCodes.NONE, null)
    ofTopic(topicId).set(partitionIndex, {
      ...known,
      acknowledgeErrorCode: errorCode,
      acknowledgeErrorMessage: errorMessage,
    })
  }
  return {
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    acquisitionLockTimeoutMs,
    responses: [...topics].map(([topicId, partitions]) => ({
      topicId,
      partitions: [...partitions.values()],
    })),
    nodeEndpoints: [],
  }
}

function refused(errorCode: ErrorCode): ShareFetchResponse {
  return { throttleTimeMs: 0, errorCode, acquisitionLockTimeoutMs: 0, responses: [], nodeEndpoints: [] }
}

function failure(place: SessionPartition, errorCode: ErrorCode, errorMessage: string | null = null): Fetched {
  return { place, answer: emptyAnswer(place.partition, errorCode, errorMessage) }
}

function emptyAnswer(
  partitionIndex: number,
  errorCode: ErrorCode,
  errorMessage: string | null,
): PartitionResponse {
  return {
    partitionIndex,
    errorCode,
    errorMessage,
    acknowledgeErrorCode: errorCodes.NONE,
    acknowledgeErrorMessage: null,
    currentLeader: { leaderId: 0, leaderEpoch: 0 },
    records: NOTHING,
    acquiredRecords: [],
  }
}
