// Whether indexes say what their log has. They carry no checksum, so what was read from a file counts only where the
// log's batches agree with it: each question here reads the few of them that can tell.

import {
  isControlBatch,
  lastOffsetOf,
  maxTimestampOf,
  producerIdOf,
} from '../protocol/record-batch/header.ts'
import type { StorageFile } from '../storage/storage.ts'
import { type ScanEnd, scanBatches } from './batch-scan.ts'
import type { SegmentIndex } from './segment-index.ts'
import type { AbortedTransaction } from './txn-index.ts'

const TAIL_BLOCK_BYTES = 64 * 1024
const INDEX_TAIL_INTERVALS = 16

/** The log of one segment. */
export interface IndexedLog {
  file: StorageFile
  baseOffset: bigint
  gapsAllowed: boolean
  indexIntervalBytes: number
}

/** Compares with the log's tail, which the indexes must describe to its end: where that is, undefined where not. */
export function endByIndex(log: IndexedLog, { offsets, times }: SegmentIndex): ScanEnd | undefined {
  let first = true
  let agrees = offsets.entryCount > 0
  const lastIndexed = agrees ? offsets.relativeOffsetAt(offsets.entryCount - 1) : -1
  // Far more log than an interval without an entry: the index was cut.
  const farthest = offsets.lastPosition + INDEX_TAIL_INTERVALS * log.indexIntervalBytes
  const end = scanBatches(tailOf(log, offsets.lastPosition), (buffer, at, position) => {
    if (first && Number(lastOffsetOf(buffer, at) - log.baseOffset) !== lastIndexed) agrees = false
    first = false
    if (maxTimestampOf(buffer, at) > times.lastTimestamp || position > farthest) agrees = false
    return agrees
  })
  return agrees && end.problem === undefined ? end : undefined
}

/** Whether the batch that a time index entry names ends at its offset and has its timestamp. */
export function holdsTimeEntry(log: IndexedLog, index: SegmentIndex, entry: number): boolean {
  const relativeOffset = index.times.relativeOffsetAt(entry)
  const timestamp = index.times.timestampAt(entry)
  return holdsBatch(log, index, relativeOffset, (buffer, at) => maxTimestampOf(buffer, at) === timestamp)
}

/** Whether the marker stands there that an entry of the transaction index names. */
export function holdsMarker(log: IndexedLog, index: SegmentIndex, entry: AbortedTransaction): boolean {
  const relativeOffset = Number(entry.lastOffset - log.baseOffset)
  return holdsBatch(
    log,
    index,
    relativeOffset,
    (buffer, at) => isControlBatch(buffer, at) && producerIdOf(buffer, at) === entry.producerId,
  )
}

/** The timestamp of the first batch; undefined where there is none. */
export function firstTimestampOf(log: IndexedLog): bigint | undefined {
  let timestamp: bigint | undefined
  scanBatches(tailOf(log, 0), (buffer, at) => {
    timestamp = maxTimestampOf(buffer, at)
    return false
  })
  return timestamp
}

/** Whether the batch that holds the offset ends with it, and is the one that is meant. */
function holdsBatch(
  log: IndexedLog,
  { offsets }: SegmentIndex,
  relativeOffset: number,
  isMeant: (buffer: Buffer, at: number) => boolean,
): boolean {
  const start = offsets.lookup(relativeOffset)
  let found = false
  scanBatches(tailOf(log, start < 0 ? 0 : offsets.positionAt(start)), (buffer, at) => {
    const lastOffset = Number(lastOffsetOf(buffer, at) - log.baseOffset)
    if (lastOffset < relativeOffset) return true
    found = lastOffset === relativeOffset && isMeant(buffer, at)
    return false
  })
  return found
}

function tailOf({ file, gapsAllowed }: IndexedLog, from: number) {
  return {
    file,
    from,
    expectedOffset: undefined,
    gapsAllowed,
    checkCrc: false,
    blockBytes: TAIL_BLOCK_BYTES,
  }
}
