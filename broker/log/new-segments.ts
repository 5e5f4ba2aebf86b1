// Where the segments of one log come from: when the next one is to begin (roll.ts), and what each is told. The jitter
// of its age is drawn anew for every segment that is begun.

import type { Storage } from '../storage/storage.ts'
import type { AppendSummary } from './append-check.ts'
import type { LogConfig, LogOpenOptions } from './log-config.ts'
import { shouldRoll } from './roll.ts'
import { Segment } from './segment.ts'
import type { SegmentPlace } from './segment-files.ts'

export interface NewSegmentsOptions extends Pick<LogOpenOptions, 'clock' | 'random'> {
  storage: Storage
  directory: string
  /** As it is then; `gapsAllowed` also where an earlier configuration has left gaps. */
  config: () => LogConfig
  removeLater: (remove: () => void) => void
}

export class NewSegments {
  private readonly options: NewSegmentsOptions
  /** What the newest segment has drawn of segment.jitter.ms: a share in [0, 1). */
  private jitterShare: number

  constructor(options: NewSegmentsOptions) {
    this.options = options
    this.jitterShare = options.random?.() ?? 0
  }

  /** Whether what is appended goes into a segment of its own. */
  isDue(newest: Segment, { bytes, lastOffset, maxTimestamp }: AppendSummary, config: LogConfig): boolean {
    const reason = shouldRoll(
      {
        baseOffset: newest.baseOffset,
        sizeInBytes: newest.sizeInBytes,
        offsetIndexEntries: newest.index.offsets.entryCount,
        timeIndexEntries: newest.index.times.entryCount,
        firstTimestamp: newest.firstTimestamp,
        createdMs: newest.createdMs,
        jitterMs: Math.floor(this.jitterShare * config.segmentJitterMs),
        appendBytes: bytes,
        appendLastOffset: lastOffset,
        appendMaxTimestamp: maxTimestamp,
        nowMs: this.options.clock.now(),
      },
      config,
    )
    return reason !== undefined
  }

  /** The segment that follows. */
  next(baseOffset: bigint): Segment {
    const segment = this.create(baseOffset)
    this.jitterShare = this.options.random?.() ?? 0
    return segment
  }

  create(baseOffset: bigint): Segment {
    return Segment.create(this.placeOf(baseOffset))
  }

  /** Where a segment that is made or opened now belongs. */
  placeOf(baseOffset: bigint): SegmentPlace {
    const { storage, directory, clock, removeLater } = this.options
    const { indexIntervalBytes, gapsAllowed } = this.options.config()
    const createdMs = clock.now()
    return { storage, directory, baseOffset, createdMs, indexIntervalBytes, gapsAllowed, removeLater }
  }
}
