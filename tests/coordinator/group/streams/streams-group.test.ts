// Streams groups as their members live through them: joining, sharing tasks, handing them over, missing topics,
// leaving and dying, and what a restart makes of it all.

import { describe, expect, test } from 'vitest'
import { statusCodes } from '../../../../broker/coordinator/group/streams/topic-configuration.ts'
import { errorCodes } from '../../../../broker/protocol/errors.ts'
import { joining, REBALANCE_TIMEOUT_MS, tasksText, World } from './fixture.ts'
import { topology, wordCount } from './topology.ts'

const ALL = '0_0 0_1 0_2 1_0 1_1 1_2'
const SESSION_TIMEOUT_MS = 45_000

const statuses = ({ response }: { response: { status: { statusCode: number }[] | null } }): number[] =>
  (response.status ?? []).map(({ statusCode }) => statusCode)

describe('joining', () => {
  test('the first member gets every task, at epoch 2', async () => {
    const world = await World.start()
    const a = world.member('a')
    const { response, missingTopics } = await a.join()
    expect(response).toMatchObject({
      errorCode: 0,
      memberId: 'a',
      memberEpoch: 2,
      heartbeatIntervalMs: 5000,
      status: [],
    })
    expect(missingTopics).toEqual([])
    expect(a.tasks).toBe(ALL)
    expect(await world.describe()).toMatchObject({ groupState: 'Stable', groupEpoch: 2, assignmentEpoch: 2 })
  })

  test('a second member gets its half when the first has let go of it, and not before', async () => {
    const world = await World.start()
    const [a, b] = [world.member('a'), world.member('b')]
    await a.join()
    await b.join()
    expect(b.tasks).toBe('')
    expect((await world.describe()).groupState).toBe('Reconciling')
    const before = a.tasks
    await a.heartbeat({ activeTasks: null, standbyTasks: null, warmupTasks: null })
    expect(a.tasks.split(' ')).toHaveLength(3)
    await b.heartbeat()
    expect(b.tasks).toBe('') // a was told, but has not said that it has done it
    await a.heartbeat()
    await b.heartbeat()
    expect(b.tasks.split(' ')).toHaveLength(3)
    expect(`${a.tasks} ${b.tasks}`.split(' ').sort().join(' ')).toBe(before)
    expect(await world.describe()).toMatchObject({ groupState: 'Stable', groupEpoch: 3 })
    expect([a.epoch, b.epoch]).toEqual([3, 3])
  })

  test('members that come within the initial delay share from the start', async () => {
    const world = await World.start({ initialRebalanceDelayMs: 3_000 })
    const [a, b] = [world.member('a'), world.member('b')]
    const first = await a.join()
    expect(statuses(first)).toEqual([statusCodes.ASSIGNMENT_DELAYED])
    expect(first.response.memberEpoch).toBe(1)
    await b.join()
    await a.heartbeat()
    expect([a.tasks, b.tasks]).toEqual(['', ''])
    await world.clock.advance(3_000)
    await a.heartbeat()
    await b.heartbeat()
    expect(`${a.tasks} ${b.tasks}`.split(' ').sort().join(' ')).toBe(ALL)
    expect(a.tasks.split(' ')).toHaveLength(3)
  })

  test('assignments keep their distance in time', async () => {
    const world = await World.start({ assignmentIntervalMs: 1_000 })
    const [a, b] = [world.member('a'), world.member('b')]
    await world.clock.advance(1)
    await a.join()
    const second = await b.join()
    expect(statuses(second)).toEqual([statusCodes.ASSIGNMENT_DELAYED])
    await world.clock.advance(1_000)
    expect(statuses(await b.heartbeat())).toEqual([])
    await a.heartbeat()
    expect(a.tasks.split(' ')).toHaveLength(3)
  })

  test('an empty classic group of the name gives way, one with members does not', async () => {
    const world = await World.start()
    const { coordinator } = world
    const commit = { partitionIndex: 0, committedOffset: 7n, committedLeaderEpoch: -1, committedMetadata: '' }
    await coordinator.offsetCommit(
      {
        groupId: 'app',
        generationIdOrMemberEpoch: -1,
        memberId: '',
        groupInstanceId: null,
        retentionTimeMs: -1n,
        topics: [{ name: 'lines', topicId: '', partitions: [commit] }],
      },
      { apiVersion: 9 },
    )
    await world.member('a').join()
    expect((await coordinator.listGroups({ statesFilter: [], typesFilter: [] })).groups).toEqual([
      { groupId: 'app', protocolType: 'streams', groupState: 'Stable', groupType: 'streams' },
    ])
    // What was committed is the application's own past.
    await world.restart()
    expect((await world.describe()).groupState).toBe('Stable')
  })

  test('a group that is full lets nobody in', async () => {
    const world = await World.start({ maxSize: 1 })
    await world.member('a').join()
    expect((await world.member('b').join()).response).toMatchObject({
      errorCode: errorCodes.GROUP_MAX_SIZE_REACHED,
      errorMessage: 'The streams group has reached its maximum capacity of 1 members.',
    })
  })

  test('another topology is refused, an older one may go on with what it knows', async () => {
    const world = await World.start()
    await world.member('a', { topology: { ...wordCount, epoch: 1 } }).join()
    const other = topology({ sourceTopics: ['lines'] })
    expect((await world.member('b', { topology: { ...other, epoch: 1 } }).join()).response).toMatchObject({
      errorCode: errorCodes.INVALID_REQUEST,
      errorMessage: 'Topology updates are not supported yet.',
    })
    const stale = await world.member('c').join()
    expect(stale.response.errorCode).toBe(0)
    expect(stale.response.status).toEqual([
      {
        statusCode: statusCodes.STALE_TOPOLOGY,
        statusDetail: "The member's topology epoch 0 is behind the group's topology epoch 1.",
      },
    ])
  })
})

describe('topics', () => {
  test('that are missing are asked for with each heartbeat, and when they are there the tasks are given out', async () => {
    const world = await World.start()
    await world.deleteTopic('words')
    const a = world.member('a')
    const first = await a.join()
    expect(statuses(first)).toEqual([statusCodes.MISSING_INTERNAL_TOPICS])
    expect(first.missingTopics).toEqual([
      { name: 'words', numPartitions: 3, replicationFactor: -1, configs: [] },
    ])
    expect((await world.describe()).groupState).toBe('NotReady')
    expect((await a.heartbeat()).missingTopics).toHaveLength(1)
    expect(a.tasks).toBe('')
    await world.makeTopic('words', 3)
    const ready = await a.heartbeat()
    expect(statuses(ready)).toEqual([])
    expect(a.tasks).toBe(ALL)
    expect((await world.describe()).groupState).toBe('Stable')
  })

  test('of the user that are gone stop the group, until they are back', async () => {
    const world = await World.start()
    const a = world.member('a')
    await a.join()
    await a.heartbeat()
    await world.deleteTopic('lines')
    expect(statuses(await a.heartbeat())).toEqual([statusCodes.MISSING_SOURCE_TOPICS])
    expect((await world.describe()).groupState).toBe('NotReady')
    await a.heartbeat()
    expect(a.tasks).toBe('')
    await world.makeTopic('lines', 3)
    await a.heartbeat()
    expect(a.tasks).toBe(ALL)
  })

  test('that only keep state count too', async () => {
    const world = await World.start()
    const a = world.member('a')
    await a.join()
    await a.heartbeat()
    await world.deleteTopic('counts')
    expect(statuses(await a.heartbeat())).toEqual([statusCodes.MISSING_INTERNAL_TOPICS])
  })

  test('that went while nobody was there are missed by the next who comes', async () => {
    const world = await World.start()
    const a = world.member('a')
    await a.join()
    await a.heartbeat()
    await a.leave()
    for (const name of ['words', 'counts']) await world.deleteTopic(name)
    const { missingTopics } = await world.member('b').join()
    expect(missingTopics.map(({ name }) => name)).toEqual(['words', 'counts'])
  })

  test('that nobody of the group reads change nothing', async () => {
    const world = await World.start()
    const a = world.member('a')
    await a.join()
    await a.heartbeat()
    const { endOffset } = world.log
    await world.makeTopic('other', 9)
    await a.heartbeat()
    expect(world.log.endOffset).toBe(endOffset)
  })
})

describe('standbys', () => {
  test('follow the group setting, and lie in another process', async () => {
    const world = await World.start()
    const [a, b] = [world.member('a'), world.member('b')]
    await a.join()
    await b.join()
    world.settings.set('streams.num.standby.replicas', '1')
    for (let i = 0; i < 4; i++) for (const member of [a, b]) await member.heartbeat()
    // Only subtopology 1 has state.
    const stateful = (tasks: string): string[] => tasks.split(' ').filter((task) => task.startsWith('1_'))
    expect(a.standbys.split(' ').filter(Boolean)).toEqual(stateful(b.tasks))
    expect(b.standbys.split(' ').filter(Boolean)).toEqual(stateful(a.tasks))
  })
})

describe('fencing', () => {
  test('a member of a past epoch is fenced, unless only an answer was lost', async () => {
    const world = await World.start()
    const [a, b] = [world.member('a'), world.member('b')]
    await a.join()
    await b.join()
    const lost = { memberEpoch: 2, activeTasks: [], standbyTasks: [], warmupTasks: [] }
    await a.heartbeat() // it lets go, and hears epoch 3
    expect(a.epoch).toBe(2)
    await a.heartbeat()
    expect(a.epoch).toBe(3)
    expect((await world.heartbeat({ memberId: 'a', ...lost })).response.errorCode).toBe(0)
    const zombie = { memberId: 'a', memberEpoch: 1, activeTasks: [], standbyTasks: [], warmupTasks: [] }
    expect((await world.heartbeat(zombie)).response.errorCode).toBe(errorCodes.FENCED_MEMBER_EPOCH)
    expect((await world.heartbeat({ memberId: 'a', memberEpoch: 9 })).response).toMatchObject({
      errorCode: errorCodes.FENCED_MEMBER_EPOCH,
      errorMessage:
        'The streams group member has a greater member epoch (9) than the one known by the group coordinator (3). The member must abandon all its partitions and rejoin.',
    })
  })

  test('strangers are told so', async () => {
    const world = await World.start()
    expect((await world.heartbeat({ memberId: 'x', memberEpoch: 4 })).response).toMatchObject({
      errorCode: errorCodes.GROUP_ID_NOT_FOUND,
      errorMessage: 'Streams group app not found.',
    })
    await world.member('a').join()
    expect((await world.heartbeat({ memberId: 'x', memberEpoch: 4 })).response).toMatchObject({
      errorCode: errorCodes.UNKNOWN_MEMBER_ID,
      errorMessage: 'Member x is not a member of group app.',
    })
  })

  test('tasks that there are not are refused, and nothing changes', async () => {
    const world = await World.start()
    const a = world.member('a')
    await a.join()
    const { endOffset } = world.log
    const wrong = await a.heartbeat({ activeTasks: [{ subtopologyId: '1', partitions: [3] }] })
    expect(wrong.response).toMatchObject({
      errorCode: errorCodes.INVALID_REQUEST,
      errorMessage: 'Task 3 for subtopology 1 is invalid. Number of tasks for this subtopology: 3',
    })
    expect(world.log.endOffset).toBe(endOffset)
  })

  const commit = (world: World, memberId: string, memberEpoch: number, partition: number, apiVersion = 9) =>
    world.coordinator
      .offsetCommit(
        {
          groupId: 'app',
          generationIdOrMemberEpoch: memberEpoch,
          memberId,
          groupInstanceId: null,
          retentionTimeMs: -1n,
          topics: [
            {
              name: 'lines',
              topicId: '',
              partitions: [
                {
                  partitionIndex: partition,
                  committedOffset: 1n,
                  committedLeaderEpoch: -1,
                  committedMetadata: '',
                },
              ],
            },
          ],
        },
        { apiVersion },
      )
      .then(({ topics }) => topics[0]?.partitions[0]?.errorCode)

  test('a member that is behind may commit for the tasks it has kept, and for no other', async () => {
    const world = await World.start()
    const [a, b] = [world.member('a'), world.member('b')]
    await a.join()
    await b.join()
    for (let i = 0; i < 3; i++) for (const member of [a, b]) await member.heartbeat()
    expect([a.epoch, b.epoch]).toEqual([3, 3])
    const has = (tasks: string, partition: number): boolean => tasks.split(' ').includes(`0_${partition}`)
    for (const partition of [0, 1, 2]) {
      const expected = has(a.tasks, partition) ? errorCodes.NONE : errorCodes.STALE_MEMBER_EPOCH
      expect(await commit(world, 'a', 2, partition)).toBe(expected)
      // b got all that it has at epoch 3.
      expect(await commit(world, 'b', 2, partition)).toBe(errorCodes.STALE_MEMBER_EPOCH)
      expect(await commit(world, 'a', 3, partition)).toBe(errorCodes.NONE)
    }
    expect(await commit(world, 'a', 4, 0)).toBe(errorCodes.STALE_MEMBER_EPOCH)
    expect(await commit(world, 'nobody', 3, 0)).toBe(errorCodes.UNKNOWN_MEMBER_ID)
    expect(await commit(world, 'a', 3, 0, 8)).toBe(errorCodes.UNSUPPORTED_VERSION)
  })
})

test('a member that was told in vain is told again when it says what it has', async () => {
  const world = await World.start()
  const [a, b] = [world.member('a'), world.member('b')]
  for (const member of [a, b]) await member.join()
  for (let i = 0; i < 2; i++) await a.heartbeat()
  const nothing = { activeTasks: [], standbyTasks: [], warmupTasks: [] }
  const beat = { memberId: 'b', memberEpoch: b.epoch, ...nothing }
  const told = await world.heartbeat(beat)
  expect(tasksText(told.response.activeTasks).split(' ')).toHaveLength(3)
  // The answer never came, so b still has nothing.
  const again = await world.heartbeat(beat)
  expect(again.response.activeTasks).toEqual(told.response.activeTasks)
  // A member that has nothing new to say is told nothing.
  const quiet = await world.heartbeat({ memberId: 'b', memberEpoch: b.epoch })
  expect(quiet.response.activeTasks).toBeNull()
})

describe('leaving', () => {
  test('who leaves gives its tasks to the others', async () => {
    const world = await World.start()
    const [a, b] = [world.member('a'), world.member('b')]
    for (const member of [a, b]) await member.join()
    for (let i = 0; i < 3; i++) for (const member of [a, b]) await member.heartbeat()
    expect((await b.leave()).response).toMatchObject({
      errorCode: 0,
      memberId: 'b',
      memberEpoch: -1,
      status: [],
    })
    await a.heartbeat()
    expect(a.tasks).toBe(ALL)
  })

  test('who is not heard from is out', async () => {
    const world = await World.start()
    const [a, b] = [world.member('a'), world.member('b')]
    for (const member of [a, b]) await member.join()
    await world.clock.advance(SESSION_TIMEOUT_MS - 1)
    await a.heartbeat()
    await world.clock.advance(1)
    expect((await world.describe()).members.map(({ memberId }) => memberId)).toEqual(['a'])
    expect((await b.heartbeat()).response.errorCode).toBe(errorCodes.UNKNOWN_MEMBER_ID)
  })

  test('who does not give up its tasks in time is out', async () => {
    const world = await World.start()
    const [a, b] = [world.member('a'), world.member('b')]
    for (const member of [a, b]) await member.join()
    const unmoved = { activeTasks: null, standbyTasks: null, warmupTasks: null }
    await a.heartbeat(unmoved)
    await world.clock.advance(REBALANCE_TIMEOUT_MS - 1)
    await b.heartbeat()
    expect((await world.describe()).members).toHaveLength(2)
    await world.clock.advance(1)
    await b.heartbeat()
    expect(b.tasks).toBe(ALL)
    expect((await a.heartbeat(unmoved)).response.errorCode).toBe(errorCodes.UNKNOWN_MEMBER_ID)
  })

  test('a member that asks for it shuts the whole application down', async () => {
    const world = await World.start()
    const [a, b] = [world.member('a'), world.member('b')]
    for (const member of [a, b]) await member.join()
    await b.leave({ shutdownApplication: true })
    expect((await a.heartbeat()).response.status).toEqual([
      {
        statusCode: statusCodes.SHUTDOWN_APPLICATION,
        statusDetail:
          'Streams group member b encountered a fatal error and requested a shutdown for the entire application.',
      },
    ])
    await a.leave()
    expect(statuses(await world.member('c').join())).toEqual([])
  })

  test('an empty group can be deleted, and is not there after a restart', async () => {
    const world = await World.start()
    const a = world.member('a')
    await a.join()
    const remove = async () =>
      (await world.coordinator.deleteGroups({ groupsNames: ['app'] })).results[0]?.errorCode
    expect(await remove()).toBe(errorCodes.NON_EMPTY_GROUP)
    await a.leave()
    expect((await world.describe()).groupState).toBe('Empty')
    expect(await remove()).toBe(errorCodes.NONE)
    await world.restart()
    expect(await world.describe()).toMatchObject({
      errorCode: errorCodes.GROUP_ID_NOT_FOUND,
      errorMessage: 'Group app not found.',
    })
  })
})

test('an empty group gives way to a classic one: the application went back to the classic protocol', async () => {
  const world = await World.start()
  const { coordinator } = world
  const a = world.member('a')
  await a.join()
  const join = (memberId: string): ReturnType<typeof coordinator.joinGroup> =>
    coordinator.joinGroup(
      {
        groupId: 'app',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 10_000,
        memberId,
        groupInstanceId: null,
        protocolType: 'consumer',
        protocols: [{ name: 'stream', metadata: Buffer.from('tasks') }],
        reason: null,
      },
      { apiVersion: 9, clientId: 'client', clientHost: '/127.0.0.1' },
    )
  expect(await join('')).toMatchObject({
    errorCode: errorCodes.INCONSISTENT_GROUP_PROTOCOL,
    memberId: '',
  })
  await a.leave()
  expect((await join('')).errorCode).toBe(errorCodes.MEMBER_ID_REQUIRED)
  expect((await coordinator.listGroups({ statesFilter: [], typesFilter: [] })).groups).toMatchObject([
    { groupId: 'app', groupState: 'Empty', groupType: 'classic' },
  ])
  await world.restart()
  expect((await world.describe()).errorCode).toBe(errorCodes.GROUP_ID_NOT_FOUND)
})

describe('interactive queries', () => {
  test('members that name an endpoint are told to all, once', async () => {
    const world = await World.start()
    const [a, b] = [world.member('a'), world.member('b')]
    await a.join({ userEndpoint: { host: 'a.example', port: 8080 } })
    const told = await b.join()
    expect(told.response.partitionsByUserEndpoint).toEqual([
      {
        userEndpoint: { host: 'a.example', port: 8080 },
        activePartitions: [
          { topic: 'lines', partitions: [0, 1, 2] },
          { topic: 'words', partitions: [0, 1, 2] },
        ],
        standbyPartitions: [],
      },
    ])
    const { endpointInformationEpoch } = told.response
    const again = await b.heartbeat({ endpointInformationEpoch })
    expect(again.response.partitionsByUserEndpoint).toBeNull()
    await a.heartbeat({ endpointInformationEpoch })
    const changed = await b.heartbeat({ endpointInformationEpoch })
    expect(changed.response.partitionsByUserEndpoint?.[0]?.activePartitions).not.toEqual(
      told.response.partitionsByUserEndpoint?.[0]?.activePartitions,
    )
  })
})

test('a restart finds members, tasks and epochs as they were, and the group goes on', async () => {
  const world = await World.start()
  const [a, b] = [world.member('a'), world.member('b')]
  for (const member of [a, b]) await member.join()
  await a.heartbeat({ activeTasks: null, standbyTasks: null, warmupTasks: null })
  const before = await world.describe()
  await world.restart()
  expect(await world.describe()).toEqual({ ...before, topology: expect.anything() })
  for (let i = 0; i < 3; i++) for (const member of [a, b]) await member.heartbeat()
  expect(`${a.tasks} ${b.tasks}`.split(' ').sort().join(' ')).toBe(ALL)
  // Both sessions began anew.
  await world.clock.advance(SESSION_TIMEOUT_MS)
  expect((await world.describe()).groupState).toBe('Empty')
})

test('a rejoining member keeps what is its own', async () => {
  const world = await World.start()
  const a = world.member('a')
  await a.join()
  const { response } = await a.join()
  expect(tasksText(response.activeTasks)).toBe(ALL)
  expect(
    (await world.heartbeat({ memberId: 'a', ...joining(), processId: 'other' })).response.errorCode,
  ).toBe(0)
})
