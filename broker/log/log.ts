// One partition's log: segments in offset order (log-segments.ts), of which only the newest accepts writes.
//
//   segments   [ 0 .......... ][ 812 ........ ][ 1630 .... ]
//                   ^ logStartOffset      ^ durableEndOffset  ^ endOffset
//
// It decides nothing about who may read or write what: watermarks, producers and epochs are the
// partition's. What it promises: offsets are dense (or rise, where gaps are allowed), an append that throws
// changes nothing, bytes come back as they went in or not at all.
// Source: Kafka's LocalLog.

import type { BatchHeader } from '../protocol/record-batch/header.ts'
import { StorageError } from '../storage/storage.ts'
import type { Storage } from '../storage/storage.ts'
import { checkAppend } from './append-check.ts'
import type { CleanableSegment } from './compaction/cleanable.ts'
import { replaceSegments } from './compaction/replace-segments.ts'
import type { SegmentWriter } from './compaction/segment-writer.ts'
import { dropAllCleaned } from './compaction/swap.ts'
import type { LogConfig, LogOpenOptions } from './log-config.ts'
import type { CursorSource, LogCursor } from './log-cursor.ts'
import { SegmentCursor, spansOf } from './log-cursor.ts'
import { DelayedRemovals } from './delayed-removals.ts'
import { loadLog } from './log-load.ts'
import { type LogPin, LogPins } from './log-pins.ts'
import type { LogRead } from './log-read.ts'
import { LOCATE_BLOCK_BYTES, locate, replaySegment, runOffThread, runSync } from './log-read.ts'
import { LogReader } from './log-reader.ts'
import { LogSegments } from './log-segments.ts'
import { LogSync } from './log-sync.ts'
import type { TimestampOffset } from './log-timestamps.ts'
import { firstByTimestamp, firstOfMaxTimestamp } from './log-timestamps.ts'
import { NewSegments } from './new-segments.ts'
import type { SegmentPlace } from './segment-files.ts'
import type { Segment } from './segment.ts'
import type { AbortedTransaction } from './txn-index.ts'

export type { LogCursor } from './log-cursor.ts'
export type { LogPin } from './log-pins.ts'
export type { LogRead } from './log-read.ts'
export type { TimestampOffset } from './log-timestamps.ts'

export class Log implements CursorSource {
  readonly directory: string
  readonly scratch = Buffer.allocUnsafeSlow(LOCATE_BLOCK_BYTES)
  truncations = 0
  private readonly storage: Storage
  private readonly options: LogOpenOptions
  private readonly removals: DelayedRemovals
  private readonly newSegments: NewSegments
  private readonly syncer: LogSync
  private readonly reader: LogReader = new LogReader(this)
  private readonly segments: LogSegments
  private currentConfig: LogConfig
  private hasGaps: boolean
  private startOffset: bigint
  private readonly pins = new LogPins()
  private closed = false

  private constructor(storage: Storage, directory: string, config: LogConfig, options: LogOpenOptions) {
    this.storage = storage
    this.directory = directory
    this.currentConfig = config
    this.hasGaps = config.gapsAllowed || options.mayHaveGaps === true
    this.options = options
    this.removals = new DelayedRemovals(options.clock, (error) => options.onDeleteFailed?.(error))
    this.newSegments = new NewSegments({
      ...options,
      storage,
      directory,
      config: () => ({ ...this.currentConfig, gapsAllowed: this.hasGaps }),
      removeLater: (remove) => this.removals.add(this.currentConfig.fileDeleteDelayMs, remove),
    })
    const loaded = loadLog(storage, directory, options, this.newSegments)
    this.segments = new LogSegments(loaded.segments)
    this.reader.opened(this.endOffset)
    this.startOffset = maxOf(options.logStartOffset, this.segments.oldest.baseOffset)
    this.syncer = new LogSync(storage, directory, loaded.durableEndOffset)
    for (const segment of loaded.unsynced) this.syncer.noteWrite(segment)
    if (loaded.namesChanged) this.syncer.noteNames()
  }

  /**
   * Opens the log in `directory`, making it where there is none. Throws CorruptLogError, StorageError.
   * After an unclean stop durableEndOffset starts at the recovery point: await sync() before anything is
   * appended and before the high watermark covers what was kept, or what was cut may come back.
   */
  static open(storage: Storage, directory: string, config: LogConfig, options: LogOpenOptions): Log {
    return new Log(storage, directory, config, options)
  }

  get path(): string {
    return this.directory
  }

  get logStartOffset(): bigint {
    return this.startOffset
  }

  get endOffset(): bigint {
    return this.segments.newest.nextOffset
  }

  /** Everything below was synced. */
  get durableEndOffset(): bigint {
    return this.syncer.durableEndOffset
  }

  /** What goes into recovery-point-offset-checkpoint. */
  get recoveryPoint(): bigint {
    return this.durableEndOffset
  }

  get sizeInBytes(): number {
    return this.segments.sizeInBytes
  }

  get config(): LogConfig {
    return this.currentConfig
  }

  /** May be replaced at any time; applies from the next append on. */
  set config(config: LogConfig) {
    this.currentConfig = config
    // Gaps stay when the topic is compacted no more.
    this.hasGaps ||= config.gapsAllowed
  }

  get gapsAllowed(): boolean {
    return this.hasGaps
  }

  /**
   * Appends a batch that is stamped already: its base offset must be endOffset (or above it, where gaps are
   * allowed). One write, no copy. Throws StorageError and leaves the log as it was. `aborted` is the
   * transaction that the batch, a marker, aborts: for the transaction index.
   */
  append(batch: Buffer, head: BatchHeader, aborted?: AbortedTransaction): void {
    this.appendAll([batch], [head], aborted)
  }

  /** Several batches in one write, all or none; they never straddle segments. */
  appendAll(batches: readonly Buffer[], heads: readonly BatchHeader[], aborted?: AbortedTransaction): void {
    this.assertOpen()
    if (batches.length === 0) return
    const summary = checkAppend(this.directory, batches, heads, this.endOffset, this.gapsAllowed)
    const isDue = this.newSegments.isDue(this.segments.newest, summary, this.config)
    if (isDue) this.rollTo((heads[0] as BatchHeader).baseOffset)
    if (this.segments.newest.append(batches, heads, aborted)) this.syncer.noteNames()
    this.syncer.noteWrite(this.segments.newest)
  }

  /** Begins a new segment at the end; does nothing while the newest is empty. */
  roll(): void {
    this.assertOpen()
    if (this.segments.newest.sizeInBytes > 0) this.rollTo(this.endOffset)
  }

  /** True where a synchronous read is cheap: within the newest 64 MiB of the partition. */
  isHot(fromOffset: bigint): boolean {
    return this.reader.isHot(this.segments.all, fromOffset)
  }

  /**
   * Whole batches from the one that holds `fromOffset` on, none with an offset at or above maxOffset, at
   * most maxBytes (but one batch in any case where minOneBatch is set). undefined where there is none.
   * `fromOffset` must lie in [logStartOffset, endOffset]: RangeError. `allocate` gives the memory
   * for the bytes; left out, they get their own.
   */
  read(
    fromOffset: bigint,
    maxBytes: number,
    maxOffset: bigint,
    minOneBatch: boolean,
    allocate?: (sizeInBytes: number) => Buffer,
  ): LogRead | undefined {
    this.assertReadable(fromOffset)
    const limits = { maxBytes, maxOffset, minOneBatch, allocate }
    return runSync(this.reader.steps(fromOffset, limits, this.scratch))
  }

  /** As read, without holding the event loop: for what is not hot. */
  async readOffThread(
    fromOffset: bigint,
    maxBytes: number,
    maxOffset: bigint,
    minOneBatch: boolean,
    allocate?: (sizeInBytes: number) => Buffer,
  ): Promise<LogRead | undefined> {
    this.assertReadable(fromOffset)
    const scratch = Buffer.allocUnsafeSlow(LOCATE_BLOCK_BYTES)
    const limits = { maxBytes, maxOffset, minOneBatch, allocate }
    return runOffThread(this.reader.steps(fromOffset, limits, scratch))
  }

  /** Sequential reading from the batch that holds `fromOffset` on; close() it. */
  cursor(fromOffset: bigint): LogCursor {
    return new SegmentCursor(this, fromOffset)
  }

  /** As a cursor, for threads that read the files themselves. */
  spans(fromOffset: bigint, untilOffset: bigint): ReturnType<typeof spansOf> {
    return spansOf(this, fromOffset, untilOffset)
  }

  /** Segments that hold `fromOffset`, and later ones, stay as they are now until release(). */
  pin(fromOffset: bigint): LogPin {
    return this.pins.add(fromOffset)
  }

  /**
   * Visits every batch from the one that holds `fromOffset` on, checksum checked: at `at` of a buffer that
   * is reused. For producer state and epochs. Throws CorruptLogError.
   */
  replay(fromOffset: bigint, visit: (head: BatchHeader, buffer: Buffer, at: number) => void): void {
    for (const segment of this.segments.all) {
      if (segment.nextOffset > fromOffset || segment === this.segments.newest)
        replaySegment(segment, fromOffset, this.gapsAllowed, this.scratch, visit)
    }
  }

  /** The first record at or after logStartOffset with a timestamp at or after the given one. */
  offsetForTimestamp(timestamp: bigint): TimestampOffset | undefined {
    return firstByTimestamp(this.segments.all, timestamp, this.startOffset, this.gapsAllowed)
  }

  /** The first record that has the largest timestamp of the log. */
  offsetOfMaxTimestamp(): TimestampOffset | undefined {
    return firstOfMaxTimestamp(this.segments.all, this.startOffset, this.gapsAllowed)
  }

  /** Goes beside the segment that holds the abort marker (lastOffset). Adding the same again does nothing. */
  addAbortedTransaction(entry: AbortedTransaction): void {
    const segment = this.segmentAt(entry.lastOffset)
    if (segment === undefined)
      throw new Error(`abort marker at ${entry.lastOffset}, log ends at ${this.endOffset}`)
    if (segment.aborted.add(entry)) this.syncer.noteNames()
    this.syncer.noteWrite(segment)
  }

  /** Aborted transactions that overlap [fromOffset, untilOffset), in order of their markers. */
  abortedTransactions(fromOffset: bigint, untilOffset: bigint): AbortedTransaction[] {
    const found: AbortedTransaction[] = []
    for (const segment of this.segments.all) {
      if (segment.nextOffset <= fromOffset) continue
      segment.aborted.findOverlapping(fromOffset, untilOffset, found)
    }
    return found
  }

  /**
   * Cuts at the start of the batch that holds `offset` and returns the new end. Await sync() before anything
   * appended afterwards is acknowledged.
   */
  truncateTo(offset: bigint): bigint {
    this.assertOpen()
    if (offset >= this.endOffset) return this.endOffset
    const { baseOffset } = this.segments.oldest
    if (offset < baseOffset) throw new RangeError(`truncate to ${offset}, the log begins at ${baseOffset}`)
    this.forgetPositions()
    const gone = this.segments.above(offset)
    for (const segment of [...gone].reverse()) segment.markDeleted()
    this.segments.remove(gone)
    const last = this.segments.newest
    const position = runSync(locate(last, offset, this.scratch))
    if (position < last.sizeInBytes) last.truncateAt(position)
    this.startOffset = minOf(this.startOffset, this.endOffset)
    this.syncer.truncated(this.endOffset)
    this.syncer.noteWrite(last)
    this.syncer.noteNames()
    return this.endOffset
  }

  /** Drops everything and begins anew at `offset`: a follower whose offsets its leader no longer has. */
  truncateFullyAndStartAt(offset: bigint): void {
    this.assertOpen()
    this.forgetPositions()
    for (const segment of [...this.segments.all].reverse()) segment.markDeleted()
    this.segments.beginAnewWith(this.newSegments.create(offset))
    this.startOffset = offset
    this.syncer.restarted(offset)
    this.syncer.noteNames()
  }

  /** For DeleteRecords: never lowers it, never beyond the end. Files go with deleteSegmentsBelow. */
  raiseLogStartOffset(offset: bigint): void {
    if (offset > this.endOffset) throw new RangeError(`log start ${offset} beyond the end ${this.endOffset}`)
    this.startOffset = maxOf(this.startOffset, offset)
  }

  /**
   * Deletes whole segments that end at or below `offset`, oldest first, up to the first pinned one. Returns
   * how many.
   */
  deleteSegmentsBelow(offset: bigint): number {
    this.assertOpen()
    const bound = minOf(offset, this.pins.lowest ?? offset)
    const gone = this.segments.endingBy(bound)
    if (gone.length === 0) return 0
    this.segments.remove(gone)
    this.startOffset = maxOf(this.startOffset, this.segments.oldest.baseOffset)
    for (const segment of gone) {
      this.syncer.forget(segment)
      segment.markDeleted()
    }
    this.reader.forget(gone)
    this.syncer.noteNames()
    return gone.length
  }

  /** For the choosers of retention and compaction. Timestamps are looked up when they are asked for. */
  describeSegments(): CleanableSegment[] {
    return this.segments.describe()
  }

  /** The lowest offset that a pin holds; undefined where there is none. */
  get pinnedFrom(): bigint | undefined {
    return this.pins.lowest
  }

  /** Whole segments below `endOffset`, oldest first, the newest never: what the cleaner may read and replace. */
  segmentsBelow(endOffset: bigint): readonly Segment[] {
    return this.segments.endingBy(endOffset)
  }

  /** What broken runs of the cleaner have left in the folder goes. Throws StorageError. */
  dropCleaned(): void {
    dropAllCleaned(this.storage, this.directory)
  }

  /**
   * Puts a written, synced segment in the place of neighbouring ones, `old`. Readers inside those keep what they
   * have. False, and nothing has changed, where they are not all there any more, or a pin has come to hold them.
   * Rejects with StorageError: nothing has changed then either.
   */
  replaceSegments(writer: SegmentWriter, old: readonly Segment[]): Promise<boolean> {
    const { storage, directory, segments, pins } = this
    const replace = (cleaned: Segment): void => {
      segments.replace(old, cleaned)
      for (const segment of old) {
        this.syncer.forget(segment)
        segment.markReplaced()
      }
      this.reader.forget(old)
      this.syncer.noteNames()
    }
    const isClosed = (): boolean => this.closed
    return replaceSegments({ storage, directory, segments, pins, isClosed, replace }, writer, old)
  }

  /** Syncs what was written before the call; durableEndOffset has moved when it resolves. Rejects with StorageError. */
  sync(): Promise<void> {
    return this.syncer.sync(() => this.endOffset)
  }

  /** Writes the indexes out and closes the files. Syncs nothing: a clean stop syncs first. */
  close(): void {
    if (this.closed) return
    this.closed = true
    try {
      for (const segment of this.segments.all) segment.writeIndexFiles()
      this.removals.finish()
    } finally {
      this.release()
    }
  }

  /** Closes the files alone: of a log that goes away, or that could not be opened. */
  release(): void {
    this.closed = true
    this.removals.drop()
    for (const segment of this.segments.all) segment.close()
    this.syncer.close()
  }

  segmentAt(offset: bigint): Segment | undefined {
    return this.segments.at(offset)
  }

  /** Also behind one that was replaced: then that which holds what followed it. */
  segmentAfter(segment: Segment): Segment | undefined {
    return this.segments.after(segment)
  }

  private forgetPositions(): void {
    this.truncations++
    this.reader.forgetAll()
  }

  private rollTo(baseOffset: bigint): void {
    const old = this.segments.newest
    // Indexes first: where that fails, the segment simply goes on.
    old.writeIndexFiles()
    this.segments.add(this.newSegments.next(baseOffset))
    this.syncer.noteWrite(old)
    this.syncer.noteNames()
    this.options.onRoll?.(baseOffset)
  }

  /** Where a segment that is made now belongs. */
  placeOf(baseOffset: bigint): SegmentPlace {
    return this.newSegments.placeOf(baseOffset)
  }

  private assertReadable(fromOffset: bigint): void {
    this.assertOpen()
    if (fromOffset < this.startOffset || fromOffset > this.endOffset) {
      throw new RangeError(`read at ${fromOffset}, the log is [${this.startOffset}, ${this.endOffset})`)
    }
  }

  private assertOpen(): void {
    if (this.closed) throw new StorageError(this.directory, 'the log is closed')
  }
}

const maxOf = (a: bigint, b: bigint): bigint => (a > b ? a : b)
const minOf = (a: bigint, b: bigint): bigint => (a < b ? a : b)
