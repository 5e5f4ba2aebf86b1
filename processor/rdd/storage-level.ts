// How computed rows are held: Spark's names. Rows are held once, on this machine, so the replicated levels (…_2) have
// no meaning here and are refused.
//
//    MEMORY_ONLY, MEMORY_ONLY_SER            the rows themselves: a process has no use for them as bytes
//    OFF_HEAP                                bytes outside of the JavaScript heap
//    MEMORY_AND_DISK, MEMORY_AND_DISK_SER    rows up to MEMORY_BYTES a partition, the others as bytes in a file
//    DISK_ONLY                               bytes in a file
//
// What is held as bytes must be plain data.

import {
  FileBlocks,
  type HeldRows,
  MemoryBlocks,
  MemoryBudget,
  RowsAsBytes,
  RowsInMemory,
  RowsThenBytes,
} from './held-rows.ts'
import type { SpillFile } from './spill-file.ts'

const LEVELS = [
  'NONE',
  'MEMORY_ONLY',
  'MEMORY_ONLY_SER',
  'MEMORY_AND_DISK',
  'MEMORY_AND_DISK_SER',
  'DISK_ONLY',
  'OFF_HEAP',
] as const
export type StorageLevel = (typeof LEVELS)[number]

/** Throws TypeError. */
export function checkStorageLevel(level: string): asserts level is StorageLevel {
  if ((LEVELS as readonly string[]).includes(level)) return
  const replicated = /_[23]$/.test(level) ? ': rows are held once, on this machine' : ''
  throw new TypeError(`storage level ${level}${replicated}; there are ${LEVELS.join(', ')}`)
}

/** Of rows that a partition keeps in memory under MEMORY_AND_DISK. */
const MEMORY_BYTES = 64 * 1024 * 1024

/** The rows of one partition. `operator` is named where a row is no plain data; `open` makes the file. */
export function holding<T>(level: StorageLevel, operator: string, open: () => SpillFile): HeldRows<T> {
  switch (level) {
    case 'DISK_ONLY':
      return new RowsAsBytes<T>(operator, new FileBlocks(open))
    case 'OFF_HEAP':
      return new RowsAsBytes<T>(operator, new MemoryBlocks())
    case 'MEMORY_AND_DISK':
    case 'MEMORY_AND_DISK_SER':
      return new RowsThenBytes<T>(operator, new MemoryBudget(MEMORY_BYTES), () => new FileBlocks(open))
    default:
      return new RowsInMemory<T>()
  }
}
