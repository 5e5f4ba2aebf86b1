// Opens what a partition's folder holds: removes what an interrupted operation left, opens the segments in
// order, and after an unclean stop has recover.ts check those that may not have been synced whole.

import { readBatchHeader } from '../protocol/record-batch/header.ts'
import type { Storage } from '../storage/storage.ts'
import { CorruptLogError } from '../storage/storage.ts'
import { hasFailedSync, writeAgain } from './failed-sync.ts'
import type { LogOpenOptions } from './log-config.ts'
import { recoverSwaps } from './compaction/swap.ts'
import { isLeftover, LOG_SUFFIX, SNAPSHOT_SUFFIX, segmentOfFileName } from './names.ts'
import { recoverSegments } from './recover.ts'
import type { NewSegments } from './new-segments.ts'
import { Segment, UNKNOWN_END } from './segment.ts'

export interface LoadedLog {
  /** At least one; the last accepts writes. */
  segments: Segment[]
  /** Names in the folder, or the folder's own, were changed and are not synced. */
  namesChanged: boolean
  /** What is known to be on the device. */
  durableEndOffset: bigint
  /** Segments whose bytes may be in the page cache only. */
  unsynced: Segment[]
}

export function loadLog(
  storage: Storage,
  directory: string,
  options: LogOpenOptions,
  newSegments: NewSegments,
): LoadedLog {
  storage.makeDirectory(directory)
  const wasSwapping = recoverSwaps(storage, directory)
  const bases = tidy(storage, directory)
  const first = bases[0]
  if (first === undefined) {
    if (options.recoveryPoint > options.logStartOffset) {
      throw new CorruptLogError(
        directory,
        0,
        `no segment, but offsets below ${options.recoveryPoint} were synced`,
      )
    }
    const segment = newSegments.create(options.logStartOffset)
    return { segments: [segment], namesChanged: true, durableEndOffset: options.logStartOffset, unsynced: [] }
  }
  const segments = bases.map((base, i) =>
    Segment.openExisting(newSegments.placeOf(base), bases[i + 1] ?? UNKNOWN_END),
  )
  try {
    if (!options.cleanShutdown) return loadUnclean(segments, first, newSegments, options)
    return { ...loadClean(segments, options), namesChanged: wasSwapping }
  } catch (error) {
    for (const segment of segments) segment.close()
    throw error
  }
}

/** All was synced, so the newest segment must end where its batches do, above all that was checkpointed. */
function loadClean(segments: Segment[], { recoveryPoint, logStartOffset }: LogOpenOptions): LoadedLog {
  const newest = segments[segments.length - 1] as Segment
  const { nextOffset } = touch(newest)
  assertReaches(newest, recoveryPoint > logStartOffset ? recoveryPoint : logStartOffset)
  return { segments, namesChanged: false, durableEndOffset: nextOffset, unsynced: [] }
}

function loadUnclean(
  segments: Segment[],
  firstBase: bigint,
  newSegments: NewSegments,
  options: LogOpenOptions,
): LoadedLog {
  const { recoveryPoint, logStartOffset, onRecoveredBatch, onTailCut } = options
  // A segment that ends at or below the recovery point was synced whole, indexes included.
  const from = segments.findIndex(
    ({ nextOffset }) => nextOffset === UNKNOWN_END || nextOffset > recoveryPoint,
  )
  const { storage, directory, gapsAllowed } = newSegments.placeOf(firstBase)
  const kept = recoverSegments(segments.slice(from), {
    recoveryPoint,
    gapsAllowed,
    onTailCut,
    onBatch: onRecoveredBatch && ((buffer, at) => onRecoveredBatch(readBatchHeader(buffer, at), buffer, at)),
  })
  if (hasFailedSync(storage, directory)) for (const { file } of kept) writeAgain(file)
  const all = [...segments.slice(0, from), ...kept]
  const newest = all[all.length - 1] as Segment
  assertReaches(newest, recoveryPoint)
  if (newest.nextOffset < logStartOffset) return startAnew(all, logStartOffset, newSegments, onTailCut)
  const durableEndOffset = recoveryPoint > firstBase ? recoveryPoint : firstBase
  return { segments: all, namesChanged: true, durableEndOffset, unsynced: kept }
}

/**
 * Records were deleted that had never been synced, and the power cut took them: nothing is left that anyone
 * may read. The log goes on where it started, so that no offset is given out twice. Source: Kafka's LogLoader.
 */
function startAnew(
  segments: Segment[],
  logStartOffset: bigint,
  newSegments: NewSegments,
  onTailCut: LogOpenOptions['onTailCut'],
): LoadedLog {
  const newest = segments[segments.length - 1] as Segment
  let bytesCut = 0
  for (const segment of [...segments].reverse()) {
    bytesCut += segment.sizeInBytes
    segment.markDeleted()
  }
  const reason = `ends before offset ${newest.nextOffset}; the log starts at ${logStartOffset}`
  onTailCut?.({ file: newest.file.path, position: 0, bytesCut, reason })
  const segment = newSegments.create(logStartOffset)
  return { segments: [segment], namesChanged: true, durableEndOffset: logStartOffset, unsynced: [] }
}

function assertReaches(newest: Segment, synced: bigint): void {
  if (newest.nextOffset >= synced) return
  throw new CorruptLogError(
    newest.file.path,
    newest.sizeInBytes,
    `the log ends before offset ${newest.nextOffset}, but offsets below ${synced} were synced`,
  )
}

/** Loads the indexes, which sets nextOffset. */
function touch(segment: Segment): Segment {
  void segment.index
  return segment
}

/** Removes left-overs and files without a segment; returns the base offsets in order. */
function tidy(storage: Storage, directory: string): bigint[] {
  const bases = new Set<bigint>()
  const names = storage.list(directory).filter((entry) => !entry.isDirectory)
  for (const { name } of names) {
    const file = segmentOfFileName(name)
    if (file?.suffix === LOG_SUFFIX) bases.add(file.baseOffset)
  }
  for (const { name } of names) {
    const file = segmentOfFileName(name)
    // Producer snapshots are named by any offset, also by ones that begin no segment.
    const isOrphan = file !== undefined && file.suffix !== SNAPSHOT_SUFFIX && !bases.has(file.baseOffset)
    if (isOrphan || isLeftover(name)) storage.removeFile(`${directory}/${name}`)
  }
  return [...bases].sort((a, b) => (a < b ? -1 : 1))
}
