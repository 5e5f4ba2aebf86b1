// What DescribeLogDirs and AlterReplicaLogDirs see of the one data directory.

import type { ErrorCode } from '../protocol/errors.ts'

export interface LogDirectory {
  /** Its absolute path; `memory` where nothing is on a disk. */
  readonly path: string
  /** A disk operation has failed: the directory is of no use until a restart. */
  readonly isOffline: boolean
  /** Of the file system, in bytes; undefined where that cannot be told. */
  capacity(): { totalBytes: bigint; usableBytes: bigint } | undefined
  /** Every log that lies in it. */
  logs(): Iterable<{ topic: string; partition: number; sizeInBytes: number }>
  /** NONE where the partition's log is here and in order, otherwise why it cannot be moved. */
  placeOf(topic: string, partition: number): ErrorCode
}
