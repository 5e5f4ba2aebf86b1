// Compacts the partitions of one data directory, the dirtiest first, one at a time, in slices between other work.
//
//   every log.cleaner.backoff.ms:  choose ── none ──> wait
//                                    └─ one ──> write down where recovery begins ──> clean it ──> write down
//                                               how far it is clean ──> choose again
//
// Rules kept. Below what is cleaned nothing is ever recovered: before the first segment is replaced, the recovery
// point is on disk above it, and a durable producer snapshot there, because the cleaner takes batches away that
// tell of producers. What a co-located reader has pinned is not touched. A partition that cannot be cleaned is
// told of once and left alone until the next start; the others go on. Without room everything stays as it was.
// Source: Kafka's LogCleaner, LogCleanerManager.

import type { LastOfProducer } from '../log/compaction/batch-filter.ts'
import { type CleaningResult, cleanLog } from '../log/compaction/clean-log.ts'
import { type CleanableRange, cleanableRange, filthiest } from '../log/compaction/cleanable.ts'
import { OffsetMap } from '../log/compaction/offset-map.ts'
import { CleaningStopped } from '../log/compaction/walk-segment.ts'
import { isTemporary, StorageError } from '../storage/storage.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { TimeBounds } from '../time/clock-guard.ts'
import { Breathing } from '../time/breathing.ts'
import { Pace } from './cleaning-pace.ts'
import type { Partition } from './partition.ts'
import type { PartitionConfig } from './partition-api.ts'
import type { PartitionParts } from './partition-parts.ts'

/** log.cleaner.*: read anew for every run. */
export interface CleanerConfig {
  enable: boolean
  backoffMs: number
  dedupeBufferBytes: number
  /** How full the offset map may become: io.buffer.load.factor. */
  loadFactor: number
  ioBufferBytes: number
  ioMaxBytesPerSecond: number
}

/** Kafka 4.3's. */
export const defaultCleanerConfig: CleanerConfig = {
  enable: true,
  backoffMs: 15_000,
  dedupeBufferBytes: 128 * 1024 * 1024,
  loadFactor: 0.9,
  ioBufferBytes: 512 * 1024,
  ioMaxBytesPerSecond: Number.MAX_VALUE,
}

/** What is known on disk of a partition. */
export interface CleanerCheckpoints {
  /** undefined: never cleaned. */
  cleanOffset: (partition: Partition) => bigint | undefined
  /** For the next write. */
  setCleanOffset: (partition: Partition, offset: bigint) => void
  recoveryPoint: (partition: Partition) => bigint
  /** Both of all partitions, durably. Rejects with StorageError. */
  write: () => Promise<void>
}

export interface LogCleanerOptions {
  clock: Clock
  partitions: () => Iterable<Partition>
  checkpoints: CleanerCheckpoints
  time: () => TimeBounds
  config: () => CleanerConfig
  /** For the hashes of the offset map. */
  seed: () => number
  /** Resolves when others have had their turn of the event loop. */
  nextTurn: () => Promise<void>
  onCleaned?: (partition: Partition, result: CleaningResult) => void
  onUncleanable?: (partition: Partition, reason: Error) => void
}

interface Candidate {
  partition: Partition
  parts: PartitionParts
  limits: PartitionConfig
  range: CleanableRange
  /** A durable producer snapshot lies here; recovery has to begin at it or above. */
  recoverFrom: bigint
}

export class LogCleaner {
  private readonly options: LogCleanerOptions
  private readonly uncleanable = new WeakSet<Partition>()
  private timer: Timer | undefined
  private isStopping = false
  /** The partition that is being cleaned, whether it is to be let go, and when it has been. */
  private current: { partition: Partition; pace: Pace; isReleased: boolean; done: Promise<void> } | undefined
  private running: Promise<number> | undefined

  constructor(options: LogCleanerOptions) {
    this.options = options
  }

  start(): void {
    this.timer = this.options.clock.setTimer(this.options.config().backoffMs, () => {
      void this.run().then(() => {
        if (!this.isStopping) this.start()
      })
    })
  }

  /** Cleans until nothing is dirty enough; returns how many runs that took. Never rejects; one at a time. */
  run(): Promise<number> {
    this.running ??= this.cleanAll().finally(() => {
      this.running = undefined
    })
    return this.running
  }

  /** Resolves when nothing is touched any more. */
  async stop(): Promise<void> {
    this.isStopping = true
    this.timer?.cancel()
    this.current?.pace.wake()
    await this.running
  }

  /**
   * Resolves when this partition, which has ended, is not touched any more: before its files go. Others are
   * cleaned on.
   */
  async release(partition: Partition): Promise<void> {
    const { current } = this
    if (current?.partition !== partition) return
    current.isReleased = true
    current.pace.wake()
    await current.done
  }

  private async cleanAll(): Promise<number> {
    // What found no room, or was let go, is tried again the next time.
    const skipped = new Set<Partition>()
    for (let runs = 0; ; runs++) {
      if (this.isStopping || !this.options.config().enable) return runs
      const candidate = await this.choose(skipped)
      if (candidate === undefined) return runs
      const { partition } = candidate
      try {
        if (!(await this.clean(candidate))) skipped.add(partition)
      } catch (error) {
        skipped.add(partition)
        this.onFailure(partition, error as Error)
      }
    }
  }

  private async choose(skipped: ReadonlySet<Partition>): Promise<Candidate | undefined> {
    const breathing = this.breathing()
    const candidates: Candidate[] = []
    for (const partition of Array.from(this.options.partitions())) {
      await breathing.pause()
      if (skipped.has(partition) || this.uncleanable.has(partition)) continue
      try {
        const candidate = this.candidateOf(partition)
        if (candidate !== undefined) candidates.push(candidate)
      } catch (error) {
        this.onFailure(partition, error as Error)
      }
    }
    return filthiest(candidates)
  }

  private candidateOf(partition: Partition): Candidate | undefined {
    const { parts, config, hasEnded } = partition
    if (parts === undefined || hasEnded || config.cleanupPolicy === 'delete') return undefined
    const { log } = parts
    const segments = log.describeSegments()
    if (segments.length < 2) return undefined
    const recoverFrom = recoverableFrom(partition, parts)
    const { clock, checkpoints, time } = this.options
    let stableBound = recoverFrom
    for (const bound of [partition.lastStableOffset, partition.durableEndOffset, log.pinnedFrom]) {
      if (bound !== undefined && bound < stableBound) stableBound = bound
    }
    const range = cleanableRange(
      {
        segments,
        logStartOffset: log.logStartOffset,
        stableBound,
        cleanOffset: checkpoints.cleanOffset(partition),
      },
      config,
      clock.now(),
      time(),
    )
    return { partition, parts, limits: config, range, recoverFrom }
  }

  /** False where it has to wait for something. */
  private async clean({ partition, parts, range, recoverFrom }: Candidate): Promise<boolean> {
    // Released before it was begun.
    if (partition.hasEnded) return false
    const { checkpoints, clock } = this.options
    const config = this.options.config()
    const pace = new Pace({
      clock,
      breathing: this.breathing(),
      blockBytes: Math.max(4096, Math.floor(config.ioBufferBytes / 2)),
      maxBytesPerSecond: config.ioMaxBytesPerSecond,
      stopReason: () => this.stopReason(partition),
    })
    let finish = (): void => {}
    const done = new Promise<void>((resolve) => (finish = resolve))
    this.current = { partition, pace, isReleased: false, done }
    try {
      // From here on the log counts as one with gaps, also after a crash.
      checkpoints.setCleanOffset(partition, range.firstDirtyOffset)
      await checkpoints.write()
      if (partition.config.durability !== 'memory' && checkpoints.recoveryPoint(partition) < recoverFrom) {
        return false
      }
      const { earliestMs, latestMs } = this.options.time()
      const result = await cleanLog(parts.log, {
        firstDirtyOffset: range.firstDirtyOffset,
        firstUncleanableOffset: range.firstUncleanableOffset,
        map: new OffsetMap(
          config.dedupeBufferBytes * config.loadFactor,
          this.options.seed(),
          Number(range.firstUncleanableOffset - range.firstDirtyOffset),
        ),
        producers: () => producersOf(parts),
        earliestMs,
        newHorizonMs: latestMs === undefined ? undefined : latestMs + partition.config.deleteRetentionMs,
        pace,
        onMerged: (bases) => parts.files.pruneSnapshots((offset) => !bases.includes(offset)),
      })
      checkpoints.setCleanOffset(partition, result.cleanOffset)
      await checkpoints.write()
      this.options.onCleaned?.(partition, result)
      return result.cleanOffset > range.firstDirtyOffset
    } finally {
      this.current = undefined
      finish()
    }
  }

  private stopReason(partition: Partition): string | undefined {
    if (this.isStopping) return 'the cleaner stops'
    if (this.current?.isReleased === true || partition.hasEnded) return 'the partition is given up'
    if (partition.config.cleanupPolicy === 'delete') return 'the topic is compacted no more'
    return undefined
  }

  private onFailure(partition: Partition, error: Error): void {
    if (error instanceof CleaningStopped || isTemporary(error) || partition.hasEnded) return
    if (error instanceof StorageError) {
      partition.fail(error)
      return
    }
    this.uncleanable.add(partition)
    this.options.onUncleanable?.(partition, error)
  }

  private breathing(): Breathing {
    return new Breathing(this.options.clock, this.options.nextTurn)
  }
}

/** Where recovery could begin with all that is known of producers; asks for the sync that would move it. */
function recoverableFrom(partition: Partition, { log, files }: PartitionParts): bigint {
  if (partition.config.durability === 'memory') return log.endOffset
  const { durableEndOffset } = partition
  const segments = log.describeSegments()
  // The newest segment is not cleaned, and need not be synced for it.
  if (durableEndOffset < (segments.at(-1)?.baseOffset ?? 0n)) partition.requestSync()
  return files.recoverableFrom(durableEndOffset, segments) ?? 0n
}

function producersOf({ producers }: PartitionParts): ReadonlyMap<bigint, LastOfProducer> {
  const last = new Map<bigint, LastOfProducer>()
  for (const { producerId, producerEpoch, batches } of producers.allEntries()) {
    last.set(producerId, { producerEpoch, lastDataOffset: batches.at(-1)?.lastOffset })
  }
  return last
}
