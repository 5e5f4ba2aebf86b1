// The group coordinator's settings out of the broker's. What may change while the broker runs is read anew at
// each use.

import type { GroupConfig } from '../coordinator/group/config.ts'
import { defaultConsumerGroupConfig } from '../coordinator/group/consumer/config.ts'
import { defaultShareGroupConfig } from '../coordinator/group/share/config.ts'
import type { BrokerSettings } from './broker-settings.ts'
import { streamsGroupConfig } from './streams-group-config.ts'

export function groupConfigOf(settings: BrokerSettings): GroupConfig {
  const { config } = settings
  return {
    minSessionTimeoutMs: config.groupMinSessionTimeoutMs,
    maxSessionTimeoutMs: config.groupMaxSessionTimeoutMs,
    maxSize: config.groupMaxSize,
    initialRebalanceDelayMs: config.groupInitialRebalanceDelayMs,
    offsetMetadataMaxSize: config.offsetMetadataMaxBytes,
    offsetsRetentionMs: config.offsetsRetentionMinutes * 60_000,
    offsetsRetentionCheckIntervalMs: config.offsetsRetentionCheckIntervalMs,
    offsetsCommitTimeoutMs: config.offsetsCommitTimeoutMs,
    consumer: {
      enabled: config.groupCoordinatorRebalanceProtocols.includes('consumer'),
      sessionTimeoutMs: config.groupConsumerSessionTimeoutMs,
      heartbeatIntervalMs: config.groupConsumerHeartbeatIntervalMs,
      get assignmentIntervalMs() {
        return settings.config.groupConsumerAssignmentIntervalMs
      },
      maxSize: config.groupConsumerMaxSize,
      assignors: config.groupConsumerAssignors,
      migrationPolicy: config.groupConsumerMigrationPolicy,
      regexRefreshIntervalMs: defaultConsumerGroupConfig.regexRefreshIntervalMs,
    },
    share: {
      sessionTimeoutMs: config.groupShareSessionTimeoutMs,
      heartbeatIntervalMs: config.groupShareHeartbeatIntervalMs,
      get assignmentIntervalMs() {
        return settings.config.groupShareAssignmentIntervalMs
      },
      maxSize: config.groupShareMaxSize,
      initializeRetryIntervalMs: defaultShareGroupConfig.initializeRetryIntervalMs,
    },
    streams: streamsGroupConfig(() => settings.config),
  }
}
