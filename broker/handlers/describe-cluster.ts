// DescribeCluster, versions 0-2: the brokers that a client can reach, fenced ones only if asked for.

import { errorCodes } from '../protocol/errors.ts'
import { CLUSTER_OPERATIONS, type ClusterView, controllerFor, OPERATIONS_NOT_ASKED } from './cluster-view.ts'
import type { Request, RequestContext, Response } from './context.ts'

const BROKERS = 1
const CONTROLLERS = 2

export interface DescribeClusterServices {
  cluster: ClusterView
}

export function handleDescribeCluster(
  request: Request<'DescribeCluster'>,
  { connection }: RequestContext,
  { cluster }: DescribeClusterServices,
): Response<'DescribeCluster'> {
  const { endpointType } = request
  if (endpointType !== BROKERS) {
    const isController = endpointType === CONTROLLERS
    return {
      errorCode: isController ? errorCodes.MISMATCHED_ENDPOINT_TYPE : errorCodes.UNSUPPORTED_ENDPOINT_TYPE,
      errorMessage: isController
        ? 'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER'
        : `Unsupported endpoint type ${endpointType}`,
      // The reply can only carry a type that the protocol knows.
      endpointType: BROKERS,
      clusterId: '',
      brokers: [],
    }
  }
  return {
    errorCode: errorCodes.NONE,
    clusterId: cluster.clusterId,
    controllerId: controllerFor(cluster, connection),
    brokers: cluster.image.brokers().flatMap((broker) => {
      if (broker.fenced && !request.includeFencedBrokers) return []
      const place = cluster.address(broker, connection)
      return place === undefined
        ? []
        : { brokerId: broker.id, ...place, rack: broker.rack, isFenced: broker.fenced }
    }),
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? CLUSTER_OPERATIONS
      : OPERATIONS_NOT_ASKED,
  }
}
