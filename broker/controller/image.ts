// The cluster's metadata as the records of the log make it: `apply` is its only mutator, for live traffic
// and for replay alike. A record that does not fit what came before is a broken log or a bug: it throws
// with the numbers (Kafka's TopicsImage, ClusterImage and ConfigurationsImage in one).
// What it keeps, snapshot-facts.ts must tell: a start from a snapshot knows nothing else.

import type { ClientQuotaImage } from '../quota/quota-keys.ts'
import { entityKey } from './client-quotas.ts'
import {
  type Fact,
  LEADER_UNCHANGED,
  type MetadataFact,
  RECOVERY_STATE_UNCHANGED,
  RESOURCE_TYPES,
} from './facts.ts'

export type EndPoint = Fact<'RegisterBrokerRecord'>['endPoints'][number]
export type BrokerFeature = Fact<'RegisterBrokerRecord'>['features'][number]

export interface PartitionImage {
  readonly partition: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly removingReplicas: readonly number[]
  readonly addingReplicas: readonly number[]
  /** -1: none. */
  readonly leader: number
  readonly leaderRecoveryState: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly directories: readonly string[]
  readonly eligibleLeaderReplicas: readonly number[]
  readonly lastKnownElr: readonly number[]
}

export interface TopicImage {
  readonly name: string
  readonly topicId: string
  /** By partition number, without gaps once a batch of records is applied. */
  readonly partitions: readonly PartitionImage[]
}

export interface BrokerImage {
  readonly id: number
  readonly epoch: bigint
  readonly incarnationId: string
  readonly endPoints: readonly EndPoint[]
  readonly features: readonly BrokerFeature[]
  readonly rack: string | null
  readonly fenced: boolean
  readonly inControlledShutdown: boolean
  readonly logDirs: readonly string[]
}

/** Changed only by the image that owns it; whoever else has it changes a copy. */
type MutableTopic = TopicImage & { partitions: PartitionImage[]; owner: object }

const NO_SETTINGS: ReadonlyMap<string, string> = new Map()

export class MetadataImage {
  private byName = new Map<string, MutableTopic>()
  private byId = new Map<string, MutableTopic>()
  private brokersById = new Map<number, BrokerImage>()
  /** Values are never changed, but replaced; so are those of `quotas`. */
  private configs = new Map<string, ReadonlyMap<string, string>>()
  private levels = new Map<string, number>()
  private quotas = new Map<string, ClientQuotaImage>()
  private owner: object = {}
  private producerId = 0n

  /** What it holds now, for whoever reads it in pieces. Cheap: topics are taken apart when they change. */
  copy(): MetadataImage {
    const copy = new MetadataImage()
    // From now on a topic of either is the other's too.
    this.owner = {}
    copy.byName = new Map(this.byName)
    copy.byId = new Map(this.byId)
    copy.brokersById = new Map(this.brokersById)
    copy.configs = new Map(this.configs)
    copy.levels = new Map(this.levels)
    copy.quotas = new Map(this.quotas)
    copy.producerId = this.producerId
    return copy
  }

  topic(name: string): TopicImage | undefined {
    return this.byName.get(name)
  }

  topicById(topicId: string): TopicImage | undefined {
    return this.byId.get(topicId)
  }

  partition(name: string, partition: number): PartitionImage | undefined {
    return this.byName.get(name)?.partitions[partition]
  }

  /** In the order of their creation. */
  topics(): IterableIterator<TopicImage> {
    return this.byName.values()
  }

  get topicCount(): number {
    return this.byName.size
  }

  broker(id: number): BrokerImage | undefined {
    return this.brokersById.get(id)
  }

  /** By id, ascending. */
  brokers(): BrokerImage[] {
    return [...this.brokersById.values()].sort((a, b) => a.id - b.id)
  }

  /** What was set for one resource (RESOURCE_TYPES), by key. */
  settings(resourceType: number, resourceName: string): ReadonlyMap<string, string> {
    return this.configs.get(`${resourceType}:${resourceName}`) ?? NO_SETTINGS
  }

  /** Names of the resources of a type for which something is set, in the order in which it was first. */
  configuredResources(resourceType: number): string[] {
    const prefix = `${resourceType}:`
    return [...this.configs.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length))
  }

  /** What is set for one entity (client-quotas.ts entityKey). */
  clientQuota(key: string): ClientQuotaImage | undefined {
    return this.quotas.get(key)
  }

  /** In the order in which entities got a first quota. */
  clientQuotas(): IterableIterator<ClientQuotaImage> {
    return this.quotas.values()
  }

  /** Finalized level of a feature; 0 = not there. */
  featureLevel(name: string): number {
    return this.levels.get(name) ?? 0
  }

  features(): ReadonlyMap<string, number> {
    return this.levels
  }

  /** First producer id that no block holds yet. */
  get nextProducerId(): bigint {
    return this.producerId
  }

  apply(fact: MetadataFact): void {
    switch (fact.type) {
      case 'TopicRecord':
        return this.addTopic(fact.name, fact.topicId)
      case 'PartitionRecord':
        return this.addPartition(fact)
      case 'PartitionChangeRecord':
        return this.changePartition(fact)
      case 'RemoveTopicRecord':
        return this.removeTopic(fact.topicId)
      case 'ConfigRecord':
        return this.setConfig(fact.resourceType, fact.resourceName, fact.name, fact.value)
      case 'RegisterBrokerRecord':
        return this.registerBroker(fact)
      case 'BrokerRegistrationChangeRecord':
        return this.changeBroker(fact.brokerId, fact.brokerEpoch, (broker) => ({
          ...broker,
          fenced: fact.fenced === 0 ? broker.fenced : fact.fenced > 0,
          inControlledShutdown:
            fact.inControlledShutdown === 0 ? broker.inControlledShutdown : fact.inControlledShutdown > 0,
          logDirs: fact.logDirs.length > 0 ? fact.logDirs : broker.logDirs,
        }))
      case 'FenceBrokerRecord':
        return this.changeBroker(fact.id, fact.epoch, (broker) => ({ ...broker, fenced: true }))
      case 'UnfenceBrokerRecord':
        return this.changeBroker(fact.id, fact.epoch, (broker) => ({ ...broker, fenced: false }))
      case 'UnregisterBrokerRecord':
        this.changeBroker(fact.brokerId, fact.brokerEpoch, (broker) => broker)
        this.brokersById.delete(fact.brokerId)
        return
      case 'FeatureLevelRecord':
        if (fact.featureLevel === 0) this.levels.delete(fact.name)
        else this.levels.set(fact.name, fact.featureLevel)
        return
      case 'ProducerIdsRecord':
        if (fact.nextProducerId < this.producerId) {
          throw new Error(`producer ids go back from ${this.producerId} to ${fact.nextProducerId}`)
        }
        this.producerId = fact.nextProducerId
        return
      case 'ClientQuotaRecord':
        return this.setQuota(fact)
      case 'ClearElrRecord':
        return this.clearEligibleLeaders(fact.topicName)
      case 'NoOpRecord':
      case 'RegisterControllerRecord':
      case 'ZkMigrationStateRecord':
        return
      default:
        // Brackets of several batches are resolved before; access control and credentials are not
        // served, and to run without what a log demands would be worse than not to run.
        throw new Error(`the metadata log holds a ${fact.type}, which is not served`)
    }
  }

  private addTopic(name: string, topicId: string): void {
    if (this.byName.has(name)) throw new Error(`topic ${name} is created twice`)
    if (this.byId.has(topicId)) throw new Error(`topic id ${topicId} is given twice, to ${name} last`)
    const topic: MutableTopic = { name, topicId, partitions: [], owner: this.owner }
    this.byName.set(name, topic)
    this.byId.set(topicId, topic)
  }

  private addPartition(fact: Fact<'PartitionRecord'>): void {
    const topic = this.ownTopic(fact.topicId)
    const { partitionId } = fact
    // Kafka's own logs give a topic's partitions in order, and so do ours: a gap is a lost record.
    if (partitionId !== topic.partitions.length) {
      throw new Error(`partition ${topic.name}-${partitionId} follows ${topic.partitions.length} partitions`)
    }
    topic.partitions.push({
      partition: partitionId,
      replicas: fact.replicas,
      isr: fact.isr,
      removingReplicas: fact.removingReplicas,
      addingReplicas: fact.addingReplicas,
      leader: fact.leader,
      leaderRecoveryState: fact.leaderRecoveryState,
      leaderEpoch: fact.leaderEpoch,
      partitionEpoch: fact.partitionEpoch,
      directories: fact.directories,
      eligibleLeaderReplicas: fact.eligibleLeaderReplicas ?? [],
      lastKnownElr: fact.lastKnownElr ?? [],
    })
  }

  /** A change of leader, even to none, is a new leader epoch; any change is a new partition epoch. */
  private changePartition(fact: Fact<'PartitionChangeRecord'>): void {
    const topic = this.ownTopic(fact.topicId)
    const before = topic.partitions[fact.partitionId]
    if (before === undefined) throw new Error(`no partition ${topic.name}-${fact.partitionId} to change`)
    const leaderChanges = fact.leader !== LEADER_UNCHANGED
    topic.partitions[fact.partitionId] = {
      partition: before.partition,
      replicas: fact.replicas ?? before.replicas,
      isr: fact.isr ?? before.isr,
      removingReplicas: fact.removingReplicas ?? before.removingReplicas,
      addingReplicas: fact.addingReplicas ?? before.addingReplicas,
      leader: leaderChanges ? fact.leader : before.leader,
      leaderRecoveryState:
        fact.leaderRecoveryState === RECOVERY_STATE_UNCHANGED
          ? before.leaderRecoveryState
          : fact.leaderRecoveryState,
      leaderEpoch: leaderChanges ? before.leaderEpoch + 1 : before.leaderEpoch,
      partitionEpoch: before.partitionEpoch + 1,
      directories: fact.directories ?? before.directories,
      eligibleLeaderReplicas: fact.eligibleLeaderReplicas ?? before.eligibleLeaderReplicas,
      lastKnownElr: fact.lastKnownElr ?? before.lastKnownElr,
    }
  }

  /** Of one topic, or of all where the name is empty: a change of min.insync.replicas has made them void. */
  private clearEligibleLeaders(topicName: string): void {
    for (const { name, topicId } of this.byName.values()) {
      if (topicName !== '' && topicName !== name) continue
      const { partitions } = this.ownTopic(topicId)
      for (const [index, partition] of partitions.entries()) {
        partitions[index] = { ...partition, eligibleLeaderReplicas: [], lastKnownElr: [] }
      }
    }
  }

  private removeTopic(topicId: string): void {
    const topic = this.knownTopic(topicId)
    this.byName.delete(topic.name)
    this.byId.delete(topicId)
    // Its settings go with it, as in Kafka: there is no record for that.
    this.configs.delete(`${RESOURCE_TYPES.TOPIC}:${topic.name}`)
  }

  private knownTopic(topicId: string): MutableTopic {
    const topic = this.byId.get(topicId)
    if (topic === undefined) throw new Error(`no topic of the id ${topicId}`)
    return topic
  }

  /** For a change. */
  private ownTopic(topicId: string): MutableTopic {
    const topic = this.knownTopic(topicId)
    if (topic.owner === this.owner) return topic
    const own = { ...topic, partitions: topic.partitions.slice(), owner: this.owner }
    this.byName.set(own.name, own)
    this.byId.set(topicId, own)
    return own
  }

  private setConfig(resourceType: number, resourceName: string, name: string, value: string | null): void {
    const resource = `${resourceType}:${resourceName}`
    const settings = new Map(this.configs.get(resource))
    if (value === null) settings.delete(name)
    else settings.set(name, value)
    if (settings.size === 0) this.configs.delete(resource)
    else this.configs.set(resource, settings)
  }

  private setQuota({ entity, key, value, remove }: Fact<'ClientQuotaRecord'>): void {
    const of = entityKey(entity)
    const before = this.quotas.get(of)
    const values = new Map(before?.values)
    if (remove) values.delete(key)
    else values.set(key, value)
    const parts =
      before?.entity ?? new Map(entity.map(({ entityType, entityName }) => [entityType, entityName]))
    if (values.size === 0) this.quotas.delete(of)
    else this.quotas.set(of, { entity: parts, values })
  }

  private registerBroker(fact: Fact<'RegisterBrokerRecord'>): void {
    const before = this.brokersById.get(fact.brokerId)
    if (before !== undefined && before.epoch >= fact.brokerEpoch) {
      throw new Error(`broker ${fact.brokerId} goes from epoch ${before.epoch} to ${fact.brokerEpoch}`)
    }
    this.brokersById.set(fact.brokerId, {
      id: fact.brokerId,
      epoch: fact.brokerEpoch,
      incarnationId: fact.incarnationId,
      endPoints: fact.endPoints,
      features: fact.features,
      rack: fact.rack,
      fenced: fact.fenced,
      inControlledShutdown: fact.inControlledShutdown,
      logDirs: fact.logDirs,
    })
  }

  private changeBroker(id: number, epoch: bigint, change: (broker: BrokerImage) => BrokerImage): void {
    const broker = this.brokersById.get(id)
    if (broker === undefined || broker.epoch !== epoch) {
      throw new Error(
        `broker ${id} of epoch ${epoch} is to change, known is epoch ${broker?.epoch ?? 'none'}`,
      )
    }
    this.brokersById.set(id, change(broker))
  }
}
