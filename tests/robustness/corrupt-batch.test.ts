// Record batches that are not what they say: refused with Kafka's error, and not a byte of them is kept.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { errorName } from '../../broker/protocol/errors.ts'
import { RecordBatchBuilder } from '../../broker/protocol/record-batch/builder.ts'
import {
  ATTRIBUTES_AT,
  BATCH_OVERHEAD,
  CRC_AT,
  LAST_OFFSET_DELTA_AT,
  LENGTH_AT,
  MAGIC_AT,
  RECORD_COUNT_AT,
  recomputeCrc,
} from '../../broker/protocol/record-batch/header.ts'
import { Random, seeds } from '../world/random.ts'
import { batchOf, World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await World.start()
})
afterAll(() => world[Symbol.asyncDispose]())

const good = (): Buffer => batchOf(['one', 'two', 'three'])

/** The batch with one number changed; its checksum is right again unless told otherwise. */
function changed(act: (batch: Buffer) => void, fixCrc = true): Buffer {
  const batch = good()
  act(batch)
  if (fixCrc) recomputeCrc(batch, 0)
  return batch
}

test.each<[string, string, Buffer]>([
  ['a flipped bit in the records', 'CORRUPT_MESSAGE', changed((b) => (b[BATCH_OVERHEAD + 4] = 0xff), false)],
  ['another checksum', 'CORRUPT_MESSAGE', changed((b) => b.writeUInt32BE(1, CRC_AT), false)],
  ['a length below that of a head', 'CORRUPT_MESSAGE', changed((b) => b.writeInt32BE(10, LENGTH_AT), false)],
  ['a negative length', 'CORRUPT_MESSAGE', changed((b) => b.writeInt32BE(-1, LENGTH_AT), false)],
  ['a length beyond the end', 'INVALID_RECORD', changed((b) => b.writeInt32BE(1_000_000, LENGTH_AT), false)],
  ['a magic that there is not', 'CORRUPT_MESSAGE', changed((b) => b.writeInt8(9, MAGIC_AT), false)],
  ['a magic of long ago', 'INVALID_RECORD', changed((b) => b.writeInt8(1, MAGIC_AT), false)],
  [
    'a record count of 2147483647',
    'INVALID_RECORD',
    changed((b) => b.writeInt32BE(0x7fffffff, RECORD_COUNT_AT)),
  ],
  ['a negative record count', 'INVALID_RECORD', changed((b) => b.writeInt32BE(-5, RECORD_COUNT_AT))],
  ['one record more than it has', 'INVALID_RECORD', changed((b) => b.writeInt32BE(4, RECORD_COUNT_AT))],
  ['another last offset delta', 'INVALID_RECORD', changed((b) => b.writeInt32BE(7, LAST_OFFSET_DELTA_AT))],
  ['a control batch from a client', 'INVALID_RECORD', changed((b) => b.writeInt16BE(0x20, ATTRIBUTES_AT))],
  ['no bytes at all', 'INVALID_RECORD', Buffer.alloc(0)],
  ['a head and nothing more', 'INVALID_RECORD', good().subarray(0, BATCH_OVERHEAD)],
  ['two batches', 'INVALID_RECORD', Buffer.concat([good(), good()])],
])('%s: %s, and nothing is appended', async (what, error, bytes) => {
  const topic = `refused-${what.replaceAll(/[^a-z0-9]+/g, '-')}`
  await world.createTopic(topic)
  expect((await world.produce(topic, good())).errorCode).toBe(0)
  expect(errorName((await world.produce(topic, bytes)).errorCode)).toBe(error)
  expect(await world.values(topic)).toEqual(['one', 'two', 'three'])
})

test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
  'a %s batch whose bytes are noise is refused',
  async (codec) => {
    const random = new Random(7)
    const batch = Buffer.concat([good().subarray(0, BATCH_OVERHEAD), random.bytes(200)])
    batch.writeInt32BE(batch.length - 12, LENGTH_AT)
    batch.writeInt16BE(['none', 'gzip', 'snappy', 'lz4', 'zstd'].indexOf(codec), ATTRIBUTES_AT)
    recomputeCrc(batch, 0)
    await world.createTopic(`noise-${codec}`)
    const { errorCode } = await world.produce(`noise-${codec}`, batch)
    expect(['CORRUPT_MESSAGE', 'INVALID_RECORD']).toContain(errorName(errorCode))
    expect(await world.values(`noise-${codec}`)).toEqual([])
  },
)

test.each(['gzip', 'zstd', 'lz4'] as const)('a %s bomb is refused before it has grown', async (codec) => {
  const builder = new RecordBatchBuilder(80e6 + 1000)
  builder.append(Date.now(), null, Buffer.alloc(80e6))
  const bomb = builder.build({ codec })
  expect(bomb.length).toBeLessThan(500_000)
  await world.createTopic(`bomb-${codec}`)
  const { errorCode } = await world.produce(`bomb-${codec}`, bomb)
  expect(errorName(errorCode)).toBe('MESSAGE_TOO_LARGE')
  expect(await world.values(`bomb-${codec}`)).toEqual([])
})

test.each(seeds(1, 150))('any one flipped bit is refused, seed %i', async (seed) => {
  const random = new Random(seed)
  const topic = 'flipped'
  if (seed === 1) await world.createTopic(topic)
  const batch = good()
  // Base offset and leader epoch are the broker's to write: they are outside of the checksum.
  const at = random.pick([random.between(LENGTH_AT, 11), random.between(MAGIC_AT, batch.length - 1)])
  batch[at] = (batch[at] as number) ^ (1 << random.below(8))
  const { errorCode } = await world.produce(topic, batch)
  expect(['CORRUPT_MESSAGE', 'INVALID_RECORD']).toContain(errorName(errorCode))
  if (seed === 150) expect(await world.values(topic)).toEqual([])
})
