// What a streams group is told of timing and standbys: the group's own settings (config resource GROUP, already within
// the broker's bounds), else the broker's.

import type { ShardView } from '../shard-view.ts'

/** group.streams.* of the broker, with Kafka 4.3's defaults. */
export interface StreamsBrokerConfig extends StreamsConfig {
  maxSize: number
}

export const defaultStreamsConfig: StreamsBrokerConfig = {
  sessionTimeoutMs: 45_000,
  heartbeatIntervalMs: 5_000,
  maxSize: 2_147_483_647,
  numStandbyReplicas: 0,
  initialRebalanceDelayMs: 3_000,
  assignmentIntervalMs: 1_000,
}

/** In force for one group. */
export interface StreamsConfig {
  sessionTimeoutMs: number
  heartbeatIntervalMs: number
  numStandbyReplicas: number
  initialRebalanceDelayMs: number
  assignmentIntervalMs: number
}

export function streamsConfigOf({ config, groupConfigs }: ShardView, groupId: string): StreamsConfig {
  const { streams } = config
  const own = groupConfigs(groupId)
  const number = (key: string, otherwise: number): number => {
    const text = own.get(key)
    return text === undefined ? otherwise : Number(text)
  }
  return {
    sessionTimeoutMs: number('streams.session.timeout.ms', streams.sessionTimeoutMs),
    heartbeatIntervalMs: number('streams.heartbeat.interval.ms', streams.heartbeatIntervalMs),
    numStandbyReplicas: number('streams.num.standby.replicas', streams.numStandbyReplicas),
    initialRebalanceDelayMs: number('streams.initial.rebalance.delay.ms', streams.initialRebalanceDelayMs),
    assignmentIntervalMs: number('streams.assignment.interval.ms', streams.assignmentIntervalMs),
  }
}

/** What the assignor is told; a change of it makes a new assignment. */
export function assignmentConfigsOf({ numStandbyReplicas }: StreamsConfig): Map<string, string> {
  return new Map([[STANDBY_REPLICAS, String(numStandbyReplicas)]])
}

export const STANDBY_REPLICAS = 'num.standby.replicas'
