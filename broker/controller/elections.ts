// Plan for ElectLeaders, and the rule by which a partition's leader is chosen: a replica that is active and in
// sync, or, where nobody is in sync, eligible to lead (KIP-966); an unclean election takes any active replica
// and loses what it lacks. Codes and order of checks: Kafka's ReplicationControlManager, PartitionChangeBuilder.

import { errorCodes, errorText } from '../protocol/errors.ts'
import { type ElectedPartition, type ElectLeaders, OK, type Outcome, type Plan } from './commands.ts'
import { type Fact, NO_LEADER, partitionChange, RECOVERING } from './facts.ts'
import type { MetadataImage, PartitionImage } from './image.ts'
import { isActive } from './placement.ts'
import type { PlanContext } from './plan-context.ts'

/** Kafka's numbers of what may be elected. */
export const ELECTION_TYPES = { PREFERRED: 0, UNCLEAN: 1 } as const

export type PartitionChange = Partial<Omit<Fact<'PartitionChangeRecord'>, 'type' | 'topicId' | 'partitionId'>>

export function planElectLeaders(command: ElectLeaders, context: PlanContext): Plan<ElectedPartition[]> {
  const { electionType, partitions } = command
  const { image } = context
  const facts: Fact<'PartitionChangeRecord'>[] = []
  const reply: ElectedPartition[] = []
  for (const { topic, partition } of partitions ?? everyPartition(image)) {
    const elected = elect(topic, partition, electionType, image)
    if ('type' in elected) facts.push(elected)
    reply.push({ topic, partition, ...('type' in elected ? OK : elected) })
  }
  return { facts, reply }
}

function elect(
  topic: string,
  index: number,
  electionType: number,
  image: MetadataImage,
): Fact<'PartitionChangeRecord'> | Outcome {
  const known = image.topic(topic)
  if (known === undefined) {
    return refuse(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `No such topic as ${topic}`)
  }
  const partition = known.partitions[index]
  if (partition === undefined) {
    return refuse(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `No such partition as ${topic}-${index}`)
  }
  const isPreferred = electionType === ELECTION_TYPES.PREFERRED
  const { leader, replicas } = partition
  if (isPreferred ? leader === replicas[0] : leader !== NO_LEADER) {
    return refuseAs(errorCodes.ELECTION_NOT_NEEDED)
  }
  const change = leaderChange(partition, isPreferred ? 'preferred' : 'unclean', image)
  if (change !== undefined) return partitionChange(known.topicId, index, change)
  return refuseAs(
    isPreferred ? errorCodes.PREFERRED_LEADER_NOT_AVAILABLE : errorCodes.ELIGIBLE_LEADERS_NOT_AVAILABLE,
  )
}

export type Election = 'preferred' | 'online' | 'unclean'

/**
 * What an election among `partition.replicas` changes; undefined where the leader stays. A leader that may
 * lead keeps its place, unless the preferred replica is asked for and may lead.
 */
export function leaderChange(
  partition: Pick<PartitionImage, 'replicas' | 'isr' | 'leader' | 'eligibleLeaderReplicas'>,
  election: Election,
  image: MetadataImage,
): PartitionChange | undefined {
  const { replicas, isr, leader, eligibleLeaderReplicas } = partition
  const isLive = (id: number): boolean => {
    const broker = image.broker(id)
    return broker !== undefined && isActive(broker)
  }
  const mayLead = (id: number): boolean =>
    (isr.includes(id) || (isr.length === 0 && eligibleLeaderReplicas.includes(id))) && isLive(id)
  const preferred = replicas[0] ?? NO_LEADER
  const clean =
    election === 'preferred' && mayLead(preferred)
      ? preferred
      : mayLead(leader)
        ? leader
        : replicas.find(mayLead)
  if (clean !== undefined) {
    if (clean === leader) return undefined
    if (isr.includes(clean)) return { leader: clean }
    return {
      leader: clean,
      isr: [clean],
      eligibleLeaderReplicas: eligibleLeaderReplicas.filter((id) => id !== clean),
      lastKnownElr: [],
    }
  }
  const unclean = election === 'unclean' ? replicas.find(isLive) : undefined
  if (unclean !== undefined) {
    return {
      leader: unclean,
      isr: [unclean],
      leaderRecoveryState: RECOVERING,
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
    }
  }
  return leader === NO_LEADER ? undefined : { leader: NO_LEADER }
}

function* everyPartition(image: MetadataImage): Generator<{ topic: string; partition: number }> {
  for (const { name, partitions } of image.topics()) {
    for (const { partition } of partitions) yield { topic: name, partition }
  }
}

function refuseAs(errorCode: number): Outcome {
  return refuse(errorCode, errorText(errorCode))
}

function refuse(errorCode: number, errorMessage: string): Outcome {
  return { errorCode, errorMessage }
}
