// The segments of a log in offset order, at least one, of which only the newest accepts writes. The array is replaced
// whole, so that a reader's view never changes under it.
// Source: Kafka's LogSegments.

import type { CleanableSegment } from './compaction/cleanable.ts'
import type { Segment } from './segment.ts'

export class LogSegments {
  private list: readonly Segment[]

  constructor(segments: readonly Segment[]) {
    this.list = segments
  }

  get all(): readonly Segment[] {
    return this.list
  }

  get oldest(): Segment {
    return this.list[0] as Segment
  }

  get newest(): Segment {
    return this.list[this.list.length - 1] as Segment
  }

  get sizeInBytes(): number {
    let size = 0
    for (const segment of this.list) size += segment.sizeInBytes
    return size
  }

  describe(): CleanableSegment[] {
    return this.list.map((segment) => segment.describe())
  }

  /**
   * The segment that holds the offset, or the gap that it is in; undefined at the end. Throws RangeError
   * below the first.
   */
  at(offset: bigint): Segment | undefined {
    const { list, oldest } = this
    if (offset < oldest.baseOffset) {
      throw new RangeError(`offset ${offset} was deleted, the log begins at ${oldest.baseOffset}`)
    }
    if (offset >= this.newest.nextOffset) return undefined
    return list[list.findLastIndex((segment) => segment.baseOffset <= offset)]
  }

  /** Also behind one that was replaced: then that which holds what followed it. */
  after(segment: Segment): Segment | undefined {
    return this.list.find((other) => other !== segment && other.nextOffset > segment.nextOffset)
  }

  /** Those that end at or below `endOffset`, oldest first; never the newest. */
  endingBy(endOffset: bigint): readonly Segment[] {
    return this.list.filter((segment) => segment !== this.newest && segment.nextOffset <= endOffset)
  }

  /** Those that begin above `offset`, oldest first. */
  above(offset: bigint): readonly Segment[] {
    return this.list.filter(({ baseOffset }) => baseOffset > offset)
  }

  add(newest: Segment): void {
    this.list = [...this.list, newest]
  }

  remove(gone: readonly Segment[]): void {
    this.list = this.list.filter((segment) => !gone.includes(segment))
  }

  beginAnewWith(segment: Segment): void {
    this.list = [segment]
  }

  /** Whether those stand side by side, below the newest. */
  hasRun(run: readonly Segment[]): boolean {
    return this.placeOf(run) >= 0
  }

  /** Puts one in the place of such a run. */
  replace(run: readonly Segment[], by: Segment): void {
    const at = this.placeOf(run)
    if (at < 0)
      throw new Error(`${run.length} segments from ${run[0]?.baseOffset} on do not stand side by side`)
    this.list = [...this.list.slice(0, at), by, ...this.list.slice(at + run.length)]
  }

  private placeOf(run: readonly Segment[]): number {
    const at = this.list.indexOf(run[0] as Segment)
    const areThere = run.every((segment, i) => this.list[at + i] === segment)
    return at >= 0 && areThere && at + run.length < this.list.length ? at : -1
  }
}
