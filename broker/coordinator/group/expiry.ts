// When a committed offset may be forgotten (KIP-211), and what is written to forget it. Kafka:
// ClassicGroup.offsetExpirationCondition, OffsetMetadataManager.cleanupExpiredOffsets.
//
//   the group …                            its offsets expire, retention after …
//   Empty, had members                     it became Empty (all of them, together)
//   Stable, `consumer`, topics known       their commit, but never of a subscribed topic
//   simple (offsets only)                  their commit
//   any other classic one                  never
//   consumer or streams                    their commit, but never of a subscribed topic
//
// An offset committed with a retention time of its own (OffsetCommit v2-4) expires by that instead.

import type { GroupConfig } from './config.ts'
import type { TimerSetting } from './decision.ts'
import type { Fact } from './facts.ts'
import type { Group } from './group-kind.ts'
import { kindOf } from './kinds.ts'
import type { TopicPartitions } from './messages.ts'
import type { Offsets } from './offsets.ts'

/** So many tombstones fit in a batch of any sane size; the rest follows in the next decision. */
const MAX_TOMBSTONES = 1_000

/** Tombstones for what has expired, at most about MAX_TOMBSTONES, and whether there may be more. */
export function expire(
  groups: Iterable<Group>,
  offsets: Offsets,
  config: GroupConfig,
  nowMs: number,
): { facts: Fact[]; timers: TimerSetting[]; more: boolean } {
  const facts: Fact[] = []
  const timers: TimerSetting[] = []
  for (const group of groups) {
    if (facts.length >= MAX_TOMBSTONES) return { facts, timers, more: true }
    const { expired, allExpired } = expiredOf(group, offsets, config, nowMs)
    const room = MAX_TOMBSTONES - facts.length
    for (const { topic, partition } of expired.slice(0, room))
      facts.push(tombstone(group.groupId, topic, partition))
    if (expired.length > room) return { facts, timers, more: true }
    const kind = kindOf(group)
    if (!allExpired || !kind.isEmpty(group) || !kind.mayExpire(group)) continue
    const gone = kind.forget(group)
    facts.push(...gone.facts)
    timers.push(...gone.timers)
  }
  return { facts, timers, more: false }
}

function expiredOf(
  group: Group,
  offsets: Offsets,
  { offsetsRetentionMs }: GroupConfig,
  nowMs: number,
): { expired: { topic: string; partition: number }[]; allExpired: boolean } {
  const { groupId } = group
  const kind = kindOf(group)
  const since = kind.expiryStart(group)
  const expired: { topic: string; partition: number }[] = []
  let kept = 0
  for (const { topic, partition, value } of offsets.ofGroup(groupId)) {
    const dueMs = value.expireTimestampMs ?? (since === null ? Infinity : since(value) + offsetsRetentionMs)
    const isDue =
      nowMs >= dueMs &&
      since !== null &&
      !kind.isSubscribedTo(group, topic) &&
      !offsets.hasPending(groupId, topic, partition)
    if (isDue) expired.push({ topic, partition })
    else kept++
  }
  return { expired, allExpired: kept === 0 && !offsets.hasPending(groupId) }
}

/** Forgets a group and all its offsets, those of open transactions too. */
export function forgetGroup(group: Group, offsets: Offsets): { facts: Fact[]; timers: TimerSetting[] } {
  const { groupId } = group
  const facts: Fact[] = []
  for (const { topic, partition } of offsets.ofGroup(groupId))
    facts.push(tombstone(groupId, topic, partition))
  for (const { topic, partition } of offsets.onlyPendingOf(groupId))
    facts.push(tombstone(groupId, topic, partition))
  const gone = kindOf(group).forget(group)
  return { facts: [...facts, ...gone.facts], timers: gone.timers }
}

/** Forgets what groups committed for partitions that are no more. */
export function forgetPartitions(
  deleted: readonly TopicPartitions[],
  offsets: Offsets,
): { facts: Fact[]; more: boolean } {
  const facts: Fact[] = []
  for (const { topic, partitions } of deleted) {
    const gone = new Set(partitions)
    const forgotten = new Map<string, Set<number>>()
    for (const { groupId, partition } of offsets.ofTopic(topic)) {
      const ofGroup = forgotten.get(groupId) ?? new Set()
      if (!gone.has(partition) || ofGroup.has(partition)) continue
      if (facts.length >= MAX_TOMBSTONES) return { facts, more: true }
      forgotten.set(groupId, ofGroup.add(partition))
      facts.push(tombstone(groupId, topic, partition))
    }
  }
  return { facts, more: false }
}

function tombstone(groupId: string, topic: string, partition: number): Fact {
  return { kind: 'offset', groupId, topic, partition, value: null }
}
