// What is asked about log directories, elections, reassignments, the quorum, brokers and lists of resources.

import { alterPartitionReassignments } from '../../../broker/protocol/apis/alter-partition-reassignments.ts'
import { alterReplicaLogDirs } from '../../../broker/protocol/apis/alter-replica-log-dirs.ts'
import { describeLogDirs } from '../../../broker/protocol/apis/describe-log-dirs.ts'
import { describeQuorum } from '../../../broker/protocol/apis/describe-quorum.ts'
import { electLeaders } from '../../../broker/protocol/apis/elect-leaders.ts'
import { listConfigResources } from '../../../broker/protocol/apis/list-config-resources.ts'
import { listPartitionReassignments } from '../../../broker/protocol/apis/list-partition-reassignments.ts'
import { unregisterBroker } from '../../../broker/protocol/apis/unregister-broker.ts'
import { type Context, type Question, questions } from './question.ts'

const describedDirs: Question[] = [
  ...questions('of two topics and an unknown one', describeLogDirs, [1, 5], () => ({
    topics: [
      { topic: 'kept', partitions: [0, 1, 9] },
      { topic: 'written', partitions: [0] },
      { topic: 'unknown', partitions: [0] },
    ],
  })),
  ...questions('of no topic', describeLogDirs, [1, 5], () => ({ topics: [] })),
]

/** The path of the broker's directory, as it has told. */
const path = ({ earlier }: Context): string => {
  const told = earlier('DescribeLogDirs: of no topic') as { results: { logDir: string }[] } | undefined
  return told?.results[0]?.logDir ?? ''
}

const moved: Question[] = [
  ...questions('to where it is', alterReplicaLogDirs, [1, 2], (context) => ({
    dirs: [{ path: path(context), topics: [{ name: 'kept', partitions: [0, 1] }] }],
  })),
  ...questions('to an unknown directory', alterReplicaLogDirs, [1, 2], () => ({
    dirs: [{ path: '/no/such/directory', topics: [{ name: 'kept', partitions: [0] }] }],
  })),
  ...questions('an unknown partition', alterReplicaLogDirs, [1, 2], (context) => ({
    dirs: [{ path: path(context), topics: [{ name: 'kept', partitions: [9] }] }],
  })),
  ...questions('an unknown topic', alterReplicaLogDirs, [1, 2], (context) => ({
    dirs: [{ path: path(context), topics: [{ name: 'unknown', partitions: [0] }] }],
  })),
  ...questions('a topic of a long name', alterReplicaLogDirs, [2, 2], (context) => ({
    dirs: [{ path: path(context), topics: [{ name: 'x'.repeat(230), partitions: [0] }] }],
  })),
  ...questions('nothing', alterReplicaLogDirs, [2, 2], () => ({ dirs: [] })),
]

const elect = (
  what: string,
  versions: [number, number],
  topicPartitions: { topic: string; partitions: number[] }[] | null,
  electionType = 0,
) =>
  questions(what, electLeaders, versions, ({ version }) => ({
    ...(version >= 1 ? { electionType } : {}),
    topicPartitions,
    timeoutMs: 5000,
  }))

const elected: Question[] = [
  ...elect('the preferred leader where it leads', [0, 2], [{ topic: 'kept', partitions: [0, 1] }]),
  ...elect('an unclean leader where there is one', [1, 2], [{ topic: 'kept', partitions: [0] }], 1),
  ...elect('of an unknown partition', [0, 2], [{ topic: 'kept', partitions: [9] }]),
  ...elect('of an unknown topic', [0, 2], [{ topic: 'unknown', partitions: [0] }]),
  ...elect('of no partition', [2, 2], [{ topic: 'kept', partitions: [] }]),
  ...elect('of no topic', [2, 2], []),
  ...elect('of an unknown type', [1, 2], [{ topic: 'kept', partitions: [0] }], 7),
]

const reassign = (
  what: string,
  replicas: number[] | null,
  { name = 'kept', partitionIndex = 0, fixed = false } = {},
) =>
  questions(what, alterPartitionReassignments, [fixed ? 1 : 0, 1], () => ({
    timeoutMs: 5000,
    ...(fixed ? { allowReplicationFactorChange: false } : {}),
    topics: [{ name, partitions: [{ partitionIndex, replicas }] }],
  }))

const reassigned: Question[] = [
  ...reassign('to where it is', [1]),
  ...reassign('to an unknown broker', [9]),
  ...reassign('to an unknown broker too', [1, 9]),
  ...reassign('to one broker twice', [1, 1]),
  ...reassign('to nobody', []),
  ...reassign('to where it is, its number fixed', [1], { fixed: true }),
  ...reassign('to an unknown broker too, its number fixed', [1, 9], { fixed: true }),
  ...reassign('cancelled, of which there is none', null),
  ...reassign('of an unknown partition', [1], { partitionIndex: 9 }),
  ...reassign('of an unknown topic', [1], { name: 'unknown' }),
  ...questions('of nothing', alterPartitionReassignments, [0, 1], () => ({ topics: [] })),
  ...questions('all', listPartitionReassignments, [0, 0], () => ({ topics: null })),
  ...questions('none', listPartitionReassignments, [0, 0], () => ({ topics: [] })),
  ...questions('of some', listPartitionReassignments, [0, 0], () => ({
    topics: [
      { name: 'kept', partitionIndexes: [0, 9] },
      { name: 'unknown', partitionIndexes: [0] },
    ],
  })),
]

const quorum = (what: string, topics: { topicName: string; partitions: { partitionIndex: number }[] }[]) =>
  questions(what, describeQuorum, [0, 2], () => ({ topics }))

const described: Question[] = [
  ...quorum('the metadata log', [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]),
  ...quorum('another partition', [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 1 }] }]),
  ...quorum('another topic', [{ topicName: 'kept', partitions: [{ partitionIndex: 0 }] }]),
  ...quorum('nothing', []),
  ...questions('an unknown broker', unregisterBroker, [0, 0], () => ({ brokerId: 9 })),
  ...questions('a negative id', unregisterBroker, [0, 0], () => ({ brokerId: -1 })),
  ...questions('client metrics', listConfigResources, [0, 0], () => ({})),
  ...[[], [2], [4], [8], [16], [32], [4, 2], [2, 2], [3], [2, 99]].flatMap((resourceTypes) =>
    questions(`of the types [${resourceTypes.join(', ')}]`, listConfigResources, [1, 1], () => ({
      resourceTypes,
    })),
  ),
]

export const adminQuestions: readonly Question[] = [
  ...describedDirs,
  ...moved,
  ...elected,
  ...reassigned,
  ...described,
]
