// Topics in memory, for jobs that read topics by name: real record batches, so that what a job makes of keys, headers
// and timestamps is what it would make of them in production.

import { buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import { baseOffsetOf, lastOffsetOf, stampBatch } from '../../broker/protocol/record-batch/header.ts'
import type { OutputRecord } from '../../processor/graph/contracts/output.ts'
import type { LogCursor, LogView, LogViews } from '../../processor/ports.ts'
import { partitionOfKey } from '../../processor/sink/murmur2.ts'

/** A value, or a whole record; without a partition of its own it goes where Kafka's producers would send its key. */
export type TestRecord = string | OutputRecord

/** A topic that a test feeds: one batch of records before each batch time. */
export class TestTopic {
  readonly name: string
  readonly views: readonly MemoryLogView[]
  private readonly queue: (readonly TestRecord[])[] = []

  constructor(name: string, topicId: string, partitions: number) {
    if (!(Number.isSafeInteger(partitions) && partitions > 0)) {
      throw new TypeError(`partitions must be a whole number above 0: got ${partitions}`)
    }
    this.name = name
    this.views = Array.from({ length: partitions }, (_, index) => new MemoryLogView(name, index, topicId))
  }

  /** Records of the batches to come, a batch each. */
  give(...batches: (readonly TestRecord[])[]): this {
    this.queue.push(...batches)
    return this
  }

  /** Batches that were given and are not in the topic yet. */
  get waiting(): number {
    return this.queue.length
  }

  /** The next batch time comes: the kit calls it. */
  arrive(nowMs: number): void {
    for (const record of this.queue.shift() ?? []) {
      const {
        key = null,
        value,
        headers = [],
        timestampMs = nowMs,
        partition,
      } = typeof record === 'string' ? { value: record } : record
      const keyBytes = bytesOf(key)
      const placed =
        partition ?? (keyBytes && partitionOfKey(keyBytes, 0, keyBytes.length, this.views.length)) ?? 0
      const view = this.views[placed]
      if (view === undefined) throw new RangeError(`topic '${this.name}' has no partition ${placed}`)
      view.append({
        timestampMs,
        key: keyBytes,
        value: bytesOf(value),
        headers: headers.map(([name, bytes]) => ({ key: name, value: bytes })),
      })
    }
  }
}

type BuiltRecord = Parameters<typeof buildBatch>[0] extends Iterable<infer R> ? R : never

class MemoryLogView implements LogView {
  readonly topic: string
  readonly partition: number
  readonly topicId: string
  readonly logStartOffset = 0n
  stableEndOffset = 0n
  private readonly batches: Buffer[] = []
  private readonly timestamps: number[] = []
  private readonly callbacks = new Set<() => void>()

  constructor(topic: string, partition: number, topicId: string) {
    this.topic = topic
    this.partition = partition
    this.topicId = topicId
  }

  append(record: BuiltRecord): void {
    const batch = buildBatch([record])
    stampBatch(batch, 0, this.stableEndOffset, 0)
    this.batches.push(batch)
    this.timestamps.push(Number(record.timestampMs))
    this.stableEndOffset++
    for (const callback of this.callbacks) queueMicrotask(callback)
  }

  // A record is a batch, so an offset is an index.
  cursor(fromOffset: bigint): LogCursor {
    let index = Number(fromOffset)
    const { batches } = this
    return {
      get nextOffset() {
        return BigInt(index)
      },
      fill(target, untilOffset) {
        let filled = 0
        for (; index < batches.length; index++) {
          const batch = batches[index] as Buffer
          if (baseOffsetOf(batch, 0) >= untilOffset) break
          if (filled + batch.length > target.length) {
            if (filled > 0) break
            throw new RangeError(`the batch of offset ${lastOffsetOf(batch, 0)} has ${batch.length} bytes`)
          }
          filled += batch.copy(target, filled)
        }
        return filled
      },
      close() {},
    }
  }

  abortedSpans(): [] {
    return []
  }

  pin() {
    return { release: () => {} }
  }

  offsetForTimestamp(timestampMs: number): bigint | undefined {
    const index = this.timestamps.findIndex((time) => time >= timestampMs)
    return index < 0 ? undefined : BigInt(index)
  }

  onAdvance(callback: () => void): () => void {
    this.callbacks.add(callback)
    return () => void this.callbacks.delete(callback)
  }
}

export class TestTopics implements LogViews {
  private readonly byName = new Map<string, TestTopic>()

  /** The topic of this name; made at the first call. */
  topic(name: string, partitions: number): TestTopic {
    let topic = this.byName.get(name)
    if (topic === undefined) {
      const topicId = (this.byName.size + 1).toString(16).padStart(32, '0')
      this.byName.set(name, (topic = new TestTopic(name, topicId, partitions)))
    }
    return topic
  }

  get all(): TestTopic[] {
    return [...this.byName.values()]
  }

  topics(): string[] {
    return [...this.byName.keys()]
  }

  partitionCount(name: string): number {
    return this.byName.get(name)?.views.length ?? 0
  }

  view(name: string, partition: number): LogView {
    const view = this.byName.get(name)?.views[partition]
    if (view === undefined) throw new Error(`there is no partition ${name}-${partition}`)
    return view
  }
}

function bytesOf(field: string | Uint8Array | null): Buffer | null {
  if (field === null) return null
  return typeof field === 'string'
    ? Buffer.from(field)
    : Buffer.from(field.buffer, field.byteOffset, field.length)
}
