// What a share group is told of timing: the group's own settings (config resource GROUP, already within the broker's
// bounds), else the broker's.

import type { ShardView } from '../shard-view.ts'

/** In force for one group. */
export interface ShareGroupConfig {
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly assignmentIntervalMs: number
}

/** group.share.* of the broker, with Kafka 4.3's defaults. */
export interface ShareGroupBrokerConfig extends ShareGroupConfig {
  readonly maxSize: number
  /** group.share.initialize.retry.interval.ms */
  readonly initializeRetryIntervalMs: number
}

export const defaultShareGroupConfig: ShareGroupBrokerConfig = {
  sessionTimeoutMs: 45_000,
  heartbeatIntervalMs: 5_000,
  assignmentIntervalMs: 1_000,
  maxSize: 200,
  initializeRetryIntervalMs: 30_000,
}

export function shareGroupConfigOf({ config, groupConfigs }: ShardView, groupId: string): ShareGroupConfig {
  const { share } = config
  const own = groupConfigs(groupId)
  const number = (key: string, otherwise: number): number => Number(own.get(key) ?? otherwise)
  return {
    sessionTimeoutMs: number('share.session.timeout.ms', share.sessionTimeoutMs),
    heartbeatIntervalMs: number('share.heartbeat.interval.ms', share.heartbeatIntervalMs),
    assignmentIntervalMs: number('share.assignment.interval.ms', share.assignmentIntervalMs),
  }
}
