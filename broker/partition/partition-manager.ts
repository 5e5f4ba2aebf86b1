// All partitions of one data directory: has them opened and takes them away, keeps the directory's checkpoints,
// and does on the clock what no request does (retention, expiry).
//
//   start   .kafka_cleanshutdown is read and removed; then partitions are opened as the controller names them
//   delete  <topic>-<n> becomes <topic>-<n>.<topic id>-delete (synced), then its files go
//   stop    every partition is made durable and closed, checkpoints, and last .kafka_cleanshutdown
//
// Rules kept: one failed disk operation takes the whole directory offline, damaged bytes only their partition,
// a want of room nothing.

import { markCleanShutdown, takeCleanShutdown } from '../log/clean-shutdown.ts'
import {
  CLEANER_OFFSET_FILE,
  LOG_START_OFFSET_FILE,
  parsePartitionDirectoryName,
  RECOVERY_POINT_FILE,
  REPLICATION_OFFSET_FILE,
} from '../log/names.ts'
import { errorCodes } from '../protocol/errors.ts'
import { GroupCommit } from '../storage/group-commit.ts'
import { isTemporary, StorageError } from '../storage/storage.ts'
import type { TimeBounds } from '../time/clock-guard.ts'
import { Breathing } from '../time/breathing.ts'
import { Chores } from './chores.ts'
import { CleanUpTime } from './clean-up-time.ts'
import { type CheckpointFile, DataCheckpoints } from './data-checkpoints.ts'
import { defaultCleanerConfig, LogCleaner } from './log-cleaner.ts'
import type { Partition } from './partition.ts'
import type { PartitionAssignment, PartitionConfig } from './partition-api.ts'
import { PartitionFolders } from './partition-folders.ts'
import { PartitionOpener } from './partition-opener.ts'
import { PartitionTable } from './partition-table.ts'
import type { PartitionsOptions } from './partitions-options.ts'
import { applyRetention, closePartition, expireProducers, releasePartition } from './upkeep.ts'

const MINUTE_MS = 60_000
/** How soon what could not be opened for want of room is tried again. */
const REOPEN_INTERVAL_MS = 5000

export class Partitions {
  private readonly options: PartitionsOptions
  private readonly folders: PartitionFolders
  private readonly checkpoints: DataCheckpoints
  private readonly commit: GroupCommit
  readonly cleaner: LogCleaner
  private readonly cleanUpTime: CleanUpTime
  private readonly opener: PartitionOpener
  private readonly table = new PartitionTable()
  private readonly chores: Chores
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
    const partitions = new Partitions(options, cleanShutdown)
    partitions.folders.removeDeleted()
    return partitions
  }

  private constructor(options: PartitionsOptions, cleanShutdown: boolean) {
    this.options = options
    this.cleanShutdown = cleanShutdown
    this.folders = new PartitionFolders(options.storage)
    this.checkpoints = new DataCheckpoints(options.storage)
    this.commit = new GroupCommit({
      ...(options.syncConcurrency === undefined ? {} : { concurrency: options.syncConcurrency }),
      ...(options.defer === undefined ? {} : { defer: options.defer, later: options.defer }),
      onFailure: (error) => this.failAll(error),
    })
    const isNew = options.isVolatile === true || !this.folders.hasPartitions()
    this.cleanUpTime = new CleanUpTime(options.storage, options.clock, isNew)
    this.cleaner = this.makeCleaner()
    this.opener = this.makeOpener()
    this.chores = new Chores(options.clock)
    this.startChores()
  }

  get(topic: string, index: number): Partition | undefined {
    return this.table.get(topic, index)
  }

  /** Partitions of a topic that are open here, by index. */
  ofTopic(topic: string): Partition[] {
    return this.table.ofTopic(topic)
  }

  /** A disk operation has failed: nothing is written here until a restart. */
  get isOffline(): boolean {
    return this.failure !== undefined
  }

  topics(): string[] {
    return this.table.topics()
  }

  all(): IterableIterator<Partition> {
    return this.table.all()
  }

  /** Folders that belong to no partition that is open: set aside, or of topics the controller does not know. */
  strayDirectories(): string[] {
    return this.folders.strays(this.table.names())
  }

  /**
   * Once all that the controller knows of is open: folders of other partitions get a name that no topic has,
   * or a topic that is made later would find the records of a deleted one. Nothing is removed (I15). Returns
   * the new names. Rejects with StorageError.
   */
  setAsideStrays(): Promise<string[]> {
    return this.inTurn(async () => {
      const setAside = this.folders.setAsideStrays(this.table.names())
      if (setAside.length > 0 && !this.options.isVolatile) await this.options.storage.syncDirectory('')
      return setAside
    })
  }

  /**
   * Opens what is on disk, makes what is not. A partition that cannot be opened or made is offline, not
   * missing; where only room was wanting it is tried again every few seconds.
   */
  ensure(assignments: readonly PartitionAssignment[]): Promise<Partition[]> {
    return this.inTurn(async () => {
      const wanted = assignments.filter(({ topic, partition }) => this.get(topic, partition) === undefined)
      const configured = wanted.map((one) => ({ ...one, config: this.configOf(one.config) }))
      for (const partition of await this.opener.openAll(configured)) this.add(partition)
      return assignments.map(({ topic, partition }) => this.get(topic, partition) as Partition)
    })
  }

  /** Takes partitions away from everybody at once; resolves when their data cannot come back. */
  delete(partitions: readonly { topic: string; partition: number }[]): Promise<void> {
    const doomed = partitions.flatMap(({ topic, partition }) => this.get(topic, partition) ?? [])
    for (const partition of doomed) {
      this.table.remove(partition)
      partition.end(errorCodes.UNKNOWN_TOPIC_OR_PARTITION)
    }
    return this.inTurn(async () => {
      // Without its folder's new name a partition is a stray one at the next start: gone all the same.
      await this.attempt(() => this.removeFolders(doomed))
    })
  }

  /** A topic's configuration has changed. */
  setConfig(topic: string, config: PartitionConfig): void {
    for (const partition of this.ofTopic(topic)) partition.setConfig(this.configOf(config))
  }

  /** What the clock is worth to whoever removes things for good. */
  timeBounds(): TimeBounds {
    return this.cleanUpTime.bounds()
  }

  /** Retention now, for all partitions; also runs every retentionCheckIntervalMs. Returns segments removed. */
  applyRetention(): number {
    const { earliestMs } = this.cleanUpTime.bounds()
    let removed = 0
    for (const partition of this.all()) removed += applyRetention(partition, earliestMs)
    return removed
  }

  /** Writes the checkpoint files now; also written every checkpointIntervalMs and at close. */
  async writeCheckpoints(files?: readonly CheckpointFile[]): Promise<void> {
    if (this.options.isVolatile) return
    try {
      await this.checkpoints.write(this.all(), files)
    } catch (error) {
      if (error instanceof StorageError && !error.isTemporary) this.failAll(error)
      throw error
    }
  }

  /** Closes all partitions. Idempotent. Resolves to whether the next start may trust what it finds. */
  close(): Promise<boolean> {
    this.closing ??= this.inTurn(() => this.closeAll())
    return this.closing
  }

  private async closeAll(): Promise<boolean> {
    this.chores.stop()
    await this.cleaner.stop()
    const partitions = [...this.all()]
    const closed = await this.breathing().all(partitions, closePartition)
    if (this.options.isVolatile) return false
    const { storage, brokerEpoch } = this.options
    if (this.failure !== undefined) return false
    const written = await this.attempt(async () => {
      await this.checkpoints.write(partitions)
      await this.cleanUpTime.write(true)
    })
    if (written instanceof StorageError || closed.includes(false)) return false
    // A folder that nobody opened has not been recovered from the unclean stop before this one.
    const unopened = this.strayDirectories().some((name) => parsePartitionDirectoryName(name) !== undefined)
    if (unopened && !this.cleanShutdown) return false
    const marked = await this.attempt(() => markCleanShutdown(storage, Number(brokerEpoch?.() ?? -1n)))
    return !(marked instanceof StorageError)
  }

  /** Tries those again that only wanted for room when they were opened. */
  private reopen(): Promise<void> {
    return this.inTurn(async () => {
      const again = Array.from(this.all()).filter(
        (known) => known.parts === undefined && this.mayReopen(known),
      )
      const opened = await this.opener.openAll(
        again.map(({ topic, index, topicId, leaderEpoch, config }) => ({
          topic,
          partition: index,
          topicId,
          leaderEpoch,
          config,
        })),
      )
      for (const [i, partition] of opened.entries()) {
        const isCurrent = this.get(partition.topic, partition.index) === again[i]
        if (isCurrent && !isTemporary(partition.offlineReason)) this.add(partition)
        else if (partition.parts !== undefined) await releasePartition(partition)
      }
    })
  }

  private mayReopen({ offlineReason }: Partition): boolean {
    return this.failure === undefined && this.closing === undefined && isTemporary(offlineReason)
  }

  private async removeFolders(doomed: readonly Partition[]): Promise<void> {
    const { storage, isVolatile } = this.options
    const breathing = this.breathing()
    const renamed: string[] = []
    for (const partition of doomed) {
      await this.cleaner.release(partition)
      await releasePartition(partition)
      await breathing.pause()
      const { topic, index, topicId } = partition
      const to = this.folders.markDeleted({ topic, partition: index, topicId })
      this.checkpoints.forget(topic, index)
      if (to !== undefined) renamed.push(to)
    }
    if (!isVolatile && renamed.length > 0) {
      await storage.syncDirectory('')
      // On a full disk deleting is what helps: the checkpoints can wait.
      await this.attempt(() => this.writeCheckpoints())
    }
    for (const directory of renamed) {
      storage.removeDirectory(directory)
      await breathing.pause()
    }
  }

  /** The failure of storage, where there is one: but for want of room it takes the directory offline. */
  private async attempt<T>(act: () => T | Promise<T>): Promise<T | StorageError> {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      if (!error.isTemporary) this.failAll(error)
      return error
    }
  }

  private makeCleaner(): LogCleaner {
    const { options, checkpoints } = this
    const { clock, cleanerConfig, random, onCleaned, onUncleanable } = options
    const files = [RECOVERY_POINT_FILE, LOG_START_OFFSET_FILE, CLEANER_OFFSET_FILE] as const
    return new LogCleaner({
      clock,
      partitions: () => this.all(),
      checkpoints: {
        cleanOffset: ({ topic, index }) => checkpoints.cleanOffset(topic, index),
        setCleanOffset: ({ topic, index }, offset) => checkpoints.setCleanOffset(topic, index, offset),
        recoveryPoint: ({ topic, index }) => checkpoints.recoveryPoint(topic, index),
        write: () => this.writeCheckpoints(files),
      },
      time: () => this.cleanUpTime.bounds(),
      config: cleanerConfig ?? (() => defaultCleanerConfig),
      seed: () => Math.floor((random?.() ?? 0) * 2 ** 32),
      nextTurn: () => this.commit.nextTurn(),
      ...(onCleaned === undefined ? {} : { onCleaned }),
      ...(onUncleanable === undefined ? {} : { onUncleanable }),
    })
  }

  private makeOpener(): PartitionOpener {
    const { storage, clock, random, onRefusing, onTailCut } = this.options
    return new PartitionOpener({
      storage,
      folders: this.folders,
      checkpoints: this.checkpoints,
      context: {
        clock,
        commit: this.commit,
        ...(random === undefined ? {} : { random }),
        onOffline: (failed, reason) => this.onOffline(failed, reason),
        ...(onRefusing === undefined ? {} : { onRefusing }),
      },
      cleanShutdown: this.cleanShutdown,
      producerIdExpirationMs: this.expirationMs,
      earliestMs: () => this.cleanUpTime.bounds().earliestMs,
      breathing: () => this.breathing(),
      writeCheckpoints: () => this.writeCheckpoints(),
      attempt: (act) => this.attempt(act),
      ...(onTailCut === undefined ? {} : { onTailCut }),
    })
  }

  private breathing(): Breathing {
    return new Breathing(this.options.clock, () => this.commit.nextTurn())
  }

  private get expirationMs(): number {
    return this.options.producerIdExpirationMs ?? 24 * 60 * MINUTE_MS
  }

  private configOf(config: PartitionConfig): PartitionConfig {
    return this.options.isVolatile ? { ...config, durability: 'memory' } : config
  }

  private add(partition: Partition): void {
    this.table.add(partition)
    if (this.failure !== undefined) partition.fail(this.failure)
    if (partition.offlineReason !== undefined) this.onOffline(partition, partition.offlineReason)
  }

  private onOffline(partition: Partition, reason: Error): void {
    this.options.onOffline?.(partition, reason)
    if (reason instanceof StorageError && !reason.isTemporary) this.failAll(reason)
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

  private startChores(): void {
    const { chores, options } = this
    this.cleaner.start()
    chores.every(options.retentionCheckIntervalMs ?? 5 * MINUTE_MS, () => void this.applyRetention())
    chores.every(options.producerIdExpirationCheckIntervalMs ?? 10 * MINUTE_MS, () => {
      const { earliestMs } = this.cleanUpTime.bounds()
      if (earliestMs === undefined) return
      for (const partition of this.all()) expireProducers(partition, earliestMs, this.expirationMs)
    })
    if (options.isVolatile) return
    const write = (files: readonly CheckpointFile[]) => (): void => {
      // Its failure has taken everything offline already, and said so; without room the next time will do.
      this.writeCheckpoints(files).catch(() => {})
    }
    chores.every(REOPEN_INTERVAL_MS, () => {
      if (Array.from(this.all()).some((known) => known.parts === undefined && this.mayReopen(known)))
        void this.reopen()
    })
    chores.every(
      options.checkpointIntervalMs ?? MINUTE_MS,
      write([RECOVERY_POINT_FILE, LOG_START_OFFSET_FILE]),
    )
    chores.every(MINUTE_MS, () => void this.attempt(() => this.cleanUpTime.write()))
    chores.every(options.highWatermarkCheckpointIntervalMs ?? 5000, write([REPLICATION_OFFSET_FILE]))
  }
}
