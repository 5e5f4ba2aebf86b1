// Makes partitions of what the controller assigns and the disk has: finds their folders, makes those that are
// missing, and has each log recovered. One that cannot be opened or made is offline, not missing.
// Rule kept: a log that is made anew never meets the checkpoints of an earlier one of its name.

import { partitionDirectoryName } from '../log/names.ts'
import type { TailCut } from '../log/log-config.ts'
import { type Storage, StorageError } from '../storage/storage.ts'
import type { Breathing } from '../time/breathing.ts'
import type { DataCheckpoints } from './data-checkpoints.ts'
import { openPartition } from './open-partition.ts'
import { Partition } from './partition.ts'
import type { PartitionAssignment } from './partition-api.ts'
import type { PartitionFolders } from './partition-folders.ts'
import type { PartitionContext } from './partition-parts.ts'

export interface PartitionOpenerOptions {
  storage: Storage
  folders: PartitionFolders
  checkpoints: DataCheckpoints
  /** Of every partition. */
  context: PartitionContext
  /** The directory was closed in order. */
  cleanShutdown: boolean
  /** producer.id.expiration.ms */
  producerIdExpirationMs: number
  /** It is this late at least; undefined: nobody knows. */
  earliestMs: () => number | undefined
  breathing: () => Breathing
  writeCheckpoints: () => Promise<void>
  /** The failure of storage, where there is one: it takes the directory offline, unless only room was wanting. */
  attempt: <T>(act: () => T | Promise<T>) => Promise<T | StorageError>
  onTailCut?: (cut: TailCut) => void
}

export class PartitionOpener {
  private readonly options: PartitionOpenerOptions

  constructor(options: PartitionOpenerOptions) {
    this.options = options
  }

  async openAll(wanted: readonly PartitionAssignment[]): Promise<Partition[]> {
    const { attempt, checkpoints, folders, writeCheckpoints } = this.options
    const breathing = this.options.breathing()
    const found = await breathing.all(wanted, (assignment) => attempt(() => folders.find(assignment)))
    // The old recovery point of a name that is used again would call the new log damaged: it goes first.
    const stale = wanted.map(
      ({ topic, partition }, i) => found[i] === false && checkpoints.forget(topic, partition),
    )
    const written = stale.includes(true) ? await attempt(writeCheckpoints) : undefined
    return breathing.all(wanted, (assignment, i) =>
      this.open(assignment, stale[i] === true ? (written ?? false) : (found[i] ?? false)),
    )
  }

  /** `found`: whether it has a folder, or why that cannot be told. */
  private async open(assignment: PartitionAssignment, found: boolean | StorageError): Promise<Partition> {
    const { attempt, checkpoints, context, folders, onTailCut } = this.options
    const { topic, partition } = assignment
    const made = found instanceof StorageError ? found : await attempt(() => folders.make(assignment))
    if (made instanceof StorageError) return new Partition(assignment, context, made)
    return openPartition(assignment, context, {
      storage: this.options.storage,
      directory: partitionDirectoryName(topic, partition),
      recoveryPoint: found === false ? 0n : checkpoints.recoveryPoint(topic, partition),
      logStartOffset: found === false ? 0n : checkpoints.logStartOffset(topic, partition),
      cleanShutdown: found === false || this.options.cleanShutdown,
      wasCompacted: found !== false && checkpoints.cleanOffset(topic, partition) !== undefined,
      earliestMs: this.options.earliestMs(),
      producerIdExpirationMs: this.options.producerIdExpirationMs,
      ...(onTailCut === undefined ? {} : { onTailCut }),
    })
  }
}
