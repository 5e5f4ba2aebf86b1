// What is asked about groups and transactions: mostly of those that do not exist.

import { addOffsetsToTxn } from '../../../broker/protocol/apis/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from '../../../broker/protocol/apis/add-partitions-to-txn.ts'
import { deleteGroups } from '../../../broker/protocol/apis/delete-groups.ts'
import { describeGroups } from '../../../broker/protocol/apis/describe-groups.ts'
import { describeTransactions } from '../../../broker/protocol/apis/describe-transactions.ts'
import { endTxn } from '../../../broker/protocol/apis/end-txn.ts'
import { findCoordinator } from '../../../broker/protocol/apis/find-coordinator.ts'
import { heartbeat } from '../../../broker/protocol/apis/heartbeat.ts'
import { initProducerId } from '../../../broker/protocol/apis/init-producer-id.ts'
import { joinGroup } from '../../../broker/protocol/apis/join-group.ts'
import { leaveGroup } from '../../../broker/protocol/apis/leave-group.ts'
import { listGroups } from '../../../broker/protocol/apis/list-groups.ts'
import { offsetCommit } from '../../../broker/protocol/apis/offset-commit.ts'
import { offsetFetch } from '../../../broker/protocol/apis/offset-fetch.ts'
import { syncGroup } from '../../../broker/protocol/apis/sync-group.ts'
import { txnOffsetCommit } from '../../../broker/protocol/apis/txn-offset-commit.ts'
import { type Context, type Question, questions } from './question.ts'

const unknownId = 'deadbeefdeadbeefdeadbeefdeadbeef'

const find = (what: string, key: string, keyType: number) =>
  questions(what, findCoordinator, [keyType === 0 ? 0 : 1, 6], ({ version }) => ({
    ...(version >= 4 ? { coordinatorKeys: [key] } : { key }),
    ...(version >= 1 ? { keyType } : {}),
  }))

const found: Question[] = [
  ...find('of a group', 'group', 0),
  ...find('of a group without a name', '', 0),
  ...find('of a transactional id', 'transactional', 1),
  ...find('of an empty transactional id', '', 1),
  ...find('of share state', 'group:x:0', 2),
  ...find('of an unknown type', 'group', 7),
  ...questions('of two groups', findCoordinator, [4, 6], () => ({ keyType: 0, coordinatorKeys: ['a', 'b'] })),
  ...questions('of none', findCoordinator, [4, 6], () => ({ keyType: 0, coordinatorKeys: [] })),
]

interface Join {
  groupId?: string
  memberId?: string
  sessionTimeoutMs?: number
  protocolType?: string
  protocols?: { name: string; metadata: Buffer }[]
}

const join = (what: string, versions: [number, number], asked: Join) =>
  questions(what, joinGroup, versions, ({ version }) => ({
    groupId: asked.groupId ?? 'joined',
    sessionTimeoutMs: asked.sessionTimeoutMs ?? 10_000,
    ...(version >= 1 ? { rebalanceTimeoutMs: 10_000 } : {}),
    memberId: asked.memberId ?? '',
    protocolType: asked.protocolType ?? 'consumer',
    protocols: asked.protocols ?? [{ name: 'range', metadata: Buffer.alloc(0) }],
  }))

const joined: Question[] = [
  ...join('an empty group id', [0, 9], { groupId: '' }),
  ...join('a short session', [0, 9], { sessionTimeoutMs: 1 }),
  ...join('a long session', [0, 9], { sessionTimeoutMs: 1_900_000 }),
  ...join('an unknown member of an unknown group', [0, 9], { memberId: 'nobody', groupId: 'unknown' }),
  ...join('no protocols', [3, 5], { protocols: [], groupId: 'refused' }),
  ...join('no protocol type', [3, 5], { protocolType: '', groupId: 'refused' }),
  ...questions('an unknown group', syncGroup, [0, 5], ({ version }) => ({
    groupId: 'unknown',
    generationId: 1,
    memberId: 'nobody',
    ...(version >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : {}),
    assignments: [],
  })),
  ...questions('without protocol', syncGroup, [5, 5], () => ({
    groupId: 'unknown',
    generationId: 1,
    memberId: 'nobody',
    assignments: [],
  })),
  ...questions('an empty group id', syncGroup, [3, 3], () => ({
    groupId: '',
    generationId: 1,
    memberId: 'nobody',
    assignments: [],
  })),
  ...['unknown', ''].flatMap((groupId) =>
    questions(`group "${groupId}"`, heartbeat, [0, 4], () => ({
      groupId,
      generationId: 1,
      memberId: 'nobody',
    })),
  ),
  ...['unknown', ''].flatMap((groupId) => [
    ...questions(`group "${groupId}"`, leaveGroup, [0, 2], () => ({
      groupId,
      memberId: 'nobody',
      members: [],
    })),
    ...questions(`group "${groupId}"`, leaveGroup, [3, 5], () => ({
      groupId,
      members: [{ memberId: 'nobody' }],
    })),
  ]),
  ...questions('nobody', leaveGroup, [4, 4], () => ({ groupId: 'unknown', members: [] })),
]

const fetchOffsets = (what: string, groupId: string, topic: string | null, versions: [number, number]) =>
  questions(what, offsetFetch, versions, ({ version, topicId }) => {
    const partitionIndexes = [0, 7]
    const named = version >= 10 ? { topicId: topicId(topic ?? '') } : { name: topic ?? '' }
    const topics = topic === null ? null : [{ ...named, partitionIndexes }]
    return version >= 8
      ? { groups: [{ groupId, topics }] }
      : { groupId, topics: topic === null ? null : [{ name: topic, partitionIndexes }] }
  })

const commit = (
  what: string,
  versions: [number, number],
  asked: {
    groupId?: string
    generation?: number
    memberId?: string
    topic?: string
    partition?: number
    offset?: bigint
    metadata?: string | null
  } = {},
) =>
  questions(what, offsetCommit, versions, ({ version, topicId }: Context) => {
    const topic = asked.topic ?? 'kept'
    return {
      groupId: asked.groupId ?? 'committed',
      generationIdOrMemberEpoch: asked.generation ?? -1,
      memberId: asked.memberId ?? '',
      topics: [
        {
          ...(version >= 10
            ? { topicId: topic === 'unknown' ? unknownId : topicId(topic) }
            : { name: topic }),
          partitions: [
            {
              partitionIndex: asked.partition ?? 0,
              committedOffset: asked.offset ?? 3n,
              committedMetadata: asked.metadata === undefined ? 'note' : asked.metadata,
            },
          ],
        },
      ],
    }
  })

const offsets: Question[] = [
  ...fetchOffsets('an unknown group', 'unknown', 'kept', [1, 10]),
  ...fetchOffsets('an unknown group, all topics', 'unknown', null, [2, 10]),
  ...fetchOffsets('an unknown topic', 'unknown', 'unknown', [1, 9]),
  ...fetchOffsets('an empty group id', '', 'kept', [1, 10]),
  ...commit('of no member', [2, 10]),
  ...fetchOffsets('what was committed', 'committed', 'kept', [1, 10]),
  ...fetchOffsets('all that was committed', 'committed', null, [2, 10]),
  ...commit('of an unknown member', [2, 10], { generation: 5, memberId: 'nobody' }),
  ...commit('of an unknown group', [2, 10], { groupId: 'unknown', generation: 5, memberId: 'nobody' }),
  ...commit('unknown topic', [2, 10], { topic: 'unknown' }),
  ...commit('unknown partition', [8, 8], { partition: 9 }),
  ...commit('an empty group id', [8, 8], { groupId: '' }),
  ...commit('a negative offset', [8, 8], { offset: -2n }),
  ...commit('null metadata', [8, 8], { metadata: null }),
  ...commit('large metadata', [8, 8], { metadata: 'x'.repeat(5000) }),
  ...commit('a member id without generation', [8, 8], { memberId: 'nobody' }),
]

const described: Question[] = [
  ...questions('unknown group', describeGroups, [0, 6], () => ({ groups: ['unknown'] })),
  ...questions('an empty group id', describeGroups, [0, 6], () => ({ groups: [''] })),
  ...questions('one that only committed', describeGroups, [0, 6], () => ({ groups: ['committed'] })),
  ...questions('no groups', describeGroups, [5, 5], () => ({ groups: [] })),
  ...questions(
    'all',
    listGroups,
    [0, 5],
    ({ version }) =>
      ({
        ...(version >= 4 ? { statesFilter: [] } : {}),
        ...(version >= 5 ? { typesFilter: [] } : {}),
      }) as never,
  ),
  ...questions('of an unknown state', listGroups, [4, 4], () => ({ statesFilter: ['Asleep'] }) as never),
  ...questions(
    'empty ones',
    listGroups,
    [4, 5],
    ({ version }) =>
      ({
        statesFilter: ['empty'],
        ...(version >= 5 ? { typesFilter: [] } : {}),
      }) as never,
  ),
  ...questions('of an unknown type', listGroups, [5, 5], () => ({ statesFilter: [], typesFilter: ['club'] })),
  ...questions('classic ones', listGroups, [5, 5], () => ({ statesFilter: [], typesFilter: ['Classic'] })),
  ...questions('unknown group', deleteGroups, [0, 2], () => ({ groupsNames: ['unknown'] })),
  ...questions('an empty group id', deleteGroups, [2, 2], () => ({ groupsNames: [''] })),
  ...questions('one twice', deleteGroups, [2, 2], () => ({ groupsNames: ['unknown', 'unknown'] })),
]

const init = (
  what: string,
  versions: [number, number],
  transactionalId: string | null,
  timeout: number,
  more = {},
) =>
  questions(what, initProducerId, versions, () => ({
    transactionalId,
    transactionTimeoutMs: timeout,
    ...more,
  }))

const txnOffsets = (what: string, versions: [number, number], more: object = {}) =>
  questions(what, txnOffsetCommit, versions, () => ({
    transactionalId: 'unknown',
    groupId: 'committed',
    producerId: 99n,
    producerEpoch: 0,
    topics: [
      { name: 'kept', partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: null }] },
    ],
    ...more,
  }))

const transacted: Question[] = [
  ...init('idempotent', [0, 5], null, 0),
  ...init('idempotent, timeout -1', [0, 5], null, -1),
  ...init('an empty transactional id', [0, 5], '', 5000),
  ...init('timeout 0', [0, 5], 'known', 0),
  ...init('timeout -1', [0, 5], 'known', -1),
  ...init('a timeout above the largest', [0, 5], 'known', 900_001),
  ...init('a producer id that nobody gave', [3, 5], 'other', 5000, { producerId: 4711n, producerEpoch: 3 }),
  ...init('an epoch without producer id', [3, 5], 'other', 5000, { producerEpoch: 3 }),
  ...init('a transactional id', [0, 5], 'known', 5000),
  ...init('idempotent with a producer id', [3, 5], null, 5000, { producerId: 4711n, producerEpoch: 3 }),
  ...questions('unknown transactional id', endTxn, [0, 5], () => ({
    transactionalId: 'unknown',
    producerId: 99n,
    producerEpoch: 0,
    committed: true,
  })),
  ...questions('an empty transactional id', endTxn, [3, 3], () => ({
    transactionalId: '',
    producerId: 99n,
    producerEpoch: 0,
    committed: true,
  })),
  ...questions("another's producer id", endTxn, [3, 5], () => ({
    transactionalId: 'known',
    producerId: 99_999n,
    producerEpoch: 0,
    committed: true,
  })),
  ...questions(
    'unknown transactional id',
    addPartitionsToTxn,
    [0, 3],
    () =>
      ({
        v3AndBelowTransactionalId: 'unknown',
        v3AndBelowProducerId: 99n,
        v3AndBelowProducerEpoch: 0,
        v3AndBelowTopics: [{ name: 'kept', partitions: [0] }],
      }) as never,
  ),
  ...questions(
    'unknown topic',
    addPartitionsToTxn,
    [3, 3],
    () =>
      ({
        v3AndBelowTransactionalId: 'known',
        v3AndBelowProducerId: 99n,
        v3AndBelowProducerEpoch: 0,
        v3AndBelowTopics: [
          { name: 'unknown', partitions: [0] },
          { name: 'kept', partitions: [0] },
        ],
      }) as never,
  ),
  ...questions(
    'as a broker asks',
    addPartitionsToTxn,
    [4, 5],
    () =>
      ({
        transactions: [
          {
            transactionalId: 'unknown',
            producerId: 99n,
            producerEpoch: 0,
            verifyOnly: true,
            topics: [{ name: 'kept', partitions: [0] }],
          },
        ],
      }) as never,
  ),
  ...questions('unknown transactional id', addOffsetsToTxn, [0, 4], () => ({
    transactionalId: 'unknown',
    producerId: 99n,
    producerEpoch: 0,
    groupId: 'committed',
  })),
  ...txnOffsets('unknown transactional id', [0, 5]),
  ...txnOffsets('an empty group id', [3, 3], { groupId: '' }),
  ...txnOffsets('of a generation that is not', [3, 3], { generationId: 3, memberId: 'nobody' }),
  ...questions('unknown and known', describeTransactions, [0, 0], () => ({
    transactionalIds: ['unknown', ''],
  })),
]

export const groupQuestions: readonly Question[] = [
  ...found,
  ...joined,
  ...offsets,
  ...described,
  ...transacted,
]
