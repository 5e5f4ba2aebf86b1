// Cuts a buffer of segment bytes behind its last whole batch that may be given out: the inner loop of every
// fetch and of the processor's reading. No objects and no bigints per batch.

import {
  BATCH_OVERHEAD,
  batchSizeInBytes,
  isCrcValid,
  lastOffsetDeltaOf,
  readInt64AsNumber,
} from '../protocol/record-batch/header.ts'
import { CorruptLogError } from '../storage/storage.ts'
import { headProblem } from './batch-frame.ts'

export interface BatchWalk {
  /** Where the batches that may be given out end. */
  end: number
  /** Offset after the last of them; the one that was put in where there is none. */
  nextOffset: number
  /** Size of the batch at `end` where it is allowed but does not fit; 0 otherwise. */
  missingBytes: number
}

export interface WalkLimits {
  /** For the error: file, and position in it of the buffer's `start`. */
  path: string
  position: number
  /** Bytes of the segment from `start` on. */
  bytesLeft: number
  /** Batches that begin at or above it are left out. */
  beginBelow: number
  /** Batches that end at or above it (its last offset counts) are left out. */
  endBelow: number
  gapsAllowed: boolean
  checkCrc: boolean
}

/**
 * Offsets are numbers here: exact up to 2^53, which no log reaches. Throws CorruptLogError where order or a
 * head is wrong.
 */
export function walkBatches(
  buffer: Buffer,
  start: number,
  filled: number,
  nextOffset: number | undefined,
  limits: WalkLimits,
): BatchWalk {
  let at = start
  let expected = nextOffset ?? -1
  while (filled - at >= BATCH_OVERHEAD) {
    const problem = headProblem(buffer, at, limits.bytesLeft - (at - start))
    if (problem !== undefined) throw new CorruptLogError(limits.path, limits.position + at - start, problem)
    const baseOffset = readInt64AsNumber(buffer, at)
    if (expected >= 0 && (limits.gapsAllowed ? baseOffset < expected : baseOffset !== expected)) {
      throw new CorruptLogError(
        limits.path,
        limits.position + at - start,
        `base offset ${baseOffset} where ${expected} was expected`,
      )
    }
    const lastOffset = baseOffset + lastOffsetDeltaOf(buffer, at)
    if (baseOffset >= limits.beginBelow || lastOffset >= limits.endBelow) break
    const size = batchSizeInBytes(buffer, at)
    if (size > filled - at) return { end: at, nextOffset: expected, missingBytes: size }
    if (limits.checkCrc && !isCrcValid(buffer, at)) {
      throw new CorruptLogError(limits.path, limits.position + at - start, 'checksum mismatch')
    }
    at += size
    expected = lastOffset + 1
  }
  return { end: at, nextOffset: expected, missingBytes: 0 }
}
