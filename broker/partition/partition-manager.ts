// All partitions of one data directory: finds, makes and removes their folders, recovers them at start,
// keeps the directory's checkpoints, and does on the clock what no request does (retention, expiry).
//
//   start   .kafka_cleanshutdown is read and removed; then partitions are opened as the controller names them
//   delete  <topic>-<n> becomes <topic>-<n>.<topic id>-delete (synced), then its files go
//   stop    every partition is made durable and closed, checkpoints, and last .kafka_cleanshutdown
//
// Rules kept: a folder whose topic id is not the expected one is set aside, never opened or deleted; one
// failed disk operation takes the whole directory offline, damaged bytes only their partition.

import { markCleanShutdown, takeCleanShutdown } from '../log/clean-shutdown.ts'
import {
  deletedDirectoryName,
  isDeletedDirectoryName,
  METADATA_DIRECTORY,
  PARTITION_METADATA_FILE,
  parsePartitionDirectoryName,
  partitionDirectoryName,
  RECOVERY_POINT_FILE,
  LOG_START_OFFSET_FILE,
  REPLICATION_OFFSET_FILE,
} from '../log/names.ts'
import { decodePartitionMetadata, encodePartitionMetadata } from '../log/partition-metadata.ts'
import type { TailCut } from '../log/log-config.ts'
import { errorCodes } from '../protocol/errors.ts'
import { GroupCommit } from '../storage/group-commit.ts'
import { type Storage, StorageError } from '../storage/storage.ts'
import type { Clock, Timer } from '../time/clock.ts'
import { type CheckpointFile, DataCheckpoints } from './data-checkpoints.ts'
import { openPartition } from './open-partition.ts'
import type { Partition } from './partition.ts'
import type { PartitionAssignment, PartitionConfig } from './partition-api.ts'
import { applyRetention, closePartition, expireProducers, releasePartition } from './upkeep.ts'

export interface PartitionsOptions {
  storage: Storage
  clock: Clock
  /** Memory: nothing survives, so nothing is synced and no file is kept but the log's own. */
  isVolatile?: boolean
  /** Of the controller's registration; -1 when unknown. Written into the clean-shutdown marker. */
  brokerEpoch?: () => bigint
  /** producer.id.expiration.ms, producer.id.expiration.check.interval.ms */
  producerIdExpirationMs?: number
  producerIdExpirationCheckIntervalMs?: number
  /** log.retention.check.interval.ms */
  retentionCheckIntervalMs?: number
  /** log.flush.offset.checkpoint.interval.ms and log.flush.start.offset.checkpoint.interval.ms */
  checkpointIntervalMs?: number
  /** replica.high.watermark.checkpoint.interval.ms */
  highWatermarkCheckpointIntervalMs?: number
  /** How many logs are synced at a time. */
  syncConcurrency?: number
  /** For simulations: when the group commit acts on what was asked for. */
  defer?: (act: () => void) => void
  onOffline?: (partition: Partition, reason: Error) => void
  onTailCut?: (cut: TailCut) => void
}

const MINUTE_MS = 60_000
const UNKNOWN_ID = '0'.repeat(32)

export class Partitions {
  private readonly options: PartitionsOptions
  private readonly checkpoints: DataCheckpoints
  private readonly commit: GroupCommit
  private readonly byTopic = new Map<string, Map<number, Partition>>()
  private readonly timers = new Set<Timer>()
  private readonly cleanShutdown: boolean
  private closing: Promise<boolean> | undefined
  /** What has taken the directory offline until restart, if something did. */
  private failure: Error | undefined
  /** One at a time: folders are made, renamed and checkpointed in the order of the calls. */
  private changing: Promise<unknown> = Promise.resolve()

  /** Reads what the last stop left behind. Removes what an interrupted deletion left. */
  static async open(options: PartitionsOptions): Promise<Partitions> {
    const { storage } = options
    // Gone, durably, before anything is appended: a marker that came back after a power cut would be a lie.
    const cleanShutdown = await takeCleanShutdown(storage)
    for (const { name, isDirectory } of storage.list('')) {
      if (isDirectory && isDeletedDirectoryName(name)) storage.removeDirectory(name)
    }
    return new Partitions(options, cleanShutdown)
  }

  private constructor(options: PartitionsOptions, cleanShutdown: boolean) {
    this.options = options
    this.cleanShutdown = cleanShutdown
    this.checkpoints = new DataCheckpoints(options.storage)
    this.commit = new GroupCommit({
      ...(options.syncConcurrency === undefined ? {} : { concurrency: options.syncConcurrency }),
      ...(options.defer === undefined ? {} : { defer: options.defer }),
      onFailure: (error) => this.failAll(error),
    })
    this.startTimers()
  }

  get(topic: string, index: number): Partition | undefined {
    return this.byTopic.get(topic)?.get(index)
  }

  /** Partitions of a topic that are open here, by index. */
  ofTopic(topic: string): Partition[] {
    return [...(this.byTopic.get(topic)?.values() ?? [])].sort((a, b) => a.index - b.index)
  }

  topics(): string[] {
    return [...this.byTopic.keys()]
  }

  *all(): IterableIterator<Partition> {
    for (const partitions of this.byTopic.values()) yield* partitions.values()
  }

  /** Folders that belong to no partition that is open: set aside, or of topics the controller does not know. */
  strayDirectories(): string[] {
    const open = new Set(Array.from(this.all(), ({ name }) => name))
    return this.options.storage
      .list('')
      .filter(({ name, isDirectory }) => isDirectory && !isDeletedDirectoryName(name))
      .map(({ name }) => name)
      .filter((name) => name !== METADATA_DIRECTORY && !open.has(name))
  }

  /**
   * Once all that the controller knows of is open: folders of other partitions get a name that no topic has,
   * or a topic that is made later would find the records of a deleted one. Nothing is removed (I15). Returns
   * the new names. Rejects with StorageError.
   */
  setAsideStrays(): Promise<string[]> {
    return this.inTurn(async () => {
      const { storage, isVolatile } = this.options
      const setAside: string[] = []
      for (const name of this.strayDirectories()) {
        const parsed = parsePartitionDirectoryName(name)
        if (parsed !== undefined) setAside.push(this.setAside(parsed.topic, parsed.partition))
      }
      if (setAside.length > 0 && !isVolatile) await storage.syncDirectory('')
      return setAside
    })
  }

  /**
   * Opens what is on disk, makes what is not. A partition that cannot be opened is offline, not missing.
   * Resolves when all of them take appends. Rejects with StorageError when a folder cannot be made.
   */
  ensure(assignments: readonly PartitionAssignment[]): Promise<Partition[]> {
    return this.inTurn(async () => {
      const wanted = assignments.filter(({ topic, partition }) => this.get(topic, partition) === undefined)
      const isNew = wanted.map((assignment) => !this.findDirectory(assignment))
      // The old recovery point of a name that is used again would call the new log damaged: it goes first.
      const forgotten = wanted.map(
        ({ topic, partition }, i) => isNew[i] === true && this.checkpoints.forget(topic, partition),
      )
      if (forgotten.includes(true)) await this.writeCheckpoints()
      for (const [i, { topic, partition }] of wanted.entries()) {
        if (isNew[i] === true) this.options.storage.makeDirectory(partitionDirectoryName(topic, partition))
      }
      for (const assignment of wanted) this.writeMetadata(assignment)
      const opened = await Promise.all(
        wanted.map((assignment, i) => this.openOne(assignment, isNew[i] === true)),
      )
      for (const partition of opened) this.add(partition)
      return assignments.map(({ topic, partition }) => this.get(topic, partition) as Partition)
    })
  }

  /** Takes partitions away from everybody at once; resolves when their data cannot come back. */
  delete(partitions: readonly { topic: string; partition: number }[]): Promise<void> {
    const doomed = partitions.flatMap(({ topic, partition }) => this.get(topic, partition) ?? [])
    for (const partition of doomed) {
      this.remove(partition)
      partition.end(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
    }
    return this.inTurn(async () => {
      const { storage, isVolatile } = this.options
      const renamed: string[] = []
      for (const partition of doomed) {
        await releasePartition(partition)
        const to = deletedDirectoryName(partition.topic, partition.index, partition.topicId)
        storage.rename(partition.name, to)
        this.checkpoints.forget(partition.topic, partition.index)
        renamed.push(to)
      }
      if (!isVolatile && doomed.length > 0) {
        await storage.syncDirectory('')
        await this.writeCheckpoints()
      }
      for (const directory of renamed) storage.removeDirectory(directory)
    })
  }

  /** A topic's configuration has changed. */
  setConfig(topic: string, config: PartitionConfig): void {
    for (const partition of this.ofTopic(topic)) partition.setConfig(this.configOf(config))
  }

  /** Retention now, for all partitions; also runs every retentionCheckIntervalMs. Returns segments removed. */
  applyRetention(): number {
    const nowMs = this.options.clock.now()
    let removed = 0
    for (const partition of this.all()) removed += applyRetention(partition, nowMs)
    return removed
  }

  /** Writes the checkpoint files now; also written every checkpointIntervalMs and at close. */
  async writeCheckpoints(files?: readonly CheckpointFile[]): Promise<void> {
    if (this.options.isVolatile) return
    try {
      await this.checkpoints.write(this.all(), files)
    } catch (error) {
      if (error instanceof StorageError) this.failAll(error)
      throw error
    }
  }

  /** Closes all partitions. Idempotent. Resolves to whether the next start may trust what it finds. */
  close(): Promise<boolean> {
    this.closing ??= this.inTurn(() => this.closeAll())
    return this.closing
  }

  private async closeAll(): Promise<boolean> {
    for (const timer of this.timers) timer.cancel()
    const partitions = [...this.all()]
    const closed = await Promise.all(partitions.map(closePartition))
    if (this.options.isVolatile) return false
    const { storage, brokerEpoch } = this.options
    if (this.failure !== undefined) return false
    try {
      await this.checkpoints.write(partitions)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      this.failAll(error)
      return false
    }
    if (closed.includes(false)) return false
    // A folder that nobody opened has not been recovered from the unclean stop before this one.
    const unopened = this.strayDirectories().some((name) => parsePartitionDirectoryName(name) !== undefined)
    if (unopened && !this.cleanShutdown) return false
    await markCleanShutdown(storage, Number(brokerEpoch?.() ?? -1n))
    return true
  }

  /** Whether there is a folder of this topic. One of another topic of that name is set aside. */
  private findDirectory({ topic, partition, topicId }: PartitionAssignment): boolean {
    const { storage } = this.options
    if (!storage.exists(partitionDirectoryName(topic, partition))) return false
    const found = this.topicIdIn(topic, partition)
    // A lost or torn file says nothing; strays are set aside at start, so it can only be this topic's.
    if (found === undefined || found === topicId) return true
    this.setAside(topic, partition)
    return false
  }

  private writeMetadata({ topic, partition, topicId }: PartitionAssignment): void {
    if (this.topicIdIn(topic, partition) === topicId) return
    const path = `${partitionDirectoryName(topic, partition)}/${PARTITION_METADATA_FILE}`
    this.options.storage.replaceFileUnsynced(path, encodePartitionMetadata(topicId))
  }

  private topicIdIn(topic: string, partition: number): string | undefined {
    const path = `${partitionDirectoryName(topic, partition)}/${PARTITION_METADATA_FILE}`
    const bytes = this.options.storage.readFile(path)
    return bytes === undefined ? undefined : decodePartitionMetadata(bytes)
  }

  /** Renames a partition's folder as Kafka marks a stray one, for a person to look at. Returns the new name. */
  private setAside(topic: string, partition: number): string {
    const { storage } = this.options
    const id = this.topicIdIn(topic, partition)
    let to = strayDirectoryName(topic, partition, id ?? UNKNOWN_ID)
    for (let again = 1n; storage.exists(to); again++) {
      to = strayDirectoryName(topic, partition, again.toString(16).padStart(32, '0'))
    }
    storage.rename(partitionDirectoryName(topic, partition), to)
    return to
  }

  private openOne(assignment: PartitionAssignment, isNew: boolean): Promise<Partition> {
    const { storage, clock, onTailCut } = this.options
    const { topic, partition } = assignment
    const context = {
      clock,
      commit: this.commit,
      onOffline: (failed: Partition, reason: Error) => this.onOffline(failed, reason),
    }
    return openPartition({ ...assignment, config: this.configOf(assignment.config) }, context, {
      storage,
      directory: partitionDirectoryName(topic, partition),
      recoveryPoint: isNew ? 0n : this.checkpoints.recoveryPoint(topic, partition),
      logStartOffset: isNew ? 0n : this.checkpoints.logStartOffset(topic, partition),
      cleanShutdown: isNew || this.cleanShutdown,
      producerIdExpirationMs: this.expirationMs,
      ...(onTailCut === undefined ? {} : { onTailCut }),
    })
  }

  private get expirationMs(): number {
    return this.options.producerIdExpirationMs ?? 24 * 60 * MINUTE_MS
  }

  private configOf(config: PartitionConfig): PartitionConfig {
    return this.options.isVolatile ? { ...config, durability: 'memory' } : config
  }

  private add(partition: Partition): void {
    let partitions = this.byTopic.get(partition.topic)
    if (partitions === undefined) this.byTopic.set(partition.topic, (partitions = new Map()))
    partitions.set(partition.index, partition)
    if (this.failure !== undefined) partition.fail(this.failure)
    if (partition.offlineReason !== undefined) this.onOffline(partition, partition.offlineReason)
  }

  private remove(partition: Partition): void {
    const partitions = this.byTopic.get(partition.topic)
    partitions?.delete(partition.index)
    if (partitions?.size === 0) this.byTopic.delete(partition.topic)
  }

  private onOffline(partition: Partition, reason: Error): void {
    this.options.onOffline?.(partition, reason)
    if (reason instanceof StorageError) this.failAll(reason)
  }

  /** Also for partitions that are still to come. */
  private failAll(reason: Error): void {
    this.failure ??= reason
    for (const partition of this.all()) partition.fail(reason)
  }

  private inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.changing.then(act)
    this.changing = done.catch(() => {})
    return done
  }

  private startTimers(): void {
    const { options } = this
    this.every(options.retentionCheckIntervalMs ?? 5 * MINUTE_MS, () => void this.applyRetention())
    this.every(options.producerIdExpirationCheckIntervalMs ?? 10 * MINUTE_MS, () => {
      const nowMs = options.clock.now()
      for (const partition of this.all()) expireProducers(partition, nowMs, this.expirationMs)
    })
    if (options.isVolatile) return
    const write = (files: readonly CheckpointFile[]) => (): void => {
      // Its failure has taken everything offline already, and said so.
      this.writeCheckpoints(files).catch(() => {})
    }
    this.every(options.checkpointIntervalMs ?? MINUTE_MS, write([RECOVERY_POINT_FILE, LOG_START_OFFSET_FILE]))
    this.every(options.highWatermarkCheckpointIntervalMs ?? 5000, write([REPLICATION_OFFSET_FILE]))
  }

  private every(intervalMs: number, act: () => void): void {
    const timer = this.options.clock.setTimer(intervalMs, () => {
      this.timers.delete(timer)
      this.every(intervalMs, act)
      act()
    })
    this.timers.add(timer)
  }
}

/** As Kafka marks a folder whose topic is not the one expected there; it is kept for a person to look at. */
function strayDirectoryName(topic: string, partition: number, topicId: string): string {
  const suffix = `-${partition}.${topicId}-stray`
  return topic.slice(0, 255 - suffix.length) + suffix
}
