// One fdatasync for many appends. Requests made in one turn of the event loop share a sync of their file;
// those that come while it is under way wait for the next one, because a sync promises nothing about bytes
// appended after it began. At most `concurrency` files are synced at a time: more threads barely help a
// device, and each one is taken from cold reads.
//
//   request ──> dirty ──(end of the turn, a slot is free)──> syncing ──> callbacks, in order of request
//                 ^                                             │
//                 └──────── requests made meanwhile ────────────┘
//
// A failed sync is final: no callback fires any more, and onFailure is told once. Retrying would be a lie
// (the kernel has marked the lost pages clean). One that could not begin (no file descriptor) is tried again.

import { isTemporary, StorageError } from './storage.ts'

/** A StorageFile, or a whole log. */
export interface Syncable {
  readonly path: string
  readonly sizeInBytes: number
  /** Everything written before the call is durable when it resolves. */
  sync(): Promise<void>
}

export interface GroupCommitOptions {
  concurrency?: number
  /** Told once, with the first failure: the directory goes offline until restart. */
  onFailure?: (error: StorageError) => void
  /** Runs its argument when this turn's work is done; a simulation passes its own. */
  defer?: (act: () => void) => void
  /** Runs its argument when a sync that could not begin may be tried again; a simulation passes its own. */
  later?: (act: () => void) => void
}

const RETRY_MS = 100

type OnSynced = (sizeInBytes: number) => void

export class GroupCommit {
  private readonly concurrency: number
  private readonly onFailure: (error: StorageError) => void
  private readonly defer: (act: () => void) => void
  private readonly later: (act: () => void) => void
  private readonly waiting = new Map<Syncable, OnSynced[]>()
  private readonly syncing = new Set<Syncable>()
  private deferred = false
  private failed: StorageError | undefined
  private idleWaiters: (() => void)[] = []

  constructor(options: GroupCommitOptions = {}) {
    this.concurrency = options.concurrency ?? 4
    this.onFailure = options.onFailure ?? (() => {})
    // setImmediate, not a microtask: requests of all sockets read in this turn shall share the sync.
    this.defer = options.defer ?? ((act) => void setImmediate(act))
    this.later = options.later ?? ((act) => void setTimeout(act, RETRY_MS))
  }

  /** The failure that ended all syncing, if one did. */
  get failure(): StorageError | undefined {
    return this.failed
  }

  /**
   * Calls back when everything written to `file` before this call is durable, with the size that is covered.
   * After a failure nothing calls back; those who wait are failed by whoever handles onFailure.
   */
  request(file: Syncable, onSynced: OnSynced): void {
    if (this.failed !== undefined) return
    const waiting = this.waiting.get(file)
    if (waiting !== undefined) waiting.push(onSynced)
    else this.waiting.set(file, [onSynced])
    if (this.deferred) return
    this.deferred = true
    this.defer(() => {
      this.deferred = false
      this.start()
    })
  }

  /** Resolves when others have had their turn of the event loop: for work that would hold it for long. */
  nextTurn(): Promise<void> {
    return new Promise((resolve) => this.defer(resolve))
  }

  /** Resolves when nothing is waited for: all synced, or all failed. */
  idle(): Promise<void> {
    if (this.isIdle()) return Promise.resolve()
    return new Promise((resolve) => this.idleWaiters.push(resolve))
  }

  private start(): void {
    for (const [file, callbacks] of this.waiting) {
      if (this.syncing.size >= this.concurrency) return
      if (this.syncing.has(file)) continue
      this.waiting.delete(file)
      this.syncing.add(file)
      void this.run(file, callbacks)
    }
  }

  private async run(file: Syncable, callbacks: OnSynced[]): Promise<void> {
    const covered = file.sizeInBytes
    let error: StorageError | undefined
    try {
      await file.sync()
    } catch (cause) {
      error =
        cause instanceof StorageError
          ? cause
          : new StorageError(file.path, `sync failed: ${cause}`, { cause })
    }
    if (isTemporary(error) && this.failed === undefined) {
      // Until then it counts as under way, so that nobody else begins it.
      this.later(() => {
        this.syncing.delete(file)
        if (this.failed === undefined)
          this.waiting.set(file, [...callbacks, ...(this.waiting.get(file) ?? [])])
        this.start()
        this.checkIdle()
      })
      return
    }
    this.syncing.delete(file)
    if (error !== undefined) this.fail(error)
    // Before the callbacks: what they append belongs to a later turn, what waited shall not wait for them.
    if (this.failed === undefined) this.start()
    if (error === undefined && this.failed === undefined) for (const callback of callbacks) callback(covered)
    this.checkIdle()
  }

  private fail(error: StorageError): void {
    if (this.failed !== undefined) return
    this.failed = error
    this.waiting.clear()
    this.onFailure(error)
  }

  private isIdle(): boolean {
    return this.waiting.size === 0 && this.syncing.size === 0
  }

  private checkIdle(): void {
    if (!this.isIdle()) return
    const waiters = this.idleWaiters
    this.idleWaiters = []
    for (const waiter of waiters) waiter()
  }
}
