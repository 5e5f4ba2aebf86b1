// What is asked about configuration: every key of every type of resource, what may be changed and to what, and what is
// told afterwards of a value and of where it comes from.

import { alterConfigs } from '../../../broker/protocol/apis/alter-configs.ts'
import { describeConfigs } from '../../../broker/protocol/apis/describe-configs.ts'
import { incrementalAlterConfigs } from '../../../broker/protocol/apis/incremental-alter-configs.ts'
import { listConfigResources } from '../../../broker/protocol/apis/list-config-resources.ts'
import { type Question, questions } from './question.ts'

const [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP] = [2, 4, 8, 16, 32] as const
const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3] as const
const typeNames: Record<number, string> = {
  [TOPIC]: 'topic',
  [BROKER]: 'broker',
  [BROKER_LOGGER]: 'logger of broker',
  [CLIENT_METRICS]: 'client metrics',
  [GROUP]: 'group',
}

const describe = (resourceType: number, resourceName: string, keys: string[] | null = null, when = '') =>
  questions(
    `${typeNames[resourceType]} "${resourceName}"${keys === null ? '' : `, ${keys.join(', ')}`}${when}`,
    describeConfigs,
    [4, 4],
    () => ({
      resources: [{ resourceType, resourceName, configurationKeys: keys }],
      includeSynonyms: true,
    }),
  )

type Change = [name: string, value: string | null, operation?: number]

const alter = (
  resourceType: number,
  resourceName: string,
  changes: Change[],
  { validateOnly = true, versions = [1, 1] as [number, number], what = '' } = {},
) => {
  const words = changes.map(
    ([name, value, operation = SET]) =>
      `${['set', 'delete', 'append', 'subtract'][operation]} ${name}=${value}`,
  )
  const title = `${typeNames[resourceType]} "${resourceName}"${what}: ${validateOnly ? '' : 'really '}${words.join(', ')}`
  return questions(title, incrementalAlterConfigs, versions, () => ({
    resources: [
      {
        resourceType,
        resourceName,
        configs: changes.map(([name, value, operation = SET]) => ({
          name,
          value,
          configOperation: operation,
        })),
      },
    ],
    validateOnly,
  }))
}
const really = { validateOnly: false }

const replace = (
  resourceType: number,
  resourceName: string,
  configs: [string, string | null][],
  sure = false,
) =>
  questions(
    `${typeNames[resourceType]} "${resourceName}": ${sure ? 'really ' : ''}${configs.map((one) => one.join('=')).join(', ')}`,
    alterConfigs,
    [2, 2],
    () => ({
      resources: [{ resourceType, resourceName, configs: configs.map(([name, value]) => ({ name, value })) }],
      validateOnly: !sure,
    }),
  )

const untouched: Question[] = [
  ...describe(TOPIC, 'kept'),
  ...describe(TOPIC, 'compacted', ['cleanup.policy', 'retention.ms', 'segment.ms', 'flush.ms']),
  ...describe(BROKER, '1'),
  ...describe(BROKER, ''),
  ...describe(BROKER, '9'),
  ...describe(BROKER, 'one'),
  ...describe(GROUP, 'workers'),
  ...describe(GROUP, ''),
  ...describe(CLIENT_METRICS, 'everything'),
  ...describe(CLIENT_METRICS, ''),
  ...describe(BROKER_LOGGER, ''),
  ...describe(BROKER_LOGGER, '9'),
  ...describe(BROKER_LOGGER, 'one'),
  ...describe(BROKER_LOGGER, '1', ['root']),
]

const groups: Question[] = [
  ...alter(GROUP, 'workers', [['consumer.session.timeout.ms', '50000']]),
  ...alter(GROUP, 'workers', [['consumer.session.timeout.ms', '1']]),
  ...alter(GROUP, 'workers', [['consumer.session.timeout.ms', '61000']]),
  ...alter(GROUP, 'workers', [['consumer.session.timeout.ms', 'long']]),
  ...alter(GROUP, 'workers', [['consumer.session.timeout.ms', '0']]),
  ...alter(GROUP, 'workers', [['consumer.heartbeat.interval.ms', '1']]),
  ...alter(GROUP, 'workers', [['consumer.heartbeat.interval.ms', '16000']]),
  ...alter(GROUP, 'workers', [['consumer.assignment.interval.ms', '16000']]),
  ...alter(GROUP, 'workers', [['share.session.timeout.ms', '44999']]),
  ...alter(GROUP, 'workers', [['share.heartbeat.interval.ms', '15001']]),
  ...alter(GROUP, 'workers', [['share.record.lock.duration.ms', '999']]),
  ...alter(GROUP, 'workers', [['share.record.lock.duration.ms', '14999']]),
  ...alter(GROUP, 'workers', [['share.record.lock.duration.ms', '60001']]),
  ...alter(GROUP, 'workers', [['share.delivery.count.limit', '1']]),
  ...alter(GROUP, 'workers', [['share.delivery.count.limit', '11']]),
  ...alter(GROUP, 'workers', [['share.partition.max.record.locks', '99']]),
  ...alter(GROUP, 'workers', [['share.partition.max.record.locks', '4001']]),
  ...[
    'earliest',
    'latest',
    'by_duration:PT1H',
    'by_duration:-PT1H',
    'by_duration:soon',
    'by_duration',
    'none',
  ].flatMap((value) => alter(GROUP, 'workers', [['share.auto.offset.reset', value]])),
  ...['read_committed', 'READ_COMMITTED', 'all'].flatMap((value) =>
    alter(GROUP, 'workers', [['share.isolation.level', value]]),
  ),
  ...alter(GROUP, 'workers', [['share.renew.acknowledge.enable', 'maybe']]),
  ...alter(GROUP, 'workers', [['share.assignment.interval.ms', '15001']]),
  ...alter(GROUP, 'workers', [['streams.num.standby.replicas', '3']]),
  ...alter(GROUP, 'workers', [['streams.num.standby.replicas', '-1']]),
  ...alter(GROUP, 'workers', [['streams.initial.rebalance.delay.ms', '0']]),
  ...alter(GROUP, 'workers', [['streams.session.timeout.ms', '60001']]),
  ...alter(GROUP, 'workers', [['streams.heartbeat.interval.ms', '4999']]),
  ...alter(GROUP, 'workers', [['streams.assignment.interval.ms', '15001']]),
  ...alter(GROUP, 'workers', [['no.such.key', '1']]),
  ...alter(GROUP, 'workers', [['no.such.key', null, DELETE]]),
  ...alter(GROUP, 'workers', [['consumer.session.timeout.ms', '5', APPEND]]),
  ...alter(GROUP, 'workers', [['consumer.session.timeout.ms', null]]),
  ...alter(GROUP, '', [['consumer.session.timeout.ms', '50000']]),
  ...alter(
    GROUP,
    'workers',
    [
      ['consumer.session.timeout.ms', '50000'],
      ['share.isolation.level', 'read_committed'],
      ['streams.num.standby.replicas', '1'],
    ],
    really,
  ),
  ...describe(GROUP, 'workers', null, ', changed'),
  ...describe(GROUP, 'workers', ['share.isolation.level', 'no.such.key'], ', changed'),
  ...replace(GROUP, 'workers', [['share.delivery.count.limit', '7']], true),
  ...describe(GROUP, 'workers', ['share.isolation.level', 'share.delivery.count.limit'], ', replaced'),
  ...questions('groups with settings', listConfigResources, [1, 1], () => ({ resourceTypes: [GROUP] })),
  ...alter(GROUP, 'workers', [['share.delivery.count.limit', null, DELETE]], really),
  ...questions('groups without settings', listConfigResources, [1, 1], () => ({ resourceTypes: [GROUP] })),
]

const metrics: Question[] = [
  ...alter(CLIENT_METRICS, 'everything', [['interval.ms', '100']]),
  ...alter(CLIENT_METRICS, 'everything', [['interval.ms', '99']]),
  ...alter(CLIENT_METRICS, 'everything', [['interval.ms', '3600001']]),
  ...alter(CLIENT_METRICS, 'everything', [['interval.ms', 'often']]),
  ...alter(CLIENT_METRICS, 'everything', [['match', 'client_id=a.*,client_software_name=b']]),
  ...alter(CLIENT_METRICS, 'everything', [['match', 'client_id']]),
  ...alter(CLIENT_METRICS, 'everything', [['match', 'no_such=a']]),
  ...alter(CLIENT_METRICS, 'everything', [['match', 'client_id=(']]),
  ...alter(CLIENT_METRICS, 'everything', [['metrics', 'a,a']]),
  ...alter(CLIENT_METRICS, 'everything', [['metrics', '']]),
  ...alter(CLIENT_METRICS, 'everything', [['metrics', 'org.apache.kafka.producer.', APPEND]]),
  ...alter(CLIENT_METRICS, 'everything', [['interval.ms', '5', APPEND]]),
  ...alter(CLIENT_METRICS, 'everything', [['no.such.key', '1']]),
  ...alter(CLIENT_METRICS, '', [['interval.ms', '100']]),
  ...alter(
    CLIENT_METRICS,
    'everything',
    [
      ['metrics', '*'],
      ['interval.ms', '60000'],
    ],
    really,
  ),
  ...describe(CLIENT_METRICS, 'everything', null, ', changed'),
  ...questions('client metrics with settings', listConfigResources, [0, 1], ({ version }) =>
    version === 0 ? {} : { resourceTypes: [CLIENT_METRICS] },
  ),
  ...alter(
    CLIENT_METRICS,
    'everything',
    [
      ['metrics', null, DELETE],
      ['interval.ms', null, DELETE],
    ],
    really,
  ),
]

const loggers: Question[] = [
  ...alter(BROKER_LOGGER, '1', [['root', 'INFO']], really),
  ...alter(BROKER_LOGGER, '1', [['root', 'LOUD']]),
  ...alter(BROKER_LOGGER, '1', [['root', 'info']]),
  ...alter(BROKER_LOGGER, '1', [['no.such.logger', 'INFO']]),
  ...alter(BROKER_LOGGER, '1', [['root', null, DELETE]]),
  ...alter(BROKER_LOGGER, '1', [['root', 'INFO', APPEND]]),
  ...alter(BROKER_LOGGER, '1', [['root', 'INFO', SUBTRACT]]),
  ...alter(BROKER_LOGGER, '1', [['root', null]]),
  ...alter(BROKER_LOGGER, '9', [['root', 'INFO']]),
  ...alter(BROKER_LOGGER, 'one', [['root', 'INFO']]),
  ...alter(BROKER_LOGGER, '', [['root', 'INFO']]),
  ...replace(BROKER_LOGGER, '1', [['root', 'INFO']]),
]

const brokers: Question[] = [
  ...[
    ['log.retention.ms', '5000'],
    ['log.retention.ms', 'long'],
    ['log.retention.ms', '-2'],
    ['log.retention.hours', '5'],
    ['log.roll.ms', '0'],
    ['log.segment.bytes', '5'],
    ['log.cleanup.policy', 'compact,delete'],
    ['log.cleanup.policy', 'shred'],
    ['log.message.timestamp.type', 'Whenever'],
    ['log.cleaner.threads', '2'],
    ['log.cleaner.threads', '7'],
    ['log.cleaner.threads', '0'],
    ['num.io.threads', '16'],
    ['num.io.threads', '17'],
    ['num.io.threads', '3'],
    ['num.io.threads', '0'],
    ['num.network.threads', '6'],
    ['num.network.threads', '7'],
    ['num.replica.fetchers', '2'],
    ['num.replica.fetchers', '3'],
    ['num.recovery.threads.per.data.dir', '5'],
    ['background.threads', '20'],
    ['background.threads', '21'],
    ['message.max.bytes', '-1'],
    ['message.max.bytes', '2000000'],
    ['compression.type', 'best'],
    ['compression.gzip.level', '0'],
    ['max.connections', '100'],
    ['max.connections', '-1'],
    ['max.connections.per.ip', '0'],
    ['max.connections.per.ip.overrides', '127.0.0.1:5'],
    ['max.connections.per.ip.overrides', 'nowhere'],
    ['max.connection.creation.rate', '10'],
    ['unclean.leader.election.enable', 'true'],
    ['min.insync.replicas', '2'],
    ['min.insync.replicas', '0'],
    ['producer.id.expiration.ms', '0'],
    ['transaction.partition.verification.enable', 'no'],
    ['group.consumer.assignment.interval.ms', '2000'],
    ['group.consumer.assignment.interval.ms', '20000'],
    ['group.coordinator.cached.buffer.max.bytes', '1000000'],
    ['metric.reporters', ''],
    ['listeners', 'PLAINTEXT://127.0.0.1:0'],
    ['listener.security.protocol.map', 'PLAINTEXT:PLAINTEXT'],
    ['ssl.keystore.location', '/k'],
    ['ssl.keystore.password', 'secret'],
    ['cordoned.log.dirs', '/no/such/directory'],
    ['listener.name.plaintext.ssl.keystore.location', '/k'],
    ['leader.replication.throttled.rate', '1000'],
    ['follower.replication.throttled.rate', '-1'],
    ['replica.alter.log.dirs.io.max.bytes.per.second', '1000'],
    ['no.such.key', '5'],
    ['node.id', '7'],
    ['auto.create.topics.enable', 'false'],
    ['offsets.retention.minutes', '5'],
  ].flatMap(([name = '', value = '']) => [
    ...alter(BROKER, '1', [[name, value]]),
    ...alter(BROKER, '', [[name, value]]),
  ]),
  ...alter(BROKER, '', [['log.cleanup.policy', 'compact', APPEND]]),
  ...alter(BROKER, '', [['log.cleanup.policy', 'delete', SUBTRACT]]),
  ...alter(BROKER, '', [['log.retention.ms', '5', APPEND]]),
  ...alter(BROKER, '', [['no.such.key', '5', APPEND]]),
  ...alter(BROKER, '', [['log.retention.ms', null, DELETE]]),
  ...alter(BROKER, '', [['no.such.key', null, DELETE]]),
  ...alter(BROKER, '', [['node.id', null, DELETE]]),
  ...alter(BROKER, '', [['min.insync.replicas', null, DELETE]]),
  ...alter(BROKER, '', [['log.retention.ms', null]]),
  ...alter(BROKER, '-1', [['log.retention.ms', '5000']]),
  ...alter(BROKER, '01', [['log.retention.ms', '5000']]),
  ...alter(BROKER, 'one', [['log.retention.ms', '5000']]),
  ...replace(BROKER, '', [['log.retention.ms', '5000']]),
  ...replace(BROKER, '1', [['log.retention.ms', 'long']]),
  ...replace(BROKER, '1', [['log.retention.ms', null]]),
  ...alter(BROKER, '', [['log.retention.ms', '6000']], really),
  ...alter(BROKER, '1', [['log.retention.ms', '7000']], really),
  ...alter(BROKER, '1', [['my.own.key', 'mine']], really),
  ...alter(BROKER, '', [['my.own.default', 'ours']], really),
  ...alter(BROKER, '1', [['message.max.bytes', '2000000']], really),
]

const topics: Question[] = [
  ...[
    ['retention.ms', '-2'],
    ['segment.bytes', '1000'],
    ['segment.bytes', '1048576'],
    ['segment.ms', '0'],
    ['cleanup.policy', 'compact,compact'],
    ['cleanup.policy', ' compact , delete '],
    ['cleanup.policy', ''],
    ['compression.type', 'zstd'],
    ['compression.type', 'none'],
    ['compression.zstd.level', '23'],
    ['compression.lz4.level', '0'],
    ['compression.gzip.level', '10'],
    ['min.insync.replicas', '0'],
    ['min.compaction.lag.ms', '10'],
    ['max.compaction.lag.ms', '0'],
    ['min.cleanable.dirty.ratio', '1.5'],
    ['min.cleanable.dirty.ratio', '0.25'],
    ['message.timestamp.type', 'LogAppendTime'],
    ['message.timestamp.type', 'logappendtime'],
    ['message.timestamp.after.max.ms', '-1'],
    ['max.message.bytes', '-1'],
    ['flush.messages', '0'],
    ['preallocate', 'TRUE'],
    ['unclean.leader.election.enable', 'yes'],
    ['leader.replication.throttled.replicas', '*'],
    ['leader.replication.throttled.replicas', '0:1,1:1'],
    ['leader.replication.throttled.replicas', '0'],
    ['follower.replication.throttled.replicas', 'none'],
    ['remote.storage.enable', 'true'],
    ['remote.storage.enable', 'false'],
    ['local.retention.ms', '-3'],
    ['local.retention.bytes', '5'],
    ['remote.log.copy.disable', 'true'],
    ['message.format.version', '3.0'],
    ['index.interval.bytes', '-1'],
    ['segment.index.bytes', '3'],
    ['file.delete.delay.ms', '-1'],
    ['delete.retention.ms', '-1'],
    ['segment.jitter.ms', '-1'],
  ].flatMap(([name = '', value = '']) => alter(TOPIC, 'kept', [[name, value]])),
  ...alter(TOPIC, 'kept', [
    ['min.compaction.lag.ms', '100'],
    ['max.compaction.lag.ms', '10'],
  ]),
  ...alter(TOPIC, 'kept', [
    ['retention.ms', '100'],
    ['no.such.key', '10'],
  ]),
  ...alter(TOPIC, 'kept', [['retention.ms', '9'.repeat(30)]]),
  ...alter(TOPIC, 'kept', [['leader.replication.throttled.replicas', '0:1', APPEND]]),
  ...alter(TOPIC, 'kept', [['leader.replication.throttled.replicas', '0:1', SUBTRACT]]),
  ...alter(TOPIC, 'bad name', [['retention.ms', '5']]),
  ...questions('two resources, one of them bad', incrementalAlterConfigs, [0, 1], () => ({
    resources: [
      {
        resourceType: TOPIC,
        resourceName: 'kept',
        configs: [{ name: 'retention.ms', configOperation: SET, value: '5' }],
      },
      {
        resourceType: TOPIC,
        resourceName: 'unknown',
        configs: [{ name: 'retention.ms', configOperation: SET, value: '5' }],
      },
    ],
    validateOnly: true,
  })),
  ...questions('one resource twice', incrementalAlterConfigs, [0, 1], () => ({
    resources: ['1', '2'].map((value) => ({
      resourceType: TOPIC,
      resourceName: 'kept',
      configs: [{ name: 'retention.ms', configOperation: SET, value }],
    })),
    validateOnly: true,
  })),
  ...questions('one resource twice', alterConfigs, [0, 2], () => ({
    resources: ['1', '2'].map((value) => ({
      resourceType: TOPIC,
      resourceName: 'kept',
      configs: [{ name: 'retention.ms', value }],
    })),
    validateOnly: true,
  })),
  ...questions('nothing', incrementalAlterConfigs, [1, 1], () => ({ resources: [], validateOnly: false })),
  ...questions('nothing', alterConfigs, [2, 2], () => ({ resources: [], validateOnly: false })),
  ...questions('an unknown type', alterConfigs, [2, 2], () => ({
    resources: [{ resourceType: 3, resourceName: 'x', configs: [] }],
    validateOnly: true,
  })),
  ...alter(TOPIC, 'written', [['retention.ms', '1000']], really),
  ...replace(TOPIC, 'written', [['segment.ms', '2000']], true),
  ...describe(TOPIC, 'written', ['retention.ms', 'segment.ms'], ', replaced'),
]

/** Asked a while after the change, for Kafka's broker hears of it from its controller. */
const changed: Question[] = [
  ...describe(
    BROKER,
    '1',
    ['log.retention.ms', 'log.retention.hours', 'message.max.bytes', 'my.own.key'],
    ', changed',
  ),
  ...describe(BROKER, '', null, ', changed'),
  ...describe(TOPIC, 'kept', ['retention.ms', 'max.message.bytes'], ', its broker changed'),
  ...alter(BROKER, '1', [['log.retention.ms', null, DELETE]], really),
  ...alter(BROKER, '', [['log.retention.ms', null, DELETE]], really),
  ...alter(BROKER, '1', [['message.max.bytes', null, DELETE]], really),
]

export const configQuestions: readonly Question[] = [
  ...untouched,
  ...groups,
  ...metrics,
  ...loggers,
  ...brokers,
  ...topics,
  ...changed,
]
