// ListOffsets, versions 1-11: the offset that a timestamp, or one of the special timestamps, stands for.

import { errorCodes } from '../protocol/errors.ts'
import type { PartitionDirectory, Request, RequestContext, Response } from './context.ts'

type ListOffsetsRequest = Request<'ListOffsets'>
type ListOffsetsResponse = Response<'ListOffsets'>
type PartitionResponse = ListOffsetsResponse['topics'][number]['partitions'][number]

/** Older clients are not told the epoch (KIP-207, KIP-320). */
const LEADER_EPOCH_FROM = 4

const EARLIEST = -2n
const EARLIEST_LOCAL = -4n
const LATEST_TIERED = -5n
const EARLIEST_PENDING_UPLOAD = -6n

/** The special timestamps, with the version that brought each (KIP-734, KIP-405, KIP-1005, KIP-1023). */
const specialSince = new Map<bigint, number>([
  [-1n, 1],
  [EARLIEST, 1],
  [-3n, 7],
  [EARLIEST_LOCAL, 8],
  [LATEST_TIERED, 9],
  [EARLIEST_PENDING_UPLOAD, 11],
])

export interface ListOffsetsServices {
  directory: PartitionDirectory
}

export function handleListOffsets(
  request: ListOffsetsRequest,
  context: RequestContext,
  { directory }: ListOffsetsServices,
): ListOffsetsResponse {
  const isolation = request.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted'
  const asked = new Map<string, number>()
  for (const { name, partitions } of request.topics) {
    for (const { partitionIndex } of partitions) {
      const key = `${name}-${partitionIndex}`
      asked.set(key, (asked.get(key) ?? 0) + 1)
    }
  }
  return {
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, currentLeaderEpoch, timestamp }): PartitionResponse => {
        if ((asked.get(`${name}-${partitionIndex}`) ?? 0) > 1) {
          return { partitionIndex, errorCode: errorCodes.INVALID_REQUEST }
        }
        const since = specialSince.get(timestamp)
        if (timestamp < 0n && (since === undefined || context.apiVersion < since)) {
          return { partitionIndex, errorCode: errorCodes.UNSUPPORTED_VERSION }
        }
        const partition = directory.partition(name, partitionIndex)
        if (partition === undefined)
          return { partitionIndex, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION }
        // Nothing is tiered here: what is local is everything, and nothing is uploaded or pending.
        if (timestamp === LATEST_TIERED || timestamp === EARLIEST_PENDING_UPLOAD) {
          return { partitionIndex, errorCode: errorCodes.NONE, offset: -1n, timestamp: -1n, leaderEpoch: -1 }
        }
        const effective = timestamp === EARLIEST_LOCAL ? EARLIEST : timestamp
        const found = partition.listOffset(effective, isolation, currentLeaderEpoch)
        const { errorCode, offset, timestamp: foundTimestamp, leaderEpoch } = found
        const epoch = context.apiVersion >= LEADER_EPOCH_FROM ? { leaderEpoch } : {}
        return { partitionIndex, errorCode, offset, timestamp: foundTimestamp, ...epoch }
      }),
    })),
  }
}
