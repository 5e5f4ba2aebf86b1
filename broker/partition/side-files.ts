// The small files beside a partition's log: producer snapshots and the leader epochs. Their content is
// taken at the call and written later, one file after the other; a failure is told once. Where there is no
// room, a snapshot is done without (the log tells the same), the epochs are written when they can be.
//
//   <offset>.snapshot        state of all producers below that offset: at each roll, and at a clean stop
//   leader-epoch-checkpoint  rewritten when an epoch writes its first batch

import { decodeEpochCheckpoint, encodeEpochCheckpoint } from '../log/epoch-checkpoint.ts'
import { LEADER_EPOCH_FILE, offsetOfFileName, SNAPSHOT_SUFFIX, segmentFileName } from '../log/names.ts'
import { decodeProducerSnapshot, encodeProducerSnapshot } from '../log/producer-snapshot.ts'
import type { SegmentDescription } from '../log/retention.ts'
import { isTemporary, type Storage } from '../storage/storage.ts'
import type { EpochStart, LeaderEpochs } from './leader-epochs.ts'
import { fromSnapshot, toSnapshot, type ProducerEntry } from './producer-entry.ts'
import type { ProducerState } from './producer-state.ts'

export interface LoadedSnapshot {
  offset: bigint
  entries: ProducerEntry[]
}

export class SideFiles {
  /** What recovery-point-offset-checkpoint says of the log; written by the directory. */
  checkpointedRecoveryPoint: bigint
  private readonly storage: Storage
  private readonly directory: string
  private readonly onFailure: (error: Error) => void
  private writing: Promise<void> = Promise.resolve()
  private snapshots: bigint[]
  private durableSnapshots: bigint[]
  /** The disk has failed: what was asked for meanwhile is not written any more. */
  private hasFailed = false
  /** Epochs that found no room. */
  private unwrittenEpochs: Buffer | undefined

  constructor(storage: Storage, directory: string, recoveryPoint: bigint, onFailure: (error: Error) => void) {
    this.checkpointedRecoveryPoint = recoveryPoint
    this.storage = storage
    this.directory = directory
    this.onFailure = onFailure
    this.snapshots = storage
      .list(directory)
      .map(({ name }) => offsetOfFileName(name, SNAPSHOT_SUFFIX))
      .filter((offset) => offset !== undefined)
      .sort((a, b) => (a < b ? -1 : 1))
    this.durableSnapshots = [...this.snapshots]
  }

  /** Offsets that a snapshot was written or asked for at, rising. */
  get snapshotOffsets(): readonly bigint[] {
    return this.snapshots
  }

  /**
   * The newest place at or below `bound` from which recovery would know all of the producers: a durable snapshot
   * lies there, where a segment begins. Segments below it may go, or be compacted: a power cut may then undo any
   * part of that, so every segment in between must be such a place too, unless recovery begins above it anyway.
   */
  recoverableFrom(bound: bigint, segments: readonly SegmentDescription[]): bigint | undefined {
    let newest: bigint | undefined
    let isWholeWay = true
    for (const [i, { baseOffset }] of segments.entries()) {
      if (baseOffset > bound) break
      const isKnown = this.durableSnapshots.includes(baseOffset)
      if (isKnown && (isWholeWay || baseOffset <= this.checkpointedRecoveryPoint)) newest = baseOffset
      if (!isKnown && i > 0) isWholeWay = false
    }
    return newest
  }

  get isSnapshotUnderWay(): boolean {
    return this.snapshots.length > this.durableSnapshots.length
  }

  /** The newest whole snapshot at or below `bound`. A damaged one is skipped: the log tells the same. */
  loadSnapshot(bound: bigint): LoadedSnapshot | undefined {
    for (const offset of this.snapshots.filter((candidate) => candidate <= bound).reverse()) {
      const bytes = this.storage.readFile(this.snapshotPath(offset))
      const entries = bytes === undefined ? undefined : decodeProducerSnapshot(bytes)
      if (entries !== undefined) return { offset, entries: entries.map(fromSnapshot) }
    }
    return undefined
  }

  /** The state below `offset`, as it is now. */
  writeSnapshot(offset: bigint, producers: ProducerState): void {
    const content = encodeProducerSnapshot(Array.from(producers.allEntries(), toSnapshot))
    if (!this.snapshots.includes(offset)) this.snapshots.push(offset)
    this.write(this.snapshotPath(offset), content, (isDurable) => {
      if (!isDurable) this.snapshots = this.snapshots.filter((other) => other !== offset)
      else if (this.snapshots.includes(offset)) this.durableSnapshots.push(offset)
    })
  }

  /** Removes the snapshots that `keep` does not want; returns how many. */
  pruneSnapshots(keep: (offset: bigint) => boolean): number {
    const unwanted = this.snapshots.filter((offset) => !keep(offset))
    this.snapshots = this.snapshots.filter(keep)
    this.durableSnapshots = this.durableSnapshots.filter(keep)
    for (const offset of unwanted) {
      const path = this.snapshotPath(offset)
      if (this.storage.exists(path)) this.storage.removeFile(path)
    }
    return unwanted.length
  }

  /** undefined where there is no file, or a damaged one. */
  loadEpochs(): EpochStart[] | undefined {
    const bytes = this.storage.readFile(`${this.directory}/${LEADER_EPOCH_FILE}`)
    return bytes === undefined ? undefined : decodeEpochCheckpoint(bytes)
  }

  writeEpochs(epochs: LeaderEpochs): void {
    this.storeEpochs(encodeEpochCheckpoint(epochs.entries))
  }

  /**
   * Resolves when all that was asked for is written, or has failed: false while the epochs find no room.
   * Until then recovery must not begin above what they would tell.
   */
  async settled(): Promise<boolean> {
    const epochs = this.unwrittenEpochs
    if (epochs !== undefined) this.storeEpochs(epochs)
    await this.writing
    return this.unwrittenEpochs === undefined
  }

  private storeEpochs(content: Buffer): void {
    this.unwrittenEpochs = undefined
    this.write(`${this.directory}/${LEADER_EPOCH_FILE}`, content, (isDurable) => {
      this.unwrittenEpochs = isDurable ? undefined : content
    })
  }

  /** Tells whether the file is durable; another failure is onFailure's. */
  private write(path: string, content: Uint8Array, onWritten: (isDurable: boolean) => void): void {
    this.writing = this.writing.then(async () => {
      if (this.hasFailed) return
      try {
        await this.storage.replaceFile(path, content)
        onWritten(true)
      } catch (error) {
        if (isTemporary(error)) return onWritten(false)
        this.hasFailed = true
        this.onFailure(error as Error)
      }
    })
  }

  private snapshotPath(offset: bigint): string {
    return `${this.directory}/${segmentFileName(offset, SNAPSHOT_SUFFIX)}`
  }
}
