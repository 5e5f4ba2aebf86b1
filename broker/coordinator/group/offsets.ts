// The committed offsets of a shard's groups, and those that wait for the marker of a producer's
// transaction. Kafka: OffsetMetadataManager's two stores.

import type { OffsetFact, OffsetRecord } from './facts.ts'

interface Stored {
  value: OffsetRecord
  /** Place in the log, relative to the others: a pending commit does not overwrite a later plain one. */
  order: number
}

/** topic → partition → offset */
type Topics = Map<string, Map<number, Stored>>

export class Offsets {
  private readonly committed = new Map<string, Topics>()
  /** producer id → group → … */
  private readonly pending = new Map<bigint, Map<string, Topics>>()
  /** group → producers with an open transaction that commits in its name. */
  private readonly committers = new Map<string, Set<bigint>>()
  private order = 0

  get(groupId: string, topic: string, partition: number): OffsetRecord | undefined {
    return this.committed.get(groupId)?.get(topic)?.get(partition)?.value
  }

  /** Whether an open transaction holds an offset for the partition, or for any of the group. */
  hasPending(groupId: string, topic?: string, partition?: number): boolean {
    for (const topics of this.pendingOf(groupId)) {
      if (topic === undefined || partition === undefined) return true
      if (topics.get(topic)?.has(partition) === true) return true
    }
    return false
  }

  hasCommitted(groupId: string): boolean {
    return this.committed.has(groupId)
  }

  groupIds(): Iterable<string> {
    return this.committed.keys()
  }

  *ofGroup(groupId: string): Iterable<{ topic: string; partition: number; value: OffsetRecord }> {
    yield* each(this.committed.get(groupId))
  }

  /** Partitions that only open transactions know of. */
  *onlyPendingOf(groupId: string): Iterable<{ topic: string; partition: number }> {
    const seen = new Set<string>()
    for (const topics of this.pendingOf(groupId)) {
      for (const { topic, partition } of each(topics)) {
        const key = `${partition} ${topic}`
        if (seen.has(key) || this.get(groupId, topic, partition) !== undefined) continue
        seen.add(key)
        yield { topic, partition }
      }
    }
  }

  /** What groups have committed for partitions of the topic, or are about to; a partition of a group may come again. */
  *ofTopic(topic: string): Iterable<{ groupId: string; partition: number }> {
    for (const groups of [this.committed, ...this.pending.values()])
      for (const [groupId, topics] of groups)
        for (const partition of topics.get(topic)?.keys() ?? []) yield { groupId, partition }
  }

  apply({ groupId, topic, partition, value }: OffsetFact, producerId?: bigint): void {
    const order = this.order++
    if (value === null) {
      remove(this.committed, groupId, topic, partition)
      // A tombstone speaks for the offsets on their way, too: the partition or the group is gone.
      for (const id of this.committers.get(groupId) ?? []) {
        const groups = this.pending.get(id)
        if (groups === undefined) continue
        remove(groups, groupId, topic, partition)
        if (!groups.has(groupId)) this.forgetCommitter(groupId, id)
        if (groups.size === 0) this.pending.delete(id)
      }
    } else if (producerId === undefined) {
      put(this.committed, groupId, topic, partition, { value, order })
    } else {
      let groups = this.pending.get(producerId)
      if (groups === undefined) this.pending.set(producerId, (groups = new Map()))
      put(groups, groupId, topic, partition, { value, order })
      const committers = this.committers.get(groupId)
      if (committers === undefined) this.committers.set(groupId, new Set([producerId]))
      else committers.add(producerId)
    }
  }

  completeTransaction(producerId: bigint, committed: boolean): void {
    const groups = this.pending.get(producerId)
    if (groups === undefined) return
    this.pending.delete(producerId)
    for (const groupId of groups.keys()) this.forgetCommitter(groupId, producerId)
    if (!committed) return
    for (const [groupId, topics] of groups) {
      for (const [topic, partitions] of topics) {
        for (const [partition, stored] of partitions) {
          const current = this.committed.get(groupId)?.get(topic)?.get(partition)
          if (current === undefined || stored.order > current.order) {
            put(this.committed, groupId, topic, partition, stored)
          }
        }
      }
    }
  }

  private *pendingOf(groupId: string): Iterable<Topics> {
    for (const producerId of this.committers.get(groupId) ?? []) {
      const topics = this.pending.get(producerId)?.get(groupId)
      if (topics !== undefined) yield topics
    }
  }

  private forgetCommitter(groupId: string, producerId: bigint): void {
    const committers = this.committers.get(groupId)
    committers?.delete(producerId)
    if (committers?.size === 0) this.committers.delete(groupId)
  }

  /** Everything as text, in the order of the log: for comparing a live shard with a replay. */
  describe(): { committed: string[]; pending: string[] } {
    const pending: string[] = []
    for (const [producerId, groups] of this.pending) describeInto(pending, groups, `${producerId}: `)
    const committed: string[] = []
    describeInto(committed, this.committed, '')
    return { committed, pending }
  }
}

function describeInto(lines: string[], groups: Map<string, Topics>, prefix: string): void {
  for (const [groupId, topics] of groups) {
    for (const [topic, partitions] of topics) {
      for (const [partition, { value }] of partitions) {
        const { offset, leaderEpoch, metadata, commitTimestampMs, expireTimestampMs } = value
        lines.push(
          `${prefix}${groupId} ${topic}-${partition} ${offset} ${leaderEpoch} ${metadata} ` +
            `${commitTimestampMs} ${expireTimestampMs}`,
        )
      }
    }
  }
}

function* each(
  topics: Topics | undefined,
): Iterable<{ topic: string; partition: number; value: OffsetRecord }> {
  if (topics === undefined) return
  for (const [topic, partitions] of topics) {
    for (const [partition, { value }] of partitions) yield { topic, partition, value }
  }
}

function put(
  groups: Map<string, Topics>,
  groupId: string,
  topic: string,
  partition: number,
  stored: Stored,
): void {
  let topics = groups.get(groupId)
  if (topics === undefined) groups.set(groupId, (topics = new Map()))
  let partitions = topics.get(topic)
  if (partitions === undefined) topics.set(topic, (partitions = new Map()))
  partitions.set(partition, stored)
}

function remove(groups: Map<string, Topics>, groupId: string, topic: string, partition: number): void {
  const topics = groups.get(groupId)
  const partitions = topics?.get(topic)
  if (topics === undefined || partitions === undefined) return
  partitions.delete(partition)
  if (partitions.size === 0) topics.delete(topic)
  if (topics.size === 0) groups.delete(groupId)
}
