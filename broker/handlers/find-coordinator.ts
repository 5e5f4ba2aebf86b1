// FindCoordinator, versions 0-6: which broker leads the partition of the internal topic that a group or a
// transactional id or a share partition belongs to. The topic is made by the first who asks. Several keys at once from version 4.

import { OFFSETS_TOPIC, SHARE_STATE_TOPIC, TRANSACTIONS_TOPIC } from '../controller/topic-name.ts'
import { partitionForHash } from '../coordinator/java-hash.ts'
import { parseCoordinatorKey } from '../coordinator/share/share-coordinator.ts'
import { errorCodes } from '../protocol/errors.ts'
import { type ClusterView, reachable } from './cluster-view.ts'
import type { Request, RequestContext, Response } from './context.ts'

type FindCoordinatorResponse = Response<'FindCoordinator'>
type Coordinator = NonNullable<FindCoordinatorResponse['coordinators']>[number]

/** First version that asks for several keys. */
const MANY_SINCE = 4

/** First version that knows share coordinators. */
const SHARE_SINCE = 6

type CoordinatorTopic = typeof OFFSETS_TOPIC | typeof TRANSACTIONS_TOPIC | typeof SHARE_STATE_TOPIC

const topicOfKeyType: readonly (CoordinatorTopic | undefined)[] = [
  OFFSETS_TOPIC,
  TRANSACTIONS_TOPIC,
  SHARE_STATE_TOPIC,
]

export interface FindCoordinatorServices {
  cluster: ClusterView
  /** Resolves when the topic is there and its coordinators have loaded it; rejects when it cannot be. */
  ensureTopic(topic: CoordinatorTopic): Promise<void>
}

export async function handleFindCoordinator(
  request: Request<'FindCoordinator'>,
  context: RequestContext,
  services: FindCoordinatorServices,
): Promise<FindCoordinatorResponse> {
  const isBatched = context.apiVersion >= MANY_SINCE
  const keys = isBatched ? request.coordinatorKeys : [request.key]
  const found = await findAll(keys, request.keyType, context, services)
  if (isBatched) return { coordinators: found }
  const { errorCode, errorMessage, nodeId, host, port } = found[0] as Coordinator
  return { errorCode, errorMessage: errorMessage ?? null, nodeId, host, port }
}

async function findAll(
  keys: readonly string[],
  keyType: number,
  { connection, apiVersion }: RequestContext,
  { cluster, ensureTopic }: FindCoordinatorServices,
): Promise<Coordinator[]> {
  const name = topicOfKeyType[keyType]
  if (name === undefined || (name === SHARE_STATE_TOPIC && apiVersion < SHARE_SINCE)) {
    const message = `no coordinator for keys of type ${keyType}`
    return keys.map((key) => none(key, errorCodes.INVALID_REQUEST, message))
  }
  try {
    await ensureTopic(name)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return keys.map((key) => none(key, errorCodes.COORDINATOR_NOT_AVAILABLE, message))
  }
  const topic = cluster.image.topic(name)
  return keys.map((key) => {
    if (name === SHARE_STATE_TOPIC && parseCoordinatorKey(key) === undefined)
      return none(key, errorCodes.INVALID_REQUEST, `${key} names no share partition`)
    const count = topic?.partitions.length ?? 0
    const partition = count === 0 ? undefined : topic?.partitions[partitionForHash(key, count)]
    const leader = partition === undefined ? undefined : reachable(cluster, partition.leader, connection)
    if (leader === undefined) {
      return none(key, errorCodes.COORDINATOR_NOT_AVAILABLE, 'the coordinator has no leader at the moment')
    }
    const { nodeId, host, port } = leader
    return { key, nodeId, host, port, errorCode: errorCodes.NONE, errorMessage: null }
  })
}

function none(key: string, errorCode: number, errorMessage: string): Coordinator {
  return { key, nodeId: -1, host: '', port: -1, errorCode, errorMessage }
}
