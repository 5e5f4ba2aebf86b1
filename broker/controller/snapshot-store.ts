// The snapshots beside a metadata log: finds the one to start from, adds one, removes those that are not needed. Two
// are kept, and the log from the older one on, so that damage to the newest costs nothing but time.

import { CorruptLogError, type Storage } from '../storage/storage.ts'
import {
  parseSnapshotFileName,
  type QuorumControls,
  readSnapshot,
  snapshotFileName,
  type SnapshotId,
  type SnapshotVisitor,
} from './snapshot-file.ts'

const KEPT = 2

export class SnapshotStore {
  private readonly storage: Storage
  private readonly directory: string
  /** Newest first. */
  private ids: SnapshotId[]
  /** Of no use to anybody: they go with the next prune. */
  private readonly damaged: SnapshotId[] = []

  constructor(storage: Storage, directory: string) {
    this.storage = storage
    this.directory = directory
    this.ids = storage
      .list(directory)
      .flatMap(({ name }) => parseSnapshotFileName(name) ?? [])
      .sort((a, b) => (a.endOffset === b.endOffset ? b.epoch - a.epoch : a.endOffset > b.endOffset ? -1 : 1))
  }

  /**
   * The newest whole snapshot from which a log that begins at `logStartOffset` goes on without a gap; undefined where
   * the log has everything itself. Throws CorruptLogError where neither is so; `onDamaged` hears of those passed over.
   */
  choose(
    logStartOffset: bigint,
    onDamaged: (error: CorruptLogError) => void,
  ): (SnapshotId & { controls: QuorumControls }) | undefined {
    for (const id of this.ids) {
      if (id.endOffset < logStartOffset) break
      try {
        return { ...id, ...readSnapshot(this.storage, this.pathOf(id)) }
      } catch (error) {
        if (!(error instanceof CorruptLogError)) throw error
        onDamaged(error)
        this.ids = this.ids.filter((other) => other !== id)
        this.damaged.push(id)
      }
    }
    if (logStartOffset === 0n) return undefined
    throw new CorruptLogError(
      this.directory,
      0,
      `the log begins at offset ${logStartOffset}, and no whole snapshot reaches it`,
    )
  }

  read(id: SnapshotId, visitor: SnapshotVisitor): void {
    readSnapshot(this.storage, this.pathOf(id), visitor)
  }

  /** Durable when it resolves. Rejects with StorageError; then it is not there, or whole. */
  async add(id: SnapshotId, content: Buffer): Promise<void> {
    await this.storage.replaceFile(this.pathOf(id), content)
    const isOther = (other: SnapshotId): boolean => snapshotFileName(other) !== snapshotFileName(id)
    this.ids = [id, ...this.ids.filter(isOther)]
    this.damaged.splice(0, this.damaged.length, ...this.damaged.filter(isOther))
  }

  /** Removes what is damaged and all but the newest two. Returns where the log may begin: what lies below is in both of them. */
  prune(): bigint {
    for (const id of [...this.damaged.splice(0), ...this.ids.splice(KEPT)])
      this.storage.removeFile(this.pathOf(id))
    return this.ids.length < KEPT ? 0n : (this.ids[KEPT - 1] as SnapshotId).endOffset
  }

  private pathOf(id: SnapshotId): string {
    return `${this.directory}/${snapshotFileName(id)}`
  }
}
