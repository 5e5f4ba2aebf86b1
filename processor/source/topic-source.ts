// Topics of the log as a source of rows. Plans ranges by what is committed and durable, keeps the segments
// they lie in, and reads them again as often as asked. Rows that are gone, or a topic that was made anew
// under the old name, end the job with a DataLossError: to go on would be to lose rows silently.

import type { Clock, Timer } from '../../broker/time/clock.ts'
import { systemClock } from '../../broker/time/system-clock.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type {
  LostRows,
  OffsetRange,
  PlanLimits,
  ShippedRange,
  Source,
  SourcePlan,
  SourcePosition,
  SourceRecord,
} from '../graph/contracts/source.ts'
import type { LogView, LogViews, Pin } from '../ports.ts'
import { BlockBuffers } from './block-buffers.ts'
import { DataLossError } from './errors.ts'
import { RangeReader } from './range-reader.ts'
import { allot } from './rate-limit.ts'
import { wholeRecords, type RowKind, type TopicRecord } from './row-kind.ts'
import { shipRange } from './ship-range.ts'
import { startingOffset, type StartingOptions } from './starting-offsets.ts'
import { selectTopics, type SelectedTopics, type TopicSelection } from './topic-selection.ts'

/**
 * The starting options say where a stream without a position begins. Partitions that come later, while the job
 * runs or while it is down, are read from their start.
 */
export interface TopicSourceOptions<T> extends StartingOptions {
  readonly views: LogViews
  /** Topics and partitions that do not exist yet are waited for. */
  readonly topics: TopicSelection
  /** What a row is: textValues, textPairs, wholeRecords or rawRecords. */
  readonly rows: RowKind<T>
  /** Rows per second and partition (Spark's kafka.maxRatePerPartition); with the asap trigger, per batch. */
  readonly maxRatePerPartition?: number
  /** Rows per batch and partition that limits leave all the same (Spark's kafka.minRatePerPartition); default 1. */
  readonly minRatePerPartition?: number
  /** Rows per batch (Spark's maxOffsetsPerTrigger), shared out by lag. */
  readonly maxRowsPerBatch?: number
  /**
   * Rows that were deleted before they were read: end the job (default, as in Spark), or are told to listeners, and the
   * job goes on from the earliest that is there. A topic that is gone or was made again ends it in either case.
   */
  readonly failOnDataLoss?: boolean
  /** How often new topics and partitions are looked for; default 1 s. */
  readonly discoveryIntervalMs?: number
  /** Default: the machine's clock. */
  readonly clock?: Clock
}

interface TrackedPartition {
  readonly topic: string
  readonly partition: number
  topicId: string
  /** The next plan begins here. */
  offset: bigint
  /** Its position stands in a plan, so a restart finds it. */
  planned: boolean
  view: LogView
  unsubscribe: () => void
}

export class TopicSource<T> implements Source<T> {
  readonly description: string
  private readonly options: TopicSourceOptions<T>
  private readonly selected: SelectedTopics
  private readonly clock: Clock
  private readonly buffers = new BlockBuffers()
  private readonly partitions = new Map<string, TrackedPartition>()
  private readonly pins = new Map<string, Pin[]>()
  private readonly callbacks = new Set<() => void>()
  private tellLost: (lost: LostRows) => void = () => {}
  private timer: Timer | undefined

  constructor(options: TopicSourceOptions<T>) {
    this.options = options
    this.selected = selectTopics(options.topics)
    checkLimit('maxRatePerPartition', options.maxRatePerPartition)
    checkLimit('minRatePerPartition', options.minRatePerPartition)
    checkLimit('maxRowsPerBatch', options.maxRowsPerBatch)
    this.description = this.selected.description
    this.clock = options.clock ?? systemClock
  }

  start(positions: readonly SourcePosition[]): void {
    for (const position of positions) this.goOnFrom(position)
    // What has come while the job was down is read from its start, like what comes while it runs.
    if (this.partitions.size > 0) this.discover()
    else for (const view of this.unread()) this.track(view, startingOffset(view, this.options), false)
    this.lookAgain()
  }

  plan({ intervalMs, maxRows }: PlanLimits): SourcePlan {
    this.discover()
    const tracked = [...this.partitions.values()]
    const ends = tracked.map((each) => this.checkedEnd(each))
    const { maxRatePerPartition: rate, minRatePerPartition, maxRowsPerBatch } = this.options
    const lags = tracked.map(({ offset }, index) => (ends[index] as bigint) - offset)
    const shares = allot(lags, {
      maxRows: maxRows === undefined ? maxRowsPerBatch : Math.min(maxRows, maxRowsPerBatch ?? maxRows),
      maxPerPartition: rate === undefined ? undefined : (rate * (intervalMs ?? 1000)) / 1000,
      minPerPartition: minRatePerPartition ?? 1,
    })
    const ranges: OffsetRange[] = []
    let more = false
    for (const [index, each] of tracked.entries()) {
      const { topic, partition, topicId, offset: from } = each
      const until = from + (shares[index] as bigint)
      more ||= until < (ends[index] as bigint)
      if (until === from && each.planned) continue
      ranges.push({ topic, partition, topicId, from, until })
    }
    this.pinAll(ranges)
    const hasRows = ranges.some(({ from, until }) => until > from)
    for (const { topic, partition, until } of ranges) {
      const each = this.partitions.get(nameOf(topic, partition)) as TrackedPartition
      each.offset = until
      // A plan without rows may be thrown away, and its positions with it.
      each.planned ||= hasRows
    }
    return { ranges, more }
  }

  restore(ranges: readonly OffsetRange[]): readonly OffsetRange[] {
    const left = ranges.map((range) => (range.from === range.until ? range : this.leftOf(range)))
    this.pinAll(left)
    return left
  }

  onDataLoss(callback: (lost: LostRows) => void): void {
    this.tellLost = callback
  }

  rows(range: OffsetRange, emit: Emit<T>): RowReader {
    if (range.from === range.until) return NO_ROWS
    return new RangeReader(this.viewOf(range), range, this.options.rows, emit, this.buffers)
  }

  ship(range: OffsetRange): Promise<{ shipped: ShippedRange; release: () => void }> {
    return shipRange(this.viewOf(range), range)
  }

  record(range: OffsetRange, offset: bigint): SourceRecord | undefined {
    const { leftOut: _, ...planned } = range
    const found: TopicRecord[] = []
    const one = { ...planned, from: offset, until: offset + 1n }
    const take = (record: TopicRecord) => void found.push(record)
    const reader = new RangeReader(this.viewOf(range), one, wholeRecords, take, this.buffers)
    try {
      while (reader.read(1));
    } finally {
      reader.close()
    }
    return found[0]
  }

  release(ranges: readonly OffsetRange[]): void {
    for (const range of ranges) {
      if (range.from === range.until) continue
      const pins = this.pins.get(keyOf(range))
      const pin = pins?.pop()
      if (pins === undefined || pin === undefined)
        throw new Error(`${keyOf(range)} is released, but not held`)
      if (pins.length === 0) this.pins.delete(keyOf(range))
      pin.release()
    }
  }

  onAdvance(callback: () => void): () => void {
    this.callbacks.add(callback)
    return () => void this.callbacks.delete(callback)
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
    for (const { unsubscribe } of this.partitions.values()) unsubscribe()
    this.partitions.clear()
    for (const pins of this.pins.values()) for (const pin of pins) pin.release()
    this.pins.clear()
    this.callbacks.clear()
  }

  /** Segments that are kept for planned ranges: for tests of release. */
  get pinned(): number {
    return [...this.pins.values()].reduce((sum, pins) => sum + pins.length, 0)
  }

  private goOnFrom(position: SourcePosition): void {
    const { topic, partition, topicId, offset } = position
    // A topic that the program no longer asks for is left where it was.
    if (!this.selected.includes(topic, partition)) return
    const view = this.existing(topic, partition, topicId)
    this.track(view, offset, true)
  }

  /** Takes up partitions that are not read yet, from their start. */
  private discover(): void {
    for (const view of this.unread()) this.track(view, view.logStartOffset, false)
  }

  /** Partitions that are there and not read yet. */
  private unread(): LogView[] {
    const { views } = this.options
    return this.selected
      .among(views)
      .flatMap((topic) =>
        Array.from({ length: views.partitionCount(topic) }, (_, partition) => ({ topic, partition })),
      )
      .filter(
        ({ topic, partition }) =>
          this.selected.includes(topic, partition) && !this.partitions.has(nameOf(topic, partition)),
      )
      .map(({ topic, partition }) => views.view(topic, partition))
  }

  private track(view: LogView, offset: bigint, planned: boolean): void {
    const { topic, partition, topicId } = view
    const unsubscribe = view.onAdvance(() => this.advanced())
    this.partitions.set(nameOf(topic, partition), {
      topic,
      partition,
      topicId,
      offset,
      planned,
      view,
      unsubscribe,
    })
  }

  private advanced(): void {
    for (const callback of this.callbacks) callback()
  }

  // The log tells of rows, not of topics: those are looked for.
  private lookAgain(): void {
    this.timer = this.clock.setTimer(this.options.discoveryIntervalMs ?? 1000, () => {
      if (this.hasUnread()) this.advanced()
      this.lookAgain()
    })
  }

  private hasUnread(): boolean {
    const { views } = this.options
    return this.selected.among(views).some((topic) => {
      const count = views.partitionCount(topic)
      for (let partition = 0; partition < count; partition++) {
        const isRead = this.partitions.has(nameOf(topic, partition))
        if (!isRead && this.selected.includes(topic, partition)) return true
      }
      return false
    })
  }

  /** The partition's stable end, after a look at whether its next rows are still there. */
  private checkedEnd(tracked: TrackedPartition): bigint {
    const { topic, partition, topicId, offset } = tracked
    const view = this.existing(topic, partition, topicId)
    const { logStartOffset, stableEndOffset } = view
    if (offset < logStartOffset) {
      this.lost(
        { topic, partition, from: offset, until: logStartOffset },
        'were deleted before they were read',
      )
      tracked.offset = logStartOffset
    }
    if (offset > stableEndOffset) {
      throw new DataLossError(
        `${nameOf(topic, partition)} ends at ${stableEndOffset}, but the job has read it up to ${offset}: the log has lost rows`,
      )
    }
    return stableEndOffset
  }

  private pinAll(ranges: readonly OffsetRange[]): void {
    const done: OffsetRange[] = []
    try {
      for (const range of ranges) {
        if (range.from === range.until) continue
        this.pin(range)
        done.push(range)
      }
    } catch (error) {
      this.release(done)
      throw error
    }
  }

  /** What of a planned range is still there. Throws DataLossError where more is gone than may be lost. */
  leftOf(range: OffsetRange): OffsetRange {
    const { topic, partition, topicId, from, until } = range
    const { logStartOffset, stableEndOffset } = this.existing(topic, partition, topicId)
    const log = `${logStartOffset} to ${stableEndOffset}`
    if (until > stableEndOffset) {
      throw new DataLossError(
        `${nameOf(topic, partition)}: the plan has rows ${from} to ${until}, the log ${log}`,
      )
    }
    if (from >= logStartOffset) return range
    const start = until < logStartOffset ? until : logStartOffset
    this.lost({ topic, partition, from, until: start }, `are in the plan, the log has ${log}`)
    return { ...range, from: start }
  }

  private lost(lost: LostRows, why: string): void {
    const { topic, partition, from, until } = lost
    if (this.options.failOnDataLoss === false) this.tellLost(lost)
    else throw new DataLossError(`${nameOf(topic, partition)}: rows ${from} to ${until} ${why}`)
  }

  private pin(range: OffsetRange): void {
    const pin = this.viewOf(range).pin(range.from)
    // After pinning, so that nothing is deleted in between.
    try {
      if (this.leftOf(range) !== range) throw new Error(`${keyOf(range)} is pinned, but not there`)
    } catch (error) {
      pin.release()
      throw error
    }
    const key = keyOf(range)
    const pins = this.pins.get(key)
    if (pins === undefined) this.pins.set(key, [pin])
    else pins.push(pin)
  }

  private viewOf({ topic, partition, topicId }: OffsetRange): LogView {
    return this.existing(topic, partition, topicId)
  }

  private existing(topic: string, partition: number, topicId: string): LogView {
    if (partition >= this.options.views.partitionCount(topic)) {
      throw new DataLossError(`${nameOf(topic, partition)} does not exist any more`)
    }
    const view = this.options.views.view(topic, partition)
    if (topicId !== '' && view.topicId !== topicId) {
      throw new DataLossError(
        `topic '${topic}' was deleted and made again: the job has read ${topicId}, now there is ${view.topicId}`,
      )
    }
    return view
  }
}

const NO_ROWS: RowReader = { read: () => false, close: () => {} }

function nameOf(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

function keyOf({ topic, partition, topicId, from, until }: OffsetRange): string {
  return `${topic}-${partition} (${topicId}) ${from} to ${until}`
}

function checkLimit(what: string, value: number | undefined): void {
  if (value !== undefined && !(value > 0)) throw new TypeError(`${what} must be above 0: got ${value}`)
}
