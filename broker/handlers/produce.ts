// Produce, versions 3-13 (0-2 are advertised for old librdkafka and refused, KAFKA-18659).
//
// Everything is appended before the first await, so pipelined requests of one connection reach the log in
// order; a transaction that has to take in partitions first keeps its own order (transaction-turns.ts). The reply
// waits until the high watermark covers the batch: under the default durability that is the group-commit fsync, for
// acks=1 as for acks=all. acks=0 gets no reply, and an error closes its connection.
// min.insync.replicas never refuses here: Kafka bounds it by the number of replicas (KIP-966), which is one.

import {
  appendErrorCode,
  type TransactionSupport,
  transactionSupport,
} from '../coordinator/transaction/answers.ts'
import type { AppendResult } from '../partition/partition-api.ts'
import type { Partition } from '../partition/partition.ts'
import { type ErrorCode, errorCodes, errorName, isRetriable } from '../protocol/errors.ts'
import { BATCH_OVERHEAD, codecOf, isTransactionalBatch } from '../protocol/record-batch/header.ts'
import type { Clock } from '../time/clock.ts'
import { type BatchProducer, batchProducer, NO_PRODUCER } from './batch-producer.ts'
import {
  InvalidRequestError,
  type PartitionDirectory,
  type Request,
  type RequestContext,
  type Response,
} from './context.ts'
import { resolveTopic } from './topic-names.ts'
import type { TransactionTurns } from './transaction-turns.ts'

type ProduceRequest = Request<'Produce'>
type PartitionData = ProduceRequest['topicData'][number]['partitionData'][number]
type ProduceResponse = Response<'Produce'>
type TopicResponse = ProduceResponse['responses'][number]
type PartitionResponse = TopicResponse['partitionResponses'][number]

/** Topic ids replace names from this version on (KIP-516). */
const BY_TOPIC_ID_FROM = 13
/** Older producers are not believed when they say zstd (KIP-110). */
const ZSTD_FROM = 7

export interface ProduceServices {
  directory: PartitionDirectory
  clock: Clock
  /** False for topics that only the broker writes. */
  mayWrite(topic: string): boolean
  /**
   * Whether the transaction is open and holds the partition. Without it a late batch of an ended
   * transaction would hold back the last stable offset for ever (KIP-890, part one).
   */
  verifyTransaction(
    transactionalId: string,
    producerId: bigint,
    producerEpoch: number,
    topic: string,
    partition: number,
    support: TransactionSupport,
  ): ErrorCode
  turns: TransactionTurns
}

interface Appended {
  responses: TopicResponse[]
  waits: Promise<void>[]
}

export function handleProduce(
  asked: ProduceRequest,
  context: RequestContext,
  services: ProduceServices,
): Promise<ProduceResponse | null> {
  const request = onePerPartition(asked)
  const refusedAsWhole = wholeRefusal(request)
  const { transactionalId } = request
  const appendNow = (refusedToAdd: ErrorCode) =>
    appendAll(request, context.apiVersion, refusedAsWhole, refusedToAdd, services)
  if (
    transactionalId === null ||
    transactionSupport('Produce', context.apiVersion) !== 'implicit' ||
    refusedAsWhole !== errorCodes.NONE
  ) {
    return answered(request, appendNow(errorCodes.NONE))
  }
  const { producer, missing } = notInTransaction(request, context.apiVersion, services)
  const appended = services.turns.take(transactionalId, producer, missing, appendNow)
  return appended instanceof Promise
    ? appended.then((late) => answered(request, late))
    : answered(request, appended)
}

/**
 * The request with each topic, and each partition of it, once: what is said last of a partition counts, and there is
 * one answer to it (KafkaApis keeps both in maps). The same request where nothing is named twice.
 */
function onePerPartition(request: ProduceRequest): ProduceRequest {
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

async function answered(
  { acks }: ProduceRequest,
  { responses, waits }: Appended,
): Promise<ProduceResponse | null> {
  if (acks === 0) {
    closeOnError(responses)
    return null
  }
  if (waits.length > 0) await Promise.all(waits)
  return { responses }
}

function appendAll(
  request: ProduceRequest,
  apiVersion: number,
  refusedAsWhole: ErrorCode,
  refusedToAdd: ErrorCode,
  services: ProduceServices,
): Appended {
  const waits: Promise<void>[] = []
  const responses = request.topicData.map((topic): TopicResponse => {
    const resolved = resolveTopic(services.directory, topic, apiVersion >= BY_TOPIC_ID_FROM)
    const partitionResponses = topic.partitionData.map(({ index, records }): PartitionResponse => {
      if (refusedAsWhole !== errorCodes.NONE) return refusal(index, refusedAsWhole)
      if (resolved.errorCode !== errorCodes.NONE) return refusal(index, resolved.errorCode)
      const partition = services.directory.partition(resolved.name, index)
      if (partition === undefined) return refusal(index, errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
      const result = append(request, apiVersion, partition, records, refusedToAdd, services)
      const response = toResponse(index, result)
      const isAcknowledged = result.lastOffset < partition.highWatermark
      if (result.errorCode === errorCodes.NONE && request.acks !== 0 && !isAcknowledged) {
        waits.push(acknowledge(response, partition, result.lastOffset, request.timeoutMs, services.clock))
      }
      return response
    })
    return { name: resolved.name, topicId: topic.topicId, partitionResponses }
  })
  return { responses, waits }
}

/**
 * Transactional batches need a transactional id, and one producer for all of them, or nothing of the request
 * counts (KafkaApis.handleProduceRequest, ReplicaManager.handleProduceAppend).
 */
function wholeRefusal({ transactionalId, topicData }: ProduceRequest): ErrorCode {
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
function notInTransaction(
  { topicData }: ProduceRequest,
  apiVersion: number,
  { directory }: ProduceServices,
): { producer: BatchProducer; missing: { topic: string; partition: number }[] } {
  const missing: { topic: string; partition: number }[] = []
  let producer = NO_PRODUCER
  for (const topic of topicData) {
    const { name, errorCode } = resolveTopic(directory, topic, apiVersion >= BY_TOPIC_ID_FROM)
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

function append(
  request: ProduceRequest,
  apiVersion: number,
  partition: Partition,
  records: Buffer | null,
  refusedToAdd: ErrorCode,
  services: ProduceServices,
): AppendResult {
  const { topic } = partition

  if (request.acks < -1 || request.acks > 1) return failed(errorCodes.INVALID_REQUIRED_ACKS)
  if (!services.mayWrite(topic)) return failed(errorCodes.INVALID_TOPIC_EXCEPTION)
  if (records === null) return failed(errorCodes.INVALID_RECORD)
  if (apiVersion < ZSTD_FROM && records.length >= BATCH_OVERHEAD && codecOf(records, 0) === 'zstd') {
    return failed(errorCodes.UNSUPPORTED_COMPRESSION_TYPE)
  }
  const { producerId, producerEpoch, baseSequence, isTransactional } = batchProducer(records)
  const { transactionalId } = request
  const support = transactionSupport('Produce', apiVersion)
  const nowMs = services.clock.now()
  if (
    isTransactional &&
    transactionalId !== null &&
    !partition.hasOpenTransaction(producerId, producerEpoch)
  ) {
    // What was added may have been decided upon since: only this turn's answer counts.
    const verdict =
      refusedToAdd !== errorCodes.NONE
        ? appendErrorCode(refusedToAdd, 'implicit')
        : services.verifyTransaction(
            transactionalId,
            producerId,
            producerEpoch,
            topic,
            partition.index,
            support,
          )
    if (verdict !== errorCodes.NONE) {
      const comesAgain = isRetriable(verdict) || verdict === errorCodes.CONCURRENT_TRANSACTIONS
      if (comesAgain) partition.noteBatchPutOff(producerId, producerEpoch, baseSequence, nowMs)
      const isForeign = verdict === errorCodes.INVALID_TXN_STATE
      return failed(verdict, isForeign ? 'the partition was not added to the transaction' : null)
    }
  }
  const startsAtZero = isTransactional && support === 'implicit'
  const result = partition.append(records, { nowMs, fromClient: true, startsAtZero })
  // The code speaks for itself, but where single records are to blame (LogAppendResult.hasCustomErrorMessage).
  if (result.recordErrors.length === 0) result.errorMessage = null
  return result
}

/**
 * Resolves when the high watermark covers the batch, or says in the response why it does not: its offsets stay, for it
 * is in the log (DelayedProduce).
 */
function acknowledge(
  response: PartitionResponse,
  partition: Partition,
  lastOffset: bigint,
  timeoutMs: number,
  clock: Clock,
): Promise<void> {
  return new Promise((resolve) => {
    const answered = (errorCode: ErrorCode): void => {
      timer.cancel()
      response.errorCode = errorCode
      resolve()
    }
    const timer = clock.setTimer(timeoutMs, () => {
      cancel()
      answered(errorCodes.REQUEST_TIMED_OUT)
    })
    const cancel = partition.onHighWatermark(lastOffset, answered)
  })
}

function closeOnError(responses: readonly TopicResponse[]): void {
  for (const { name, partitionResponses } of responses) {
    for (const { index, errorCode } of partitionResponses) {
      if (errorCode !== errorCodes.NONE) {
        throw new InvalidRequestError(
          `produce with acks=0 to ${name}-${index} failed: ${errorName(errorCode)}`,
        )
      }
    }
  }
}

function failed(errorCode: ErrorCode, errorMessage: string | null = null): AppendResult {
  return {
    errorCode,
    errorMessage,
    baseOffset: -1n,
    lastOffset: -1n,
    logAppendTimeMs: -1n,
    logStartOffset: -1n,
    recordErrors: [],
    isDuplicate: false,
  }
}

function refusal(index: number, errorCode: ErrorCode): PartitionResponse {
  return toResponse(index, failed(errorCode))
}

function toResponse(index: number, result: AppendResult): PartitionResponse {
  const { errorCode, errorMessage, baseOffset, logAppendTimeMs, logStartOffset, recordErrors } = result
  return { index, errorCode, errorMessage, baseOffset, logAppendTimeMs, logStartOffset, recordErrors }
}
