// What handlers about topics and brokers see of the cluster: the committed metadata, who controls it, and
// under which address a broker is known to the client that asks.

import type { BrokerImage, MetadataImage, PartitionImage } from '../controller/image.ts'
import { topicNameProblem } from '../controller/topic-name.ts'
import type { ConnectionInfo } from '../net/net.ts'
import { type ErrorCode, errorCodes } from '../protocol/errors.ts'

export interface ClusterView {
  readonly image: MetadataImage
  readonly clusterId: string
  /** -1: none known. */
  readonly controllerId: number
  /** Where the client on this connection reaches a broker; undefined where it cannot. */
  address(broker: BrokerImage, connection: ConnectionInfo): { host: string; port: number } | undefined
}

export interface BrokerAddress {
  nodeId: number
  host: string
  port: number
  rack: string | null
}

/** "Not asked for", in the fields of authorized operations. */
export const OPERATIONS_NOT_ASKED = -2147483648

const operationBits = (...codes: number[]): number => codes.reduce((bits, code) => bits | (1 << code), 0)

const READ = 3
const WRITE = 4
const CREATE = 5
const DELETE = 6
const ALTER = 7
const DESCRIBE = 8
const CLUSTER_ACTION = 9
const DESCRIBE_CONFIGS = 10
const ALTER_CONFIGS = 11
const IDEMPOTENT_WRITE = 12

/** Without an authorizer everybody may do all that there is (Kafka's AclEntry.supportedOperations). */
export const TOPIC_OPERATIONS = operationBits(
  READ,
  WRITE,
  CREATE,
  DELETE,
  ALTER,
  DESCRIBE,
  DESCRIBE_CONFIGS,
  ALTER_CONFIGS,
)
export const GROUP_OPERATIONS = operationBits(READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS)
export const CLUSTER_OPERATIONS = operationBits(
  CREATE,
  ALTER,
  DESCRIBE,
  CLUSTER_ACTION,
  DESCRIBE_CONFIGS,
  ALTER_CONFIGS,
  IDEMPOTENT_WRITE,
)

/** A broker as a client sees it; undefined while it is fenced or has no address for this client. */
export function reachable(
  { image, address }: Pick<ClusterView, 'image' | 'address'>,
  brokerId: number,
  connection: ConnectionInfo,
): BrokerAddress | undefined {
  const broker = image.broker(brokerId)
  if (broker === undefined || broker.fenced) return undefined
  const place = address(broker, connection)
  return place === undefined ? undefined : { nodeId: broker.id, ...place, rack: broker.rack }
}

/** Brokers that a client can reach, by id. */
export function reachableBrokers(view: ClusterView, connection: ConnectionInfo): BrokerAddress[] {
  return view.image.brokers().flatMap(({ id }) => reachable(view, id, connection) ?? [])
}

/** The controller, if clients can reach it as a broker; -1 otherwise. */
export function controllerFor(view: ClusterView, connection: ConnectionInfo): number {
  return reachable(view, view.controllerId, connection) === undefined ? -1 : view.controllerId
}

export interface PartitionState {
  errorCode: ErrorCode
  partitionIndex: number
  /** -1: none that a client can reach. */
  leaderId: number
  leaderEpoch: number
  replicaNodes: number[]
  isrNodes: number[]
  offlineReplicas: number[]
}

/** A partition as Metadata and DescribeTopicPartitions show it. */
export function partitionState(
  view: ClusterView,
  partition: PartitionImage,
  connection: ConnectionInfo,
): PartitionState {
  const leader = reachable(view, partition.leader, connection)
  return {
    errorCode: leader === undefined ? errorCodes.LEADER_NOT_AVAILABLE : errorCodes.NONE,
    partitionIndex: partition.partition,
    leaderId: leader?.nodeId ?? -1,
    leaderEpoch: partition.leaderEpoch,
    replicaNodes: [...partition.replicas],
    isrNodes: [...partition.isr],
    offlineReplicas: partition.replicas.filter((id) => reachable(view, id, connection) === undefined),
  }
}

/** The code for a name that no topic has. */
export function unknownTopicCode(name: string): ErrorCode {
  return topicNameProblem(name) === undefined
    ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION
    : errorCodes.INVALID_TOPIC_EXCEPTION
}
