// What is asked of share groups (KIP-932): requests that are refused, states as a broker asks another for them, and one
// group from its first offsets to its deletion. Offsets come first, so that states are there when a member joins. Each
// question has a connection of its own, and a share session ends with its connection: no session has a second request.

import { alterShareGroupOffsets } from '../../../broker/protocol/apis/alter-share-group-offsets.ts'
import { deleteGroups } from '../../../broker/protocol/apis/delete-groups.ts'
import { deleteShareGroupOffsets } from '../../../broker/protocol/apis/delete-share-group-offsets.ts'
import { deleteShareGroupState } from '../../../broker/protocol/apis/delete-share-group-state.ts'
import { describeShareGroupOffsets } from '../../../broker/protocol/apis/describe-share-group-offsets.ts'
import { findCoordinator } from '../../../broker/protocol/apis/find-coordinator.ts'
import { initializeShareGroupState } from '../../../broker/protocol/apis/initialize-share-group-state.ts'
import { listGroups } from '../../../broker/protocol/apis/list-groups.ts'
import { offsetCommit } from '../../../broker/protocol/apis/offset-commit.ts'
import { offsetFetch } from '../../../broker/protocol/apis/offset-fetch.ts'
import { readShareGroupState } from '../../../broker/protocol/apis/read-share-group-state.ts'
import { readShareGroupStateSummary } from '../../../broker/protocol/apis/read-share-group-state-summary.ts'
import { shareAcknowledge } from '../../../broker/protocol/apis/share-acknowledge.ts'
import { shareFetch } from '../../../broker/protocol/apis/share-fetch.ts'
import { shareGroupDescribe } from '../../../broker/protocol/apis/share-group-describe.ts'
import { shareGroupHeartbeat } from '../../../broker/protocol/apis/share-group-heartbeat.ts'
import { writeShareGroupState } from '../../../broker/protocol/apis/write-share-group-state.ts'
import type { RequestInput } from '../../../broker/protocol/message.ts'
import { type Context, type Question, questions } from './question.ts'

type Heartbeat = RequestInput<typeof shareGroupHeartbeat>
type ShareFetch = RequestInput<typeof shareFetch>

const heartbeat = (what: string, body: Partial<Heartbeat>): Question[] =>
  questions(what, shareGroupHeartbeat, [1, 1], () => ({
    groupId: 'shared',
    memberId: 'one',
    memberEpoch: 0,
    rackId: null,
    subscribedTopicNames: ['kept'],
    ...body,
  }))
const refusedHeartbeat = (what: string, body: Partial<Heartbeat>): Question[] =>
  heartbeat(what, { groupId: 'refused', ...body })

const partitions = (...indexes: number[]) => indexes.map((partition) => ({ partition }))
const ofKept = <P>(context: Context, ...parts: P[]) => [
  { topicId: context.topicId('kept'), partitions: parts },
]
const describe = (what: string, ...groupIds: string[]): Question[] =>
  questions(what, shareGroupDescribe, [1, 1], () => ({ groupIds, includeAuthorizedOperations: false }))
const alter = (what: string, groupId: string, ...topics: [string, ...[number, bigint][]][]): Question[] =>
  questions(what, alterShareGroupOffsets, [0, 0], () => ({
    groupId,
    topics: topics.map(([topicName, ...offsets]) => ({
      topicName,
      partitions: offsets.map(([partitionIndex, startOffset]) => ({ partitionIndex, startOffset })),
    })),
  }))
const offsetsOf = (what: string, groupId: string, topics: [string, ...number[]][] | null): Question[] =>
  questions(what, describeShareGroupOffsets, [0, 1], () => ({
    groups: [
      {
        groupId,
        topics: topics?.map(([topicName, ...indexes]) => ({ topicName, partitions: indexes })) ?? null,
      },
    ],
  }))
const deleteOffsets = (what: string, groupId: string, ...topicNames: string[]): Question[] =>
  questions(what, deleteShareGroupOffsets, [0, 0], () => ({
    groupId,
    topics: topicNames.map((topicName) => ({ topicName })),
  }))
const deleteGroup = (what: string): Question[] =>
  questions(what, deleteGroups, [2, 2], () => ({ groupsNames: ['shared'] }))

const fetch = (what: string, body: (context: Context) => Partial<ShareFetch>): Question[] =>
  questions(what, shareFetch, [1, 2], (context) => ({
    groupId: 'fetched',
    memberId: 'one',
    shareSessionEpoch: 0,
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1_000_000,
    maxRecords: 10,
    batchSize: 10,
    topics: [],
    forgottenTopicsData: [],
    ...body(context),
  }))
const accepts = (context: Context, ...acknowledgeTypes: number[]) =>
  ofKept(context, {
    partitionIndex: 0,
    acknowledgementBatches: [{ firstOffset: 0n, lastOffset: 0n, acknowledgeTypes }],
  })
const acknowledge = (what: string, memberId: string, shareSessionEpoch: number): Question[] =>
  questions(what, shareAcknowledge, [1, 2], (context) => ({
    groupId: 'fetched',
    memberId,
    shareSessionEpoch,
    topics: accepts(context, 1),
  }))

const refused: Question[] = [
  ...refusedHeartbeat('without a group id', { groupId: '' }),
  ...refusedHeartbeat('without a member id', { memberId: '' }),
  ...refusedHeartbeat('with a member id that is too long', { memberId: 'm'.repeat(37) }),
  ...refusedHeartbeat('with an empty rack', { rackId: '' }),
  ...refusedHeartbeat('joining for no topics', { subscribedTopicNames: [] }),
  ...refusedHeartbeat('joining without a word of topics', { subscribedTopicNames: null }),
  ...refusedHeartbeat('of epoch -2', { memberEpoch: -2 }),
  ...refusedHeartbeat('of an unknown group', { memberEpoch: 1 }),
  ...refusedHeartbeat('leaving an unknown group', { memberEpoch: -1 }),
  ...describe('unknown and nameless groups', 'unknown', ''),
  ...offsetsOf('of an unknown group', 'unknown', [['kept', 0]]),
  ...offsetsOf('of all that is kept for an unknown group', 'unknown', null),
  ...offsetsOf('of an unknown topic', 'unknown', [['nowhere', 0]]),
  ...offsetsOf('of no topics', 'unknown', []),
  ...deleteOffsets('of an unknown group', 'unknown', 'kept'),
  ...deleteOffsets('of a nameless group', '', 'kept'),
  ...alter('of a nameless group', '', ['kept', [0, 0n]]),
  ...questions('of what is no share partition', findCoordinator, [6, 6], () => ({
    keyType: 2,
    coordinatorKeys: ['nonsense'],
  })),
  ...questions('of a share partition, before there were any', findCoordinator, [5, 5], () => ({
    keyType: 2,
    coordinatorKeys: ['nonsense'],
  })),
  ...fetch('without a session', () => ({ shareSessionEpoch: 5 })),
  ...fetch('ending a session that is none', () => ({ shareSessionEpoch: -1 })),
  ...fetch('without a member', () => ({ memberId: '' })),
  ...fetch('without a group', () => ({ groupId: null })),
  ...fetch('opening a session with acknowledgements', (context) => ({ topics: accepts(context, 1) })),
  ...fetch('of an unknown topic', () => ({
    topics: [{ topicId: '1'.repeat(32), partitions: [{ partitionIndex: 0, acknowledgementBatches: [] }] }],
  })),
  ...questions('renewing and asking for more', shareFetch, [2, 2], () => ({
    groupId: 'fetched',
    memberId: 'one',
    shareSessionEpoch: 1,
    maxWaitMs: 100,
    minBytes: 1,
    maxRecords: 1,
    batchSize: 1,
    isRenewAck: true,
    topics: [],
    forgottenTopicsData: [],
  })),
  ...acknowledge('opening a session', 'one', 0),
  ...acknowledge('without a session', 'one', 3),
  ...acknowledge('without a member', '', 3),
]

const states: Question[] = [
  ...alter(
    'of a topic that is there, and of others',
    'fetched',
    ['kept', [0, 0n], [7, 0n]],
    ['nowhere', [0, 0n]],
  ),
  ...questions('that nobody made', readShareGroupState, [0, 0], (context) => ({
    groupId: 'states',
    topics: ofKept(context, { partition: 0, leaderEpoch: 0 }),
  })),
  ...questions('that nobody made', writeShareGroupState, [0, 1], (context) => ({
    groupId: 'states',
    topics: ofKept(context, {
      partition: 0,
      stateEpoch: 0,
      leaderEpoch: 0,
      startOffset: 0n,
      stateBatches: [],
    }),
  })),
  ...questions('that nobody made', readShareGroupStateSummary, [0, 1], (context) => ({
    groupId: 'states',
    topics: ofKept(context, { partition: 0, leaderEpoch: 0 }),
  })),
  ...questions('of a partition that is not', initializeShareGroupState, [0, 0], (context) => ({
    groupId: 'states',
    topics: ofKept(context, { partition: 9, stateEpoch: 0, startOffset: 0n }),
  })),
  ...questions('of one', initializeShareGroupState, [0, 0], (context) => ({
    groupId: 'states',
    topics: ofKept(context, { partition: 0, stateEpoch: 3, startOffset: 10n }),
  })),
  ...questions('in an earlier state epoch', initializeShareGroupState, [0, 0], (context) => ({
    groupId: 'states',
    topics: ofKept(context, { partition: 0, stateEpoch: 2, startOffset: 0n }),
  })),
  ...questions('in leader epoch 4', readShareGroupState, [0, 0], (context) => ({
    groupId: 'states',
    topics: ofKept(context, { partition: 0, leaderEpoch: 4 }),
  })),
  ...questions('of some records', writeShareGroupState, [1, 1], (context) => ({
    groupId: 'states',
    topics: ofKept(context, {
      partition: 0,
      stateEpoch: 3,
      leaderEpoch: 4,
      startOffset: 11n,
      deliveryCompleteCount: 3,
      stateBatches: [
        { firstOffset: 10n, lastOffset: 14n, deliveryState: 2, deliveryCount: 1 },
        { firstOffset: 15n, lastOffset: 19n, deliveryState: 0, deliveryCount: 1 },
        { firstOffset: 17n, lastOffset: 17n, deliveryState: 4, deliveryCount: 1 },
      ],
    }),
  })),
  ...questions('in an earlier leader epoch', writeShareGroupState, [1, 1], (context) => ({
    groupId: 'states',
    topics: ofKept(context, {
      partition: 0,
      stateEpoch: 3,
      leaderEpoch: 3,
      startOffset: 0n,
      stateBatches: [],
    }),
  })),
  ...questions('in an earlier state epoch', writeShareGroupState, [1, 1], (context) => ({
    groupId: 'states',
    topics: ofKept(context, {
      partition: 0,
      stateEpoch: 2,
      leaderEpoch: 4,
      startOffset: 0n,
      stateBatches: [],
    }),
  })),
  ...questions('in an earlier leader epoch', readShareGroupState, [0, 0], (context) => ({
    groupId: 'states',
    topics: ofKept(context, { partition: 0, leaderEpoch: 3 }),
  })),
  ...questions('as written', readShareGroupState, [0, 0], (context) => ({
    groupId: 'states',
    topics: ofKept(context, { partition: 0, leaderEpoch: -1 }),
  })),
  ...questions('as written', readShareGroupStateSummary, [0, 1], (context) => ({
    groupId: 'states',
    topics: ofKept(context, { partition: 0, leaderEpoch: -1 }),
  })),
  ...questions('of one', deleteShareGroupState, [0, 0], (context) => ({
    groupId: 'states',
    topics: ofKept(context, ...partitions(0)),
  })),
  ...questions('of none', deleteShareGroupState, [0, 0], () => ({ groupId: 'states', topics: [] })),
]

const life: Question[] = [
  ...alter('of a group that nobody made', 'shared', ['kept', [0, 2n], [1, 0n]]),
  ...offsetsOf('of all that is kept', 'shared', null),
  ...offsetsOf('of a topic', 'shared', [
    ['kept', 0],
    ['doomed', 0],
  ]),
  ...heartbeat('joining', {}),
  ...heartbeat('staying', { memberEpoch: 2, subscribedTopicNames: null }),
  ...heartbeat('of a member whose last answer was lost', { memberEpoch: 0, subscribedTopicNames: ['kept'] }),
  ...heartbeat('of a member that is behind', { memberEpoch: 1, subscribedTopicNames: null }),
  ...heartbeat('of a member that is ahead', { memberEpoch: 9, subscribedTopicNames: null }),
  ...heartbeat('of an unknown member', { memberId: 'two', memberEpoch: 1, subscribedTopicNames: null }),
  ...describe('one with a member', 'shared'),
  ...questions('of share groups', listGroups, [5, 5], () => ({ statesFilter: [], typesFilter: ['share'] })),
  ...questions('in the name of a share group', offsetCommit, [9, 9], () => ({
    groupId: 'shared',
    generationIdOrMemberEpoch: -1,
    memberId: '',
    topics: [
      { name: 'kept', partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: '' }] },
    ],
  })),
  ...questions('in the name of a share group', offsetFetch, [9, 9], () => ({
    groups: [
      {
        groupId: 'shared',
        memberId: null,
        memberEpoch: -1,
        topics: [{ name: 'kept', partitionIndexes: [0] }],
      },
    ],
  })),
  ...alter('of a group with a member', 'shared', ['kept', [0, 0n]]),
  ...deleteOffsets('of a group with a member', 'shared', 'kept'),
  ...deleteGroup('a share group with a member'),
  ...heartbeat('leaving', { memberEpoch: -1, subscribedTopicNames: null }),
  ...describe('one without members', 'shared'),
  ...deleteOffsets('of kept topics and others', 'shared', 'kept', 'doomed', 'nowhere'),
  ...offsetsOf('of all that is left', 'shared', null),
  ...deleteGroup('a share group'),
  ...describe('one that is deleted', 'shared'),
]

/** Groups of which nothing is kept, or hardly anything. */
const bare: Question[] = [
  ...heartbeat('for a topic that is not there', { groupId: 'bare', subscribedTopicNames: ['nowhere'] }),
  ...heartbeat('with other names', {
    groupId: 'bare',
    memberEpoch: 2,
    subscribedTopicNames: ['nowhere', 'no,where'],
  }),
  ...heartbeat('with no names', { groupId: 'bare', memberEpoch: 3, subscribedTopicNames: [] }),
  ...heartbeat('leaving a group without topics', {
    groupId: 'bare',
    memberEpoch: -1,
    subscribedTopicNames: null,
  }),
  ...deleteOffsets('of a group of which nothing is kept', 'bare', 'kept', 'nowhere'),
  ...describe('one of which nothing is kept', 'bare'),
  ...alter('of a partition that is not there', 'made', ['kept', [9, 0n]]),
  ...describe('one that was made for nothing', 'made'),
  ...offsetsOf('of one that was made for nothing', 'made', null),
]

const fetched: Question[] = [
  ...questions('of records from the beginning', shareFetch, [2, 2], (context) => ({
    groupId: 'fetched',
    memberId: 'one',
    shareSessionEpoch: 0,
    maxWaitMs: 3000,
    minBytes: 1,
    maxRecords: 10,
    batchSize: 10,
    topics: ofKept(context, { partitionIndex: 0, acknowledgementBatches: [] }),
    forgottenTopicsData: [],
  })),
]

export const shareGroupQuestions: readonly Question[] = [...refused, ...states, ...life, ...bare, ...fetched]
