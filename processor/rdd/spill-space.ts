// How much of a shuffle a thread holds in memory, and the files that have the rest. A file is its batch's: it is closed,
// and so gone, when no batch can ask for that batch's rows again.
//
// The limit is one shuffle's, not one that shuffles share: what spills decides in which order values are combined, and
// that must follow from the rows alone, so that a batch that runs again comes to the same.

import { tmpdir } from 'node:os'
import { SpillFile, sweepSpillFiles } from './spill-file.ts'

export interface SpillOptions {
  /**
   * Memory, as far as it can be estimated, that the rows of one shuffle may take up in a thread; the others go to a file.
   * Default 256 MiB.
   */
  readonly shuffleMemoryInBytes?: number
  /** Directory of the files (Spark's spark.local.dir). Default: the system's for temporary files. */
  readonly localDir?: string
}

const DEFAULT_MEMORY_BYTES = 256 * 1024 * 1024

export class SpillSpace {
  readonly limitInBytes: number
  private readonly directory: string
  /** Of a run that was given up nothing refers to the files any more: they may go before their batch is over. */
  private readonly files = new Map<number, WeakRef<SpillFile>[]>()
  private runningMs: number | undefined

  /** Throws TypeError. */
  constructor({ shuffleMemoryInBytes = DEFAULT_MEMORY_BYTES, localDir = tmpdir() }: SpillOptions = {}) {
    if (!Number.isSafeInteger(shuffleMemoryInBytes) || shuffleMemoryInBytes < 1) {
      throw new TypeError(
        `shuffleMemoryInBytes must be a whole number above 0: got ${String(shuffleMemoryInBytes)}`,
      )
    }
    this.limitInBytes = shuffleMemoryInBytes
    this.directory = localDir
  }

  /** Before the first batch: what a process that was killed has left. */
  sweep(): void {
    sweepSpillFiles(this.directory)
  }

  /** A batch begins to run: files are its own from now on. */
  begin(timeMs: number): void {
    this.runningMs = timeMs
  }

  /**
   * `outlives`: what is made outside of batches, and may be read by many, keeps its file until it is itself gone.
   * Throws SpillError.
   */
  open(outlives = false): SpillFile {
    const file = new SpillFile(this.directory)
    if (outlives || this.runningMs === undefined) return file
    const known = this.files.get(this.runningMs)
    if (known === undefined) this.files.set(this.runningMs, [new WeakRef(file)])
    else known.push(new WeakRef(file))
    return file
  }

  /** Rows of batches at other times are not asked for again. */
  keepOnly(timesMs: ReadonlySet<number>): void {
    for (const timeMs of this.files.keys()) if (!timesMs.has(timeMs)) this.close(timeMs)
  }

  private close(timeMs: number): void {
    for (const file of this.files.get(timeMs) ?? []) file.deref()?.close()
    this.files.delete(timeMs)
  }
}
