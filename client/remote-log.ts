// One partition elsewhere: what was heard of it last, and the ranges of it that are here.

import type { AbortedSpan, LogCursor, LogRange, LogView, Pin } from '../processor/ports.ts'
import type { BroughtRange } from './brought-range.ts'

/** Who leads it, as Metadata tells. */
export interface Located {
  readonly partitionIndex: number
  readonly leaderId: number
}

export class RemoteLog implements LogView {
  readonly topic: string
  readonly partition: number
  readonly topicId: string
  leaderId: number
  logStartOffset = 0n
  stableEndOffset = 0n
  isGone = false
  private readonly brought: BroughtRange[] = []
  private readonly times = new Map<number, bigint>()
  private readonly callbacks = new Set<() => void>()

  constructor(topic: string, topicId: string, { partitionIndex, leaderId }: Located) {
    this.topic = topic
    this.partition = partitionIndex
    this.topicId = topicId
    this.leaderId = leaderId
  }

  /** Somebody waits for it to move. */
  get isHeard(): boolean {
    return this.callbacks.size > 0
  }

  locate({ leaderId }: Located): void {
    this.leaderId = leaderId
  }

  moved(logStartOffset: bigint, stableEndOffset: bigint): void {
    this.logStartOffset = logStartOffset
    if (stableEndOffset === this.stableEndOffset) return
    this.stableEndOffset = stableEndOffset
    for (const callback of this.callbacks) callback()
  }

  atTime(timestampMs: number, offset: bigint): void {
    this.times.set(timestampMs, offset)
  }

  gone(): void {
    this.isGone = true
    this.close()
  }

  keep(range: BroughtRange): void {
    if (this.isGone) range.close()
    else this.brought.push(range)
  }

  letGo({ from, until }: LogRange): void {
    const index = this.brought.findIndex((range) => range.from === from && range.until === until)
    if (index >= 0) this.brought.splice(index, 1)[0]?.close()
  }

  close(): void {
    for (const range of this.brought.splice(0)) range.close()
  }

  cursor(fromOffset: bigint): LogCursor {
    const range = this.brought.find(({ from, until }) => from <= fromOffset && fromOffset < until)
    if (range === undefined) {
      throw new Error(
        `${this.topic}-${this.partition}: the rows from offset ${fromOffset} on were not brought`,
      )
    }
    return range.cursor()
  }

  /** What was aborted was not brought. */
  abortedSpans(): AbortedSpan[] {
    return []
  }

  /** Nothing keeps another broker from deleting; what is gone is noticed where it is to be brought. */
  pin(): Pin {
    return { release: () => {} }
  }

  offsetForTimestamp(timestampMs: number): bigint | undefined {
    const offset = this.times.get(timestampMs)
    return offset === undefined || offset < 0n ? undefined : offset
  }

  onAdvance(callback: () => void): () => void {
    this.callbacks.add(callback)
    return () => void this.callbacks.delete(callback)
  }
}
