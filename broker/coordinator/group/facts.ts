// What a group shard writes (facts, in Kafka's record format, see records.ts) and what it merely knows
// (notes): those of each kind of group, and the offsets that all of them commit.

import type { GroupFact, LiveNote } from './classic/facts.ts'
import type { ConsumerFact, RejoinNote } from './consumer/facts.ts'
import type { MetadataNote } from './modern/modern-group.ts'
import type { ShareFact } from './share/facts.ts'
import type { StreamsFact, StreamsNote } from './streams/facts.ts'

/** OffsetCommitValue. */
export interface OffsetRecord {
  offset: bigint
  /** -1 if the client did not say. */
  leaderEpoch: number
  metadata: string
  commitTimestampMs: number
  /** Set by OffsetCommit v2-4 with a retention time of its own. */
  expireTimestampMs: number | null
}

export interface OffsetFact {
  kind: 'offset'
  groupId: string
  topic: string
  partition: number
  /** null: the offset is forgotten. */
  value: OffsetRecord | null
}

/** Each kind adds its own. `groupId` and a `kind` of its own are all that they share. */
export type Fact = GroupFact | OffsetFact | ConsumerFact | ShareFact | StreamsFact

export type Note = LiveNote | MetadataNote | RejoinNote | StreamsNote
