// What the group coordinator is told of a request: its version, and who the member says it is.

import type { RequestContext as GroupRequestContext } from '../coordinator/group/messages.ts'
import type { RequestContext } from './context.ts'

export function groupContext({ apiVersion, clientId, connection }: RequestContext): GroupRequestContext {
  // Kafka prints an address with a slash before it; its tools show it so.
  return { apiVersion, clientId, clientHost: `/${connection.remoteHost}` }
}
