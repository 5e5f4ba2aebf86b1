// What a partition is asked and what it answers: plain values, so that handlers, coordinators and the
// processor's port can be written and tested without a log. Failures are Kafka's error codes (errorCode
// 0 = none), never exceptions.

import type { ErrorCode } from '../protocol/errors.ts'
import type { Inspection } from './prepare-batch.ts'

/** Where a partition's acknowledgement comes from (`durability` of the topic). */
export type Durability =
  /** The high watermark waits for fdatasync. The default. */
  | 'fsync'
  /** Acknowledged at once, synced every `flushMs` or `flushMessages`, whichever comes first. */
  | 'interval'
  /** Acknowledged at once, the operating system writes back when it likes. */
  | 'os'
  /** Nothing survives the process: the test kit's. Every append counts as durable at once. */
  | 'memory'

/** Kafka's topic configs that a partition obeys. Sizes in bytes, times in ms; -1 = no bound where said. */
export interface PartitionConfig {
  readonly durability: Durability
  /** flush.ms and flush.messages: only read with durability 'interval'. */
  readonly flushMs: number
  readonly flushMessages: number
  readonly cleanupPolicy: 'delete' | 'compact' | 'compact,delete'
  /** retention.ms, retention.bytes: -1 = no bound. */
  readonly retentionMs: number
  readonly retentionBytes: number
  /** Read where the policy compacts: min.cleanable.dirty.ratio, {min,max}.compaction.lag.ms, delete.retention.ms. */
  readonly minCleanableDirtyRatio: number
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  readonly deleteRetentionMs: number
  /** file.delete.delay.ms */
  readonly fileDeleteDelayMs: number
  readonly maxMessageBytes: number
  readonly messageTimestampType: 'CreateTime' | 'LogAppendTime'
  /** message.timestamp.before.max.ms / .after.max.ms: how far a record's time may lie from the clock. */
  readonly messageTimestampBeforeMaxMs: number
  readonly messageTimestampAfterMaxMs: number
  /** compression.type: 'producer' keeps the batch as it came; another codec recompresses it. */
  readonly compressionType: 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  /** compression.gzip.level, compression.zstd.level */
  readonly compressionGzipLevel: number
  readonly compressionZstdLevel: number
  readonly segmentBytes: number
  readonly segmentMs: number
  /** segment.jitter.ms: the most that chance takes off segmentMs, drawn by each log for itself. */
  readonly segmentJitterMs: number
  readonly segmentIndexBytes: number
  readonly indexIntervalBytes: number
}

export type Isolation = 'read_uncommitted' | 'read_committed'

export interface AppendOptions {
  nowMs: number
  /**
   * True for what a producer sent: one batch, everything Kafka checks, sequences included.
   * False for a coordinator's own records: the producer's epoch is checked, sequences are not.
   */
  fromClient: boolean
  /** From a producer of transaction.version 2: the first batch that is known of it has sequence 0 (KIP-890). */
  startsAtZero?: boolean
  /** Synced before the high watermark passes it, whatever the topic's durability is. */
  forceDurable?: boolean
  /** The leader epoch that the caller believes in; left out = not checked. */
  currentLeaderEpoch?: number
  /** What an inspection of these bytes under this configuration has found; left out: it is made now. */
  inspected?: Inspection
}

export interface MarkerOptions {
  producerId: bigint
  producerEpoch: number
  commit: boolean
  coordinatorEpoch: number
  /** From 2 on the marker's epoch is above that of the records (KIP-890). Left out: 0. */
  transactionVersion?: number
  nowMs: number
}

export interface AppendResult {
  errorCode: ErrorCode
  errorMessage: string | null
  /** -1 on error. A duplicate answers with the offsets of the batch that was kept. */
  baseOffset: bigint
  lastOffset: bigint
  /** Milliseconds when the topic stamps LogAppendTime (or a duplicate's kept time), else -1. */
  logAppendTimeMs: bigint
  logStartOffset: bigint
  recordErrors: { batchIndex: number; batchIndexErrorMessage: string | null }[]
  /** Nothing was appended: the producer had written this batch before. Wait for it all the same. */
  isDuplicate: boolean
}

export interface ReadOptions {
  fromOffset: bigint
  maxBytes: number
  isolation: Isolation
  /** Answer at least one batch even where it is larger than maxBytes (KIP-74). */
  minOneBatch: boolean
  /** -1 or left out = not checked. */
  currentLeaderEpoch?: number
  /** Where the memory for the bytes comes from: whoever can tell when they are no longer needed uses it again. */
  allocate?: (sizeInBytes: number) => Buffer
}

export interface PartitionRead {
  errorCode: ErrorCode
  /** Whole batches as they lie in the file; the caller's own, in memory from `allocate` where it gave some. */
  records: Buffer
  /** Offset after the last of them; the asked one where there are none, -1 on error. */
  nextOffset: bigint
  highWatermark: bigint
  lastStableOffset: bigint
  logStartOffset: bigint
  /** Null for read_uncommitted, as on the wire. */
  abortedTransactions: { producerId: bigint; firstOffset: bigint }[] | null
}

export interface OffsetLookup {
  errorCode: ErrorCode
  /** -1 when no record qualifies. */
  offset: bigint
  timestamp: bigint
  leaderEpoch: number
}

export interface EpochEndOffset {
  errorCode: ErrorCode
  /** -1 (and offset -1) when the epoch is older than all that is known. */
  leaderEpoch: number
  endOffset: bigint
}

export interface DeleteRecordsResult {
  errorCode: ErrorCode
  /** The log start offset after the call; -1 on error. */
  lowWatermark: bigint
}

/** Which directory a partition lives in, and who leads it since when. */
export interface PartitionAssignment {
  topic: string
  partition: number
  /** 32 lowercase hex digits. */
  topicId: string
  leaderEpoch: number
  config: PartitionConfig
}
