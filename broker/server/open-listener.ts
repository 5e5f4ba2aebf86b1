// One of the broker's listeners: its handlers behind a socket, within the limits that the configuration sets. Limits that
// may change while the broker runs are asked for each time.

import { createRequestProcessor } from '../handlers/dispatch.ts'
import { connectionClosed as shareConnectionClosed } from '../handlers/share/services.ts'
import type { ConnectionCounts } from '../net/connection-counts.ts'
import { Listener } from '../net/listener.ts'
import type { BrokerNode } from './broker-node.ts'
import { connectionsFrom } from './config/connection-limits.ts'
import type { Listener as ConfiguredListener } from './config/listeners.ts'
import { createHandlers, shareServicesOf } from './handler-table.ts'

/** `counts` is of all listeners. Resolves when clients can connect; rejects with Node's error. */
export function openListener(
  node: BrokerNode,
  { name, host, port }: ConfiguredListener,
  counts: ConnectionCounts,
): Promise<Listener> {
  const { settings, clock, quotas, logger } = node
  const { config } = settings
  return Listener.open({
    host,
    port,
    process: createRequestProcessor(createHandlers(node, name), node.requestQuotas),
    onConnectionError: (remote, reason) => logger.warn(`connection from ${remote} closed: ${reason}`),
    onConnectionClosed: (connection) => shareConnectionClosed(shareServicesOf(node), connection),
    limits: {
      clock,
      requestMaxBytes: config.socketRequestMaxBytes,
      inFlightRequestsPerConnection: config.queuedMaxRequests,
      inFlightBytesPerConnection: config.connectionMemoryBytes,
      inFlightBytes:
        config.queuedMaxRequestBytes > 0 ? config.queuedMaxRequestBytes : config.requestMemoryBytes,
      get maxConnections() {
        return settings.config.maxConnections
      },
      counts,
      maxConnectionsFrom: (ip) => connectionsFrom(ip, settings.config),
      delayConnection: () =>
        quotas.delayConnection(settings.config.maxConnectionCreationRate, clock.monotonicMs()),
      throttleConnection: (ip) => quotas.recordConnection(ip, clock.monotonicMs()),
      connectionsMaxIdleMs: config.connectionsMaxIdleMs,
      buffers: node.buffers,
    },
  })
}
