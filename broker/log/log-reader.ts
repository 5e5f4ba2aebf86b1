// Reads for fetch: finds the segment, goes on behind it where only a gap is left, and remembers where recent
// reads ended, because a consumer goes on where it stopped and then needs no search.

import { InheritedBatches } from './inherited-batches.ts'
import type { CursorSource } from './log-cursor.ts'
import type { LogRead, ReadLimits, SegmentRead, Steps } from './log-read.ts'
import { locate, readAt } from './log-read.ts'
import type { Segment } from './segment.ts'

/** What is likely to be in the page cache: the newest bytes of a partition. */
const HOT_BYTES = 64 * 1024 * 1024
const REMEMBERED_READS = 8

interface ReadEnd {
  offset: bigint
  segment: Segment
  position: number
}

export class LogReader {
  private readonly source: CursorSource
  private ends: ReadEnd[] = []
  private inherited = new InheritedBatches(0n)

  constructor(source: CursorSource) {
    this.source = source
  }

  /** What lies below `endOffset` was there before this process. */
  opened(endOffset: bigint): void {
    this.inherited = new InheritedBatches(endOffset)
  }

  isHot(segments: readonly Segment[], fromOffset: bigint): boolean {
    let bytesAfter = 0
    for (let i = segments.length - 1; i >= 0 && bytesAfter <= HOT_BYTES; i--) {
      const segment = segments[i] as Segment
      if (segment.baseOffset <= fromOffset) {
        if (bytesAfter + segment.sizeInBytes <= HOT_BYTES) return true
        const { offsets } = segment.index
        const entry = offsets.lookup(Math.min(Number(fromOffset - segment.baseOffset), 0x7fffffff))
        return bytesAfter + segment.sizeInBytes - (entry < 0 ? 0 : offsets.positionAt(entry)) <= HOT_BYTES
      }
      bytesAfter += segment.sizeInBytes
    }
    return bytesAfter <= HOT_BYTES
  }

  *steps(fromOffset: bigint, limits: ReadLimits, scratch: Buffer): Steps<LogRead | undefined> {
    const { source } = this
    let segment = fromOffset < limits.maxOffset ? source.segmentAt(fromOffset) : undefined
    while (segment !== undefined) {
      const reading: Segment = segment
      const { truncations } = source
      // Deleting or closing must not take the file away between the steps.
      reading.retain()
      try {
        const known = this.ends.find((end) => end.offset === fromOffset && end.segment === reading)
        const position = known?.position ?? (yield* locate(reading, fromOffset, scratch))
        if (position < reading.sizeInBytes) {
          const check = { gapsAllowed: source.gapsAllowed, checkCrc: this.inherited.needCheck(fromOffset) }
          const result: SegmentRead | undefined = yield* readAt(reading, position, limits, check)
          if (check.checkCrc && result !== undefined) {
            this.inherited.verified(result.read.firstBatchBaseOffset, result.read.nextOffset)
          }
          if (result !== undefined && truncations === source.truncations) this.remember(reading, result)
          return result?.read
        }
      } finally {
        reading.release()
      }
      // Only a gap is left of this segment.
      segment = source.segmentAfter(reading)
    }
    return undefined
  }

  forget(segments: readonly Segment[]): void {
    this.ends = this.ends.filter((end) => !segments.includes(end.segment))
  }

  forgetAll(): void {
    this.ends = []
  }

  private remember(segment: Segment, result: SegmentRead): void {
    const { nextOffset } = result.read
    const oldest = this.ends.findIndex((end) => end.offset === nextOffset)
    if (oldest >= 0) this.ends.splice(oldest, 1)
    else if (this.ends.length === REMEMBERED_READS) this.ends.shift()
    this.ends.push({ offset: nextOffset, segment, position: result.endPosition })
  }
}
