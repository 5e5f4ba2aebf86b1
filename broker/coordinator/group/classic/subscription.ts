// What the coordinator reads of the consumer protocol: the topics of a subscription. Everything else in
// it is between the clients (cooperative rebalancing is relayed, not understood). All versions of
// ConsumerProtocolSubscription begin as version 0 does:
//
//   version int16 │ topic count int32 │ { length int16, UTF-8 bytes } … │ user data …

import { type ClassicGroup, metadataFor } from './group.ts'

/** The topics of all members of a `consumer` group, null when they cannot be known. */
export function subscribedTopicsOf(group: ClassicGroup): ReadonlySet<string> | null {
  if (group.protocolType !== 'consumer') return null
  const topics = new Set<string>()
  if (group.members.size === 0) return topics
  if (group.protocolName === null) return null
  for (const member of group.members.values()) {
    const ofMember = readTopics(metadataFor(member, group.protocolName))
    if (ofMember === null) return null
    for (const topic of ofMember) topics.add(topic)
  }
  return topics
}

function readTopics(buffer: Buffer): string[] | null {
  if (buffer.length < 6 || buffer.readInt16BE(0) < 0) return null
  const count = buffer.readInt32BE(2)
  let at = 6
  // Each topic takes two bytes at least: a count beyond that is a lie.
  if (count < 0 || count > (buffer.length - at) / 2) return null
  const topics: string[] = []
  for (let i = 0; i < count; i++) {
    if (at + 2 > buffer.length) return null
    const length = buffer.readInt16BE(at)
    at += 2
    if (length < 0 || at + length > buffer.length) return null
    topics.push(buffer.toString('utf8', at, at + length))
    at += length
  }
  return topics
}
