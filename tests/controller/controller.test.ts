// What the controller promises around its machine: answers leave when committed and published, readers see
// nothing else, brokers and producer ids.

import { describe, expect, test } from 'vitest'
import { Controller } from '../../broker/controller/controller.ts'
import type { Fact } from '../../broker/controller/facts.ts'
import { decodeFact, encodeFact } from '../../broker/controller/metadata-codec.ts'
import { QuorumError } from '../../broker/controller/quorum.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { Random } from '../world/random.ts'
import { MemoryQuorum } from './memory-quorum.ts'
import { join, LOG_DIR, NO_ID, rules, settings, startController, topic } from './world.ts'

const create = (...names: string[]) => ({
  type: 'createTopics' as const,
  topics: names.map((name) => topic(name)),
  validateOnly: false,
})

const decoded = (bytes: Buffer = Buffer.alloc(0)) => decodeFact(bytes, 0, bytes.length)

/** Lets every promise that can settle do so. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('an answer is a promise', () => {
  test('it waits for the commit, and so does every reader', async () => {
    const { controller, quorum, published } = await startController()
    await join(controller, 1)
    quorum.commitsAtOnce = false
    let answers = 0
    const first = controller.submit(create('a')).then((outcome) => {
      answers++
      return outcome
    })
    // Decided on what is appended: the second sees the first.
    const second = controller.submit(create('a')).then((outcome) => {
      answers++
      return outcome
    })
    await settled()
    expect(answers).toBe(0)
    expect(controller.image.topic('a')).toBeUndefined()
    const before = published.length
    quorum.commitAll()
    expect((await first)[0]).toMatchObject({ errorCode: 0 })
    expect((await second)[0]).toMatchObject({ errorCode: errorCodes.TOPIC_ALREADY_EXISTS })
    expect(controller.image.topic('a')).toBeDefined()
    expect(published.length).toBe(before + 1)
  })

  test('it waits until the change is real on this node, one change at a time', async () => {
    const quorum = new MemoryQuorum()
    const order: string[] = []
    let open = (): void => {}
    const controller = new Controller({
      quorum,
      clock: new ManualClock(),
      settings: () => settings,
      rules,
      randomBytes: (size) => Buffer.alloc(size, quorum.batches.length),
      publish: async ({ facts }) => {
        const [fact] = facts
        if (fact?.type !== 'TopicRecord') return
        order.push(`begin ${fact.name}`)
        await new Promise<void>((resolve) => {
          open = resolve
        })
        order.push(`end ${fact.name}`)
      },
    })
    await controller.load()
    await join(controller, 1)
    const first = controller.submit(create('a')).then(() => order.push('answer a'))
    const second = controller.submit(create('b')).then(() => order.push('answer b'))
    await settled()
    expect(order).toEqual(['begin a'])
    open()
    await first
    await settled()
    open()
    await second
    expect(order.filter((entry) => entry !== 'answer a')).toEqual([
      'begin a',
      'end a',
      'begin b',
      'end b',
      'answer b',
    ])
    expect(order.indexOf('answer a')).toBeGreaterThan(order.indexOf('end a'))
  })

  test('an append that fails changes nothing', async () => {
    const { controller, quorum } = await startController()
    await join(controller, 1)
    quorum.failNext = new QuorumError(errorCodes.KAFKA_STORAGE_ERROR, 'disk full')
    await expect(controller.submit(create('a'))).rejects.toThrow('disk full')
    expect((await controller.submit(create('a')))[0]).toMatchObject({ errorCode: 0 })
  })

  test('time runs out, though the change may yet be committed', async () => {
    const { controller, quorum, clock } = await startController()
    await join(controller, 1)
    quorum.commitsAtOnce = false
    const late = controller.submit(create('a'), 500)
    const refused = expect(late).rejects.toMatchObject({ errorCode: errorCodes.REQUEST_TIMED_OUT })
    await clock.advance(500)
    await refused
    quorum.commitAll()
    await settled()
    expect(controller.image.topic('a')).toBeDefined()
    expect(clock.timersSet).toBe(0)
  })

  test('closing refuses everyone who waits, and everyone after', async () => {
    const { controller, quorum } = await startController()
    await join(controller, 1)
    quorum.commitsAtOnce = false
    const waiting = expect(controller.submit(create('a'))).rejects.toMatchObject({
      errorCode: errorCodes.NOT_CONTROLLER,
    })
    quorum.crash()
    await waiting
    await expect(controller.submit(create('b'))).rejects.toThrow('the controller is closed')
  })

  test('a change that cannot be made real ends the controller and says so', async () => {
    const failures: string[] = []
    const controller = new Controller({
      quorum: new MemoryQuorum(),
      clock: new ManualClock(),
      settings: () => settings,
      rules,
      randomBytes: (size) => Buffer.alloc(size, 1),
      publish: ({ facts }) => {
        if (facts[0]?.type === 'TopicRecord') throw new Error('no room')
      },
      onFailed: (error) => failures.push(error.message),
    })
    await controller.load()
    await join(controller, 1)
    await expect(controller.submit(create('a'))).rejects.toThrow('the controller has failed')
    expect(failures).toEqual(['no room'])
  })
})

describe('a log is understood whole, or not at all', () => {
  const load = async (...batches: Buffer[][]) => {
    const quorum = new MemoryQuorum()
    quorum.batches = batches
    return startController(quorum)
  }
  const level = encodeFact({ type: 'FeatureLevelRecord', name: 'metadata.version', featureLevel: 30 })
  const begin = encodeFact({ type: 'BeginTransactionRecord', name: 'Bootstrap records' })
  const end = encodeFact({ type: 'EndTransactionRecord' })
  const newTopic = encodeFact({ type: 'TopicRecord', name: 'a', topicId: '1'.repeat(32) })

  test('a new one begins with metadata.version, and only that', async () => {
    const { quorum, controller } = await startController()
    expect(quorum.batches.map((batch) => batch.map((record) => record.toString('hex')))).toEqual([
      [level.toString('hex')],
    ])
    expect([...controller.image.features()]).toEqual([['metadata.version', 30]])
    await startController(quorum.crash())
    expect(quorum.batches).toHaveLength(1)
  })

  test('features that are served are finalized with it', async () => {
    const quorum = new MemoryQuorum()
    const controller = new Controller({
      quorum,
      clock: new ManualClock(),
      settings: () => settings,
      rules,
      randomBytes: (size) => Buffer.alloc(size),
      features: { 'group.version': 1, 'transaction.version': 0 },
    })
    await controller.load()
    expect([...controller.image.features()]).toEqual([
      ['metadata.version', 30],
      ['group.version', 1],
    ])
  })

  test('what stands between brackets counts at the end, or never', async () => {
    expect((await load([level], [begin, newTopic], [end])).controller.image.topic('a')).toBeDefined()
    const open = await load([level], [begin, newTopic])
    expect(open.controller.image.topic('a')).toBeUndefined()
    // Closed by us, or all that follows would seem to belong to it.
    expect(open.quorum.batches.at(-1)?.[0]?.[1]).toBe(25)
    await expect(load([level], [end])).rejects.toThrow('EndTransactionRecord out of place')
    await expect(load([level], [begin, begin])).rejects.toThrow('BeginTransactionRecord out of place')
  })

  test('a bracket that a start has closed is not cut in two by a snapshot', async () => {
    const quorum = new MemoryQuorum()
    for (const batch of [[level], [begin, newTopic]]) quorum.append(batch)
    quorum.commitAll()
    const limits = { snapshotLimits: () => ({ maxBytes: 1, maxIntervalMs: 0 }) }
    const after = quorum.crash()
    after.commitsAtOnce = false
    const started = startController(after, {}, new Random(1), {}, limits)
    await settled()
    // The bracket's end is appended, and not committed yet.
    after.commitsAtOnce = true
    after.commitAll()
    await started
    await settled()
    const second = await startController(after.crash(), {}, new Random(1), {}, limits)
    expect([...second.controller.image.topics()].map(({ name }) => name)).toEqual([])
  })

  test.each<[string, Buffer, string]>([
    [
      'a newer version',
      encodeFact({ type: 'FeatureLevelRecord', name: 'metadata.version', featureLevel: 99 }),
      'metadata.version 99',
    ],
    [
      'a partition of no topic',
      encodeFact({ type: 'RemoveTopicRecord', topicId: '2'.repeat(32) }),
      'no topic of the id 2222',
    ],
    ['a topic twice', newTopic, 'topic a is created twice'],
    [
      'an access rule that nobody would enforce',
      encodeFact({ type: 'RemoveAccessControlEntryRecord', id: '3'.repeat(32) }),
      'RemoveAccessControlEntryRecord, which is not served',
    ],
    [
      'a broker that was never there',
      encodeFact({ type: 'UnfenceBrokerRecord', id: 5, epoch: 1n }),
      'broker 5 of epoch 1',
    ],
    ['bytes that are no record', Buffer.from([1, 99, 0]), 'unknown type 99'],
  ])('%s', async (_, record, message) => {
    await expect(load([level], [newTopic], [record])).rejects.toThrow(message)
  })
})

describe('brokers', () => {
  test('a broker registers fenced, leads when unfenced, and a restart is a new leader epoch', async () => {
    const { controller, quorum } = await startController()
    const first = await join(controller, 1)
    await controller.submit(create('a'))
    expect(controller.image.partition('a', 0)).toMatchObject({
      leader: 1,
      leaderEpoch: 0,
      partitionEpoch: 0,
      directories: [LOG_DIR],
    })
    const restarted = await startController(quorum.crash())
    const { image } = restarted.controller
    const second = await restarted.controller.submit({
      type: 'registerBroker',
      brokerId: 1,
      incarnationId: 'b'.repeat(32),
      endPoints: [],
      features: [],
      rack: 'r1',
      logDirs: [LOG_DIR],
    })
    expect(second.brokerEpoch).toBeGreaterThan(first.brokerEpoch)
    expect(image.broker(1)).toMatchObject({ fenced: true, epoch: second.brokerEpoch, rack: 'r1' })
    expect(image.partition('a', 0)).toMatchObject({ leader: -1, leaderEpoch: 1, isr: [1] })
    const stale = { type: 'setBrokerFence' as const, brokerId: 1, fenced: false }
    expect(await restarted.controller.submit({ ...stale, brokerEpoch: first.brokerEpoch })).toMatchObject({
      errorCode: errorCodes.STALE_BROKER_EPOCH,
    })
    expect(await restarted.controller.submit({ ...stale, brokerEpoch: second.brokerEpoch })).toMatchObject({
      errorCode: 0,
    })
    expect(image.partition('a', 0)).toMatchObject({ leader: 1, leaderEpoch: 2, partitionEpoch: 2, isr: [1] })
  })

  test('the others take over what a fenced broker led; the last in-sync replica stays in sync', async () => {
    const { controller } = await startController()
    const { brokerEpoch } = await join(controller, 1)
    await join(controller, 2)
    const assignments = [
      { partitionIndex: 0, brokerIds: [1, 2] },
      { partitionIndex: 1, brokerIds: [2, 1] },
    ]
    await controller.submit({
      type: 'createTopics',
      topics: [topic('a', { assignments })],
      validateOnly: false,
    })
    await controller.submit({
      type: 'createTopics',
      topics: [topic('b', { assignments: [{ partitionIndex: 0, brokerIds: [1] }] })],
      validateOnly: false,
    })
    const fence = (fenced: boolean) =>
      controller.submit({ type: 'setBrokerFence', brokerId: 1, brokerEpoch, fenced })
    await fence(true)
    const { image } = controller
    expect(image.partition('a', 0)).toMatchObject({ leader: 2, isr: [2], leaderEpoch: 1 })
    expect(image.partition('a', 1)).toMatchObject({ leader: 2, isr: [2], leaderEpoch: 0, partitionEpoch: 1 })
    expect(image.partition('b', 0)).toMatchObject({ leader: -1, isr: [1], leaderEpoch: 1 })
    await fence(true)
    expect(image.partition('b', 0)?.partitionEpoch).toBe(1)
    await fence(false)
    expect(image.partition('a', 0)).toMatchObject({ leader: 2, isr: [2] })
    expect(image.partition('b', 0)).toMatchObject({ leader: 1, leaderEpoch: 2 })
  })

  test('a replica that is only eligible to lead does so when nobody is in sync, as a log of Kafka’s may say', async () => {
    const topicId = '1'.repeat(32)
    const world = await startController()
    await join(world.controller, 1)
    await world.controller.submit(create('other'))
    const partition = decoded(world.quorum.batches.at(-1)?.[1]) as Fact<'PartitionRecord'>
    const quorum = world.quorum.crash()
    quorum.batches.push(
      [
        encodeFact({ type: 'TopicRecord', name: 'a', topicId }),
        encodeFact({
          ...partition,
          topicId,
          isr: [],
          leader: -1,
          eligibleLeaderReplicas: [1],
          lastKnownElr: [1],
        }),
      ],
      [encodeFact({ type: 'ClearElrRecord', topicName: 'other' })],
    )
    const withEligible = [...quorum.batches]
    const { controller } = await startController(quorum)
    await join(controller, 1)
    expect(controller.image.partition('a', 0)).toMatchObject({
      leader: 1,
      isr: [1],
      leaderEpoch: 1,
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
    })
    const voided = new MemoryQuorum()
    voided.batches = [...withEligible, [encodeFact({ type: 'ClearElrRecord', topicName: '' })]]
    const { image } = (await startController(voided)).controller
    expect(image.partition('a', 0)).toMatchObject({
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
      leader: -1,
    })
  })

  test('producer ids come in blocks of 1000, to brokers of the right epoch', async () => {
    const { controller, quorum } = await startController()
    const { brokerEpoch } = await join(controller, 1)
    const next = (brokerId: number, epoch: bigint, from = controller) =>
      from.submit({ type: 'nextProducerIds', brokerId, brokerEpoch: epoch })
    expect(await next(1, brokerEpoch)).toMatchObject({ errorCode: 0, firstProducerId: 0n, size: 1000 })
    expect(await next(1, brokerEpoch)).toMatchObject({ errorCode: 0, firstProducerId: 1000n, size: 1000 })
    expect(await next(1, brokerEpoch + 1n)).toMatchObject({
      errorCode: errorCodes.STALE_BROKER_EPOCH,
      firstProducerId: -1n,
    })
    expect(await next(9, 0n)).toMatchObject({ errorCode: errorCodes.BROKER_ID_NOT_REGISTERED })
    const restarted = await startController(quorum.crash())
    expect(await next(1, brokerEpoch, restarted.controller)).toMatchObject({ firstProducerId: 2000n })
  })

  test('producer ids run out rather than wrap', async () => {
    const quorum = new MemoryQuorum()
    quorum.batches = [
      [
        encodeFact({
          type: 'ProducerIdsRecord',
          brokerId: 1,
          brokerEpoch: 0n,
          nextProducerId: 0x7fffffffffffffffn - 999n,
        }),
      ],
    ]
    const { controller } = await startController(quorum)
    const { brokerEpoch } = await join(controller, 1)
    expect(await controller.submit({ type: 'nextProducerIds', brokerId: 1, brokerEpoch })).toMatchObject({
      errorCode: errorCodes.UNKNOWN_SERVER_ERROR,
      errorMessage: 'producer ids are used up at 9223372036854774808',
    })
  })

  test('topic ids are version-4 uuids, fresh ones, and never begin with a dash', async () => {
    const { controller } = await startController()
    await join(controller, 1)
    const names = Array.from({ length: 25 }, (_, i) => `t${i}`)
    const outcomes = await controller.submit(create(...names))
    for (const { topicId } of outcomes) {
      expect(topicId).toMatch(/^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$/)
      expect(topicId).not.toBe(NO_ID)
      expect(Buffer.from(topicId, 'hex').toString('base64url')).not.toMatch(/^-/)
    }
    expect(new Set(outcomes.map(({ topicId }) => topicId)).size).toBe(names.length)
  })
})
