// A producer's batches as one partition sees them: the table of rules, then a thousand random histories
// against a model that keeps everything and forgets nothing.

import { expect, test } from 'vitest'
import { fromSnapshot, toSnapshot } from '../../broker/partition/producer-entry.ts'
import { MAX_PUT_OFF, type ProducerBatch, ProducerState } from '../../broker/partition/producer-state.ts'
import { errorCodes, errorName } from '../../broker/protocol/errors.ts'
import { Random, seeds } from '../world/random.ts'

const MAX = 0x7fffffff

function batch(
  epoch: number,
  baseSequence: number,
  count: number,
  more: Partial<ProducerBatch> = {},
): ProducerBatch {
  return {
    producerId: 7n,
    producerEpoch: epoch,
    baseSequence,
    lastOffsetDelta: count - 1,
    maxTimestamp: 1000n,
    isTransactional: false,
    ...more,
  }
}

/** A state that has taken these batches one after the other, from offset 0 on. */
function stateAfter(...batches: ProducerBatch[]): { state: ProducerState; endOffset: bigint } {
  const state = new ProducerState()
  let endOffset = 0n
  for (const each of batches) {
    state.applyBatch(each, endOffset, 0)
    endOffset += BigInt(each.lastOffsetDelta + 1)
  }
  return { state, endOffset }
}

function answer(state: ProducerState, incoming: ProducerBatch): string {
  const decision = state.decideBatch(incoming, true)
  return decision.kind === 'refuse' ? (errorName(decision.errorCode) as string) : decision.kind
}

const written = [batch(3, 0, 10), batch(3, 10, 10), batch(3, 20, 5)]
const sevenBatches = [0, 1, 2, 3, 4, 5, 6].map((sequence) => batch(0, sequence, 1))

test.each<[string, ProducerBatch[], ProducerBatch, string]>([
  ['an unknown producer may begin anywhere', [], batch(4, 1234, 1), 'append'],
  ['the next sequence', written, batch(3, 25, 1), 'append'],
  ['the last batch again', written, batch(3, 20, 5), 'duplicate'],
  ['an older kept batch again', written, batch(3, 0, 10), 'duplicate'],
  ['the same start with another length', written, batch(3, 20, 4), 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
  ['a gap', written, batch(3, 26, 1), 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
  ['a duplicate older than five batches', sevenBatches, batch(0, 1, 1), 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
  ['the fifth batch from the end again', sevenBatches, batch(0, 2, 1), 'duplicate'],
  ['an older epoch', written, batch(2, 25, 1), 'INVALID_PRODUCER_EPOCH'],
  ['an older epoch with the sequences of a kept batch', written, batch(2, 20, 5), 'INVALID_PRODUCER_EPOCH'],
  ['a new epoch from 0 on', written, batch(4, 0, 1), 'append'],
  ['a new epoch from elsewhere', written, batch(4, 25, 1), 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
  ['0 follows the largest sequence', [batch(0, MAX - 1, 2)], batch(0, 0, 3), 'append'],
  [
    '1 does not follow the largest sequence',
    [batch(0, MAX - 1, 2)],
    batch(0, 1, 3),
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
  ],
  ['a batch across the largest sequence again', [batch(0, MAX, 5)], batch(0, MAX, 5), 'duplicate'],
  ['what follows a batch across the largest sequence', [batch(0, MAX, 5)], batch(0, 4, 1), 'append'],
  [
    'outside the open transaction',
    [batch(0, 0, 1, { isTransactional: true })],
    batch(0, 1, 1),
    'INVALID_TXN_STATE',
  ],
])('%s', (_story, history, incoming, expected) => {
  expect(answer(stateAfter(...history).state, incoming)).toBe(expected)
})

test('a duplicate is answered with the offsets and the timestamp of the batch that was kept', () => {
  const { state } = stateAfter(batch(0, 0, 10), batch(0, 10, 3, { maxTimestamp: 77n }))
  const decision = state.decideBatch(batch(0, 10, 3, { maxTimestamp: 99n }), true)
  expect(decision).toMatchObject({
    kind: 'duplicate',
    kept: { lastOffset: 12n, offsetDelta: 2, timestamp: 77n },
  })
})

test('a coordinator writes without sequences: its epoch is checked, nothing else', () => {
  const { state } = stateAfter(batch(3, -1, 2, { isTransactional: true }))
  const next = batch(3, -1, 1, { isTransactional: true })
  expect(state.decideBatch(next, false).kind).toBe('append')
  expect(state.decideBatch({ ...next, producerEpoch: 2 }, false)).toMatchObject({
    errorCode: errorCodes.INVALID_PRODUCER_EPOCH,
  })
})

test('a marker fences the epochs and the coordinators before it', () => {
  const { state } = stateAfter(batch(3, 0, 2, { isTransactional: true }))
  const marker = { producerId: 7n, producerEpoch: 4, coordinatorEpoch: 9, commit: false }
  expect(state.decideMarker(marker)).toBeUndefined()
  expect(state.applyMarker(marker, 2n, 0)).toEqual({
    producerId: 7n,
    firstOffset: 0n,
    markerOffset: 2n,
    aborted: true,
  })
  expect(state.decideMarker({ ...marker, coordinatorEpoch: 8 })).toMatchObject({
    errorCode: errorCodes.TRANSACTION_COORDINATOR_FENCED,
  })
  expect(state.decideMarker({ ...marker, producerEpoch: 3 })).toMatchObject({
    errorCode: errorCodes.INVALID_PRODUCER_EPOCH,
  })
  expect(answer(state, batch(3, 2, 1))).toBe('INVALID_PRODUCER_EPOCH')
  expect(answer(state, batch(4, 0, 1))).toBe('append')
  // The transaction was ended: a second marker ends nothing.
  expect(state.applyMarker(marker, 3n, 0)).toBeUndefined()
})

test('an idle producer is forgotten, one with an open transaction is not', () => {
  const state = new ProducerState()
  state.applyBatch(batch(0, 0, 1), 0n, 1000)
  state.applyBatch(batch(0, 0, 1, { producerId: 8n, isTransactional: true }), 1n, 1000)
  state.applyBatch(batch(0, 0, 1, { producerId: 9n, maxTimestamp: 5n }), 2n, 1500)
  expect(state.expire(1999, 1000)).toBe(0)
  expect(state.expire(2000, 1000)).toBe(1)
  expect(Array.from(state.allEntries(), ({ producerId }) => producerId)).toEqual([8n, 9n])
  expect(answer(state, batch(0, 55, 1))).toBe('append')
})

test('a snapshot keeps epoch, last batch and open transaction', () => {
  const { state } = stateAfter(batch(1, 0, 2), batch(1, 2, 3), batch(1, 5, 1, { isTransactional: true }))
  const restored = new ProducerState()
  restored.restore(Array.from(state.allEntries(), (entry) => fromSnapshot(toSnapshot(entry))))
  expect(restored.transactions.firstUndecidedOffset).toBe(5n)
  expect(answer(restored, batch(1, 5, 1, { isTransactional: true }))).toBe('duplicate')
  expect(answer(restored, batch(1, 2, 3, { isTransactional: true }))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(answer(restored, batch(1, 6, 1, { isTransactional: true }))).toBe('append')
})

/** All batches a producer has written, in order; what counts is found by looking through them each time. */
class NaiveProducer {
  epoch = -1
  batches: { epoch: number; first: bigint; last: bigint; offset: bigint; count: number }[] = []
  openSince: bigint | undefined

  answer(incoming: ProducerBatch): string {
    if (this.epoch < 0) return 'append'
    const { producerEpoch: epoch, baseSequence } = incoming
    const present = this.batches.filter((each) => each.epoch === this.epoch)
    const twin = present
      .slice(-5)
      .find((each) => wrap(each.first) === baseSequence && each.count === incoming.lastOffsetDelta + 1)
    if (epoch === this.epoch && twin !== undefined) return `duplicate of ${twin.offset}`
    if (epoch < this.epoch) return 'INVALID_PRODUCER_EPOCH'
    const end = present.at(-1)?.last
    const expected = epoch > this.epoch || end === undefined ? 0 : wrap(end + 1n)
    if (baseSequence !== expected) return 'OUT_OF_ORDER_SEQUENCE_NUMBER'
    return this.openSince !== undefined && !incoming.isTransactional ? 'INVALID_TXN_STATE' : 'append'
  }

  take(incoming: ProducerBatch, offset: bigint): void {
    const present = this.batches.filter((each) => each.epoch === incoming.producerEpoch)
    const end = present.at(-1)?.last
    const first = end === undefined ? BigInt(incoming.baseSequence) : end + 1n
    const count = incoming.lastOffsetDelta + 1
    this.epoch = incoming.producerEpoch
    this.batches.push({ epoch: this.epoch, first, last: first + BigInt(count) - 1n, offset, count })
    if (incoming.isTransactional) this.openSince ??= offset
  }
}

/** Counted without end in the model, modulo 2^31 on the wire. */
function wrap(sequence: bigint): number {
  return Number(sequence % (BigInt(MAX) + 1n))
}

test('a thousand random histories answer as the model does', () => {
  for (const seed of seeds(1, 1000)) randomHistory(seed)
})

function randomHistory(seed: number): void {
  const random = new Random(seed)
  const state = new ProducerState()
  const models = [1n, 2n].map((producerId) => ({ producerId, model: new NaiveProducer() }))
  let endOffset = 0n
  for (let step = 0; step < 60; step++) {
    const { producerId, model } = random.pick(models)
    const say = `seed ${seed} step ${step} producer ${producerId}`
    if (random.chance(0.15) && model.epoch >= 0) {
      const producerEpoch = model.epoch + random.below(2)
      const marker = {
        producerId,
        producerEpoch,
        coordinatorEpoch: 0,
        commit: random.chance(0.5),
      }
      expect(state.decideMarker(marker), say).toBeUndefined()
      const ended = state.applyMarker(marker, endOffset, 0)
      expect(ended?.firstOffset, say).toBe(model.openSince)
      if (ended !== undefined) state.transactions.complete(ended)
      endOffset += 1n
      if (producerEpoch > model.epoch) model.batches = []
      model.epoch = producerEpoch
      model.openSince = undefined
    } else {
      const known = random.pick([undefined, ...model.batches.slice(-8)])
      const last = model.batches.at(-1)
      const near =
        last === undefined
          ? random.pick([0, MAX - 3])
          : wrap(last.last + 1n + BigInt(random.pick([0, 0, 0, 0, 1, -1])))
      const incoming = batch(
        Math.max(0, model.epoch + random.pick([0, 0, 0, 0, 1, -1])),
        known !== undefined && random.chance(0.4) ? wrap(known.first) : random.chance(0.15) ? 0 : near,
        known !== undefined && random.chance(0.8) ? known.count : random.between(1, 4),
        { producerId, isTransactional: random.chance(0.5) },
      )
      const expected = model.answer(incoming)
      const decision = state.decideBatch(incoming, true)
      if (decision.kind === 'duplicate') {
        const { lastOffset, offsetDelta } = decision.kept
        expect(`duplicate of ${lastOffset - BigInt(offsetDelta)}`, say).toBe(expected)
      } else {
        expect(answer(state, incoming), say).toBe(expected)
      }
      if (decision.kind === 'append') {
        state.applyBatch(incoming, endOffset, 0)
        model.take(incoming, endOffset)
        endOffset += BigInt(incoming.lastOffsetDelta + 1)
      }
    }
    const open = models.flatMap((each) => each.model.openSince ?? []).sort((a, b) => (a < b ? -1 : 1))
    expect(state.transactions.firstUndecidedOffset, say).toBe(open[0])
  }
}

test('a producer of transaction.version 2 that nobody knows begins at 0', () => {
  const { state } = stateAfter()
  expect(state.decideBatch(batch(4, 5, 1), true, true)).toMatchObject({
    errorCode: errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
  })
  expect(state.decideBatch(batch(4, 0, 1), true, true).kind).toBe('append')
})

test('nothing of an unknown producer overtakes a batch that was put off; a known one is not held up by it', () => {
  const { state } = stateAfter()
  state.noteBatchPutOff(7n, 0, 3, 0)
  state.noteBatchPutOff(7n, 0, 5, 0)
  expect(answer(state, batch(0, 5, 1))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(answer(state, batch(0, 3, 2))).toBe('append')
  state.applyBatch(batch(0, 3, 2), 0n, 0)
  // A retry of what stands already, late and put off: what is due stays due.
  state.noteBatchPutOff(7n, 0, 3, 0)
  expect(answer(state, batch(0, 5, 1))).toBe('append')
})

test('of producers that never come again as many as are bound to be remembered, the newest of them', () => {
  const { state } = stateAfter()
  const mayOvertake = (producerId: bigint) => answer(state, batch(0, 5, 1, { producerId })) === 'append'
  for (let i = 0n; i < BigInt(MAX_PUT_OFF); i++) state.noteBatchPutOff(i, 0, 3, 0)
  // Put off once more with a lower sequence, it is the newest.
  state.noteBatchPutOff(1n, 0, 2, 0)
  state.noteBatchPutOff(-7n, 0, 3, 0)
  state.noteBatchPutOff(-8n, 0, 3, 0)
  expect([0n, 1n, 2n, 3n, -7n, -8n].filter(mayOvertake)).toEqual([0n, 2n])
})

test('a marker of transaction.version 2 has a later epoch than the records that it ends', () => {
  const inTransaction = { isTransactional: true }
  const { state, endOffset } = stateAfter(batch(1, 0, 1, inTransaction))
  const marker = (producerEpoch: number, transactionVersion = 2) => ({
    producerId: 7n,
    producerEpoch,
    coordinatorEpoch: 0,
    commit: true,
    transactionVersion,
  })
  expect(state.decideMarker(marker(1))?.errorCode).toBe(errorCodes.INVALID_PRODUCER_EPOCH)
  expect(state.decideMarker(marker(1, 0))).toBeUndefined()
  expect(state.decideMarker(marker(2))).toBeUndefined()
  state.applyMarker(marker(2), endOffset, 0)
  // Written once more, as a coordinator does that did not hear of the first: nothing is open any more.
  expect(state.decideMarker(marker(2))).toBeUndefined()
  state.applyBatch(batch(2, 0, 1, inTransaction), endOffset + 1n, 0)
  expect(state.decideMarker(marker(2))?.errorCode).toBe(errorCodes.INVALID_PRODUCER_EPOCH)
})
