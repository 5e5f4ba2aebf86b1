// Broker keys that logmill reads, part three: groups, committed offsets, producers and transactions.

import { atLeast, everyOneOf, int, list, long, oneOf, short } from './config-def.ts'

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

export const consumerGroupKeys = {
  groupCoordinatorRebalanceProtocols: list(
    'group.coordinator.rebalance.protocols',
    'classic,consumer,streams',
    'The rebalance protocols that are served; the classic one cannot be left out.',
    { validator: everyOneOf(['classic', 'consumer', 'streams']) },
  ),
  groupConsumerSessionTimeoutMs: int(
    'group.consumer.session.timeout.ms',
    45000,
    'A member of a consumer group without a heartbeat for this long is taken for gone.',
    positive,
  ),
  groupConsumerMinSessionTimeoutMs: int(
    'group.consumer.min.session.timeout.ms',
    45000,
    'The shortest session timeout that may be set for a consumer group.',
    positive,
  ),
  groupConsumerMaxSessionTimeoutMs: int(
    'group.consumer.max.session.timeout.ms',
    60000,
    'The longest session timeout that may be set for a consumer group.',
    positive,
  ),
  groupConsumerHeartbeatIntervalMs: int(
    'group.consumer.heartbeat.interval.ms',
    5000,
    'How often members of a consumer group are told to send a heartbeat.',
    positive,
  ),
  groupConsumerMinHeartbeatIntervalMs: int(
    'group.consumer.min.heartbeat.interval.ms',
    5000,
    'The shortest heartbeat interval that may be set for a consumer group.',
    positive,
  ),
  groupConsumerMaxHeartbeatIntervalMs: int(
    'group.consumer.max.heartbeat.interval.ms',
    15000,
    'The longest heartbeat interval that may be set for a consumer group.',
    positive,
  ),
  groupConsumerAssignmentIntervalMs: int(
    'group.consumer.assignment.interval.ms',
    1000,
    'A consumer group gets a new target assignment no sooner than this after the last one.',
    { validator: atLeast(0), update: 'cluster-wide' },
  ),
  groupConsumerMinAssignmentIntervalMs: int(
    'group.consumer.min.assignment.interval.ms',
    0,
    'The shortest assignment interval that may be set for a consumer group.',
    { validator: atLeast(0) },
  ),
  groupConsumerMaxAssignmentIntervalMs: int(
    'group.consumer.max.assignment.interval.ms',
    15000,
    'The longest assignment interval that may be set for a consumer group.',
    { validator: atLeast(0) },
  ),
  groupConsumerMaxSize: int(
    'group.consumer.max.size',
    2147483647,
    'The most members of one consumer group.',
    positive,
  ),
  groupConsumerAssignors: list(
    'group.consumer.assignors',
    'uniform,range',
    'The assignors that members may ask for, by name; the first is for groups that ask for none.',
    { validator: everyOneOf(['uniform', 'range']) },
  ),
  groupConsumerMigrationPolicy: oneOf(
    'group.consumer.migration.policy',
    ['bidirectional', 'upgrade', 'downgrade', 'disabled'],
    'bidirectional',
    'Whether a classic group becomes a consumer group when a member of the new protocol joins, and back.',
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
