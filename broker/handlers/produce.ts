// Produce, versions 3-13 (0-2 are advertised for old librdkafka and refused, KAFKA-18659).
//
// Everything is appended before the first await, so pipelined requests of one connection reach the log in
// order. The reply waits until the high watermark covers the batch: under the default durability that is
// the group-commit fsync, for acks=1 as for acks=all. acks=0 gets no reply, and an error closes its connection.
// min.insync.replicas never refuses here: Kafka bounds it by the number of replicas (KIP-966), which is one.

import type { AppendResult } from '../partition/partition-api.ts'
import type { Partition } from '../partition/partition.ts'
import { type ErrorCode, errorCodes, errorName } from '../protocol/errors.ts'
import { BATCH_OVERHEAD, codecOf, isTransactionalBatch } from '../protocol/record-batch/header.ts'
import type { Clock } from '../time/clock.ts'
import { batchProducer } from './batch-producer.ts'
import {
  InvalidRequestError,
  type PartitionDirectory,
  type Request,
  type RequestContext,
  type Response,
} from './context.ts'
import { resolveTopic } from './topic-names.ts'

type ProduceRequest = Request<'Produce'>
type ProduceResponse = Response<'Produce'>
type TopicResponse = ProduceResponse['responses'][number]
type PartitionResponse = TopicResponse['partitionResponses'][number]

/** Topic ids replace names from this version on (KIP-516). */
const BY_TOPIC_ID_FROM = 13
/** Producers of this version understand "abort and begin again" (KIP-890). */
const TRANSACTION_ABORTABLE_FROM = 11
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
    knowsTransactionAbortable: boolean,
  ): ErrorCode
}

export async function handleProduce(
  request: ProduceRequest,
  context: RequestContext,
  services: ProduceServices,
): Promise<ProduceResponse | null> {
  const waits: Promise<void>[] = []
  const refusedAsWhole = wholeRefusal(request)
  const responses = request.topicData.map((topic): TopicResponse => {
    const resolved = resolveTopic(services.directory, topic, context.apiVersion >= BY_TOPIC_ID_FROM)
    const partitionResponses = topic.partitionData.map(({ index, records }): PartitionResponse => {
      if (refusedAsWhole !== errorCodes.NONE) return refusal(index, refusedAsWhole)
      if (resolved.errorCode !== errorCodes.NONE) return refusal(index, resolved.errorCode)
      const partition = services.directory.partition(resolved.name, index)
      if (partition === undefined) return refusal(index, errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
      const result = append(request, context.apiVersion, resolved.name, partition, records, services)
      const response = toResponse(index, result)
      const isAcknowledged = result.lastOffset < partition.highWatermark
      if (result.errorCode === errorCodes.NONE && request.acks !== 0 && !isAcknowledged) {
        waits.push(acknowledge(response, partition, result.lastOffset, request.timeoutMs, services.clock))
      }
      return response
    })
    return { name: resolved.name, topicId: topic.topicId, partitionResponses }
  })
  if (request.acks === 0) {
    closeOnError(responses)
    return null
  }
  if (waits.length > 0) await Promise.all(waits)
  return { responses }
}

/** Transactional batches need a transactional id, or nothing of the request counts (KafkaApis.handleProduceRequest). */
function wholeRefusal({ transactionalId, topicData }: ProduceRequest): ErrorCode {
  if (transactionalId !== null) return errorCodes.NONE
  for (const { partitionData } of topicData) {
    for (const { records } of partitionData) {
      if (records !== null && records.length >= BATCH_OVERHEAD && isTransactionalBatch(records, 0)) {
        return errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
      }
    }
  }
  return errorCodes.NONE
}

function append(
  request: ProduceRequest,
  apiVersion: number,
  topic: string,
  partition: Partition,
  records: Buffer | null,
  services: ProduceServices,
): AppendResult {
  if (request.acks < -1 || request.acks > 1) return failed(errorCodes.INVALID_REQUIRED_ACKS)
  if (!services.mayWrite(topic)) return failed(errorCodes.INVALID_TOPIC_EXCEPTION)
  if (records === null) return failed(errorCodes.INVALID_RECORD, 'the partition carries no records')
  if (apiVersion < ZSTD_FROM && records.length >= BATCH_OVERHEAD && codecOf(records, 0) === 'zstd') {
    return failed(errorCodes.UNSUPPORTED_COMPRESSION_TYPE, `zstd needs Produce version ${ZSTD_FROM}`)
  }
  const { producerId, producerEpoch, isTransactional } = batchProducer(records)
  const { transactionalId } = request
  if (
    isTransactional &&
    transactionalId !== null &&
    !partition.hasOpenTransaction(producerId, producerEpoch)
  ) {
    const verdict = services.verifyTransaction(
      transactionalId,
      producerId,
      producerEpoch,
      topic,
      partition.index,
      apiVersion >= TRANSACTION_ABORTABLE_FROM,
    )
    if (verdict !== errorCodes.NONE) return failed(verdict)
  }
  return partition.append(records, { nowMs: services.clock.now(), fromClient: true })
}

/** Resolves when the high watermark covers the batch, or turns the response into the reason why it does not. */
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
      if (errorCode !== errorCodes.NONE) {
        response.errorCode = errorCode
        response.baseOffset = -1n
        response.logAppendTimeMs = -1n
      }
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
