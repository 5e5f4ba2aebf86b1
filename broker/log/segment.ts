// One segment: the batches from a base offset on, and the indexes beside them. Only the newest of a log is
// appended to. The indexes are in memory once they are needed and go to their files when the segment is
// rolled or closed; they carry no checksum, so they are compared with the log when they are loaded and
// rebuilt from it where they do not agree.

import type { BatchHeader } from '../protocol/record-batch/header.ts'
import type { StorageFile } from '../storage/storage.ts'
import { CorruptLogError } from '../storage/storage.ts'
import { type BatchScan, type ScanEnd, scanBatches } from './batch-scan.ts'
import type { CleanableSegment } from './compaction/cleanable.ts'
import { endByIndex, firstTimestampOf, holdsMarker, holdsTimeEntry, type IndexedLog } from './index-check.ts'
import { LOG_SUFFIX, segmentFileName, TXN_INDEX_SUFFIX } from './names.ts'
import { SegmentAborted } from './segment-aborted.ts'
import { SegmentFiles, type SegmentPlace } from './segment-files.ts'
import { SegmentIndex } from './segment-index.ts'
import type { AbortedTransaction } from './txn-index.ts'

/** Below this a scan is as quick as reading index files, and trusts nothing. */
const SMALL_SEGMENT_BYTES = 64 * 1024

/** What whoever wrote the files need not read again. */
export interface KnownContent {
  index: SegmentIndex
  aborted: readonly AbortedTransaction[]
  indexFilesCurrent: boolean
  firstTimestamp?: bigint | undefined
}

export class Segment {
  readonly baseOffset: bigint
  readonly file: StorageFile
  readonly createdMs: number
  /** Offset after the last batch. */
  nextOffset: bigint
  /** The aborted transactions whose markers are here. */
  readonly aborted: SegmentAborted
  readonly files: SegmentFiles
  private readonly place: SegmentPlace
  private loadedIndex: SegmentIndex | undefined
  /** Largest timestamp of the first batch: the age of the segment counts from it. */
  private firstBatchTimestamp: bigint | undefined
  private indexFilesCurrent: boolean
  private references = 0
  private doomed = false

  private constructor(place: SegmentPlace, file: StorageFile, nextOffset: bigint, known?: KnownContent) {
    this.place = place
    this.files = new SegmentFiles(place)
    this.baseOffset = place.baseOffset
    this.createdMs = place.createdMs
    this.file = file
    this.nextOffset = nextOffset
    this.indexFilesCurrent = known?.indexFilesCurrent ?? true
    this.loadedIndex = known?.index
    this.firstBatchTimestamp = known?.firstTimestamp
    this.aborted = new SegmentAborted(
      {
        storage: place.storage,
        path: this.files.pathOf(TXN_INDEX_SUFFIX),
        baseOffset: place.baseOffset,
        endOffset: () => this.nextOffset,
        isMarker: (entry) => holdsMarker(this.indexed, this.index, entry),
        onWritten: () => this.files.noteUnsynced(TXN_INDEX_SUFFIX),
      },
      known?.aborted,
    )
  }

  /** A new, empty segment; bytes that a lost earlier one left under its name go. */
  static create(place: SegmentPlace): Segment {
    const name = `${place.directory}/${segmentFileName(place.baseOffset, LOG_SUFFIX)}`
    const file = place.storage.open(name, { create: true })
    if (file.sizeInBytes > 0) file.truncate(0)
    const index = new SegmentIndex(place.baseOffset)
    return new Segment(place, file, place.baseOffset, { index, aborted: [], indexFilesCurrent: false })
  }

  /** An existing segment, nothing read yet. `nextOffset` is the next segment's base, or corrected by loading. */
  static openExisting(place: SegmentPlace, nextOffset: bigint): Segment {
    const name = `${place.directory}/${segmentFileName(place.baseOffset, LOG_SUFFIX)}`
    return new Segment(place, place.storage.open(name), nextOffset)
  }

  /** One whose files were just written: the cleaner's. */
  static openWritten(place: SegmentPlace, nextOffset: bigint, known: KnownContent): Segment {
    const name = `${place.directory}/${segmentFileName(place.baseOffset, LOG_SUFFIX)}`
    return new Segment(place, place.storage.open(name), nextOffset, known)
  }

  get sizeInBytes(): number {
    return this.file.sizeInBytes
  }

  /** Loads (or rebuilds) the indexes on first use. Throws CorruptLogError where the log itself is damaged. */
  get index(): SegmentIndex {
    this.loadedIndex ??= this.loadIndex()
    return this.loadedIndex
  }

  /** For the choosers of retention and compaction. Timestamps are looked up when they are asked for. */
  describe(): CleanableSegment {
    const { baseOffset, nextOffset: endOffset, sizeInBytes, createdMs } = this
    const maxTimestamp = (): bigint => this.index.maxTimestamp
    const firstTimestamp = (): bigint | undefined => this.firstTimestamp
    return {
      baseOffset,
      endOffset,
      sizeInBytes,
      createdMs,
      get maxTimestamp() {
        return maxTimestamp()
      },
      get firstTimestamp() {
        return firstTimestamp()
      },
    }
  }

  get firstTimestamp(): bigint | undefined {
    if (this.sizeInBytes > 0) this.firstBatchTimestamp ??= firstTimestampOf(this.indexed)
    return this.firstBatchTimestamp
  }

  /**
   * One write; two where a marker brings the transaction that it aborts: its entry first, which a later start
   * does without where the marker is missing. Where it throws, nothing has changed. True where that file is new.
   */
  append(
    batches: readonly Uint8Array[],
    heads: readonly BatchHeader[],
    aborted?: AbortedTransaction,
  ): boolean {
    const index = this.index
    let position = this.file.sizeInBytes
    const write = (): void => this.file.append(batches)
    const isNewFile = aborted !== undefined && this.aborted.addWith(aborted, write)
    if (aborted === undefined) write()
    if (position === 0) this.firstBatchTimestamp = heads[0]?.maxTimestamp
    for (const head of heads) {
      const lastOffset = head.baseOffset + BigInt(head.lastOffsetDelta)
      index.add(
        Number(lastOffset - this.baseOffset),
        head.maxTimestamp,
        position,
        this.place.indexIntervalBytes,
      )
      position += head.sizeInBytes
      this.nextOffset = lastOffset + 1n
    }
    this.indexFilesCurrent = false
    return isNewFile
  }

  /** Walks the whole segment, keeps what it finds in the indexes. The caller decides about `problem`. */
  rebuild(checkCrc: boolean, onBatch?: (buffer: Buffer, at: number, position: number) => void): ScanEnd {
    const index = new SegmentIndex(this.baseOffset)
    const end = scanBatches(this.scan(checkCrc), (buffer, at, position) => {
      index.addBatch(buffer, at, position, this.place.indexIntervalBytes)
      onBatch?.(buffer, at, position)
    })
    this.loadedIndex = index
    this.indexFilesCurrent = false
    this.nextOffset = end.nextOffset
    return end
  }

  /** Rebuilds the indexes of a segment whose log is held to be sound. */
  rebuildIndex(): SegmentIndex {
    const nextOffset = this.nextOffset
    const end = this.rebuild(false)
    this.nextOffset = nextOffset
    if (end.problem !== undefined) throw new CorruptLogError(this.file.path, end.position, end.problem)
    return this.loadedIndex as SegmentIndex
  }

  /** Cuts at the start of a batch and forgets what came after it. */
  truncateAt(position: number): void {
    this.file.truncate(position)
    const end = this.rebuild(false)
    if (end.problem !== undefined) throw new CorruptLogError(this.file.path, end.position, end.problem)
    if (position === 0) this.firstBatchTimestamp = undefined
    this.aborted.cutAt(this.nextOffset)
  }

  /** Brings the index files to what is in memory: at a roll, at close. */
  writeIndexFiles(): void {
    if (this.indexFilesCurrent) return
    this.files.writeIndex(this.index)
    this.indexFilesCurrent = true
  }

  /** Keeps files readable while a reader is inside. */
  retain(): void {
    this.references++
  }

  release(): void {
    this.references--
    if (this.references < 0) throw new Error(`${this.file.path}: released more often than retained`)
    if (this.doomed && this.references === 0) this.unlink()
  }

  /** Takes the files out of the log's sight at once; their bytes go when the last reader has left, or later. */
  markDeleted(): void {
    if (this.doomed) return
    this.files.markDeleted()
    this.markReplaced()
  }

  /** As markDeleted, of files that were renamed already. */
  markReplaced(): void {
    this.doomed = true
    this.files.unsynced = []
    if (this.references === 0) this.unlink()
  }

  get isDeleted(): boolean {
    return this.doomed
  }

  close(): void {
    this.file.close()
  }

  private unlink(): void {
    this.file.close()
    this.files.remove()
  }

  private loadIndex(): SegmentIndex {
    if (this.sizeInBytes <= SMALL_SEGMENT_BYTES) return this.checkedRebuild()
    const index = this.files.readIndex(this.sizeInBytes)
    return index !== undefined && this.agreesWithLog(index) ? index : this.checkedRebuild()
  }

  private checkedRebuild(): SegmentIndex {
    const expectedEnd = this.nextOffset
    const end = this.rebuild(false)
    if (end.problem !== undefined) throw new CorruptLogError(this.file.path, end.position, end.problem)
    this.checkEnd(expectedEnd)
    const index = this.loadedIndex as SegmentIndex
    this.indexFilesCurrent = this.files.have(index)
    return index
  }

  /** Compares the loaded indexes with the log's tail, which they must describe to its end. */
  private agreesWithLog(index: SegmentIndex): boolean {
    const expectedEnd = this.nextOffset
    const end = endByIndex(this.indexed, index)
    if (end === undefined) return false
    this.nextOffset = end.nextOffset
    this.checkEnd(expectedEnd)
    return index.times.entryCount === 0 || this.holdsTimeEntry(index, index.times.entryCount - 1)
  }

  /** Whether the batch that a time index entry names ends at its offset and has its timestamp. */
  holdsTimeEntry(index: SegmentIndex, entry: number): boolean {
    return holdsTimeEntry(this.indexed, index, entry)
  }

  private checkEnd(expectedEnd: bigint): void {
    if (expectedEnd === UNKNOWN_END || this.nextOffset === expectedEnd) return
    if (this.place.gapsAllowed && this.nextOffset < expectedEnd) {
      this.nextOffset = expectedEnd
      return
    }
    throw new CorruptLogError(
      this.file.path,
      this.sizeInBytes,
      `ends before offset ${this.nextOffset} where ${expectedEnd} was expected`,
    )
  }

  private get indexed(): IndexedLog {
    const { gapsAllowed, indexIntervalBytes } = this.place
    return { file: this.file, baseOffset: this.baseOffset, gapsAllowed, indexIntervalBytes }
  }

  private scan(checkCrc: boolean): BatchScan {
    const { gapsAllowed } = this.place
    return { file: this.file, from: 0, expectedOffset: this.baseOffset, gapsAllowed, checkCrc }
  }
}

/** For openExisting of the newest segment: its end is what the file says. */
export const UNKNOWN_END = -1n
