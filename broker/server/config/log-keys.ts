// Broker keys that logmill reads, part two: the log. Most are the default of a topic key (topic-keys.ts
// names the pairs), and may be changed while the broker runs.

import { atLeast, between, boolean, double, everyOneOf, int, list, long, oneOf } from './config-def.ts'

export const COMPRESSION_TYPES = ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'] as const
export const TIMESTAMP_TYPES = ['CreateTime', 'LogAppendTime'] as const
export const CLEANUP_POLICIES = ['compact', 'delete'] as const

/** Kafka's "for ever". */
export const LONGEST = 9223372036854775807n

const live = { update: 'cluster-wide' } as const
const high = { importance: 'HIGH' } as const

export const logKeys = {
  logDir: list(
    'log.dir',
    // Kafka's /tmp/kafka-logs is emptied by the system; a log that vanishes is no default.
    './.logmill',
    'The data directory, where log.dirs is not set.',
    high,
  ),
  logDirs: list(
    'log.dirs',
    null,
    'The data directory. Of several only one is served: a second is refused.',
    high,
  ),
  messageMaxBytes: int(
    'message.max.bytes',
    1048588,
    'The largest record batch, in bytes as it is stored (compressed, head included).',
    { validator: atLeast(0), ...high, ...live },
  ),
  compressionType: oneOf(
    'compression.type',
    COMPRESSION_TYPES,
    'producer',
    'The codec that batches are stored with; producer keeps the batch as it came.',
    { ...high, ...live },
  ),
  compressionGzipLevel: int('compression.gzip.level', -1, 'Level used when compression.type is gzip.', {
    validator: (value) =>
      value === -1 || (Number(value) >= 1 && Number(value) <= 9)
        ? undefined
        : 'Value must be between 1 and 9 or equal to -1',
    ...live,
  }),
  compressionLz4Level: int('compression.lz4.level', 9, 'Kept and described; the lz4 library has one level.', {
    validator: between(1, 17),
    served: false,
    ...live,
  }),
  compressionZstdLevel: int('compression.zstd.level', 3, 'Level used when compression.type is zstd.', {
    validator: between(-131072, 22),
    ...live,
  }),
  logSegmentBytes: int('log.segment.bytes', 1073741824, 'A segment that would grow beyond this is rolled.', {
    validator: atLeast(1048576),
    ...high,
    ...live,
  }),
  logRollMs: long('log.roll.ms', null, 'A segment older than this is rolled; unset, log.roll.hours holds.', {
    ...high,
    ...live,
  }),
  logRollHours: int('log.roll.hours', 168, 'As log.roll.ms, in hours.', { validator: atLeast(1), ...high }),
  logRollJitterMs: long(
    'log.roll.jitter.ms',
    null,
    'The most that is taken off log.roll.ms, by chance, so that not all segments roll at once.',
    { ...high, ...live },
  ),
  logRollJitterHours: int('log.roll.jitter.hours', 0, 'As log.roll.jitter.ms, in hours.', {
    validator: atLeast(0),
    ...high,
  }),
  logRetentionMs: long(
    'log.retention.ms',
    null,
    'How long records are kept; -1 for ever. Unset, log.retention.minutes holds.',
    { ...high, ...live },
  ),
  logRetentionMinutes: int(
    'log.retention.minutes',
    null,
    'As log.retention.ms, in minutes. Unset, log.retention.hours holds.',
    high,
  ),
  logRetentionHours: int('log.retention.hours', 168, 'As log.retention.ms, in hours.', high),
  logRetentionBytes: long('log.retention.bytes', -1, 'How much of a partition is kept; -1 without bound.', {
    ...high,
    ...live,
  }),
  logRetentionCheckIntervalMs: long(
    'log.retention.check.interval.ms',
    300000,
    'How often partitions are looked over for segments that may go.',
    { validator: atLeast(1) },
  ),
  logCleanupPolicy: list(
    'log.cleanup.policy',
    'delete',
    'What becomes of old records: delete by time and size, compact to the last of each key, or both; empty keeps all.',
    { validator: everyOneOf(CLEANUP_POLICIES), ...live },
  ),
  logIndexSizeMaxBytes: int('log.index.size.max.bytes', 10485760, 'Size an index file may have.', {
    validator: atLeast(4),
    ...live,
  }),
  logIndexIntervalBytes: int('log.index.interval.bytes', 4096, 'Bytes of log between two index entries.', {
    validator: atLeast(0),
    ...live,
  }),
  logFlushIntervalMessages: long(
    'log.flush.interval.messages',
    LONGEST,
    'With durability interval: sync after this many records.',
    { validator: atLeast(1), ...high, ...live },
  ),
  logFlushIntervalMs: long(
    'log.flush.interval.ms',
    null,
    'With durability interval: sync at least this often. Unset, log.flush.scheduler.interval.ms holds.',
    { ...high, ...live },
  ),
  logFlushSchedulerIntervalMs: long(
    'log.flush.scheduler.interval.ms',
    LONGEST,
    'As log.flush.interval.ms, where that is not set.',
    high,
  ),
  logSegmentDeleteDelayMs: long(
    'log.segment.delete.delay.ms',
    60000,
    'A deleted segment stays this long under another name, for those who still read it.',
    { validator: atLeast(0), ...high, ...live },
  ),
  logFlushOffsetCheckpointIntervalMs: int(
    'log.flush.offset.checkpoint.interval.ms',
    60000,
    'How often the recovery points are written down.',
    { validator: atLeast(0), ...high },
  ),
  logFlushStartOffsetCheckpointIntervalMs: int(
    'log.flush.start.offset.checkpoint.interval.ms',
    60000,
    'How often the log start offsets are written down.',
    { validator: atLeast(0), ...high },
  ),
  logPreallocate: boolean(
    'log.preallocate',
    false,
    'Kept and described; segments grow as they are written.',
    {
      served: false,
      ...live,
    },
  ),
  logMessageTimestampType: oneOf(
    'log.message.timestamp.type',
    TIMESTAMP_TYPES,
    'CreateTime',
    'Whose time a record carries: the producer’s, or that of the append.',
    live,
  ),
  logMessageTimestampBeforeMaxMs: long(
    'log.message.timestamp.before.max.ms',
    LONGEST,
    'How far a record’s time may lie behind the broker’s.',
    { validator: atLeast(0), ...live },
  ),
  logMessageTimestampAfterMaxMs: long(
    'log.message.timestamp.after.max.ms',
    3600000,
    'How far a record’s time may lie ahead of the broker’s.',
    { validator: atLeast(0), ...live },
  ),
  logCleanerDeleteRetentionMs: long(
    'log.cleaner.delete.retention.ms',
    86400000,
    'How long a compacted topic keeps tombstones and the markers of transactions that left nothing.',
    { validator: atLeast(0), ...live },
  ),
  logCleanerMinCompactionLagMs: long(
    'log.cleaner.min.compaction.lag.ms',
    0,
    'A record younger than this is not compacted away.',
    { validator: atLeast(0), ...live },
  ),
  logCleanerMaxCompactionLagMs: long(
    'log.cleaner.max.compaction.lag.ms',
    LONGEST,
    'A record older than this is due for compaction, however little of the log is dirty.',
    { validator: atLeast(1), ...live },
  ),
  logCleanerMinCleanableRatio: double(
    'log.cleaner.min.cleanable.ratio',
    0.5,
    'How much of a compacted log must be uncompacted before it is cleaned.',
    { validator: between(0, 1), ...live },
  ),
  logCleanerEnable: boolean('log.cleaner.enable', true, 'Whether compacted topics are cleaned.'),
  logCleanerBackoffMs: long(
    'log.cleaner.backoff.ms',
    15000,
    'How long the cleaner waits when there is nothing to clean.',
    { validator: atLeast(0), ...live },
  ),
  logCleanerDedupeBufferSize: long(
    'log.cleaner.dedupe.buffer.size',
    134217728,
    'Bytes that the cleaner may use to know the last offset of each key; taken as they are needed.',
    live,
  ),
  logCleanerIoBufferLoadFactor: double(
    'log.cleaner.io.buffer.load.factor',
    0.9,
    'How much of log.cleaner.dedupe.buffer.size is used.',
    live,
  ),
  logCleanerIoBufferSize: int(
    'log.cleaner.io.buffer.size',
    524288,
    'The cleaner reads half as many bytes at a time.',
    { validator: atLeast(0), ...live },
  ),
  logCleanerIoMaxBytesPerSecond: double(
    'log.cleaner.io.max.bytes.per.second',
    1.7976931348623157e308,
    'The most that the cleaner reads and writes in a second.',
    live,
  ),
  logLocalRetentionMs: long(
    'log.local.retention.ms',
    -2,
    'Default of the topic key local.retention.ms; there is no tiered storage.',
    { validator: atLeast(-2), served: false, ...live },
  ),
  logLocalRetentionBytes: long(
    'log.local.retention.bytes',
    -2,
    'Default of the topic key local.retention.bytes; there is no tiered storage.',
    { validator: atLeast(-2), served: false, ...live },
  ),
}
