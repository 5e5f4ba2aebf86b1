// Every answer of every API, by state of the transaction and by version of the request, as tables.

import { expect, test } from 'vitest'
import { errorCodes, errorName } from '../../../broker/protocol/errors.ts'
import { Fixture } from './fixture.ts'

type StateName =
  | 'unknown'
  | 'Empty'
  | 'Ongoing'
  | 'PrepareCommit'
  | 'PrepareAbort'
  | 'CompleteCommit'
  | 'CompleteAbort'

const P = 1000n

/** Brings the id `tx` (producer 1000, epoch 0) into a state. */
async function inState(state: StateName): Promise<Fixture> {
  const fixture = await Fixture.loaded()
  if (state === 'unknown') return fixture
  await fixture.init()
  if (state !== 'Empty') await fixture.add(P, 0)
  if (state.startsWith('Prepare')) fixture.writer.hold = true
  if (state.endsWith('Commit')) await fixture.end(P, 0, true)
  if (state.endsWith('Abort')) await fixture.end(P, 0, false)
  await fixture.settle()
  expect(await fixture.state()).toBe(state)
  return fixture
}

test.each<[StateName, add: string, verify: string, offsets: string, commit: string, abort: string]>([
  ['unknown', ...five('INVALID_PRODUCER_ID_MAPPING')],
  ['Empty', 'NONE', 'TRANSACTION_ABORTABLE', 'NONE', 'INVALID_TXN_STATE', 'INVALID_TXN_STATE'],
  ['Ongoing', 'NONE', 'NONE', 'NONE', 'NONE', 'NONE'],
  ['PrepareCommit', ...busy(), 'CONCURRENT_TRANSACTIONS', 'INVALID_TXN_STATE'],
  ['PrepareAbort', ...busy(), 'INVALID_TXN_STATE', 'CONCURRENT_TRANSACTIONS'],
  ['CompleteCommit', 'NONE', 'TRANSACTION_ABORTABLE', 'NONE', 'NONE', 'INVALID_TXN_STATE'],
  ['CompleteAbort', 'NONE', 'TRANSACTION_ABORTABLE', 'NONE', 'INVALID_TXN_STATE', 'NONE'],
])(
  'the owner in %s: add %s, verify %s, offsets %s, commit %s, abort %s',
  async (state, add, verify, offsets, commit, abort) => {
    expect(await (await inState(state)).add(P, 0)).toBe(add)
    expect(await (await inState(state)).verify(P, 0, [0])).toEqual([verify])
    expect(await (await inState(state)).addOffsets(P, 0)).toBe(offsets)
    expect(await (await inState(state)).end(P, 0, true)).toBe(commit)
    expect(await (await inState(state)).end(P, 0, false)).toBe(abort)
  },
)

test.each<StateName>([
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
])('anyone else in %s is refused, before the state is looked at', async (state) => {
  const fixture = await inState(state)
  const bytesBefore = fixture.log.endOffset
  for (const [producerId, epoch, error, older] of [
    [P + 1n, 0, 'INVALID_PRODUCER_ID_MAPPING', 'INVALID_PRODUCER_ID_MAPPING'],
    [P, 1, 'PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH'],
    [P, -1, 'PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH'],
  ] as const) {
    expect(await fixture.add(producerId, epoch, 'a', [0], 3)).toBe(error)
    expect(await fixture.add(producerId, epoch, 'a', [0], 1)).toBe(older)
    expect(await fixture.verify(producerId, epoch, [0])).toEqual([error])
    expect(await fixture.addOffsets(producerId, epoch, 'g', 2)).toBe(error)
    expect(await fixture.addOffsets(producerId, epoch, 'g', 1)).toBe(older)
    expect(await fixture.end(producerId, epoch, true, 2)).toBe(error)
    expect(await fixture.end(producerId, epoch, false, 1)).toBe(older)
  }
  expect(fixture.log.endOffset).toBe(bytesBefore)
})

test.each<[StateName, fresh: string, current: string, older: string]>([
  ['unknown', '1000/0', '1000/0', '1000/0'],
  ['Empty', '1000/1', '1000/1', 'PRODUCER_FENCED'],
  ['Ongoing', 'CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS', 'PRODUCER_FENCED'],
  ['PrepareCommit', 'CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS'],
  ['PrepareAbort', 'CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS'],
  ['CompleteCommit', '1000/1', '1000/1', 'PRODUCER_FENCED'],
  ['CompleteAbort', '1000/1', '1000/1', 'PRODUCER_FENCED'],
])(
  'InitProducerId in %s: new instance %s, same producer %s, another epoch %s',
  async (state, fresh, current, other) => {
    const outcome = async (stated: { producerId?: bigint; producerEpoch?: number }): Promise<string> => {
      const { errorCode, producerId, producerEpoch } = await (await inState(state)).init(stated)
      return errorCode === 0 ? `${producerId}/${producerEpoch}` : errorName(errorCode)
    }
    expect(await outcome({})).toBe(fresh)
    expect(await outcome({ producerId: P, producerEpoch: 0 })).toBe(current)
    expect(await outcome({ producerId: P, producerEpoch: 7 })).toBe(other)
    if (state !== 'unknown')
      expect(await outcome({ producerId: 5n, producerEpoch: 0 })).toBe('PRODUCER_FENCED')
  },
)

test.each([
  ['an empty id', { id: '' }, 'INVALID_REQUEST'],
  ['no timeout', { timeoutMs: 0 }, 'INVALID_TRANSACTION_TIMEOUT'],
  ['a negative timeout', { timeoutMs: -1 }, 'INVALID_TRANSACTION_TIMEOUT'],
  ['a timeout above transaction.max.timeout.ms', { timeoutMs: 900_001 }, 'INVALID_TRANSACTION_TIMEOUT'],
  ['the longest timeout', { timeoutMs: 900_000 }, 'NONE'],
  ['a producer id without epoch', { producerId: 3n }, 'INVALID_REQUEST'],
  ['an epoch without producer id', { producerEpoch: 3 }, 'INVALID_REQUEST'],
  ['a half-stated producer without transactional id', { id: null, producerEpoch: 3 }, 'INVALID_REQUEST'],
])('InitProducerId with %s', async (_, request, error) => {
  const fixture = await Fixture.loaded()
  const response = await fixture.init(request)
  expect(errorName(response.errorCode)).toBe(error)
  if (error !== 'NONE') {
    expect(response).toMatchObject({ producerId: -1n, producerEpoch: -1 })
    expect(fixture.log.endOffset).toBe(0n)
  }
})

test('InitProducerId before version 4 says INVALID_PRODUCER_EPOCH for a fenced producer', async () => {
  const fixture = await inState('Empty')
  const stated = { producerId: P, producerEpoch: 7 }
  expect((await fixture.init({ ...stated, version: 3 })).errorCode).toBe(errorCodes.INVALID_PRODUCER_EPOCH)
  expect((await fixture.init({ ...stated, version: 4 })).errorCode).toBe(errorCodes.PRODUCER_FENCED)
})

test('a producer without transactional id gets an id of its own each time, also where nothing is loaded', async () => {
  const fixture = new Fixture()
  expect(await fixture.init({ id: null })).toMatchObject({
    errorCode: 0,
    producerId: 1000n,
    producerEpoch: 0,
  })
  expect(await fixture.init({ id: null })).toMatchObject({
    errorCode: 0,
    producerId: 1001n,
    producerEpoch: 0,
  })
  expect(fixture.log.endOffset).toBe(0n)
})

test('two-phase commit is refused as where it is switched off', async () => {
  const fixture = await Fixture.loaded()
  const init = (enable2Pc: boolean, keepPreparedTxn: boolean) =>
    fixture.coordinator.initProducerId(
      {
        transactionalId: 'tx',
        transactionTimeoutMs: 1,
        producerId: -1n,
        producerEpoch: -1,
        enable2Pc,
        keepPreparedTxn,
      },
      6,
    )
  expect((await init(true, false)).errorCode).toBe(errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
  expect((await init(false, true)).errorCode).toBe(errorCodes.UNSUPPORTED_VERSION)
})

test('one unknown partition, and the others are not attempted', async () => {
  const fixture = await inState('Empty')
  fixture.missing.add('gone')
  const response = await fixture.coordinator.addPartitionsToTxn(
    {
      transactions: [],
      v3AndBelowTransactionalId: 'tx',
      v3AndBelowProducerId: P,
      v3AndBelowProducerEpoch: 0,
      v3AndBelowTopics: [
        { name: 'a', partitions: [0, 99, -1] },
        { name: 'gone', partitions: [0] },
        { name: 'b', partitions: [1] },
      ],
    },
    3,
  )
  const codes = response.resultsByTopicV3AndBelow.map(({ resultsByPartition }) =>
    resultsByPartition.map(({ partitionErrorCode }) => errorName(partitionErrorCode)),
  )
  const unknown = 'UNKNOWN_TOPIC_OR_PARTITION'
  expect(codes).toEqual([
    ['OPERATION_NOT_ATTEMPTED', unknown, unknown],
    [unknown],
    ['OPERATION_NOT_ATTEMPTED'],
  ])
  expect(await fixture.state()).toBe('Empty')
})

test('brokers ask for several transactions in one request, and each gets its own answer', async () => {
  const fixture = await inState('Ongoing')
  const topics = [{ name: 'a', partitions: [0, 1] }]
  const request = {
    transactions: [
      { transactionalId: 'tx', producerId: P, producerEpoch: 0, verifyOnly: true, topics },
      { transactionalId: 'other', producerId: P, producerEpoch: 0, verifyOnly: false, topics },
      { transactionalId: '', producerId: P, producerEpoch: 0, verifyOnly: false, topics },
    ],
    v3AndBelowTransactionalId: '',
    v3AndBelowProducerId: 0n,
    v3AndBelowProducerEpoch: 0,
    v3AndBelowTopics: [],
  }
  const codes = async (version: number) =>
    (await fixture.coordinator.addPartitionsToTxn(request, version)).resultsByTransaction.map(
      ({ topicResults }) =>
        topicResults[0]?.resultsByPartition.map(({ partitionErrorCode }) => errorName(partitionErrorCode)),
    )
  const mapping = ['INVALID_PRODUCER_ID_MAPPING', 'INVALID_PRODUCER_ID_MAPPING']
  const invalid = ['INVALID_REQUEST', 'INVALID_REQUEST']
  expect(await codes(5)).toEqual([['NONE', 'TRANSACTION_ABORTABLE'], mapping, invalid])
  expect(await codes(4)).toEqual([['NONE', 'TRANSACTION_ABORTABLE'], mapping, invalid])
})

test('EndTxn from version 5 on says what to go on with, and nothing after an error', async () => {
  const fixture = await inState('Ongoing')
  const request = { transactionalId: 'tx', producerId: P, producerEpoch: 0, committed: true }
  expect(await fixture.coordinator.endTxn(request, 5)).toMatchObject({
    errorCode: 0,
    producerId: P,
    producerEpoch: 1,
  })
  await fixture.settle()
  const refused = await fixture.coordinator.endTxn({ ...request, committed: false }, 5)
  expect(refused).toMatchObject({
    errorCode: errorCodes.INVALID_TXN_STATE,
    producerId: -1n,
    producerEpoch: -1,
  })
})

test.each([
  ['NOT_LEADER_OR_FOLLOWER', 'NOT_COORDINATOR'],
  ['KAFKA_STORAGE_ERROR', 'NOT_COORDINATOR'],
  ['NOT_ENOUGH_REPLICAS', 'COORDINATOR_NOT_AVAILABLE'],
  ['MESSAGE_TOO_LARGE', 'UNKNOWN_SERVER_ERROR'],
] as const)(
  'a log that refuses with %s is %s to the client, and nothing has changed',
  async (refusal, error) => {
    const fixture = await inState('Ongoing')
    fixture.log.refusal = { errorCode: errorCodes[refusal], message: refusal }
    fixture.log.refuseAppends = 3
    expect(await fixture.end(P, 0, true)).toBe(error)
    expect(await fixture.add(P, 0, 'b')).toBe(error)
    expect(errorName((await fixture.init()).errorCode)).toBe(error)
    expect(await fixture.state()).toBe('Ongoing')
    expect(fixture.writer.attempts).toBe(0)
  },
)

test('no answer and no marker before the log is safe; REQUEST_TIMED_OUT becomes COORDINATOR_NOT_AVAILABLE', async () => {
  const fixture = await inState('Ongoing')
  fixture.log.autoSync = false
  const answer = fixture.end(P, 0, true)
  await fixture.clock.advance(5_000)
  expect(await answer).toBe('COORDINATOR_NOT_AVAILABLE')
  expect(fixture.writer.attempts).toBe(0)
  // The decision stands all the same, and is carried out as soon as it is durable.
  fixture.log.autoSync = true
  fixture.log.sync()
  await fixture.settle()
  expect(fixture.writer.written).toMatchObject([{ topic: 'a', partition: 0, committed: true }])
  expect(await fixture.end(P, 0, true)).toBe('NONE')
})

test('a shard that is not here, is loading, or was given up', async () => {
  const fixture = new Fixture()
  const all = async (): Promise<string[]> => [
    errorName((await fixture.init()).errorCode),
    await fixture.add(P, 0),
    ...(await fixture.verify(P, 0, [0])),
    await fixture.addOffsets(P, 0),
    await fixture.end(P, 0, true),
    await fixture.state(),
  ]
  expect(new Set(await all())).toEqual(new Set(['NOT_COORDINATOR']))
  const loading = fixture.coordinator.load(0, fixture.log)
  expect(errorName((await fixture.init()).errorCode)).toBe('COORDINATOR_LOAD_IN_PROGRESS')
  await loading
  expect((await fixture.init()).errorCode).toBe(0)
  fixture.coordinator.unload(0)
  expect(new Set(await all())).toEqual(new Set(['NOT_COORDINATOR']))
})

function five(error: string): [string, string, string, string, string] {
  return [error, error, error, error, error]
}

function busy(): [string, string, string] {
  return ['CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS']
}
