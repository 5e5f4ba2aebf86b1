// Which brokers get a partition's replicas: leaders go round the brokers from a random start, followers
// stand at a distance that grows with every round, so that the load of a lost broker falls on all others
// (the rule of Kafka's AdminUtils; racks are not looked at yet). Unfenced brokers come first.

import { type Fact, NO_LEADER, RECOVERED, UNASSIGNED_DIRECTORY } from './facts.ts'
import type { BrokerImage } from './image.ts'

/** A whole number in [0, below). */
export type Below = (below: number) => number

/** Replicas of `count` partitions, `replicationFactor` distinct brokers each. Needs that many brokers. */
export function placeReplicas(
  brokers: readonly BrokerImage[],
  count: number,
  replicationFactor: number,
  below: Below,
): number[][] {
  if (replicationFactor < 1 || replicationFactor > brokers.length) {
    throw new Error(`${replicationFactor} replicas on ${brokers.length} brokers`)
  }
  const live = brokers.filter(isActive).map(({ id }) => id)
  const rest = brokers.filter((broker) => !isActive(broker)).map(({ id }) => id)
  const start = below(Math.max(1, live.length))
  let shift = below(Math.max(1, live.length))
  return Array.from({ length: count }, (_, partition) => {
    if (partition > 0 && partition % Math.max(1, live.length) === 0) shift++
    const first = start + partition
    const replicas = Array.from({ length: Math.min(replicationFactor, live.length) }, (_unused, replica) => {
      const distance = replica === 0 ? 0 : 1 + ((shift + replica - 1) % (live.length - 1))
      return live[(first + distance) % live.length] as number
    })
    return replicas.concat(rest.slice(0, replicationFactor - replicas.length))
  })
}

/** May lead and be in sync. */
export function isActive(broker: BrokerImage): boolean {
  return !broker.fenced && !broker.inControlledShutdown
}

/** The record of a new partition: in sync are those replicas that are active, the first of them leads. */
export function newPartition(
  topicId: string,
  partitionId: number,
  replicas: readonly number[],
  broker: (id: number) => BrokerImage | undefined,
): Fact<'PartitionRecord'> {
  const isr = replicas.filter((id) => {
    const known = broker(id)
    return known !== undefined && isActive(known)
  })
  return {
    type: 'PartitionRecord',
    partitionId,
    topicId,
    replicas: [...replicas],
    isr,
    removingReplicas: [],
    addingReplicas: [],
    leader: isr[0] ?? NO_LEADER,
    leaderRecoveryState: RECOVERED,
    leaderEpoch: 0,
    partitionEpoch: 0,
    directories: replicas.map((id) => directoryFor(broker(id))),
    eligibleLeaderReplicas: null,
    lastKnownElr: null,
  }
}

/** Where a broker will put a new replica, as far as that can be told: it has one directory. */
export function directoryFor(broker: BrokerImage | undefined): string {
  const [first, ...others] = broker?.logDirs ?? []
  return first !== undefined && others.length === 0 ? first : UNASSIGNED_DIRECTORY
}

/** What is wrong with replicas given by hand (INVALID_REPLICA_ASSIGNMENT), or undefined. */
export function assignmentProblem(
  replicas: readonly number[],
  replicationFactor: number | undefined,
  broker: (id: number) => BrokerImage | undefined,
): string | undefined {
  if (replicas.length === 0) return 'The manual partition assignment includes an empty replica list.'
  const sorted = [...replicas].sort((a, b) => a - b)
  for (const [index, id] of sorted.entries()) {
    if (broker(id) === undefined) {
      return `The manual partition assignment includes broker ${id}, but no such broker is registered.`
    }
    if (index > 0 && sorted[index - 1] === id) {
      return `The manual partition assignment includes the broker ${id} more than once.`
    }
  }
  if (replicationFactor !== undefined && replicas.length !== replicationFactor) {
    return (
      `The manual partition assignment includes a partition with ${replicas.length} replica(s), but this is not ` +
      `consistent with previous partitions, which have ${replicationFactor} replica(s).`
    )
  }
  return undefined
}

/** The text of INVALID_REPLICATION_FACTOR where there are too few brokers. */
export function tooFewBrokers(
  replicationFactor: number,
  brokers: readonly BrokerImage[],
): string | undefined {
  const cannot = `Unable to replicate the partition ${replicationFactor} time(s): `
  if (!brokers.some(isActive)) return `${cannot}All brokers are currently fenced.`
  if (brokers.length >= replicationFactor) return undefined
  return `${cannot}The target replication factor of ${replicationFactor} cannot be reached because only ${brokers.length} broker(s) are registered.`
}
