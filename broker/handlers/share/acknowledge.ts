// What a ShareFetch or a ShareAcknowledge acknowledges: checked partition by partition, then carried out. A partition
// that is refused does not refuse the others. Kafka: KafkaApis.validateAcknowledgementBatches, handleAcknowledgements.

import { type ErrorCode, errorCodes } from '../../protocol/errors.ts'
import { type AcknowledgementBatch } from '../../share/offset-ranges.ts'
import { acknowledgeTypes } from '../../share/acknowledgement.ts'
import type { StateOutcome } from '../../share/state-store.ts'
import { partitionOf, type ShareServices } from './services.ts'

export interface AcknowledgedTopic {
  topicId: string
  partitions: { partitionIndex: number; acknowledgementBatches: AcknowledgementBatch[] }[]
}

export interface Acknowledged extends StateOutcome {
  topicId: string
  partitionIndex: number
}

export interface AcknowledgeContext {
  groupId: string
  memberId: string
  /** First of version 2: locks can be renewed. */
  knowsRenew: boolean
  isRenewAck: boolean
}

/** Resolves when all of it is safe; partitions without acknowledgements are left out. */
export function acknowledgeAll(
  topics: readonly AcknowledgedTopic[],
  context: AcknowledgeContext,
  services: ShareServices,
): Promise<Acknowledged[]> {
  return Promise.all(
    topics.flatMap(({ topicId, partitions }) =>
      partitions
        .filter(({ acknowledgementBatches }) => acknowledgementBatches.length > 0)
        .map(async ({ partitionIndex, acknowledgementBatches }): Promise<Acknowledged> => {
          const place = { topicId, partition: partitionIndex }
          const outcome = await acknowledge(place, acknowledgementBatches, context, services)
          return { topicId, partitionIndex, ...outcome }
        }),
    ),
  )
}

async function acknowledge(
  place: { topicId: string; partition: number },
  batches: readonly AcknowledgementBatch[],
  context: AcknowledgeContext,
  services: ShareServices,
): Promise<StateOutcome> {
  const { groupId, memberId } = context
  const partition = partitionOf(services, place)
  if (partition === errorCodes.UNKNOWN_TOPIC_ID) return refused(partition)
  if (!areValid(batches, context)) return refused(errorCodes.INVALID_REQUEST)
  if (typeof partition === 'number') return refused(partition)
  const leader = services.sharePartitions.get({ groupId, ...place })
  if (leader === undefined) return refused(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  return leader.acknowledge(memberId, batches)
}

/** In order, one type for all records of a batch or one for each, and none that the version does not know. */
function areValid(
  batches: readonly AcknowledgementBatch[],
  { knowsRenew, isRenewAck }: AcknowledgeContext,
): boolean {
  const highest = knowsRenew ? acknowledgeTypes.RENEW : acknowledgeTypes.REJECT
  let end = -1n
  for (const { firstOffset, lastOffset, acknowledgeTypes: types } of batches) {
    if (firstOffset > lastOffset || firstOffset < end || firstOffset < 0n || types.length === 0) return false
    if (types.length > 1 && lastOffset - firstOffset !== BigInt(types.length - 1)) return false
    if (types.some((type) => type < 0 || type > highest)) return false
    if (!isRenewAck && types.includes(acknowledgeTypes.RENEW)) return false
    end = lastOffset
  }
  return true
}

function refused(errorCode: ErrorCode): StateOutcome {
  return { errorCode, errorMessage: null }
}
