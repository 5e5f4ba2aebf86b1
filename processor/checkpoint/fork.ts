// A checkpoint as the beginning of another one: what a savepoint, a restore and a replay are. The copy has a name
// of its own in the metadata of offsets, so the log never takes its batches for those of the first.
//
//    state behind batch `through` = newest generation at or before it + redo records
//    plans that windows still read, and, for a replay, the plan of the batch after it

import { randomUUID } from 'node:crypto'
import type { BatchPlan } from '../graph/contracts/commit.ts'
import { Generation } from './generation.ts'
import { GENERATION_NAMES } from './generations.ts'
import { Journal } from './journal.ts'
import { LevelStore } from './level-store.ts'
import type { OfflineCheckpoint } from './offline.ts'
import { CheckpointError, type Database, DamagedError } from './store.ts'

export interface ForkOptions {
  /** Name of the job that goes on from the copy; default: the same. */
  readonly appName?: string
  /** The state behind this batch; default: the last one that is known to be decided. */
  readonly through?: number
  /** Also the plan of the batch that follows: it runs first, as it ran or would have run. */
  readonly withNextPlan?: boolean
}

export interface Fork {
  readonly appName: string
  /** Behind this batch. */
  readonly batchId: number
  readonly timeMs: number
}

/** Throws CheckpointError where the state or a plan that is asked for is not kept, or `directory` has a checkpoint. */
export async function forkCheckpoint(
  from: OfflineCheckpoint,
  directory: string,
  options: ForkOptions = {},
): Promise<Fork> {
  const through = options.through ?? from.settled().stateThrough
  const base = newestUpTo(from, through)
  const plans = plansOf(from, through, options.withNextPlan ?? false)
  const store = new LevelStore(directory)
  const database = await opened(store, 'journal')
  try {
    const journal = new Journal(database)
    const { manifest: there } = await clearly(directory, () => journal.load())
    if (there !== undefined) throw new CheckpointError(`${directory} has a checkpoint already`)
    for (const name of GENERATION_NAMES) await checkEmpty(store, name)
    const standing = await copyState(from, base, through, store)
    const appName = options.appName ?? from.manifest.appName
    const manifest = { ...from.manifest, appName, checkpointId: randomUUID() }
    const kept = plans.filter(({ batchId }) => batchId > standing.forgottenThrough)
    // The manifest last, and the plans at once with it: without it nothing here counts.
    await journal.begin(manifest, kept)
    return { appName, batchId: standing.batchId, timeMs: standing.timeMs }
  } finally {
    await database.close()
  }
}

function opened(store: LevelStore, name: string): Promise<Database> {
  return clearly(store.location, () => store.open(name))
}

/** What is damaged there is no checkpoint, and nothing is copied over it. */
async function clearly<T>(directory: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error
    throw new CheckpointError(`nothing can be copied into ${directory}: ${error.message}`, { cause: error })
  }
}

/** What lies there would count beside what is copied. */
async function checkEmpty(store: LevelStore, name: string): Promise<void> {
  const database = await opened(store, name)
  try {
    for await (const [key] of database.keys(Buffer.alloc(0), Buffer.from([0xff, 0xff, 0xff]))) {
      if (key === undefined) continue
      throw new CheckpointError(
        `${store.location} has state of a copy that was broken off, or of a checkpoint whose journal was lost: ` +
          `remove it if it is of no use, or take another directory`,
      )
    }
  } finally {
    await database.close()
  }
}

function newestUpTo({ generations, directory }: OfflineCheckpoint, through: number): Generation {
  const kept = generations.filter((generation) => generation !== undefined)
  const usable = kept.filter(({ standing }) => standing.batchId <= through)
  usable.sort((a, b) => b.standing.batchId - a.standing.batchId)
  const [newest] = usable
  if (newest === undefined) {
    const oldest = Math.min(...kept.map(({ standing }) => standing.batchId))
    throw new CheckpointError(
      `${directory}: the state behind batch ${through} is not kept any more, only that from batch ${oldest} on`,
    )
  }
  return newest
}

function plansOf({ content, directory }: OfflineCheckpoint, through: number, withNext: boolean): BatchPlan[] {
  const valid = content.plans.filter((plan): plan is BatchPlan => !('damaged' in plan))
  const plans = valid.filter(({ batchId }) => batchId <= through)
  if (!withNext) return plans
  const next = valid.find(({ batchId }) => batchId === through + 1)
  if (next === undefined) {
    const ids = valid.map(({ batchId }) => batchId)
    const kept = ids.length === 0 ? 'none is' : `kept are ${Math.min(...ids)} to ${Math.max(...ids)}`
    throw new CheckpointError(`${directory}: the plan of batch ${through + 1} is not kept, ${kept}`)
  }
  return [...plans, next]
}

async function copyState(from: OfflineCheckpoint, base: Generation, through: number, store: LevelStore) {
  const [first, second] = GENERATION_NAMES
  const database = await store.open(first)
  try {
    const copy = await Generation.copy(base, first, database)
    await copy.load(() => {})
    if (base.standing.batchId < through) await copy.advance(from.journal, through)
    // The log has decided nothing for this checkpoint, and files that are aside are the other's to show.
    const standing = { ...copy.standing, logDecided: 0, logDecidedTimeMs: 0, putAside: [] }
    await copy.stand(standing)
    const other = await store.open(second)
    try {
      await Generation.copy(copy, second, other)
    } finally {
      await other.close()
    }
    return standing
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error
    throw new CheckpointError(`${from.directory}: ${error.message}`, { cause: error })
  } finally {
    await database.close()
  }
}
