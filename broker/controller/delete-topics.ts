// Plan for DeleteTopics: by name, or by id. One record removes a topic with its partitions and settings.
// Codes and texts: Kafka's ControllerApis. Unlike Kafka, internal topics are not deleted: the coordinators
// that live on them would have to go first.

import { errorCodes, errorText } from '../protocol/errors.ts'
import type { DeletedTopicOutcome, DeleteTopics, Plan } from './commands.ts'
import type { MetadataFact } from './facts.ts'
import type { TopicImage } from './image.ts'
import type { PlanContext } from './plan-context.ts'
import { isInternalTopic } from './topic-name.ts'

const NO_ID = '00000000000000000000000000000000'

export function planDeleteTopics(command: DeleteTopics, context: PlanContext): Plan<DeletedTopicOutcome[]> {
  const { image, settings } = context
  const facts: MetadataFact[] = []
  const reply: DeletedTopicOutcome[] = []
  const timesNamed = countUses(command.topics, (topicId) => image.topicById(topicId)?.name)
  for (const entry of command.topics) {
    const { name, topicId } = entry
    const fail = (errorCode: number, errorMessage: string | null) =>
      reply.push({ name, topicId, errorCode, errorMessage })
    const byId = topicId !== NO_ID
    if (!settings.deleteTopicEnable) {
      fail(errorCodes.TOPIC_DELETION_DISABLED, 'Topic deletion is disabled.')
      continue
    }
    if (name !== null && byId) {
      fail(errorCodes.INVALID_REQUEST, 'You may not specify both topic name and topic id.')
      continue
    }
    if (name === null && !byId) {
      fail(errorCodes.INVALID_REQUEST, 'Neither topic name nor id were specified.')
      continue
    }
    const topic: TopicImage | undefined = name === null ? image.topicById(topicId) : image.topic(name)
    const key = topic?.name ?? name ?? topicId
    if ((timesNamed.get(key) ?? 0) > 1) {
      // Said once, however often the same words were used.
      if (topic !== undefined && isNamedBothWays(topic, command.topics)) {
        if (reply.some((said) => said.topicId === topic.topicId)) continue
        const errorMessage = 'The provided topic name maps to an ID that was already supplied.'
        reply.push({
          name: topic.name,
          topicId: topic.topicId,
          errorCode: errorCodes.INVALID_REQUEST,
          errorMessage,
        })
        continue
      }
      if (reply.some((said) => said.name === name && said.topicId === topicId)) continue
      fail(errorCodes.INVALID_REQUEST, byId ? 'Duplicate topic id.' : 'Duplicate topic name.')
      continue
    }
    if (topic === undefined) {
      const errorCode = byId ? errorCodes.UNKNOWN_TOPIC_ID : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
      fail(errorCode, errorText(errorCode))
      continue
    }
    if (isInternalTopic(topic.name)) {
      fail(errorCodes.INVALID_TOPIC_EXCEPTION, `The internal topic ${topic.name} cannot be deleted.`)
      continue
    }
    if (command.quota?.(topic.partitions.length) === false) {
      fail(errorCodes.THROTTLING_QUOTA_EXCEEDED, errorText(errorCodes.THROTTLING_QUOTA_EXCEEDED))
      continue
    }
    facts.push({ type: 'RemoveTopicRecord', topicId: topic.topicId })
    reply.push({
      name: topic.name,
      topicId: topic.topicId,
      errorCode: errorCodes.NONE,
      errorMessage: null,
    })
  }
  return { facts, reply }
}

/** Once by its name and once by its id. */
function isNamedBothWays(topic: TopicImage, topics: DeleteTopics['topics']): boolean {
  const byName = topics.filter(({ name }) => name === topic.name).length
  const byId = topics.filter(({ name, topicId }) => name === null && topicId === topic.topicId).length
  return byName === 1 && byId === 1
}

/** How often each topic is meant, whether by name or by id. */
function countUses(
  topics: DeleteTopics['topics'],
  nameOf: (topicId: string) => string | undefined,
): ReadonlyMap<string, number> {
  const uses = new Map<string, number>()
  for (const { name, topicId } of topics) {
    const key = name ?? nameOf(topicId) ?? topicId
    uses.set(key, (uses.get(key) ?? 0) + 1)
  }
  return uses
}
