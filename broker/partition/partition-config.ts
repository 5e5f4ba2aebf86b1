// What a partition's configuration means to the layers below it, and Kafka's defaults for it.

import type { LogConfig } from '../log/log-config.ts'
import type { PartitionConfig } from './partition-api.ts'

const HOUR_MS = 60 * 60 * 1000

/** Kafka 4.3's topic defaults; durability is ours : a single replica has only its disk. */
export const defaultPartitionConfig: PartitionConfig = {
  durability: 'fsync',
  flushMs: 1000,
  flushMessages: 10_000,
  cleanupPolicy: 'delete',
  retentionMs: 7 * 24 * HOUR_MS,
  retentionBytes: -1,
  minCleanableDirtyRatio: 0.5,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  deleteRetentionMs: 24 * HOUR_MS,
  fileDeleteDelayMs: 60_000,
  maxMessageBytes: 1024 * 1024 + 12,
  messageTimestampType: 'CreateTime',
  messageTimestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  messageTimestampAfterMaxMs: HOUR_MS,
  compressionType: 'producer',
  compressionGzipLevel: -1,
  compressionZstdLevel: 3,
  segmentBytes: 1024 * 1024 * 1024,
  segmentMs: 7 * 24 * HOUR_MS,
  segmentJitterMs: 0,
  segmentIndexBytes: 10 * 1024 * 1024,
  indexIntervalBytes: 4096,
}

export function logConfigOf(config: PartitionConfig): LogConfig {
  const { segmentBytes, segmentMs, segmentIndexBytes, indexIntervalBytes, maxCompactionLagMs } = config
  const compacts = config.cleanupPolicy !== 'delete'
  return {
    segmentBytes,
    // The newest segment is never cleaned: records have to leave it before they are due.
    segmentMs: compacts ? Math.min(segmentMs, maxCompactionLagMs) : segmentMs,
    segmentJitterMs: Math.min(config.segmentJitterMs, segmentMs),
    segmentIndexBytes,
    indexIntervalBytes,
    // In memory nobody else holds the files of a segment.
    fileDeleteDelayMs: config.durability === 'memory' ? 0 : config.fileDeleteDelayMs,
    gapsAllowed: compacts,
  }
}
