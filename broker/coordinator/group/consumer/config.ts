// What consumer groups of the new protocol can be told, under Kafka's names and with Kafka 4.3's defaults, and what
// may be set for one group by name (config resource GROUP).

import type { GroupConfigs } from '../shard-view.ts'

export type MigrationPolicy = 'bidirectional' | 'upgrade' | 'downgrade' | 'disabled'

export interface ConsumerGroupConfig {
  /** group.consumer.session.timeout.ms, and its bounds for single groups */
  sessionTimeoutMs: number
  minSessionTimeoutMs: number
  maxSessionTimeoutMs: number
  /** group.consumer.heartbeat.interval.ms, and its bounds for single groups */
  heartbeatIntervalMs: number
  minHeartbeatIntervalMs: number
  maxHeartbeatIntervalMs: number
  /** group.consumer.assignment.interval.ms, and its bounds for single groups */
  assignmentIntervalMs: number
  minAssignmentIntervalMs: number
  maxAssignmentIntervalMs: number
  /** group.consumer.max.size */
  maxSize: number
  /** group.consumer.assignors: names, the first is the default */
  assignors: readonly string[]
  /** group.consumer.migration.policy */
  migrationPolicy: MigrationPolicy
  /** group.consumer.regex.refresh.interval.ms */
  regexRefreshIntervalMs: number
}

export const defaultConsumerGroupConfig: ConsumerGroupConfig = {
  sessionTimeoutMs: 45_000,
  minSessionTimeoutMs: 45_000,
  maxSessionTimeoutMs: 60_000,
  heartbeatIntervalMs: 5_000,
  minHeartbeatIntervalMs: 5_000,
  maxHeartbeatIntervalMs: 15_000,
  assignmentIntervalMs: 1_000,
  minAssignmentIntervalMs: 0,
  maxAssignmentIntervalMs: 15_000,
  maxSize: 2_147_483_647,
  assignors: ['uniform', 'range'],
  migrationPolicy: 'bidirectional',
  regexRefreshIntervalMs: 600_000,
}

/** The settings of one group; what was set for it is held within the broker's bounds of today. */
export function consumerSettings(
  config: ConsumerGroupConfig,
  groupConfigs: GroupConfigs,
  groupId: string,
): Pick<ConsumerGroupConfig, 'sessionTimeoutMs' | 'heartbeatIntervalMs' | 'assignmentIntervalMs'> {
  const set = groupConfigs(groupId)
  if (set.size === 0) return config
  return {
    sessionTimeoutMs: within(
      set.get('consumer.session.timeout.ms'),
      config.sessionTimeoutMs,
      config.minSessionTimeoutMs,
      config.maxSessionTimeoutMs,
    ),
    heartbeatIntervalMs: within(
      set.get('consumer.heartbeat.interval.ms'),
      config.heartbeatIntervalMs,
      config.minHeartbeatIntervalMs,
      config.maxHeartbeatIntervalMs,
    ),
    assignmentIntervalMs: within(
      set.get('consumer.assignment.interval.ms'),
      config.assignmentIntervalMs,
      config.minAssignmentIntervalMs,
      config.maxAssignmentIntervalMs,
    ),
  }
}

function within(text: string | undefined, byDefault: number, lowest: number, highest: number): number {
  const value = text === undefined ? Number.NaN : Number(text)
  return Number.isFinite(value) ? Math.min(Math.max(value, lowest), highest) : byDefault
}
