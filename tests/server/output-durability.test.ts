// What commit() of an output session promises: output, offsets and decision survive a power cut whatever the
// durability of the topics is. The control shows that the cut bites: a plain record of the same topic is lost.

import { expect, test } from 'vitest'
import { startBrokerOn } from '../../broker/server/start-broker.ts'
import { FaultyStorage } from '../../broker/storage/faulty-storage.ts'
import { produce } from '../../broker/protocol/apis/produce.ts'
import { batch } from '../handlers/data-world.ts'
import { Random, seeds } from '../world/random.ts'
import { readLog } from '../world/read-log.ts'
import { WireClient } from '../world/wire-client.ts'

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const options = {
  logger: silent,
  topics: { out: {}, plain: {} },
  config: {
    'logmill.durability': 'os',
    'offsets.topic.num.partitions': 2,
    'transaction.state.log.num.partitions': 2,
  },
}

async function read(bootstrap: string, topic: string): Promise<string[]> {
  await using client = await WireClient.connect(bootstrap)
  const values: string[] = []
  const from = { topic, partition: 0, fromOffset: 0n, isolation: 'read_committed' as const }
  await readLog(client, from, (_offset, _key, value) => values.push(String(value)))
  return values
}

test('a commit survives a power cut with durability=os, a plain record does not', async () => {
  const plain: string[][] = []
  for (const seed of seeds(1, 5)) {
    const storage = new FaultyStorage(new Random(seed))
    const first = await startBrokerOn(storage, options)
    await using client = await WireClient.connect(first.bootstrapServers)
    await client.request(produce, 9, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: 'plain', partitionData: [{ index: 0, records: batch([{ value: 'plain' }]) }] }],
    })
    const session = await first.output.open('job', 60_000)
    session.begin()
    await session.append('out', 0, batch([{ value: 'kept' }]))
    const committed = [{ topic: 'plain', partition: 0, offset: 1n, metadata: 'batch 1' }]
    await session.commitOffsets('group', committed)
    await session.commit()
    storage.crash()

    const second = await startBrokerOn(storage, options)
    expect(await read(second.bootstrapServers, 'out'), `seed ${seed}`).toEqual(['kept'])
    const successor = await second.output.open('job', 60_000)
    expect(await successor.committedOffsets('group'), `seed ${seed}`).toEqual(committed)
    plain.push(await read(second.bootstrapServers, 'plain'))
    await successor.close()
    await second.stop()
    // Only now: what the first does while it stops must not reach the disk of the second.
    await first.stop()
  }
  expect(plain).toContainEqual([])
})

test('a step that a coordinator has no room for fails with what the disk said', async () => {
  const storage = new FaultyStorage(new Random(1))
  await using broker = await startBrokerOn(storage, options)
  const session = await broker.output.open('job', 60_000)
  const steps = [
    () => session.append('out', 0, batch([{ value: 'lost' }])),
    () => session.commitOffsets('group', [{ topic: 'plain', partition: 0, offset: 1n, metadata: '' }]),
    () => session.commit(),
  ]
  for (const [index, step] of steps.entries()) {
    session.begin()
    for (const before of steps.slice(0, index)) await before()
    storage.failNext('append', 'ENOSPC', { sticky: true })
    await expect(step(), `step ${index}`).rejects.toThrow('ENOSPC')
    storage.clearFaults()
    await session.abort()
  }
  await session.close()
})
