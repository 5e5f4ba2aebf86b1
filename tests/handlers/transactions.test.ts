// Transactions of transaction.version 2 as their requests cross the wire (KIP-890, second part): nobody adds
// partitions, every EndTxn says what to go on with.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorName } from '../../broker/protocol/errors.ts'
import { readLog } from '../world/read-log.ts'
import { batch, DataWorld, fetch, produce, produceRequest } from './data-world.ts'

const topics = { plain: { partitions: 4 }, other: {} }
const LEVEL_TWO = { name: 'transaction.version', level: 2 }

let world: DataWorld
beforeAll(async () => {
  world = await DataWorld.start({ topics })
})
afterAll(() => world[Symbol.asyncDispose]())

let ids = 0
class Producer {
  readonly transactionalId = `tx-${ids++}`
  producerId = -1n
  producerEpoch = -1

  async init(timeoutMs = 60_000): Promise<string> {
    const request = { transactionalId: this.transactionalId, transactionTimeoutMs: timeoutMs }
    // The first one makes __transaction_state.
    await world.ask('FindCoordinator', 4, { keyType: 1, coordinatorKeys: [this.transactionalId] })
    const { errorCode, producerId, producerEpoch } = await world.ask('InitProducerId', 5, request)
    if (errorCode === 0) Object.assign(this, { producerId, producerEpoch })
    return errorName(errorCode)
  }

  batch(baseSequence: number, text = 'v'): Buffer {
    const { producerId, producerEpoch } = this
    return batch([{ value: text }], { producerId, producerEpoch, baseSequence, isTransactional: true })
  }

  async write(partition: number, baseSequence: number, version = 12, text = 'v'): Promise<string> {
    const to = { topic: 'plain', partition, transactionalId: this.transactionalId }
    return errorName((await produce(world, this.batch(baseSequence, text), to, version)).errorCode)
  }

  async end(committed: boolean, version = 5): Promise<string> {
    const { transactionalId, producerId, producerEpoch } = this
    const answer = await world.ask('EndTxn', version, {
      transactionalId,
      producerId,
      producerEpoch,
      committed,
    })
    if (answer.errorCode === 0 && version >= 5) {
      this.producerId = answer.producerId
      this.producerEpoch = answer.producerEpoch
    }
    return errorName(answer.errorCode)
  }

  async commitOffset(groupId: string, version = 5): Promise<string> {
    const { transactionalId, producerId, producerEpoch } = this
    const { topics: answers } = await world.ask('TxnOffsetCommit', version, {
      transactionalId,
      groupId,
      producerId,
      producerEpoch,
      topics: [
        { name: 'other', partitions: [{ partitionIndex: 0, committedOffset: 7n, committedMetadata: null }] },
      ],
    })
    return errorName(answers[0]?.partitions[0]?.errorCode ?? -1)
  }
}

async function begun(): Promise<Producer> {
  const producer = new Producer()
  expect(await producer.init()).toBe('NONE')
  return producer
}

test('the level is finalized in a new cluster', async () => {
  const request = { clientSoftwareName: 'x', clientSoftwareVersion: '1' }
  const { finalizedFeatures, supportedFeatures } = await world.ask('ApiVersions', 4, request)
  const { name, level } = LEVEL_TWO
  expect(finalizedFeatures).toContainEqual({ name, minVersionLevel: level, maxVersionLevel: level })
  expect(supportedFeatures).toContainEqual({ name, minVersion: 0, maxVersion: level })
})

describe('a transaction', () => {
  test('takes in what is written, and raises its epoch at every end', async () => {
    const producer = await begun()
    expect(await producer.write(0, 0, 12, 'one')).toBe('NONE')
    expect(await producer.end(true)).toBe('NONE')
    expect(producer.producerEpoch).toBe(1)
    // At once, while markers may be on their way; sequences begin anew with the epoch.
    expect(await producer.write(0, 0, 12, 'two')).toBe('NONE')
    expect(await producer.end(false)).toBe('NONE')
    expect(producer.producerEpoch).toBe(2)
    const values: string[] = []
    const options = { topic: 'plain', partition: 0, isolation: 'read_committed', fromOffset: 0n } as const
    await readLog(world.client, options, (_offset, _key, value) => values.push(String(value)))
    expect(values).toEqual(['one'])
    const [answer] = await fetch(world, { topic: 'plain', isolationLevel: 1 })
    expect(answer?.abortedTransactions).toMatchObject([{ producerId: producer.producerId }])
  })

  test('takes in several partitions in one request, and says of each what is wrong with it', async () => {
    const producer = await begun()
    const request = produceRequest(producer.batch(0), {
      topic: 'plain',
      partition: 1,
      transactionalId: producer.transactionalId,
    })
    const [topic] = request.topicData
    const partitionData = [
      ...(topic?.partitionData ?? []),
      ...[2, 9].map((index) => ({ index, records: producer.batch(0) })),
    ]
    const { responses } = await world.ask('Produce', 12, {
      ...request,
      topicData: [{ ...topic, partitionData }],
    })
    expect(responses[0]?.partitionResponses.map(({ errorCode }) => errorName(errorCode))).toEqual([
      'NONE',
      'NONE',
      'UNKNOWN_TOPIC_OR_PARTITION',
    ])
    const description = await world.ask('DescribeTransactions', 0, {
      transactionalIds: [producer.transactionalId],
    })
    expect(description.transactionStates[0]).toMatchObject({
      transactionState: 'Ongoing',
      topics: [{ topic: 'plain', partitions: [1, 2] }],
    })
    await producer.end(true)
  })

  test('keeps the order of batches that are sent ahead', async () => {
    const producer = await begun()
    const client = await world.connect()
    const sent = Array.from({ length: 5 }, (_, i) => {
      const to = { topic: 'plain', partition: 3, transactionalId: producer.transactionalId }
      return world.ask('Produce', 12, produceRequest(producer.batch(i), to), client)
    })
    const codes = (await Promise.all(sent)).map(({ responses }) => responses[0]?.partitionResponses[0])
    expect(codes.map((answer) => errorName(answer?.errorCode ?? -1))).toEqual(codes.map(() => 'NONE'))
    const offsets = codes.map((answer) => Number(answer?.baseOffset))
    expect(offsets).toEqual(offsets.map((_, i) => (offsets[0] as number) + i))
    await producer.end(true)
  })

  test('that nobody knows begins at sequence 0: what comes from nowhere is out of order', async () => {
    const producer = await begun()
    expect(await producer.write(0, 3)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(await producer.write(0, 0)).toBe('NONE')
    await producer.end(false)
  })

  test('of an ended epoch takes nothing any more', async () => {
    const producer = await begun()
    await producer.write(0, 0)
    const old = producer.batch(1)
    await producer.end(true)
    const to = { topic: 'plain', partition: 0, transactionalId: producer.transactionalId }
    expect(errorName((await produce(world, old, to)).errorCode)).toBe('INVALID_PRODUCER_EPOCH')
  })

  test('of a stranger, or of two producers at once, is refused', async () => {
    const producer = await begun()
    const to = { topic: 'plain', partition: 0, transactionalId: 'nobody' }
    expect(errorName((await produce(world, producer.batch(0), to)).errorCode)).toBe(
      'INVALID_PRODUCER_ID_MAPPING',
    )
    const request = produceRequest(producer.batch(0), { ...to, transactionalId: producer.transactionalId })
    const other = batch(1, { producerId: 99_999n, producerEpoch: 0, baseSequence: 0, isTransactional: true })
    const [topic] = request.topicData
    const partitionData = [...(topic?.partitionData ?? []), { index: 1, records: other }]
    const { responses } = await world.ask('Produce', 12, {
      ...request,
      topicData: [{ ...topic, partitionData }],
    })
    expect(responses[0]?.partitionResponses.map(({ errorCode }) => errorName(errorCode))).toEqual([
      'INVALID_PRODUCER_ID_MAPPING',
      'INVALID_PRODUCER_ID_MAPPING',
    ])
  })

  test('takes in the offsets of a group with TxnOffsetCommit alone', async () => {
    const producer = await begun()
    expect(await producer.commitOffset('g')).toBe('NONE')
    await producer.end(true)
    const request = { groups: [{ groupId: 'g', topics: null }], requireStable: true }
    const { groups } = await world.ask('OffsetFetch', 8, request)
    expect(groups[0]?.topics[0]?.partitions).toMatchObject([{ committedOffset: 7n }])
  })

  test('of the protocol before goes on beside it: nothing is added for a producer that adds itself', async () => {
    const producer = await begun()
    expect(await producer.write(0, 0, 11)).toBe('TRANSACTION_ABORTABLE')
    expect(await producer.write(0, 0, 10)).toBe('INVALID_TXN_STATE')
    expect(await producer.commitOffset('g', 4)).toBe('TRANSACTION_ABORTABLE')
    const { transactionalId, producerId, producerEpoch } = producer
    await world.ask('AddPartitionsToTxn', 3, {
      transactions: [],
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [{ name: 'plain', partitions: [0] }],
    })
    expect(await producer.write(0, 0, 11)).toBe('NONE')
    expect(await producer.end(true, 4)).toBe('NONE')
    expect(producer.producerEpoch).toBe(0)
  })

  test('goes on when the level goes down and up again', async () => {
    const level = (maxVersionLevel: number, upgradeType: number) =>
      world.ask('UpdateFeatures', 2, {
        timeoutMs: 1000,
        featureUpdates: [{ feature: 'transaction.version', maxVersionLevel, upgradeType }],
      })
    const producer = await begun()
    await producer.write(0, 0)
    expect((await level(0, 2)).errorCode).toBe(0)
    expect(await producer.end(true)).toBe('NONE')
    expect(await producer.write(0, 0)).toBe('NONE')
    expect((await level(2, 1)).errorCode).toBe(0)
    expect(await producer.end(true)).toBe('NONE')
    expect(producer.producerEpoch).toBe(2)
  })
})
