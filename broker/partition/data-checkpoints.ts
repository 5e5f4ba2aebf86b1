// The checkpoint files of a data directory: per partition the recovery point, the log start offset, the high
// watermark, and of those that were ever compacted how far they are clean. An entry of a partition that is not
// open (yet) is kept as it was read.
// Rules kept: a recovery point is written only for what is durable, side files included; a folder made
// anew never finds the entry of the one before it.

import {
  CLEANER_OFFSET_FILE,
  LOG_START_OFFSET_FILE,
  RECOVERY_POINT_FILE,
  REPLICATION_OFFSET_FILE,
} from '../log/names.ts'
import { decodeOffsetCheckpoint, encodeOffsetCheckpoint } from '../log/offset-checkpoints.ts'
import type { Storage } from '../storage/storage.ts'
import type { Partition } from './partition.ts'

const FILES = [
  RECOVERY_POINT_FILE,
  LOG_START_OFFSET_FILE,
  REPLICATION_OFFSET_FILE,
  CLEANER_OFFSET_FILE,
] as const
export type CheckpointFile = (typeof FILES)[number]

interface Entry {
  topic: string
  partition: number
  offset: bigint
}

export class DataCheckpoints {
  private readonly storage: Storage
  private readonly known = new Map<CheckpointFile, Map<string, Entry>>()
  private readonly written = new Map<CheckpointFile, string>()
  /** Files that name a partition which was forgotten. */
  private readonly stale = new Set<CheckpointFile>()
  private writing: Promise<void> = Promise.resolve()

  /** A missing or damaged file knows nothing: every log is then recovered as a whole. */
  constructor(storage: Storage) {
    this.storage = storage
    for (const file of FILES) {
      const bytes = storage.readFile(file)
      const entries = (bytes === undefined ? undefined : decodeOffsetCheckpoint(bytes)) ?? []
      this.known.set(file, new Map(entries.map((entry) => [keyOf(entry.topic, entry.partition), entry])))
      // Where nothing is compacted there is no such file.
      if (bytes === undefined && file === CLEANER_OFFSET_FILE) {
        this.written.set(file, encodeOffsetCheckpoint([]).toString('latin1'))
      }
    }
  }

  recoveryPoint(topic: string, partition: number): bigint {
    return this.known.get(RECOVERY_POINT_FILE)?.get(keyOf(topic, partition))?.offset ?? 0n
  }

  logStartOffset(topic: string, partition: number): bigint {
    return this.known.get(LOG_START_OFFSET_FILE)?.get(keyOf(topic, partition))?.offset ?? 0n
  }

  /** What lies below is clean; undefined where the cleaner has never been there. */
  cleanOffset(topic: string, partition: number): bigint | undefined {
    return this.known.get(CLEANER_OFFSET_FILE)?.get(keyOf(topic, partition))?.offset
  }

  setCleanOffset(topic: string, partition: number, offset: bigint): void {
    this.set(CLEANER_OFFSET_FILE, topic, partition, offset)
  }

  /** Forgets a partition in memory; returns whether a file may still name it: then write() before it is made anew. */
  forget(topic: string, partition: number): boolean {
    const key = keyOf(topic, partition)
    for (const file of FILES) if (this.known.get(file)?.delete(key) === true) this.stale.add(file)
    return this.stale.size > 0
  }

  /** Writes the files that have changed. Writes of one file never overlap. Rejects with StorageError. */
  write(partitions: Iterable<Partition>, files: readonly CheckpointFile[] = FILES): Promise<void> {
    const written = this.writing.then(async () => {
      const noted = [...partitions]
      for (const partition of noted) await this.note(partition)
      for (const file of files) await this.writeFile(file)
      if (!files.includes(RECOVERY_POINT_FILE)) return
      for (const { topic, index, parts } of noted) {
        if (parts !== undefined) parts.files.checkpointedRecoveryPoint = this.recoveryPoint(topic, index)
      }
    })
    this.writing = written.catch(() => {})
    return written
  }

  private async note(partition: Partition): Promise<void> {
    const { parts, topic, index } = partition
    if (parts === undefined || partition.isOffline) return
    const { recoveryPoint } = parts.log
    const { highWatermark } = partition
    // Where a log is not synced by itself, more may have been deleted than is durable: a start beyond the
    // end that a power cut leaves would make the log look damaged.
    const logStartOffset = parts.log.logStartOffset < recoveryPoint ? parts.log.logStartOffset : recoveryPoint
    // A recovery that starts at this point does not look at what the side files below it have to say.
    if (!(await parts.files.settled())) return
    this.set(RECOVERY_POINT_FILE, topic, index, recoveryPoint)
    this.set(LOG_START_OFFSET_FILE, topic, index, logStartOffset)
    this.set(REPLICATION_OFFSET_FILE, topic, index, highWatermark)
  }

  private set(file: CheckpointFile, topic: string, partition: number, offset: bigint): void {
    this.known.get(file)?.set(keyOf(topic, partition), { topic, partition, offset })
  }

  private async writeFile(file: CheckpointFile): Promise<void> {
    const content = encodeOffsetCheckpoint([...(this.known.get(file)?.values() ?? [])])
    const text = content.toString('latin1')
    const isStale = this.stale.delete(file)
    if (this.written.get(file) === text) return
    try {
      await this.storage.replaceFile(file, content)
    } catch (error) {
      if (isStale) this.stale.add(file)
      throw error
    }
    this.written.set(file, text)
  }
}

function keyOf(topic: string, partition: number): string {
  return `${topic}-${partition}`
}
