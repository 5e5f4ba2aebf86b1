// How far a partition's readers may see. With one replica the high watermark is decided by durability:
//
//   fsync     the durable end: no reader sees, and no reply leaves for, what a power cut could take back
//   interval  the log end, except that it stops before a forced append until that is durable
//   os        the same
//   memory    the log end; everything counts as durable at once
//
// A forced append (coordinator facts, markers, the processor's transactions) holds the watermark back in
// every mode but memory. Rules kept: it never goes back; under fsync it never passes the durable end (I5).

import type { Durability } from './partition-api.ts'

export class HighWatermark {
  private durability: Durability
  private current: bigint
  private durable: bigint
  private end: bigint
  /** Forced appends that are not durable yet, in offset order; `end` is exclusive. */
  private forced: { base: bigint; end: bigint }[] = []

  /** All three start at the recovered log's end: what recovery kept was synced before anybody looks. */
  constructor(durability: Durability, endOffset: bigint) {
    this.durability = durability
    this.current = endOffset
    this.durable = endOffset
    this.end = endOffset
  }

  /** Exclusive: records below it may be read. */
  get value(): bigint {
    return this.current
  }

  /** Exclusive: records below it survive a power cut. */
  get durableEnd(): bigint {
    return this.durable
  }

  /**
   * Takes effect for what is appended from now on; the watermark never goes back for it. In memory nothing waits
   * for a disk; where it is left, no more is durable than was synced, below `syncedEnd`. Returns whether it moved.
   */
  setDurability(durability: Durability, syncedEnd: bigint): boolean {
    const wasVolatile = this.durability === 'memory'
    this.durability = durability
    if (durability === 'memory') {
      this.durable = this.end
      this.forced = []
    } else if (wasVolatile && syncedEnd < this.durable) this.durable = syncedEnd
    return this.advance()
  }

  /** Offsets [base, end) were appended. Returns whether the watermark moved. */
  onAppend(base: bigint, end: bigint, forceDurable: boolean): boolean {
    if (base !== this.end || end <= base) {
      throw new Error(`append of offsets ${base} to ${end} does not follow log end ${this.end}`)
    }
    this.end = end
    if (this.durability === 'memory') this.durable = end
    else if (forceDurable) this.forced.push({ base, end })
    return this.advance()
  }

  /** A sync that began when the log ended at `end` has succeeded. Returns whether the watermark moved. */
  onDurable(end: bigint): boolean {
    if (end > this.end) throw new Error(`durable end ${end} lies beyond log end ${this.end}`)
    if (end <= this.durable) return false
    this.durable = end
    while (this.forced[0] !== undefined && this.forced[0].end <= end) this.forced.shift()
    return this.advance()
  }

  private advance(): boolean {
    const target = this.target()
    if (target <= this.current) return false
    if (this.durability === 'fsync' && target > this.durable) {
      throw new Error(`high watermark ${target} would pass durable end ${this.durable}`)
    }
    if (target > this.end) throw new Error(`high watermark ${target} would pass log end ${this.end}`)
    this.current = target
    return true
  }

  private target(): bigint {
    if (this.durability === 'fsync') return this.durable
    const held = this.forced[0]
    if (held === undefined) return this.end
    // A sync can end within a forced append only if it began before it: the whole append waits.
    return held.base
  }
}
