// Plans for brokers: registration, fencing, producer ids. A broker registers fenced, and leads nothing until
// it is unfenced; both give its partitions a new leader epoch, so that nobody mistakes a restarted leader
// for the one before, whose last records may be gone (Kafka's ClusterControlManager, BrokerHeartbeatManager,
// ProducerIdControlManager, PartitionChangeBuilder).

import { errorCodes } from '../protocol/errors.ts'
import {
  type BrokerRegistration,
  type NextProducerIds,
  OK,
  type Outcome,
  type Plan,
  type ProducerIdBlock,
  type RegisterBroker,
  type SetBrokerFence,
  type UnregisterBroker,
} from './commands.ts'
import { type Fact, type MetadataFact, NO_LEADER, partitionChange } from './facts.ts'
import { hasEligibleLeaders } from './eligible-leaders.ts'
import type { MetadataImage, PartitionImage, TopicImage } from './image.ts'
import { isActive } from './placement.ts'
import type { PlanContext } from './plan-context.ts'

/** Producer ids are handed out in blocks of this size (KIP-730). */
export const PRODUCER_ID_BLOCK_SIZE = 1000
const LAST_PRODUCER_ID = 0x7fffffffffffffffn

export function planRegisterBroker(command: RegisterBroker, context: PlanContext): Plan<BrokerRegistration> {
  const { brokerId } = command
  const registration: Fact<'RegisterBrokerRecord'> = {
    type: 'RegisterBrokerRecord',
    brokerId,
    isMigratingZkBroker: false,
    incarnationId: command.incarnationId,
    // Offsets only grow, so a later registration always has the higher epoch.
    brokerEpoch: context.nextOffset,
    endPoints: [...command.endPoints],
    features: [...command.features],
    rack: command.rack,
    fenced: true,
    inControlledShutdown: false,
    logDirs: [...command.logDirs],
  }
  return {
    facts: [registration, ...changesWithout(brokerId, context.image)],
    reply: { ...OK, brokerEpoch: context.nextOffset },
  }
}

export function planSetBrokerFence(command: SetBrokerFence, context: PlanContext): Plan<Outcome> {
  const { brokerId, brokerEpoch, fenced } = command
  const { image } = context
  const refusal = brokerRefusal(brokerId, brokerEpoch, image)
  if (refusal !== undefined) return { facts: [], reply: refusal }
  if (image.broker(brokerId)?.fenced === fenced) return { facts: [], reply: OK }
  const change: MetadataFact = {
    type: 'BrokerRegistrationChangeRecord',
    brokerId,
    brokerEpoch,
    fenced: fenced ? 1 : -1,
    inControlledShutdown: 0,
    logDirs: [],
  }
  const partitions = fenced ? changesWithout(brokerId, image) : changesWith(brokerId, image)
  return { facts: [change, ...partitions], reply: OK }
}

/**
 * A broker that is gone for good is forgotten. Unlike Kafka, one that is running is not: it would go on without
 * a place in the metadata, and no client would find it until it is restarted.
 */
export function planUnregisterBroker({ brokerId }: UnregisterBroker, { image }: PlanContext): Plan<Outcome> {
  const broker = image.broker(brokerId)
  if (broker === undefined) return { facts: [], reply: notRegistered(brokerId) }
  if (isActive(broker)) {
    const errorMessage = `Broker ID ${brokerId} is running: only a broker that has stopped can be unregistered`
    return { facts: [], reply: { errorCode: errorCodes.INVALID_REQUEST, errorMessage } }
  }
  const gone: MetadataFact = { type: 'UnregisterBrokerRecord', brokerId, brokerEpoch: broker.epoch }
  return { facts: [...changesWithout(brokerId, image), gone], reply: OK }
}

export function planNextProducerIds(command: NextProducerIds, context: PlanContext): Plan<ProducerIdBlock> {
  const { image } = context
  const refusal = brokerRefusal(command.brokerId, command.brokerEpoch, image)
  const first = image.nextProducerId
  const next = first + BigInt(PRODUCER_ID_BLOCK_SIZE)
  if (refusal !== undefined) return { facts: [], reply: { ...refusal, firstProducerId: -1n, size: 0 } }
  if (next > LAST_PRODUCER_ID) {
    const errorMessage = `producer ids are used up at ${first}`
    const errorCode = errorCodes.UNKNOWN_SERVER_ERROR
    return { facts: [], reply: { errorCode, errorMessage, firstProducerId: -1n, size: 0 } }
  }
  const { brokerId, brokerEpoch } = command
  return {
    facts: [{ type: 'ProducerIdsRecord', brokerId, brokerEpoch, nextProducerId: next }],
    reply: { ...OK, firstProducerId: first, size: PRODUCER_ID_BLOCK_SIZE },
  }
}

function brokerRefusal(brokerId: number, brokerEpoch: bigint, image: MetadataImage): Outcome | undefined {
  const broker = image.broker(brokerId)
  if (broker === undefined) return notRegistered(brokerId)
  if (broker.epoch !== brokerEpoch) {
    return {
      errorCode: errorCodes.STALE_BROKER_EPOCH,
      errorMessage: `Expected broker epoch ${broker.epoch}, but got broker epoch ${brokerEpoch}`,
    }
  }
  return undefined
}

function notRegistered(brokerId: number): Outcome {
  return {
    errorCode: errorCodes.BROKER_ID_NOT_REGISTERED,
    errorMessage: `Broker ID ${brokerId} is not currently registered`,
  }
}

/**
 * The broker goes: it leaves the in-sync replicas and leads nothing. The last of them stays among them, or,
 * where there are eligible leaders, stays eligible (KIP-966).
 */
function changesWithout(brokerId: number, image: MetadataImage): MetadataFact[] {
  const canBeEmpty = hasEligibleLeaders(image)
  return everyPartition(image, ({ topicId }, partition) => {
    if (!partition.isr.includes(brokerId)) return undefined
    const others = partition.isr.filter((id) => id !== brokerId)
    if (others.length === 0 && canBeEmpty) {
      return partitionChange(topicId, partition.partition, {
        isr: [],
        leader: NO_LEADER,
        eligibleLeaderReplicas: [...new Set([...partition.eligibleLeaderReplicas, brokerId])],
      })
    }
    const isr = others.length === 0 ? null : others
    if (partition.leader !== brokerId) {
      return isr === null ? undefined : partitionChange(topicId, partition.partition, { isr })
    }
    const leader = partition.replicas.find((id) => others.includes(id) && isLive(id, image)) ?? NO_LEADER
    return partitionChange(topicId, partition.partition, { isr, leader })
  })
}

/** The broker is back: it leads what has no leader and has it in sync, or eligible to lead (KIP-966). */
function changesWith(brokerId: number, image: MetadataImage): MetadataFact[] {
  return everyPartition(image, ({ topicId }, { partition, leader, isr, eligibleLeaderReplicas }) => {
    if (leader !== NO_LEADER) return undefined
    if (isr.includes(brokerId)) return partitionChange(topicId, partition, { leader: brokerId })
    if (isr.length > 0 || !eligibleLeaderReplicas.includes(brokerId)) return undefined
    return partitionChange(topicId, partition, {
      leader: brokerId,
      isr: [brokerId],
      eligibleLeaderReplicas: eligibleLeaderReplicas.filter((id) => id !== brokerId),
      lastKnownElr: [],
    })
  })
}

function everyPartition(
  image: MetadataImage,
  change: (topic: TopicImage, partition: PartitionImage) => MetadataFact | undefined,
): MetadataFact[] {
  const facts: MetadataFact[] = []
  for (const topic of image.topics()) {
    for (const partition of topic.partitions) {
      const fact = change(topic, partition)
      if (fact !== undefined) facts.push(fact)
    }
  }
  return facts
}

function isLive(id: number, image: MetadataImage): boolean {
  const broker = image.broker(id)
  return broker !== undefined && isActive(broker)
}
