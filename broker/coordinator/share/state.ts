// What is kept of one share partition, and what changed of it, as facts of the log. Kafka: ShareGroupOffset.

import type { StateBatch } from './state-batches.ts'

export interface SharePartitionKey {
  readonly groupId: string
  /** 32 lowercase hex digits. */
  readonly topicId: string
  readonly partition: number
}

/** Nobody has read yet: the leader says where to begin. */
export const UNINITIALIZED_START_OFFSET = -1n
export const UNINITIALIZED_DELIVERY_COMPLETE_COUNT = -1
/** "Not told": the epoch is not checked, and not changed. */
export const NO_EPOCH = -1

export interface ShareState {
  readonly snapshotEpoch: number
  readonly stateEpoch: number
  readonly leaderEpoch: number
  readonly startOffset: bigint
  /** Records at or above the start that are done with. */
  readonly deliveryCompleteCount: number
  readonly batches: readonly StateBatch[]
  /** When the state was made, and when it was last written whole. */
  readonly createTimestampMs: number
  readonly writeTimestampMs: number
}

/** ShareSnapshotValue: the whole state. null forgets the share partition. */
export interface SnapshotFact {
  kind: 'snapshot'
  key: SharePartitionKey
  value: ShareState | null
}

/** ShareUpdateValue: what changed since. */
export interface UpdateFact {
  kind: 'update'
  key: SharePartitionKey
  value: Pick<
    ShareState,
    'snapshotEpoch' | 'leaderEpoch' | 'startOffset' | 'deliveryCompleteCount' | 'batches'
  >
}

export type ShareFact = SnapshotFact | UpdateFact

/** As it is in the machine. */
export interface KeptPartition {
  readonly key: SharePartitionKey
  readonly state: ShareState
  /** The highest ever seen: they fence. */
  readonly leaderEpoch: number
  readonly stateEpoch: number
  readonly updatesSinceSnapshot: number
  /** Of the last snapshot: what lies before it is not needed. undefined: there is none in the log. */
  readonly snapshotOffset: bigint | undefined
}

export function nameOf({ groupId, topicId, partition }: SharePartitionKey): string {
  return `${topicId}-${partition}:${groupId}`
}
