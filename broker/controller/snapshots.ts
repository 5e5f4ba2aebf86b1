// When a snapshot is due: after so many bytes of log, or so long after the last one if anything has changed since
// (Kafka's SnapshotGenerator). One at a time; while it is written the metadata goes on.

import { isTemporary } from '../storage/storage.ts'
import type { Clock, Timer } from '../time/clock.ts'
import { factsOf } from './snapshot-facts.ts'
import type { MetadataImage } from './image.ts'
import { encodeFact } from './metadata-codec.ts'
import type { Quorum } from './quorum.ts'

export interface SnapshotLimits {
  /** metadata.log.max.record.bytes.between.snapshots */
  maxBytes: number
  /** metadata.log.max.snapshot.interval.ms; 0: never for time alone. */
  maxIntervalMs: number
}

export interface SnapshotsOptions {
  quorum: Quorum
  clock: Clock
  image: MetadataImage
  limits: () => SnapshotLimits
  /** A snapshot could not be written; the log is as long as it was. */
  onFailed?: (error: Error) => void
}

/** After one that failed for want of room. */
const RETRY_MS = 10_000

export class Snapshots {
  private readonly options: SnapshotsOptions
  /** The offset up to which the image holds the log. */
  private imageEnd = 0n
  private lastMs: number
  private notBeforeMs = 0
  private timer: Timer | undefined
  private writing = false
  private closed = false

  constructor(options: SnapshotsOptions) {
    this.options = options
    this.lastMs = options.clock.now()
  }

  /** The image now holds the log up to `endOffset`. */
  moved(endOffset: bigint): void {
    this.imageEnd = endOffset
    this.consider()
  }

  close(): void {
    this.closed = true
    this.timer?.cancel()
  }

  private consider(): void {
    const { quorum, clock, limits } = this.options
    if (this.closed || this.writing || this.imageEnd <= quorum.snapshotEnd) return
    const dueMs = quorum.bytesSinceSnapshot >= limits().maxBytes ? this.notBeforeMs : this.dueByTimeMs()
    const waitMs = dueMs - clock.now()
    this.timer?.cancel()
    if (waitMs <= 0) void this.write()
    else if (waitMs < Infinity) this.timer = clock.setTimer(waitMs, () => this.consider())
  }

  private dueByTimeMs(): number {
    const { maxIntervalMs } = this.options.limits()
    return maxIntervalMs > 0 ? Math.max(this.lastMs + maxIntervalMs, this.notBeforeMs) : Infinity
  }

  private async write(): Promise<void> {
    const { quorum, clock, image, onFailed } = this.options
    this.writing = true
    try {
      // The image goes on while its records are made, a slice at a time.
      await quorum.writeSnapshot(this.imageEnd, recordsOf(image.copy()))
      this.lastMs = clock.now()
    } catch (error) {
      if (!this.closed) onFailed?.(error as Error)
      // What failed for good has ended the quorum.
      if (!isTemporary(error)) this.close()
      this.notBeforeMs = clock.now() + RETRY_MS
    }
    this.writing = false
    this.consider()
  }
}

function* recordsOf(image: MetadataImage): Generator<Uint8Array> {
  for (const fact of factsOf(image)) yield encodeFact(fact)
}
