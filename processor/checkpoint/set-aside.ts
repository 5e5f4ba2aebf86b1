// A checkpoint that cannot be read, put aside so that the job can begin anew (Spark's createOnError). Nothing is thrown
// away, and a file in the new directory says that it took the place of one: what the log knows of batches of another
// checkpoint is then no reason to refuse it.
//
//    DIR.anew/begun-anew ─► DIR to DIR.unreadable-TIME ─► DIR.anew to DIR       a crash in between is made good

import { existsSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { syncDirectory } from '../sink/part-files.ts'
import { GENERATION_NAMES } from './generations.ts'
import { LevelStore } from './level-store.ts'
import { OfflineCheckpoint } from './offline.ts'
import { CheckpointError, DamagedError } from './store.ts'

const BEGUN_ANEW = 'begun-anew'

/** It took the place of a checkpoint that could not be read. */
export function hasBegunAnew(directory: string): boolean {
  return existsSync(join(directory, BEGUN_ANEW))
}

/** What was wrong and where it is now; undefined: it can be read, or there is none. */
export async function setAsideUnreadable(
  directory: string,
  nowMs: number,
): Promise<{ readonly why: string; readonly path: string } | undefined> {
  const fresh = `${directory}.anew`
  if (!existsSync(directory) && hasBegunAnew(fresh)) await renameSynced(fresh, directory)
  const why = await unreadableBecause(directory)
  if (why === undefined) return undefined
  const path = `${directory}.unreadable-${nowMs}`
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh)
  const note = await open(join(fresh, BEGUN_ANEW), 'wx')
  try {
    await note.writeFile(`${JSON.stringify({ insteadOf: path, why })}\n`)
    await note.sync()
  } finally {
    await note.close()
  }
  await syncDirectory(fresh)
  await renameSynced(directory, path)
  await renameSynced(fresh, directory)
  return { why, path }
}

async function renameSynced(from: string, to: string): Promise<void> {
  await rename(from, to)
  await syncDirectory(dirname(to))
}

// One that another process holds, or that is another job's, can be read: `start` says what is the matter.
async function unreadableBecause(directory: string): Promise<string | undefined> {
  const store = new LevelStore(directory)
  if (!store.has('journal')) {
    return GENERATION_NAMES.some((name) => store.has(name)) ? 'its journal was lost' : undefined
  }
  let checkpoint: OfflineCheckpoint
  try {
    checkpoint = await OfflineCheckpoint.open(directory)
  } catch (error) {
    if (error instanceof CheckpointError && error.cause instanceof DamagedError) return error.message
    return undefined
  }
  try {
    return checkpoint.refusedAnyway ?? (await damageOf(checkpoint))
  } finally {
    await checkpoint.close()
  }
}

/** undefined: one generation of the state at least is whole. */
async function damageOf({ generations }: OfflineCheckpoint): Promise<string | undefined> {
  let damage: string | undefined
  for (const generation of generations) {
    if (generation === undefined) continue
    try {
      await generation.load(() => {})
      return undefined
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error
      damage = error.message
    }
  }
  return damage
}
