// What a fetch request stands in: a session that it opens, goes on with or ends, none, or a mistake about it.
//
//   sessionId  epoch   meaning                                          answer's sessionId
//   any        0       full; the session named ends, a new one begins   the new one, 0: no room
//   any        -1      full; the session named ends                     0
//   s          e       incremental: what is named changes, what is      s; 0 when nothing is left in it
//                      forgotten leaves, the rest is as before
//
// The epoch that follows e is e + 1, and 1 after the largest. Source: FetchManager.newContext.

import { type ErrorCode, errorCodes } from '../../protocol/errors.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { Request } from '../context.ts'
import {
  type AnsweredPartition,
  type FetchSession,
  isNews,
  partitionKey,
  type SessionPartition,
  type WantedPartition,
} from './session.ts'
import { NO_SESSION, type SessionCache } from './session-cache.ts'

const OPENING = 0
const FINAL = -1
const BY_TOPIC_ID_FROM = 13
const MAX_INT32 = 0x7fffffff

export interface FetchContext {
  /** Of the request as a whole; then nothing is wanted. */
  readonly errorCode: ErrorCode
  readonly wanted: readonly WantedPartition[]
  /** Whether the client was told this of a partition, by an answer without error. */
  isKnown(wanted: WantedPartition, highWatermark: bigint, logStartOffset: bigint): boolean
  /** What of the answers would be sent: for the size of it. Changes nothing. */
  news(answered: readonly AnsweredPartition[]): readonly AnsweredPartition[]
  /** What is sent, taken as told. */
  answer(answered: readonly AnsweredPartition[], nowMs: number): SessionReply
  /** Nothing is told: the client has to wait before it asks again (a quota). */
  emptyReply(): SessionReply
}

export interface SessionReply {
  errorCode: ErrorCode
  sessionId: number
  answered: readonly AnsweredPartition[]
}

export interface FetchContextOptions {
  apiVersion: number
  isFromFollower: boolean
  /** Of a topic id; undefined where there is none. */
  topicName(topicId: string): string | undefined
  nowMs: number
}

export function nextEpoch(epoch: number): number {
  if (epoch < 0) return FINAL
  return epoch === MAX_INT32 ? 1 : epoch + 1
}

export function fetchContext(
  sessions: SessionCache,
  request: Request<'Fetch'>,
  options: FetchContextOptions,
): FetchContext {
  const { sessionId, sessionEpoch } = request
  const { apiVersion, isFromFollower, topicName, nowMs } = options
  const usesTopicIds = apiVersion >= BY_TOPIC_ID_FROM
  if (sessionEpoch === OPENING || sessionEpoch === FINAL) {
    if (sessionId !== NO_SESSION) sessions.remove(sessionId)
    const wanted = wantedBy(request, usesTopicIds, topicName)
    if (sessionEpoch === FINAL) return sessionless(wanted)
    return opening(sessions, wanted, isFromFollower, usesTopicIds)
  }
  const session = sessions.get(sessionId)
  if (session === undefined) return inError(errorCodes.FETCH_SESSION_ID_NOT_FOUND)
  if (session.epoch !== sessionEpoch) return inError(errorCodes.INVALID_FETCH_SESSION_EPOCH)
  if (session.usesTopicIds !== usesTopicIds) return inError(errorCodes.FETCH_SESSION_TOPIC_ID_ERROR)
  const named = wantedBy(request, usesTopicIds, topicName)
  for (const wanted of named) session.want(wanted)
  for (const { topic, topicId, partitions } of request.forgottenTopicsData) {
    for (const partition of partitions)
      session.forget(partitionKey(usesTopicIds ? topicId : topic, partition))
  }
  if (session.size === 0) {
    sessions.remove(sessionId)
    return sessionless(named)
  }
  // As if it had been evicted: the client begins again with all that it wants.
  if (!sessions.touch(session, nowMs)) return inError(errorCodes.FETCH_SESSION_ID_NOT_FOUND)
  session.epoch = nextEpoch(session.epoch)
  const wanted = session.partitions()
  if (usesTopicIds) for (const each of wanted) each.topic ??= topicName(each.topicId)
  return incremental(session, wanted)
}

/** A partition that is named twice is wanted once, as it is named last (Kafka's LinkedHashMap). */
function wantedBy(
  { topics }: Request<'Fetch'>,
  usesTopicIds: boolean,
  topicName: (topicId: string) => string | undefined,
): WantedPartition[] {
  const found = new Map<string, WantedPartition>()
  for (const { topic: given, topicId: givenId, partitions } of topics) {
    const topic = usesTopicIds ? topicName(givenId) : given
    const topicId = usesTopicIds ? givenId : ZERO_UUID
    for (const {
      partition,
      fetchOffset,
      partitionMaxBytes,
      currentLeaderEpoch,
      lastFetchedEpoch,
    } of partitions) {
      const key = partitionKey(usesTopicIds ? givenId : given, partition)
      found.set(key, {
        key,
        topic,
        topicId,
        partition,
        fetchOffset,
        partitionMaxBytes,
        currentLeaderEpoch,
        lastFetchedEpoch,
      })
    }
  }
  return [...found.values()]
}

function inError(errorCode: ErrorCode): FetchContext {
  const reply = (): SessionReply => ({ errorCode, sessionId: NO_SESSION, answered: [] })
  return { errorCode, wanted: [], isKnown: () => false, news: () => [], answer: reply, emptyReply: reply }
}

function sessionless(wanted: readonly WantedPartition[]): FetchContext {
  return {
    errorCode: errorCodes.NONE,
    wanted,
    isKnown: () => false,
    news: (answered) => answered,
    answer: (answered) => ({ errorCode: errorCodes.NONE, sessionId: NO_SESSION, answered }),
    emptyReply: () => ({ errorCode: errorCodes.NONE, sessionId: NO_SESSION, answered: [] }),
  }
}

/** The session's order begins as the order of the answers, where what was refused comes last. */
function opening(
  sessions: SessionCache,
  wanted: readonly WantedPartition[],
  isFromFollower: boolean,
  usesTopicIds: boolean,
): FetchContext {
  return {
    ...sessionless(wanted),
    answer(answered, nowMs) {
      const session = sessions.create(answered, isFromFollower, usesTopicIds, nowMs)
      return { errorCode: errorCodes.NONE, sessionId: session?.id ?? NO_SESSION, answered }
    },
  }
}

function incremental(session: FetchSession, wanted: readonly SessionPartition[]): FetchContext {
  // Another request of this session may come while this one waits: then the client has lost count.
  const { epoch, id: sessionId } = session
  const reply = (answered: readonly AnsweredPartition[]): SessionReply =>
    session.epoch === epoch
      ? { errorCode: errorCodes.NONE, sessionId, answered }
      : { errorCode: errorCodes.INVALID_FETCH_SESSION_EPOCH, sessionId, answered: [] }
  const news = (answered: readonly AnsweredPartition[]): AnsweredPartition<SessionPartition>[] => {
    if (session.epoch !== epoch) return []
    // What is answered is what was wanted.
    const mine = answered as readonly AnsweredPartition<SessionPartition>[]
    return mine.filter(({ wanted: each, answer }) => isNews(each, answer))
  }
  return {
    errorCode: errorCodes.NONE,
    wanted,
    isKnown(each, highWatermark, logStartOffset) {
      const known = each as SessionPartition
      return known.highWatermark === highWatermark && known.logStartOffset === logStartOffset
    },
    news,
    answer(answered) {
      const sent = news(answered)
      for (const { wanted: known, answer } of sent) session.told(known, answer)
      return reply(sent)
    },
    emptyReply: () => reply([]),
  }
}
