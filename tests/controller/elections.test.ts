// Who leads after an election, and what a reassignment does, on brokers of which one stays away; codes as Kafka's
// ReplicationControlManager gives them.

import { beforeEach, describe, expect, test } from 'vitest'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { join, startController, topic, type World } from './world.ts'

const [PREFERRED, UNCLEAN] = [0, 1] as const

let world: World
let epochs: Map<number, bigint>

/** Topic `orders` on brokers 1, 2, 3, in that order; all three are there. */
beforeEach(async () => {
  world = await startController()
  epochs = new Map()
  for (const id of [1, 2, 3]) epochs.set(id, (await join(world.controller, id)).brokerEpoch)
  await create('orders', [1, 2, 3])
})

const create = (name: string, brokerIds: number[], configs: { name: string; value: string }[] = []) =>
  world.controller.submit({
    type: 'createTopics',
    topics: [topic(name, { assignments: [{ partitionIndex: 0, brokerIds }], configs })],
    validateOnly: false,
  })
const fence = (brokerId: number, fenced: boolean) =>
  world.controller.submit({
    type: 'setBrokerFence',
    brokerId,
    brokerEpoch: epochs.get(brokerId) as bigint,
    fenced,
  })
const elect = async (electionType: number, partition = 0, name = 'orders') => {
  const partitions = [{ topic: name, partition }]
  const [outcome] = await world.controller.submit({ type: 'electLeaders', electionType, partitions })
  return outcome?.errorCode
}
const state = (name = 'orders') => world.controller.image.partition(name, 0)

describe('an election', () => {
  test('is not needed where the leader is the preferred one, or there is any', async () => {
    expect(await elect(PREFERRED)).toBe(errorCodes.ELECTION_NOT_NEEDED)
    expect(await elect(UNCLEAN)).toBe(errorCodes.ELECTION_NOT_NEEDED)
  })

  test('of the preferred leader waits until that is in sync again', async () => {
    await fence(1, true)
    expect(state()).toMatchObject({ leader: 2, isr: [2, 3] })
    expect(await elect(PREFERRED)).toBe(errorCodes.PREFERRED_LEADER_NOT_AVAILABLE)
    await fence(1, false)
    // Nothing replicates in this world: broker 1 is alive, but not in sync.
    expect(await elect(PREFERRED)).toBe(errorCodes.PREFERRED_LEADER_NOT_AVAILABLE)
  })

  test('gives the lead to the preferred replica, in a new epoch', async () => {
    await world.controller.submit({
      type: 'alterPartitionReassignments',
      allowReplicationFactorChange: true,
      partitions: [{ topic: 'orders', partition: 0, replicas: [2, 1, 3] }],
    })
    // Who leads and may lead goes on doing so, until it is asked for.
    expect(state()).toMatchObject({ replicas: [2, 1, 3], leader: 1, leaderEpoch: 0 })
    expect(await elect(PREFERRED)).toBe(errorCodes.NONE)
    expect(state()).toMatchObject({ leader: 2, leaderEpoch: 1, isr: [1, 2, 3] })
  })

  test('that is unclean takes a replica that is alive and says that records may be gone', async () => {
    for (const id of [2, 3, 1]) await fence(id, true)
    expect(await elect(UNCLEAN)).toBe(errorCodes.ELIGIBLE_LEADERS_NOT_AVAILABLE)
    await fence(3, false)
    expect(state()).toMatchObject({ leader: -1, isr: [1] })
    expect(await elect(UNCLEAN)).toBe(errorCodes.NONE)
    expect(state()).toMatchObject({ leader: 3, isr: [3], leaderRecoveryState: 1 })
  })

  test('of all tells of each partition', async () => {
    await create('others', [2, 3])
    const outcomes = await world.controller.submit({
      type: 'electLeaders',
      electionType: PREFERRED,
      partitions: null,
    })
    expect(outcomes.map((one) => [one.topic, one.partition, one.errorCode])).toEqual([
      ['orders', 0, errorCodes.ELECTION_NOT_NEEDED],
      ['others', 0, errorCodes.ELECTION_NOT_NEEDED],
    ])
  })

  test.each([
    ['an unknown topic', 'nope', 0],
    ['an unknown partition', 'orders', 7],
  ])('of %s is refused', async (_, name, partition) => {
    expect(await elect(PREFERRED, partition, name)).toBe(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  })
})

describe('a reassignment', () => {
  const reassign = async (
    replicas: number[] | null,
    { name = 'orders', partition = 0, fixed = false } = {},
  ) => {
    const [outcome] = await world.controller.submit({
      type: 'alterPartitionReassignments',
      allowReplicationFactorChange: !fixed,
      partitions: [{ topic: name, partition, replicas }],
    })
    return outcome?.errorCode
  }

  test('to the same replicas changes nothing', async () => {
    const before = world.quorum.endOffset
    expect(await reassign([1, 2, 3])).toBe(errorCodes.NONE)
    expect(world.quorum.endOffset).toBe(before)
  })

  test('to fewer that are in sync is over at once, and whoever led before has another epoch', async () => {
    expect(await reassign([2, 3])).toBe(errorCodes.NONE)
    expect(state()).toMatchObject({
      replicas: [2, 3],
      isr: [2, 3],
      leader: 2,
      leaderEpoch: 1,
      addingReplicas: [],
      removingReplicas: [],
    })
    expect(state()?.directories).toHaveLength(2)
  })

  test('to a replica that must copy first is under way until then, and can be taken back', async () => {
    await create('small', [1])
    expect(await reassign([2], { name: 'small' })).toBe(errorCodes.NONE)
    expect(state('small')).toMatchObject({
      replicas: [2, 1],
      addingReplicas: [2],
      removingReplicas: [1],
      leader: 1,
      isr: [1],
    })
    expect(await reassign(null, { name: 'small' })).toBe(errorCodes.NONE)
    expect(state('small')).toMatchObject({
      replicas: [1],
      addingReplicas: [],
      removingReplicas: [],
      leader: 1,
      isr: [1],
    })
    expect(await reassign(null, { name: 'small' })).toBe(errorCodes.NO_REASSIGNMENT_IN_PROGRESS)
  })

  test('waits for all that stay, where replicas get fewer and one of them lags', async () => {
    await fence(3, true)
    expect(await reassign([2, 3])).toBe(errorCodes.NONE)
    expect(state()).toMatchObject({ replicas: [2, 3, 1], removingReplicas: [1], isr: [1, 2], leader: 1 })
  })

  test.each([
    ['to an unknown broker', [1, 9], {}, errorCodes.INVALID_REPLICA_ASSIGNMENT],
    ['to one broker twice', [1, 1], {}, errorCodes.INVALID_REPLICA_ASSIGNMENT],
    ['to nobody', [], {}, errorCodes.INVALID_REPLICA_ASSIGNMENT],
    [
      'to another number, where that is fixed',
      [1, 2],
      { fixed: true },
      errorCodes.INVALID_REPLICATION_FACTOR,
    ],
    ['of an unknown topic', [1], { name: 'nope' }, errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
    ['of an unknown partition', [1], { partition: 7 }, errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
  ])('%s is refused', async (_, replicas, more, errorCode) => {
    const before = world.quorum.endOffset
    expect(await reassign(replicas, more)).toBe(errorCode)
    expect(world.quorum.endOffset).toBe(before)
  })
})

describe('a broker is unregistered', () => {
  const unregister = async (brokerId: number) =>
    (await world.controller.submit({ type: 'unregisterBroker', brokerId })).errorCode

  test('once it has stopped: what it had in sync is left to others', async () => {
    await fence(1, true)
    expect(await unregister(1)).toBe(errorCodes.NONE)
    expect(world.controller.image.broker(1)).toBeUndefined()
    expect(state()).toMatchObject({ leader: 2, isr: [2, 3] })
    expect(await unregister(1)).toBe(errorCodes.BROKER_ID_NOT_REGISTERED)
  })

  test('not while it runs: no client would find it any more', async () => {
    expect(await unregister(1)).toBe(errorCodes.INVALID_REQUEST)
    expect(world.controller.image.broker(1)).toBeDefined()
  })
})
