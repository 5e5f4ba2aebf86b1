// Large batches are inspected in a thread, and nobody can tell but by the clock.

import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defaultPartitionConfig } from '../../broker/partition/partition-config.ts'
import { type Inspection, inspectBatch } from '../../broker/partition/prepare-batch.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { type BuildOptions, RecordBatchBuilder } from '../../broker/protocol/record-batch/builder.ts'
import { InspectionThread } from '../../broker/server/inspection/thread.ts'
import { batch, DataWorld, produce, TIME_MS } from '../handlers/data-world.ts'
import { readLog } from '../world/read-log.ts'

const MB = 1_000_000

function zeros(megabytes: number, options: BuildOptions): Buffer {
  const builder = new RecordBatchBuilder()
  for (let i = 0; i < megabytes; i++) builder.append(TIME_MS, null, Buffer.alloc(MB))
  return builder.build(options)
}

/** Comparing megabytes one by one takes long. */
const inShort = (inspection: Inspection) =>
  'errorCode' in inspection
    ? inspection
    : { facts: inspection.facts, stored: createHash('sha1').update(inspection.stored).digest('hex') }

describe('the thread', () => {
  const failures: Error[] = []
  const thread = new InspectionThread((error) => failures.push(error))
  afterAll(() => thread.close())
  const config = { ...defaultPartitionConfig, compressionType: 'zstd' as const }

  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'finds what is found here, of %s',
    async (codec) => {
      const records = zeros(1, { codec })
      const options = { nowMs: TIME_MS, fromClient: true }
      for (const topic of [defaultPartitionConfig, config]) {
        const found = await thread.elsewhere(records, topic, TIME_MS)
        expect(inShort(found)).toEqual(inShort(inspectBatch(records, topic, options)))
      }
      expect(failures).toEqual([])
    },
  )

  test('that has ended leaves nobody waiting', async () => {
    const records = zeros(3, { codec: 'gzip' })
    const waiting = thread.elsewhere(records, config, TIME_MS)
    await thread.close()
    const found = inspectBatch(records, config, { nowMs: TIME_MS, fromClient: true })
    expect(inShort(await waiting)).toEqual(inShort(found))
    expect(inShort(await thread.elsewhere(records, config, TIME_MS))).toEqual(inShort(found))
  })
})

describe('a broker', () => {
  let world: DataWorld
  beforeAll(async () => {
    world = await DataWorld.start({ topics: { t: {}, packed: { config: { 'compression.type': 'lz4' } } } })
  })
  afterAll(() => world[Symbol.asyncDispose]())

  test('keeps the order of an idempotent producer that sends ahead of a large batch', async () => {
    const producer = { producerId: 77n, producerEpoch: 0 }
    const answers = await Promise.all([
      produce(world, zeros(4, { ...producer, baseSequence: 0, codec: 'gzip' }), { topic: 't' }),
      produce(world, batch(2, { ...producer, baseSequence: 4 }), { topic: 't' }),
      produce(world, zeros(3, { ...producer, baseSequence: 6, codec: 'lz4' }), { topic: 't' }),
      produce(world, batch(1, { ...producer, baseSequence: 9 }), { topic: 't' }),
    ])
    expect(answers.map(({ errorCode, baseOffset }) => [errorCode, Number(baseOffset)])).toEqual([
      [0, 0],
      [0, 4],
      [0, 6],
      [0, 9],
    ])
    expect(world.log).toEqual([])
  })

  test('refuses what decompresses to more than may be, with the code for that', async () => {
    const { errorCode } = await produce(world, zeros(70, { codec: 'gzip' }), { topic: 't' })
    expect(errorCode).toBe(errorCodes.MESSAGE_TOO_LARGE)
  })

  test('stores what the topic wants', async () => {
    const { errorCode } = await produce(world, zeros(4, { codec: 'gzip' }), { topic: 'packed' })
    expect(errorCode).toBe(errorCodes.NONE)
    const from = { topic: 'packed', partition: 0, fromOffset: 0n, isolation: 'read_uncommitted' as const }
    const sizes: number[] = []
    await readLog(world.client, from, (_offset, _key, value) => void sizes.push(value?.length ?? -1))
    expect(sizes).toEqual([MB, MB, MB, MB])
  })
})
