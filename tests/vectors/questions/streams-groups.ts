// What is asked of streams groups (KIP-1071): requests that are refused, topologies that do not fit their topics, and
// one group from its first member to its deletion. Tasks are those of the topic `kept`, which has two partitions.

import { deleteGroups } from '../../../broker/protocol/apis/delete-groups.ts'
import { describeGroups } from '../../../broker/protocol/apis/describe-groups.ts'
import { incrementalAlterConfigs } from '../../../broker/protocol/apis/incremental-alter-configs.ts'
import { joinGroup } from '../../../broker/protocol/apis/join-group.ts'
import { listGroups } from '../../../broker/protocol/apis/list-groups.ts'
import { offsetCommit } from '../../../broker/protocol/apis/offset-commit.ts'
import { offsetDelete } from '../../../broker/protocol/apis/offset-delete.ts'
import { offsetFetch } from '../../../broker/protocol/apis/offset-fetch.ts'
import { streamsGroupDescribe } from '../../../broker/protocol/apis/streams-group-describe.ts'
import { streamsGroupHeartbeat } from '../../../broker/protocol/apis/streams-group-heartbeat.ts'
import type { RequestInput } from '../../../broker/protocol/message.ts'
import { type Context, type Question, questions } from './question.ts'

type Heartbeat = RequestInput<typeof streamsGroupHeartbeat>
type Topology = NonNullable<Heartbeat['topology']>
type Subtopology = Topology['subtopologies'][number]

const GROUP = 32
const SET = 0

const subtopology = (subtopologyId: string, more: Partial<Subtopology>): Subtopology => ({
  subtopologyId,
  sourceTopics: [],
  sourceTopicRegex: [],
  stateChangelogTopics: [],
  repartitionSinkTopics: [],
  repartitionSourceTopics: [],
  copartitionGroups: [],
  ...more,
})
const topic = (name: string, partitions = 0) => ({ name, partitions, replicationFactor: 0, topicConfigs: [] })
const topology = (...subtopologies: Subtopology[]): Topology => ({ epoch: 0, subtopologies })

const reads = (...sourceTopics: string[]): Topology => topology(subtopology('0', { sourceTopics }))
/** kept ─► 0 ─► rekeyed ─► 1 */
const rekeys = topology(
  subtopology('0', { sourceTopics: ['kept'], repartitionSinkTopics: ['rekeyed'] }),
  subtopology('1', { repartitionSourceTopics: [topic('rekeyed')] }),
)

const heartbeat = (
  what: string,
  body: Partial<Heartbeat> | ((context: Context) => Partial<Heartbeat>),
): Question[] =>
  questions(what, streamsGroupHeartbeat, [0, 0], (context) => ({
    groupId: 'streamed',
    memberId: 'one',
    memberEpoch: 0,
    endpointInformationEpoch: 0,
    ...(typeof body === 'function' ? body(context) : body),
  }))

const joining = (told: Topology, more: Partial<Heartbeat> = {}): Partial<Heartbeat> => ({
  memberEpoch: 0,
  rebalanceTimeoutMs: 30_000,
  topology: told,
  activeTasks: [],
  standbyTasks: [],
  warmupTasks: [],
  processId: 'process-1',
  clientTags: [{ key: 'zone', value: 'a' }],
  ...more,
})
const owns = (memberEpoch: number, ...partitions: number[]): Partial<Heartbeat> => ({
  memberEpoch,
  activeTasks: partitions.length === 0 ? [] : [{ subtopologyId: '0', partitions }],
  standbyTasks: [],
  warmupTasks: [],
})
const joinRefused = (what: string, more: Partial<Heartbeat>): Question[] =>
  heartbeat(what, joining(reads('kept'), { groupId: 'refused', ...more }))

const refused: Question[] = [
  ...joinRefused('without a group id', { groupId: '' }),
  ...joinRefused('without a member id', { memberId: ' ' }),
  ...joinRefused('with an empty rack', { rackId: '' }),
  ...joinRefused('as a static member', { instanceId: 'instance' }),
  ...joinRefused('with task offsets', { taskOffsets: [] }),
  ...joinRefused('with task end offsets', { taskEndOffsets: [] }),
  ...joinRefused('with a warm-up task', { warmupTasks: [{ subtopologyId: '0', partitions: [0] }] }),
  ...joinRefused('with a regular expression', {
    topology: topology(subtopology('0', { sourceTopicRegex: ['k.*'] })),
  }),
  ...joinRefused('without a rebalance timeout', { rebalanceTimeoutMs: -1 }),
  ...joinRefused('with a task in hand', { activeTasks: [{ subtopologyId: '0', partitions: [0] }] }),
  ...joinRefused('with no word of tasks', { activeTasks: null, standbyTasks: null, warmupTasks: null }),
  ...joinRefused('without a topology', { topology: null }),
  ...joinRefused('of epoch -3', { memberEpoch: -3 }),
  ...joinRefused('of epoch -2 without an instance', { memberEpoch: -2, topology: null }),
  ...joinRefused('with a topology, not joining', { memberEpoch: 1 }),
  ...joinRefused('with one kind of tasks only', {
    memberEpoch: 1,
    topology: null,
    standbyTasks: null,
    warmupTasks: null,
  }),
  ...joinRefused('with a changelog of a fixed size', {
    topology: topology(
      subtopology('0', { sourceTopics: ['kept'], stateChangelogTopics: [topic('store-changelog', 3)] }),
    ),
  }),
  ...joinRefused('reading the offsets topic', { topology: reads('__consumer_offsets') }),
  ...joinRefused('reading a topic of no name', { topology: reads('no such/name') }),
  ...joinRefused('writing in a ring', {
    topology: topology(
      subtopology('0', { repartitionSourceTopics: [topic('ring')], repartitionSinkTopics: ['ring'] }),
    ),
  }),
  ...joinRefused('reading what nobody writes', {
    topology: topology(
      subtopology('0', { sourceTopics: ['kept'], repartitionSourceTopics: [topic('nobodys')] }),
    ),
  }),
  ...joinRefused('reading nothing', {
    topology: topology(subtopology('0', { stateChangelogTopics: [topic('store-changelog')] })),
  }),
  ...heartbeat('of an unknown group', { groupId: 'unknown', memberEpoch: 1 }),
  ...heartbeat('leaving an unknown group', { groupId: 'unknown', memberEpoch: -1 }),
  ...questions('an unknown group', streamsGroupDescribe, [0, 0], () => ({
    groupIds: ['unknown', ''],
    includeAuthorizedOperations: false,
  })),
]

const describe = (what: string, groupId = 'streamed'): Question[] =>
  questions(what, streamsGroupDescribe, [0, 0], () => ({
    groupIds: [groupId],
    includeAuthorizedOperations: false,
  }))

const topics: Question[] = [
  ...heartbeat('joining without its source', joining(reads('absent', 'kept'), { groupId: 'lacking' })),
  ...describe('a group without its source', 'lacking'),
  ...heartbeat('joining without its internal topics', joining(rekeys, { groupId: 'makes' })),
  ...heartbeat(
    'joining with copartitioned topics that do not fit',
    joining(
      topology(
        subtopology('0', {
          sourceTopics: ['kept', 'written'],
          copartitionGroups: [{ sourceTopics: [0, 1], sourceTopicRegex: [], repartitionSourceTopics: [] }],
        }),
      ),
      { groupId: 'unfit' },
    ),
  ),
  ...heartbeat('joining a new group, which waits for more', joining(reads('kept'), { groupId: 'waits' })),
  ...heartbeat('waiting', { groupId: 'waits', ...owns(1) }),
  ...describe('a group that waits', 'waits'),
]

const commits = (what: string, memberId: string, memberEpoch: number, name = 'kept'): Question[] =>
  questions(what, offsetCommit, [8, 9], () => ({
    groupId: 'streamed',
    memberId,
    generationIdOrMemberEpoch: memberEpoch,
    topics: [{ name, partitions: [{ partitionIndex: 0, committedOffset: 3n, committedMetadata: '' }] }],
  }))
const fetches = (what: string, memberId: string | null, memberEpoch: number): Question[] =>
  questions(what, offsetFetch, [9, 9], () => ({
    groups: [
      { groupId: 'streamed', memberId, memberEpoch, topics: [{ name: 'kept', partitionIndexes: [0] }] },
    ],
    requireStable: false,
  }))

const life: Question[] = [
  ...questions('of a streams group', incrementalAlterConfigs, [1, 1], () => ({
    resources: [
      {
        resourceType: GROUP,
        resourceName: 'streamed',
        configs: [
          { name: 'streams.initial.rebalance.delay.ms', configOperation: SET, value: '0' },
          { name: 'streams.assignment.interval.ms', configOperation: SET, value: '0' },
        ],
      },
    ],
    validateOnly: false,
  })),
  ...topics,
  ...heartbeat('joining as the first', joining(reads('kept'))),
  ...describe('a group of one'),
  ...heartbeat('in its epoch', owns(2, 0, 1)),
  ...heartbeat('with a task that there is not', owns(2, 0, 7)),
  ...heartbeat('with a subtopology that there is not', {
    ...owns(2),
    activeTasks: [{ subtopologyId: '7', partitions: [0] }],
  }),
  ...heartbeat('of a greater epoch', owns(9)),
  ...heartbeat('of an unknown member', { ...owns(1), memberId: 'nobody' }),
  ...heartbeat('leaving as an unknown member', { memberEpoch: -1, memberId: 'nobody' }),
  ...heartbeat('joining with another topology', joining(reads('written'), { memberId: 'other' })),
  ...questions('a streams group', listGroups, [5, 5], () => ({ statesFilter: [], typesFilter: ['streams'] })),
  ...questions('a streams group', describeGroups, [5, 6], () => ({ groups: ['streamed'] })),
  ...questions('a streams group', joinGroup, [5, 5], () => ({
    groupId: 'streamed',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    memberId: '',
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
  })),
  ...commits('by a member of a streams group', 'one', 2),
  ...commits('by a member of a streams group, of an epoch to come', 'one', 3),
  ...commits('by a member of a streams group, of a topic that it does not read', 'one', 1, 'written'),
  ...commits('by nobody of a streams group', '', -1),
  ...commits('by a stranger to a streams group', 'nobody', 2),
  ...fetches('by a member of a streams group', 'one', 2),
  ...fetches('by a member of a streams group, of another epoch', 'one', 1),
  ...fetches('by an admin of a streams group', null, -1),
  ...questions('a streams group that reads it', offsetDelete, [0, 0], () => ({
    groupId: 'streamed',
    topics: [{ name: 'kept', partitions: [{ partitionIndex: 0 }] }],
  })),
  ...questions('a streams group with members', deleteGroups, [2, 2], () => ({ groupsNames: ['streamed'] })),
  ...heartbeat('joining as the second', joining(reads('kept'), { memberId: 'two', processId: 'process-2' })),
  ...describe('a group of two, one task to be handed over'),
  ...heartbeat('told to let go of a task', owns(2, 0, 1)),
  ...heartbeat('the second while the first has not let go', { memberId: 'two', ...owns(3) }),
  ...heartbeat('having let go of a task', owns(2, 0)),
  ...heartbeat('in the epoch before, its answer was lost', owns(2, 0)),
  ...heartbeat('in the epoch before, with more than it has', owns(2, 0, 1)),
  ...heartbeat('the second when the first has let go', { memberId: 'two', ...owns(3) }),
  ...describe('a group of two'),
  ...commits('of what was kept, in an older epoch', 'one', 2),
  ...heartbeat('the second asks all to shut down and leaves', {
    memberId: 'two',
    memberEpoch: -1,
    shutdownApplication: true,
  }),
  ...heartbeat('the first hears of the shutdown', owns(3, 0)),
  ...heartbeat('the first leaves', { memberEpoch: -1 }),
  ...describe('an empty group'),
  ...questions('an empty streams group', deleteGroups, [2, 2], () => ({ groupsNames: ['streamed'] })),
  ...describe('a deleted group'),
]

export const streamsGroupQuestions: readonly Question[] = [...refused, ...life]

/** Not asked of ours in a set, as topics are made beside the answers: what Kafka writes of it counts. */
export const endpointsAndStandbys: readonly Question[] = [
  ...questions('with standbys', incrementalAlterConfigs, [1, 1], () => ({
    resources: [
      {
        resourceType: GROUP,
        resourceName: 'kept-twice',
        configs: [
          { name: 'streams.initial.rebalance.delay.ms', configOperation: SET, value: '0' },
          { name: 'streams.assignment.interval.ms', configOperation: SET, value: '0' },
          { name: 'streams.num.standby.replicas', configOperation: SET, value: '1' },
        ],
      },
    ],
    validateOnly: false,
  })),
  // The changelog is a topic that is there already, so that no answer waits for one to be made.
  ...['one', 'two'].flatMap((memberId, i) =>
    heartbeat(
      `joining as ${memberId} of a group with standbys`,
      joining(
        topology(subtopology('0', { sourceTopics: ['written'], stateChangelogTopics: [topic('compacted')] })),
        {
          groupId: 'kept-twice',
          memberId,
          rackId: 'rack',
          processId: `process-${i}`,
          userEndpoint: { host: 'app.example', port: 8080 + i },
        },
      ),
    ),
  ),
  ...heartbeat('the standby when all are there', { groupId: 'kept-twice', memberId: 'two', ...owns(3) }),
]
