// Which of a log's files wait for their device, and up to which offset the log is safe there. Older
// segments are synced before newer ones, names last: what is durable is always a prefix.

import { forgetFailedSync, hasFailedSync, noteFailedSync } from './failed-sync.ts'
import { isTemporary, StorageError } from '../storage/storage.ts'
import type { Storage, StorageFile } from '../storage/storage.ts'
import type { Segment } from './segment.ts'

export class LogSync {
  private readonly storage: Storage
  private readonly directory: string
  private durable: bigint
  private readonly dirty = new Set<Segment>()
  private namesDirty = false
  /** Syncs follow each other: one that found nothing to do must still wait for the one before. */
  private last: Promise<void> = Promise.resolve()
  private failure: StorageError | undefined
  private isFailureNoted = false
  /** A sync of an earlier process has failed. */
  private hasFailedBefore: boolean
  /** Lowest end that a truncation made while a sync was under way. */
  private truncatedTo: bigint | undefined

  constructor(storage: Storage, directory: string, durableEndOffset: bigint) {
    this.storage = storage
    this.directory = directory
    this.durable = durableEndOffset
    this.hasFailedBefore = hasFailedSync(storage, directory)
  }

  get durableEndOffset(): bigint {
    return this.durable
  }

  noteWrite(segment: Segment): void {
    this.dirty.add(segment)
  }

  noteNames(): void {
    this.namesDirty = true
  }

  forget(segment: Segment): void {
    this.dirty.delete(segment)
  }

  truncated(endOffset: bigint): void {
    if (endOffset < this.durable) this.durable = endOffset
    if (this.truncatedTo === undefined || endOffset < this.truncatedTo) this.truncatedTo = endOffset
  }

  restarted(offset: bigint): void {
    this.dirty.clear()
    this.durable = offset
    this.truncatedTo = this.truncatedTo === undefined || offset < this.truncatedTo ? offset : this.truncatedTo
  }

  sync(endOffset: () => bigint): Promise<void> {
    const turn = this.last.then(() => this.run(endOffset()))
    this.last = turn.catch(() => {})
    return turn
  }

  /** The log's files are closed. */
  close(): void {
    if (this.failure !== undefined && !this.isFailureNoted) noteFailedSync(this.storage, this.directory)
  }

  private async run(endOffset: bigint): Promise<void> {
    if (this.failure !== undefined) throw this.failure
    const segments = [...this.dirty].sort((a, b) => (a.baseOffset < b.baseOffset ? -1 : 1))
    const names = this.namesDirty
    this.dirty.clear()
    this.namesDirty = false
    this.truncatedTo = undefined
    for (const segment of segments) segment.retain()
    try {
      for (const segment of segments) await this.syncSegment(segment)
      if (names) await this.syncNames()
      if (this.hasFailedBefore) this.forgetFailure()
    } catch (cause) {
      if (isTemporary(cause)) {
        for (const segment of segments) if (!segment.isDeleted) this.dirty.add(segment)
        this.namesDirty ||= names
        throw cause
      }
      this.failure =
        cause instanceof StorageError
          ? cause
          : new StorageError(this.directory, `sync failed: ${cause}`, { cause })
      this.isFailureNoted = noteFailedSync(this.storage, this.directory)
      throw this.failure
    } finally {
      for (const segment of segments) segment.release()
    }
    const covered =
      this.truncatedTo !== undefined && this.truncatedTo < endOffset ? this.truncatedTo : endOffset
    if (covered > this.durable) this.durable = covered
  }

  private forgetFailure(): void {
    forgetFailedSync(this.storage, this.directory)
    this.hasFailedBefore = false
  }

  private async syncSegment(segment: Segment): Promise<void> {
    await segment.file.sync()
    for (
      let path = segment.files.unsynced.shift();
      path !== undefined;
      path = segment.files.unsynced.shift()
    ) {
      // Deleted or replaced meanwhile: then there is nothing to wait for.
      if (!this.storage.exists(path)) continue
      let file: StorageFile
      try {
        file = this.storage.open(path)
      } catch (error) {
        segment.files.unsynced.unshift(path)
        throw error
      }
      try {
        await file.sync()
      } finally {
        file.close()
      }
    }
  }

  /** The folder's own name too: it may be new. */
  private async syncNames(): Promise<void> {
    await this.storage.syncDirectory(this.directory)
    const slash = this.directory.lastIndexOf('/')
    await this.storage.syncDirectory(slash < 0 ? '' : this.directory.slice(0, slash))
  }
}
