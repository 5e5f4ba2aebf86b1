// Produce, versions 3-13 (0-2 are advertised for old librdkafka and refused, KAFKA-18659).
//
// Everything is appended before the first await, so pipelined requests of one connection reach the log in
// order. What has to wait before that keeps its order: batches that take long to look at (produce/), and a transaction
// that has to take in partitions first (transaction-turns.ts). The reply
// waits until the high watermark covers the batch: under the default durability that is the group-commit fsync, for
// acks=1 as for acks=all. acks=0 gets no reply, and an error closes its connection.
// min.insync.replicas never refuses here: Kafka bounds it by the number of replicas (KIP-966), which is one.

import { transactionSupport } from '../coordinator/transaction/answers.ts'
import type { AppendResult } from '../partition/partition-api.ts'
import type { Partition } from '../partition/partition.ts'
import { type ErrorCode, errorCodes, errorName } from '../protocol/errors.ts'
import type { Clock } from '../time/clock.ts'
import {
  InvalidRequestError,
  type PartitionDirectory,
  type RequestContext,
  type Response,
} from './context.ts'
import { type AppendContext, type AppendServices, appendBatch, failed } from './produce/append-batch.ts'
import { type BatchInspection, inspectAhead } from './produce/inspect-ahead.ts'
import {
  batchesOf,
  notInTransaction,
  onePerPartition,
  type ProduceRequest,
  resolveProduceTopic,
  wholeRefusal,
} from './produce/produce-request.ts'
import type { ProduceTurns } from './produce/produce-turns.ts'
import type { TransactionTurns } from './transaction-turns.ts'

type ProduceResponse = Response<'Produce'>
type TopicResponse = ProduceResponse['responses'][number]
type PartitionResponse = TopicResponse['partitionResponses'][number]

export interface ProduceServices extends AppendServices {
  directory: PartitionDirectory
  inspection: BatchInspection
  /** Of connections with batches under inspection. */
  turns: ProduceTurns
  transactionTurns: TransactionTurns
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
  if (refusedAsWhole !== errorCodes.NONE) {
    const nothing = { apiVersion: context.apiVersion, refusedToAdd: errorCodes.NONE, inspected: undefined }
    return services.turns.take(context.connection, undefined, () =>
      answered(request, appendAll(request, refusedAsWhole, nothing, services)),
    )
  }
  const { directory, inspection, clock } = services
  const batches = batchesOf(request, context.apiVersion, directory)
  const inspected = inspectAhead(batches, inspection, clock.now())
  return services.turns.take(context.connection, inspected, (found) =>
    appendInTurn(request, context.apiVersion, found, services),
  )
}

/** At once, unless the request's transaction has to take in partitions first. */
function appendInTurn(
  request: ProduceRequest,
  apiVersion: number,
  inspected: AppendContext['inspected'],
  services: ProduceServices,
): Promise<ProduceResponse | null> {
  const appendNow = (refusedToAdd: ErrorCode) =>
    appendAll(request, errorCodes.NONE, { apiVersion, refusedToAdd, inspected }, services)
  const { transactionalId } = request
  if (transactionalId === null || transactionSupport('Produce', apiVersion) !== 'implicit') {
    return answered(request, appendNow(errorCodes.NONE))
  }
  const { producer, missing } = notInTransaction(request, apiVersion, services.directory)
  const appended = services.transactionTurns.take(transactionalId, producer, missing, appendNow)
  return appended instanceof Promise
    ? appended.then((late) => answered(request, late))
    : answered(request, appended)
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
  refusedAsWhole: ErrorCode,
  context: AppendContext,
  services: ProduceServices,
): Appended {
  const waits: Promise<void>[] = []
  const responses = request.topicData.map((topic): TopicResponse => {
    const resolved = resolveProduceTopic(services.directory, topic, context.apiVersion)
    const partitionResponses = topic.partitionData.map(({ index, records }): PartitionResponse => {
      if (refusedAsWhole !== errorCodes.NONE) return refusal(index, refusedAsWhole)
      if (resolved.errorCode !== errorCodes.NONE) return refusal(index, resolved.errorCode)
      const partition = services.directory.partition(resolved.name, index)
      if (partition === undefined) return refusal(index, errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
      const result = appendBatch(request, partition, records, context, services)
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

function refusal(index: number, errorCode: ErrorCode): PartitionResponse {
  return toResponse(index, failed(errorCode))
}

function toResponse(index: number, result: AppendResult): PartitionResponse {
  const { errorCode, errorMessage, baseOffset, logAppendTimeMs, logStartOffset, recordErrors } = result
  return { index, errorCode, errorMessage, baseOffset, logAppendTimeMs, logStartOffset, recordErrors }
}
