// What a restart makes of what it finds: which state counts, which staged batches are applied or dropped,
// and where the job goes on. Pure: the checkpoint's records and the log's word go in, the outcome comes out.
//
//    generation (state behind batch g) ── redo g+1 … redo c ──► state behind c = the last decided batch
//                                              staged above c ──► dropped, run again from its plan
//
//    decided: what the log says, and behind it batches that were decided by being staged.
//    A redo record that is missing or damaged within g+1 … c: the state ends before it, and the batches up to
//    c run again from their plans for their state alone, their records being in the topics already. Whether a batch
//    was decided by being staged is said beside its redo record too, so damage does not make it uncounted.

export interface FoundGeneration {
  readonly batchId: number
  readonly logDecided: number
  readonly forgottenThrough: number
}

export interface FoundRedo {
  readonly batchId: number
  readonly decidedByStage: boolean
  /** Last decision of the log that was known when this was staged. */
  readonly logDecided: number
  readonly forgottenThrough: number
}

export interface Damaged {
  readonly batchId: number
  readonly damaged: string
}

export interface DamagedRedo extends Damaged {
  /** What is known of it all the same. */
  readonly staged?: FoundRedo | undefined
}

export interface Found {
  /** Undefined: damaged, or never written. Batch 0 is the state of a job that has not run. */
  readonly generations: readonly (FoundGeneration | undefined)[]
  readonly redos: readonly (FoundRedo | DamagedRedo)[]
  readonly plans: readonly ({ readonly batchId: number } | Damaged)[]
  readonly note:
    | { readonly atBatchId: number; readonly forgottenThrough: number; readonly logDecided: number }
    | undefined
  /** Last batch that the log decided: 0 for none. undefined: the job writes to no log. */
  readonly logDecided: number | undefined
}

export interface Settled {
  /** Which generation to load. */
  readonly generation: number
  /** Generations to be made anew: damaged, or cut off from the newest state by a damaged redo record. */
  readonly remake: readonly number[]
  /** Staged batches to apply to it, rising. */
  readonly apply: readonly number[]
  /** The state counts up to this batch. */
  readonly stateThrough: number
  /** Batches up to this one are decided: those above `stateThrough` run again without output. */
  readonly decidedThrough: number
  /** Staged batches that do not count. */
  readonly drop: readonly number[]
  /** Plans that run first, rising. */
  readonly pending: readonly number[]
  /** Plans that windows may still read, rising. */
  readonly history: readonly number[]
  readonly forgottenThrough: number
  readonly logDecided: number
}

type Redos = ReadonlyMap<number, FoundRedo | DamagedRedo>

export interface Refusal {
  readonly refusal: string
}

export function settle(found: Found): Settled | Refusal {
  const generation = newest(found.generations)
  if (generation === undefined) {
    return { refusal: 'both generations of the state are damaged, and nothing older is kept' }
  }
  const base = found.generations[generation] as FoundGeneration
  const redos = new Map(found.redos.map((redo) => [redo.batchId, redo]))
  const known = knownLogDecision(found)
  const logDecided = found.logDecided ?? 0
  const isLost = found.logDecided !== undefined && logDecided < known
  if (isLost && (logDecided > 0 || stagedForLog(redos, known) !== undefined)) {
    return {
      refusal:
        logDecided > 0
          ? `the checkpoint knows that the log decided batch ${known}, but the log says ${logDecided}: the log has lost what it had, or the group's offsets were set back`
          : `the log has no committed offsets of the job any more (they expire, or were deleted), and whether the last staged batch was decided cannot be told`,
    }
  }
  if (found.logDecided === undefined) {
    const open = stagedForLog(redos, Math.max(known, base.batchId))
    if (open !== undefined) {
      return {
        refusal:
          'damaged' in open && open.staged === undefined
            ? `${open.damaged}, and so is what stands beside it: whether the batch counts cannot be told`
            : 'a batch was staged with output to a log, and the job has no output now: whether it was decided cannot be told',
      }
    }
  }
  const decidedThrough = decidedChain(Math.max(logDecided, known, base.batchId), redos)
  let stateThrough = base.batchId
  while (stateThrough < decidedThrough && isValid(redos.get(stateThrough + 1))) stateThrough++
  const apply = rangeOf(base.batchId + 1, stateThrough)
  const last = redos.get(stateThrough)
  const standing = stateThrough > base.batchId && isValid(last) ? (last as FoundRedo) : base
  const { note } = found
  const forgottenThrough =
    note !== undefined && note.atBatchId <= stateThrough
      ? Math.max(note.forgottenThrough, standing.forgottenThrough)
      : standing.forgottenThrough
  const plans = plansFrom(found, stateThrough, decidedThrough)
  if ('refusal' in plans) return plans
  return {
    generation,
    remake: [...found.generations.keys()].filter(
      (index) => !canMoveOn(found.generations[index], stateThrough, redos),
    ),
    apply,
    stateThrough,
    decidedThrough,
    drop: [...redos.keys()].filter((batchId) => batchId > stateThrough).sort((a, b) => a - b),
    pending: plans.pending,
    history: plans.valid.filter((batchId) => batchId <= stateThrough && batchId > forgottenThrough),
    forgottenThrough,
    logDecided: Math.max(logDecided, known),
  }
}

function newest(generations: Found['generations']): number | undefined {
  let best: number | undefined
  for (const [index, generation] of generations.entries()) {
    if (generation === undefined) continue
    if (best === undefined || generation.batchId > (generations[best] as FoundGeneration).batchId)
      best = index
  }
  return best
}

/** What the checkpoint itself knows: a batch was staged, so the one before it had been decided. */
export function knownLogDecision({ generations, redos, note }: Omit<Found, 'logDecided'>): number {
  return Math.max(
    0,
    note?.logDecided ?? 0,
    ...generations.map((generation) => generation?.logDecided ?? 0),
    ...redos.map((redo) => knownOf(redo)?.logDecided ?? 0),
  )
}

/**
 * Refused whatever the log says, as far as that can be told without it: the last staged batch was decided, or it was not.
 * undefined: a restart may well go on.
 */
export function refusedAnyway(found: Omit<Found, 'logDecided'>): string | undefined {
  const known = knownLogDecision(found)
  const first = settle({ ...found, logDecided: known })
  if (!('refusal' in first)) return undefined
  const lastStaged = Math.max(known, ...found.redos.map(({ batchId }) => batchId))
  return 'refusal' in settle({ ...found, logDecided: lastStaged }) ? first.refusal : undefined
}

/** Why an empty journal is not that of a job which has not run yet; undefined: it is. */
export function journalLost(generations: Found['generations']): string | undefined {
  const behind = Math.max(...generations.map((generation) => generation?.batchId ?? 0))
  if (behind === 0 && !generations.includes(undefined)) return undefined
  return (
    `its journal is empty, though ${behind > 0 ? `its state is that of batch ${behind}` : 'it has state, which is not whole'}: ` +
    `the journal was lost, or a savepoint or restore into this directory was broken off; in that case remove it and ` +
    `copy again`
  )
}

/** A batch of which only the log can say whether it counts, or nobody can. */
function stagedForLog(redos: Redos, above: number): FoundRedo | DamagedRedo | undefined {
  return [...redos.values()].find((redo) => redo.batchId > above && knownOf(redo)?.decidedByStage !== true)
}

function decidedChain(through: number, redos: Redos): number {
  for (let batchId = through; ; batchId++) {
    if (knownOf(redos.get(batchId + 1))?.decidedByStage !== true) return batchId
  }
}

function canMoveOn(generation: FoundGeneration | undefined, through: number, redos: Redos): boolean {
  if (generation === undefined) return false
  return rangeOf(generation.batchId + 1, through).every((batchId) => isValid(redos.get(batchId)))
}

function isValid(redo: FoundRedo | DamagedRedo | undefined): boolean {
  return redo !== undefined && !('damaged' in redo)
}

/** Of a damaged one, what stands beside it. */
function knownOf(redo: FoundRedo | DamagedRedo | undefined): FoundRedo | undefined {
  return redo !== undefined && 'damaged' in redo ? redo.staged : redo
}

function plansFrom(
  { plans }: Found,
  stateThrough: number,
  decidedThrough: number,
): Refusal | { pending: number[]; valid: number[] } {
  const needed = plans.find((plan) => 'damaged' in plan && plan.batchId > stateThrough)
  if (needed !== undefined)
    return { refusal: `${(needed as Damaged).damaged}, and batch ${needed.batchId} has to run from it` }
  const valid = plans.filter((plan) => !('damaged' in plan)).map(({ batchId }) => batchId)
  valid.sort((a, b) => a - b)
  const pending = valid.filter((batchId) => batchId > stateThrough)
  for (const [index, batchId] of pending.entries()) {
    const expected = stateThrough + 1 + index
    if (batchId !== expected)
      return { refusal: `the plan of batch ${expected} is missing, there is one of ${batchId}` }
  }
  const planned = stateThrough + pending.length
  if (planned < decidedThrough) {
    return {
      refusal: `the state is that of batch ${stateThrough}, the log decided batch ${decidedThrough}, and the plan of batch ${planned + 1} is missing: the state cannot be computed again`,
    }
  }
  return { pending, valid }
}

function rangeOf(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)
}
