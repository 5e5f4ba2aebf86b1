// Requests name a topic by name up to some version and by id from there on. This is the one place that
// turns either into both, or into the error that the client expects for an id it should not know.

import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import { ZERO_UUID } from '../protocol/schema.ts'
import type { PartitionDirectory } from './context.ts'

export interface ResolvedTopic {
  name: string
  topicId: string
  /** UNKNOWN_TOPIC_ID for an id nobody has; NONE otherwise (a name may still have no partitions). */
  errorCode: ErrorCode
}

export function resolveTopic(
  directory: Pick<PartitionDirectory, 'topicName' | 'topicId'>,
  given: { name: string; topicId: string },
  byId: boolean,
): ResolvedTopic {
  if (!byId) {
    return {
      name: given.name,
      topicId: directory.topicId(given.name) ?? ZERO_UUID,
      errorCode: errorCodes.NONE,
    }
  }
  const name = directory.topicName(given.topicId)
  if (name === undefined) return { name: '', topicId: given.topicId, errorCode: errorCodes.UNKNOWN_TOPIC_ID }
  return { name, topicId: given.topicId, errorCode: errorCodes.NONE }
}
