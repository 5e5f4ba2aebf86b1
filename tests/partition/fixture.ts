// One data directory in memory and what a test says to it. Time stands still unless the clock is moved.

import type { Partition } from '../../broker/partition/partition.ts'
import type {
  AppendResult,
  PartitionAssignment,
  PartitionConfig,
} from '../../broker/partition/partition-api.ts'
import { defaultPartitionConfig } from '../../broker/partition/partition-config.ts'
import { Partitions } from '../../broker/partition/partition-manager.ts'
import type { PartitionsOptions } from '../../broker/partition/partitions-options.ts'
import { type BuildOptions, buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import { RecordCursor } from '../../broker/protocol/record-batch/cursor.ts'
import { isControlBatch } from '../../broker/protocol/record-batch/header.ts'
import { splitBatches } from '../../broker/protocol/record-batch/validate.ts'
import { MemoryStorage } from '../../broker/storage/memory-storage.ts'
import type { Storage } from '../../broker/storage/storage.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'

export const TOPIC_ID = '0123456789abcdef0123456789abcdef'

export function assignment(
  config: Partial<PartitionConfig> = {},
  more: Partial<PartitionAssignment> = {},
): PartitionAssignment {
  return {
    topic: 'orders',
    partition: 0,
    topicId: TOPIC_ID,
    leaderEpoch: 0,
    config: { ...defaultPartitionConfig, ...config },
    ...more,
  }
}

export class World {
  readonly clock: ManualClock
  readonly storage: Storage
  private readonly options: Partial<PartitionsOptions>
  partitions!: Partitions

  constructor(options: Partial<PartitionsOptions> = {}) {
    this.clock = (options.clock as ManualClock | undefined) ?? new ManualClock()
    this.storage = options.storage ?? new MemoryStorage()
    this.options = options
  }

  /** Opens the directory (again) and one partition of it. */
  async open(
    config: Partial<PartitionConfig> = {},
    more: Partial<PartitionAssignment> = {},
  ): Promise<Partition> {
    const { storage, clock } = this
    this.partitions = await Partitions.open({ ...this.options, storage, clock })
    const [partition] = await this.partitions.ensure([assignment(config, more)])
    return partition as Partition
  }
}

export function batchOf(
  values: readonly string[],
  options: BuildOptions & { timestampMs?: number } = {},
): Buffer {
  const timestampMs = options.timestampMs ?? 1_700_000_000_000
  return buildBatch(
    values.map((value) => ({ timestampMs, key: null, value: Buffer.from(value) })),
    options,
  )
}

/** As a producer without idempotence. */
export function send(partition: Partition, ...values: string[]): AppendResult {
  return partition.append(batchOf(values), { nowMs: 1_700_000_000_000, fromClient: true })
}

/** As an idempotent or transactional producer. */
export function sendAs(
  partition: Partition,
  producer: { producerId: bigint; producerEpoch?: number; baseSequence: number; isTransactional?: boolean },
  ...values: string[]
): AppendResult {
  const batch = batchOf(values, { producerEpoch: 0, ...producer })
  return partition.append(batch, { nowMs: 1_700_000_000_000, fromClient: true })
}

export function endTransaction(
  partition: Partition,
  producerId: bigint,
  commit: boolean,
  producerEpoch = 0,
  transactionVersion = 0,
): AppendResult {
  return partition.appendMarker({
    producerId,
    producerEpoch,
    commit,
    coordinatorEpoch: 0,
    transactionVersion,
    nowMs: 1_700_000_000_000,
  })
}

/** The values a reader sees; control batches left out, as every client does. */
export function valuesIn(records: Buffer): string[] {
  const values: string[] = []
  const cursor = new RecordCursor()
  for (const at of splitBatches(records, 0, records.length)) {
    if (isControlBatch(records, at)) continue
    cursor.reset(records, at)
    while (cursor.next()) values.push(cursor.buffer.toString('utf8', cursor.valueStart, cursor.valueEnd))
  }
  return values
}

export function readAll(
  partition: Partition,
  isolation: 'read_uncommitted' | 'read_committed' = 'read_uncommitted',
  fromOffset = partition.logStartOffset,
) {
  return partition.read({ fromOffset, maxBytes: 1 << 20, isolation, minOneBatch: true })
}
