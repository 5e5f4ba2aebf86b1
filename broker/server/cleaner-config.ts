// What log.cleaner.* means to the cleaner.

import type { CleanerConfig } from '../partition/log-cleaner.ts'
import type { BrokerConfig } from './config/broker-config.ts'

export function cleanerConfigOf(config: BrokerConfig): CleanerConfig {
  return {
    enable: config.logCleanerEnable,
    backoffMs: config.logCleanerBackoffMs,
    // No more than the map can address; Kafka has the same bound.
    dedupeBufferBytes: Math.min(config.logCleanerDedupeBufferSize, 0x7fffffff),
    loadFactor: config.logCleanerIoBufferLoadFactor,
    ioBufferBytes: config.logCleanerIoBufferSize,
    ioMaxBytesPerSecond: config.logCleanerIoMaxBytesPerSecond,
  }
}
