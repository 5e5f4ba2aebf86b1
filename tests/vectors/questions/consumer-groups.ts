// What is asked of consumer groups of the new protocol (KIP-848): requests that are refused, one group from its first
// member to its deletion with static and classic members in it, and the way from the classic protocol and back. The
// topic `kept` has two partitions, `written` one of its own kind.

import { consumerGroupDescribe } from '../../../broker/protocol/apis/consumer-group-describe.ts'
import { consumerGroupHeartbeat } from '../../../broker/protocol/apis/consumer-group-heartbeat.ts'
import { deleteGroups } from '../../../broker/protocol/apis/delete-groups.ts'
import { describeGroups } from '../../../broker/protocol/apis/describe-groups.ts'
import { heartbeat as classicHeartbeat } from '../../../broker/protocol/apis/heartbeat.ts'
import { incrementalAlterConfigs } from '../../../broker/protocol/apis/incremental-alter-configs.ts'
import { joinGroup } from '../../../broker/protocol/apis/join-group.ts'
import { leaveGroup } from '../../../broker/protocol/apis/leave-group.ts'
import { listGroups } from '../../../broker/protocol/apis/list-groups.ts'
import { offsetCommit } from '../../../broker/protocol/apis/offset-commit.ts'
import { offsetDelete } from '../../../broker/protocol/apis/offset-delete.ts'
import { offsetFetch } from '../../../broker/protocol/apis/offset-fetch.ts'
import { syncGroup } from '../../../broker/protocol/apis/sync-group.ts'
import type { RequestInput } from '../../../broker/protocol/message.ts'
import { consumerProtocolSubscription } from '../../../broker/protocol/records/consumer-protocol.ts'
import { encodeVersioned } from '../../../broker/protocol/records/versioned.ts'
import { type Context, type Question, questions } from './question.ts'

type Heartbeat = RequestInput<typeof consumerGroupHeartbeat>

const GROUP = 32
const SET = 0

const heartbeat = (
  what: string,
  body: Partial<Heartbeat> | ((context: Context) => Partial<Heartbeat>),
  versions: [number, number] = [1, 1],
): Question[] =>
  questions(what, consumerGroupHeartbeat, versions, (context) => ({
    groupId: 'consumed',
    memberId: 'one',
    memberEpoch: 0,
    ...(typeof body === 'function' ? body(context) : body),
  }))

const joining = (more: Partial<Heartbeat> = {}): Partial<Heartbeat> => ({
  memberEpoch: 0,
  rebalanceTimeoutMs: 30_000,
  subscribedTopicNames: ['kept'],
  topicPartitions: [],
  ...more,
})
const owns =
  (memberId: string, memberEpoch: number, ...partitions: number[]) =>
  ({ topicId }: Context): Partial<Heartbeat> => ({
    memberId,
    memberEpoch,
    topicPartitions: partitions.length === 0 ? [] : [{ topicId: topicId('kept'), partitions }],
  })
const describe = (what: string, ...groupIds: string[]): Question[] =>
  questions(what, consumerGroupDescribe, [0, 1], () => ({ groupIds, includeAuthorizedOperations: false }))

const joinRefused = (what: string, more: Partial<Heartbeat>): Question[] =>
  heartbeat(what, joining({ groupId: 'refused', ...more }))

const refused: Question[] = [
  ...joinRefused('without a group id', { groupId: '' }),
  ...joinRefused('without a member id', { memberId: '' }),
  ...joinRefused('with a blank member id', { memberId: ' ' }),
  ...joinRefused('with an empty rack', { rackId: '' }),
  ...joinRefused('with an empty instance id', { instanceId: '' }),
  ...joinRefused('without a rebalance timeout', { rebalanceTimeoutMs: -1 }),
  ...joinRefused('with no word of partitions', { topicPartitions: null }),
  ...heartbeat('with a partition in hand', ({ topicId }) =>
    joining({ groupId: 'refused', topicPartitions: [{ topicId: topicId('kept'), partitions: [0] }] }),
  ),
  ...joinRefused('with no subscription', { subscribedTopicNames: null }),
  ...joinRefused('of epoch -3', { memberEpoch: -3 }),
  ...joinRefused('of epoch -2 without an instance', { memberEpoch: -2 }),
  ...joinRefused('with an unknown assignor', { serverAssignor: 'best' }),
  ...joinRefused('with a broken expression', { subscribedTopicNames: null, subscribedTopicRegex: '[' }),
  ...joinRefused('with a back reference', { subscribedTopicNames: null, subscribedTopicRegex: '(a)\\1' }),
  ...heartbeat('of an unknown group', { groupId: 'unknown', memberEpoch: 1 }, [0, 1]),
  ...heartbeat('leaving an unknown group', { groupId: 'unknown', memberEpoch: -1 }),
  ...describe('unknown groups', 'unknown', ''),
]

const commits = (
  what: string,
  versions: [number, number],
  memberId: string,
  memberEpoch: number,
  partitionIndex = 0,
): Question[] =>
  questions(what, offsetCommit, versions, ({ version, topicId }) => ({
    groupId: 'consumed',
    memberId,
    generationIdOrMemberEpoch: memberEpoch,
    topics: [
      {
        ...(version >= 10 ? { topicId: topicId('kept') } : { name: 'kept' }),
        partitions: [{ partitionIndex, committedOffset: 3n, committedMetadata: '' }],
      },
    ],
  }))
const fetches = (what: string, memberId: string | null, memberEpoch: number): Question[] =>
  questions(what, offsetFetch, [9, 9], () => ({
    groups: [
      { groupId: 'consumed', memberId, memberEpoch, topics: [{ name: 'kept', partitionIndexes: [0] }] },
    ],
    requireStable: false,
  }))
const deletes = (what: string, groupId: string, name = 'kept'): Question[] =>
  questions(what, offsetDelete, [0, 0], () => ({
    groupId,
    topics: [{ name, partitions: [{ partitionIndex: 0 }, { partitionIndex: 7 }] }],
  }))
const setUp = (...groups: string[]): Question[] =>
  questions('of consumer groups', incrementalAlterConfigs, [1, 1], () => ({
    resources: groups.map((resourceName) => ({
      resourceType: GROUP,
      resourceName,
      configs: [{ name: 'consumer.assignment.interval.ms', configOperation: SET, value: '0' }],
    })),
    validateOnly: false,
  }))

const life: Question[] = [
  ...heartbeat('joining as the first', joining()),
  ...describe('a group of one', 'consumed'),
  ...heartbeat('in its epoch', owns('one', 2, 0, 1)),
  ...heartbeat('in its epoch, in version 0', owns('one', 2, 0, 1), [0, 0]),
  ...heartbeat('of a greater epoch', owns('one', 9)),
  ...heartbeat('of a smaller epoch', owns('one', 1)),
  ...heartbeat('of an unknown member', owns('nobody', 1)),
  ...heartbeat('leaving as an unknown member', { memberEpoch: -1, memberId: 'nobody' }),
  ...commits('by a member of a consumer group', [8, 10], 'one', 2),
  ...commits('by a member of a consumer group, of an epoch to come', [9, 9], 'one', 3),
  ...commits('by nobody of a consumer group', [8, 9], '', -1),
  ...commits('by a stranger of a consumer group', [9, 9], 'nobody', 2),
  ...fetches('by a member of a consumer group', 'one', 2),
  ...fetches('by a member of a consumer group, of another epoch', 'one', 1),
  ...fetches('by a stranger of a consumer group', 'nobody', 2),
  ...fetches('of a consumer group, by an admin client', null, -1),
  ...heartbeat('joining as the second', joining({ memberId: 'two' })),
  ...describe('a group in which one must give up', 'consumed'),
  ...heartbeat('of the first, which is told to give up', owns('one', 2, 0, 1)),
  ...heartbeat('of the second, which waits', owns('two', 3)),
  ...commits('of what is to be given up', [9, 9], 'one', 2, 1),
  ...heartbeat('of the first, which has given up', owns('one', 2, 0)),
  ...heartbeat('of the first, which missed the answer', owns('one', 2, 0)),
  ...commits('by a member that is behind', [9, 9], 'one', 2),
  ...commits('by a member that is behind, of what it gave up', [9, 9], 'one', 2, 1),
  ...heartbeat('of the second, which gets its part', owns('two', 3)),
  ...heartbeat('of the second, in full', (context) => joining({ ...owns('two', 3, 1)(context) })),
  ...describe('a group of two', 'consumed'),
  ...deletes('of what is subscribed to', 'consumed'),
  ...deletes('of what is not subscribed to', 'consumed', 'written'),
  ...deletes('of an unknown group', 'unknown'),
  ...deletes('without a group id', ''),
  ...questions('consumer groups', listGroups, [5, 5], () => ({
    statesFilter: [],
    typesFilter: ['consumer'],
  })),
  ...questions('stable groups', listGroups, [4, 5], () => ({ statesFilter: ['Stable'] })),
  ...questions('a consumer group', describeGroups, [5, 6], () => ({ groups: ['consumed'] })),
  ...questions('a consumer group with members', deleteGroups, [2, 2], () => ({ groupsNames: ['consumed'] })),
  ...heartbeat('of the second, with another subscription', ({ topicId }) => ({
    memberId: 'two',
    memberEpoch: 3,
    subscribedTopicNames: ['written'],
    topicPartitions: [{ topicId: topicId('kept'), partitions: [1] }],
  })),
  ...heartbeat('of the second, which gave up the old one', owns('two', 3)),
  ...heartbeat('of the second, with what it has now', owns('two', 4)),
  ...heartbeat('of the first, which takes over', owns('one', 3, 0)),
  ...describe('a group of two subscriptions', 'consumed'),
  ...heartbeat('leaving', { memberEpoch: -1, memberId: 'two' }),
  ...heartbeat('after the other left', owns('one', 4, 0, 1)),
  ...heartbeat('leaving as the last', { memberEpoch: -1, memberId: 'one' }),
  ...describe('an empty group', 'consumed'),
  ...commits('of an empty consumer group', [9, 9], '', -1),
  ...questions('an empty consumer group', deleteGroups, [2, 2], () => ({ groupsNames: ['consumed'] })),
  ...describe('a deleted group', 'consumed'),
]

const statics: Question[] = [
  ...heartbeat('joining as a static member', joining({ groupId: 'static', instanceId: 'i' })),
  ...heartbeat(
    'joining as another of the same instance',
    joining({ groupId: 'static', memberId: 'two', instanceId: 'i' }),
  ),
  ...heartbeat('as another of the same instance', {
    groupId: 'static',
    memberId: 'two',
    memberEpoch: 2,
    instanceId: 'i',
  }),
  ...heartbeat('of an unknown instance', { groupId: 'static', memberEpoch: 2, instanceId: 'none' }),
  ...heartbeat('of a static member, in its epoch', { groupId: 'static', memberEpoch: 2, instanceId: 'i' }),
  ...heartbeat('leaving for a while', { groupId: 'static', memberEpoch: -2, instanceId: 'i' }),
  ...describe('a group whose static member is away', 'static'),
  ...heartbeat('coming back', joining({ groupId: 'static', memberId: 'two', instanceId: 'i' })),
  ...describe('a group whose static member is back', 'static'),
  ...heartbeat('as the one that was replaced', { groupId: 'static', memberEpoch: 2, instanceId: 'i' }),
  ...heartbeat('leaving for good', {
    groupId: 'static',
    memberId: 'two',
    memberEpoch: -1,
    instanceId: 'i',
  }),
]

const subscription = (version: number, ...topics: string[]): Buffer =>
  encodeVersioned(consumerProtocolSubscription, version, { topics, userData: null, ownedPartitions: [] })

const joins = (
  what: string,
  groupId: string,
  memberId: string,
  instanceId: string | null = null,
): Question[] =>
  questions(what, joinGroup, [9, 9], () => ({
    groupId,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    memberId,
    groupInstanceId: instanceId,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: subscription(1, 'kept') }],
  }))
const syncs = (what: string, groupId: string, memberId: string, generationId: number): Question[] =>
  questions(what, syncGroup, [5, 5], () => ({
    groupId,
    memberId,
    generationId,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [],
  }))
const beats = (what: string, groupId: string, memberId: string, generationId: number): Question[] =>
  questions(what, classicHeartbeat, [4, 4], () => ({ groupId, memberId, generationId }))

const mixed: Question[] = [
  ...heartbeat('joining before a classic member', joining({ groupId: 'mixed' })),
  ...joins('to a consumer group, as an own id', 'mixed', 'classic'),
  ...describe('a group with a classic member', 'mixed'),
  ...syncs('of a consumer group, before there is anything', 'mixed', 'classic', 3),
  ...beats('of a consumer group, before there is anything', 'mixed', 'classic', 3),
  ...beats('of a consumer group, of another generation', 'mixed', 'classic', 2),
  ...beats('of a consumer group, by a member of the new protocol', 'mixed', 'one', 2),
  ...heartbeat('told to give up for a classic member', (context) => ({
    ...owns('one', 2, 0, 1)(context),
    groupId: 'mixed',
  })),
  ...heartbeat('gave up for a classic member', (context) => ({
    ...owns('one', 2, 1)(context),
    groupId: 'mixed',
  })),
  ...heartbeat('gave up the other for a classic member', (context) => ({
    ...owns('one', 2, 0)(context),
    groupId: 'mixed',
  })),
  ...beats('of a consumer group, when its part is free', 'mixed', 'classic', 3),
  ...joins('to a consumer group, again', 'mixed', 'classic'),
  ...syncs('of a consumer group', 'mixed', 'classic', 3),
  ...beats('of a consumer group', 'mixed', 'classic', 3),
  ...questions('of a consumer group, an unknown protocol', joinGroup, [9, 9], () => ({
    groupId: 'mixed',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    memberId: 'odd',
    protocolType: 'consumer',
    protocols: [{ name: 'odd', metadata: subscription(1, 'kept') }],
  })),
  ...questions('a consumer group by strangers', leaveGroup, [5, 5], () => ({
    groupId: 'mixed',
    members: [{ memberId: 'nobody' }, { memberId: '', groupInstanceId: 'none' }],
  })),
  ...heartbeat('leaving classic members alone', { groupId: 'mixed', memberEpoch: -1 }),
  ...questions('groups of either protocol', listGroups, [5, 5], () => ({})),
  ...describe('a group that is a classic one again', 'mixed'),
  ...beats('of what was a consumer group', 'mixed', 'classic', 3),
  ...joins('to what was a consumer group', 'mixed', 'classic'),
  ...questions('of what was a consumer group', syncGroup, [5, 5], ({ earlier }) => ({
    groupId: 'mixed',
    memberId: 'classic',
    generationId:
      (earlier('JoinGroup: to what was a consumer group') as { generationId?: number } | undefined)
        ?.generationId ?? -1,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [],
  })),
  ...heartbeat('joining a classic group', joining({ groupId: 'mixed' })),
  ...describe('a group that was a classic one', 'mixed'),
]

export const consumerGroupQuestions: Question[] = [
  ...refused,
  ...setUp('consumed', 'static', 'mixed'),
  ...life,
  ...statics,
  ...mixed,
]
