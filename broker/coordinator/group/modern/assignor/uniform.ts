// The uniform assignor: everyone gets as many partitions as everyone else, and keeps what it has as far as that
// allows. Kafka: UniformAssignor; the result is defined by these rules, not by its order of steps:
//
//   valid      every partition of a subscribed topic has one owner, who subscribes to the topic
//   balanced   who has two or more partitions fewer than another subscribes to nothing that the other has
//   sticky     a partition changes its owner only for one of these

import { type AssignableGroup, type AssignableMember, type Assignment, Draft } from './assignment.ts'

export function assignUniform(group: AssignableGroup): Map<string, Assignment> {
  const drafts = new Map([...group.members.keys()].map((memberId) => [memberId, new Draft()]))
  if (isHomogeneous(group)) spreadEvenly(group, drafts)
  else spreadBySubscription(group, drafts)
  return new Map([...drafts].map(([memberId, draft]) => [memberId, draft.topics]))
}

/** All members subscribe to the same topics. */
function isHomogeneous({ members }: AssignableGroup): boolean {
  const [first, ...others] = members.values()
  if (first === undefined) return true
  return others.every(
    ({ topicIds }) =>
      topicIds === first.topicIds ||
      (topicIds.size === first.topicIds.size &&
        [...topicIds].every((topicId) => first.topicIds.has(topicId))),
  )
}

/**
 * Everyone gets floor(partitions / members), and as many as the division leaves one more: first those who have
 * more already, so that nobody gives up a partition that another in the same place would keep.
 */
function spreadEvenly(group: AssignableGroup, drafts: Map<string, Draft>): void {
  const { members } = group
  const [first] = members.values()
  if (first === undefined) return
  let total = 0
  for (const topicId of first.topicIds) total += group.partitionCount(topicId)
  const least = Math.floor(total / members.size)
  let withOneMore = total % members.size
  const owned = new Owned(group)
  const limits = new Map<string, number>()
  for (const [memberId, member] of members) {
    const hasMore = withOneMore > 0 && owned.countOf(memberId, member) > least
    limits.set(memberId, hasMore ? least + 1 : least)
    if (hasMore) withOneMore--
  }
  for (const memberId of members.keys()) {
    if (withOneMore === 0) break
    if (limits.get(memberId) !== least) continue
    limits.set(memberId, least + 1)
    withOneMore--
  }
  const free = keepOwned(group, drafts, owned, limits)
  let next = 0
  for (const [memberId, draft] of drafts) {
    const limit = limits.get(memberId) as number
    while (draft.size < limit) draft.add(...(free[next++] as [string, number]))
  }
}

/** Everyone keeps what it has, the rest goes to who has least; then partitions move until no move helps. */
function spreadBySubscription(group: AssignableGroup, drafts: Map<string, Draft>): void {
  const subscribers = subscribersByTopic(group, drafts)
  const free = keepOwned(group, drafts, new Owned(group), null)
  for (const [topicId, partition] of free) {
    leastOf(subscribers.get(topicId) as Draft[]).add(topicId, partition)
  }
  // Each move lowers the sum of squares of the sizes: this ends.
  for (let moved = true; moved; ) {
    moved = false
    for (const [topicId, drafted] of subscribers) {
      for (let move = worstPair(drafted, topicId); move !== undefined; move = worstPair(drafted, topicId)) {
        move.to.add(topicId, move.from.take(topicId))
        moved = true
      }
    }
  }
}

/** Topics with the most partitions for each subscriber come first: there is least choice about them. */
function subscribersByTopic(group: AssignableGroup, drafts: Map<string, Draft>): Map<string, Draft[]> {
  const subscribers = new Map<string, Draft[]>()
  for (const [memberId, { topicIds }] of group.members) {
    const draft = drafts.get(memberId) as Draft
    for (const topicId of topicIds) {
      const others = subscribers.get(topicId)
      if (others === undefined) subscribers.set(topicId, [draft])
      else others.push(draft)
    }
  }
  const share = ([topicId, drafted]: [string, Draft[]]): number =>
    group.partitionCount(topicId) / drafted.length
  const byShare = [...subscribers].sort(
    (a, b) => share(b) - share(a) || a[1].length - b[1].length || (a[0] < b[0] ? -1 : 1),
  )
  return new Map(byShare)
}

/** The subscriber with most that has a partition of the topic, and the one with least, if a move would help. */
function worstPair(drafts: readonly Draft[], topicId: string): { from: Draft; to: Draft } | undefined {
  let from: Draft | undefined
  for (const draft of drafts) {
    if (draft.topics.has(topicId) && (from === undefined || draft.size > from.size)) from = draft
  }
  const to = leastOf(drafts)
  return from !== undefined && from.size > to.size + 1 ? { from, to } : undefined
}

function leastOf(drafts: readonly Draft[]): Draft {
  return drafts.reduce((least, draft) => (draft.size < least.size ? draft : least))
}

/** Puts into the drafts what their members have and may keep; returns every partition that nobody kept. */
function keepOwned(
  group: AssignableGroup,
  drafts: Map<string, Draft>,
  owned: Owned,
  limits: ReadonlyMap<string, number> | null,
): [string, number][] {
  const kept = new Map<string, Set<number>>()
  for (const [memberId, member] of group.members) {
    const draft = drafts.get(memberId) as Draft
    const limit = limits?.get(memberId) ?? Infinity
    for (const [topicId, partition] of owned.of(memberId, member)) {
      if (draft.size >= limit) break
      draft.add(topicId, partition)
      const ofTopic = kept.get(topicId)
      if (ofTopic === undefined) kept.set(topicId, new Set([partition]))
      else ofTopic.add(partition)
    }
  }
  const free: [string, number][] = []
  const subscriptions = new Set([...group.members.values()].map(({ topicIds }) => topicIds))
  const topicIds = new Set([...subscriptions].flatMap((ofMember) => [...ofMember]))
  for (const topicId of [...topicIds].sort()) {
    const ofTopic = kept.get(topicId)
    for (let partition = 0; partition < group.partitionCount(topicId); partition++)
      if (ofTopic?.has(partition) !== true) free.push([topicId, partition])
  }
  return free
}

/** Who has what so far: of the topics that it still subscribes to, and no partition twice. */
class Owned {
  private readonly owners = new Map<string, Map<number, string>>()
  private readonly group: AssignableGroup

  constructor(group: AssignableGroup) {
    this.group = group
    for (const [memberId, { assigned, topicIds }] of group.members) {
      for (const [topicId, partitions] of assigned) {
        if (!topicIds.has(topicId)) continue
        let ofTopic = this.owners.get(topicId)
        if (ofTopic === undefined) this.owners.set(topicId, (ofTopic = new Map()))
        for (const partition of partitions) if (!ofTopic.has(partition)) ofTopic.set(partition, memberId)
      }
    }
  }

  countOf(memberId: string, member: AssignableMember): number {
    return this.of(memberId, member).length
  }

  of(memberId: string, { assigned }: AssignableMember): [string, number][] {
    const owned: [string, number][] = []
    for (const [topicId, partitions] of assigned) {
      const owners = this.owners.get(topicId)
      for (const partition of partitions) {
        const exists = partition < this.group.partitionCount(topicId)
        if (exists && owners?.get(partition) === memberId) owned.push([topicId, partition])
      }
    }
    return owned
  }
}
