// Plans for CreateTopics and CreatePartitions. Order of the checks, codes and texts: Kafka's
// ReplicationControlManager and ControllerApis. Each topic stands for itself, apart from the bound on
// partitions per request, which refuses all.

import { errorCodes, errorText } from '../protocol/errors.ts'
import type {
  CreatePartitions,
  CreateTopics,
  NamedOutcome,
  NewTopic,
  NewTopicOutcome,
  Outcome,
  Plan,
} from './commands.ts'
import { type MetadataFact, RESOURCE_TYPES } from './facts.ts'
import { assignmentProblem, isActive, newPartition, placeReplicas, tooFewBrokers } from './placement.ts'
import type { PlanContext } from './plan-context.ts'
import { collisionKey, METADATA_TOPIC, topicNameProblem } from './topic-name.ts'

const NO_ID = '00000000000000000000000000000000'
const TOO_MANY = 'Excessively large number of partitions per request.'
const NO_SETTINGS: ReadonlyMap<string, string> = new Map()

type Refusal = Outcome & { errorMessage: string }

function refuse(errorCode: number, errorMessage: string): Refusal {
  return { errorCode, errorMessage }
}

/** controller_mutation_rate (KIP-599). */
const OVER_QUOTA = refuse(
  errorCodes.THROTTLING_QUOTA_EXCEEDED,
  errorText(errorCodes.THROTTLING_QUOTA_EXCEEDED),
)

/** Replicas of each new partition, or why not. */
type Replicas = { replicas: readonly (readonly number[])[] } | Refusal

export function planCreateTopics(command: CreateTopics, context: PlanContext): Plan<NewTopicOutcome[]> {
  const { image, settings } = context
  const repeated = repeatedNames(command.topics)
  const collisions = new Map<string, string>()
  for (const { name } of image.topics()) collisions.set(collisionKey(name), name)
  const facts: MetadataFact[] = []
  const reply: NewTopicOutcome[] = []
  let partitions = 0
  for (const topic of distinct(command.topics)) {
    const { name } = topic
    const configs = new Map<string, string>()
    const refusal =
      nameRefusal(name, repeated, collisions, context) ?? configRefusal(topic.configs, configs, context)
    const placed = refusal ?? replicasOf(topic, settings.partitionsPerRequest - partitions, context)
    if (!('replicas' in placed)) {
      // Beyond the bound everything is refused: a client that asks for that much is not to get half of it.
      if (placed.errorMessage === TOO_MANY) return { facts: [], reply: refuseAll(command.topics, placed) }
      reply.push(failed(name, placed))
      continue
    }
    if (command.quota?.(placed.replicas.length) === false) {
      reply.push(failed(name, OVER_QUOTA))
      continue
    }
    partitions += placed.replicas.length
    collisions.set(collisionKey(name), name)
    const topicId = command.validateOnly ? NO_ID : context.newId()
    facts.push({ type: 'TopicRecord', name, topicId })
    for (const [key, value] of configs) facts.push(topicConfig(name, key, value))
    placed.replicas.forEach((replicas, partitionId) => {
      facts.push(newPartition(topicId, partitionId, replicas, (id) => image.broker(id)))
    })
    reply.push({
      name,
      topicId,
      errorCode: errorCodes.NONE,
      errorMessage: null,
      numPartitions: placed.replicas.length,
      replicationFactor: placed.replicas[0]?.length ?? -1,
      settings: configs,
    })
  }
  return { facts: command.validateOnly ? [] : facts, reply }
}

export function planCreatePartitions(command: CreatePartitions, context: PlanContext): Plan<NamedOutcome[]> {
  const { image, settings } = context
  const repeated = repeatedNames(command.topics)
  const facts: MetadataFact[] = []
  const reply: NamedOutcome[] = []
  let partitions = 0
  for (const { name, count, assignments } of distinct(command.topics)) {
    const topic = image.topic(name)
    if (repeated.has(name)) {
      reply.push({ name, ...refuse(errorCodes.INVALID_REQUEST, 'Duplicate topic name.') })
      continue
    }
    if (topic === undefined) {
      reply.push({ name, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: null })
      continue
    }
    const current = topic.partitions.length
    const added = addedReplicas(
      name,
      current,
      count,
      assignments,
      settings.partitionsPerRequest - partitions,
      {
        ...context,
        replicationFactor: topic.partitions[0]?.replicas.length ?? 1,
      },
    )
    if (!('replicas' in added)) {
      if (added.errorMessage === TOO_MANY) {
        return { facts: [], reply: distinct(command.topics).map((each) => ({ name: each.name, ...added })) }
      }
      reply.push({ name, ...added })
      continue
    }
    if (command.quota?.(added.replicas.length) === false) {
      reply.push({ name, ...OVER_QUOTA })
      continue
    }
    partitions += added.replicas.length
    added.replicas.forEach((replicas, index) => {
      facts.push(newPartition(topic.topicId, current + index, replicas, (id) => image.broker(id)))
    })
    reply.push({ name, errorCode: errorCodes.NONE, errorMessage: null })
  }
  return { facts: command.validateOnly ? [] : facts, reply }
}

function addedReplicas(
  name: string,
  current: number,
  count: number,
  assignments: CreatePartitions['topics'][number]['assignments'],
  bound: number,
  context: PlanContext & { replicationFactor: number },
): Replicas {
  const { image, replicationFactor } = context
  if (count === current) {
    return refuse(errorCodes.INVALID_PARTITIONS, `Topic already has ${current} partition(s).`)
  }
  if (count < current) {
    return refuse(
      errorCodes.INVALID_PARTITIONS,
      `The topic ${name} currently has ${current} partition(s); ${count} would not be an increase.`,
    )
  }
  const additional = count - current
  if (assignments !== null && assignments.length !== additional) {
    return refuse(
      errorCodes.INVALID_REPLICA_ASSIGNMENT,
      `Attempted to add ${additional} additional partition(s), but only ${assignments.length} assignment(s) were specified.`,
    )
  }
  if (additional > bound) return refuse(errorCodes.POLICY_VIOLATION, TOO_MANY)
  if (assignments !== null) {
    return byHand(
      assignments.map(({ brokerIds }) => brokerIds),
      current,
      replicationFactor,
      context,
    )
  }
  const brokers = image.brokers()
  const few = tooFewBrokers(replicationFactor, brokers)
  if (few !== undefined) return refuse(errorCodes.INVALID_REPLICATION_FACTOR, few)
  return { replicas: placeReplicas(brokers, additional, replicationFactor, context.below) }
}

function replicasOf(topic: NewTopic, bound: number, context: PlanContext): Replicas {
  const { settings, image } = context
  if (topic.assignments.length > 0) return assignedReplicas(topic, bound, context)
  if (topic.replicationFactor < -1 || topic.replicationFactor === 0) {
    return refuse(
      errorCodes.INVALID_REPLICATION_FACTOR,
      'Replication factor must be larger than 0, or -1 to use the default value.',
    )
  }
  if (topic.numPartitions < -1 || topic.numPartitions === 0) {
    return refuse(
      errorCodes.INVALID_PARTITIONS,
      'Number of partitions was set to an invalid non-positive value.',
    )
  }
  const count = topic.numPartitions === -1 ? settings.numPartitions : topic.numPartitions
  const factor = topic.replicationFactor === -1 ? settings.defaultReplicationFactor : topic.replicationFactor
  if (count > bound) return refuse(errorCodes.POLICY_VIOLATION, TOO_MANY)
  const brokers = image.brokers()
  const few = tooFewBrokers(factor, brokers)
  if (few !== undefined) return refuse(errorCodes.INVALID_REPLICATION_FACTOR, few)
  return { replicas: placeReplicas(brokers, count, factor, context.below) }
}

function assignedReplicas(topic: NewTopic, bound: number, context: PlanContext): Replicas {
  const { assignments } = topic
  if (topic.replicationFactor !== -1) {
    return refuse(
      errorCodes.INVALID_REQUEST,
      'A manual partition assignment was specified, but replication factor was not set to -1.',
    )
  }
  if (topic.numPartitions !== -1) {
    return refuse(
      errorCodes.INVALID_REQUEST,
      'A manual partition assignment was specified, but numPartitions was not set to -1.',
    )
  }
  if (assignments.length > bound) return refuse(errorCodes.POLICY_VIOLATION, TOO_MANY)
  const byPartition = new Map<number, readonly number[]>()
  for (const { partitionIndex, brokerIds } of assignments) {
    if (byPartition.has(partitionIndex)) {
      return refuse(
        errorCodes.INVALID_REPLICA_ASSIGNMENT,
        `Found multiple manual partition assignments for partition ${partitionIndex}`,
      )
    }
    byPartition.set(partitionIndex, brokerIds)
  }
  const inOrder = assignments.map((_, partition) => byPartition.get(partition))
  if (inOrder.includes(undefined)) {
    return refuse(
      errorCodes.INVALID_REPLICA_ASSIGNMENT,
      'partitions should be a consecutive 0-based integer sequence',
    )
  }
  return byHand(inOrder as (readonly number[])[], 0, undefined, context)
}

/** Checks replicas given by hand; all partitions of a topic have as many as its first. */
function byHand(
  replicas: readonly (readonly number[])[],
  firstPartition: number,
  replicationFactor: number | undefined,
  { image }: PlanContext,
): Replicas {
  const factor = replicationFactor ?? replicas[0]?.length
  for (const [index, brokerIds] of replicas.entries()) {
    const problem = assignmentProblem(brokerIds, index === 0 ? replicationFactor : factor, (id) =>
      image.broker(id),
    )
    if (problem !== undefined) return refuse(errorCodes.INVALID_REPLICA_ASSIGNMENT, problem)
    const active = brokerIds.some((id) => {
      const broker = image.broker(id)
      return broker !== undefined && isActive(broker)
    })
    if (!active) {
      return refuse(
        errorCodes.INVALID_REPLICA_ASSIGNMENT,
        `All brokers specified in the manual partition assignment for partition ${firstPartition + index} are fenced or in controlled shutdown.`,
      )
    }
  }
  return { replicas }
}

function nameRefusal(
  name: string,
  repeated: ReadonlySet<string>,
  collisions: ReadonlyMap<string, string>,
  { image }: PlanContext,
): Refusal | undefined {
  if (repeated.has(name)) return refuse(errorCodes.INVALID_REQUEST, 'Duplicate topic name.')
  if (name === METADATA_TOPIC) {
    return refuse(errorCodes.INVALID_REQUEST, `Creation of internal topic ${name} is prohibited.`)
  }
  const problem = topicNameProblem(name)
  if (problem !== undefined) return refuse(errorCodes.INVALID_TOPIC_EXCEPTION, problem)
  if (image.topic(name) !== undefined) {
    return refuse(errorCodes.TOPIC_ALREADY_EXISTS, `Topic '${name}' already exists.`)
  }
  const other = collisions.get(collisionKey(name))
  if (other === undefined) return undefined
  return refuse(errorCodes.INVALID_TOPIC_EXCEPTION, `Topic '${name}' collides with existing topic: ${other}`)
}

/** Fills `into` with the settings; the last of a repeated key counts, as in Kafka. */
function configRefusal(
  configs: NewTopic['configs'],
  into: Map<string, string>,
  { rules }: PlanContext,
): Refusal | undefined {
  const without = configs.filter(({ value }) => value === null).map(({ name }) => name)
  if (without.length > 0) {
    return refuse(
      errorCodes.INVALID_CONFIG,
      `Null value not supported for topic configs: ${without.join(',')}`,
    )
  }
  for (const { name, value } of configs) into.set(name, value as string)
  const problem = rules.topicProblem(into)
  return problem === undefined ? undefined : refuse(errorCodes.INVALID_CONFIG, problem)
}

export function topicConfig(topic: string, name: string, value: string | null): MetadataFact {
  return { type: 'ConfigRecord', resourceType: RESOURCE_TYPES.TOPIC, resourceName: topic, name, value }
}

function refuseAll(topics: readonly NewTopic[], refusal: Refusal): NewTopicOutcome[] {
  return distinct(topics).map(({ name }) => failed(name, refusal))
}

function failed(name: string, refusal: Refusal): NewTopicOutcome {
  return { name, topicId: NO_ID, ...refusal, numPartitions: -1, replicationFactor: -1, settings: NO_SETTINGS }
}

function repeatedNames(topics: readonly { name: string }[]): ReadonlySet<string> {
  const seen = new Set<string>()
  const repeated = new Set<string>()
  for (const { name } of topics) (seen.has(name) ? repeated : seen).add(name)
  return repeated
}

/** One entry for each name: a reply names a topic once. */
function distinct<T extends { name: string }>(topics: readonly T[]): T[] {
  return [...new Map(topics.map((topic) => [topic.name, topic])).values()]
}
