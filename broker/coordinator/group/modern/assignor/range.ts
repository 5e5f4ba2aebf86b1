// The range assignor: of each topic every subscriber gets one run of partitions, in the order of the members, so
// topics with as many partitions as each other are split alike. Static members come first, by instance id, and
// so keep their ranges over restarts. Kafka: RangeAssignor.

import { type AssignableGroup, type Assignment, Draft } from './assignment.ts'

export function assignRange(group: AssignableGroup): Map<string, Assignment> {
  const memberIds = inOrder(group)
  const subscribers = new Map<string, number>()
  for (const { topicIds } of group.members.values()) {
    for (const topicId of topicIds) subscribers.set(topicId, (subscribers.get(topicId) ?? 0) + 1)
  }
  const next = new Map<string, { partition: number; withOneMore: number }>()
  const assignments = new Map<string, Assignment>()
  for (const memberId of memberIds) {
    const draft = new Draft()
    for (const topicId of group.members.get(memberId)?.topicIds ?? []) {
      const count = group.partitionCount(topicId)
      const sharers = subscribers.get(topicId) as number
      const at = next.get(topicId) ?? { partition: 0, withOneMore: count % sharers }
      const end = at.partition + Math.floor(count / sharers) + (at.withOneMore > 0 ? 1 : 0)
      for (let partition = at.partition; partition < end; partition++) draft.add(topicId, partition)
      next.set(topicId, { partition: end, withOneMore: Math.max(0, at.withOneMore - 1) })
    }
    assignments.set(memberId, draft.topics)
  }
  return assignments
}

function inOrder({ members }: AssignableGroup): string[] {
  const key = (memberId: string): [number, string] => {
    const instanceId = members.get(memberId)?.instanceId ?? null
    return instanceId === null ? [1, memberId] : [0, instanceId]
  }
  return [...members.keys()].sort((a, b) => {
    const [[kindA, idA], [kindB, idB]] = [key(a), key(b)]
    return kindA - kindB || (idA < idB ? -1 : idA > idB ? 1 : 0)
  })
}
