// The time that clean-up goes by: the clock guard, and `clock-checkpoint` in the data directory, by which the next
// process knows a time that it cannot be earlier than. Kafka has no such file and does not look at it.
//
//   0
//   1
//   <ms>

import { decodeCheckpointLines, encodeCheckpointLines, parseOffset } from '../log/checkpoint-lines.ts'
import { CLOCK_FILE } from '../log/names.ts'
import type { Storage } from '../storage/storage.ts'
import type { Clock } from '../time/clock.ts'
import { ClockGuard, type ClockReading, type TimeBounds } from '../time/clock-guard.ts'

/** The next process may lose this much of what the clock was worth. */
const WRITE_INTERVAL_MS = 10 * 60_000

export class CleanUpTime {
  private readonly clock: Clock
  private readonly storage: Storage
  private readonly guard: ClockGuard
  private writtenMs: number

  /** `isNew`: the directory holds nothing that is older than this process. */
  constructor(storage: Storage, clock: Clock, isNew: boolean) {
    this.storage = storage
    this.clock = clock
    const known = readCheckpoint(storage)
    this.writtenMs = known ?? 0
    this.guard = new ClockGuard(this.reading(), isNew ? 'now' : known)
  }

  bounds(): TimeBounds {
    return this.guard.bounds(this.reading())
  }

  /** Writes the time down, where it is believed and the file is old or `isLast`. Rejects with StorageError. */
  async write(isLast = false): Promise<void> {
    this.bounds()
    const { believedMs } = this.guard
    if (believedMs === undefined) return
    if (!isLast && Math.abs(believedMs - this.writtenMs) < WRITE_INTERVAL_MS) return
    await this.storage.replaceFile(CLOCK_FILE, encodeCheckpointLines([String(Math.floor(believedMs))]))
    this.writtenMs = believedMs
  }

  private reading(): ClockReading {
    return { wallMs: this.clock.now(), monotonicMs: this.clock.monotonicMs() }
  }
}

/** undefined where there is none, or a damaged one. */
function readCheckpoint(storage: Storage): number | undefined {
  const bytes = storage.readFile(CLOCK_FILE)
  const [line, ...more] = (bytes && decodeCheckpointLines(bytes)) ?? []
  const time = line === undefined || more.length > 0 ? undefined : parseOffset(line)
  return time === undefined ? undefined : Number(time)
}
