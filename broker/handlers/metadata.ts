// Metadata, versions 0-13: brokers, and topics with their leaders. Asked for all topics by null (by an empty
// list in version 0), for some by name, from version 12 on also by id. A topic that is made on the way is
// answered when it can be written to. Codes: Kafka's KafkaApis.handleTopicMetadataRequest.

import type { TopicImage } from '../controller/image.ts'
import { isInternalTopic } from '../controller/topic-name.ts'
import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import { ZERO_UUID } from '../protocol/schema.ts'
import {
  CLUSTER_OPERATIONS,
  type ClusterView,
  controllerFor,
  OPERATIONS_NOT_ASKED,
  partitionState,
  reachableBrokers,
  TOPIC_OPERATIONS,
  unknownTopicCode,
} from './cluster-view.ts'
import type { Request, RequestContext, Response } from './context.ts'

type MetadataRequest = Request<'Metadata'>
type MetadataResponse = Response<'Metadata'>
type TopicResponse = MetadataResponse['topics'][number]

/** First version that may name a topic by its id. */
const IDS_SINCE = 12

export interface MetadataServices {
  cluster: ClusterView
  /** auto.create.topics.enable */
  autoCreateEnabled(): boolean
  /** Makes topics; resolves with a code for each when those that could be made can be written to. */
  autoCreate(names: readonly string[]): Promise<ReadonlyMap<string, ErrorCode>>
}

export async function handleMetadata(
  request: MetadataRequest,
  context: RequestContext,
  services: MetadataServices,
): Promise<MetadataResponse> {
  const { cluster } = services
  const asked = askedTopics(request, context.apiVersion)
  if (asked !== undefined && context.apiVersion < IDS_SINCE && asked.some(isById)) {
    return answer(asked.map(refusedTopic), request, context, cluster)
  }
  const refusals = asked === undefined ? new Map() : await createMissing(asked, request, services)
  const topics =
    asked === undefined
      ? [...cluster.image.topics()].map((topic) => knownTopic(topic, request, context, cluster))
      : asked.map((entry) => askedTopic(entry, refusals, request, context, cluster))
  return answer(topics, request, context, cluster)
}

type Asked = NonNullable<MetadataRequest['topics']>[number]

/** Undefined for all topics; otherwise each topic once. */
function askedTopics({ topics }: MetadataRequest, apiVersion: number): Asked[] | undefined {
  if (topics === null || (apiVersion === 0 && topics.length === 0)) return undefined
  return [...new Map(topics.map((topic) => [`${topic.topicId}/${topic.name ?? ''}`, topic])).values()]
}

function isById({ name, topicId }: Asked): boolean {
  return name === null || topicId !== ZERO_UUID
}

async function createMissing(
  asked: readonly Asked[],
  { allowAutoTopicCreation }: MetadataRequest,
  { cluster, autoCreateEnabled, autoCreate }: MetadataServices,
): Promise<ReadonlyMap<string, ErrorCode>> {
  if (!allowAutoTopicCreation || !autoCreateEnabled()) return new Map()
  const missing = asked
    .filter((entry) => !isById(entry))
    .map(({ name }) => name as string)
    .filter(
      (name) =>
        cluster.image.topic(name) === undefined &&
        unknownTopicCode(name) === errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    )
  return missing.length === 0 ? new Map() : autoCreate(missing)
}

function askedTopic(
  asked: Asked,
  refusals: ReadonlyMap<string, ErrorCode>,
  request: MetadataRequest,
  context: RequestContext,
  cluster: ClusterView,
): TopicResponse {
  const { name, topicId } = asked
  const { image } = cluster
  if (isById(asked)) {
    const topic = image.topicById(topicId)
    if (topic !== undefined) return knownTopic(topic, request, context, cluster)
    // The name that came with an id counts for nothing: what is not known by the id has no name.
    return emptyTopic(errorCodes.UNKNOWN_TOPIC_ID, null, topicId)
  }
  const topic = image.topic(name as string)
  if (topic !== undefined) return knownTopic(topic, request, context, cluster)
  const refusal = refusals.get(name as string) ?? errorCodes.NONE
  const errorCode = refusal === errorCodes.NONE ? unknownTopicCode(name as string) : refusal
  return emptyTopic(errorCode, name, ZERO_UUID)
}

function refusedTopic({ name, topicId }: Asked): TopicResponse {
  return emptyTopic(errorCodes.INVALID_REQUEST, name ?? '', topicId)
}

function emptyTopic(errorCode: ErrorCode, name: string | null, topicId: string): TopicResponse {
  return { errorCode, name, topicId, isInternal: name !== null && isInternalTopic(name), partitions: [] }
}

function knownTopic(
  topic: TopicImage,
  { includeTopicAuthorizedOperations }: MetadataRequest,
  { connection }: RequestContext,
  cluster: ClusterView,
): TopicResponse {
  return {
    errorCode: errorCodes.NONE,
    name: topic.name,
    topicId: topic.topicId,
    isInternal: isInternalTopic(topic.name),
    partitions: topic.partitions.map((partition) => partitionState(cluster, partition, connection)),
    topicAuthorizedOperations: includeTopicAuthorizedOperations ? TOPIC_OPERATIONS : OPERATIONS_NOT_ASKED,
  }
}

function answer(
  topics: TopicResponse[],
  { includeClusterAuthorizedOperations }: MetadataRequest,
  { connection }: RequestContext,
  cluster: ClusterView,
): MetadataResponse {
  return {
    brokers: reachableBrokers(cluster, connection),
    clusterId: cluster.clusterId,
    controllerId: controllerFor(cluster, connection),
    topics,
    clusterAuthorizedOperations: includeClusterAuthorizedOperations
      ? CLUSTER_OPERATIONS
      : OPERATIONS_NOT_ASKED,
    errorCode: errorCodes.NONE,
  }
}
