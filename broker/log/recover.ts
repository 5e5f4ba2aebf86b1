// After an unclean stop: which bytes of the newest segments are kept. The rule, in order:
//
//   the log is bad at a place …                                           then
//   below the recovery point (it was synced, so this is damage)           CorruptLogError
//   above it, and from there on all is zero                               cut
//   above it, no valid batch follows in the file, and
//       no later segment has a batch                                      cut
//       a later one has, and the file is short (ends at a batch's end,
//       within a head, or within a batch whose checksum does not say that
//       only its length field is wrong)                                   cut, later segments go
//   above it, a valid batch follows, and before it lies a hole (zeroes that
//       fill a 512-byte sector where no batch can have them)              cut
//   anything else: a bad batch with valid ones behind it                  CorruptLogError
//
// Bytes that a completed fdatasync covered can be neither short nor a hole, so whatever is cut was never
// acknowledged; a flipped byte in acknowledged ones leaves valid batches behind it and is not cut. What is
// kept must be synced before it is acknowledged to anyone: the page cache may be all that has it.
//
// A known limit: above a stale recovery point, damage to a batch whose payload has an aligned sector of
// zeroes of its own looks like a hole. Checkpointing recovery points often keeps that window small.

import {
  ATTRIBUTES_AT,
  BATCH_OVERHEAD,
  baseOffsetOf,
  batchSizeInBytes,
  crcOf,
  isCrcValid,
  MAGIC_AT,
  MAGIC_V2,
} from '../protocol/record-batch/header.ts'
import { crc32c } from '../protocol/record-batch/crc32c.ts'
import type { StorageFile } from '../storage/storage.ts'
import { CorruptLogError } from '../storage/storage.ts'
import { headProblem } from './batch-frame.ts'
import type { ScanEnd } from './batch-scan.ts'
import { SCAN_BLOCK_BYTES } from './batch-scan.ts'
import type { TailCut } from './log-config.ts'
import type { Segment } from './segment.ts'

const SECTOR_BYTES = 512
/** A batch may well end in a few zeroes: in fewer than these the end of a file says nothing. */
const LEAST_HOLE_BYTES = 16
const MAX_RELATIVE_OFFSET = 0x7fffffffn

export interface RecoverOptions {
  recoveryPoint: bigint
  gapsAllowed: boolean
  onBatch?: (buffer: Buffer, at: number) => void
  onTailCut?: (cut: TailCut) => void
}

/**
 * Checks the given newest segments batch by batch and rebuilds their indexes; returns those that are kept.
 * The last of them is cut where the rule says so. Throws CorruptLogError where it says that.
 */
export function recoverSegments(segments: readonly Segment[], options: RecoverOptions): Segment[] {
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i] as Segment
    const end = segment.rebuild(true, options.onBatch)
    segment.aborted.reset()
    const nextOffset = segment.nextOffset
    const next = segments[i + 1]
    if (end.problem === undefined && (next === undefined || meets(nextOffset, next.baseOffset, options)))
      continue
    const problem = end.problem ?? `ends before offset ${nextOffset} where ${next?.baseOffset} was expected`
    if (nextOffset < options.recoveryPoint) {
      throw new CorruptLogError(
        segment.file.path,
        end.position,
        `${problem}; offsets below ${options.recoveryPoint} were synced`,
      )
    }
    const later = segments.slice(i + 1)
    const verdict = judgeTail(segment.file, end, nextOffset, later.some(beginsWithBatch))
    if (!verdict.cut)
      throw new CorruptLogError(segment.file.path, end.position, `${problem}; ${verdict.reason}`)
    cut(segment, end, later, `${problem}; ${verdict.reason}`, options)
    return segments.slice(0, i + 1)
  }
  return [...segments]
}

function meets(nextOffset: bigint, baseOffset: bigint, options: RecoverOptions): boolean {
  return nextOffset === baseOffset || (options.gapsAllowed && nextOffset < baseOffset)
}

function cut(
  segment: Segment,
  end: ScanEnd,
  later: readonly Segment[],
  reason: string,
  options: RecoverOptions,
): void {
  let bytesCut = segment.sizeInBytes - end.position
  // The newest go first, so that a crash in between leaves no hole.
  for (const one of [...later].reverse()) {
    bytesCut += one.sizeInBytes
    one.markDeleted()
  }
  if (segment.sizeInBytes > end.position) segment.file.truncate(end.position)
  if (bytesCut > 0 || later.length > 0) {
    options.onTailCut?.({ file: segment.file.path, position: end.position, bytesCut, reason })
  }
}

interface TailVerdict {
  cut: boolean
  reason: string
}

/** What to do about a place above the recovery point where no batch of `nextOffset` stands. */
function judgeTail(
  file: StorageFile,
  end: { position: number },
  nextOffset: bigint,
  laterSegmentsHaveBatches: boolean,
): TailVerdict {
  const { position } = end
  const size = file.sizeInBytes
  if (firstNonZero(file, position, size) === size && position < size) {
    if (!laterSegmentsHaveBatches || cannotBeginWithZeroes(size - position, nextOffset)) {
      return { cut: true, reason: 'the rest is zero' }
    }
  }
  const laterAt = findLaterBatch(file, position + 1, nextOffset)
  if (laterAt !== undefined) {
    return hasHole(file, position, laterAt, nextOffset)
      ? { cut: true, reason: `never written: a hole before the valid batch at byte ${laterAt}` }
      : { cut: false, reason: `a valid batch follows at byte ${laterAt}` }
  }
  if (!laterSegmentsHaveBatches) return { cut: true, reason: 'nothing valid follows' }
  if (isShort(file, position) || hasHole(file, position, size, nextOffset)) {
    return { cut: true, reason: 'the file is short of what was written' }
  }
  return { cut: false, reason: 'a later segment has valid batches' }
}

/** Whether the file ends before the batch at `position` does, and not just because its length field is damaged. */
function isShort(file: StorageFile, position: number): boolean {
  const left = file.sizeInBytes - position
  if (left < BATCH_OVERHEAD) return true
  const rest = Buffer.allocUnsafeSlow(left)
  if (file.read(rest, 0, left, position) < left) return true
  if (rest.readInt8(MAGIC_AT) !== MAGIC_V2 || batchSizeInBytes(rest, 0) <= left) return false
  return crc32c(rest, ATTRIBUTES_AT, left) !== crcOf(rest, 0)
}

function beginsWithBatch(segment: Segment): boolean {
  return segment.sizeInBytes >= BATCH_OVERHEAD && validBatchAt(segment.file, 0)
}

function validBatchAt(file: StorageFile, position: number): boolean {
  const left = file.sizeInBytes - position
  const head = Buffer.allocUnsafeSlow(BATCH_OVERHEAD)
  if (file.read(head, 0, BATCH_OVERHEAD, position) < BATCH_OVERHEAD) return false
  if (headProblem(head, 0, left) !== undefined) return false
  const batch = Buffer.allocUnsafeSlow(batchSizeInBytes(head, 0))
  return file.read(batch, 0, batch.length, position) === batch.length && isCrcValid(batch, 0)
}

/** The first place at or after `from` where a whole batch with a later offset stands, at any byte. */
function findLaterBatch(file: StorageFile, from: number, nextOffset: bigint): number | undefined {
  const size = file.sizeInBytes
  const block = Buffer.allocUnsafeSlow(Math.min(SCAN_BLOCK_BYTES, Math.max(BATCH_OVERHEAD, size - from)))
  for (let blockAt = from; size - blockAt >= BATCH_OVERHEAD; ) {
    const filled = file.read(block, 0, Math.min(block.length, size - blockAt), blockAt)
    if (filled < BATCH_OVERHEAD) return undefined
    const lastHead = filled - BATCH_OVERHEAD
    for (
      let magic = block.indexOf(MAGIC_V2, MAGIC_AT);
      magic >= 0;
      magic = block.indexOf(MAGIC_V2, magic + 1)
    ) {
      const at = magic - MAGIC_AT
      if (at > lastHead) break
      const baseOffset = baseOffsetOf(block, at)
      if (baseOffset < nextOffset || baseOffset > nextOffset + MAX_RELATIVE_OFFSET) continue
      if (validBatchAt(file, blockAt + at)) return blockAt + at
    }
    blockAt += lastHead + 1
  }
  return undefined
}

/**
 * Whether a sector of [from, until) is zero where batches are not: a whole one, what `from` leaves of the
 * first where a head cannot be zero, what the file's end leaves of the last.
 */
function hasHole(file: StorageFile, from: number, until: number, nextOffset: bigint): boolean {
  const fileEnd = file.sizeInBytes
  for (let start = from; start < until; ) {
    const sectorEnd = Math.min(fileEnd, (Math.floor(start / SECTOR_BYTES) + 1) * SECTOR_BYTES)
    // A later batch may begin in this very sector: the first bytes of its offset are zero in any case.
    const count = Math.min(sectorEnd, until) - start
    if (firstNonZero(file, start, sectorEnd) === sectorEnd) {
      const isBatchStart = start === from && start % SECTOR_BYTES !== 0
      if (isBatchStart ? cannotBeginWithZeroes(count, nextOffset) : count >= LEAST_HOLE_BYTES) return true
    }
    start = sectorEnd
  }
  return false
}

/** Whether that many zeroes contradict the head of the batch that must stand there. */
function cannotBeginWithZeroes(count: number, nextOffset: bigint): boolean {
  if (count > MAGIC_AT) return true
  const offset = Buffer.alloc(8)
  offset.writeBigInt64BE(nextOffset)
  for (let i = 0; i < Math.min(8, count); i++) if (offset[i] !== 0) return true
  return false
}

function firstNonZero(file: StorageFile, from: number, until: number): number {
  const block = Buffer.allocUnsafeSlow(Math.max(1, Math.min(SCAN_BLOCK_BYTES, until - from)))
  for (let at = from; at < until; ) {
    const filled = file.read(block, 0, Math.min(block.length, until - at), at)
    if (filled === 0) return at
    for (let i = 0; i < filled; i++) if (block[i] !== 0) return at + i
    at += filled
  }
  return until
}
