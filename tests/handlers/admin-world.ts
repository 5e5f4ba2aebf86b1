// A controller in memory behind the admin handlers: a view of the cluster, a connection, a request context.

import type { ClusterView } from '../../broker/handlers/cluster-view.ts'
import type { RequestContext } from '../../broker/handlers/context.ts'
import type { MutationQuotaOf } from '../../broker/handlers/request-quota.ts'
import type { ConnectionInfo } from '../../broker/net/net.ts'
import {
  type BrokerLayers,
  parseBrokerConfig,
  resolveBrokerConfig,
} from '../../broker/server/config/broker-config.ts'
import { quietLogger } from '../../broker/server/broker-options.ts'
import { LeveledLogger } from '../../broker/server/leveled-logger.ts'
import { MemoryQuorum } from '../controller/memory-quorum.ts'
import { join, startController, topic } from '../controller/world.ts'

export const connection: ConnectionInfo = {
  id: 1,
  localHost: '10.0.0.1',
  localPort: 9092,
  remoteHost: '10.0.0.2',
  remotePort: 50000,
  clientSoftwareName: '',
  clientSoftwareVersion: '',
  mutedUntilMs: 0,
}

/** No quota is set. */
export const unlimited: MutationQuotaOf = () => ({ take: () => true, throttleTimeMs: () => 0 })

export const at = (apiVersion: number): RequestContext => ({ apiVersion, clientId: 'test', connection })

export async function adminWorld(...names: string[]) {
  const world = await startController(new MemoryQuorum(), { partitionsPerRequest: 5000 })
  const { controller } = world
  await join(controller, 1)
  if (names.length > 0) {
    await controller.submit({
      type: 'createTopics',
      topics: names.map((name) => topic(name)),
      validateOnly: false,
    })
  }
  const { image } = controller
  const cluster: ClusterView = {
    image,
    clusterId: 'the-cluster',
    controllerId: 1,
    address: (_, { localHost, localPort }) => ({ host: localHost, port: localPort }),
  }
  const layers = (): BrokerLayers => ({
    ...parseBrokerConfig([]).layers,
    dynamicBroker: image.settings(4, '1'),
    dynamicDefault: image.settings(4, ''),
  })
  return {
    ...world,
    image,
    cluster,
    layers,
    config: () => resolveBrokerConfig(layers()),
    nodeId: 1,
    loggers: new LeveledLogger(quietLogger),
    mutationQuota: unlimited,
  }
}
