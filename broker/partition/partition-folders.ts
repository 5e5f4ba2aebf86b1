// The folders of a data directory: which of them is a partition's, how one is made, set aside, taken away.
//
//   <topic>-<n>                      of the topic that its partition.metadata names
//   <topic>-<n>.<topic id>-delete    deleted, its files are going
//   <topic>-<n>.<topic id>-stray     set aside: of a topic that is not there any more
//
// Rule kept: a folder whose topic id is not the expected one is set aside, never opened and never removed.

import {
  deletedDirectoryName,
  isDeletedDirectoryName,
  METADATA_DIRECTORY,
  PARTITION_METADATA_FILE,
  parsePartitionDirectoryName,
  partitionDirectoryName,
} from '../log/names.ts'
import { decodePartitionMetadata, encodePartitionMetadata } from '../log/partition-metadata.ts'
import type { Storage } from '../storage/storage.ts'

export interface PartitionFolder {
  topic: string
  partition: number
  topicId: string
}

const UNKNOWN_ID = '0'.repeat(32)

export class PartitionFolders {
  private readonly storage: Storage

  constructor(storage: Storage) {
    this.storage = storage
  }

  /** Whether anything of an earlier process is here. */
  hasPartitions(): boolean {
    return this.storage
      .list('')
      .some(({ name }) => name !== METADATA_DIRECTORY && parsePartitionDirectoryName(name) !== undefined)
  }

  /** Finishes deletions that were interrupted. */
  removeDeleted(): void {
    for (const { name, isDirectory } of this.storage.list('')) {
      if (isDirectory && isDeletedDirectoryName(name)) this.storage.removeDirectory(name)
    }
  }

  /** Whether there is a folder of this topic. One of another topic of that name is set aside. */
  find({ topic, partition, topicId }: PartitionFolder): boolean {
    if (!this.storage.exists(partitionDirectoryName(topic, partition))) return false
    const found = this.topicIdIn(topic, partition)
    // A lost or torn file says nothing; strays are set aside at start, so it can only be this topic's.
    if (found === undefined || found === topicId) return true
    this.setAside(topic, partition)
    return false
  }

  /** Makes the folder where there is none, and has it say whose it is. */
  make({ topic, partition, topicId }: PartitionFolder): void {
    const directory = partitionDirectoryName(topic, partition)
    this.storage.makeDirectory(directory)
    if (this.topicIdIn(topic, partition) === topicId) return
    this.storage.replaceFileUnsynced(
      `${directory}/${PARTITION_METADATA_FILE}`,
      encodePartitionMetadata(topicId),
    )
  }

  /** Names of all folders that are not among the open ones: set aside, or of topics nobody knows. */
  strays(open: ReadonlySet<string>): string[] {
    return this.storage
      .list('')
      .filter(({ name, isDirectory }) => isDirectory && !isDeletedDirectoryName(name))
      .map(({ name }) => name)
      .filter((name) => name !== METADATA_DIRECTORY && !open.has(name))
  }

  /** Those of them that still have a partition's name get another. Returns the new names; nothing is synced. */
  setAsideStrays(open: ReadonlySet<string>): string[] {
    return this.strays(open).flatMap((name) => {
      const parsed = parsePartitionDirectoryName(name)
      return parsed === undefined ? [] : [this.setAside(parsed.topic, parsed.partition)]
    })
  }

  /** Gives the folder the name of a deleted one; undefined where there is none. */
  markDeleted({ topic, partition, topicId }: PartitionFolder): string | undefined {
    const from = partitionDirectoryName(topic, partition)
    if (!this.storage.exists(from)) return undefined
    const to = deletedDirectoryName(topic, partition, topicId)
    this.storage.rename(from, to)
    return to
  }

  private topicIdIn(topic: string, partition: number): string | undefined {
    const path = `${partitionDirectoryName(topic, partition)}/${PARTITION_METADATA_FILE}`
    const bytes = this.storage.readFile(path)
    return bytes === undefined ? undefined : decodePartitionMetadata(bytes)
  }

  /** As Kafka marks a stray folder; it is kept for a person to look at. */
  private setAside(topic: string, partition: number): string {
    let to = strayName(topic, partition, this.topicIdIn(topic, partition) ?? UNKNOWN_ID)
    for (let again = 1; this.storage.exists(to); again++) {
      to = strayName(topic, partition, again.toString(16).padStart(32, '0'))
    }
    this.storage.rename(partitionDirectoryName(topic, partition), to)
    return to
  }
}

function strayName(topic: string, partition: number, uniqueHex: string): string {
  const suffix = `-${partition}.${uniqueHex}-stray`
  return topic.slice(0, 255 - suffix.length) + suffix
}
