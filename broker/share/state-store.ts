// Where the states of share partitions are kept: a port over the share coordinator (Kafka's Persister), so that share
// partitions can be run against one that is slow, refuses, or forgets what it has not answered.

import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import type { StateBatch } from './run-changes.ts'

export interface SharePartitionKey {
  groupId: string
  topicId: string
  partition: number
}

export interface KeptState {
  errorCode: ErrorCode
  errorMessage: string | null
  stateEpoch: number
  /** -1: nobody has read yet, the group's auto.offset.reset says where to begin. */
  startOffset: bigint
  batches: readonly StateBatch[]
}

export interface StateWrite {
  stateEpoch: number
  leaderEpoch: number
  startOffset: bigint
  deliveryCompleteCount: number
  batches: readonly StateBatch[]
}

export interface StateOutcome {
  errorCode: ErrorCode
  errorMessage: string | null
}

export interface ShareStateStore {
  /** Fences writers of earlier leader epochs. */
  read(key: SharePartitionKey, leaderEpoch: number): Promise<KeptState>
  /** Writes of one share partition are kept in the order in which they are asked for. */
  write(key: SharePartitionKey, state: StateWrite): Promise<StateOutcome>
}

/** What a member is told of a failure to read or write the state. Kafka: SharePartition.fetchPersisterError. */
export function memberErrorCode(errorCode: ErrorCode): ErrorCode {
  switch (errorCode) {
    case errorCodes.NONE:
    case errorCodes.GROUP_ID_NOT_FOUND:
    case errorCodes.UNKNOWN_TOPIC_OR_PARTITION:
      return errorCode
    case errorCodes.NOT_COORDINATOR:
    case errorCodes.COORDINATOR_NOT_AVAILABLE:
    case errorCodes.COORDINATOR_LOAD_IN_PROGRESS:
      return errorCodes.COORDINATOR_NOT_AVAILABLE
    case errorCodes.FENCED_LEADER_EPOCH:
    case errorCodes.FENCED_STATE_EPOCH:
      return errorCodes.NOT_LEADER_OR_FOLLOWER
    default:
      return errorCodes.UNKNOWN_SERVER_ERROR
  }
}

/** After these a share partition is loaded anew by whoever asks next. */
export function isFenced(errorCode: ErrorCode): boolean {
  return (
    errorCode === errorCodes.NOT_LEADER_OR_FOLLOWER ||
    errorCode === errorCodes.FENCED_STATE_EPOCH ||
    errorCode === errorCodes.GROUP_ID_NOT_FOUND ||
    errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION
  )
}
