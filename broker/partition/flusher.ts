// One partition's side of the group commit: asks for syncs of its log, and lets go of the log before it is
// closed. A sync that was asked for and not yet begun when the partition ends does nothing.

import type { Log } from '../log/log.ts'
import type { GroupCommit, Syncable } from '../storage/group-commit.ts'

export class Flusher implements Syncable {
  private readonly log: Log
  private readonly commit: GroupCommit
  private readonly onDurable: (endOffset: bigint) => void
  private inFlight: Promise<void> = Promise.resolve()
  private stopped = false
  private readonly onSynced = (): void => {
    if (!this.stopped) this.onDurable(this.log.durableEndOffset)
  }

  constructor(log: Log, commit: GroupCommit, onDurable: (endOffset: bigint) => void) {
    this.log = log
    this.commit = commit
    this.onDurable = onDurable
  }

  get path(): string {
    return this.log.path
  }

  get sizeInBytes(): number {
    return this.log.sizeInBytes
  }

  /** Everything appended so far shall become durable; `onDurable` tells when. */
  request(): void {
    if (!this.stopped) this.commit.request(this, this.onSynced)
  }

  /** For the group commit alone. */
  sync(): Promise<void> {
    if (this.stopped) return Promise.resolve()
    this.inFlight = this.log.sync()
    return this.inFlight
  }

  /** Asks for nothing more; resolves when the log is not being synced any longer. */
  async stop(): Promise<void> {
    this.stopped = true
    await this.inFlight.catch(() => {})
  }
}
