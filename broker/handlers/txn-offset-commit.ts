// TxnOffsetCommit, versions 0-5: offsets that count when the producer's transaction commits. From version 5 on
// the request brings the group's partition of __consumer_offsets into the transaction itself (KIP-890).

import { OFFSETS_TOPIC } from '../controller/topic-name.ts'
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts'
import { appendErrorCode, transactionSupport } from '../coordinator/transaction/answers.ts'
import type { TransactionCoordinator } from '../coordinator/transaction/transaction-coordinator.ts'
import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import type { PartitionDirectory, Request, RequestContext, Response } from './context.ts'
import { existence, forExisting } from './existing-partitions.ts'

export interface TxnOffsetCommitServices {
  groups: GroupCoordinator
  transactions: TransactionCoordinator
  directory: PartitionDirectory
  /** Whether __consumer_offsets is there to take the marker. */
  ensureOffsetsTopic(): Promise<boolean>
}

export async function handleTxnOffsetCommit(
  request: Request<'TxnOffsetCommit'>,
  { apiVersion }: RequestContext,
  services: TxnOffsetCommitServices,
): Promise<Response<'TxnOffsetCommit'>> {
  const { groups, transactions, directory } = services
  const { transactionalId, producerId, producerEpoch, groupId } = request
  const partition = groups.partitionFor(groupId)
  const refusedToAdd = await implicitAdding(request, apiVersion, partition, services)
  // Offsets of a transaction that has ended would stay pending for ever: asked in the turn in which they are
  // written. Kafka looks at the group id before that.
  const refused =
    groupId === ''
      ? errorCodes.INVALID_GROUP_ID
      : inGroupWords(
          refusedToAdd !== errorCodes.NONE
            ? refusedToAdd
            : transactions.verifyTransaction(
                transactionalId,
                producerId,
                producerEpoch,
                OFFSETS_TOPIC,
                partition,
                transactionSupport('TxnOffsetCommit', apiVersion),
              ),
        )
  const topics = await forExisting(
    request.topics,
    ({ name }, partitionIndex) => {
      const errorCode = existence(directory, name, partitionIndex)
      return errorCode === errorCodes.NONE ? refused : errorCode
    },
    async (existing) =>
      (await groups.txnOffsetCommit({ ...request, topics: existing }, { apiVersion })).topics,
  )
  return { topics: topics.map(({ name, partitions }) => ({ name, partitions })) }
}

/** Adds the group's partition where the request may, and commits anything. */
async function implicitAdding(
  { transactionalId, producerId, producerEpoch, groupId, topics }: Request<'TxnOffsetCommit'>,
  apiVersion: number,
  partition: number,
  { transactions, directory, ensureOffsetsTopic }: TxnOffsetCommitServices,
): Promise<ErrorCode> {
  const commitsAnything = topics.some(({ name, partitions }) =>
    partitions.some(({ partitionIndex }) => existence(directory, name, partitionIndex) === errorCodes.NONE),
  )
  const isImplicit = transactionSupport('TxnOffsetCommit', apiVersion) === 'implicit'
  if (!isImplicit || groupId === '' || !commitsAnything) return errorCodes.NONE
  if (!(await ensureOffsetsTopic())) return errorCodes.COORDINATOR_NOT_AVAILABLE
  const producer = { producerId, producerEpoch }
  const added = await transactions.addImplicitly(transactionalId, producer, [
    { topic: OFFSETS_TOPIC, partition },
  ])
  return appendErrorCode(added, 'implicit')
}

/** In a producer's words "not now" is about replicas; here it is about the coordinator. */
function inGroupWords(errorCode: ErrorCode): ErrorCode {
  return errorCode === errorCodes.NOT_ENOUGH_REPLICAS ? errorCodes.COORDINATOR_LOAD_IN_PROGRESS : errorCode
}
