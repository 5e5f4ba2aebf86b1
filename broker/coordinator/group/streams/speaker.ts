// Who sends a heartbeat: the member that it is or becomes, whether its epoch lets it speak, what it says of itself and
// of what it holds. Kafka: getOrMaybeCreateDynamicStreamsGroupMember, throwIfStreamsGroupMemberEpochIsInvalid,
// throwIfRequestContainsInvalidTasks.

import { errorCodes } from '../../../protocol/errors.ts'
import type { ConfiguredTopology } from './configured-topology.ts'
import type { StreamsMemberFact } from './facts.ts'
import { newMember, type StreamsMember } from './member.ts'
import type { StreamsClient, StreamsHeartbeatRequest } from './messages.ts'
import { Refusal } from './refusal.ts'
import type { StreamsGroup } from './streams-group.ts'
import { isSubset, type Tasks, taskSetOf } from './tasks.ts'

const JOINING = 0

/** The member as it was before this heartbeat, a new one if it joins. Throws Refusal. */
export function speaker(
  group: StreamsGroup,
  request: StreamsHeartbeatRequest,
  maxSize: number,
): StreamsMember {
  const { memberId, memberEpoch, groupId } = request
  const isJoining = memberEpoch === JOINING
  if (isJoining && group.members.size >= maxSize) {
    throw new Refusal(
      errorCodes.GROUP_MAX_SIZE_REACHED,
      `The streams group has reached its maximum capacity of ${maxSize} members.`,
    )
  }
  const member = group.members.get(memberId)
  if (member === undefined) {
    if (isJoining) return newMember(memberId)
    throw new Refusal(errorCodes.UNKNOWN_MEMBER_ID, `Member ${memberId} is not a member of group ${groupId}.`)
  }
  if (!isJoining) checkEpoch(member, request)
  return member
}

/** The epoch before is let pass where only the answer that told the new one can have been lost. */
function checkEpoch(member: StreamsMember, request: StreamsHeartbeatRequest): void {
  const { memberEpoch } = request
  if (memberEpoch === member.memberEpoch) return
  const fenced = (than: string): Refusal =>
    new Refusal(
      errorCodes.FENCED_MEMBER_EPOCH,
      `The streams group member has a ${than} member epoch (${memberEpoch}) than the one known by the group coordinator (${member.memberEpoch}). The member must abandon all its partitions and rejoin.`,
    )
  if (memberEpoch > member.memberEpoch) throw fenced('greater')
  const owned = ownedTasks(request)
  const { active, standby, warmup } = member.assigned
  const answerWasLost =
    memberEpoch === member.previousMemberEpoch &&
    owned !== null &&
    isSubset(owned.active, active) &&
    isSubset(owned.standby, standby) &&
    isSubset(owned.warmup, warmup)
  if (!answerWasLost) throw fenced('smaller')
}

/** What the member says that it holds; null when it says nothing. */
export function ownedTasks({
  activeTasks,
  standbyTasks,
  warmupTasks,
}: StreamsHeartbeatRequest): Tasks | null {
  if (activeTasks === null || standbyTasks === null || warmupTasks === null) return null
  return { active: taskSetOf(activeTasks), standby: taskSetOf(standbyTasks), warmup: taskSetOf(warmupTasks) }
}

/** What it says of itself; null says that nothing changed. */
export function updatedMember(
  member: StreamsMember,
  request: StreamsHeartbeatRequest,
  { clientId, clientHost }: StreamsClient,
): StreamsMember {
  const { clientTags } = request
  return {
    ...member,
    rackId: request.rackId ?? member.rackId,
    rebalanceTimeoutMs:
      request.rebalanceTimeoutMs === -1 ? member.rebalanceTimeoutMs : request.rebalanceTimeoutMs,
    topologyEpoch: request.topology?.epoch ?? member.topologyEpoch,
    clientId,
    clientHost,
    processId: request.processId ?? member.processId,
    userEndpoint: request.userEndpoint ?? member.userEndpoint,
    clientTags:
      clientTags === null ? member.clientTags : new Map(clientTags.map(({ key, value }) => [key, value])),
  }
}

export function memberFact(groupId: string, member: StreamsMember): StreamsMemberFact {
  const { memberId, instanceId, rackId, clientId, clientHost, rebalanceTimeoutMs } = member
  const { topologyEpoch, processId, userEndpoint, clientTags } = member
  return {
    kind: 'streamsMember',
    groupId,
    memberId,
    value: {
      instanceId,
      rackId,
      clientId,
      clientHost,
      rebalanceTimeoutMs,
      topologyEpoch,
      processId,
      userEndpoint,
      clientTags,
    },
  }
}

/** A member cannot hold tasks that there are not. Throws Refusal. */
export function refuseUnknownTasks(
  { activeTasks, standbyTasks, warmupTasks }: StreamsHeartbeatRequest,
  { problem, subtopologies }: ConfiguredTopology,
): void {
  if (problem !== null) return
  const told = [activeTasks, standbyTasks, warmupTasks].flatMap((tasks) => tasks ?? [])
  for (const { subtopologyId, partitions } of told) {
    const count = subtopologies?.get(subtopologyId)?.taskCount
    if (count === undefined) {
      throw new Refusal(
        errorCodes.INVALID_REQUEST,
        `Subtopology ${subtopologyId} does not exist in the topology.`,
      )
    }
    const wrong = partitions.find((partition) => !(partition >= 0 && partition < count))
    if (wrong !== undefined) {
      throw new Refusal(
        errorCodes.INVALID_REQUEST,
        `Task ${wrong} for subtopology ${subtopologyId} is invalid. Number of tasks for this subtopology: ${count}`,
      )
    }
  }
}
