// Opens what a partition's folder holds: removes what an interrupted operation left, opens the segments in
// order, and after an unclean stop has recover.ts check those that may not have been synced whole.

import { readBatchHeader } from '../protocol/record-batch/header.ts'
import type { Storage } from '../storage/storage.ts'
import { CorruptLogError } from '../storage/storage.ts'
import type { LogConfig, LogOpenOptions } from './log-config.ts'
import { isLeftover, LOG_SUFFIX, SNAPSHOT_SUFFIX, SWAP_SUFFIX, segmentOfFileName } from './names.ts'
import { recoverSegments } from './recover.ts'
import type { SegmentPlace } from './segment.ts'
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
  config: LogConfig,
  options: LogOpenOptions,
): LoadedLog {
  const place = (baseOffset: bigint): SegmentPlace => ({
    storage,
    directory,
    baseOffset,
    createdMs: options.clock.now(),
    indexIntervalBytes: config.indexIntervalBytes,
    gapsAllowed: config.gapsAllowed,
  })
  storage.makeDirectory(directory)
  const bases = tidy(storage, directory)
  // A raised log start offset was acknowledged, so all below it was synced too.
  const synced =
    options.recoveryPoint > options.logStartOffset ? options.recoveryPoint : options.logStartOffset
  const first = bases[0]
  if (first === undefined) {
    if (options.recoveryPoint > options.logStartOffset) {
      throw new CorruptLogError(
        directory,
        0,
        `no segment, but offsets below ${options.recoveryPoint} were synced`,
      )
    }
    const segment = Segment.create(place(options.logStartOffset))
    return { segments: [segment], namesChanged: true, durableEndOffset: options.logStartOffset, unsynced: [] }
  }
  const segments = bases.map((base, i) => Segment.openExisting(place(base), bases[i + 1] ?? UNKNOWN_END))
  try {
    return options.cleanShutdown
      ? loadClean(segments, synced)
      : loadUnclean(segments, synced, first, config, options)
  } catch (error) {
    for (const segment of segments) segment.close()
    throw error
  }
}

/** All was synced, so the newest segment must end where its batches do, at or above the recovery point. */
function loadClean(segments: Segment[], synced: bigint): LoadedLog {
  const newest = segments[segments.length - 1] as Segment
  const { nextOffset } = touch(newest)
  assertReaches(newest, synced)
  return { segments, namesChanged: false, durableEndOffset: nextOffset, unsynced: [] }
}

function loadUnclean(
  segments: Segment[],
  synced: bigint,
  firstBase: bigint,
  config: LogConfig,
  options: LogOpenOptions,
): LoadedLog {
  // A segment that ends at or below the recovery point was synced whole, indexes included.
  const from = segments.findIndex(
    (segment) => segment.nextOffset === UNKNOWN_END || segment.nextOffset > synced,
  )
  const { onRecoveredBatch } = options
  const kept = recoverSegments(segments.slice(from), {
    recoveryPoint: synced,
    gapsAllowed: config.gapsAllowed,
    onTailCut: options.onTailCut,
    onBatch: onRecoveredBatch && ((buffer, at) => onRecoveredBatch(readBatchHeader(buffer, at), buffer, at)),
  })
  const newest = kept[kept.length - 1] as Segment
  assertReaches(newest, synced)
  return {
    segments: [...segments.slice(0, from), ...kept],
    namesChanged: true,
    durableEndOffset: synced > firstBase ? synced : firstBase,
    unsynced: kept,
  }
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
    if (name.endsWith(SWAP_SUFFIX)) {
      throw new CorruptLogError(
        `${directory}/${name}`,
        0,
        'an unfinished compaction: open it with its broker first',
      )
    }
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
