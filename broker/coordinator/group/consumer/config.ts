// What consumer groups of the new protocol can be told, under Kafka's names and with Kafka 4.3's defaults, and what
// may be set for one group by name (config resource GROUP).

import type { GroupConfigs } from '../shard-view.ts'

export interface ConsumerGroupConfig {
  /** group.coordinator.rebalance.protocols names it */
  enabled: boolean
  /** group.consumer.session.timeout.ms */
  sessionTimeoutMs: number
  /** group.consumer.heartbeat.interval.ms */
  heartbeatIntervalMs: number
  /** group.consumer.assignment.interval.ms */
  assignmentIntervalMs: number
  /** group.consumer.max.size */
  maxSize: number
  /** group.consumer.assignors: names, the first is the default */
  assignors: readonly string[]
  /** group.consumer.migration.policy */
  migrationPolicy: 'bidirectional' | 'upgrade' | 'downgrade' | 'disabled'
  /** Kafka's internal group.consumer.regex.refresh.interval.ms */
  regexRefreshIntervalMs: number
}

export const defaultConsumerGroupConfig: ConsumerGroupConfig = {
  enabled: true,
  sessionTimeoutMs: 45_000,
  heartbeatIntervalMs: 5_000,
  assignmentIntervalMs: 1_000,
  maxSize: 2_147_483_647,
  assignors: ['uniform', 'range'],
  migrationPolicy: 'bidirectional',
  regexRefreshIntervalMs: 600_000,
}

/** What one group obeys: its own settings over the broker's. */
export function consumerSettings(
  config: ConsumerGroupConfig,
  groupConfigs: GroupConfigs,
  groupId: string,
): Pick<ConsumerGroupConfig, 'sessionTimeoutMs' | 'heartbeatIntervalMs' | 'assignmentIntervalMs'> {
  const set = groupConfigs(groupId)
  if (set.size === 0) return config
  const value = (key: string, byDefault: number): number => Number(set.get(key) ?? byDefault)
  return {
    sessionTimeoutMs: value('consumer.session.timeout.ms', config.sessionTimeoutMs),
    heartbeatIntervalMs: value('consumer.heartbeat.interval.ms', config.heartbeatIntervalMs),
    assignmentIntervalMs: value('consumer.assignment.interval.ms', config.assignmentIntervalMs),
  }
}
