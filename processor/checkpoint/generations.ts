// The two generations of a checkpoint: which one counts at a restart, and when the older one is moved on.

import type { Journal } from './journal.ts'
import type { Redo } from './messages.ts'
import { Generation } from './generation.ts'
import { CheckpointError, DamagedError, type CheckpointStore, type Database } from './store.ts'

export const GENERATION_NAMES = ['state-0', 'state-1'] as const

/** Staged batches that a restart would have to apply: the older generation is moved on beyond either. */
export interface GenerationLimits {
  readonly batches: number
  readonly bytes: number
}

export const defaultLimits: GenerationLimits = { batches: 32, bytes: 4 * 1024 * 1024 }

/** Times the limits. */
const FAR_TOO_MUCH = 8

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
    for (const [index, name] of GENERATION_NAMES.entries()) {
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
    this.warn(`the checkpoint's ${GENERATION_NAMES[index]} is damaged and not used: ${error.message}`)
    this.found[index] = undefined
  }

  /** Makes generations anew, as copies of the one that was loaded. */
  async remake(indexes: readonly number[], loaded: number): Promise<void> {
    for (const index of indexes) {
      const name = GENERATION_NAMES[index] as string
      await this.databases[index]?.close()
      const database = await this.store.replace(name)
      this.databases[index] = database
      this.found[index] = await Generation.copy(this.found[loaded] as Generation, name, database)
    }
  }

  /**
   * Looks at the generation that was not loaded, in the background: damage that nobody has read would be found
   * only when it is needed.
   */
  lookAtOther(loaded: number): void {
    const index = 1 - loaded
    this.inBackground(async () => {
      try {
        await this.found[index]?.load(() => {})
      } catch (error) {
        if (!(error instanceof DamagedError)) throw error
        this.exclude(index, error)
        await this.remake([index], loaded)
      }
    })
  }

  /** The one that stands furthest, when nothing is being moved. Throws where both are damaged. */
  async newest(): Promise<{ generation: Generation; index: number }> {
    await this.moving
    this.check()
    let newest: { generation: Generation; index: number } | undefined
    for (const [index, generation] of this.found.entries()) {
      if (generation === undefined) continue
      if (newest === undefined || generation.standing.batchId > newest.generation.standing.batchId) {
        newest = { generation, index }
      }
    }
    if (newest === undefined) throw new CheckpointError('both generations of the state are damaged')
    return newest
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
   * A batch was decided and applied in memory. When enough has gathered, moves the older generation on in the
   * background; waits for what is under way there only where far too much has gathered. `moved` is told.
   */
  async decided(redo: Redo, journal: Journal, moved: () => Promise<void>): Promise<void> {
    this.check()
    this.stagedBytes += redo.increments.length
    const newest = Math.max(...this.found.map((generation) => generation?.standing.batchId ?? 0))
    const gathered = Math.max(
      (redo.batchId - newest) / this.limits.batches,
      this.stagedBytes / this.limits.bytes,
    )
    if (gathered < (this.moving === undefined ? 1 : FAR_TOO_MUCH)) return
    await this.moving
    this.check()
    this.stagedBytes = 0
    this.inBackground(async () => {
      await this.moveOlder(redo.batchId, journal)
      await moved()
    })
  }

  async close(): Promise<void> {
    await this.moving
    for (const database of this.databases) await database?.close()
    this.check()
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure.error
  }

  private inBackground(act: () => Promise<void>): void {
    this.moving = act()
      .catch((error: unknown) => {
        this.failure = { error }
      })
      .finally(() => {
        this.moving = undefined
      })
  }

  private async moveOlder(through: number, journal: Journal): Promise<void> {
    const [first, second] = this.found as [Generation, Generation]
    const older = first.standing.batchId <= second.standing.batchId ? first : second
    await older.advance(redosOf(journal, older.standing.batchId + 1, through))
  }
}

async function* redosOf(journal: Journal, from: number, through: number): AsyncGenerator<Redo> {
  for (let batchId = from; batchId <= through; batchId++) yield await journal.redo(batchId)
}
