// DescribeTopicPartitions, version 0: topics in the order of their names, so many partitions a page, and a
// cursor to the next one. Source: Kafka's DescribeTopicPartitionsRequestHandler.

import type { TopicImage } from '../controller/image.ts'
import { isInternalTopic } from '../controller/topic-name.ts'
import { errorCodes } from '../protocol/errors.ts'
import { ZERO_UUID } from '../protocol/schema.ts'
import { type ClusterView, partitionState, TOPIC_OPERATIONS, unknownTopicCode } from './cluster-view.ts'
import type { Request, RequestContext, Response } from './context.ts'

type DescribeTopicPartitionsResponse = Response<'DescribeTopicPartitions'>
type TopicResponse = DescribeTopicPartitionsResponse['topics'][number]

export interface DescribeTopicPartitionsServices {
  cluster: ClusterView
  /** max.request.partition.size.limit: the most partitions of one page. */
  partitionLimit(): number
}

export function handleDescribeTopicPartitions(
  request: Request<'DescribeTopicPartitions'>,
  context: RequestContext,
  { cluster, partitionLimit }: DescribeTopicPartitionsServices,
): DescribeTopicPartitionsResponse {
  const { cursor, responsePartitionLimit } = request
  const isAsked = (topic: string): boolean =>
    request.topics.length === 0 || request.topics.some(({ name }) => name === topic)
  // A cursor comes from an answer to the same topics.
  if (cursor !== null && (cursor.partitionIndex < 0 || !isAsked(cursor.topicName))) {
    const topics = request.topics.map(({ name }) => unknown(name, errorCodes.INVALID_REQUEST))
    return { topics, nextCursor: null }
  }
  const wantsAll = request.topics.length === 0
  const names = wantsAll
    ? [...cluster.image.topics()].map(({ name }) => name)
    : [...new Set(request.topics.map(({ name }) => name))]
  const first = cursor?.topicName ?? ''
  const topics: TopicResponse[] = []
  let room = Math.max(1, Math.min(partitionLimit(), responsePartitionLimit))
  for (const name of names.filter((each) => each >= first).sort(byName)) {
    if (room === 0) return { topics, nextCursor: { topicName: name, partitionIndex: 0 } }
    const topic = cluster.image.topic(name)
    if (topic === undefined) {
      // Kafka tells what is allowed even on a topic that is not there.
      topics.push({ ...unknown(name, unknownTopicCode(name)), topicAuthorizedOperations: TOPIC_OPERATIONS })
      continue
    }
    const from = name === cursor?.topicName ? cursor.partitionIndex : 0
    const until = Math.min(topic.partitions.length, from + room)
    topics.push(described(topic, from, until, context, cluster))
    if (until < topic.partitions.length) {
      return { topics, nextCursor: { topicName: name, partitionIndex: until } }
    }
    room -= Math.max(0, until - from)
  }
  return { topics, nextCursor: null }
}

/** By UTF-16 code units, as Java compares. */
function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function described(
  topic: TopicImage,
  from: number,
  until: number,
  { connection }: RequestContext,
  cluster: ClusterView,
): TopicResponse {
  return {
    errorCode: errorCodes.NONE,
    name: topic.name,
    topicId: topic.topicId,
    isInternal: isInternalTopic(topic.name),
    partitions: topic.partitions.slice(from, until).map((partition) => ({
      ...partitionState(cluster, partition, connection),
      eligibleLeaderReplicas: [...partition.eligibleLeaderReplicas],
      lastKnownElr: [...partition.lastKnownElr],
    })),
    topicAuthorizedOperations: TOPIC_OPERATIONS,
  }
}

function unknown(name: string, errorCode: number): TopicResponse {
  return { errorCode, name, topicId: ZERO_UUID, isInternal: isInternalTopic(name), partitions: [] }
}
