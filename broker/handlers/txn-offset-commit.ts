// TxnOffsetCommit, versions 0-5: offsets that count when the producer's transaction commits.

import { OFFSETS_TOPIC } from '../controller/topic-name.ts'
import type { GroupCoordinator } from '../coordinator/group/group-coordinator.ts'
import type { TransactionCoordinator } from '../coordinator/transaction/transaction-coordinator.ts'
import { errorCodes } from '../protocol/errors.ts'
import type { PartitionDirectory, Request, RequestContext, Response } from './context.ts'
import { existence, forExisting } from './existing-partitions.ts'

/** Producers of this version understand "abort and begin again" (KIP-890). */
const TRANSACTION_ABORTABLE_FROM = 4

export interface TxnOffsetCommitServices {
  groups: GroupCoordinator
  transactions: TransactionCoordinator
  directory: PartitionDirectory
}

export async function handleTxnOffsetCommit(
  request: Request<'TxnOffsetCommit'>,
  { apiVersion }: RequestContext,
  { groups, transactions, directory }: TxnOffsetCommitServices,
): Promise<Response<'TxnOffsetCommit'>> {
  const { transactionalId, producerId, producerEpoch, groupId } = request
  // Offsets of a transaction that has ended would stay pending for ever.
  const verdict = transactions.verifyTransaction(
    transactionalId,
    producerId,
    producerEpoch,
    OFFSETS_TOPIC,
    groups.partitionFor(groupId),
    apiVersion >= TRANSACTION_ABORTABLE_FROM,
  )
  // In a producer's words "not now" is about replicas; here it is about the coordinator.
  const late = verdict === errorCodes.NOT_ENOUGH_REPLICAS ? errorCodes.COORDINATOR_LOAD_IN_PROGRESS : verdict
  // Kafka looks at the group id before it asks about the transaction.
  const refused = groupId === '' ? errorCodes.INVALID_GROUP_ID : late
  const topics = await forExisting(
    request.topics,
    ({ name }, partitionIndex) =>
      refused === errorCodes.NONE ? existence(directory, name, partitionIndex) : refused,
    async (existing) =>
      (await groups.txnOffsetCommit({ ...request, topics: existing }, { apiVersion })).topics,
  )
  return { topics: topics.map(({ name, partitions }) => ({ name, partitions })) }
}
