// The metadata image as the group coordinator sees it (the port `MetadataView`).

import type { MetadataImage, TopicImage } from '../controller/image.ts'
import type { MetadataView, TopicView } from '../coordinator/group/metadata-view.ts'

/** `version`: the offset of the metadata log that the image covers. */
export function coordinatorMetadata(image: MetadataImage, version: () => bigint): MetadataView {
  const view = (topic: TopicImage | undefined): TopicView | undefined =>
    topic === undefined
      ? undefined
      : {
          name: topic.name,
          topicId: topic.topicId,
          partitionCount: topic.partitions.length,
          racks: (partition) =>
            (topic.partitions[partition]?.replicas ?? []).flatMap((id) => image.broker(id)?.rack ?? []),
        }
  return {
    get version() {
      return version()
    },
    topic: (name) => view(image.topic(name)),
    topicById: (topicId) => view(image.topicById(topicId)),
    *topicNames() {
      for (const { name } of image.topics()) yield name
    },
  }
}
