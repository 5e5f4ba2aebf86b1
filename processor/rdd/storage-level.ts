// How computed rows are held: Spark's names. Rows are held once, on this machine, so the replicated levels have no
// meaning here and are refused.

/** The levels that hold rows in memory. Rows are objects of the process, so `_SER` is the same as without. */
export type StorageLevel = 'NONE' | 'MEMORY_ONLY' | 'MEMORY_ONLY_SER'

export function checkStorageLevel(level: string): asserts level is StorageLevel {
  if (level === 'NONE' || level === 'MEMORY_ONLY' || level === 'MEMORY_ONLY_SER') return
  throw new TypeError(`storage level ${level}: rows are held in memory; use MEMORY_ONLY`)
}
