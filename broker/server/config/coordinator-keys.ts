// Broker keys that logmill reads, part three: groups, committed offsets, producers and transactions.

import { atLeast, int, long, short } from './config-def.ts'

const high = { importance: 'HIGH' } as const
const positive = { validator: atLeast(1) } as const

export const groupKeys = {
  groupMinSessionTimeoutMs: int(
    'group.min.session.timeout.ms',
    6000,
    'The shortest session timeout that a group member may ask for.',
  ),
  groupMaxSessionTimeoutMs: int(
    'group.max.session.timeout.ms',
    1800000,
    'The longest session timeout that a group member may ask for.',
  ),
  groupInitialRebalanceDelayMs: int(
    'group.initial.rebalance.delay.ms',
    3000,
    'How long the first rebalance of an empty group waits for more members.',
  ),
  groupMaxSize: int('group.max.size', 2147483647, 'The most members of one group.', positive),
  offsetMetadataMaxBytes: int(
    'offset.metadata.max.bytes',
    4096,
    'The longest text that may be committed beside an offset.',
    high,
  ),
  offsetsCommitTimeoutMs: int(
    'offsets.commit.timeout.ms',
    5000,
    'How long a commit waits until its record is safe.',
    { ...positive, ...high },
  ),
  offsetsRetentionMinutes: int(
    'offsets.retention.minutes',
    10080,
    'How long the offsets of an empty group, or of a topic nobody subscribes to, are kept.',
    { ...positive, ...high },
  ),
  offsetsRetentionCheckIntervalMs: long(
    'offsets.retention.check.interval.ms',
    600000,
    'How often offsets are looked over for those that may go.',
    { ...positive, ...high },
  ),
}

export const transactionKeys = {
  transactionStateLogNumPartitions: int(
    'transaction.state.log.num.partitions',
    50,
    'Partitions of __transaction_state.',
    { ...positive, ...high },
  ),
  transactionStateLogReplicationFactor: short(
    'transaction.state.log.replication.factor',
    3,
    'Replicas of __transaction_state; no more than there are brokers when the topic is made.',
    { ...positive, ...high },
  ),
  transactionStateLogMinIsr: int(
    'transaction.state.log.min.isr',
    2,
    'min.insync.replicas of __transaction_state; no more than its replicas.',
    { ...positive, ...high },
  ),
  transactionStateLogSegmentBytes: int(
    'transaction.state.log.segment.bytes',
    104857600,
    'Segment size of __transaction_state.',
    { ...positive, ...high },
  ),
  transactionMaxTimeoutMs: int(
    'transaction.max.timeout.ms',
    900000,
    'The longest transaction timeout that a producer may ask for.',
    { ...positive, ...high },
  ),
  transactionalIdExpirationMs: int(
    'transactional.id.expiration.ms',
    604800000,
    'A transactional id without news for this long is forgotten.',
    { ...positive, ...high },
  ),
  transactionAbortTimedOutTransactionCleanupIntervalMs: int(
    'transaction.abort.timed.out.transaction.cleanup.interval.ms',
    10000,
    'How often transactions are looked over for those that have run out of time.',
    { ...positive, importance: 'LOW' },
  ),
  transactionRemoveExpiredTransactionCleanupIntervalMs: int(
    'transaction.remove.expired.transaction.cleanup.interval.ms',
    3600000,
    'How often transactional ids are looked over for those that may be forgotten.',
    { ...positive, importance: 'LOW' },
  ),
  addPartitionsToTxnRetryBackoffMaxMs: int(
    'add.partitions.to.txn.retry.backoff.max.ms',
    100,
    'How long a produce waits for the end of the transaction before, to add its partitions to the next one.',
    { validator: atLeast(0), ...high },
  ),
  addPartitionsToTxnRetryBackoffMs: int(
    'add.partitions.to.txn.retry.backoff.ms',
    20,
    'How often such a produce looks again at the latest.',
    { ...positive, ...high },
  ),
  producerIdExpirationMs: int(
    'producer.id.expiration.ms',
    86400000,
    'A partition forgets a producer that wrote nothing for this long.',
    { ...positive, importance: 'LOW', update: 'cluster-wide' },
  ),
}
