// What the partitions of a data directory are told by whoever opens them. Kafka's names and defaults.

import type { TailCut } from '../log/log-config.ts'
import type { Storage } from '../storage/storage.ts'
import type { Clock } from '../time/clock.ts'
import type { CleanerConfig, LogCleanerOptions } from './log-cleaner.ts'
import type { Partition } from './partition.ts'

export interface PartitionsOptions {
  storage: Storage
  clock: Clock
  /** Memory: nothing survives, so nothing is synced and no file is kept but the log's own. */
  isVolatile?: boolean
  /** Of the controller's registration; -1 when unknown. Written into the clean-shutdown marker. */
  brokerEpoch?: () => bigint
  /** producer.id.expiration.ms, producer.id.expiration.check.interval.ms */
  producerIdExpirationMs?: number
  producerIdExpirationCheckIntervalMs?: number
  /** log.retention.check.interval.ms */
  retentionCheckIntervalMs?: number
  /** log.flush.offset.checkpoint.interval.ms and log.flush.start.offset.checkpoint.interval.ms */
  checkpointIntervalMs?: number
  /** replica.high.watermark.checkpoint.interval.ms */
  highWatermarkCheckpointIntervalMs?: number
  /** log.cleaner.*, asked for before each run. */
  cleanerConfig?: () => CleanerConfig
  onCleaned?: LogCleanerOptions['onCleaned']
  /** A partition cannot be compacted and is left as it is until the next start. */
  onUncleanable?: LogCleanerOptions['onUncleanable']
  /** In [0, 1): for segment.jitter.ms, and for the cleaner's hashes, which nobody shall be able to foresee. */
  random?: () => number
  /** How many logs are synced at a time. */
  syncConcurrency?: number
  /** For simulations: when the group commit acts on what was asked for. */
  defer?: (act: () => void) => void
  onOffline?: (partition: Partition, reason: Error) => void
  /** A partition begins to refuse appends because there is no room; told again after one that was taken. */
  onRefusing?: (partition: Partition, reason: Error) => void
  onTailCut?: (cut: TailCut) => void
}
