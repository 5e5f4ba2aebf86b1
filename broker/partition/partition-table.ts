// The partitions of a data directory that are there for requests, offline ones among them, by topic and index.

import type { Partition } from './partition.ts'

export class PartitionTable {
  private readonly byTopic = new Map<string, Map<number, Partition>>()

  get(topic: string, index: number): Partition | undefined {
    return this.byTopic.get(topic)?.get(index)
  }

  /** In the order of their indexes. */
  ofTopic(topic: string): Partition[] {
    return [...(this.byTopic.get(topic)?.values() ?? [])].sort((a, b) => a.index - b.index)
  }

  topics(): string[] {
    return [...this.byTopic.keys()]
  }

  *all(): IterableIterator<Partition> {
    for (const partitions of this.byTopic.values()) yield* partitions.values()
  }

  /** `<topic>-<index>` of all. */
  names(): Set<string> {
    return new Set(Array.from(this.all(), ({ name }) => name))
  }

  /** Takes the place of one that is there. */
  add(partition: Partition): void {
    let partitions = this.byTopic.get(partition.topic)
    if (partitions === undefined) this.byTopic.set(partition.topic, (partitions = new Map()))
    partitions.set(partition.index, partition)
  }

  remove(partition: Partition): void {
    const partitions = this.byTopic.get(partition.topic)
    partitions?.delete(partition.index)
    if (partitions?.size === 0) this.byTopic.delete(partition.topic)
  }
}
