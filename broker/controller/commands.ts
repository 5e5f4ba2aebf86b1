// What the controller can be asked, and what it answers. Refusals are Kafka's error codes, per topic or
// resource: one bad entry never spoils the others.

import type { ErrorCode } from '../protocol/errors.ts'
import type { Fact, MetadataFact } from './facts.ts'
import type { BrokerFeature, EndPoint } from './image.ts'

export interface Outcome {
  errorCode: ErrorCode
  errorMessage: string | null
}

/** The client's controller_mutation_rate: counts partitions that are made or deleted, false refuses them. */
export type PartitionQuota = (partitions: number) => boolean

export const OK: Outcome = { errorCode: 0, errorMessage: null }

export interface NewTopic {
  name: string
  /** -1: the broker's default. */
  numPartitions: number
  /** -1: the broker's default. */
  replicationFactor: number
  /** Replicas by hand; empty: the controller places them. */
  assignments: readonly { partitionIndex: number; brokerIds: readonly number[] }[]
  configs: readonly { name: string; value: string | null }[]
}

export interface CreateTopics {
  type: 'createTopics'
  topics: readonly NewTopic[]
  validateOnly: boolean
  quota?: PartitionQuota
}

export interface NewTopicOutcome extends Outcome {
  name: string
  /** All zeros unless the topic was created. */
  topicId: string
  /** -1 on error. */
  numPartitions: number
  replicationFactor: number
  /** The settings that the topic has, or would have. */
  settings: ReadonlyMap<string, string>
}

export interface DeleteTopics {
  type: 'deleteTopics'
  /** By name, or by id where the name is null. */
  topics: readonly { name: string | null; topicId: string }[]
  quota?: PartitionQuota
}

export interface DeletedTopicOutcome extends Outcome {
  name: string | null
  topicId: string
}

export interface CreatePartitions {
  type: 'createPartitions'
  topics: readonly {
    name: string
    /** The new total. */
    count: number
    /** Of the added partitions; null: the controller places them. */
    assignments: readonly { brokerIds: readonly number[] }[] | null
  }[]
  validateOnly: boolean
  quota?: PartitionQuota
}

export interface NamedOutcome extends Outcome {
  name: string
}

export const CONFIG_OPERATIONS = { SET: 0, DELETE: 1, APPEND: 2, SUBTRACT: 3 } as const

export interface ConfigResource {
  resourceType: number
  resourceName: string
}

export interface SetConfigs {
  type: 'setConfigs'
  resources: readonly (ConfigResource & {
    /** Changes of single settings. */
    configs: readonly { name: string; configOperation: number; value: string | null }[]
    /** True: what is not named goes (AlterConfigs); every operation is then SET. */
    replaceAll?: boolean
  })[]
  validateOnly: boolean
}

export interface ConfigOutcome extends Outcome, ConfigResource {}

type QuotaEntity = Fact<'ClientQuotaRecord'>['entity']

export interface AlterClientQuotas {
  type: 'alterClientQuotas'
  entries: readonly {
    entity: QuotaEntity
    ops: readonly { key: string; value: number; remove: boolean }[]
  }[]
  validateOnly: boolean
}

export interface QuotaOutcome extends Outcome {
  entity: QuotaEntity
}

export interface ElectLeaders {
  type: 'electLeaders'
  /** 0 the preferred replica, 1 an unclean election (elections.ts). */
  electionType: number
  /** Null: all there are. */
  partitions: readonly { topic: string; partition: number }[] | null
}

export interface ElectedPartition extends Outcome {
  topic: string
  partition: number
}

export interface AlterPartitionReassignments {
  type: 'alterPartitionReassignments'
  allowReplicationFactorChange: boolean
  /** Null replicas cancel what is under way. */
  partitions: readonly { topic: string; partition: number; replicas: readonly number[] | null }[]
}

export interface ReassignedPartition extends Outcome {
  topic: string
  partition: number
}

export interface UnregisterBroker {
  type: 'unregisterBroker'
  brokerId: number
}

export interface NextProducerIds {
  type: 'nextProducerIds'
  brokerId: number
  brokerEpoch: bigint
}

export interface ProducerIdBlock extends Outcome {
  /** First id of the block; -1 on error. */
  firstProducerId: bigint
  size: number
}

export interface RegisterBroker {
  type: 'registerBroker'
  brokerId: number
  /** Drawn anew at every start of the broker. */
  incarnationId: string
  endPoints: readonly EndPoint[]
  features: readonly BrokerFeature[]
  rack: string | null
  logDirs: readonly string[]
}

export interface BrokerRegistration extends Outcome {
  brokerEpoch: bigint
}

/** The broker is ready (or leaves): it may lead (or must not). */
export interface SetBrokerFence {
  type: 'setBrokerFence'
  brokerId: number
  brokerEpoch: bigint
  fenced: boolean
}

/** The first facts of an empty log. */
export interface Bootstrap {
  type: 'bootstrap'
  /** Levels by name; 0 is left out. */
  features: Readonly<Record<string, number>>
}

/** Finalizes levels of features, all or none. */
export interface UpdateFeatures {
  type: 'updateFeatures'
  updates: readonly {
    name: string
    /** 0: the feature goes. */
    level: number
    /** 1 upgrade, 2 safe downgrade, 3 unsafe downgrade; others are refused. */
    upgradeType: number
  }[]
  validateOnly: boolean
}

export type MetadataCommand =
  | CreateTopics
  | DeleteTopics
  | CreatePartitions
  | SetConfigs
  | AlterClientQuotas
  | ElectLeaders
  | AlterPartitionReassignments
  | UnregisterBroker
  | NextProducerIds
  | RegisterBroker
  | SetBrokerFence
  | Bootstrap
  | UpdateFeatures

export interface ReplyOf {
  createTopics: NewTopicOutcome[]
  deleteTopics: DeletedTopicOutcome[]
  createPartitions: NamedOutcome[]
  setConfigs: ConfigOutcome[]
  alterClientQuotas: QuotaOutcome[]
  electLeaders: ElectedPartition[]
  alterPartitionReassignments: ReassignedPartition[]
  unregisterBroker: Outcome
  nextProducerIds: ProducerIdBlock
  registerBroker: BrokerRegistration
  setBrokerFence: Outcome
  bootstrap: Outcome
  updateFeatures: Outcome
}

export type MetadataReply = ReplyOf[keyof ReplyOf]

/** What one command comes to. */
export interface Plan<Reply> {
  facts: MetadataFact[]
  reply: Reply
}
