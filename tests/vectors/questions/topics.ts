// What is asked about the cluster, topics and their configuration.

import { alterConfigs } from '../../../broker/protocol/apis/alter-configs.ts'
import { apiVersions } from '../../../broker/protocol/apis/api-versions.ts'
import { createPartitions } from '../../../broker/protocol/apis/create-partitions.ts'
import { createTopics } from '../../../broker/protocol/apis/create-topics.ts'
import { deleteTopics } from '../../../broker/protocol/apis/delete-topics.ts'
import { describeCluster } from '../../../broker/protocol/apis/describe-cluster.ts'
import { describeConfigs } from '../../../broker/protocol/apis/describe-configs.ts'
import { describeTopicPartitions } from '../../../broker/protocol/apis/describe-topic-partitions.ts'
import { incrementalAlterConfigs } from '../../../broker/protocol/apis/incremental-alter-configs.ts'
import { metadata } from '../../../broker/protocol/apis/metadata.ts'
import { type Context, type Question, questions } from './question.ts'

const unknownId = 'deadbeefdeadbeefdeadbeefdeadbeef'
const noId = '0'.repeat(32)

const versions: Question[] = [
  ...questions('plain', apiVersions, [0, 2], () => ({})),
  ...questions('with a name', apiVersions, [3, 4], () => ({
    clientSoftwareName: 'test',
    clientSoftwareVersion: '1.0',
  })),
  ...questions('with a name that is none', apiVersions, [3, 4], () => ({
    clientSoftwareName: '-test-',
    clientSoftwareVersion: '1.0',
  })),
  ...questions('without a name', apiVersions, [3, 4], () => ({
    clientSoftwareName: '',
    clientSoftwareVersion: '',
  })),
]

const named =
  (...names: string[]) =>
  ({ version }: Context) => ({
    topics: names.map((name) => ({ name })),
    ...(version >= 4 ? { allowAutoTopicCreation: false } : {}),
    ...(version >= 8 ? { includeTopicAuthorizedOperations: false } : {}),
  })

const told: Question[] = [
  ...questions('a topic', metadata, [0, 13], named('kept')),
  ...questions('unknown topic', metadata, [4, 13], named('unknown')),
  ...questions('a bad name', metadata, [1, 13], named('bad name')),
  ...questions('an empty name', metadata, [9, 9], named('')),
  ...questions('one topic twice', metadata, [9, 9], named('kept', 'kept')),
  ...questions('several', metadata, [9, 9], named('written', 'unknown', 'kept')),
  ...questions('no topic', metadata, [1, 13], named()),
  ...questions('by id', metadata, [12, 13], ({ topicId }) => ({
    topics: [{ topicId: topicId('kept'), name: null }],
    includeTopicAuthorizedOperations: false,
  })),
  ...questions('by unknown id', metadata, [12, 13], () => ({
    topics: [{ topicId: unknownId, name: null }],
    includeTopicAuthorizedOperations: false,
  })),
  ...questions('by no id and no name', metadata, [12, 12], () => ({
    topics: [{ topicId: noId, name: null }],
    includeTopicAuthorizedOperations: false,
  })),
  ...questions('with what is allowed', metadata, [8, 10], () => ({
    topics: [{ name: 'kept' }],
    includeClusterAuthorizedOperations: true,
    includeTopicAuthorizedOperations: true,
  })),
  ...questions('the cluster', describeCluster, [0, 2], ({ version }) => ({
    includeClusterAuthorizedOperations: true,
    ...(version >= 2 ? { includeFencedBrokers: false } : {}),
  })),
  ...questions('controllers, of a broker', describeCluster, [1, 1], () => ({
    includeClusterAuthorizedOperations: false,
    endpointType: 2,
  })),
  ...questions('two topics and an unknown one', describeTopicPartitions, [0, 0], () => ({
    topics: [{ name: 'written' }, { name: 'unknown' }, { name: 'kept' }],
  })),
  ...questions('one partition at a time', describeTopicPartitions, [0, 0], () => ({
    topics: [{ name: 'written' }, { name: 'kept' }],
    responsePartitionLimit: 1,
  })),
  ...questions('from a cursor on', describeTopicPartitions, [0, 0], () => ({
    topics: [{ name: 'kept' }],
    cursor: { topicName: 'kept', partitionIndex: 1 },
  })),
  ...questions('from a negative cursor on', describeTopicPartitions, [0, 0], () => ({
    topics: [{ name: 'kept' }],
    cursor: { topicName: 'kept', partitionIndex: -1 },
  })),
]

interface Wanted {
  partitions?: number
  replication?: number
  assignments?: readonly { partitionIndex: number; brokerIds: number[] }[]
  configs?: readonly { name: string; value: string | null }[]
  validateOnly?: boolean
}

const create = (name: string, lowest: number, highest: number, wanted: Wanted = {}, what?: string) =>
  questions(what ?? `"${name.slice(0, 20)}"`, createTopics, [lowest, highest], () => ({
    topics: [
      {
        name,
        numPartitions: wanted.partitions ?? 1,
        replicationFactor: wanted.replication ?? 1,
        assignments: wanted.assignments ?? [],
        configs: wanted.configs ?? [],
      },
    ],
    timeoutMs: 5000,
    validateOnly: wanted.validateOnly ?? true,
  }))

const created: Question[] = [
  ...['', '.', '..', 'bad name', 'x'.repeat(250), 'kept', 'a_b', '__consumer_offsets', 'ä'].flatMap((name) =>
    create(name, 2, 7),
  ),
  ...create('new', 2, 7, { validateOnly: false, partitions: 2 }).map((question, i) => ({
    ...question,
    body: (context: Context) => {
      const body = question.body(context) as { topics: { name: string }[] }
      return { ...body, topics: body.topics.map((topic) => ({ ...topic, name: `new-${i}` })) }
    },
  })),
  ...create('new', 7, 7, { partitions: 0 }, 'no partitions'),
  ...create('new', 7, 7, { partitions: -2 }, '-2 partitions'),
  ...create('new', 4, 7, { partitions: -1, replication: -1 }, 'defaults'),
  ...create('new', 2, 3, { partitions: -1, replication: -1 }, 'defaults, before they were allowed'),
  ...create('new', 7, 7, { replication: 3 }, 'three replicas'),
  ...create('new', 7, 7, { replication: 0 }, 'no replicas'),
  ...create('new', 7, 7, { replication: -2 }, '-2 replicas'),
  ...create('new', 7, 7, { configs: [{ name: 'no.such.key', value: '1' }] }, 'an unknown key'),
  ...create('new', 7, 7, { configs: [{ name: 'retention.ms', value: 'often' }] }, 'a bad value'),
  ...create('new', 7, 7, { configs: [{ name: 'retention.ms', value: '-5' }] }, 'a value out of range'),
  ...create('new', 7, 7, { configs: [{ name: 'retention.ms', value: null }] }, 'a null value'),
  ...create('new', 7, 7, { configs: [{ name: 'cleanup.policy', value: 'shred' }] }, 'a bad policy'),
  ...create('new', 7, 7, { configs: [{ name: 'cleanup.policy', value: '' }] }, 'an empty policy'),
  ...create(
    'new',
    7,
    7,
    {
      configs: [
        { name: 'retention.ms', value: '1' },
        { name: 'retention.ms', value: '2' },
      ],
    },
    'a key twice',
  ),
  ...create(
    'new',
    7,
    7,
    { partitions: -1, replication: -1, assignments: [{ partitionIndex: 0, brokerIds: [1] }] },
    'assigned by hand',
  ),
  ...create('new', 7, 7, { assignments: [{ partitionIndex: 0, brokerIds: [1] }] }, 'assigned and counted'),
  ...[
    [{ partitionIndex: 1, brokerIds: [1] }],
    [{ partitionIndex: 0, brokerIds: [] }],
    [{ partitionIndex: 0, brokerIds: [1, 1] }],
    [{ partitionIndex: 0, brokerIds: [9] }],
    [
      { partitionIndex: 0, brokerIds: [1] },
      { partitionIndex: 0, brokerIds: [1] },
    ],
  ].flatMap((assignments) =>
    create(
      'new',
      7,
      7,
      { partitions: -1, replication: -1, assignments },
      `assigned as ${JSON.stringify(assignments.map((one) => [one.partitionIndex, ...one.brokerIds]))}`,
    ),
  ),
  ...questions('one topic twice', createTopics, [7, 7], () => ({
    topics: ['twice', 'twice', 'once'].map((name) => ({
      name,
      numPartitions: 1,
      replicationFactor: 1,
      assignments: [],
      configs: [],
    })),
    validateOnly: true,
  })),
  ...questions('no topic', createTopics, [7, 7], () => ({ topics: [] })),
]

const grow = (name: string, count: number, what: string, brokerIds?: number[][]) =>
  questions(what, createPartitions, [3, 3], () => ({
    topics: [{ name, count, assignments: brokerIds?.map((ids) => ({ brokerIds: ids })) ?? null }],
    timeoutMs: 5000,
    validateOnly: true,
  }))

const changed: Question[] = [
  ...questions('unknown topic', deleteTopics, [1, 5], () => ({ topicNames: ['unknown'], timeoutMs: 5000 })),
  ...questions('unknown topic', deleteTopics, [6, 6], () => ({
    topics: [{ name: 'unknown', topicId: noId }],
    timeoutMs: 5000,
  })),
  ...questions('an empty name', deleteTopics, [6, 6], () => ({
    topics: [{ name: '', topicId: noId }],
    timeoutMs: 5000,
  })),
  ...questions('unknown id', deleteTopics, [6, 6], () => ({
    topics: [{ name: null, topicId: unknownId }],
    timeoutMs: 5000,
  })),
  ...questions('neither name nor id', deleteTopics, [6, 6], () => ({
    topics: [{ name: null, topicId: noId }],
    timeoutMs: 5000,
  })),
  ...questions('name and id', deleteTopics, [6, 6], ({ topicId }) => ({
    topics: [{ name: 'kept', topicId: topicId('kept') }],
    timeoutMs: 5000,
  })),
  ...questions('one topic twice', deleteTopics, [6, 6], () => ({
    topics: [
      { name: 'unknown', topicId: noId },
      { name: 'unknown', topicId: noId },
    ],
    timeoutMs: 5000,
  })),
  ...grow('kept', 3, 'one more'),
  ...grow('kept', 2, 'as many as there are'),
  ...grow('kept', 1, 'fewer'),
  ...grow('kept', 0, 'none'),
  ...grow('unknown', 3, 'unknown topic'),
  ...grow('kept', 3, 'assigned', [[1]]),
  ...grow('kept', 4, 'too few assigned', [[1]]),
  ...grow('kept', 3, 'assigned to an unknown broker', [[9]]),
  ...grow('kept', 3, 'assigned to nobody', [[]]),
]

const describe = (resourceType: number, resourceName: string, keys: string[] | null, what: string) =>
  questions(what, describeConfigs, [1, 4], () => ({
    resources: [{ resourceType, resourceName, configurationKeys: keys }],
  }))
const alter = (
  name: string,
  configs: readonly { name: string; configOperation: number; value: string | null }[],
  what: string,
  resourceType = 2,
) =>
  questions(what, incrementalAlterConfigs, [1, 1], () => ({
    resources: [{ resourceType, resourceName: name, configs }],
    validateOnly: true,
  }))
const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3] as const

const configured: Question[] = [
  ...describe(2, 'unknown', null, 'unknown topic'),
  ...describe(2, '', null, 'a topic without a name'),
  ...describe(2, 'bad name', null, 'a bad topic name'),
  ...describe(2, 'kept', ['retention.ms', 'no.such.key', 'cleanup.policy'], 'some keys of a topic'),
  ...describe(2, 'compacted', ['cleanup.policy'], 'a key that the topic sets'),
  ...describe(2, 'kept', [], 'no keys'),
  ...describe(4, '1', ['log.retention.hours', 'no.such.key'], 'a key of the broker'),
  ...describe(4, '9', [], 'an unknown broker'),
  ...describe(4, 'one', [], 'a broker that is no number'),
  ...describe(3, 'x', [], 'an unknown type'),
  ...questions('with synonyms', describeConfigs, [1, 4], () => ({
    resources: [{ resourceType: 2, resourceName: 'compacted', configurationKeys: ['cleanup.policy'] }],
    includeSynonyms: true,
  })),
  ...alter('kept', [{ name: 'retention.ms', configOperation: SET, value: '5000' }], 'set'),
  ...alter('kept', [{ name: 'no.such.key', configOperation: SET, value: '5000' }], 'set an unknown key'),
  ...alter('kept', [{ name: 'retention.ms', configOperation: SET, value: 'often' }], 'set a bad value'),
  ...alter('kept', [{ name: 'retention.ms', configOperation: SET, value: null }], 'set null'),
  ...alter(
    'kept',
    [{ name: 'retention.ms', configOperation: DELETE, value: null }],
    'delete what is not set',
  ),
  ...alter('kept', [{ name: 'no.such.key', configOperation: DELETE, value: null }], 'delete an unknown key'),
  ...alter('kept', [{ name: 'retention.ms', configOperation: APPEND, value: '5' }], 'append to a number'),
  ...alter('kept', [{ name: 'cleanup.policy', configOperation: APPEND, value: 'compact' }], 'append'),
  ...alter('kept', [{ name: 'cleanup.policy', configOperation: SUBTRACT, value: 'delete' }], 'subtract'),
  ...alter('kept', [{ name: 'retention.ms', configOperation: 9, value: '5' }], 'an unknown operation'),
  ...alter(
    'kept',
    [
      { name: 'retention.ms', configOperation: SET, value: '5' },
      { name: 'retention.ms', configOperation: SET, value: '6' },
    ],
    'one key twice',
  ),
  ...alter('kept', [], 'nothing'),
  ...alter('unknown', [{ name: 'retention.ms', configOperation: SET, value: '5' }], 'unknown topic'),
  ...alter('', [{ name: 'retention.ms', configOperation: SET, value: '5' }], 'no topic'),
  ...alter('9', [{ name: 'message.max.bytes', configOperation: SET, value: '5' }], 'unknown broker', 4),
  ...alter('1', [{ name: 'no.such.key', configOperation: SET, value: '5' }], 'unknown key of a broker', 4),
  ...alter('1', [{ name: 'node.id', configOperation: SET, value: '5' }], 'a fixed key of a broker', 4),
  ...alter('x', [{ name: 'a', configOperation: SET, value: '5' }], 'an unknown type', 3),
  ...questions('set', alterConfigs, [0, 2], () => ({
    resources: [
      { resourceType: 2, resourceName: 'kept', configs: [{ name: 'retention.ms', value: '5000' }] },
    ],
    validateOnly: true,
  })),
  ...questions('unknown topic', alterConfigs, [0, 2], () => ({
    resources: [
      { resourceType: 2, resourceName: 'unknown', configs: [{ name: 'retention.ms', value: '5' }] },
    ],
    validateOnly: true,
  })),
]

export const topicQuestions: readonly Question[] = [
  ...versions,
  ...told,
  ...created,
  ...changed,
  ...configured,
]
