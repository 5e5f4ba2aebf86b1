// A job's offsets as the group coordinator's requests have them.

import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts'
import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import type { CommittedOffset } from '../../processor/ports.ts'

type FetchedGroup = Awaited<ReturnType<GroupCoordinator['offsetFetch']>>['groups'][number]

/** What a group has committed, or the first error of it. */
export function committedIn(answer: FetchedGroup): { errorCode: ErrorCode; value: CommittedOffset[] } {
  const partitions = answer.topics.flatMap(({ name, partitions: ofTopic }) =>
    ofTopic.map((partition) => ({ topic: name, ...partition })),
  )
  const errorCode =
    answer.errorCode !== errorCodes.NONE
      ? answer.errorCode
      : (partitions.find((partition) => partition.errorCode !== errorCodes.NONE)?.errorCode ??
        errorCodes.NONE)
  const value = partitions
    .filter(({ committedOffset }) => committedOffset >= 0n)
    .map(({ topic, partitionIndex, committedOffset, metadata }) => ({
      topic,
      partition: partitionIndex,
      offset: committedOffset,
      metadata: metadata ?? '',
    }))
  return { errorCode, value }
}

/** As TxnOffsetCommit wants them. */
export function byTopic(offsets: readonly CommittedOffset[]) {
  return [...new Set(offsets.map(({ topic }) => topic))].map((name) => ({
    name,
    partitions: offsets
      .filter(({ topic }) => topic === name)
      .map(({ partition, offset, metadata }) => ({
        partitionIndex: partition,
        committedOffset: offset,
        committedLeaderEpoch: -1,
        committedMetadata: metadata,
      })),
  }))
}
