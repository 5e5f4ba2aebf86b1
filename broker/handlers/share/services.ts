// What the share handlers are given, and the words that they share.

import type { Features } from '../../coordinator/features.ts'
import type { Partition } from '../../partition/partition.ts'
import { type ErrorCode, errorCodes } from '../../protocol/errors.ts'
import type { ShareGroupSettings } from '../../share/share-partition-leader.ts'
import type { SharePartitions } from '../../share/share-partitions.ts'
import { FINAL_EPOCH, type SessionPartition, type ShareSessions } from '../../share/share-sessions.ts'
import type { Clock } from '../../time/clock.ts'
import type { PartitionDirectory } from '../context.ts'
import type { RequestQuotas } from '../request-quota.ts'

export interface ShareServices {
  features: Features
  sessions: ShareSessions
  sharePartitions: SharePartitions
  settings: (groupId: string) => ShareGroupSettings
  directory: PartitionDirectory
  clock: Clock
  fetchMaxBytes: number
  quota: Pick<RequestQuotas, 'fetchMaxBytes' | 'recordSent'>
  /** Memory for the bytes that are read; whoever sends the reply gives it back. */
  allocate: (sizeInBytes: number) => Buffer
  stopping: AbortSignal
}

const LONGEST_MEMBER_ID = 36

/** Why a request is refused before its session is looked at; NONE where it is not. */
export function memberProblem(
  { features }: ShareServices,
  groupId: string | null,
  memberId: string | null,
): ErrorCode {
  if (features.level('share.version') < 1) return errorCodes.UNSUPPORTED_VERSION
  if (groupId === null) return errorCodes.INVALID_REQUEST
  const isValid = memberId !== null && memberId.length > 0 && memberId.length <= LONGEST_MEMBER_ID
  return isValid ? errorCodes.NONE : errorCodes.INVALID_REQUEST
}

/** The partition of a topic id, or why there is none. */
export function partitionOf(
  { directory }: ShareServices,
  { topicId, partition }: SessionPartition,
): Partition | ErrorCode {
  const topic = directory.topicName(topicId)
  if (topic === undefined) return errorCodes.UNKNOWN_TOPIC_ID
  return directory.partition(topic, partition) ?? errorCodes.UNKNOWN_TOPIC_OR_PARTITION
}

/** After the request that says so, the session ends and what its member holds is given back. */
export function endIfFinal(services: ShareServices, epoch: number, groupId: string, memberId: string): void {
  if (epoch !== FINAL_EPOCH) return
  const partitions = services.sessions.close(groupId, memberId)
  if (partitions !== undefined) releaseAll(services, groupId, memberId, partitions)
}

/** The client of a session is gone. */
export function connectionClosed(services: ShareServices, connection: object): void {
  for (const { groupId, memberId, partitions } of services.sessions.connectionClosed(connection))
    releaseAll(services, groupId, memberId, partitions)
}

function releaseAll(
  { sharePartitions, sessions }: ShareServices,
  groupId: string,
  memberId: string,
  partitions: readonly SessionPartition[],
): void {
  const released = partitions.map(async ({ topicId, partition }) =>
    sharePartitions.get({ groupId, topicId, partition })?.release(memberId),
  )
  // Nobody is left who could fetch: what is in memory can be read again.
  void Promise.all(released).then(() => {
    if (sessions.membersOf(groupId) === 0) sharePartitions.forgetGroup(groupId)
  })
}
