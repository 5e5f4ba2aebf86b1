// How facts change a share group: in live traffic and in a replay the same. A tombstone for what is not there is
// nothing; one that comes out of order says that log and state differ, and throws. Kafka: GroupMetadataManager's replay
// of the ShareGroup records.

import { NOTHING } from '../modern/assignor/assignment.ts'
import type { ShareFact } from './facts.ts'
import { LEFT_EPOCH, newShareGroup, newShareMember, type ShareGroup } from './share-group.ts'

/** Of a group whose target assignment was forgotten: it may be forgotten too. */
const NO_ASSIGNMENT_EPOCH = -1

/** The group from now on; undefined when there is none, or none any more. */
export function applyShare(group: ShareGroup | undefined, fact: ShareFact): ShareGroup | undefined {
  if (fact.value === null) return group === undefined ? undefined : forget(group, fact)
  const changed = group ?? newShareGroup(fact.groupId)
  set(changed, fact)
  return changed
}

function set(group: ShareGroup, fact: ShareFact): void {
  if (fact.value === null) return
  switch (fact.kind) {
    case 'shareGroup':
      // I13: members are fenced by epochs, which never go back.
      if (fact.value.epoch < group.groupEpoch)
        throw new Error(`group ${group.groupId} goes from epoch ${group.groupEpoch} to ${fact.value.epoch}`)
      group.groupEpoch = fact.value.epoch
      group.metadataHash = fact.value.metadataHash
      return
    case 'shareMember':
    case 'shareAssignment': {
      const member = group.members.get(fact.memberId) ?? newShareMember(fact.memberId)
      group.members.set(fact.memberId, { ...member, ...fact.value })
      return
    }
    case 'shareTargetEpoch':
      group.assignmentEpoch = fact.value.assignmentEpoch
      group.assignmentTimestampMs = fact.value.assignmentTimestampMs
      return
    case 'shareTarget':
      group.targets.set(fact.memberId, fact.value)
      return
    case 'shareKeptTopics':
      group.keptTopics = fact.value
  }
}

function forget(group: ShareGroup, fact: ShareFact): ShareGroup | undefined {
  const { groupId, members, targets } = group
  switch (fact.kind) {
    case 'shareGroup':
      if (members.size > 0) throw new Error(`group ${groupId} is forgotten with ${members.size} members`)
      return undefined
    case 'shareMember': {
      const member = members.get(fact.memberId)
      if (member === undefined) return group
      if (member.memberEpoch !== LEFT_EPOCH || targets.has(fact.memberId))
        throw new Error(`member ${fact.memberId} of ${groupId} is forgotten before its assignment`)
      members.delete(fact.memberId)
      return group
    }
    case 'shareTargetEpoch':
      if (targets.size > 0)
        throw new Error(`the target of ${groupId} is forgotten with ${targets.size} members in it`)
      group.assignmentEpoch = NO_ASSIGNMENT_EPOCH
      group.assignmentTimestampMs = 0
      return group
    case 'shareTarget':
      targets.delete(fact.memberId)
      return group
    case 'shareAssignment': {
      const member = members.get(fact.memberId)
      if (member === undefined) return group
      members.set(fact.memberId, {
        ...member,
        memberEpoch: LEFT_EPOCH,
        previousMemberEpoch: LEFT_EPOCH,
        assigned: NOTHING,
      })
      return group
    }
    case 'shareKeptTopics':
      group.keptTopics = null
      return group
  }
}
