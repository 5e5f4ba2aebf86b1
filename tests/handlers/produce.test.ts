// Produce at both ends of its versions: each condition and the code that Kafka 4.3 answers it with.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorCodes, errorName } from '../../broker/protocol/errors.ts'
import { recomputeCrc } from '../../broker/protocol/record-batch/header.ts'
import { readLog } from '../world/read-log.ts'
import { ConnectionClosedError } from '../world/wire-client.ts'
import {
  batch,
  DataWorld,
  fetch,
  produce,
  produceRequest,
  type ProduceTo,
  STRANGE_ID,
  TIME_MS,
} from './data-world.ts'

const LOWEST = 3
const HIGHEST = 13

let world: DataWorld
const ids = new Map<string, string>()
const topics = {
  plain: { partitions: 2 },
  compact: { config: { 'cleanup.policy': 'compact' } },
  small: { config: { 'max.message.bytes': 200 } },
  replicated: { config: { 'min.insync.replicas': 2 } },
  dated: { config: { 'message.timestamp.type': 'LogAppendTime' } },
  strict: {
    config: { 'message.timestamp.before.max.ms': 1000, 'message.timestamp.after.max.ms': 1000 },
  },
}
beforeAll(async () => {
  world = await DataWorld.start({ topics })
  for (const name of Object.keys(topics)) ids.set(name, await world.topicId(name))
})
afterAll(() => world[Symbol.asyncDispose]())

const broken = (change: (bytes: Buffer) => void): Buffer => {
  const bytes = batch(2)
  change(bytes)
  return bytes
}

const tx = { producerId: 900n, producerEpoch: 0, baseSequence: 0, isTransactional: true }

describe.each([LOWEST, HIGHEST])('Produce version %i', (version) => {
  const to = (topic: string) => ({ topic, topicId: ids.get(topic) ?? STRANGE_ID })

  const conditions: [string, () => Buffer | null, Partial<ProduceTo>, string][] = [
    ['one batch', () => batch(2), {}, 'NONE'],
    ['acks=1', () => batch(2), { acks: 1 }, 'NONE'],
    ['acks=2', () => batch(2), { acks: 2 }, 'INVALID_REQUIRED_ACKS'],
    ['acks=-2', () => batch(2), { acks: -2 }, 'INVALID_REQUIRED_ACKS'],
    ['a partition too many', () => batch(2), { partition: 2 }, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['partition -1', () => batch(2), { partition: -1 }, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['no records', () => null, {}, 'INVALID_RECORD'],
    ['empty records', () => Buffer.alloc(0), {}, 'INVALID_RECORD'],
    ['half a head', () => Buffer.alloc(30), {}, 'CORRUPT_MESSAGE'],
    ['two batches', () => Buffer.concat([batch(), batch()]), {}, 'INVALID_RECORD'],
    [
      'a flipped bit',
      () => broken((bytes) => void bytes.writeUInt8((bytes[70] ?? 0) ^ 1, 70)),
      {},
      'CORRUPT_MESSAGE',
    ],
    ['the format before', () => broken((bytes) => void bytes.writeUInt8(1, 16)), {}, 'INVALID_RECORD'],
    [
      'a count that is not so',
      () =>
        broken((bytes) => {
          bytes.writeInt32BE(3, 57)
          recomputeCrc(bytes, 0)
        }),
      {},
      'INVALID_RECORD',
    ],
    ['a transactional batch without an id', () => batch(1, tx), {}, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'],
    ['too large', () => batch(50), { topic: 'small' }, 'MESSAGE_TOO_LARGE'],
    ['no key on a compacted topic', () => batch([{ key: null }]), { topic: 'compact' }, 'INVALID_RECORD'],
    ['a key on a compacted topic', () => batch([{ key: 'k' }]), { topic: 'compact' }, 'NONE'],
    [
      'a date too early',
      () => batch([{ timestampMs: TIME_MS - 2000 }]),
      { topic: 'strict' },
      'INVALID_TIMESTAMP',
    ],
    [
      'a date too late',
      () => batch([{ timestampMs: TIME_MS + 2000 }]),
      { topic: 'strict' },
      'INVALID_TIMESTAMP',
    ],
    // Kafka bounds min.insync.replicas by the number of replicas.
    ['more in-sync replicas asked for than there are', () => batch(), { topic: 'replicated' }, 'NONE'],
    [
      'a topic nobody has',
      () => batch(),
      { topic: 'nope' },
      version === HIGHEST ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION',
    ],
    [
      'zstd',
      () => batch(5, { codec: 'zstd' }),
      {},
      version === LOWEST ? 'UNSUPPORTED_COMPRESSION_TYPE' : 'NONE',
    ],
  ]
  test.each(conditions)('%s', async (_, records, rest, code) => {
    const { topic = 'plain' } = rest
    const answer = await produce(world, records(), { ...rest, ...to(topic) }, version)
    expect(errorName(answer.errorCode)).toBe(code)
    if (code !== 'NONE') expect(answer.baseOffset).toBe(-1n)
  })
})

test('nothing of a refused batch is in the log', async () => {
  const before = await fetch(world, { topic: 'strict' })
  await produce(world, batch([{ timestampMs: TIME_MS }, { timestampMs: 5 }]), { topic: 'strict' })
  expect((await fetch(world, { topic: 'strict' }))[0]?.highWatermark).toBe(before[0]?.highWatermark)
})

test('a transactional batch without an id spoils the whole request', async () => {
  const plain = produceRequest(batch(), { topic: 'plain' })
  const { topicData } = produceRequest(batch(1, tx), { topic: 'compact' })
  const request = { ...plain, topicData: [...plain.topicData, ...topicData] }
  const { responses } = await world.ask('Produce', 12, request)
  const codes = responses.flatMap(({ partitionResponses }) =>
    partitionResponses.map((each) => each.errorCode),
  )
  expect(codes).toEqual([
    errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  ])
})

test('each bad record is named by its place in the batch', async () => {
  const records = batch([{ key: 'a' }, { key: null }, { key: 'b' }, { key: null }])
  const { recordErrors } = await produce(world, records, { topic: 'compact' })
  expect(recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1, 3])
})

test('a topic with LogAppendTime answers the time of the append', async () => {
  const { logAppendTimeMs } = await produce(world, batch(), { topic: 'dated' })
  expect(logAppendTimeMs).toBe(BigInt(world.clock.now()))
  expect((await produce(world, batch(), { topic: 'compact' })).logAppendTimeMs).toBe(-1n)
})

test('the same batch sent again gets the offset it had; a gap in sequences is refused', async () => {
  const from = { producerId: 77n, producerEpoch: 0 }
  const first = await produce(world, batch(3, { ...from, baseSequence: 0 }), { topic: 'plain', partition: 1 })
  const again = await produce(world, batch(3, { ...from, baseSequence: 0 }), { topic: 'plain', partition: 1 })
  const gap = await produce(world, batch(3, { ...from, baseSequence: 9 }), { topic: 'plain', partition: 1 })
  expect(again).toMatchObject({ errorCode: errorCodes.NONE, baseOffset: first.baseOffset })
  expect(gap.errorCode).toBe(errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER)
})

test("the broker's own topics cannot be written", async () => {
  await world.ask('FindCoordinator', 6, { keyType: 0, coordinatorKeys: ['g'] })
  const { errorCode } = await produce(world, batch(), { topic: '__consumer_offsets' })
  expect(errorCode).toBe(errorCodes.INVALID_TOPIC_EXCEPTION)
})

test('pipelined requests are appended in their order', async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => produce(world, batch(2), { topic: 'plain', partition: 1 })),
  )
  const offsets = answers.map(({ baseOffset }) => Number(baseOffset))
  expect(offsets).toEqual(offsets.toSorted((a, b) => a - b))
  expect(new Set(offsets).size).toBe(20)
})

test('large batches sent ahead come out as they went in: nobody writes over their memory', async () => {
  await using large = await DataWorld.start({ topics: { t: {} } })
  const valueOf = (i: number): string => String(i).padEnd(70_000 + i * 500, String(i % 10))
  const count = 60
  await Promise.all(
    Array.from({ length: count }, (_, i) => produce(large, batch([{ value: valueOf(i) }]), { topic: 't' })),
  )
  const from = { topic: 't', partition: 0, fromOffset: 0n, isolation: 'read_uncommitted' as const }
  const end = await readLog(large.client, from, (offset, _key, value) => {
    if (String(value) !== valueOf(Number(offset))) throw new Error(`the value of record ${offset} is another`)
  })
  expect(end).toBe(BigInt(count))
})

describe('acks=0', () => {
  test('gets no reply, and the record is there', async () => {
    const client = await world.connect()
    // The request that comes after is the next to be answered.
    void world
      .ask('Produce', 9, produceRequest(batch([{ value: 'quiet' }]), { topic: 'plain', acks: 0 }), client)
      .catch(() => undefined)
    await expect
      .poll(async () => {
        const [answer] = await fetch(world, { topic: 'plain' })
        return answer?.records?.includes('quiet')
      })
      .toBe(true)
    await client.close()
  })

  test('an error closes the connection, which is the only way to tell', async () => {
    const client = await world.connect()
    const request = produceRequest(batch(), { topic: 'nope', acks: 0 })
    await expect(world.ask('Produce', 9, request, client)).rejects.toThrow(ConnectionClosedError)
    expect(world.log.at(-1)).toMatch(/acks=0 to nope-0 failed: UNKNOWN_TOPIC_OR_PARTITION/)
  })
})
