// The way of a request to its handler, and what stands in that way: versions, APIs that are not served, broken
// bodies, and other requests that wait.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { apis } from '../../broker/protocol/apis/index.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { encodeRequestFrame } from '../../broker/protocol/header.ts'
import { ConnectionClosedError } from '../world/wire-client.ts'
import { batch, DataWorld, produce, produceRequest, ZERO_ID } from './data-world.ts'

let world: DataWorld
beforeAll(async () => {
  world = await DataWorld.start({ topics: { t: {} }, config: { 'num.partitions': 2 } })
})
afterAll(() => world[Symbol.asyncDispose]())

const API_VERSIONS = 18

const NO_TAGS = Buffer.from([0])

/** Key, version, correlation id 7, no client id, and what follows. */
function frame(apiKey: number, version: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(14)
  head.writeInt32BE(10 + body.length, 0)
  head.writeInt16BE(apiKey, 4)
  head.writeInt16BE(version, 6)
  head.writeInt32BE(7, 8)
  head.writeInt16BE(-1, 12)
  return Buffer.concat([head, body])
}

describe('ApiVersions', () => {
  test('tells exactly what is served, in the ranges of Kafka 4.3', async () => {
    const { apiKeys } = await world.ask('ApiVersions', 4, {
      clientSoftwareName: 'test',
      clientSoftwareVersion: '1',
    })
    for (const { apiKey, minVersion, maxVersion } of apiKeys) {
      const api = apis.find(({ key }) => key === apiKey)
      expect([minVersion, maxVersion], api?.name).toEqual(api?.advertisedVersions)
    }
    const keys = apiKeys.map(({ apiKey }) => apiKey)
    expect(keys).toEqual(keys.toSorted((a, b) => a - b))
    // Produce from 0, or old librdkafka does not compress.
    expect(apiKeys[0]).toMatchObject({ apiKey: 0, minVersion: 0, maxVersion: 13 })
  })

  test('a version that nobody knows is answered in version 0 with the range to try', async () => {
    const client = await world.connect()
    client.write(frame(API_VERSIONS, 99, NO_TAGS))
    const reply = await client.nextFrame()
    expect(reply.toString('hex')).toBe('00000007' + '0023' + '00000001' + '0012' + '0000' + '0004')
    await client.close()
  })

  test.each([
    ['test', '1.0', 'NONE'],
    ['', '1', 'INVALID_REQUEST'],
    ['a b', '1', 'INVALID_REQUEST'],
    ['-a', '1', 'INVALID_REQUEST'],
    ['a', '1-', 'INVALID_REQUEST'],
  ] as const)('a client called "%s" "%s": %s', async (clientSoftwareName, clientSoftwareVersion, code) => {
    const answer = await world.ask('ApiVersions', 3, { clientSoftwareName, clientSoftwareVersion })
    expect(answer.errorCode).toBe(errorCodes[code])
  })
})

describe('what is not served closes the connection with one line', () => {
  const produceKey = 0
  test.each([
    ['an API that there is not', frame(999, 0), /API 999 is not served/],
    ['an API between brokers', frame(56, 3, NO_TAGS), /API 56 is not served/],
    ['a version that was removed, though it is advertised', frame(produceKey, 2), /Produce version 2/],
    ['a version to come', frame(3, 14, NO_TAGS), /Metadata version 14/],
    ['a negative version', frame(3, -1), /Metadata version -1/],
    ['a body that ends too early', frame(3, 4, Buffer.from([0, 0])), /Metadata/],
  ])('%s', async (_, bytes, line) => {
    const client = await world.connect()
    const before = world.log.length
    client.write(bytes)
    await client.closed
    await expect.poll(() => world.log.length).toBe(before + 1)
    expect(world.log.at(-1)).toMatch(line)
  })

  test('but what came before it is answered', async () => {
    const client = await world.connect()
    const answered = world.ask('Produce', 9, produceRequest(batch(), { topic: 't' }), client)
    client.write(frame(999, 0))
    expect((await answered).responses[0]?.partitionResponses[0]?.errorCode).toBe(0)
    await expect(client.nextFrame()).rejects.toThrow(ConnectionClosedError)
  })

  test('and other connections do not notice', async () => {
    const client = await world.connect()
    client.write(frame(999, 0))
    await client.closed
    expect((await produce(world, batch(), { topic: 't' })).errorCode).toBe(0)
  })
})

describe('a request that waits', () => {
  test('in a group holds up nobody on other connections', async () => {
    const [leader, follower] = [await world.connect(), await world.connect()]
    await world.ask('FindCoordinator', 4, { keyType: 0, coordinatorKeys: ['g'] })
    const join = (client = leader, memberId = '') =>
      world.ask(
        'JoinGroup',
        3,
        {
          groupId: 'g',
          sessionTimeoutMs: 10_000,
          rebalanceTimeoutMs: 300_000,
          memberId,
          protocolType: 'consumer',
          protocols: [{ name: 'range', metadata: Buffer.from('m') }],
        },
        client,
      )
    const first = join()
    await expect.poll(() => (world.clock.nextDueMs ?? Infinity) <= world.clock.now()).toBe(true)
    await world.clock.advance(0)
    const { memberId, generationId } = await first
    const assignments = [{ memberId, assignment: Buffer.from('all') }]
    await world.ask('SyncGroup', 3, { groupId: 'g', generationId, memberId, assignments }, leader)
    // The second member waits until the first has joined again, which it does not do.
    let joined = false
    const second = join(follower).then((answer) => {
      joined = true
      return answer
    })
    await expect
      .poll(async () => {
        const beat = { groupId: 'g', generationId, memberId }
        return (await world.ask('Heartbeat', 3, beat, leader)).errorCode
      })
      .toBe(errorCodes.REBALANCE_IN_PROGRESS)
    expect((await produce(world, batch(), { topic: 't' })).errorCode).toBe(0)
    expect(joined).toBe(false)
    await join(leader, memberId)
    expect((await second).generationId).toBe(generationId + 1)
  })
})

describe('Metadata', () => {
  const ask = (version: number, names: string[], allowAutoTopicCreation = true) =>
    world.ask('Metadata', version, {
      topics: names.map((name) => ({ name, topicId: ZERO_ID })),
      allowAutoTopicCreation,
    })

  test.each([4, 12])('version %i makes a topic, and it can be written to at once', async (version) => {
    const name = `made-${version}`
    const { topics } = await ask(version, [name])
    expect(topics[0]).toMatchObject({ errorCode: 0, partitions: [{ leaderId: 1 }, { leaderId: 1 }] })
    expect((await produce(world, batch(), { topic: name, partition: 1 })).errorCode).toBe(0)
  })

  test('makes none that it should not', async () => {
    const { topics } = await ask(12, ['unmade', 'a b', ''], false)
    expect(topics.map(({ errorCode }) => errorCode)).toEqual([
      errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
      errorCodes.INVALID_TOPIC_EXCEPTION,
      errorCodes.INVALID_TOPIC_EXCEPTION,
    ])
    await using strict = await DataWorld.start({ config: { 'auto.create.topics.enable': false } })
    const answer = await strict.ask('Metadata', 4, {
      topics: [{ name: 'x', topicId: ZERO_ID }],
      allowAutoTopicCreation: true,
    })
    expect(answer.topics[0]?.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  })

  test('one topic asked for by many at the same time is made once', async () => {
    const clients = await Promise.all(Array.from({ length: 10 }, () => world.connect()))
    const question = { topics: [{ name: 'race', topicId: ZERO_ID }], allowAutoTopicCreation: true }
    const answers = await Promise.all(clients.map((client) => world.ask('Metadata', 12, question, client)))
    expect(new Set(answers.map(({ topics }) => topics[0]?.topicId)).size).toBe(1)
    for (const { topics } of answers) expect(topics[0]?.errorCode).toBe(0)
  })
})

test('the header of a request may carry tags that nobody knows', async () => {
  const client = await world.connect()
  const api = apis.find(({ name }) => name === 'ApiVersions') as (typeof apis)[number]
  const [...chunks] = encodeRequestFrame(api, 3, { correlationId: 1, clientId: null }, {
    clientSoftwareName: 'x',
    clientSoftwareVersion: '1',
  } as never)
  const plain = Buffer.concat(chunks)
  // After size, key, version, correlation id and a null client id stands the number of tags: 0.
  const tagged = Buffer.concat([
    plain.subarray(0, 14),
    Buffer.from([1, 99, 2, 0xca, 0xfe]),
    plain.subarray(15),
  ])
  tagged.writeInt32BE(tagged.length - 4, 0)
  client.write(tagged)
  expect((await client.nextFrame()).readInt16BE(4)).toBe(errorCodes.NONE)
})
