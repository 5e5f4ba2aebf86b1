// What a checkpoint holds, for people: the job's place, its batches, and how large its state is.

import type { OffsetRange } from '../graph/contracts/source.ts'
import type { Generation } from './generation.ts'
import { IncrementsReader } from './increments.ts'
import type { InputPositions } from './messages.ts'
import { OfflineCheckpoint } from './offline.ts'
import { DamagedError } from './store.ts'

export interface StateReport {
  readonly id: string
  readonly shape: string
  readonly version: number
  readonly keys: number
  /** Keys and values as they lie in the newest generation, without what LevelDB adds or saves. */
  readonly sizeInBytes: number
}

export interface PlanReport {
  readonly batchId: number
  readonly timeMs: number
  readonly records: number
  /** decided: kept for windows. pending: runs first at the next start. */
  readonly status: 'decided' | 'pending'
  readonly inputs: Readonly<Record<string, readonly OffsetRange[]>>
}

export interface CheckpointReport {
  readonly appName: string
  readonly checkpointId: string
  /** undefined: as-soon-as-data. */
  readonly intervalMs: number | undefined
  /** The last batch known to be decided; undefined: none was. */
  readonly lastBatch: { readonly batchId: number; readonly timeMs: number } | undefined
  /** Staged batches whose decision only the log knows. */
  readonly undecided: readonly number[]
  /** Oldest and newest batch that `replay` can run again. undefined: none. */
  readonly replayable: { readonly from: number; readonly to: number } | undefined
  /** Where each input goes on, as of the last batch that is in a generation or staged. */
  readonly inputs: readonly InputPositions[]
  readonly state: readonly StateReport[]
  readonly generations: readonly { readonly name: string; readonly batchId: number }[]
  readonly plans: readonly PlanReport[]
  readonly damage: readonly string[]
}

/** Throws CheckpointError where there is none, where its job runs, or where it could not start from it. */
export async function inspectCheckpoint(directory: string): Promise<CheckpointReport> {
  const checkpoint = await OfflineCheckpoint.open(directory)
  try {
    return await reportOf(checkpoint)
  } finally {
    await checkpoint.close()
  }
}

async function reportOf(checkpoint: OfflineCheckpoint): Promise<CheckpointReport> {
  const { manifest, content, journal, generations } = checkpoint
  const settled = checkpoint.settled()
  const newest = generations[settled.generation] as Generation
  const damage = [...checkpoint.damage]
  const sizes = await sizesOf(newest, damage)
  const lastStaged = settled.apply.at(-1)
  const standing = lastStaged === undefined ? newest.standing : await journal.redo(lastStaged)
  const { batchId, timeMs, operators, positions } = standing
  const plans = content.plans.flatMap((plan): PlanReport[] => {
    if ('damaged' in plan) {
      damage.push(plan.damaged)
      return []
    }
    const status = plan.batchId <= settled.stateThrough ? 'decided' : 'pending'
    const records = Object.values(plan.inputs).reduce((sum, ranges) => sum + recordsOf(ranges), 0)
    return [{ batchId: plan.batchId, timeMs: plan.timeMs, records, status, inputs: plan.inputs }]
  })
  for (const redo of content.redos) if ('damaged' in redo) damage.push(redo.damaged)
  return {
    appName: manifest.appName,
    checkpointId: manifest.checkpointId,
    intervalMs: manifest.intervalMs,
    lastBatch: batchId > 0 ? { batchId, timeMs } : undefined,
    undecided: settled.drop.filter((batchId) => batchId > settled.decidedThrough),
    replayable: replayableOf(checkpoint, plans),
    inputs: positions,
    state: operators.map(({ number, id, shape, version, keys }) => ({
      id,
      shape,
      version,
      keys,
      sizeInBytes: sizes.get(number) ?? 0,
    })),
    generations: generations.flatMap((generation) =>
      generation === undefined ? [] : [{ name: generation.name, batchId: generation.standing.batchId }],
    ),
    plans,
    damage,
  }
}

async function sizesOf(generation: Generation, damage: string[]): Promise<Map<number, number>> {
  const sizes = new Map<number, number>()
  try {
    await generation.load((chunk) => {
      const entry = new IncrementsReader(chunk)
      let sizeInBytes = sizes.get(entry.operator) ?? 0
      while (entry.next()) sizeInBytes += entry.keyUntil - entry.keyFrom + entry.until - entry.valueFrom
      sizes.set(entry.operator, sizeInBytes)
    })
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error
    damage.push(error.message)
  }
  return sizes
}

function recordsOf(ranges: readonly OffsetRange[]): number {
  return ranges.reduce((sum, { from, until }) => sum + Number(until - from), 0)
}

/** A batch can run again where its plan is kept, and the state before it: a generation, or one and staged batches. */
function replayableOf(
  { generations, content }: OfflineCheckpoint,
  plans: readonly PlanReport[],
): CheckpointReport['replayable'] {
  const staged = new Set(content.redos.flatMap((redo) => ('damaged' in redo ? [] : redo.batchId)))
  const behind = new Set<number>()
  for (const generation of generations) {
    if (generation === undefined) continue
    let { batchId } = generation.standing
    behind.add(batchId)
    while (staged.has(batchId + 1)) behind.add(++batchId)
  }
  const ids = plans.map(({ batchId }) => batchId).filter((batchId) => behind.has(batchId - 1))
  return ids.length === 0 ? undefined : { from: Math.min(...ids), to: Math.max(...ids) }
}
