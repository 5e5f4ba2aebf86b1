// Where a job goes on: the grid and the positions that follow from what recovery found. Pure.

import type { BatchPlan, Recovered } from '../graph/contracts/commit.ts'
import type { BatchStamp } from '../graph/contracts/rows.ts'
import type { SourcePosition } from '../graph/contracts/source.ts'
import { firstBatchTime } from '../graph/time.ts'

/** Grid times that passed while the job was down: each is made up for, or left out. */
export type DowntimeBatches = 'all' | 'skip'

export interface Resumption {
  readonly zeroMs: number
  readonly lastMs: number
  readonly nextMs: number
  readonly nextBatchId: number
  readonly pending: readonly BatchPlan[]
  readonly history: readonly BatchPlan[]
}

export function resume(
  recovered: Recovered | undefined,
  nowMs: number,
  job: { intervalMs: number | undefined; hasWindows: boolean; downtimeBatches: DowntimeBatches },
): Resumption {
  const { intervalMs } = job
  if (recovered === undefined) {
    const nextMs = intervalMs === undefined ? nowMs : firstBatchTime(nowMs, intervalMs)
    const zeroMs = nextMs - (intervalMs ?? 0)
    return { zeroMs, lastMs: zeroMs, nextMs, nextBatchId: 1, pending: [], history: [] }
  }
  const { pending, history } = recovered
  const last: BatchStamp | undefined = pending.at(-1) ?? recovered.lastCommitted
  checkIds(recovered)
  const lastMs = last?.timeMs ?? recovered.zeroTimeMs
  const nextBatchId = (last?.batchId ?? 0) + 1
  if (recovered.intervalMs !== intervalMs && job.hasWindows) {
    throw new Error(
      `the checkpoint was written with ${triggerText(recovered.intervalMs)}, the job now has ` +
        `${triggerText(intervalMs)}, and its windows hang on that: keep it, or begin with a new checkpoint`,
    )
  }
  if (intervalMs === undefined) {
    return { zeroMs: recovered.zeroTimeMs, lastMs, nextMs: lastMs, nextBatchId, pending, history }
  }
  const sameGrid = recovered.intervalMs === intervalMs
  const followingMs = sameGrid ? lastMs + intervalMs : firstBatchTime(lastMs, intervalMs)
  const skipToMs = job.downtimeBatches === 'skip' ? firstBatchTime(nowMs, intervalMs) : followingMs
  return {
    // A grid of another width begins anew, but never before what it has already run.
    zeroMs: sameGrid ? recovered.zeroTimeMs : followingMs - intervalMs,
    lastMs,
    nextMs: Math.max(followingMs, skipToMs),
    nextBatchId,
    pending,
    history,
  }
}

function triggerText(intervalMs: number | undefined): string {
  return intervalMs === undefined ? 'the as-soon-as-data trigger' : `a batchDuration of ${intervalMs} ms`
}

function checkIds({ lastCommitted, pending }: Recovered): void {
  let expected = (lastCommitted?.batchId ?? 0) + 1
  for (const { batchId } of pending) {
    if (batchId !== expected)
      throw new Error(`recovered a plan of batch ${batchId} where ${expected} must follow`)
    expected++
  }
}

/** Where an input's next plan begins: behind its pending plans, which are already its rows. */
export function positionsAfter(
  committed: readonly SourcePosition[],
  pending: readonly BatchPlan[],
  inputId: string,
): SourcePosition[] {
  const positions = new Map(
    committed.map((position) => [`${position.topic}-${position.partition}`, position]),
  )
  for (const plan of pending) {
    for (const { topic, partition, topicId, until } of plan.inputs[inputId] ?? []) {
      positions.set(`${topic}-${partition}`, { topic, partition, topicId, offset: until })
    }
  }
  return [...positions.values()]
}
