// One segment: the batches from a base offset on, and the indexes beside them. Only the newest of a log is
// appended to. The indexes are in memory once they are needed and go to their files when the segment is
// rolled or closed; they carry no checksum, so they are compared with the log when they are loaded and
// rebuilt from it where they do not agree.

import type { BatchHeader } from '../protocol/record-batch/header.ts'
import {
  isControlBatch,
  lastOffsetOf,
  maxTimestampOf,
  producerIdOf,
} from '../protocol/record-batch/header.ts'
import type { Storage, StorageFile } from '../storage/storage.ts'
import { CorruptLogError } from '../storage/storage.ts'
import type { ScanEnd } from './batch-scan.ts'
import type { CleanableSegment } from './compaction/cleanable.ts'
import { scanBatches } from './batch-scan.ts'
import {
  DELETED_SUFFIX,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  SNAPSHOT_SUFFIX,
  segmentFileName,
  TIME_INDEX_SUFFIX,
  TXN_INDEX_SUFFIX,
} from './names.ts'
import { OffsetIndex } from './offset-index.ts'
import { SegmentAborted } from './segment-aborted.ts'
import { SegmentIndex } from './segment-index.ts'
import { TimeIndex } from './time-index.ts'
import type { AbortedTransaction } from './txn-index.ts'

/** Below this a scan is as quick as reading index files, and trusts nothing. */
const SMALL_SEGMENT_BYTES = 64 * 1024
const TAIL_BLOCK_BYTES = 64 * 1024
const INDEX_TAIL_INTERVALS = 16

export interface SegmentPlace {
  storage: Storage
  /** The partition's folder. */
  directory: string
  baseOffset: bigint
  createdMs: number
  indexIntervalBytes: number
  gapsAllowed: boolean
  /** Takes what removes a segment's files for good; left out, it is done at once. */
  removeLater?: (remove: () => void) => void
}

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
  /** Index files that were written and not yet synced. */
  unsyncedFiles: string[] = []
  private readonly place: SegmentPlace
  private loadedIndex: SegmentIndex | undefined
  /** Largest timestamp of the first batch: the age of the segment counts from it. */
  private firstBatchTimestamp: bigint | undefined
  private indexFilesCurrent: boolean
  private references = 0
  private doomed = false

  private constructor(place: SegmentPlace, file: StorageFile, nextOffset: bigint, known?: KnownContent) {
    this.place = place
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
        path: this.pathOf(TXN_INDEX_SUFFIX),
        baseOffset: place.baseOffset,
        endOffset: () => this.nextOffset,
        isMarker: (entry) => this.isMarker(entry),
        onWritten: () => this.noteUnsynced(TXN_INDEX_SUFFIX),
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
    if (this.firstBatchTimestamp === undefined && this.sizeInBytes > 0) {
      scanBatches(this.scanFrom(0, undefined, TAIL_BLOCK_BYTES), (buffer, at) => {
        this.firstBatchTimestamp = maxTimestampOf(buffer, at)
        return false
      })
    }
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
    const end = scanBatches({ ...this.scanFrom(0, this.baseOffset), checkCrc }, (buffer, at, position) => {
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
    const index = this.index
    index.finish()
    this.place.storage.replaceFileUnsynced(this.pathOf(OFFSET_INDEX_SUFFIX), index.offsets.encode())
    this.place.storage.replaceFileUnsynced(this.pathOf(TIME_INDEX_SUFFIX), index.times.encode())
    this.noteUnsynced(OFFSET_INDEX_SUFFIX)
    this.noteUnsynced(TIME_INDEX_SUFFIX)
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
    const { storage } = this.place
    for (const suffix of SUFFIXES) {
      const path = this.pathOf(suffix)
      if (storage.exists(path)) storage.rename(path, path + DELETED_SUFFIX)
    }
    this.markReplaced()
  }

  /** As markDeleted, of files that were renamed already. */
  markReplaced(): void {
    this.doomed = true
    this.unsyncedFiles = []
    if (this.references === 0) this.unlink()
  }

  get isDeleted(): boolean {
    return this.doomed
  }

  close(): void {
    this.file.close()
  }

  private unlink(): void {
    const { storage, removeLater } = this.place
    this.file.close()
    const remove = (): void => {
      for (const suffix of SUFFIXES) {
        const path = this.pathOf(suffix) + DELETED_SUFFIX
        // The whole folder may have gone meanwhile.
        if (storage.exists(path)) storage.removeFile(path)
      }
    }
    if (removeLater === undefined) remove()
    else removeLater(remove)
  }

  private loadIndex(): SegmentIndex {
    if (this.sizeInBytes <= SMALL_SEGMENT_BYTES) return this.checkedRebuild()
    const { storage } = this.place
    const offsetBytes = storage.readFile(this.pathOf(OFFSET_INDEX_SUFFIX))
    const timeBytes = storage.readFile(this.pathOf(TIME_INDEX_SUFFIX))
    const offsets = offsetBytes && OffsetIndex.decode(offsetBytes, this.sizeInBytes)
    const times = timeBytes && TimeIndex.decode(timeBytes)
    if (offsets === undefined || times === undefined) return this.checkedRebuild()
    const index = new SegmentIndex(this.baseOffset, offsets, times)
    return this.agreesWithLog(index) ? index : this.checkedRebuild()
  }

  private checkedRebuild(): SegmentIndex {
    const expectedEnd = this.nextOffset
    const end = this.rebuild(false)
    if (end.problem !== undefined) throw new CorruptLogError(this.file.path, end.position, end.problem)
    this.checkEnd(expectedEnd)
    this.indexFilesCurrent = this.indexFilesMatch()
    return this.loadedIndex as SegmentIndex
  }

  private indexFilesMatch(): boolean {
    const { storage } = this.place
    const index = this.loadedIndex as SegmentIndex
    index.finish()
    const offsets = storage.readFile(this.pathOf(OFFSET_INDEX_SUFFIX))
    const times = storage.readFile(this.pathOf(TIME_INDEX_SUFFIX))
    return offsets?.equals(index.offsets.encode()) === true && times?.equals(index.times.encode()) === true
  }

  /** Compares the loaded indexes with the log's tail, which they must describe to its end. */
  private agreesWithLog(index: SegmentIndex): boolean {
    const { offsets, times } = index
    const expectedEnd = this.nextOffset
    let first = true
    let agrees = offsets.entryCount > 0
    const lastIndexed = agrees ? offsets.relativeOffsetAt(offsets.entryCount - 1) : -1
    // Far more log than an interval without an entry: the index was cut.
    const farthest = offsets.lastPosition + INDEX_TAIL_INTERVALS * this.place.indexIntervalBytes
    const tail = this.scanFrom(offsets.lastPosition, undefined, TAIL_BLOCK_BYTES)
    const end = scanBatches(tail, (buffer, at, position) => {
      if (first && Number(lastOffsetOf(buffer, at) - this.baseOffset) !== lastIndexed) agrees = false
      first = false
      if (maxTimestampOf(buffer, at) > times.lastTimestamp || position > farthest) agrees = false
      return agrees
    })
    if (!agrees || end.problem !== undefined) return false
    this.nextOffset = end.nextOffset
    this.checkEnd(expectedEnd)
    return times.entryCount === 0 || this.holdsTimeEntry(index, times.entryCount - 1)
  }

  /** Whether the batch that a time index entry names ends at its offset and has its timestamp. */
  holdsTimeEntry(index: SegmentIndex, entry: number): boolean {
    const relativeOffset = index.times.relativeOffsetAt(entry)
    const start = index.offsets.lookup(relativeOffset)
    let found = false
    scanBatches(
      this.scanFrom(start < 0 ? 0 : index.offsets.positionAt(start), undefined, TAIL_BLOCK_BYTES),
      (buffer, at) => {
        const lastOffset = Number(lastOffsetOf(buffer, at) - this.baseOffset)
        if (lastOffset < relativeOffset) return true
        found = lastOffset === relativeOffset && maxTimestampOf(buffer, at) === index.times.timestampAt(entry)
        return false
      },
    )
    return found
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

  private isMarker(entry: AbortedTransaction): boolean {
    const { offsets } = this.index
    const start = offsets.lookup(Number(entry.lastOffset - this.baseOffset))
    let found = false
    scanBatches(
      this.scanFrom(start < 0 ? 0 : offsets.positionAt(start), undefined, TAIL_BLOCK_BYTES),
      (buffer, at) => {
        const lastOffset = lastOffsetOf(buffer, at)
        if (lastOffset < entry.lastOffset) return true
        found =
          lastOffset === entry.lastOffset &&
          isControlBatch(buffer, at) &&
          producerIdOf(buffer, at) === entry.producerId
        return false
      },
    )
    return found
  }

  private scanFrom(from: number, expectedOffset: bigint | undefined, blockBytes?: number) {
    const { gapsAllowed } = this.place
    return { file: this.file, from, expectedOffset, gapsAllowed, checkCrc: false, blockBytes }
  }

  private noteUnsynced(suffix: string): void {
    const path = this.pathOf(suffix)
    if (!this.unsyncedFiles.includes(path)) this.unsyncedFiles.push(path)
  }

  private pathOf(suffix: string): string {
    return `${this.place.directory}/${segmentFileName(this.baseOffset, suffix)}`
  }
}

/** For openExisting of the newest segment: its end is what the file says. */
export const UNKNOWN_END = -1n

const SUFFIXES = [LOG_SUFFIX, OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, SNAPSHOT_SUFFIX]
