// The cluster's topics as a group coordinator sees them, for tests that make, grow and delete them.

import type { MetadataView, TopicView } from '../../broker/coordinator/group/metadata-view.ts'

export class Topics implements MetadataView {
  private readonly topics = new Map<string, TopicView>()
  private made = 0
  version = 0n

  set(name: string, partitionCount: number): void {
    const topicId = this.topics.get(name)?.topicId ?? (++this.made).toString(16).padStart(32, '0')
    this.topics.set(name, { name, topicId, partitionCount, racks: () => [] })
    this.version++
  }

  delete(name: string): void {
    this.topics.delete(name)
    this.version++
  }

  readonly topic = (name: string): TopicView | undefined => this.topics.get(name)
  readonly topicById = (id: string): TopicView | undefined =>
    [...this.topics.values()].find(({ topicId }) => topicId === id)
  readonly topicNames = (): Iterable<string> => this.topics.keys()
}
