// A transactional log as small as it can be, with real record batches in it: what Kafka promises to one
// producer per transactional id, and nothing else. Serves as LogViews and as OutputPort; keeps its own plain
// account of what is committed, so that tests need not believe the readers that they test.

import {
  buildBatch,
  buildEndTxnMarker,
  type RecordInput,
} from '../../broker/protocol/record-batch/builder.ts'
import { RecordCursor } from '../../broker/protocol/record-batch/cursor.ts'
import {
  baseOffsetOf,
  type Codec,
  lastOffsetOf,
  recordCountOf,
  stampBatch,
  stampProducer,
} from '../../broker/protocol/record-batch/header.ts'
import {
  type AbortedSpan,
  type CommittedOffset,
  FencedError,
  type LogCursor,
  type LogView,
  type LogViews,
  type OutputPort,
  type OutputSession,
  type Pin,
} from '../../processor/ports.ts'

export interface ModelRecord {
  offset: bigint
  key: string | null
  value: string | null
  timestampMs: number
}

interface OpenTransaction {
  firstOffset: bigint
  records: ModelRecord[]
}

export class ModelPartition implements LogView {
  readonly topic: string
  readonly partition: number
  topicId: string
  logStartOffset = 0n
  endOffset = 0n
  readonly batches: Buffer[] = []
  /** In offset order of their decision; aborted records never come here. */
  readonly committed: ModelRecord[] = []
  pins = 0
  private readonly aborted: AbortedSpan[] = []
  private readonly open = new Map<bigint, OpenTransaction>()
  private readonly callbacks = new Set<() => void>()

  constructor(topic: string, partition: number, topicId: string) {
    this.topic = topic
    this.partition = partition
    this.topicId = topicId
  }

  get stableEndOffset(): bigint {
    let stable = this.endOffset
    for (const { firstOffset } of this.open.values()) if (firstOffset < stable) stable = firstOffset
    return stable
  }

  append(batch: Buffer, producerId = -1n, epoch = -1): void {
    const copy = Buffer.from(batch)
    const isTransactional = producerId >= 0n
    stampBatch(copy, 0, this.endOffset, 0)
    if (isTransactional) {
      stampProducer(copy, 0, { producerId, producerEpoch: epoch, baseSequence: 0, isTransactional })
    }
    const records = recordsOf(copy)
    this.batches.push(copy)
    if (isTransactional) {
      const transaction = this.open.get(producerId) ?? { firstOffset: this.endOffset, records: [] }
      transaction.records.push(...records)
      this.open.set(producerId, transaction)
    } else {
      this.committed.push(...records)
    }
    this.endOffset += BigInt(recordCountOf(copy, 0))
    this.advanced()
  }

  endTransaction(producerId: bigint, epoch: number, commit: boolean): void {
    const transaction = this.open.get(producerId)
    if (transaction === undefined) return
    this.open.delete(producerId)
    const marker = buildEndTxnMarker(producerId, epoch, commit, 0, 0)
    stampBatch(marker, 0, this.endOffset, 0)
    this.batches.push(marker)
    if (commit) this.committed.push(...transaction.records)
    else this.aborted.push({ producerId, firstOffset: transaction.firstOffset, lastOffset: this.endOffset })
    this.endOffset++
    this.advanced()
  }

  /** Retention: as far as pins allow is the caller's matter. */
  deleteBefore(offset: bigint): void {
    this.logStartOffset = offset
  }

  cursor(fromOffset: bigint): LogCursor {
    let index = this.batchAt(fromOffset)
    return {
      nextOffset: fromOffset,
      fill: (target, untilOffset) => {
        let filled = 0
        for (; index < this.batches.length; index++) {
          const batch = this.batches[index] as Buffer
          if (baseOffsetOf(batch, 0) >= untilOffset) break
          if (filled + batch.length > target.length) {
            if (filled === 0)
              throw new RangeError(`a batch of ${batch.length} bytes, room for ${target.length}`)
            break
          }
          filled += batch.copy(target, filled)
        }
        return filled
      },
      close() {},
    }
  }

  /** Of the first batch that ends at the offset or behind it. */
  private batchAt(offset: bigint): number {
    let [low, high] = [0, this.batches.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (lastOffsetOf(this.batches[middle] as Buffer, 0) < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  abortedSpans(fromOffset: bigint, untilOffset: bigint): AbortedSpan[] {
    return this.aborted.filter((span) => span.firstOffset < untilOffset && span.lastOffset >= fromOffset)
  }

  pin(): Pin {
    this.pins++
    let held = true
    return {
      release: () => {
        if (held) this.pins--
        held = false
      },
    }
  }

  offsetForTimestamp(timestampMs: number): bigint | undefined {
    return this.committed.find((record) => record.timestampMs >= timestampMs)?.offset
  }

  onAdvance(callback: () => void): () => void {
    this.callbacks.add(callback)
    return () => void this.callbacks.delete(callback)
  }

  private advanced(): void {
    for (const callback of this.callbacks) queueMicrotask(callback)
  }
}

interface Producer {
  id: bigint
  epoch: number
  touched: Set<ModelPartition>
  offsets: { groupId: string; offset: CommittedOffset }[]
  isOpen: boolean
}

/** Called before and after each step of a transaction; may throw. */
export type Step = (step: string, when: 'before' | 'after') => void | Promise<void>

export class ModelLog implements LogViews, OutputPort {
  readonly partitions = new Map<string, ModelPartition[]>()
  readonly groups = new Map<string, Map<string, CommittedOffset>>()
  step: Step = () => {}
  private readonly producers = new Map<string, Producer>()
  private ids = 0
  private made = 0

  createTopic(topic: string, partitions: number): ModelPartition[] {
    const topicId = (++this.made).toString(16).padStart(32, '0')
    const all = Array.from({ length: partitions }, (_, index) => new ModelPartition(topic, index, topicId))
    this.partitions.set(topic, all)
    return all
  }

  addPartition(topic: string): void {
    const all = this.partitions.get(topic) as ModelPartition[]
    all.push(new ModelPartition(topic, all.length, (all[0] as ModelPartition).topicId))
  }

  produce(
    topic: string,
    partition: number,
    values: readonly (string | Partial<RecordInput>)[],
    codec?: Codec,
  ): void {
    const records = values.map((value) =>
      typeof value === 'string'
        ? { timestampMs: 1, key: null, value: Buffer.from(value) }
        : { timestampMs: 1, key: null, value: null, ...value },
    )
    this.at(topic, partition).append(buildBatch(records, codec === undefined ? {} : { codec }))
  }

  at(topic: string, partition: number): ModelPartition {
    const found = this.partitions.get(topic)?.[partition]
    if (found === undefined) throw new Error(`there is no partition ${topic}-${partition}`)
    return found
  }

  values(topic: string): (string | null)[] {
    return (this.partitions.get(topic) ?? []).flatMap(({ committed }) => committed.map(({ value }) => value))
  }

  topics(): string[] {
    return [...this.partitions.keys()]
  }

  partitionCount(topic: string): number {
    return this.partitions.get(topic)?.length ?? 0
  }

  view(topic: string, partition: number): LogView {
    return this.at(topic, partition)
  }

  ensureTopic(topic: string): Promise<number> {
    if (!this.partitions.has(topic)) this.createTopic(topic, 1)
    return Promise.resolve(this.partitionCount(topic))
  }

  /** What the coordinator does with a transaction that takes too long: the epoch is raised, too. */
  timeOut(transactionalId: string): boolean {
    const producer = this.producers.get(transactionalId)
    if (producer === undefined || !producer.isOpen) return false
    this.end(producer, false)
    producer.epoch++
    return true
  }

  async open(transactionalId: string): Promise<OutputSession> {
    await this.step('open', 'before')
    const before = this.producers.get(transactionalId)
    if (before?.isOpen === true) this.end(before, false)
    const producer: Producer = {
      id: before?.id ?? BigInt(++this.ids),
      epoch: (before?.epoch ?? -1) + 1,
      touched: new Set(),
      offsets: [],
      isOpen: false,
    }
    this.producers.set(transactionalId, producer)
    await this.step('open', 'after')
    return this.session(transactionalId, producer, producer.epoch)
  }

  private session(transactionalId: string, producer: Producer, epoch: number): OutputSession {
    const current = () => {
      if (this.producers.get(transactionalId) !== producer || producer.epoch !== epoch) {
        throw new FencedError(transactionalId)
      }
    }
    const around = async (step: string, act: () => void) => {
      await this.step(step, 'before')
      current()
      act()
      await this.step(step, 'after')
    }
    // As a producer does: where nothing was written there is nothing to end, and nobody is asked.
    let hasWritten = false
    const writing = async (step: string, act: () => void) => {
      hasWritten = true
      await around(step, act)
    }
    return {
      producerId: producer.id,
      producerEpoch: epoch,
      committedOffsets: async (groupId) => {
        await this.step('committedOffsets', 'before')
        return [...(this.groups.get(groupId)?.values() ?? [])]
      },
      begin() {
        hasWritten = false
      },
      append: (topic, partition, batch) =>
        writing('append', () => {
          producer.isOpen = true
          const target = this.at(topic, partition)
          producer.touched.add(target)
          target.append(batch, producer.id, epoch)
        }),
      commitOffsets: (groupId, offsets) =>
        writing('commitOffsets', () => {
          producer.isOpen = true
          for (const offset of offsets) producer.offsets.push({ groupId, offset })
        }),
      commit: () => around('commit', () => this.end(producer, true)),
      abort: async () => {
        if (hasWritten) await around('abort', () => this.end(producer, false))
      },
      close: () =>
        around('close', () => {
          if (producer.isOpen) this.end(producer, false)
        }),
    }
  }

  private end(producer: Producer, commit: boolean): void {
    for (const partition of producer.touched) partition.endTransaction(producer.id, producer.epoch, commit)
    if (commit) {
      for (const { groupId, offset } of producer.offsets) {
        let group = this.groups.get(groupId)
        if (group === undefined) this.groups.set(groupId, (group = new Map()))
        group.set(`${offset.topic}-${offset.partition}`, offset)
      }
    }
    producer.touched.clear()
    producer.offsets = []
    producer.isOpen = false
  }
}

function recordsOf(batch: Buffer): ModelRecord[] {
  const cursor = new RecordCursor()
  cursor.reset(batch, 0)
  const records: ModelRecord[] = []
  while (cursor.next()) {
    records.push({
      offset: cursor.offset(),
      key: cursor.key()?.toString() ?? null,
      value: cursor.value()?.toString() ?? null,
      timestampMs: cursor.timestampMs,
    })
  }
  return records
}
