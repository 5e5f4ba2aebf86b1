// All fetch sessions of the broker: who has one, and who has to give it up for another.
//
// Where all slots are taken, a new session takes the place of (FetchSessionCacheShard.tryEvict):
//   1. the one that was not used for longest, if that is more than two minutes ago;
//   2. else the least of those that may be evicted, if it is less than the new one. Less is: not a follower's,
//      then fewer partitions. Evictable is what is older than two minutes, and to a follower whatever is none's.
// Otherwise there is no session: id 0 tells the client to go on with full requests. Kafka divides the slots among
// eight caches, so that threads do not wait for each other; here they are one.
// Kafka bounds the number of sessions only. Here all of them together are bounded in bytes, too: names and
// partitions come from clients.

import { type AnsweredPartition, FetchSession } from './session.ts'

/** KafkaBroker.MIN_INCREMENTAL_FETCH_SESSION_EVICTION_MS. */
export const EVICTION_MS = 120_000
/** About 150,000 partitions with short names. */
const SESSION_BYTES = 64 * 1024 * 1024
export const NO_SESSION = 0
const MAX_INT32 = 0x7fffffff

interface Entry {
  session: FetchSession
  /** As of the last use; so are the two below. */
  size: number
  sizeInBytes: number
  isOld: boolean
}

export interface SessionCacheOptions {
  /** max.incremental.fetch.session.cache.slots */
  slots: number
  /** Uniform, 0 <= n < bound. */
  random(bound: number): number
  /** All sessions together, by their own estimate. */
  maxBytes?: number
}

export class SessionCache {
  private readonly options: SessionCacheOptions
  private readonly maxBytes: number
  /** In the order of their last use. */
  private readonly byId = new Map<number, Entry>()
  private bytes = 0

  constructor(options: SessionCacheOptions) {
    this.options = options
    this.maxBytes = options.maxBytes ?? SESSION_BYTES
  }

  get size(): number {
    return this.byId.size
  }

  get sizeInBytes(): number {
    return this.bytes
  }

  get(id: number): FetchSession | undefined {
    return this.byId.get(id)?.session
  }

  /** A session of what was answered; undefined where there is no room for it. */
  create(
    answered: readonly AnsweredPartition[],
    isPrivileged: boolean,
    usesTopicIds: boolean,
    nowMs: number,
  ): FetchSession | undefined {
    const isFull = this.byId.size >= this.options.slots
    if (isFull && !this.evict(isPrivileged, answered.length, nowMs)) return undefined
    const session = new FetchSession(this.newId(), isPrivileged, usesTopicIds, nowMs)
    for (const { wanted, answer } of answered) {
      session.add(wanted, answer.highWatermark, answer.logStartOffset ?? -1n)
    }
    if (this.bytes + session.sizeInBytes > this.maxBytes) return undefined
    this.enter(session, nowMs)
    return session
  }

  /** A session was used and may have grown; false: it has grown beyond what there is room for, and is gone. */
  touch(session: FetchSession, nowMs: number): boolean {
    const entry = this.byId.get(session.id)
    if (entry === undefined) return false
    this.remove(session.id)
    if (session.sizeInBytes > entry.sizeInBytes && this.bytes + session.sizeInBytes > this.maxBytes) {
      return false
    }
    session.lastUsedMs = nowMs
    this.enter(session, nowMs)
    return true
  }

  remove(id: number): void {
    const entry = this.byId.get(id)
    if (entry === undefined) return
    this.byId.delete(id)
    this.bytes -= entry.sizeInBytes
  }

  private enter(session: FetchSession, nowMs: number): void {
    const { size, sizeInBytes, createdMs, id } = session
    this.byId.set(id, { session, size, sizeInBytes, isOld: nowMs - createdMs > EVICTION_MS })
    this.bytes += sizeInBytes
  }

  private evict(isPrivileged: boolean, size: number, nowMs: number): boolean {
    const longestUnused = this.byId.values().next().value
    if (longestUnused === undefined) return false
    if (nowMs - longestUnused.session.lastUsedMs > EVICTION_MS) {
      this.remove(longestUnused.session.id)
      return true
    }
    let least: Entry | undefined
    for (const entry of this.byId.values()) {
      const isEvictable = entry.isOld || (isPrivileged && !entry.session.isPrivileged)
      if (isEvictable && (least === undefined || isLess(entry, least))) least = entry
    }
    if (least === undefined) return false
    // Of the same kind and size, who is there stays.
    const isWorthIt = least.session.isPrivileged === isPrivileged ? least.size < size : isPrivileged
    if (isWorthIt) this.remove(least.session.id)
    return isWorthIt
  }

  private newId(): number {
    for (;;) {
      const id = 1 + this.options.random(MAX_INT32 - 1)
      if (!this.byId.has(id)) return id
    }
  }
}

function isLess(a: Entry, b: Entry): boolean {
  if (a.session.isPrivileged !== b.session.isPrivileged) return b.session.isPrivileged
  if (a.size !== b.size) return a.size < b.size
  return a.session.id < b.session.id
}
