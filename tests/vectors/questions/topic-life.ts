// What is asked about topics beyond the basics: many at a time, really made, grown and deleted, and described page by page.

import { createPartitions } from '../../../broker/protocol/apis/create-partitions.ts'
import { createTopics } from '../../../broker/protocol/apis/create-topics.ts'
import { deleteTopics } from '../../../broker/protocol/apis/delete-topics.ts'
import { describeCluster } from '../../../broker/protocol/apis/describe-cluster.ts'
import { describeTopicPartitions } from '../../../broker/protocol/apis/describe-topic-partitions.ts'
import { metadata } from '../../../broker/protocol/apis/metadata.ts'
import { type Context, type Question, questions } from './question.ts'

const noId = '0'.repeat(32)

interface Wanted {
  name: string
  numPartitions?: number
  replicationFactor?: number
  assignments?: { partitionIndex: number; brokerIds: number[] }[]
  configs?: { name: string; value: string | null }[]
}
const topic = (wanted: Wanted) => ({
  numPartitions: 1,
  replicationFactor: 1,
  assignments: [],
  configs: [],
  ...wanted,
})
const create = (what: string, topics: Wanted[], validateOnly = false) =>
  questions(what, createTopics, [7, 7], () => ({ topics: topics.map(topic), timeoutMs: 5000, validateOnly }))

const made: Question[] = [
  ...create('some good, some bad', [
    { name: 'good-1' },
    { name: 'bad name' },
    { name: 'good-2', numPartitions: 3 },
    { name: 'kept' },
    { name: 'good-3', replicationFactor: 2 },
    { name: 'good-4', configs: [{ name: 'segment.bytes', value: '1' }] },
  ]),
  ...create('names that collide with each other', [{ name: 'x.y' }, { name: 'x_y' }]),
  ...create('a name that collides with one that is there', [{ name: 'good_1' }, { name: 'a_b' }]),
  ...create('the metadata log', [{ name: '__cluster_metadata' }], true),
  ...create('share state', [{ name: '__share_group_state' }], true),
  ...create('more partitions than a request may', [{ name: 'huge', numPartitions: 10_001 }], true),
  ...create(
    'together more partitions than a request may',
    [
      { name: 'half-1', numPartitions: 6000 },
      { name: 'half-2', numPartitions: 6000 },
    ],
    true,
  ),
  ...create('by hand, of two replicas', [
    {
      name: 'by-hand',
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [{ partitionIndex: 0, brokerIds: [1, 2] }],
    },
  ]),
  ...create('by hand, a negative broker', [
    {
      name: 'by-hand',
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [{ partitionIndex: 0, brokerIds: [-1] }],
    },
  ]),
  ...create('by hand, negative partition', [
    {
      name: 'by-hand',
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [{ partitionIndex: -1, brokerIds: [1] }],
    },
  ]),
  ...create('by hand, three partitions', [
    {
      name: 'by-hand',
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [2, 0, 1].map((partitionIndex) => ({ partitionIndex, brokerIds: [1] })),
    },
  ]),
  ...create('an unknown key and a bad value', [
    {
      name: 'wrong',
      configs: [
        { name: 'no.such.key', value: '1' },
        { name: 'retention.ms', value: 'often' },
      ],
    },
  ]),
]

const grow = (
  what: string,
  topics: { name: string; count: number; ids?: number[][] }[],
  validateOnly = false,
) =>
  questions(what, createPartitions, [0, 3], () => ({
    topics: topics.map(({ name, count, ids }) => ({
      name,
      count,
      assignments: ids?.map((brokerIds) => ({ brokerIds })) ?? null,
    })),
    timeoutMs: 5000,
    validateOnly,
  }))

const grown: Question[] = [
  ...grow(
    'some good, some bad',
    [
      { name: 'good-1', count: 4 },
      { name: 'unknown', count: 4 },
      { name: 'good-2', count: 2 },
    ],
    true,
  ),
  ...grow(
    'one topic twice',
    [
      { name: 'good-1', count: 4 },
      { name: 'good-1', count: 5 },
    ],
    true,
  ),
  ...grow('to a negative number', [{ name: 'good-1', count: -1 }], true),
  ...grow('no topic', [], true),
  ...grow('with no assignments', [{ name: 'good-1', count: 3, ids: [] }], true),
  ...grow('with too many assignments', [{ name: 'good-1', count: 2, ids: [[1], [1]] }], true),
  ...grow('with a broker twice', [{ name: 'good-1', count: 2, ids: [[1, 1]] }], true),
  ...grow('with two replicas', [{ name: 'good-1', count: 2, ids: [[1, 9]] }], true),
  ...grow('beyond what a request may', [{ name: 'good-1', count: 20_000 }], true),
  ...grow('an empty name', [{ name: '', count: 3 }], true),
  ...grow('the metadata log', [{ name: '__cluster_metadata', count: 3 }], true),
]

const drop = (what: string, topics: (context: Context) => { name: string | null; topicId: string }[]) =>
  questions(what, deleteTopics, [6, 6], (context) => ({ topics: topics(context), timeoutMs: 5000 }))

const dropped: Question[] = [
  ...drop('by name and by id', ({ topicId }) => [
    { name: 'written', topicId: noId },
    { name: null, topicId: topicId('written') },
  ]),
  ...drop('one id twice', ({ topicId }) => [
    { name: null, topicId: topicId('written') },
    { name: null, topicId: topicId('written') },
  ]),
  ...drop('the metadata log', () => [{ name: '__cluster_metadata', topicId: noId }]),
  ...drop('a good one and a bad one', () => [
    { name: 'good-2', topicId: noId },
    { name: 'unknown', topicId: noId },
  ]),
  ...drop('what is gone', () => [{ name: 'good-2', topicId: noId }]),
  ...drop('nothing', () => []),
  ...questions('by old names', deleteTopics, [1, 5], ({ version }) => ({
    topicNames: [`nobody-${version}`, 'bad name'],
    timeoutMs: 5000,
  })),
]

const page = (
  what: string,
  names: string[],
  cursor: { topicName: string; partitionIndex: number } | null = null,
  responsePartitionLimit = 2000,
) =>
  questions(what, describeTopicPartitions, [0, 0], () => ({
    topics: names.map((name) => ({ name })),
    responsePartitionLimit,
    cursor,
  }))

const described: Question[] = [
  ...page('a bad name', ['bad name']),
  ...page('an empty name', ['']),
  ...page('one topic twice', ['kept', 'kept']),
  ...page('an internal topic', ['__consumer_offsets']),
  ...page('no limit', ['kept'], null, 0),
  ...page('a negative limit', ['kept'], null, -1),
  ...page('one partition and one topic more', ['a.b', 'kept', 'unknown'], null, 2),
  ...page('from a topic that is not asked for', ['kept', 'written'], { topicName: 'm', partitionIndex: 0 }),
  ...page('from beyond the last partition', ['kept'], { topicName: 'kept', partitionIndex: 9 }),
  ...page('from beyond the last topic', ['kept'], { topicName: 'z', partitionIndex: 0 }),
  ...questions('with fenced brokers', describeCluster, [2, 2], () => ({
    includeClusterAuthorizedOperations: false,
    includeFencedBrokers: true,
  })),
  ...questions('an endpoint of no type', describeCluster, [1, 2], ({ version }) => ({
    includeClusterAuthorizedOperations: false,
    endpointType: 9,
    ...(version >= 2 ? { includeFencedBrokers: false } : {}),
  })),
  ...questions('a topic to be made', metadata, [4, 13], ({ version }) => ({
    topics: [{ name: `auto-${version}` }],
    allowAutoTopicCreation: true,
    ...(version >= 8 ? { includeTopicAuthorizedOperations: false } : {}),
  })),
  ...questions('an internal topic', metadata, [9, 9], () => ({
    topics: [{ name: '__consumer_offsets' }],
    allowAutoTopicCreation: false,
  })),
  ...questions('the metadata log', metadata, [9, 9], () => ({
    topics: [{ name: '__cluster_metadata' }],
    allowAutoTopicCreation: true,
  })),
]

export const topicLifeQuestions: readonly Question[] = [...made, ...grown, ...dropped, ...described]
