// Sequential reading of a log into the caller's buffer: one positional read per fill, straight from the
// segment file, cut behind the last whole batch. The processor's hot path (processor/ports.ts, LogCursor).

import { BATCH_OVERHEAD } from '../protocol/record-batch/header.ts'
import { walkBatches } from './batch-walk.ts'
import { locate, runSync } from './log-read.ts'
import type { Segment } from './segment.ts'

export interface LogCursor {
  /** The next fill starts with the batch that holds it. */
  readonly nextOffset: bigint
  /**
   * Fills `target` from its start with whole batches, checksums checked, none that begins at or above
   * `untilOffset`. Returns the bytes filled, 0 at the end of the range. Throws RangeError naming the bytes
   * needed where the next batch alone is larger than `target`, and where its segment has been deleted;
   * CorruptLogError where the bytes are not what was written.
   */
  fill(target: Buffer, untilOffset: bigint): number
  close(): void
}

/** Whole batches in one segment's file; `release` all of a range's when they have been read. */
export interface SegmentSpan {
  descriptor: number
  position: number
  length: number
}

/**
 * The files that hold [fromOffset, untilOffset), from the batch that holds `fromOffset` on, and what keeps them
 * open. undefined where they are no files of the system's. Throws as a cursor does.
 */
export function spansOf(
  source: CursorSource,
  fromOffset: bigint,
  untilOffset: bigint,
): { spans: SegmentSpan[]; release(): void } | undefined {
  const spans: SegmentSpan[] = []
  const held: Segment[] = []
  const release = (): void => {
    for (const segment of held.splice(0)) segment.release()
  }
  try {
    let segment = source.segmentAt(fromOffset)
    while (segment !== undefined && segment.baseOffset < untilOffset) {
      const { descriptor } = segment.file
      if (descriptor === undefined) {
        release()
        return undefined
      }
      const isFirst = held.length === 0 && fromOffset > segment.baseOffset
      const position = isFirst ? runSync(locate(segment, fromOffset, source.scratch)) : 0
      segment.retain()
      held.push(segment)
      spans.push({ descriptor, position, length: segment.sizeInBytes - position })
      segment = source.segmentAfter(segment)
    }
    return { spans, release }
  } catch (error) {
    release()
    throw error
  }
}

export interface CursorSource {
  readonly scratch: Buffer
  readonly gapsAllowed: boolean
  /**
   * The segment that holds the offset, or the first behind a gap; undefined at the log's end. Throws
   * RangeError below the first.
   */
  segmentAt(offset: bigint): Segment | undefined
  segmentAfter(segment: Segment): Segment | undefined
  /** Grows each time a truncation may have moved what stands at a position. */
  readonly truncations: number
}

export class SegmentCursor implements LogCursor {
  private readonly source: CursorSource
  private offset: bigint
  /** The segment that is being read, retained; undefined where it has to be looked up. */
  private segment: Segment | undefined
  private position = 0
  /** Whether `offset` is where the batch at `position` begins; until the first fill it may lie inside. */
  private aligned = false
  private truncations: number

  constructor(source: CursorSource, fromOffset: bigint) {
    this.source = source
    this.offset = fromOffset
    this.truncations = source.truncations
  }

  get nextOffset(): bigint {
    return this.offset
  }

  fill(target: Buffer, untilOffset: bigint): number {
    let filled = 0
    const until = Number(untilOffset)
    for (;;) {
      const segment = this.current()
      if (segment === undefined || this.offset >= untilOffset) return filled
      const bytesLeft = segment.sizeInBytes - this.position
      if (bytesLeft === 0) {
        if (!this.moveOn(segment)) return filled
        continue
      }
      const room = target.length - filled
      if (filled > 0 && room < BATCH_OVERHEAD) return filled
      const count = segment.file.read(target, filled, Math.min(room, bytesLeft), this.position)
      const walk = walkBatches(
        target,
        filled,
        filled + count,
        this.aligned ? Number(this.offset) : undefined,
        {
          path: segment.file.path,
          position: this.position,
          bytesLeft,
          beginBelow: until,
          endBelow: Number.POSITIVE_INFINITY,
          gapsAllowed: this.source.gapsAllowed,
          checkCrc: true,
        },
      )
      const taken = walk.end - filled
      if (taken === 0) {
        if (filled === 0 && (walk.missingBytes > 0 || count < Math.min(bytesLeft, BATCH_OVERHEAD))) {
          throw new RangeError(
            `a batch of ${Math.max(walk.missingBytes, BATCH_OVERHEAD)} bytes at offset ${this.offset}, room for ${target.length}`,
          )
        }
        return filled
      }
      this.position += taken
      this.offset = BigInt(walk.nextOffset)
      this.aligned = true
      filled = walk.end
      if (taken < count || this.position < segment.sizeInBytes) return filled
    }
  }

  close(): void {
    this.leave()
  }

  private current(): Segment | undefined {
    if (this.truncations !== this.source.truncations) {
      this.truncations = this.source.truncations
      this.leave()
    }
    if (this.segment !== undefined) return this.segment
    const segment = this.source.segmentAt(this.offset)
    if (segment === undefined) return undefined
    this.enter(
      segment,
      this.offset <= segment.baseOffset ? 0 : runSync(locate(segment, this.offset, this.source.scratch)),
    )
    return segment
  }

  /** To the next segment, where there is one: the newest may still grow. */
  private moveOn(segment: Segment): boolean {
    const next = this.source.segmentAfter(segment)
    if (next === undefined) return false
    this.leave()
    if (next.baseOffset >= this.offset) {
      this.offset = next.baseOffset
      this.enter(next, 0)
    } else {
      // It was cleaned into one with those before it.
      this.enter(next, runSync(locate(next, this.offset, this.source.scratch)))
    }
    return true
  }

  private enter(segment: Segment, position: number): void {
    segment.retain()
    this.segment = segment
    this.position = position
  }

  private leave(): void {
    this.segment?.release()
    this.segment = undefined
  }
}
