// What a restart makes of what it finds, case by case (the simulation has them all at random).

import { expect, test } from 'vitest'
import {
  journalLost,
  refusedAnyway,
  settle,
  type Found,
  type Settled,
} from '../../../processor/checkpoint/settle.ts'

const generation = (batchId: number, logDecided = batchId) => ({ batchId, logDecided, forgottenThrough: 0 })
const redo = (batchId: number, decidedByStage = false, logDecided = batchId - 1) => ({
  batchId,
  decidedByStage,
  logDecided,
  forgottenThrough: 0,
})
const damaged = (batchId: number) => ({ batchId, damaged: `record ${batchId} is damaged` })
const plans = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ batchId: from + index }))

const settledOf = (found: Partial<Found>): Partial<Settled> => {
  const outcome = settle({
    generations: [generation(4), generation(2)],
    redos: [3, 4, 5, 6].map((id) => redo(id)),
    plans: plans(1, 8),
    note: undefined,
    logDecided: 6,
    ...found,
  })
  if ('refusal' in outcome) throw new Error(outcome.refusal)
  return outcome
}

test('staged and decided: applied; staged and not decided: dropped, and run again from its plan', () => {
  expect(settledOf({})).toMatchObject({
    generation: 0,
    apply: [5, 6],
    drop: [],
    pending: [7, 8],
    stateThrough: 6,
  })
  expect(settledOf({ logDecided: 5 })).toMatchObject({
    apply: [5],
    drop: [6],
    pending: [6, 7, 8],
    stateThrough: 5,
  })
})

test('the newest generation is damaged: the older one, and the redo records since', () => {
  expect(settledOf({ generations: [undefined, generation(2)] })).toMatchObject({
    generation: 1,
    remake: [0],
    apply: [3, 4, 5, 6],
    stateThrough: 6,
  })
})

test('a redo record is damaged: the state is computed again from there, without output', () => {
  expect(settledOf({ redos: [redo(3), redo(4), damaged(5), redo(6)] })).toMatchObject({
    apply: [],
    stateThrough: 4,
    decidedThrough: 6,
    drop: [5, 6],
    pending: [5, 6, 7, 8],
    history: [1, 2, 3, 4],
  })
})

test('a generation that damage has cut off from the newest state is made anew', () => {
  expect(settledOf({ redos: [damaged(3), redo(4), redo(5), redo(6)] })).toMatchObject({
    generation: 0,
    remake: [1],
  })
})

test('batches that are decided by being staged go on behind what the log decided', () => {
  const redos = [redo(5), redo(6, true, 5), redo(7, true, 5), redo(8, false, 5)]
  expect(settledOf({ redos, logDecided: 5 })).toMatchObject({ apply: [5, 6, 7], drop: [8], pending: [8] })
  const alone = [redo(5, true, 0), redo(6, true, 0)]
  expect(
    settledOf({ generations: [generation(4, 0), generation(4, 0)], redos: alone, logDecided: undefined }),
  ).toMatchObject({
    apply: [5, 6],
    stateThrough: 6,
  })
})

test('what is known of a batch beside its damaged redo record says whether it was decided by being staged', () => {
  const beside = (batchId: number, decidedByStage: boolean, logDecided: number) => ({
    ...damaged(batchId),
    staged: redo(batchId, decidedByStage, logDecided),
  })
  const redos = [redo(5), beside(6, true, 5), redo(7, true, 5), beside(8, false, 5)]
  expect(settledOf({ redos, logDecided: 5 })).toMatchObject({
    apply: [5],
    stateThrough: 5,
    decidedThrough: 7,
    drop: [6, 7, 8],
    pending: [6, 7, 8],
  })
  // It knows of a decision, too.
  expect(settledOf({ redos: [redo(5), beside(6, false, 5)], logDecided: 5 })).toMatchObject({ logDecided: 5 })
  expect(() => settledOf({ redos: [beside(5, false, 4), beside(6, false, 5)], logDecided: 4 })).toThrow(
    /knows that the log decided batch 5, but the log says 4/,
  )
  // Without a log all is decided so.
  const alone = {
    generations: [generation(4, 0), generation(4, 0)],
    logDecided: undefined,
  }
  expect(settledOf({ ...alone, redos: [redo(5, true, 0), beside(6, true, 0)] })).toMatchObject({
    stateThrough: 5,
    decidedThrough: 6,
    pending: [6, 7, 8],
  })
  expect(() => settledOf({ ...alone, redos: [redo(5, true, 0), damaged(6)] })).toThrow(
    /record 6 is damaged, and so is what stands beside it: whether the batch counts cannot be told/,
  )
})

test('plans that windows do not reach are no history', () => {
  const note = { atBatchId: 6, forgottenThrough: 5, logDecided: 6 }
  expect(settledOf({ note })).toMatchObject({ history: [6], forgottenThrough: 5 })
  // What was forgotten behind a later batch may be needed behind an earlier one.
  expect(settledOf({ note, redos: [redo(3), redo(4), damaged(5)] })).toMatchObject({ history: [1, 2, 3, 4] })
})

test.each<[string, Partial<Found>, RegExp]>([
  [
    'both generations damaged',
    { generations: [undefined, undefined] },
    /both generations of the state are damaged/,
  ],
  ['the log is behind', { logDecided: 3 }, /knows that the log decided batch 5, but the log says 3/],
  [
    'no offsets, and a batch in doubt',
    { logDecided: 0 },
    /whether the last staged batch was decided cannot be told/,
  ],
  [
    'a plan is damaged',
    { plans: [...plans(1, 6), damaged(7)] },
    /record 7 is damaged, and batch 7 has to run from it/,
  ],
  [
    'a plan is missing',
    { plans: [...plans(1, 6), { batchId: 8 }] },
    /the plan of batch 7 is missing, there is one of 8/,
  ],
  [
    'no plan to compute again from',
    { logDecided: 9 },
    /the state is that of batch 6, the log decided batch 9, and the plan of batch 9 is missing/,
  ],
  [
    'the job had output and has none now',
    { logDecided: undefined },
    /a batch was staged with output to a log, and the job has no output now/,
  ],
])('refused: %s', (_, found, why) => {
  expect(() => settledOf(found)).toThrow(why)
})

test('refused whatever the log says: not where it may have decided the last staged batch, whose plan is damaged', () => {
  const found = { generations: [generation(3), generation(2)], redos: [redo(4)], plans: [], note: undefined }
  const lastPlanDamaged = { ...found, plans: [damaged(4)] }
  expect(refusedAnyway(lastPlanDamaged)).toBeUndefined()
  expect(settledOf({ ...lastPlanDamaged, logDecided: 4 })).toMatchObject({ stateThrough: 4, pending: [] })
  expect(() => settledOf({ ...lastPlanDamaged, logDecided: 3 })).toThrow(/record 4 is damaged/)
  // Nor where it may have decided none.
  expect(refusedAnyway({ ...found, plans: plans(4, 4) })).toBeUndefined()
  const nextPlanDamaged = { ...found, plans: [...plans(4, 4), damaged(5)] }
  expect(refusedAnyway(nextPlanDamaged)).toMatch(/record 5 is damaged/)
  expect(refusedAnyway({ ...found, generations: [undefined, undefined] })).toMatch(/both generations/)
})

test('an empty journal is that of a job which has not run, or was lost', () => {
  expect(journalLost([generation(0), generation(0)])).toBeUndefined()
  expect(journalLost([generation(0), generation(7)])).toMatch(/though its state is that of batch 7/)
  expect(journalLost([undefined, generation(0)])).toMatch(/though it has state, which is not whole/)
})
