// The replies to requests that never reached a group: the body of each API with one error code wherever the
// protocol wants it.

import type {
  DescribedGroup,
  OffsetCommitRequest,
  OffsetCommitResponse,
  OffsetFetchResponse,
  TxnOffsetCommitRequest,
  TxnOffsetCommitResponse,
} from './messages.ts'

export function commitRefused(request: OffsetCommitRequest, errorCode: number): OffsetCommitResponse {
  return {
    throttleTimeMs: 0,
    topics: request.topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }
}

export function txnCommitRefused(
  request: TxnOffsetCommitRequest,
  errorCode: number,
): TxnOffsetCommitResponse {
  return {
    throttleTimeMs: 0,
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }
}

export function fetchRefused(
  topics: readonly { name: string; partitionIndexes: readonly number[] }[],
  errorCode: number,
): OffsetFetchResponse['topics'] {
  return topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => ({
      partitionIndex,
      committedOffset: -1n,
      committedLeaderEpoch: -1,
      metadata: '',
      errorCode,
    })),
  }))
}

export function describeRefused(groupId: string, errorCode: number): DescribedGroup {
  return {
    errorCode,
    errorMessage: null,
    groupId,
    groupState: '',
    protocolType: '',
    protocolData: '',
    members: [],
    authorizedOperations: -2147483648,
  }
}
