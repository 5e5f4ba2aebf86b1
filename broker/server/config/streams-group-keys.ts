// Broker keys that logmill reads, part four: streams groups (KIP-1071). The least and most bound what a group may set
// for itself.

import { atLeast, int } from './config-def.ts'

const positive = { validator: atLeast(1) } as const
const notNegative = { validator: atLeast(0) } as const

export const streamsGroupKeys = {
  groupStreamsSessionTimeoutMs: int(
    'group.streams.session.timeout.ms',
    45000,
    'How long a member of a streams group is waited for.',
    positive,
  ),
  groupStreamsMinSessionTimeoutMs: int(
    'group.streams.min.session.timeout.ms',
    45000,
    'The least streams.session.timeout.ms of a group.',
    positive,
  ),
  groupStreamsMaxSessionTimeoutMs: int(
    'group.streams.max.session.timeout.ms',
    60000,
    'The most streams.session.timeout.ms of a group.',
    positive,
  ),
  groupStreamsHeartbeatIntervalMs: int(
    'group.streams.heartbeat.interval.ms',
    5000,
    'How often members of a streams group are told to heartbeat.',
    positive,
  ),
  groupStreamsMinHeartbeatIntervalMs: int(
    'group.streams.min.heartbeat.interval.ms',
    5000,
    'The least streams.heartbeat.interval.ms of a group.',
    positive,
  ),
  groupStreamsMaxHeartbeatIntervalMs: int(
    'group.streams.max.heartbeat.interval.ms',
    15000,
    'The most streams.heartbeat.interval.ms of a group.',
    positive,
  ),
  groupStreamsMaxSize: int(
    'group.streams.max.size',
    2147483647,
    'The most members of one streams group.',
    positive,
  ),
  groupStreamsNumStandbyReplicas: int(
    'group.streams.num.standby.replicas',
    0,
    'In how many processes more the state of each task is kept.',
    notNegative,
  ),
  groupStreamsMaxStandbyReplicas: int(
    'group.streams.max.standby.replicas',
    2,
    'The most streams.num.standby.replicas of a group.',
    notNegative,
  ),
  groupStreamsInitialRebalanceDelayMs: int(
    'group.streams.initial.rebalance.delay.ms',
    3000,
    'How long the first assignment of an empty streams group waits for more members.',
    notNegative,
  ),
  groupStreamsAssignmentIntervalMs: int(
    'group.streams.assignment.interval.ms',
    1000,
    'The least time between two assignments of a streams group.',
    { ...notNegative, update: 'cluster-wide' },
  ),
  groupStreamsMinAssignmentIntervalMs: int(
    'group.streams.min.assignment.interval.ms',
    0,
    'The least streams.assignment.interval.ms of a group.',
    notNegative,
  ),
  groupStreamsMaxAssignmentIntervalMs: int(
    'group.streams.max.assignment.interval.ms',
    15000,
    'The most streams.assignment.interval.ms of a group.',
    notNegative,
  ),
}
