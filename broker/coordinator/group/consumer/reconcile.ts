// How a member gets from what it has to what it shall have (Kafka's CurrentAssignmentBuilder): it first gives up
// what is no longer its own, in its old epoch, and only then moves to the new one and takes what is free. Pure.

import { errorCodes } from '../../../protocol/errors.ts'
import type { Assignment } from '../modern/assignor/assignment.ts'
import { Refused } from '../modern/refused.ts'
import {
  type ConsumerMember,
  type MemberState,
  memberStates,
  NONE_OWNED,
  type OwnedPartitions,
  owns,
} from './member.ts'

export interface Reconciliation {
  member: ConsumerMember
  targetEpoch: number
  target: Assignment
  /** Ids of the topics that the member subscribes to; others are taken away whatever the target says. */
  topicIds: ReadonlySet<string>
  subscriptionChanged: boolean
  /** What the member says it has; null: as before. */
  owned: readonly { topicId: string; partitions: readonly number[] }[] | null
  /** Whether anybody owns the partition. */
  isOwned(topicId: string, partition: number): boolean
}

/** The member as it is from now on; itself where nothing changes. */
export function reconcile(input: Reconciliation): ConsumerMember {
  const { member, targetEpoch, subscriptionChanged, owned } = input
  switch (member.state) {
    case memberStates.Stable:
      if (member.memberEpoch !== targetEpoch) return towards(input, member.memberEpoch)
      return subscriptionChanged ? withinSubscription(input) : member
    case memberStates.UnrevokedPartitions:
      if (!stillHas(owned, member.pendingRevocation)) return towards(input, member.memberEpoch)
      return subscriptionChanged ? withinSubscription(input) : member
    case memberStates.UnreleasedPartitions:
      return towards(input, member.memberEpoch)
    default:
      if (owned === null || owned.length > 0) {
        throw new Refused(
          errorCodes.FENCED_MEMBER_EPOCH,
          'The consumer group member is in a unknown state. The member must abandon all its partitions and rejoin.',
        )
      }
      return towards(input, targetEpoch)
  }
}

/** A member that says nothing of what it has is taken to have everything still. */
function stillHas(owned: Reconciliation['owned'], partitions: OwnedPartitions): boolean {
  if (owned === null) return true
  return owned.some(({ topicId, partitions: ofTopic }) =>
    ofTopic.some((partition) => owns(partitions, topicId, partition)),
  )
}

/** Takes away what the member no longer subscribes to, without waiting for a new target. */
function withinSubscription({ member, topicIds, owned }: Reconciliation): ConsumerMember {
  const dropped = [...member.assigned].filter(([topicId]) => !topicIds.has(topicId))
  if (dropped.length === 0) return member
  const assigned = new Map([...member.assigned].filter(([topicId]) => topicIds.has(topicId)))
  const pendingRevocation = new Map(member.pendingRevocation)
  for (const [topicId, partitions] of dropped) {
    pendingRevocation.set(topicId, new Map([...(pendingRevocation.get(topicId) ?? []), ...partitions]))
  }
  return stillHas(owned, pendingRevocation)
    ? moved(member, member.memberEpoch, memberStates.UnrevokedPartitions, assigned, pendingRevocation)
    : moved(member, member.memberEpoch, member.state, assigned, member.pendingRevocation)
}

function towards(input: Reconciliation, memberEpoch: number): ConsumerMember {
  const { member, targetEpoch, target, topicIds, owned, isOwned } = input
  const kept = new Map<string, Map<number, number>>()
  const givenUp = new Map<string, Map<number, number>>()
  const free: [string, number][] = []
  let waits = false
  for (const [topicId, partitions] of member.assigned) {
    const wanted = topicIds.has(topicId) ? target.get(topicId) : undefined
    for (const [partition, epoch] of partitions)
      put(wanted?.has(partition) === true ? kept : givenUp, topicId, partition, epoch)
  }
  for (const [topicId, partitions] of target) {
    if (!topicIds.has(topicId)) continue
    for (const partition of partitions) {
      if (owns(member.assigned, topicId, partition)) continue
      // What the member is about to give up itself is not another's.
      const isAnothers = isOwned(topicId, partition) && !owns(member.pendingRevocation, topicId, partition)
      if (isAnothers) waits = true
      else free.push([topicId, partition])
    }
  }
  if (stillHas(owned, givenUp) && givenUp.size > 0) {
    return moved(member, memberEpoch, memberStates.UnrevokedPartitions, kept, givenUp)
  }
  for (const [topicId, partition] of free) put(kept, topicId, partition, targetEpoch)
  const state = waits ? memberStates.UnreleasedPartitions : memberStates.Stable
  return moved(member, targetEpoch, state, kept, NONE_OWNED)
}

function moved(
  member: ConsumerMember,
  memberEpoch: number,
  state: MemberState,
  assigned: OwnedPartitions,
  pendingRevocation: OwnedPartitions,
): ConsumerMember {
  return {
    ...member,
    state,
    memberEpoch,
    previousMemberEpoch: member.memberEpoch,
    assigned,
    pendingRevocation,
  }
}

function put(
  topics: Map<string, Map<number, number>>,
  topicId: string,
  partition: number,
  epoch: number,
): void {
  const partitions = topics.get(topicId)
  if (partitions === undefined) topics.set(topicId, new Map([[partition, epoch]]))
  else partitions.set(partition, epoch)
}
