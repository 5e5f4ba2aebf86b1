// What the transaction coordinator can be told, under Kafka's names and with Kafka's defaults.

export interface TransactionConfig {
  /** transaction.state.log.num.partitions; fixed once __transaction_state exists. */
  transactionStateLogNumPartitions: number
  /** offsets.topic.num.partitions: AddOffsetsToTxn adds the group's partition of __consumer_offsets. */
  offsetsTopicNumPartitions: number
  /** transaction.max.timeout.ms */
  transactionMaxTimeoutMs: number
  /** transactional.id.expiration.ms */
  transactionalIdExpirationMs: number
  /** transaction.remove.expired.transaction.cleanup.interval.ms */
  removeExpiredTransactionCleanupIntervalMs: number
  /** add.partitions.to.txn.retry.backoff.max.ms and .backoff.ms: how an implicit adding waits for the end before. */
  addPartitionsRetryBackoffMaxMs: number
  addPartitionsRetryBackoffMs: number
  /** Finalized level of transaction.version, asked anew at each use: it may change while everything runs. */
  transactionVersion: () => number
}

export const defaultTransactionConfig: TransactionConfig = {
  transactionStateLogNumPartitions: 50,
  offsetsTopicNumPartitions: 50,
  transactionMaxTimeoutMs: 15 * 60_000,
  transactionalIdExpirationMs: 7 * 24 * 3_600_000,
  removeExpiredTransactionCleanupIntervalMs: 3_600_000,
  addPartitionsRetryBackoffMaxMs: 100,
  addPartitionsRetryBackoffMs: 20,
  transactionVersion: () => 0,
}
