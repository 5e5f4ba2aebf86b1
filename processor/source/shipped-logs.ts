// The logs that a worker sees: the ranges it was shipped, read from the files of the process by their descriptors or
// from shared memory. It stands for the broker's LogViews there, and knows only what is to be read now.

import { readSync } from 'node:fs'
import { CorruptRecordError } from '../../broker/protocol/record-batch/failures.ts'
import {
  BATCH_OVERHEAD,
  baseOffsetOf,
  batchSizeInBytes,
  lastOffsetOf,
} from '../../broker/protocol/record-batch/header.ts'
import type { ShippedRange } from '../graph/contracts/source.ts'
import type { AbortedSpan, LogCursor, LogView, LogViews } from '../ports.ts'

const SKIP_BLOCK_BYTES = 64 * 1024
/** Larger than any offset: what was shipped is there. */
const NO_END = 2n ** 62n

export class ShippedLogs implements LogViews {
  /** By the batch time whose plan has them. */
  private readonly byTime = new Map<number, readonly ShippedRange[]>()

  take(timeMs: number, ranges: readonly ShippedRange[]): void {
    this.byTime.set(timeMs, [...(this.byTime.get(timeMs) ?? []), ...ranges])
  }

  forget(timeMs: number): void {
    this.byTime.delete(timeMs)
  }

  topics(): string[] {
    return []
  }

  /** Whether a partition exists is asked where it is planned. */
  partitionCount(): number {
    return Number.POSITIVE_INFINITY
  }

  view(topic: string, partition: number): LogView {
    const ranges = [...this.byTime.values()]
      .flat()
      .filter((range) => range.topic === topic && range.partition === partition)
    return new ShippedLog(topic, partition, ranges)
  }
}

class ShippedLog implements LogView {
  readonly topic: string
  readonly partition: number
  readonly topicId: string
  readonly logStartOffset = 0n
  readonly stableEndOffset = NO_END
  private readonly ranges: readonly ShippedRange[]

  constructor(topic: string, partition: number, ranges: readonly ShippedRange[]) {
    this.topic = topic
    this.partition = partition
    this.ranges = ranges
    this.topicId = ranges[0]?.topicId ?? ''
  }

  cursor(fromOffset: bigint): LogCursor {
    return new ShippedCursor(this.rangeOf(fromOffset), fromOffset)
  }

  abortedSpans(fromOffset: bigint, untilOffset: bigint): AbortedSpan[] {
    const { aborted } = this.rangeOf(fromOffset)
    return aborted.filter((span) => span.firstOffset < untilOffset && span.lastOffset >= fromOffset)
  }

  /** The driver has pinned it. */
  pin() {
    return { release() {} }
  }

  offsetForTimestamp(): undefined {
    return undefined
  }

  onAdvance(): () => void {
    return () => {}
  }

  private rangeOf(offset: bigint): ShippedRange {
    const found = this.ranges.find(({ from, until }) => from <= offset && offset < until)
    if (found !== undefined) return found
    throw new Error(
      `offset ${offset} of ${this.topic}-${this.partition} is not among what this worker was given`,
    )
  }
}

/** Some bytes of a range: whole batches from its begin on. */
interface Span {
  readonly length: number
  read(target: Buffer, start: number, length: number, position: number): number
}

function spansOf({ bytes }: ShippedRange): Span[] {
  if ('blocks' in bytes) {
    return bytes.blocks.map((block) => ({
      length: block.byteLength,
      read(target, start, length, position) {
        target.set(new Uint8Array(block, position, length), start)
        return length
      },
    }))
  }
  return bytes.spans.map(({ descriptor, position: begin, length: total }) => ({
    length: total,
    read(target, start, length, position) {
      let done = 0
      while (done < length) {
        const count = readSync(descriptor, target, start + done, length - done, begin + position + done)
        if (count === 0) break
        done += count
      }
      return done
    },
  }))
}

class ShippedCursor implements LogCursor {
  nextOffset: bigint
  readonly checksumsChecked: boolean
  private readonly name: string
  private readonly spans: Span[]
  private position = 0

  constructor(range: ShippedRange, fromOffset: bigint) {
    this.name = `${range.topic}-${range.partition}`
    this.spans = spansOf(range)
    this.checksumsChecked = 'blocks' in range.bytes && range.bytes.checksumsChecked
    this.nextOffset = fromOffset
    if (fromOffset > range.from) this.skipTo(fromOffset)
  }

  fill(target: Buffer, untilOffset: bigint): number {
    for (;;) {
      const span = this.spans[0]
      if (span === undefined) return 0
      const left = span.length - this.position
      if (left === 0) {
        this.nextSpan()
        continue
      }
      const count = span.read(target, 0, Math.min(target.length, left), this.position)
      const { end, needed, isDone } = this.walk(target, count, untilOffset)
      if (end === 0 && !isDone) {
        if (needed > left || count === 0) throw this.cutShort(left)
        throw new RangeError(
          `a batch of ${needed} bytes at offset ${this.nextOffset}, room for ${target.length}`,
        )
      }
      this.position += end
      if (isDone) this.spans.length = 0
      return end
    }
  }

  close(): void {}

  /** How far whole batches that begin below `untilOffset` reach; `isDone`: the next one does not. */
  private walk(block: Buffer, length: number, untilOffset: bigint) {
    let end = 0
    while (length - end >= BATCH_OVERHEAD) {
      if (baseOffsetOf(block, end) >= untilOffset) return { end, needed: 0, isDone: true }
      const sizeInBytes = this.sizeAt(block, end)
      if (end + sizeInBytes > length) return { end, needed: sizeInBytes, isDone: false }
      this.nextOffset = lastOffsetOf(block, end) + 1n
      end += sizeInBytes
    }
    return { end, needed: BATCH_OVERHEAD, isDone: false }
  }

  // Heads alone are looked at: a worker's slice may begin in the middle of a range.
  private skipTo(offset: bigint): void {
    const block = Buffer.allocUnsafeSlow(SKIP_BLOCK_BYTES)
    for (let span = this.spans[0]; span !== undefined; span = this.spans[0]) {
      const left = span.length - this.position
      if (left === 0) {
        this.nextSpan()
        continue
      }
      const count = span.read(block, 0, Math.min(block.length, left), this.position)
      if (count < BATCH_OVERHEAD) throw this.cutShort(left)
      let at = 0
      while (at + BATCH_OVERHEAD <= count) {
        if (lastOffsetOf(block, at) >= offset) {
          this.position += at
          return
        }
        at += this.sizeAt(block, at)
      }
      if (at > left) throw this.cutShort(left)
      this.position += at
    }
  }

  private nextSpan(): void {
    this.spans.shift()
    this.position = 0
  }

  private sizeAt(block: Buffer, at: number): number {
    const sizeInBytes = batchSizeInBytes(block, at)
    if (sizeInBytes >= BATCH_OVERHEAD) return sizeInBytes
    throw new CorruptRecordError(
      at,
      `${this.name} at offset ${this.nextOffset}: a batch of ${sizeInBytes} bytes`,
    )
  }

  private cutShort(left: number): CorruptRecordError {
    return new CorruptRecordError(
      this.position,
      `${this.name} at offset ${this.nextOffset}: ${left} bytes are left`,
    )
  }
}
