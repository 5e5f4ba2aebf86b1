// A checkpoint whose job does not run: opened to be looked at or copied, never to be changed. What only the log
// knows, whether the last staged batch was decided, stays open: such a batch is taken as not decided.

import { Generation } from './generation.ts'
import { GENERATION_NAMES } from './generations.ts'
import { Journal, type JournalContent } from './journal.ts'
import { LevelStore } from './level-store.ts'
import type { Manifest } from './messages.ts'
import { type Found, journalLost, knownLogDecision, refusedAnyway, settle, type Settled } from './settle.ts'
import { CheckpointError, DamagedError, type Database } from './store.ts'

export class OfflineCheckpoint {
  readonly directory: string
  readonly manifest: Manifest
  readonly journal: Journal
  readonly content: JournalContent
  /** undefined: damaged, and `damage` says how. */
  readonly generations: readonly (Generation | undefined)[]
  readonly damage: readonly string[]
  private readonly databases: readonly Database[]

  private constructor(
    directory: string,
    manifest: Manifest,
    journal: Journal,
    content: JournalContent,
    found: { generations: (Generation | undefined)[]; damage: string[]; databases: Database[] },
  ) {
    this.directory = directory
    this.manifest = manifest
    this.journal = journal
    this.content = content
    this.generations = found.generations
    this.damage = found.damage
    this.databases = found.databases
  }

  /** Throws CheckpointError where there is no checkpoint, where its job runs, or where its journal is damaged. */
  static async open(directory: string): Promise<OfflineCheckpoint> {
    const store = new LevelStore(directory)
    if (!store.has('journal')) throw new CheckpointError(`there is no checkpoint in ${directory}`)
    const databases: Database[] = []
    try {
      const database = await store.open('journal')
      databases.push(database)
      const journal = new Journal(database)
      const content = await journal.load()
      const found = await openGenerations(store, databases)
      if (content.manifest === undefined) {
        const lost = journalLost(standingsOf(found.generations))
        if (lost !== undefined) throw new DamagedError(lost)
        throw new CheckpointError(`the job of ${directory} has not run yet`)
      }
      return new OfflineCheckpoint(directory, content.manifest, journal, content, { ...found, databases })
    } catch (error) {
      for (const database of databases) await database.close()
      throw error instanceof DamagedError
        ? new CheckpointError(`${directory}: ${error.message}`, { cause: error })
        : error
    }
  }

  /** What a restart would make of it, as far as it can be told without the log. Throws CheckpointError. */
  settled(): Settled {
    const { found } = this
    // A job that writes to no log decides by staging alone, and knows of no decision.
    const settled = settle({ ...found, logDecided: knownLogDecision(found) })
    if ('refusal' in settled) throw new CheckpointError(`${this.directory}: ${settled.refusal}`)
    return settled
  }

  /** Why no restart can go on from it, whatever the log says; undefined: one may well. */
  get refusedAnyway(): string | undefined {
    return refusedAnyway(this.found)
  }

  private get found(): Omit<Found, 'logDecided'> {
    const { plans, redos, note } = this.content
    return { generations: standingsOf(this.generations), redos, plans, note }
  }

  async close(): Promise<void> {
    for (const database of this.databases) await database.close()
  }
}

function standingsOf(generations: readonly (Generation | undefined)[]) {
  return generations.map((generation) => generation?.standing)
}

async function openGenerations(
  store: LevelStore,
  databases: Database[],
): Promise<{ generations: (Generation | undefined)[]; damage: string[] }> {
  const generations: (Generation | undefined)[] = []
  const damage: string[] = []
  for (const [index, name] of GENERATION_NAMES.entries()) {
    try {
      const database = await store.open(name)
      databases.push(database)
      generations[index] = await Generation.open(name, database)
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error
      generations[index] = undefined
      damage.push(error.message)
    }
  }
  return { generations, damage }
}
