// What the group coordinator can be told, under Kafka's names (server/config maps its keys to these) and
// with Kafka 4.3's defaults.

import { defaultShareGroupConfig, type ShareGroupBrokerConfig } from './share/config.ts'
import { defaultStreamsConfig, type StreamsBrokerConfig } from './streams/config.ts'
import { type ConsumerGroupConfig, defaultConsumerGroupConfig } from './consumer/config.ts'

export interface GroupConfig {
  /** group.min.session.timeout.ms */
  minSessionTimeoutMs: number
  /** group.max.session.timeout.ms */
  maxSessionTimeoutMs: number
  /** group.max.size */
  maxSize: number
  /** group.initial.rebalance.delay.ms */
  initialRebalanceDelayMs: number
  /** offset.metadata.max.bytes (counted in UTF-16 units, as Kafka counts) */
  offsetMetadataMaxSize: number
  /** offsets.retention.minutes, in milliseconds */
  offsetsRetentionMs: number
  /** offsets.retention.check.interval.ms */
  offsetsRetentionCheckIntervalMs: number
  /** offsets.commit.timeout.ms */
  offsetsCommitTimeoutMs: number
  /** group.share.* */
  share: ShareGroupBrokerConfig
  /** group.streams.* */
  streams: StreamsBrokerConfig
  /** group.consumer.* */
  consumer: ConsumerGroupConfig
}

export const defaultGroupConfig: GroupConfig = {
  minSessionTimeoutMs: 6_000,
  maxSessionTimeoutMs: 1_800_000,
  maxSize: 2_147_483_647,
  initialRebalanceDelayMs: 3_000,
  offsetMetadataMaxSize: 4_096,
  offsetsRetentionMs: 7 * 24 * 60 * 60 * 1000,
  offsetsRetentionCheckIntervalMs: 600_000,
  offsetsCommitTimeoutMs: 5_000,
  share: defaultShareGroupConfig,
  streams: defaultStreamsConfig,
  consumer: defaultConsumerGroupConfig,
}

/** New members cannot heartbeat while their first JoinGroup waits; a defunct one goes after this time. */
export const NEW_MEMBER_JOIN_TIMEOUT_MS = 5 * 60 * 1000
