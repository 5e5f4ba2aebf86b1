// Share sessions: which partitions a member fetches, told once and then only changed. Every request carries the next
// epoch, so that one that came twice, or out of turn, is refused before it changes anything. Pure, and bounded by
// `maxSessions`. Source: Kafka's ShareSessionCache, SharePartitionManager.newContext and acknowledgeSessionUpdate.

import { type ErrorCode, errorCodes } from '../protocol/errors.ts'

/** Epochs of a request: one that opens a session, one that closes it. */
export const INITIAL_EPOCH = 0
export const FINAL_EPOCH = -1

export interface SessionPartition {
  readonly topicId: string
  readonly partition: number
}

/** One session, from the request that opens it on: another of the same member is another one. */
export interface ShareSession {
  readonly groupId: string
  readonly memberId: string
  /** Expected of the next request. */
  epoch: number
  readonly partitions: Map<string, SessionPartition>
  readonly connection: object
  /** Called back when it has ended. */
  readonly onEnd: Set<() => void>
}

/** More than any topic list needs; a session costs memory for as long as its client stays. */
const MOST_PARTITIONS = 10_000

export type SessionAnswer =
  | { errorCode: ErrorCode }
  | { session: ShareSession; partitions: SessionPartition[] }

export interface ShareSessionsOptions {
  /** group.share.max.share.sessions */
  maxSessions: number
}

export class ShareSessions {
  private readonly options: ShareSessionsOptions
  private readonly sessions = new Map<string, ShareSession>()
  private readonly byConnection = new Map<object, Set<ShareSession>>()
  private readonly members = new Map<string, number>()

  constructor(options: ShareSessionsOptions) {
    this.options = options
  }

  get size(): number {
    return this.sessions.size
  }

  membersOf(groupId: string): number {
    return this.members.get(groupId) ?? 0
  }

  /**
   * The partitions that a ShareFetch is about. `connection` stands for the client: when it is gone, so is the session.
   * A request that closes the session is about none, and leaves it to `close`.
   */
  fetch(
    who: { groupId: string; memberId: string; connection: object },
    epoch: number,
    added: readonly SessionPartition[],
    forgotten: readonly SessionPartition[],
    hasAcknowledgements: boolean,
  ): SessionAnswer {
    const name = nameOf(who.groupId, who.memberId)
    if (epoch === INITIAL_EPOCH) {
      if (hasAcknowledgements || added.length > MOST_PARTITIONS)
        return { errorCode: errorCodes.INVALID_REQUEST }
      return this.begin(name, who, added)
    }
    const session = this.sessions.get(name)
    if (session === undefined) return { errorCode: errorCodes.SHARE_SESSION_NOT_FOUND }
    if (epoch === FINAL_EPOCH) return { session, partitions: [] }
    if (session.epoch !== epoch) return { errorCode: errorCodes.INVALID_SHARE_SESSION_EPOCH }
    const fresh = added.filter((partition) => !session.partitions.has(partitionName(partition)))
    if (session.partitions.size + fresh.length > MOST_PARTITIONS)
      return { errorCode: errorCodes.INVALID_REQUEST }
    for (const partition of added) session.partitions.set(partitionName(partition), partition)
    for (const partition of forgotten) session.partitions.delete(partitionName(partition))
    session.epoch = nextEpoch(epoch)
    return { session, partitions: [...session.partitions.values()] }
  }

  /** Whether it goes on: what ended has nobody who would be told of more records. */
  isCurrent(session: ShareSession): boolean {
    return this.sessions.get(nameOf(session.groupId, session.memberId)) === session
  }

  /** NONE, or why a ShareAcknowledge is refused. */
  acknowledge(groupId: string, memberId: string, epoch: number): ErrorCode {
    if (epoch === INITIAL_EPOCH) return errorCodes.INVALID_SHARE_SESSION_EPOCH
    const session = this.sessions.get(nameOf(groupId, memberId))
    if (session === undefined) return errorCodes.SHARE_SESSION_NOT_FOUND
    if (epoch === FINAL_EPOCH) return errorCodes.NONE
    if (session.epoch !== epoch) return errorCodes.INVALID_SHARE_SESSION_EPOCH
    session.epoch = nextEpoch(epoch)
    return errorCodes.NONE
  }

  /** What gave the member records comes later than what did not: with little room all partitions have their turn. */
  served(groupId: string, memberId: string, partition: SessionPartition): void {
    const partitions = this.sessions.get(nameOf(groupId, memberId))?.partitions
    const name = partitionName(partition)
    const known = partitions?.get(name)
    if (partitions === undefined || known === undefined) return
    partitions.delete(name)
    partitions.set(name, known)
  }

  /** Partitions of the session that ends; undefined where there is none. */
  close(groupId: string, memberId: string): SessionPartition[] | undefined {
    const session = this.sessions.get(nameOf(groupId, memberId))
    if (session === undefined) return undefined
    this.remove(session)
    return [...session.partitions.values()]
  }

  /** The client is gone: its sessions end. */
  connectionClosed(
    connection: object,
  ): { groupId: string; memberId: string; partitions: SessionPartition[] }[] {
    const sessions = [...(this.byConnection.get(connection) ?? [])]
    return sessions.map((session) => {
      this.remove(session)
      const { groupId, memberId, partitions } = session
      return { groupId, memberId, partitions: [...partitions.values()] }
    })
  }

  private begin(
    name: string,
    { groupId, memberId, connection }: { groupId: string; memberId: string; connection: object },
    partitions: readonly SessionPartition[],
  ): SessionAnswer {
    const known = this.sessions.get(name)
    if (known !== undefined) this.remove(known)
    if (this.sessions.size >= this.options.maxSessions)
      return { errorCode: errorCodes.SHARE_SESSION_LIMIT_REACHED }
    const session: ShareSession = {
      groupId,
      memberId,
      epoch: nextEpoch(INITIAL_EPOCH),
      partitions: new Map(partitions.map((partition) => [partitionName(partition), partition])),
      connection,
      onEnd: new Set(),
    }
    this.sessions.set(name, session)
    const ofConnection = this.byConnection.get(connection)
    if (ofConnection === undefined) this.byConnection.set(connection, new Set([session]))
    else ofConnection.add(session)
    this.members.set(groupId, this.membersOf(groupId) + 1)
    return { session, partitions: [...session.partitions.values()] }
  }

  private remove(session: ShareSession): void {
    const { groupId, memberId, connection } = session
    this.sessions.delete(nameOf(groupId, memberId))
    const ofConnection = this.byConnection.get(connection)
    ofConnection?.delete(session)
    if (ofConnection?.size === 0) this.byConnection.delete(connection)
    const left = this.membersOf(groupId) - 1
    if (left > 0) this.members.set(groupId, left)
    else this.members.delete(groupId)
    for (const ended of session.onEnd) ended()
  }
}

/** After the highest epoch comes 1: 0 would open a session. */
export function nextEpoch(epoch: number): number {
  if (epoch < 0) return FINAL_EPOCH
  return epoch === 0x7fffffff ? 1 : epoch + 1
}

function nameOf(groupId: string, memberId: string): string {
  return `${groupId.length}:${groupId}${memberId}`
}

function partitionName({ topicId, partition }: SessionPartition): string {
  return `${topicId}-${partition}`
}
