// Plan for AlterPartitionReassignments, and which reassignments are under way. A reassignment first gives the
// partition both its old and its new replicas; it is over when the new ones are in sync, at once where
// nothing has to be copied. Source: Kafka's ReplicationControlManager, PartitionReassignmentReplicas (KIP-455).

import { errorCodes } from '../protocol/errors.ts'
import {
  type AlterPartitionReassignments,
  OK,
  type Outcome,
  type Plan,
  type ReassignedPartition,
} from './commands.ts'
import { leaderChange, type PartitionChange } from './elections.ts'
import { type Fact, partitionChange, RESOURCE_TYPES } from './facts.ts'
import type { MetadataImage, PartitionImage, TopicImage } from './image.ts'
import { assignmentProblem, directoryFor } from './placement.ts'
import type { PlanContext } from './plan-context.ts'

type Wanted = AlterPartitionReassignments['partitions'][number]

export function planAlterPartitionReassignments(
  command: AlterPartitionReassignments,
  context: PlanContext,
): Plan<ReassignedPartition[]> {
  const facts: Fact<'PartitionChangeRecord'>[] = []
  const reply = command.partitions.map((wanted): ReassignedPartition => {
    const { topic, partition } = wanted
    const planned = reassign(wanted, command.allowReplicationFactorChange, context)
    if ('errorCode' in planned) return { topic, partition, ...planned }
    facts.push(...planned.facts)
    return { topic, partition, ...OK }
  })
  return { facts, reply }
}

export function isReassigning({ addingReplicas, removingReplicas }: PartitionImage): boolean {
  return addingReplicas.length > 0 || removingReplicas.length > 0
}

function reassign(
  { topic: name, partition: index, replicas }: Wanted,
  mayChangeFactor: boolean,
  context: PlanContext,
): { facts: Fact<'PartitionChangeRecord'>[] } | Outcome {
  const { image } = context
  const topic = image.topic(name)
  if (topic === undefined) {
    return refuse(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `Unable to find a topic named ${name}.`)
  }
  const partition = topic.partitions[index]
  if (partition === undefined) {
    return refuse(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `Unable to find partition ${name}:${index}.`)
  }
  if (replicas === null) return cancel(topic, partition, context)
  const problem = assignmentProblem(replicas, undefined, (id) => image.broker(id))
  if (problem !== undefined) return refuse(errorCodes.INVALID_REPLICA_ASSIGNMENT, problem)
  const settled = partition.replicas.filter((id) => !partition.removingReplicas.includes(id))
  if (!mayChangeFactor && settled.length !== replicas.length) {
    return refuse(
      errorCodes.INVALID_REPLICATION_FACTOR,
      `The replication factor is changed from ${settled.length} to ${replicas.length}`,
    )
  }
  const removing = partition.replicas.filter((id) => !replicas.includes(id)).sort(ascending)
  const adding = replicas.filter((id) => !partition.replicas.includes(id)).sort(ascending)
  return changeTo(
    topic,
    partition,
    // What is not named stays as it is: a second reassignment of the same kind goes on with the first.
    {
      replicas: [...replicas, ...removing],
      removing: removing.length > 0 ? removing : partition.removingReplicas,
      adding: adding.length > 0 ? adding : partition.addingReplicas,
      isr: partition.isr,
    },
    image,
  )
}

function cancel(
  topic: TopicImage,
  partition: PartitionImage,
  { image, rules }: PlanContext,
): { facts: Fact<'PartitionChangeRecord'>[] } | Outcome {
  if (!isReassigning(partition)) {
    return { errorCode: errorCodes.NO_REASSIGNMENT_IN_PROGRESS, errorMessage: null }
  }
  const { addingReplicas } = partition
  const replicas = partition.replicas.filter((id) => !addingReplicas.includes(id))
  const isr = partition.isr.filter((id) => !addingReplicas.includes(id))
  const [first] = replicas
  if (first === undefined) {
    return refuse(
      errorCodes.INVALID_REPLICA_ASSIGNMENT,
      'Invalid replica assignment: addingReplicas contains all replicas.',
    )
  }
  // Only what was added is in sync: going back loses records.
  const isUncleanAllowed = rules.isUncleanElectionAllowed(image.settings(RESOURCE_TYPES.TOPIC, topic.name))
  if (isr.length === 0 && !isUncleanAllowed) {
    return refuse(
      errorCodes.INVALID_REPLICA_ASSIGNMENT,
      `Unable to revert partition assignment for ${topic.name}:${partition.partition} because it would require an unclean leader election.`,
    )
  }
  const target = { replicas, removing: [], adding: [], isr: isr.length === 0 ? [first] : isr }
  return changeTo(topic, partition, target, image, isUncleanAllowed)
}

interface Target {
  replicas: readonly number[]
  removing: readonly number[]
  adding: readonly number[]
  isr: readonly number[]
}

/** The record that takes a partition to `target`, or beyond it where the reassignment is over at once; none if nothing changes. */
function changeTo(
  { topicId }: TopicImage,
  partition: PartitionImage,
  wanted: Target,
  image: MetadataImage,
  isUncleanAllowed = false,
): { facts: Fact<'PartitionChangeRecord'>[] } {
  const target = completed(wanted) ?? wanted
  const elected = leaderChange(
    { ...partition, replicas: target.replicas, isr: target.isr },
    isUncleanAllowed ? 'unclean' : 'online',
    image,
  )
  const change: PartitionChange = { ...elected }
  if (change.isr === undefined && !isSame(target.isr, partition.isr)) change.isr = [...target.isr]
  const lost = partition.replicas.some((id) => !target.replicas.includes(id))
  // Who is a replica no longer must see that its epoch has passed.
  if (change.leader === undefined && lost) change.leader = partition.leader
  const directoryOf = new Map(partition.replicas.map((id, i) => [id, partition.directories[i]]))
  const directories = target.replicas.map((id) => directoryOf.get(id) ?? directoryFor(image.broker(id)))
  if (!isSame(directories, partition.directories)) change.directories = directories
  if (!isSame(target.replicas, partition.replicas)) change.replicas = [...target.replicas]
  if (!isSame(target.removing, partition.removingReplicas)) change.removingReplicas = [...target.removing]
  if (!isSame(target.adding, partition.addingReplicas)) change.addingReplicas = [...target.adding]
  return Object.keys(change).length === 0
    ? { facts: [] }
    : { facts: [partitionChange(topicId, partition.partition, change)] }
}

/** The target without those that are removed, once all that are added are in sync; undefined before. */
function completed({ replicas, removing, adding, isr }: Target): Target | undefined {
  if (removing.length === 0 && adding.length === 0) return undefined
  const stay = (ids: readonly number[]): number[] => ids.filter((id) => !removing.includes(id))
  const [keptIsr, keptReplicas] = [stay(isr), stay(replicas)]
  if (keptIsr.length === 0 || keptReplicas.length === 0) return undefined
  if (adding.some((id) => !keptIsr.includes(id))) return undefined
  // With fewer replicas than before, all that stay must be in sync: the in-sync set is not to shrink for it.
  if (adding.length < removing.length && keptReplicas.some((id) => !keptIsr.includes(id))) return undefined
  return { replicas: keptReplicas, removing: [], adding: [], isr: keptIsr }
}

const ascending = (a: number, b: number): number => a - b

function isSame<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}

function refuse(errorCode: number, errorMessage: string): Outcome {
  return { errorCode, errorMessage }
}
