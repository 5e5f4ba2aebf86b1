// Broker keys that logmill reads, part five: share groups and the share coordinator (KIP-932). The least and most bound
// what a group may set for itself.

import { atLeast, between, int } from './config-def.ts'

const positive = { validator: atLeast(1) } as const
const notNegative = { validator: atLeast(0) } as const
const high = { importance: 'HIGH' } as const

export const shareGroupKeys = {
  groupShareSessionTimeoutMs: int(
    'group.share.session.timeout.ms',
    45000,
    'How long a member of a share group is waited for.',
    positive,
  ),
  groupShareMinSessionTimeoutMs: int(
    'group.share.min.session.timeout.ms',
    45000,
    'The least share.session.timeout.ms of a group.',
    positive,
  ),
  groupShareMaxSessionTimeoutMs: int(
    'group.share.max.session.timeout.ms',
    60000,
    'The most share.session.timeout.ms of a group.',
    positive,
  ),
  groupShareHeartbeatIntervalMs: int(
    'group.share.heartbeat.interval.ms',
    5000,
    'How often members of a share group are told to heartbeat.',
    positive,
  ),
  groupShareMinHeartbeatIntervalMs: int(
    'group.share.min.heartbeat.interval.ms',
    5000,
    'The least share.heartbeat.interval.ms of a group.',
    positive,
  ),
  groupShareMaxHeartbeatIntervalMs: int(
    'group.share.max.heartbeat.interval.ms',
    15000,
    'The most share.heartbeat.interval.ms of a group.',
    positive,
  ),
  groupShareMaxSize: int('group.share.max.size', 200, 'The most members of one share group.', {
    validator: between(1, 1000),
  }),
  groupShareAssignmentIntervalMs: int(
    'group.share.assignment.interval.ms',
    1000,
    'The least time between two assignments of a share group.',
    { ...notNegative, update: 'cluster-wide' },
  ),
  groupShareMinAssignmentIntervalMs: int(
    'group.share.min.assignment.interval.ms',
    0,
    'The least share.assignment.interval.ms of a group.',
    notNegative,
  ),
  groupShareMaxAssignmentIntervalMs: int(
    'group.share.max.assignment.interval.ms',
    15000,
    'The most share.assignment.interval.ms of a group.',
    notNegative,
  ),
  groupShareDeliveryCountLimit: int(
    'group.share.delivery.count.limit',
    5,
    'How often a record is delivered before it is given up.',
    { validator: between(2, 10) },
  ),
  groupShareMinDeliveryCountLimit: int(
    'group.share.min.delivery.count.limit',
    2,
    'The least share.delivery.count.limit of a group.',
    { validator: between(2, 5) },
  ),
  groupShareMaxDeliveryCountLimit: int(
    'group.share.max.delivery.count.limit',
    10,
    'The most share.delivery.count.limit of a group.',
    { validator: between(5, 25) },
  ),
  groupShareRecordLockDurationMs: int(
    'group.share.record.lock.duration.ms',
    30000,
    'How long a record that was fetched is kept for its consumer.',
    { validator: between(1000, 3600000) },
  ),
  groupShareMinRecordLockDurationMs: int(
    'group.share.min.record.lock.duration.ms',
    15000,
    'The least share.record.lock.duration.ms of a group.',
    { validator: between(1000, 30000) },
  ),
  groupShareMaxRecordLockDurationMs: int(
    'group.share.max.record.lock.duration.ms',
    60000,
    'The most share.record.lock.duration.ms of a group.',
    { validator: between(30000, 3600000) },
  ),
  groupSharePartitionMaxRecordLocks: int(
    'group.share.partition.max.record.locks',
    2000,
    'How many records of one partition may be with consumers at a time.',
    { validator: between(100, 10000) },
  ),
  groupShareMinPartitionMaxRecordLocks: int(
    'group.share.min.partition.max.record.locks',
    100,
    'The least share.partition.max.record.locks of a group.',
    { validator: between(100, 2000) },
  ),
  groupShareMaxPartitionMaxRecordLocks: int(
    'group.share.max.partition.max.record.locks',
    4000,
    'The most share.partition.max.record.locks of a group.',
    { validator: between(2000, 10000) },
  ),
  groupShareMaxShareSessions: int(
    'group.share.max.share.sessions',
    2000,
    'The most share sessions of this broker.',
    positive,
  ),
}

export const shareCoordinatorKeys = {
  shareCoordinatorStateTopicNumPartitions: int(
    'share.coordinator.state.topic.num.partitions',
    50,
    'Partitions of __share_group_state.',
    { ...positive, ...high },
  ),
  shareCoordinatorStateTopicSegmentBytes: int(
    'share.coordinator.state.topic.segment.bytes',
    104857600,
    'Segment size of __share_group_state.',
    { ...positive, ...high },
  ),
  shareCoordinatorWriteTimeoutMs: int(
    'share.coordinator.write.timeout.ms',
    5000,
    'How long a state is waited for until its record is safe.',
    { ...positive, ...high },
  ),
  shareCoordinatorSnapshotUpdateRecordsPerSnapshot: int(
    'share.coordinator.snapshot.update.records.per.snapshot',
    500,
    'How many changes of a state are written before it is written whole.',
    { validator: between(0, 500) },
  ),
}
