// Broker keys that logmill reads, part one: the node, its listeners and sockets, topics, fetching and
// replication. Names and defaults are Kafka 4.3's; where a default differs the reason stands beside it.

import { atLeast, boolean, int, list, long, oneOf, short, string } from './config-def.ts'

export const nodeKeys = {
  nodeId: int('node.id', 1, 'Identifies this node. Kafka demands it; a single node may leave it at 1.', {
    validator: atLeast(0),
    importance: 'HIGH',
  }),
  brokerId: int('broker.id', -1, 'The older name of node.id, which wins where both are set.', {
    importance: 'HIGH',
  }),
  processRoles: list(
    'process.roles',
    'broker,controller',
    'What this process is. A logmill node is broker and controller in one.',
    { importance: 'HIGH' },
  ),
  brokerRack: string('broker.rack', null, 'Where the broker stands; clients are told, nothing else uses it.'),
  controllerListenerNames: list(
    'controller.listener.names',
    'CONTROLLER',
    'Names of listeners that belong to the controller quorum: they are not opened while the quorum is one node.',
    { importance: 'HIGH' },
  ),
}

export const socketKeys = {
  listeners: list(
    'listeners',
    // Kafka listens on every interface; without authentication that is nothing to do by default.
    'PLAINTEXT://127.0.0.1:9092',
    'Where the broker listens: NAME://host:port, comma-separated. Port 0 takes a free one.',
    { importance: 'HIGH', update: 'per-broker' },
  ),
  advertisedListeners: list(
    'advertised.listeners',
    null,
    'The addresses that clients are told. Left out, a client is told the address that it reached.',
    { importance: 'HIGH' },
  ),
  listenerSecurityProtocolMap: string(
    'listener.security.protocol.map',
    'SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT',
    'Which security protocol a listener name stands for. Only PLAINTEXT is served.',
    { importance: 'LOW', update: 'per-broker' },
  ),
  interBrokerListenerName: string(
    'inter.broker.listener.name',
    null,
    'The listener that other brokers use. Checked against the listeners; there are no other brokers yet.',
  ),
  socketRequestMaxBytes: int(
    'socket.request.max.bytes',
    104857600,
    'The largest request, in bytes. A connection that announces more is closed before anything is allocated.',
    { validator: atLeast(1), importance: 'HIGH' },
  ),
  socketListenBacklogSize: int(
    'socket.listen.backlog.size',
    50,
    'How many connections may wait to be accepted.',
    { validator: atLeast(1) },
  ),
  queuedMaxRequests: int(
    'queued.max.requests',
    500,
    'How many requests of one connection may be unanswered before its socket is paused.',
    { validator: atLeast(1), importance: 'HIGH' },
  ),
  queuedMaxRequestBytes: long(
    'queued.max.request.bytes',
    -1,
    'How many bytes of unanswered requests the broker holds before sockets are paused; -1 leaves the bound to logmill.request.memory.bytes.',
  ),
  maxConnections: int('max.connections', 2147483647, 'How many connections the broker accepts in all.', {
    validator: atLeast(0),
    update: 'cluster-wide',
  }),
  maxConnectionCreationRate: int(
    'max.connection.creation.rate',
    2147483647,
    'How many new connections a second the broker takes; those beyond it wait.',
    { validator: atLeast(0), update: 'cluster-wide' },
  ),
  maxConnectionsPerIp: int(
    'max.connections.per.ip',
    2147483647,
    'How many connections the broker accepts from one address.',
    { validator: atLeast(0), update: 'cluster-wide' },
  ),
  maxConnectionsPerIpOverrides: string(
    'max.connections.per.ip.overrides',
    '',
    'Other numbers for single addresses: address:count, comma-separated.',
    { update: 'cluster-wide' },
  ),
  connectionsMaxIdleMs: long(
    'connections.max.idle.ms',
    600000,
    'A connection without a request for this long is closed.',
  ),
}

export const quotaKeys = {
  quotaWindowNum: int('quota.window.num', 11, 'How many windows the rate of a client is measured over.', {
    validator: atLeast(1),
    importance: 'LOW',
  }),
  quotaWindowSizeSeconds: int('quota.window.size.seconds', 1, 'How long one of these windows is.', {
    validator: atLeast(1),
    importance: 'LOW',
  }),
  controllerQuotaWindowNum: int(
    'controller.quota.window.num',
    11,
    'How many windows of its controller_mutation_rate a client may use at once.',
    { validator: atLeast(1), importance: 'LOW' },
  ),
  controllerQuotaWindowSizeSeconds: int(
    'controller.quota.window.size.seconds',
    1,
    'How long one of these windows is.',
    { validator: atLeast(1), importance: 'LOW' },
  ),
}

export const topicCreationKeys = {
  autoCreateTopicsEnable: boolean(
    'auto.create.topics.enable',
    true,
    'Create a topic that a client asks for by name. The reply leaves when its partitions can be written.',
    { importance: 'HIGH' },
  ),
  deleteTopicEnable: boolean('delete.topic.enable', true, 'Whether topics may be deleted at all.', {
    importance: 'HIGH',
  }),
  numPartitions: int('num.partitions', 1, 'Partitions of a topic that is created without a count.', {
    validator: atLeast(1),
  }),
  defaultReplicationFactor: int(
    'default.replication.factor',
    1,
    'Replicas of a topic that is created without a number of them.',
  ),
  minInsyncReplicas: int(
    'min.insync.replicas',
    1,
    'How many replicas must have a batch before acks=all is answered.',
    { validator: atLeast(1), importance: 'HIGH', update: 'cluster-wide' },
  ),
  uncleanLeaderElectionEnable: boolean(
    'unclean.leader.election.enable',
    false,
    'Whether a replica that is not in sync may lead, losing what it lacks.',
    { importance: 'HIGH', update: 'cluster-wide' },
  ),
}

export const fetchKeys = {
  fetchMaxBytes: int('fetch.max.bytes', 57671680, 'The most bytes of one fetch reply.', {
    validator: atLeast(1024),
  }),
  maxIncrementalFetchSessionCacheSlots: int(
    'max.incremental.fetch.session.cache.slots',
    1000,
    'How many incremental fetch sessions are kept; the rest of the clients fetch without one.',
    { validator: atLeast(0) },
  ),
  maxRequestPartitionSizeLimit: int(
    'max.request.partition.size.limit',
    2000,
    'The most partitions of one DescribeTopicPartitions reply; a cursor leads to the rest.',
    { validator: atLeast(1) },
  ),
}

/** Kafka's replication keys that already mean something with one replica. */
export const requestKeys = {
  requestTimeoutMs: int(
    'request.timeout.ms',
    30000,
    'How long the broker waits for its own requests, such as creating an internal topic.',
    { importance: 'HIGH' },
  ),
  metadataLogMaxRecordBytesBetweenSnapshots: long(
    'metadata.log.max.record.bytes.between.snapshots',
    20971520,
    'How much metadata log there may be before a snapshot is due.',
    { validator: atLeast(1), importance: 'HIGH' },
  ),
  metadataLogMaxSnapshotIntervalMs: long(
    'metadata.log.max.snapshot.interval.ms',
    3600000,
    'How long after a snapshot another is due, if the metadata has changed; 0 leaves it to the size of the log.',
    { validator: atLeast(0), importance: 'HIGH' },
  ),
}

export const offsetsTopicKeys = {
  offsetsTopicNumPartitions: int('offsets.topic.num.partitions', 50, 'Partitions of __consumer_offsets.', {
    validator: atLeast(1),
    importance: 'HIGH',
  }),
  offsetsTopicReplicationFactor: short(
    'offsets.topic.replication.factor',
    3,
    'Replicas of __consumer_offsets; no more than there are brokers when the topic is made.',
    { validator: atLeast(1), importance: 'HIGH' },
  ),
  offsetsTopicSegmentBytes: int(
    'offsets.topic.segment.bytes',
    104857600,
    'Segment size of __consumer_offsets.',
    { validator: atLeast(1), importance: 'HIGH' },
  ),
}

/** Durability of one topic or of all: what an acknowledgement waits for. */
export const DURABILITIES = ['fsync', 'interval', 'os', 'memory'] as const

export const logmillKeys = {
  durability: oneOf(
    'logmill.durability',
    DURABILITIES,
    'fsync',
    'What an acknowledgement waits for: fsync (on the device), interval (synced every flush.ms or flush.messages), os (whenever the system writes back), memory (nothing survives the process).',
    { importance: 'HIGH' },
  ),
  flushIntervalMs: long(
    'logmill.flush.interval.ms',
    1000,
    'With durability interval: how often a topic is synced that has no flush.ms of its own.',
    { validator: atLeast(1) },
  ),
  requestMemoryBytes: long(
    'logmill.request.memory.bytes',
    268435456,
    'How many bytes of requests may be in flight over all connections before sockets are paused.',
    { validator: atLeast(1048576), importance: 'HIGH' },
  ),
  connectionMemoryBytes: long(
    'logmill.connection.memory.bytes',
    134217728,
    'How many bytes of requests may be in flight on one connection before its socket is paused.',
    { validator: atLeast(1048576) },
  ),
  partitionsPerRequestMax: int(
    'logmill.partitions.per.request.max',
    10000,
    'The most partitions that one CreateTopics or CreatePartitions request may make (fixed in Kafka).',
    { validator: atLeast(1) },
  ),
}
