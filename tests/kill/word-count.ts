// The job under test: the running total of every word, each change exactly once into a topic.

import type { Broker } from '../../broker/server/start-broker.ts'
import { Checkpoint, type CheckpointOptions } from '../../processor/checkpoint/checkpoint.ts'
import { textValues } from '../../processor/source/row-kind.ts'
import { TopicSource } from '../../processor/source/topic-source.ts'
import { StreamingContext } from '../../processor/streaming-context.ts'
import { INPUT_TOPIC, OUTPUT_TOPIC } from './load.ts'

export function wordCount({ logViews, output }: Broker, checkpoint: CheckpointOptions): StreamingContext {
  const context = new StreamingContext({
    appName: 'word-count',
    trigger: 'asap',
    commit: new Checkpoint({ output, ...checkpoint }),
    parallelism: 2,
  })
  const lines = new TopicSource({
    views: logViews,
    topics: INPUT_TOPIC,
    rows: textValues,
    startingOffsets: 'earliest',
  })
  context
    .createDirectStream(lines)
    .flatMap((line) => line.split(' '))
    .mapToPair((word) => [word, 1])
    .updateStateByKey<number>((ones, total) => ones.length + (total ?? 0), { name: 'totals' })
    .changes()
    .toTopic(OUTPUT_TOPIC, ([word, total]) => ({ key: word, value: String(total) }))
  return context
}
