// The two generations of a checkpoint: which one counts at a restart, and when the older one is moved on.

import type { Journal } from './journal.ts'
import type { Redo } from './messages.ts'
import { Generation } from './generation.ts'
import { DamagedError, type CheckpointStore, type Database } from './store.ts'

const NAMES = ['state-0', 'state-1'] as const

/** Staged batches that a restart would have to apply: the older generation is moved on beyond either. */
export interface GenerationLimits {
  readonly batches: number
  readonly bytes: number
}

export const defaultLimits: GenerationLimits = { batches: 32, bytes: 4 * 1024 * 1024 }

export class Generations {
  private readonly store: CheckpointStore
  private readonly limits: GenerationLimits
  private readonly warn: (message: string) => void
  private readonly found: (Generation | undefined)[] = []
  private databases: Database[] = []
  private moving: Promise<void> | undefined
  private failure: { error: unknown } | undefined
  private stagedBytes = 0

  constructor(store: CheckpointStore, limits: GenerationLimits, warn: (message: string) => void) {
    this.store = store
    this.limits = limits
    this.warn = warn
  }

  /** By their standing; undefined where damaged. */
  get all(): readonly (Generation | undefined)[] {
    return this.found
  }

  async open(): Promise<void> {
    for (const [index, name] of NAMES.entries()) {
      try {
        const database = await this.store.open(name)
        this.databases[index] = database
        this.found[index] = await Generation.open(name, database)
      } catch (error) {
        if (!(error instanceof DamagedError)) throw error
        this.exclude(index, error)
      }
    }
  }

  /** The generation turned out to be damaged. */
  exclude(index: number, error: DamagedError): void {
    this.warn(`the checkpoint's ${NAMES[index]} is damaged and not used: ${error.message}`)
    this.found[index] = undefined
  }

  /** Makes damaged generations anew, as copies of the one that was loaded. */
  async repair(loaded: number): Promise<void> {
    for (const [index, name] of NAMES.entries()) {
      if (this.found[index] !== undefined) continue
      await this.databases[index]?.close()
      const database = await this.store.replace(name)
      this.databases[index] = database
      this.found[index] = await Generation.copy(this.found[loaded] as Generation, name, database)
    }
  }

  /** Batches up to this one are in both generations: no restart reads their redo records. */
  get settledThrough(): number {
    return Math.min(...this.found.map((generation) => generation?.standing.batchId ?? 0))
  }

  /** Plans up to this one are needed by nothing, whichever generation a restart begins with. */
  get forgottenThrough(): number {
    return Math.min(...this.found.map((generation) => generation?.standing.forgottenThrough ?? 0))
  }

  /**
   * A batch was decided and applied in memory. Moves the older generation on in the background when enough
   * has gathered; waits where the last move is not done though as much has gathered again. `moved` is told.
   */
  async decided(redo: Redo, journal: Journal, moved: () => Promise<void>): Promise<void> {
    if (this.failure !== undefined) throw this.failure.error
    this.stagedBytes += redo.increments.length
    const newest = Math.max(...this.found.map((generation) => generation?.standing.batchId ?? 0))
    if (redo.batchId - newest < this.limits.batches && this.stagedBytes < this.limits.bytes) return
    if (this.moving !== undefined) {
      await this.moving
      return this.decided({ ...redo, increments: NO_BYTES }, journal, moved)
    }
    this.stagedBytes = 0
    this.moving = this.moveOlder(redo.batchId, journal)
      .then(moved)
      .catch((error: unknown) => {
        this.failure = { error }
      })
      .finally(() => {
        this.moving = undefined
      })
  }

  async close(): Promise<void> {
    await this.moving
    for (const database of this.databases) await database?.close()
    if (this.failure !== undefined) throw this.failure.error
  }

  private async moveOlder(through: number, journal: Journal): Promise<void> {
    const [first, second] = this.found as [Generation, Generation]
    const older = first.standing.batchId <= second.standing.batchId ? first : second
    await older.advance(redosOf(journal, older.standing.batchId + 1, through))
  }
}

const NO_BYTES = Buffer.alloc(0)

async function* redosOf(journal: Journal, from: number, through: number): AsyncGenerator<Redo> {
  for (let batchId = from; batchId <= through; batchId++) yield await journal.redo(batchId)
}
