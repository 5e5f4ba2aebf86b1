// What a group coordinator is handed, for tests that do not care: no topics, no settings, ids in order.

import { defaultGroupConfig } from '../../broker/coordinator/group/config.ts'
import type { ShardPorts } from '../../broker/coordinator/group/shard-view.ts'

export function groupPorts(ports: Partial<ShardPorts> = {}): ShardPorts {
  let uuids = 0
  return {
    config: defaultGroupConfig,
    metadata: { version: 0n, topic: () => undefined, topicById: () => undefined, topicNames: () => [] },
    features: { level: () => 0 },
    groupConfigs: () => new Map(),
    newUuid: () => `uuid${++uuids}`,
    ...ports,
  }
}
