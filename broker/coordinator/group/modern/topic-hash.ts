// What a group remembers of the topics that it subscribes to: one number that changes when a topic is made, deleted,
// gets partitions or moves to other racks (KIP-1101; Kafka's Utils.computeTopicHash and computeGroupHash, the
// bytes that hash4j makes of them).
//
//   topic: 0 │ id, high and low int64 │ name │ partitions int32 │ { partition int32 │ { length int32 │ rack }… }…
//   group: the topics' hashes, in the order of their names; 0 for no topic
//   text:  UTF-16 units │ their number int32          all numbers little-endian

import type { MetadataView, TopicView } from '../metadata-view.ts'
import { xxh3 } from './xxh3.ts'

const MAGIC = 0

/** Of one topic. */
export function topicHash({ topicId, name, partitionCount, racks }: TopicView): bigint {
  const id = Buffer.from(topicId, 'hex')
  const parts = [
    Buffer.from([MAGIC]),
    int64(id.readBigInt64BE(0)),
    int64(id.readBigInt64BE(8)),
    text(name),
    int32(partitionCount),
  ]
  for (let partition = 0; partition < partitionCount; partition++) {
    parts.push(int32(partition))
    for (const rack of racks(partition).sort()) parts.push(int32(rack.length), text(rack))
  }
  return xxh3(Buffer.concat(parts))
}

/** Hashes of topics as they were last seen. `forget` what has changed. */
export class TopicHashes {
  private readonly known = new Map<string, { topicId: string; partitionCount: number; hash: bigint }>()

  /** Of those of the topics that exist. */
  ofGroup(topics: Iterable<string>, metadata: MetadataView): bigint {
    const names = [...topics].filter((name) => metadata.topic(name) !== undefined).sort()
    if (names.length === 0) return 0n
    return xxh3(Buffer.concat(names.map((name) => int64(this.of(metadata.topic(name) as TopicView)))))
  }

  forget(topics: readonly string[]): void {
    for (const topic of topics) this.known.delete(topic)
  }

  private of(topic: TopicView): bigint {
    const { name, topicId, partitionCount } = topic
    const known = this.known.get(name)
    if (known?.topicId === topicId && known.partitionCount === partitionCount) return known.hash
    const hash = topicHash(topic)
    this.known.set(name, { topicId, partitionCount, hash })
    return hash
  }
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(value)
  return bytes
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.from(value, 'utf16le'), int32(value.length)])
}
