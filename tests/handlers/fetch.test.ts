// Fetch: what is read, how much of it, how long it waits, and the code for what cannot be read. Checked against
// what Kafka 4.3 answers to the same requests.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorCodes, errorName } from '../../broker/protocol/errors.ts'
import { baseOffsetOf, batchSizeInBytes, lastOffsetOf } from '../../broker/protocol/record-batch/header.ts'
import {
  type Answer,
  type Ask,
  batch,
  DataWorld,
  type FetchFrom,
  fetch,
  fetchRequest,
  produce,
  STRANGE_ID,
} from './data-world.ts'

const LOWEST = 4
const HIGHEST = 18

let world: DataWorld
let logId: string
let batchBytes: number
/** Five batches of two records in log-0, three of one in log-1. */
beforeAll(async () => {
  world = await DataWorld.start({ topics: { log: { partitions: 2 }, empty: {}, live: { partitions: 3 } } })
  for (let i = 0; i < 5; i++) await produce(world, batch(2), { topic: 'log' })
  for (let i = 0; i < 3; i++) await produce(world, batch(1), { topic: 'log', partition: 1 })
  logId = await world.topicId('log')
  batchBytes = batch(2).length
})
afterAll(() => world[Symbol.asyncDispose]())

/** First and last offset of every batch. */
function spans(records: Buffer | null | undefined): [number, number][] {
  const found: [number, number][] = []
  if (!records) return found
  for (let at = 0; at < records.length; at += batchSizeInBytes(records, at)) {
    found.push([Number(baseOffsetOf(records, at)), Number(lastOffsetOf(records, at))])
  }
  return found
}

/** Whether a request has been answered, without waiting for it. */
function watch<T>(asked: Promise<T>): { asked: Promise<T>; isAnswered: () => boolean } {
  let answered = false
  asked.then(
    () => (answered = true),
    () => (answered = true),
  )
  return { asked, isAnswered: () => answered }
}

/** What was sent before has been taken up by the broker once another connection's question is answered. */
async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await world.ask('ApiVersions', 0, {}, await observer())
}
let observing: ReturnType<DataWorld['connect']> | undefined
const observer = () => (observing ??= world.connect())

describe.each([LOWEST, 12, 13, HIGHEST])('Fetch version %i', (version) => {
  const log = (rest: Partial<FetchFrom> = {}) => ({ topic: 'log', topicId: logId, ...rest })

  test.each([
    [0n, 'NONE', 5],
    [3n, 'NONE', 4],
    [10n, 'NONE', 0],
    [11n, 'OFFSET_OUT_OF_RANGE', 0],
    [-1n, 'OFFSET_OUT_OF_RANGE', 0],
  ] as const)('from offset %i: %s, %i batches', async (fetchOffset, code, batches) => {
    const [answer] = await fetch(world, log({ partitions: [{ fetchOffset }] }), version)
    expect(errorName(answer?.errorCode ?? -1)).toBe(code)
    expect(spans(answer?.records)).toHaveLength(batches)
    expect(answer?.highWatermark).toBe(code === 'NONE' ? 10n : -1n)
    // Some clients do not take null for no records.
    expect(answer?.records).not.toBeNull()
  })

  test('a topic, a partition, an id that is not there', async () => {
    const [partition] = await fetch(world, log({ partitions: [{ partition: 7 }] }), version)
    const [topic] = await fetch(world, { topic: 'nope', topicId: STRANGE_ID }, version)
    expect(partition?.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
    expect(topic?.errorCode).toBe(
      version < 13 ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : errorCodes.UNKNOWN_TOPIC_ID,
    )
    for (const { records } of [partition, topic].filter((each) => each !== undefined)) {
      expect(records).toHaveLength(0)
    }
  })

  test('nothing asked for is answered at once', async () => {
    const request = { ...fetchRequest(log({ maxWaitMs: 60_000 })), topics: [] }
    expect((await world.ask('Fetch', version, request)).responses).toEqual([])
  })

  test('a leader epoch that is not yet', async () => {
    if (version < 9) return
    const [answer] = await fetch(world, log({ partitions: [{ currentLeaderEpoch: 99 }] }), version)
    expect(answer?.errorCode).toBe(errorCodes.UNKNOWN_LEADER_EPOCH)
  })
})

describe('how much', () => {
  const whole = (answers: Answer<'Fetch'>['responses'][number]['partitions']) =>
    answers.map(({ records }) => spans(records).length)

  test.each([
    ['everything fits', {}, [5, 3]],
    ['one batch is answered however small the limits', { maxBytes: 1 }, [1, 0]],
    [
      'and however small the partition limit',
      { partitions: [{ partitionMaxBytes: 1 }, { partition: 1 }] },
      [1, 3],
    ],
    ['a limit of nothing', { maxBytes: 0 }, [1, 0]],
  ])('%s', async (_, rest, expected) => {
    const both = [{}, { partition: 1 }]
    expect(whole(await fetch(world, { topic: 'log', partitions: both, ...rest }))).toEqual(expected)
  })

  test('whole batches only, up to the limit', async () => {
    const limits = [{ partitionMaxBytes: 3 * batchBytes + 10 }]
    expect(whole(await fetch(world, { topic: 'log', partitions: limits }))).toEqual([3])
  })

  test('partitions share the limit in the order of the request', async () => {
    const partitions = [{ partition: 1 }, { partition: 0 }]
    const maxBytes = batch(1).length * 3 + batchBytes
    expect(whole(await fetch(world, { topic: 'log', partitions, maxBytes }))).toEqual([3, 1])
  })

  test("the broker's own limit counts, too", async () => {
    await using small = await DataWorld.start({ topics: { t: {} }, config: { 'fetch.max.bytes': 1024 } })
    for (let i = 0; i < 4; i++) await produce(small, batch([{ value: 'x'.repeat(400) }]), { topic: 't' })
    const [answer] = await fetch(small, { topic: 't', minBytes: 1_000_000, maxWaitMs: 60_000 })
    // More than the broker will ever answer is not waited for.
    expect(spans(answer?.records)).toHaveLength(2)
  })
})

describe('how long', () => {
  const live = (rest: Partial<FetchFrom> = {}) => ({ topic: 'live', maxWaitMs: 500, ...rest })
  const endOf = async (partition = 0): Promise<bigint> => {
    const [answer] = await fetch(world, { topic: 'live', partitions: [{ partition }] })
    return answer?.highWatermark ?? -1n
  }

  test('until the time is over when nothing comes', async () => {
    const client = await world.connect()
    const fetchOffset = await endOf()
    const waiting = watch(
      world.ask('Fetch', 12, fetchRequest(live({ partitions: [{ fetchOffset }] })), client),
    )
    await settled()
    await world.clock.advance(499)
    await settled()
    expect(waiting.isAnswered()).toBe(false)
    await world.clock.advance(1)
    expect((await waiting.asked).responses[0]?.partitions[0]).toMatchObject({
      errorCode: 0,
      highWatermark: fetchOffset,
    })
    await client.close()
  })

  test('until a record comes, with no time passing', async () => {
    const client = await world.connect()
    const fetchOffset = await endOf()
    const asked = world.ask('Fetch', 12, fetchRequest(live({ partitions: [{ fetchOffset }] })), client)
    await settled()
    await produce(world, batch(1), { topic: 'live' })
    expect(spans((await asked).responses[0]?.partitions[0]?.records)).toEqual([
      [Number(fetchOffset), Number(fetchOffset)],
    ])
    await client.close()
  })

  test('until there are min_bytes, in any of the partitions', async () => {
    const client = await world.connect()
    const from = [{ fetchOffset: await endOf(0) }, { partition: 1, fetchOffset: await endOf(1) }]
    const minBytes = 3 * batch(1).length
    const asked = watch(world.ask('Fetch', 12, fetchRequest(live({ partitions: from, minBytes })), client))
    await settled()
    await produce(world, batch(1), { topic: 'live' })
    await produce(world, batch(1), { topic: 'live', partition: 1 })
    await settled()
    expect(asked.isAnswered()).toBe(false)
    await produce(world, batch(1), { topic: 'live' })
    const answers = (await asked.asked).responses[0]?.partitions.map(({ records }) => spans(records).length)
    expect(answers).toEqual([2, 1])
    await client.close()
  })

  test('a limit that is full counts as enough, though whole batches do not fill it', async () => {
    const [answer] = await fetch(world, {
      topic: 'log',
      maxBytes: batchBytes + 10,
      minBytes: batchBytes + 10,
      maxWaitMs: 60_000,
    })
    expect(spans(answer?.records)).toEqual([[0, 1]])
  })

  test('a partition that is not there does not cut the wait for the others short', async () => {
    const client = await world.connect()
    const partitions = [{ partition: 9 }, { fetchOffset: await endOf() }]
    const waiting = watch(world.ask('Fetch', 12, fetchRequest(live({ partitions })), client))
    await settled()
    expect(waiting.isAnswered()).toBe(false)
    await world.clock.advance(500)
    const codes = (await waiting.asked).responses[0]?.partitions.map(({ errorCode }) => errorCode)
    // What is refused comes last.
    expect(codes).toEqual([errorCodes.NONE, errorCodes.UNKNOWN_TOPIC_OR_PARTITION])
    await client.close()
  })

  test('an offset out of range does: the client must hear of it', async () => {
    const partitions = [{ fetchOffset: await endOf() }, { partition: 1, fetchOffset: 999n }]
    const answers = await fetch(world, live({ partitions, maxWaitMs: 60_000 }))
    expect(answers[1]?.errorCode).toBe(errorCodes.OFFSET_OUT_OF_RANGE)
  })

  test('the deletion of its topic ends a wait at once', async () => {
    const client = await world.connect()
    await world.ask('CreateTopics', 7, {
      topics: [{ name: 'doomed', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: 1000,
    })
    const asked = world.ask('Fetch', 12, fetchRequest({ topic: 'doomed', maxWaitMs: 60_000 }), client)
    await settled()
    await world.ask('DeleteTopics', 3, { topicNames: ['doomed'], timeoutMs: 1000 })
    expect((await asked).responses[0]?.partitions[0]?.errorCode).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
    await client.close()
  })

  test('a waiting fetch does not hold up other connections, and its own requests are answered in order', async () => {
    const client = await world.connect()
    const fetchOffset = await endOf()
    const order: string[] = []
    const first = world
      .ask('Fetch', 12, fetchRequest(live({ partitions: [{ fetchOffset }] })), client)
      .then(() => order.push('fetch'))
    const second = world.ask('ApiVersions', 0, {}, client).then(() => order.push('versions'))
    await settled()
    expect(order).toEqual([])
    await world.clock.advance(500)
    await Promise.all([first, second])
    expect(order).toEqual(['fetch', 'versions'])
    await client.close()
  })

  test('many waiting fetches leave nothing behind', async () => {
    const timersBefore = world.clock.timersSet
    const warnings: Error[] = []
    const onWarning = (warning: Error): void => void warnings.push(warning)
    process.on('warning', onWarning)
    const fetchOffset = await endOf(2)
    const clients = await Promise.all(Array.from({ length: 30 }, () => world.connect()))
    const request = fetchRequest(live({ partitions: [{ partition: 2, fetchOffset }] }))
    const asked = clients.map((client) => world.ask('Fetch', 12, request, client))
    await settled()
    await produce(world, batch(1), { topic: 'live', partition: 2 })
    await Promise.all(asked)
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
    expect(world.clock.timersSet).toBe(timersBefore)
  })
})

describe('sessions', () => {
  test.each([
    [0, 0, 'NONE', true],
    [0, -1, 'NONE', false],
    [77, 0, 'NONE', true],
    [77, -1, 'NONE', false],
    [77, 1, 'FETCH_SESSION_ID_NOT_FOUND', false],
    [0, 1, 'FETCH_SESSION_ID_NOT_FOUND', false],
    [0, -3, 'FETCH_SESSION_ID_NOT_FOUND', false],
  ] as const)('session %i, epoch %i: %s', async (sessionId, sessionEpoch, code, opens) => {
    const answer = await world.ask('Fetch', 12, fetchRequest({ topic: 'log', sessionId, sessionEpoch }))
    expect(errorName(answer.errorCode)).toBe(code)
    expect(answer.sessionId > 0).toBe(opens)
    expect(answer.responses).toHaveLength(code === 'NONE' ? 1 : 0)
  })

  /** A session on a topic of its own, and the next requests of it, which name nothing. */
  async function opened(topic: string, version: number) {
    await world.ask('CreateTopics', 7, {
      topics: [{ name: topic, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: 1000,
    })
    const topicId = await world.topicId(topic)
    const partitions = [{}, { partition: 1 }]
    const first = await world.ask(
      'Fetch',
      version,
      fetchRequest({ topic, topicId, partitions, sessionEpoch: 0 }),
    )
    let sessionEpoch = 0
    const client = await world.connect()
    const next = async (rest: Partial<Ask<'Fetch'>> = {}) => {
      const { sessionId } = first
      const place = { sessionId, sessionEpoch: ++sessionEpoch }
      const request = { ...fetchRequest({ topic, topicId, ...place }), topics: [], ...rest }
      const answer = await world.ask('Fetch', version, request, client)
      return answer.responses.flatMap((each) =>
        each.partitions.map(({ partitionIndex, errorCode }) => `${partitionIndex} ${errorName(errorCode)}`),
      )
    }
    return { topicId, next }
  }

  test.each([12, 18])('version %i: only what is new is answered', async (version) => {
    const { next } = await opened(`news${version}`, version)
    expect(await next()).toEqual([])
    await produce(world, batch(1), { topic: `news${version}`, partition: 1 })
    expect(await next()).toEqual(['1 NONE'])
  })

  test('a fetch that waits is answered with the one partition that moved', async () => {
    const { next } = await opened('waits', 18)
    const asked = next({ maxWaitMs: 60_000 })
    await settled()
    await produce(world, batch(1), { topic: 'waits' })
    expect(await asked).toEqual(['0 NONE'])
  })

  test('a topic that is deleted and made again is another, to who knows it by id', async () => {
    const byId = await opened('reborn', 18)
    const byName = await opened('reborn', 12)
    await world.ask('DeleteTopics', 3, { topicNames: ['reborn'], timeoutMs: 1000 })
    const gone = ['0 UNKNOWN_TOPIC_OR_PARTITION', '1 UNKNOWN_TOPIC_OR_PARTITION']
    expect(await byId.next()).toEqual(gone)
    expect(await byName.next()).toEqual(gone)
    await opened('reborn', 18)
    expect(await byId.next()).toEqual(['0 INCONSISTENT_TOPIC_ID', '1 INCONSISTENT_TOPIC_ID'])
    expect(await byName.next()).toEqual(['0 NONE', '1 NONE'])
  })

  test('a session ends when nothing is left in it', async () => {
    const { next, topicId } = await opened('emptied', 18)
    expect(await next({ forgottenTopicsData: [{ topicId, partitions: [0, 1] }] })).toEqual([])
    const { errorCode } = await world.ask(
      'Fetch',
      18,
      fetchRequest({ topic: 'emptied', topicId, sessionId: 1, sessionEpoch: 2 }),
    )
    expect(errorName(errorCode)).toBe('FETCH_SESSION_ID_NOT_FOUND')
  })
})

describe('who believes in a leader that was', () => {
  let dataDir: string
  let restarted: DataWorld
  // Every start begins an epoch.
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'logmill-test-'))
    const first = await DataWorld.start({ dataDir, topics: { led: {} } })
    await first[Symbol.asyncDispose]()
    restarted = await DataWorld.start({ dataDir })
  })
  afterAll(async () => {
    await restarted[Symbol.asyncDispose]()
    rmSync(dataDir, { recursive: true })
  })

  test.each([
    [12, { leaderId: -1, leaderEpoch: -1 }, []],
    [15, { leaderId: -1, leaderEpoch: -1 }, []],
    [16, { leaderId: 1, leaderEpoch: 2 }, [1]],
  ] as const)('version %i is told the present one, from 16 on', async (version, currentLeader, nodes) => {
    const topicId = await restarted.topicId('led')
    const partitions = [{ currentLeaderEpoch: 0 }]
    const request = fetchRequest({ topic: 'led', topicId, partitions })
    const answer = await restarted.ask('Fetch', version, request)
    const [told] = answer.responses[0]?.partitions ?? []
    expect(errorName(told?.errorCode ?? -1)).toBe('FENCED_LEADER_EPOCH')
    expect(told?.currentLeader).toEqual(currentLeader)
    expect(answer.nodeEndpoints.map(({ nodeId }) => nodeId)).toEqual(nodes)
  })
})

describe('the epoch of what was fetched last', () => {
  test.each([
    ['the present one', { lastFetchedEpoch: 0, fetchOffset: 4n }, 'NONE', 3],
    ['a later one than there ever was', { lastFetchedEpoch: 7, fetchOffset: 4n }, 'OFFSET_OUT_OF_RANGE', 0],
    [
      'under a leader that is not yet',
      { lastFetchedEpoch: 7, currentLeaderEpoch: 9, fetchOffset: 4n },
      'UNKNOWN_LEADER_EPOCH',
      0,
    ],
  ] as const)('%s', async (_, wanted, code, batches) => {
    const [answer] = await fetch(world, { topic: 'log', partitions: [wanted] })
    expect(errorName(answer?.errorCode ?? -1)).toBe(code)
    expect(spans(answer?.records)).toHaveLength(batches)
  })

  test('an offset beyond the end of its epoch diverges', async () => {
    const [answer] = await fetch(world, {
      topic: 'log',
      partitions: [{ lastFetchedEpoch: 0, fetchOffset: 40n }],
    })
    expect(answer).toMatchObject({
      errorCode: 0,
      divergingEpoch: { epoch: 0, endOffset: 10n },
      highWatermark: 10n,
    })
  })
})
