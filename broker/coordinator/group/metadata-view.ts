// The cluster's topics as group coordinators see them: a port over the metadata image, for coordinators do not
// know the controller. It always shows the newest image; that something changed is told to each shard by the
// command `metadataChanged`. Kafka: CoordinatorMetadataImage.

export interface TopicView {
  readonly name: string
  readonly topicId: string
  readonly partitionCount: number
  /** Racks of the brokers that hold the partition; those without a rack do not count. */
  racks(partition: number): string[]
}

export interface MetadataView {
  /** Grows with every change of the metadata: the offset that the image covers. */
  readonly version: bigint
  topic(name: string): TopicView | undefined
  topicById(topicId: string): TopicView | undefined
  topicNames(): Iterable<string>
}
