// Topics of a Kafka that is elsewhere as a source of rows: TopicSource plans and reads, and what it needs to know,
// or to have here, is brought before.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type {
  LostRows,
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
  /** Ranges that are here or under way, each of them once, by what was planned; `range`: what there was of it. */
  private readonly brought = new Map<string, Brought>()

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

  restore(ranges: readonly OffsetRange[]): readonly OffsetRange[] {
    return this.near.restore(ranges)
  }

  onDataLoss(callback: (lost: LostRows) => void): void {
    this.near.onDataLoss(callback)
  }

  async prepare(ranges: readonly OffsetRange[]): Promise<void> {
    for (const range of ranges) {
      if (range.from === range.until) continue
      let brought = this.brought.get(keyOf(range))
      if (brought === undefined) {
        brought = { range, here: Promise.resolve() }
        this.brought.set(keyOf(range), brought)
        brought.here = this.bring(keyOf(range), brought)
      }
      await brought.here
    }
  }

  rows(range: OffsetRange, emit: Emit<T>): RowReader {
    return this.near.rows(this.hereOf(range), emit)
  }

  record(range: OffsetRange, offset: bigint): SourceRecord | undefined {
    return this.near.record(this.hereOf(range), offset)
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
    for (const { range } of this.brought.values()) this.views.letGo(range)
    this.brought.clear()
  }

  private async bring(key: string, brought: Brought): Promise<void> {
    try {
      await this.views.bring(brought.range)
    } catch (error) {
      try {
        // Where rows are gone, that is what to say, or what to go on without.
        await this.views.refresh(this.reads)
        const left = this.near.leftOf(brought.range)
        if (left.from === brought.range.from) throw error
        if (left.from < left.until) await this.views.bring(left)
        brought.range = left
      } catch (second) {
        this.brought.delete(key)
        throw second
      }
    }
  }

  private hereOf(range: OffsetRange): OffsetRange {
    const { from } = this.brought.get(keyOf(range))?.range ?? range
    return from === range.from ? range : { ...range, from }
  }

  private letGo(planned: OffsetRange): void {
    const brought = this.brought.get(keyOf(planned))
    if (brought === undefined) return
    this.brought.delete(keyOf(planned))
    this.views.letGo(brought.range)
  }
}

interface Brought {
  range: OffsetRange
  here: Promise<void>
}

function keyOf({ topic, partition, topicId, from, until }: OffsetRange): string {
  return `${topic}-${partition} (${topicId}) ${from} to ${until}`
}
