// What the three kinds of group of the KIP-848 family (consumer, share, streams) have in common: epochs, members,
// and when they look at the metadata. Everything here but `freshness` comes from the log.

import type { Group, GroupType } from '../group-kind.ts'

export type ModernType = Exclude<GroupType, 'classic'>

/**
 * When a group looks at the metadata again (Kafka's DeadlineAndEpoch): at `deadlineMs`, or when it finds itself
 * in an earlier epoch than the one that it was fresh in.
 */
export interface MetadataFreshness {
  readonly deadlineMs: number
  readonly groupEpoch: number
}

/** Look at the metadata with the next heartbeat. */
export const STALE: MetadataFreshness = { deadlineMs: 0, groupEpoch: 0 }

/** Known only while the shard lives: after a restart every group looks anew. */
export interface MetadataNote {
  kind: 'metadataFreshness'
  groupId: string
  freshness: MetadataFreshness
}

/** Epochs begin at 1 and never go back: members are fenced by them. */
export interface ModernGroup extends Group {
  readonly type: ModernType
  groupEpoch: number
  /** The epoch of the target assignment; behind `groupEpoch` while a new one is to be computed. */
  assignmentEpoch: number
  /** Of the topics that the group subscribes to, as they were when the group epoch was last bumped. */
  metadataHash: bigint
  freshness: MetadataFreshness
}

export function isModern(group: Group): group is ModernGroup {
  return group.type !== 'classic'
}

/** Whether it is time to compare the metadata's hash with the group's. */
export function isStale({ freshness, groupEpoch }: ModernGroup, nowMs: number): boolean {
  return nowMs >= freshness.deadlineMs || groupEpoch < freshness.groupEpoch
}

/** Kafka looks at a group's topics only when told to: the deadline is as far as an int32 goes. */
const METADATA_REFRESH_INTERVAL_MS = 2_147_483_647

export function freshFrom(nowMs: number, groupEpoch: number): MetadataFreshness {
  return { deadlineMs: nowMs + METADATA_REFRESH_INTERVAL_MS, groupEpoch }
}
