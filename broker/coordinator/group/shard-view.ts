// What a decision may look at: the shard's groups and offsets, and what the server hands in. Reading only; what
// changes is written as facts.

import type { Features } from '../features.ts'
import type { GroupConfig } from './config.ts'
import type { Group } from './group-kind.ts'
import type { MetadataView } from './metadata-view.ts'
import type { TopicHashes } from './modern/topic-hash.ts'
import type { Offsets } from './offsets.ts'

/** What was set for groups by name (config resource GROUP), by key, within today's broker limits. */
export type GroupConfigs = (groupId: string) => ReadonlyMap<string, string>

/** What the server hands to the coordinator, and the coordinator to every shard. */
export interface ShardPorts {
  readonly config: GroupConfig
  readonly metadata: MetadataView
  readonly features: Features
  readonly groupConfigs: GroupConfigs
  /** Version of the newest metadata that brought a topic: expressions resolved before it are resolved again. */
  topicsCreatedAt(): bigint
  /** How late it is at least, as far as the clock can be vouched for; undefined: nobody knows. Left out: as it says. */
  earliestMs?(): number | undefined
  /** Fresh UUIDs: member ids are made of them. The only thing decided by chance. */
  newUuid(): string
}

export interface ShardView extends ShardPorts {
  group(groupId: string): Group | undefined
  groups(): Iterable<Group>
  readonly offsets: Offsets
  readonly topicHashes: TopicHashes
}
