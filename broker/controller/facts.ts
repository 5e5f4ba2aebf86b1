// What the controller decides: Kafka's metadata records, flat, told apart by `type`, which is the name of
// the record. `metadata-codec.ts` turns them into bytes. Ids are 32 lowercase hexadecimal digits.

import type { MetadataRecord } from '../protocol/records/metadata.ts'

type FactOf<R> = R extends { name: infer Name; value: infer Value } ? { type: Name } & Value : never

export type MetadataFact = FactOf<MetadataRecord>

export type Fact<Name extends MetadataFact['type']> = Extract<MetadataFact, { type: Name }>

/** Kafka's numbers of config resources. */
export const RESOURCE_TYPES = {
  UNKNOWN: 0,
  TOPIC: 2,
  BROKER: 4,
  BROKER_LOGGER: 8,
  CLIENT_METRICS: 16,
  GROUP: 32,
} as const

export const NO_LEADER = -1
export const LEADER_UNCHANGED = -2
export const RECOVERY_STATE_UNCHANGED = -1
/** PartitionRegistration's LeaderRecoveryState: the leader was elected from the in-sync replicas. */
export const RECOVERED = 0
/** The leader was elected from others: records may be gone. */
export const RECOVERING = 1
/** Kafka's DirectoryId.UNASSIGNED: the broker has not said yet which directory. */
export const UNASSIGNED_DIRECTORY = '00000000000000000000000000000000'

/** A change of one partition; what is left out stays as it is. */
export function partitionChange(
  topicId: string,
  partitionId: number,
  change: Partial<Omit<Fact<'PartitionChangeRecord'>, 'type' | 'topicId' | 'partitionId'>>,
): Fact<'PartitionChangeRecord'> {
  return {
    type: 'PartitionChangeRecord',
    partitionId,
    topicId,
    isr: null,
    leader: LEADER_UNCHANGED,
    replicas: null,
    removingReplicas: null,
    addingReplicas: null,
    leaderRecoveryState: RECOVERY_STATE_UNCHANGED,
    directories: null,
    eligibleLeaderReplicas: null,
    lastKnownElr: null,
    ...change,
  }
}
