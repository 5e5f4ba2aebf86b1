// What is in the log and not acknowledged: the disk takes its time, the high watermark stands before it.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { fetch } from '../../broker/protocol/apis/fetch.ts'
import { produce } from '../../broker/protocol/apis/produce.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { type Broker, startBrokerOn } from '../../broker/server/start-broker.ts'
import { FaultyStorage } from '../../broker/storage/faulty-storage.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { Random } from '../world/random.ts'
import { WireClient } from '../world/wire-client.ts'
import { batch } from './data-world.ts'

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

let clock: ManualClock
let storage: FaultyStorage
let broker: Broker
let client: WireClient

beforeEach(async () => {
  clock = new ManualClock()
  storage = new FaultyStorage(new Random(1))
  broker = await startBrokerOn(storage, {
    clock,
    logger: silent,
    topics: { dated: { config: { 'message.timestamp.type': 'LogAppendTime' } } },
  })
  client = await WireClient.connect(broker.bootstrapServers)
  await send(500)
})
afterEach(async () => {
  storage.holdSyncs = false
  storage.finishSyncs()
  await client.close()
  await broker.stop()
})

const send = (timeoutMs: number) =>
  client.request(produce, 9, {
    transactionalId: null,
    acks: -1,
    timeoutMs,
    topicData: [{ name: 'dated', partitionData: [{ index: 0, records: batch(1) }] }],
  })

/** Resolves when a batch is in the log and not on the disk; gives its answer to come. */
async function appendOnly(timeoutMs: number): Promise<{ asked: ReturnType<typeof send> }> {
  storage.holdSyncs = true
  const asked = send(timeoutMs)
  await expect.poll(() => storage.syncsHeld, { interval: 2 }).toBe(1)
  return { asked }
}

test('a produce that waited in vain says where its batch is (DelayedProduce)', async () => {
  const { asked } = await appendOnly(500)
  await clock.advance(500)
  expect((await asked).responses[0]?.partitionResponses[0]).toMatchObject({
    errorCode: errorCodes.REQUEST_TIMED_OUT,
    baseOffset: 1n,
    logAppendTimeMs: BigInt(clock.now() - 500),
    logStartOffset: 0n,
  })
})

test('a fetch from behind the high watermark is answered at once, and is empty (DelayedFetch)', async () => {
  const { asked } = await appendOnly(60_000)
  await using consumer = await WireClient.connect(broker.bootstrapServers)
  const answer = await consumer.request(fetch, 12, {
    maxWaitMs: 60_000,
    minBytes: 1,
    topics: [{ topic: 'dated', partitions: [{ partition: 0, fetchOffset: 2n, partitionMaxBytes: 1000 }] }],
  })
  expect(answer.responses[0]?.partitions[0]).toMatchObject({
    errorCode: errorCodes.NONE,
    highWatermark: 1n,
    records: Buffer.alloc(0),
  })
  storage.holdSyncs = false
  storage.finishSyncs()
  await asked
})
