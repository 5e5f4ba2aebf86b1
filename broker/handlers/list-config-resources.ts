// ListConfigResources, versions 0-1: what DescribeConfigs can be asked about. Version 0 knows client metrics alone.
// Topics and brokers are told whether anything is set for them or not, groups and client metrics where something is.
// Source: Kafka's KafkaApis.handleListConfigResources.

import { RESOURCE_TYPES } from '../controller/facts.ts'
import { errorCodes } from '../protocol/errors.ts'
import { type ClusterView, reachableBrokers } from './cluster-view.ts'
import type { Request, RequestContext, Response } from './context.ts'

const { TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP } = RESOURCE_TYPES
const LISTED = [GROUP, CLIENT_METRICS, BROKER_LOGGER, BROKER, TOPIC]

export function handleListConfigResources(
  { resourceTypes }: Request<'ListConfigResources'>,
  { apiVersion, connection }: RequestContext,
  { cluster }: { cluster: ClusterView },
): Response<'ListConfigResources'> {
  const known: readonly number[] = apiVersion === 0 ? [CLIENT_METRICS] : LISTED
  const asked = new Set(apiVersion === 0 || resourceTypes.length === 0 ? known : resourceTypes)
  if ([...asked].some((type) => !known.includes(type))) {
    return { errorCode: errorCodes.UNSUPPORTED_VERSION, configResources: [] }
  }
  const { image } = cluster
  const brokers = () => reachableBrokers(cluster, connection).map(({ nodeId }) => String(nodeId))
  const names: Record<number, () => Iterable<string>> = {
    [GROUP]: () => image.configuredResources(GROUP),
    [CLIENT_METRICS]: () => image.configuredResources(CLIENT_METRICS),
    [BROKER_LOGGER]: brokers,
    [BROKER]: brokers,
    [TOPIC]: () => Array.from(image.topics(), ({ name }) => name),
  }
  return {
    errorCode: errorCodes.NONE,
    configResources: known
      .filter((type) => asked.has(type))
      .flatMap((resourceType) =>
        Array.from(names[resourceType]?.() ?? [], (resourceName) => ({ resourceName, resourceType })),
      ),
  }
}
