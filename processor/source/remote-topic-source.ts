// Topics of a Kafka that is elsewhere as a source of rows: TopicSource plans and reads, and what it needs to know,
// or to have here, is brought before.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type {
  OffsetRange,
  PlanLimits,
  Source,
  SourcePlan,
  SourcePosition,
  SourceRecord,
} from '../graph/contracts/source.ts'
import type { LogViews, RemoteLogViews } from '../ports.ts'
import { startingTime } from './starting-offsets.ts'
import { selectTopics } from './topic-selection.ts'
import { TopicSource, type TopicSourceOptions } from './topic-source.ts'

/** The source for topics of these views, wherever they are. */
export function topicSource<T>(options: TopicSourceOptions<T>): Source<T> {
  const { views } = options
  return isRemote(views) ? new RemoteTopicSource({ ...options, views }) : new TopicSource(options)
}

/** Topics that are elsewhere: what is known of them, or read, has to be brought. */
export function isRemote(views: LogViews): views is RemoteLogViews {
  return 'bring' in views
}

class RemoteTopicSource<T> implements Source<T> {
  readonly description: string
  private readonly options: TopicSourceOptions<T>
  private readonly views: RemoteLogViews
  private readonly near: TopicSource<T>
  private readonly reads: (topic: string, partition: number) => boolean
  /** Ranges that are here or under way, each of them once. */
  private readonly brought = new Map<string, { readonly range: OffsetRange; readonly here: Promise<void> }>()

  constructor(options: TopicSourceOptions<T> & { readonly views: RemoteLogViews }) {
    const selected = selectTopics(options.topics)
    this.options = options
    this.views = options.views
    this.near = new TopicSource(options)
    this.description = this.near.description
    this.reads = (topic, partition) => selected.includes(topic, partition)
  }

  async start(positions: readonly SourcePosition[]): Promise<void> {
    await this.views.refresh(this.reads, (topic, partition) => startingTime(this.options, topic, partition))
    this.near.start(positions)
  }

  async plan(limits: PlanLimits): Promise<SourcePlan> {
    await this.views.refresh(this.reads)
    return this.near.plan(limits)
  }

  restore(ranges: readonly OffsetRange[]): void {
    this.near.restore(ranges)
  }

  async prepare(ranges: readonly OffsetRange[]): Promise<void> {
    for (const range of ranges) {
      if (range.from === range.until) continue
      let brought = this.brought.get(keyOf(range))
      if (brought === undefined) {
        brought = { range, here: this.bring(range) }
        this.brought.set(keyOf(range), brought)
      }
      await brought.here
    }
  }

  rows(range: OffsetRange, emit: Emit<T>): RowReader {
    return this.near.rows(range, emit)
  }

  record(range: OffsetRange, offset: bigint): SourceRecord | undefined {
    return this.near.record(range, offset)
  }

  release(ranges: readonly OffsetRange[]): void {
    this.near.release(ranges)
    for (const range of ranges) this.letGo(range)
  }

  onAdvance(callback: () => void): () => void {
    return this.near.onAdvance(callback)
  }

  stop(): void {
    this.near.stop()
    for (const { range } of this.brought.values()) this.letGo(range)
  }

  private async bring(range: OffsetRange): Promise<void> {
    try {
      await this.views.bring(range)
    } catch (error) {
      this.brought.delete(keyOf(range))
      // Where the rows are gone, that is what to say.
      await this.views.refresh(this.reads)
      this.near.check(range)
      throw error
    }
  }

  private letGo(range: OffsetRange): void {
    if (this.brought.delete(keyOf(range))) this.views.letGo(range)
  }
}

function keyOf({ topic, partition, topicId, from, until }: OffsetRange): string {
  return `${topic}-${partition} (${topicId}) ${from} to ${until}`
}
