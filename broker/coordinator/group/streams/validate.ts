// What a StreamsGroupHeartbeat must say, whatever the group's state. Texts are Kafka's: clients print them. Kafka:
// GroupCoordinatorService.throwIfStreamsGroupHeartbeatRequestIsInvalid and …IsUsingUnsupportedFeatures.

import { errorCodes } from '../../../protocol/errors.ts'
import type { StreamsHeartbeatRequest } from './messages.ts'

const JOINING = 0
/** A static member goes away for a while; there are no static members of streams groups yet. */
const LEAVING_FOR_A_WHILE = -2

export interface Refused {
  errorCode: number
  message: string
}

export function refuseHeartbeat(request: StreamsHeartbeatRequest): Refused | undefined {
  const message = unsupported(request) ?? invalid(request)
  if (message !== undefined) return { errorCode: errorCodes.INVALID_REQUEST, message }
  if (request.memberEpoch !== JOINING || request.topology === null) return undefined
  return refuseTopology(request.topology)
}

function unsupported(request: StreamsHeartbeatRequest): string | undefined {
  if (request.instanceId !== null) return 'Static membership is not yet supported.'
  if (request.taskOffsets !== null) return 'TaskOffsets are not supported yet.'
  if (request.taskEndOffsets !== null) return 'TaskEndOffsets are not supported yet.'
  if (request.warmupTasks !== null && request.warmupTasks.length > 0)
    return 'WarmupTasks are not supported yet.'
  if (request.topology?.subtopologies.some(({ sourceTopicRegex }) => sourceTopicRegex.length > 0))
    return 'Regular expressions for source topics are not supported yet.'
  return undefined
}

function invalid(request: StreamsHeartbeatRequest): string | undefined {
  const { groupId, memberId, rackId, memberEpoch, topology } = request
  const { activeTasks, standbyTasks, warmupTasks } = request
  const isBlank = (text: string | null): boolean => text !== null && text.trim() === ''
  if (isBlank(memberId)) return "MemberId can't be empty."
  if (isBlank(groupId)) return "GroupId can't be empty."
  if (isBlank(rackId)) return "RackId can't be empty."
  if (memberEpoch === JOINING) {
    if (request.rebalanceTimeoutMs === -1) return 'RebalanceTimeoutMs must be provided in first request.'
    if (!isEmptyList(activeTasks)) return 'ActiveTasks must be empty when (re-)joining.'
    if (!isEmptyList(standbyTasks)) return 'StandbyTasks must be empty when (re-)joining.'
    if (!isEmptyList(warmupTasks)) return 'WarmupTasks must be empty when (re-)joining.'
    if (topology === null) return 'Topology must be non-null when (re-)joining.'
  } else if (memberEpoch === LEAVING_FOR_A_WHILE) return "InstanceId can't be null."
  else if (memberEpoch < LEAVING_FOR_A_WHILE)
    return `MemberEpoch is ${memberEpoch}, but must be greater than or equal to -2.`
  const told = [activeTasks, standbyTasks, warmupTasks].filter((tasks) => tasks !== null).length
  if (told !== 0 && told !== 3) return 'If one task-type is non-null, all must be non-null.'
  if (memberEpoch !== JOINING && topology !== null) return 'Topology can only be provided when (re-)joining.'
  return undefined
}

function refuseTopology({
  subtopologies,
}: NonNullable<StreamsHeartbeatRequest['topology']>): Refused | undefined {
  const refused = (message: string): Refused => ({
    errorCode: errorCodes.STREAMS_INVALID_TOPOLOGY,
    message,
  })
  const ids = new Set<string>()
  for (const { subtopologyId, stateChangelogTopics } of subtopologies) {
    if (ids.has(subtopologyId)) return refused(`Subtopology ${subtopologyId} is there twice.`)
    ids.add(subtopologyId)
    for (const { name, partitions } of stateChangelogTopics) {
      if (partitions !== 0) {
        return refused(
          `Changelog topic ${name} must have an undefined partition count, but it is set to ${partitions}.`,
        )
      }
    }
  }
  return undefined
}

const isEmptyList = (list: readonly unknown[] | null): boolean => list !== null && list.length === 0
