// Bodies of the coordinator's answers, from what was decided.

import type { addPartitionsToTxn } from '../../protocol/apis/add-partitions-to-txn.ts'
import type { endTxn } from '../../protocol/apis/end-txn.ts'
import type { initProducerId } from '../../protocol/apis/init-producer-id.ts'
import type { RequestOf, ResponseOf } from '../../protocol/message.ts'
import type { ProducerIdAndEpoch } from './commands.ts'
import { NO_PRODUCER_EPOCH, NO_PRODUCER_ID } from './transaction.ts'

export type InitProducerIdResponse = ResponseOf<typeof initProducerId>
export type TopicsOfRequest = RequestOf<typeof addPartitionsToTxn>['v3AndBelowTopics']
export type TopicResults = ResponseOf<typeof addPartitionsToTxn>['resultsByTopicV3AndBelow']

export function endResponse(errorCode: number, producer?: ProducerIdAndEpoch): ResponseOf<typeof endTxn> {
  const { producerId = NO_PRODUCER_ID, producerEpoch = NO_PRODUCER_EPOCH } = producer ?? {}
  return { throttleTimeMs: 0, errorCode, producerId, producerEpoch }
}

export function initResponse(
  errorCode: number,
  producerId = NO_PRODUCER_ID,
  producerEpoch = NO_PRODUCER_EPOCH,
): InitProducerIdResponse {
  return {
    throttleTimeMs: 0,
    errorCode,
    producerId,
    producerEpoch,
    ongoingTxnProducerId: NO_PRODUCER_ID,
    ongoingTxnProducerEpoch: NO_PRODUCER_EPOCH,
  }
}

export function results(
  topics: TopicsOfRequest,
  code: (topic: string, partition: number) => number,
): TopicResults {
  return topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => ({
      partitionIndex,
      partitionErrorCode: code(name, partitionIndex),
    })),
  }))
}
