// The two generations of a checkpoint: which one counts at a restart, and when the older one is moved on.

import type { Journal } from './journal.ts'
import { type BlockSizes, DEFAULT_BLOCK_SIZES, Generation } from './generation.ts'
import { CheckpointError, DamagedError, type CheckpointStore, type Database } from './store.ts'

export const GENERATION_NAMES = ['state-0', 'state-1'] as const

/**
 * Staged batches that a restart would have to apply: beyond either, the older generation is moved on. It is written
 * anew for that, so where it is large it waits until enough has gathered to be worth it.
 */
export interface GenerationLimits extends BlockSizes {
  readonly batches: number
  readonly bytes: number
}

const DEFAULT_LIMITS: GenerationLimits = { batches: 32, bytes: 4 * 1024 * 1024, ...DEFAULT_BLOCK_SIZES }

/** Times the limits. */
const FAR_TOO_MUCH = 8
/** How much of its own size must have gathered before a generation is written anew. */
const WORTH_IT = 0.5
/** What a staged batch costs a restart beside its bytes, however few they are, in bytes. */
const BATCH_BYTES = 4096

export class Generations {
  private readonly store: CheckpointStore
  private readonly limits: GenerationLimits
  private readonly warn: (message: string) => void
  private readonly generations: (Generation | undefined)[] = []
  private databases: Database[] = []
  private moving: Promise<void> | undefined
  private failure: { error: unknown } | undefined
  /** Of the journal, since the newest generation was moved on. */
  private journalBytes = 0

  constructor(store: CheckpointStore, limits: Partial<GenerationLimits>, warn: (message: string) => void) {
    this.store = store
    this.limits = { ...DEFAULT_LIMITS, ...limits }
    this.warn = warn
  }

  /** By their standing; undefined where damaged. */
  get all(): readonly (Generation | undefined)[] {
    return this.generations
  }

  async open(): Promise<void> {
    for (const [index, name] of GENERATION_NAMES.entries()) {
      try {
        const database = await this.store.open(name)
        this.databases[index] = database
        this.generations[index] = await Generation.open(name, database)
      } catch (error) {
        if (!(error instanceof DamagedError)) throw error
        this.exclude(index, error)
      }
    }
  }

  /** The generation turned out to be damaged. */
  exclude(index: number, error: DamagedError): void {
    this.warn(`the checkpoint's ${GENERATION_NAMES[index]} is damaged and not used: ${error.message}`)
    this.generations[index] = undefined
  }

  /** Makes generations anew, as copies of the one that was loaded. */
  async remake(indexes: readonly number[], loaded: number): Promise<void> {
    for (const index of indexes) {
      const name = GENERATION_NAMES[index] as string
      await this.databases[index]?.close()
      const database = await this.store.replace(name)
      this.databases[index] = database
      this.generations[index] = await Generation.copy(this.generations[loaded] as Generation, name, database)
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
        await this.generations[index]?.load(() => {})
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
    for (const [index, generation] of this.generations.entries()) {
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
    return Math.min(...this.generations.map((generation) => generation?.standing.batchId ?? 0))
  }

  /** Plans up to this one are needed by nothing, whichever generation a restart begins with. */
  get forgottenThrough(): number {
    return Math.min(...this.generations.map((generation) => generation?.standing.forgottenThrough ?? 0))
  }

  /**
   * A batch was decided and applied in memory. When enough has gathered, moves the older generation on in the
   * background; waits for what is under way there only where far too much has gathered. `moved` is told.
   */
  async decided(batchId: number, journal: Journal, moved: () => Promise<void>): Promise<void> {
    this.check()
    const gathered = this.gathered(batchId)
    if (gathered < (this.moving === undefined ? 1 : FAR_TOO_MUCH)) return
    await this.moving
    this.check()
    this.journalBytes = 0
    this.inBackground(async () => {
      await this.moveOlder(batchId, journal)
      await moved()
    })
  }

  /** The journal has as much more: of plans and of what is staged, as it lies there. */
  wrote(sizeInBytes: number): void {
    this.journalBytes += sizeInBytes
  }

  /** At a restart: the journal has as much that is not yet in the newest generation. */
  found(sizeInBytes: number): void {
    this.journalBytes = sizeInBytes
  }

  /** Times the limits. */
  private gathered(batchId: number): number {
    const generations = this.all.filter((generation) => generation !== undefined)
    const batches = batchId - Math.max(0, ...generations.map(({ standing }) => standing.batchId))
    const sizeInBytes = Math.max(0, ...generations.map((generation) => generation.sizeInBytes))
    return Math.min(
      Math.max(batches / this.limits.batches, this.journalBytes / this.limits.bytes),
      (batches * BATCH_BYTES + this.journalBytes) / (sizeInBytes * WORTH_IT),
    )
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

  // Two generations are kept so that damage to one of them, or to what only it still needs, costs time and nothing else.
  // The older one is moved on from what the newer one has, and goes only when all of that was read and was whole: so a
  // merge has fewer batches to work in, and what was damaged of the older one is gone. Else it goes on from its own, and
  // the newer one's turn comes next.
  private async moveOlder(through: number, journal: Journal): Promise<void> {
    const [first, second] = this.generations as [Generation, Generation]
    const isFirstOlder = first.standing.batchId <= second.standing.batchId
    const [older, newer] = isFirstOlder ? [first, second] : [second, first]
    try {
      await older.advance(journal, through, this.limits, newer)
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error
      await older.advance(journal, through, this.limits)
      this.warn(`the checkpoint's ${newer.name} is damaged and is made anew of the other: ${error.message}`)
    }
  }
}
