// The simple assignor (KIP-932): every partition is with as many members as make it even, and who had a partition keeps
// it where that is even too. With more members than partitions a partition is shared, with fewer a member has several.
//
// The number that each of n members wants of p partitions, each shared by s = ⌈n / p⌉, is p·s / n, rounded so that the
// sum is right. Members of one subscription are counted over all topics together, of several topic by topic. Kafka:
// SimpleAssignor, SimpleHomogeneousAssignmentBuilder, SimpleHeterogeneousAssignmentBuilder.

import type { Assignment } from '../modern/assignor/assignment.ts'

export interface ShareSubscriber {
  readonly topicIds: ReadonlySet<string>
  /** The target assignment so far. */
  readonly assigned: Assignment
}

/** `assignable`: partitions with kept states, by topic id. Every member has an entry in what is returned. */
export function assignSimply(
  members: ReadonlyMap<string, ShareSubscriber>,
  assignable: Assignment,
): Map<string, Assignment> {
  const memberIds = [...members.keys()].sort()
  const result = new Map(memberIds.map((memberId) => [memberId, new Map<string, Set<number>>()]))
  const topicIds = new Set([...members.values()].flatMap((member) => [...member.topicIds]))
  const isHomogeneous = [...members.values()].every((member) => member.topicIds.size === topicIds.size)
  const groups = isHomogeneous ? [[...topicIds].sort()] : [...topicIds].sort().map((topicId) => [topicId])
  for (const group of groups) {
    const slots = group.flatMap((topicId) =>
      [...(assignable.get(topicId) ?? [])].sort((a, b) => a - b).map((partition) => ({ topicId, partition })),
    )
    const subscribers = memberIds.filter((memberId) =>
      group.some((topicId) => members.get(memberId)?.topicIds.has(topicId)),
    )
    share(slots, subscribers, members, result)
  }
  return result
}

interface Slot {
  readonly topicId: string
  readonly partition: number
}

function share(
  slots: readonly Slot[],
  memberIds: readonly string[],
  members: ReadonlyMap<string, ShareSubscriber>,
  result: ReadonlyMap<string, Map<string, Set<number>>>,
): void {
  if (slots.length === 0 || memberIds.length === 0) return
  const sharing = Math.ceil(memberIds.length / slots.length)
  const perMember = (sharing * slots.length) / memberIds.length
  const wanted = new Map(
    memberIds.map((id, index) => [id, Math.ceil(perMember * (index + 1)) - Math.ceil(perMember * index)]),
  )
  const left = new Map(wanted)
  const holders = slots.map(() => new Set<string>())
  const give = (memberId: string, index: number): void => {
    const { topicId, partition } = slots[index] as Slot
    const topics = result.get(memberId) as Map<string, Set<number>>
    const partitions = topics.get(topicId)
    if (partitions === undefined) topics.set(topicId, new Set([partition]))
    else partitions.add(partition)
    holders[index]?.add(memberId)
    left.set(memberId, (left.get(memberId) as number) - 1)
  }
  for (const memberId of memberIds) {
    const { assigned } = members.get(memberId) as ShareSubscriber
    slots.forEach(({ topicId, partition }, index) => {
      const isHeld = assigned.get(topicId)?.has(partition) === true
      const isFull = (left.get(memberId) as number) <= 0 || (holders[index]?.size ?? 0) >= sharing
      if (isHeld && !isFull) give(memberId, index)
    })
  }
  // Each partition takes its turn from where the one before left off, so that members fill up evenly.
  let at = 0
  slots.forEach((_, index) => {
    for (let asked = 0; asked < memberIds.length && (holders[index]?.size ?? 0) < sharing; asked++) {
      const memberId = memberIds[at % memberIds.length] as string
      at++
      if ((left.get(memberId) as number) > 0 && !holders[index]?.has(memberId)) give(memberId, index)
    }
  })
}
