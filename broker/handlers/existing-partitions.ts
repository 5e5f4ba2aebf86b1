// Offsets are only kept for partitions that exist. Splits what a commit names into that and the rest, and
// puts the answers together again in the order of the request.

import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import type { PartitionDirectory } from './context.ts'

interface NamedPartitions<P> {
  name: string
  topicId?: string
  partitions: readonly P[]
}

interface Answered {
  name: string
  partitions: readonly { partitionIndex: number; errorCode: ErrorCode }[]
}

/** NONE, or why nothing can be kept for the partition. */
export function existence(
  directory: Pick<PartitionDirectory, 'partition'>,
  topic: string,
  partitionIndex: number,
): ErrorCode {
  const found = directory.partition(topic, partitionIndex)
  return found === undefined ? errorCodes.UNKNOWN_TOPIC_OR_PARTITION : errorCodes.NONE
}

/**
 * Asks `commit` about the partitions whose `check` is NONE and answers for all. `topics` carry the names that
 * the group knows them by.
 */
export async function forExisting<P extends { partitionIndex: number }, T extends NamedPartitions<P>>(
  topics: readonly T[],
  check: (topic: T, partitionIndex: number) => ErrorCode,
  commit: (existing: (T & { partitions: P[] })[]) => Promise<readonly Answered[]>,
): Promise<
  { name: string; topicId: string; partitions: { partitionIndex: number; errorCode: ErrorCode }[] }[]
> {
  // Asked once: a topic that comes into being meanwhile is refused as it was found.
  const refusals = topics.map((topic) =>
    topic.partitions.map(({ partitionIndex }) => check(topic, partitionIndex)),
  )
  const existing = topics.map((topic, t) => ({
    ...topic,
    partitions: topic.partitions.filter((_, p) => refusals[t]?.[p] === errorCodes.NONE),
  }))
  const answers = new Map<string, ErrorCode>()
  for (const { name, partitions } of await commit(
    existing.filter(({ partitions }) => partitions.length > 0),
  )) {
    for (const { partitionIndex, errorCode } of partitions)
      answers.set(`${name}-${partitionIndex}`, errorCode)
  }
  return topics.map((topic, t) => ({
    name: topic.name,
    topicId: topic.topicId ?? '',
    partitions: topic.partitions.map(({ partitionIndex }, p) => {
      const refused = refusals[t]?.[p] ?? errorCodes.NONE
      if (refused !== errorCodes.NONE) return { partitionIndex, errorCode: refused }
      const errorCode = answers.get(`${topic.name}-${partitionIndex}`)
      if (errorCode === undefined) throw new Error(`no answer for ${topic.name}-${partitionIndex}`)
      return { partitionIndex, errorCode }
    }),
  }))
}
