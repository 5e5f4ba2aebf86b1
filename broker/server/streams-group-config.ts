// group.streams.* as the group coordinator is told them; the one that may change while the broker runs is read anew.

import type { StreamsBrokerConfig } from '../coordinator/group/streams/config.ts'
import type { BrokerConfig } from './config/broker-config.ts'

export function streamsGroupConfig(config: () => BrokerConfig): StreamsBrokerConfig {
  const atStart = config()
  return {
    sessionTimeoutMs: atStart.groupStreamsSessionTimeoutMs,
    heartbeatIntervalMs: atStart.groupStreamsHeartbeatIntervalMs,
    maxSize: atStart.groupStreamsMaxSize,
    numStandbyReplicas: atStart.groupStreamsNumStandbyReplicas,
    initialRebalanceDelayMs: atStart.groupStreamsInitialRebalanceDelayMs,
    get assignmentIntervalMs() {
      return config().groupStreamsAssignmentIntervalMs
    },
  }
}
