// What a partition asks before it takes a transactional batch, in the words of Produce.

import { expect, test } from 'vitest'
import type { TransactionSupport } from '../../../broker/coordinator/transaction/answers.ts'
import { errorName } from '../../../broker/protocol/errors.ts'
import { Fixture } from './fixture.ts'

const P = 1000n

function ask(
  fixture: Fixture,
  producerId = P,
  producerEpoch = 0,
  partition = 0,
  support: TransactionSupport = 'abortable',
): string {
  return errorName(
    fixture.coordinator.verifyTransaction('tx', producerId, producerEpoch, 'a', partition, support),
  )
}

test('only a partition of the open transaction takes records, only from its owner', async () => {
  const fixture = new Fixture()
  expect(ask(fixture)).toBe('NOT_ENOUGH_REPLICAS')
  const loading = fixture.coordinator.load(0, fixture.log)
  expect(ask(fixture)).toBe('NOT_ENOUGH_REPLICAS')
  await loading
  expect(ask(fixture)).toBe('INVALID_PRODUCER_ID_MAPPING')
  await fixture.init()
  expect(ask(fixture)).toBe('TRANSACTION_ABORTABLE')
  await fixture.add(P, 0)
  expect(ask(fixture)).toBe('NONE')
  expect(ask(fixture, P, 0, 1)).toBe('TRANSACTION_ABORTABLE')
  expect(ask(fixture, P, 0, 1, 'plain')).toBe('INVALID_TXN_STATE')
  expect(ask(fixture, P + 1n)).toBe('INVALID_PRODUCER_ID_MAPPING')
  expect(ask(fixture, P, 1)).toBe('INVALID_PRODUCER_EPOCH')
})

test('from the turn of the decision on nothing is taken any more, before it is durable and after', async () => {
  const fixture = await Fixture.loaded()
  await fixture.init()
  await fixture.add(P, 0)
  fixture.log.autoSync = false
  const ended = fixture.end(P, 0, true)
  expect(ask(fixture)).toBe('NOT_ENOUGH_REPLICAS')
  fixture.log.autoSync = true
  fixture.log.sync()
  await ended
  await fixture.settle()
  expect(await fixture.state()).toBe('CompleteCommit')
  expect(ask(fixture)).toBe('TRANSACTION_ABORTABLE')
})

test('a zombie is refused from the turn in which its successor shut it out', async () => {
  const fixture = await Fixture.loaded()
  await fixture.init()
  await fixture.add(P, 0)
  void fixture.init()
  expect(ask(fixture)).toBe('INVALID_PRODUCER_EPOCH')
  await fixture.settle()
})

test('a partition counts once it cannot be lost: records that outlived its being added would never be ended', async () => {
  const fixture = await Fixture.loaded()
  await fixture.init()
  await fixture.add(P, 0)
  await fixture.end(P, 0, true)
  await fixture.settle()
  fixture.log.autoSync = false
  const adding = fixture.add(P, 0)
  expect(ask(fixture)).toBe('NOT_ENOUGH_REPLICAS')
  fixture.log.sync()
  await adding
  expect(ask(fixture)).toBe('NONE')
})
