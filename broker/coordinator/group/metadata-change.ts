// What a change of the cluster's metadata means to groups: those of the KIP-848 family that subscribe to a changed
// topic look at the metadata with their next heartbeat. Kafka: GroupMetadataManager.onMetadataUpdate.

import type { Group } from './group-kind.ts'
import { kindOf } from './kinds.ts'
import { isModern, type MetadataNote, STALE } from './modern/modern-group.ts'

export function metadataChanged(groups: Iterable<Group>, topics: readonly string[]): MetadataNote[] {
  const notes: MetadataNote[] = []
  for (const group of groups) {
    if (!isModern(group) || group.freshness === STALE) continue
    const kind = kindOf(group)
    const isConcerned = (topic: string): boolean =>
      kind.dependsOn?.(group, topic) ?? kind.isSubscribedTo(group, topic)
    if (!topics.some(isConcerned)) continue
    notes.push({ kind: 'metadataFreshness', groupId: group.groupId, freshness: STALE })
  }
  return notes
}
