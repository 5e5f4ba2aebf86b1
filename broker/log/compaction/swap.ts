// Putting a cleaned segment in the place of those it was made of, so that a crash at any moment leaves either the
// old ones or the new one. The cleaned files are whole before the first of them is renamed.
//
//   step                                   on disk after it                      the next start
//   1  .cleaned written, names synced too  old segments, .cleaned                removes .cleaned
//   2  .cleaned becomes .swap              old segments, .cleaned and .swap      removes both while a .cleaned is left
//   3  folder synced                       old segments, .swap                   goes on with 4
//   4  old files become .deleted           .swap, some old segments              removes what is left of them, then 5
//   5  .swap files lose their ending       the new segment, .deleted             removes .deleted
//
// Steps 4 and 5 are one synchronous call: readers in this process see them as one.
// Source: Kafka's LocalLog.replaceSegments, LogLoader.

import { CorruptLogError, type Storage, StorageError } from '../../storage/storage.ts'
import { scanBatches } from '../batch-scan.ts'
import {
  CLEANED_SUFFIX,
  DELETED_SUFFIX,
  LOG_SUFFIX,
  offsetOfFileName,
  OFFSET_INDEX_SUFFIX,
  SNAPSHOT_SUFFIX,
  SWAP_SUFFIX,
  segmentFileName,
  segmentOfFileName,
  TIME_INDEX_SUFFIX,
  TXN_INDEX_SUFFIX,
} from '../names.ts'

/** The log first: once it has its name, the indexes beside it can only be missing, never an older log's. */
const SWAPPED_SUFFIXES = [LOG_SUFFIX, OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX]

interface Renaming {
  from: string
  to: string
}

/** Step 2. Where it throws, all is as before. */
export function beginSwap(storage: Storage, directory: string, baseOffset: bigint): void {
  renameAll(storage, renamings(storage, directory, baseOffset, CLEANED_SUFFIX, SWAP_SUFFIX))
}

/** Steps 4 and 5, and whatever `then` does. Where it throws, all is as before. */
export function finishSwap<T>(
  storage: Storage,
  directory: string,
  baseOffset: bigint,
  oldBaseOffsets: readonly bigint[],
  then: () => T,
): T {
  const out = oldBaseOffsets.flatMap((base) => renamings(storage, directory, base, '', DELETED_SUFFIX))
  return renameAll(storage, [...out, ...renamings(storage, directory, baseOffset, SWAP_SUFFIX, '')], then)
}

/** The swap is given up: removes what there is of the cleaned files, under either name. */
export function dropCleaned(storage: Storage, directory: string, baseOffset: bigint): void {
  // .swap goes while a .cleaned may be left: the order that a start relies on.
  for (const ending of [SWAP_SUFFIX, CLEANED_SUFFIX]) {
    for (const suffix of SWAPPED_SUFFIXES) {
      const path = `${directory}/${segmentFileName(baseOffset, suffix)}${ending}`
      if (storage.exists(path)) storage.removeFile(path)
    }
  }
}

/** What broken runs have left in the folder. */
export function dropAllCleaned(storage: Storage, directory: string): void {
  const names = storage.list(directory).map(({ name }) => name)
  for (const { baseOffset } of [...endingIn(names, SWAP_SUFFIX), ...endingIn(names, CLEANED_SUFFIX)]) {
    dropCleaned(storage, directory, baseOffset)
  }
}

/** At opening, before anything else is looked at. Returns whether names were changed. */
export function recoverSwaps(storage: Storage, directory: string): boolean {
  const names = storage
    .list(directory)
    .filter((entry) => !entry.isDirectory)
    .map(({ name }) => name)
  const cleaned = endingIn(names, CLEANED_SUFFIX)
  const swaps = endingIn(names, SWAP_SUFFIX)
  const firstCleaned = cleaned.reduce<bigint | undefined>(
    (first, { baseOffset }) => (first === undefined || baseOffset < first ? baseOffset : first),
    undefined,
  )
  const isBroken = ({ baseOffset }: SwapFile): boolean =>
    firstCleaned !== undefined && baseOffset >= firstCleaned
  const broken = swaps.filter(isBroken)
  for (const { name } of [...broken, ...cleaned]) storage.removeFile(`${directory}/${name}`)
  const whole = swaps.filter((file) => !isBroken(file))
  removeReplaced(storage, directory, names, whole)
  for (const suffix of SWAPPED_SUFFIXES) {
    for (const { name } of whole.filter((file) => file.suffix === suffix)) {
      storage.rename(`${directory}/${name}`, `${directory}/${name.slice(0, -SWAP_SUFFIX.length)}`)
    }
  }
  return cleaned.length > 0 || swaps.length > 0
}

interface SwapFile {
  name: string
  baseOffset: bigint
  suffix: string
}

function endingIn(names: readonly string[], ending: string): SwapFile[] {
  return names.flatMap((name) => {
    if (!name.endsWith(ending)) return []
    const file = segmentOfFileName(name.slice(0, -ending.length))
    return file === undefined ? [] : [{ name, ...file }]
  })
}

/** What the whole swapped logs took the place of. Producer snapshots are not part of a swap. */
function removeReplaced(
  storage: Storage,
  directory: string,
  names: readonly string[],
  swaps: readonly SwapFile[],
): void {
  const logs = swaps.filter(({ suffix }) => suffix === LOG_SUFFIX)
  if (logs.length === 0) return
  const ranges = logs.map(({ name, baseOffset }) => ({
    from: baseOffset,
    until: endOfLog(storage, `${directory}/${name}`, baseOffset),
  }))
  for (const name of names) {
    const file = segmentOfFileName(name)
    if (file === undefined || offsetOfFileName(name, SNAPSHOT_SUFFIX) !== undefined) continue
    const isReplaced = ranges.some(({ from, until }) => file.baseOffset >= from && file.baseOffset < until)
    if (isReplaced) storage.removeFile(`${directory}/${name}`)
  }
}

/** After the last batch; at least the base's own files are replaced. Nothing is, by a file that is damaged. */
function endOfLog(storage: Storage, path: string, baseOffset: bigint): bigint {
  const file = storage.open(path)
  try {
    const end = scanBatches(
      { file, from: 0, expectedOffset: baseOffset, gapsAllowed: true, checkCrc: true },
      () => {},
    )
    if (end.problem !== undefined) throw new CorruptLogError(path, end.position, end.problem)
    return end.nextOffset > baseOffset ? end.nextOffset : baseOffset + 1n
  } finally {
    file.close()
  }
}

function renamings(
  storage: Storage,
  directory: string,
  baseOffset: bigint,
  fromEnding: string,
  toEnding: string,
): Renaming[] {
  return SWAPPED_SUFFIXES.flatMap((suffix) => {
    const path = `${directory}/${segmentFileName(baseOffset, suffix)}`
    return storage.exists(path + fromEnding) ? [{ from: path + fromEnding, to: path + toEnding }] : []
  })
}

/** All of them and `then`, or none: what was done is undone, and where that fails the storage has failed. */
function renameAll(storage: Storage, all: readonly Renaming[]): void
function renameAll<T>(storage: Storage, all: readonly Renaming[], then: () => T): T
function renameAll<T>(storage: Storage, all: readonly Renaming[], then?: () => T): T | undefined {
  const done: Renaming[] = []
  try {
    for (const one of all) {
      storage.rename(one.from, one.to)
      done.push(one)
    }
    return then?.()
  } catch (error) {
    for (const { from, to } of done.reverse()) {
      try {
        storage.rename(to, from)
      } catch (cause) {
        throw new StorageError(to, `cannot undo a renaming: ${String(cause)}`, { cause: error })
      }
    }
    throw error
  }
}
