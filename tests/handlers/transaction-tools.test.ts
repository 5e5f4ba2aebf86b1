// What operators see of transactions, and the marker with which they end one: DescribeProducers, WriteTxnMarkers.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { errorName } from '../../broker/protocol/errors.ts'
import { batch, DataWorld, fetch, produce } from './data-world.ts'

let world: DataWorld
beforeAll(async () => {
  world = await DataWorld.start({ topics: { plain: { partitions: 2 } } })
})
afterAll(() => world[Symbol.asyncDispose]())

async function begun(transactionalId: string, partition: number) {
  await world.ask('FindCoordinator', 4, { keyType: 1, coordinatorKeys: [transactionalId] })
  const request = { transactionalId, transactionTimeoutMs: 60_000 }
  const { producerId, producerEpoch } = await world.ask('InitProducerId', 5, request)
  const producer = { producerId, producerEpoch }
  const records = batch(1, { ...producer, baseSequence: 0, isTransactional: true })
  const { errorCode, baseOffset } = await produce(world, records, {
    topic: 'plain',
    partition,
    transactionalId,
  })
  expect(errorName(errorCode)).toBe('NONE')
  return { ...producer, baseOffset }
}

const mark = async (
  producer: { producerId: bigint; producerEpoch: number },
  partitionIndexes: number[],
  more: { coordinatorEpoch?: number; transactionVersion?: number } = {},
): Promise<string[]> => {
  const { producerId, producerEpoch } = producer
  const { markers } = await world.ask('WriteTxnMarkers', 2, {
    markers: [
      {
        producerId,
        producerEpoch,
        transactionResult: false,
        coordinatorEpoch: 0,
        transactionVersion: 0,
        ...more,
        topics: [{ name: 'plain', partitionIndexes }],
      },
    ],
  })
  return markers.flatMap(({ topics }) =>
    topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorName(errorCode))),
  )
}

test('an operator’s marker ends the transaction of one partition', async () => {
  const producer = await begun('stuck', 0)
  expect((await fetch(world, { topic: 'plain' }))[0]?.lastStableOffset).toBe(producer.baseOffset)
  expect(await mark(producer, [0, 7])).toEqual(['NONE', 'UNKNOWN_TOPIC_OR_PARTITION'])
  const [answer] = await fetch(world, { topic: 'plain', isolationLevel: 1 })
  expect(answer?.lastStableOffset).toBe(answer?.highWatermark)
  expect(answer?.abortedTransactions).toMatchObject([{ producerId: producer.producerId }])
})

test('a marker of an older epoch or coordinator ends nothing, nor does one of nobody', async () => {
  const producer = await begun('kept', 1)
  const { producerId } = producer
  const open = async () => {
    const [answer] = await fetch(world, { topic: 'plain', partitions: [{ partition: 1 }] })
    return answer?.lastStableOffset === producer.baseOffset
  }
  // Of version 2 the epoch of the records is too old already.
  expect(await mark(producer, [1], { transactionVersion: 2 })).toEqual(['INVALID_PRODUCER_EPOCH'])
  expect(await mark({ producerId: -1n, producerEpoch: -1 }, [1])).toEqual(['UNKNOWN_SERVER_ERROR'])
  expect(await open()).toBe(true)
  expect(
    await mark({ producerId, producerEpoch: 1 }, [1], { transactionVersion: 2, coordinatorEpoch: 5 }),
  ).toEqual(['NONE'])
  expect(await open()).toBe(false)
  expect(await mark({ producerId, producerEpoch: 1 }, [1], { coordinatorEpoch: 4 })).toEqual([
    'TRANSACTION_COORDINATOR_FENCED',
  ])
  expect(await mark({ producerId, producerEpoch: 0 }, [1], { coordinatorEpoch: 6 })).toEqual([
    'INVALID_PRODUCER_EPOCH',
  ])
})

test('DescribeProducers tells who writes, and where an open transaction begins', async () => {
  const producer = await begun('described', 1)
  const { topics } = await world.ask('DescribeProducers', 0, {
    topics: [{ name: 'plain', partitionIndexes: [1, 5] }],
  })
  const [known, unknown] = topics[0]?.partitions ?? []
  expect(known?.activeProducers).toContainEqual({
    producerId: producer.producerId,
    producerEpoch: 0,
    lastSequence: 0,
    lastTimestamp: 1_700_000_000_000n,
    coordinatorEpoch: -1,
    currentTxnStartOffset: producer.baseOffset,
  })
  expect(errorName(unknown?.errorCode ?? -1)).toBe('UNKNOWN_TOPIC_OR_PARTITION')
})
