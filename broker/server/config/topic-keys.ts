// The keys of a topic, each with the broker key that is its default. Order of synonyms and names: Kafka's
// ServerTopicConfigSynonyms. `segment.ms` is in ms while `log.roll.hours` is not: broker-config.ts converts.

import {
  atLeast,
  between,
  boolean,
  type ConfigKey,
  double,
  everyOneOf,
  int,
  list,
  long,
  oneOf,
  type Validator,
} from './config-def.ts'
import { CLEANUP_POLICIES, COMPRESSION_TYPES, LONGEST, logKeys, TIMESTAMP_TYPES } from './log-keys.ts'
import { DURABILITIES } from './server-keys.ts'

const REPLICA_PAIR = /^\d+:\d+$/

const throttledReplicas =
  (name: string): Validator =>
  (value) => {
    const items = value as readonly string[]
    if (items.length === 0 || (items.length === 1 && items[0] === '*')) return undefined
    if (items.every((item) => REPLICA_PAIR.test(item))) return undefined
    return `${name} must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...`
  }

const unread = { served: false } as const

export const topicKeys = {
  cleanupPolicy: list('cleanup.policy', 'delete', logKeys.logCleanupPolicy.doc, {
    validator: everyOneOf(CLEANUP_POLICIES),
  }),
  compressionType: oneOf('compression.type', COMPRESSION_TYPES, 'producer', logKeys.compressionType.doc),
  compressionGzipLevel: int('compression.gzip.level', -1, logKeys.compressionGzipLevel.doc, {
    validator: logKeys.compressionGzipLevel.validator as Validator,
  }),
  compressionLz4Level: int('compression.lz4.level', 9, logKeys.compressionLz4Level.doc, {
    validator: between(1, 17),
    ...unread,
  }),
  compressionZstdLevel: int('compression.zstd.level', 3, logKeys.compressionZstdLevel.doc, {
    validator: between(-131072, 22),
  }),
  deleteRetentionMs: long('delete.retention.ms', 86400000, logKeys.logCleanerDeleteRetentionMs.doc, {
    validator: atLeast(0),
  }),
  fileDeleteDelayMs: long('file.delete.delay.ms', 60000, logKeys.logSegmentDeleteDelayMs.doc, {
    validator: atLeast(0),
  }),
  flushMessages: long('flush.messages', LONGEST, logKeys.logFlushIntervalMessages.doc, {
    validator: atLeast(1),
  }),
  flushMs: long('flush.ms', LONGEST, 'With durability interval: sync at least this often.', {
    validator: atLeast(0),
  }),
  indexIntervalBytes: int('index.interval.bytes', 4096, logKeys.logIndexIntervalBytes.doc, {
    validator: atLeast(0),
  }),
  maxMessageBytes: int('max.message.bytes', 1048588, logKeys.messageMaxBytes.doc, { validator: atLeast(0) }),
  messageTimestampType: oneOf(
    'message.timestamp.type',
    TIMESTAMP_TYPES,
    'CreateTime',
    logKeys.logMessageTimestampType.doc,
  ),
  messageTimestampBeforeMaxMs: long(
    'message.timestamp.before.max.ms',
    LONGEST,
    logKeys.logMessageTimestampBeforeMaxMs.doc,
    { validator: atLeast(0) },
  ),
  messageTimestampAfterMaxMs: long(
    'message.timestamp.after.max.ms',
    3600000,
    logKeys.logMessageTimestampAfterMaxMs.doc,
    { validator: atLeast(0) },
  ),
  minCleanableDirtyRatio: double('min.cleanable.dirty.ratio', 0.5, logKeys.logCleanerMinCleanableRatio.doc, {
    validator: between(0, 1),
  }),
  minCompactionLagMs: long('min.compaction.lag.ms', 0, logKeys.logCleanerMinCompactionLagMs.doc, {
    validator: atLeast(0),
  }),
  maxCompactionLagMs: long('max.compaction.lag.ms', LONGEST, logKeys.logCleanerMaxCompactionLagMs.doc, {
    validator: atLeast(1),
  }),
  minInsyncReplicas: int(
    'min.insync.replicas',
    1,
    'How many replicas must have a batch before acks=all is answered.',
    { validator: atLeast(1) },
  ),
  preallocate: boolean('preallocate', false, logKeys.logPreallocate.doc, unread),
  retentionBytes: long('retention.bytes', -1, logKeys.logRetentionBytes.doc),
  retentionMs: long('retention.ms', 604800000, 'How long records are kept; -1 for ever.', {
    validator: atLeast(-1),
  }),
  segmentBytes: int('segment.bytes', 1073741824, logKeys.logSegmentBytes.doc, {
    validator: atLeast(1048576),
  }),
  segmentIndexBytes: int('segment.index.bytes', 10485760, logKeys.logIndexSizeMaxBytes.doc, {
    validator: atLeast(4),
  }),
  segmentJitterMs: long('segment.jitter.ms', 0, logKeys.logRollJitterMs.doc, { validator: atLeast(0) }),
  segmentMs: long('segment.ms', 604800000, 'A segment older than this is rolled.', { validator: atLeast(1) }),
  uncleanLeaderElectionEnable: boolean(
    'unclean.leader.election.enable',
    false,
    'Whether a replica that is not in sync may lead, losing what it lacks.',
  ),
  leaderReplicationThrottledReplicas: list(
    'leader.replication.throttled.replicas',
    '',
    'Replicas whose leader side is throttled. Kept and described; replication has no throttle.',
    { validator: throttledReplicas('leader.replication.throttled.replicas'), ...unread },
  ),
  followerReplicationThrottledReplicas: list(
    'follower.replication.throttled.replicas',
    '',
    'Replicas whose follower side is throttled. Kept and described; replication has no throttle.',
    { validator: throttledReplicas('follower.replication.throttled.replicas'), ...unread },
  ),
  remoteStorageEnable: boolean(
    'remote.storage.enable',
    false,
    'Tiered storage, which there is none of.',
    unread,
  ),
  localRetentionMs: long('local.retention.ms', -2, 'Only read with tiered storage, which there is none of.', {
    validator: atLeast(-2),
    ...unread,
  }),
  localRetentionBytes: long(
    'local.retention.bytes',
    -2,
    'Only read with tiered storage, which there is none of.',
    {
      validator: atLeast(-2),
      ...unread,
    },
  ),
  remoteLogCopyDisable: boolean(
    'remote.log.copy.disable',
    false,
    'Only read with tiered storage, which there is none of.',
    unread,
  ),
  remoteLogDeleteOnDisable: boolean(
    'remote.log.delete.on.disable',
    false,
    'Only read with tiered storage, which there is none of.',
    unread,
  ),
  durability: oneOf(
    'logmill.durability',
    DURABILITIES,
    'fsync',
    'What an acknowledgement waits for: fsync, interval, os or memory.',
  ),
}

/** Topic key → its broker key; the broker key's own synonyms are in broker-keys.ts. Absent: the broker has none. */
export const brokerKeyOf: ReadonlyMap<string, string> = new Map([
  ['cleanup.policy', 'log.cleanup.policy'],
  ['compression.type', 'compression.type'],
  ['compression.gzip.level', 'compression.gzip.level'],
  ['compression.lz4.level', 'compression.lz4.level'],
  ['compression.zstd.level', 'compression.zstd.level'],
  ['delete.retention.ms', 'log.cleaner.delete.retention.ms'],
  ['file.delete.delay.ms', 'log.segment.delete.delay.ms'],
  ['flush.messages', 'log.flush.interval.messages'],
  ['flush.ms', 'log.flush.interval.ms'],
  ['index.interval.bytes', 'log.index.interval.bytes'],
  ['max.message.bytes', 'message.max.bytes'],
  ['message.timestamp.type', 'log.message.timestamp.type'],
  ['message.timestamp.before.max.ms', 'log.message.timestamp.before.max.ms'],
  ['message.timestamp.after.max.ms', 'log.message.timestamp.after.max.ms'],
  ['min.cleanable.dirty.ratio', 'log.cleaner.min.cleanable.ratio'],
  ['min.compaction.lag.ms', 'log.cleaner.min.compaction.lag.ms'],
  ['max.compaction.lag.ms', 'log.cleaner.max.compaction.lag.ms'],
  ['min.insync.replicas', 'min.insync.replicas'],
  ['preallocate', 'log.preallocate'],
  ['retention.bytes', 'log.retention.bytes'],
  ['retention.ms', 'log.retention.ms'],
  ['segment.bytes', 'log.segment.bytes'],
  ['segment.index.bytes', 'log.index.size.max.bytes'],
  ['segment.jitter.ms', 'log.roll.jitter.ms'],
  ['segment.ms', 'log.roll.ms'],
  ['unclean.leader.election.enable', 'unclean.leader.election.enable'],
  ['local.retention.ms', 'log.local.retention.ms'],
  ['local.retention.bytes', 'log.local.retention.bytes'],
  ['logmill.durability', 'logmill.durability'],
])

export const topicKeyByName: ReadonlyMap<string, ConfigKey> = new Map(
  Object.values(topicKeys).map((definition): [string, ConfigKey] => [definition.name, definition]),
)
