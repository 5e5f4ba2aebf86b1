// What a produce asks, before anything of it is appended: each partition once, refused as a whole or not, what its
// transaction lacks, which batches there are to look at. Reads heads of batches, believes none of them.

import { BATCH_OVERHEAD, isTransactionalBatch } from '../../protocol/record-batch/header.ts'
import { type ErrorCode, errorCodes } from '../../protocol/errors.ts'
import { type BatchProducer, batchProducer, NO_PRODUCER } from '../batch-producer.ts'
import type { PartitionDirectory, Request } from '../context.ts'
import { type ResolvedTopic, resolveTopic } from '../topic-names.ts'
import type { IncomingBatch } from './inspect-ahead.ts'

export type ProduceRequest = Request<'Produce'>
export type ProduceTopic = ProduceRequest['topicData'][number]
type PartitionData = ProduceTopic['partitionData'][number]

/** Topic ids replace names from this version on (KIP-516). */
const BY_TOPIC_ID_FROM = 13

export function resolveProduceTopic(
  directory: PartitionDirectory,
  topic: ProduceTopic,
  apiVersion: number,
): ResolvedTopic {
  return resolveTopic(directory, topic, apiVersion >= BY_TOPIC_ID_FROM)
}

/** Batches that will be appended if nothing else is wrong. */
export function batchesOf(
  { topicData }: ProduceRequest,
  apiVersion: number,
  directory: PartitionDirectory,
): IncomingBatch[] {
  const batches: IncomingBatch[] = []
  for (const topic of topicData) {
    const { name, errorCode } = resolveProduceTopic(directory, topic, apiVersion)
    if (errorCode !== errorCodes.NONE) continue
    for (const { index, records } of topic.partitionData) {
      const partition = directory.partition(name, index)
      if (records !== null && partition !== undefined) batches.push({ records, config: partition.config })
    }
  }
  return batches
}

/**
 * The request with each topic, and each partition of it, once: what is said last of a partition counts, and there is
 * one answer to it (KafkaApis keeps both in maps). The same request where nothing is named twice.
 */
export function onePerPartition(request: ProduceRequest): ProduceRequest {
  const { topicData } = request
  const isPlain =
    (topicData.length < 2 ||
      new Set(topicData.map(({ name, topicId }) => `${topicId}:${name}`)).size === topicData.length) &&
    topicData.every(
      ({ partitionData }) =>
        partitionData.length < 2 ||
        new Set(partitionData.map(({ index }) => index)).size === partitionData.length,
    )
  if (isPlain) return request
  const topics = new Map<string, { name: string; topicId: string; byIndex: Map<number, PartitionData> }>()
  for (const { name, topicId, partitionData } of topicData) {
    const key = `${topicId}:${name}`
    const topic = topics.get(key) ?? { name, topicId, byIndex: new Map<number, PartitionData>() }
    topics.set(key, topic)
    for (const each of partitionData) topic.byIndex.set(each.index, each)
  }
  return {
    ...request,
    topicData: [...topics.values()].map(({ name, topicId, byIndex }) => ({
      name,
      topicId,
      partitionData: [...byIndex.values()],
    })),
  }
}

/**
 * Transactional batches need a transactional id, and one producer for all of them, or nothing of the request
 * counts (KafkaApis.handleProduceRequest, ReplicaManager.handleProduceAppend).
 */
export function wholeRefusal({ transactionalId, topicData }: ProduceRequest): ErrorCode {
  let first: BatchProducer | undefined
  for (const { partitionData } of topicData) {
    for (const { records } of partitionData) {
      if (records === null || records.length < BATCH_OVERHEAD || !isTransactionalBatch(records, 0)) continue
      if (transactionalId === null) return errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
      const producer = batchProducer(records)
      first ??= producer
      if (producer.producerId !== first.producerId || producer.producerEpoch !== first.producerEpoch) {
        return errorCodes.INVALID_PRODUCER_ID_MAPPING
      }
    }
  }
  return errorCodes.NONE
}

/** The partitions of this request that its transaction has not written to yet, and whose it is. */
export function notInTransaction(
  { topicData }: ProduceRequest,
  apiVersion: number,
  directory: PartitionDirectory,
): { producer: BatchProducer; missing: { topic: string; partition: number }[] } {
  const missing: { topic: string; partition: number }[] = []
  let producer = NO_PRODUCER
  for (const topic of topicData) {
    const { name, errorCode } = resolveProduceTopic(directory, topic, apiVersion)
    if (errorCode !== errorCodes.NONE) continue
    for (const { index, records } of topic.partitionData) {
      const partition = directory.partition(name, index)
      if (records === null || partition === undefined) continue
      const batch = batchProducer(records)
      if (!batch.isTransactional) continue
      producer = batch
      if (!partition.hasOpenTransaction(batch.producerId, batch.producerEpoch)) {
        missing.push({ topic: name, partition: index })
      }
    }
  }
  return { producer, missing }
}
