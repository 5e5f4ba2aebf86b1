// Which files a batch takes: Spark's rule (FileInputDStream), pure. A batch at time t takes a file that was modified
// at or before t, later than the remember window before t, and that no batch took within that window:
//
//        ignored          │           taken, unless taken before          │   for the next batches
//    ─────────────────────┼───────────────────────────────────────────────┼──────────────────────► modified
//                    t − remember                                          t
//
// Where batches are missing (a downtime), the window begins at the last one: what came in the gap is taken, too.

import type { PlannedFile } from '../graph/contracts/source.ts'

export class FileSelection {
  private readonly rememberMs: number
  /** Files modified at or before it are none of the job's. */
  private readonly sinceMs: number
  private lastMs: number | undefined
  /** By path, the time of the batch that took it. */
  private readonly taken = new Map<string, number>()

  constructor(rememberMs: number, sinceMs: number) {
    this.rememberMs = rememberMs
    this.sinceMs = sinceMs
  }

  /** What a batch at this time would take, oldest first. */
  select(found: readonly PlannedFile[], timeMs: number): PlannedFile[] {
    const ignoredUntilMs = this.ignoredUntil(timeMs)
    return found
      .filter(({ modifiedMs }) => modifiedMs > ignoredUntilMs && modifiedMs <= timeMs)
      .filter(({ path }) => !this.taken.has(path))
      .sort((a, b) => a.modifiedMs - b.modifiedMs || (a.path < b.path ? -1 : 1))
  }

  /** A batch has taken these. Also for batches of an earlier run. */
  take(files: readonly PlannedFile[], timeMs: number): void {
    for (const { path } of files) this.taken.set(path, timeMs)
    this.lastMs = Math.max(this.lastMs ?? timeMs, timeMs)
    // What was modified before can never be selected again.
    const ignoredUntilMs = this.ignoredUntil(this.lastMs)
    for (const [path, takenMs] of this.taken) if (takenMs <= ignoredUntilMs) this.taken.delete(path)
  }

  private ignoredUntil(timeMs: number): number {
    const windowMs = timeMs - this.rememberMs
    return Math.max(this.sinceMs, Math.min(windowMs, this.lastMs ?? windowMs))
  }
}
