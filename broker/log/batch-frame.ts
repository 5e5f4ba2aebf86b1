// Whether the bytes at a place in a segment can be a record batch: what the head says of itself, compared
// with what must hold. Base offset and length lie outside the checksum, so order and bounds are all that
// protects them.

import {
  BATCH_OVERHEAD,
  baseOffsetOf,
  batchSizeInBytes,
  LAST_OFFSET_DELTA_AT,
  MAGIC_V2,
  magicOf,
} from '../protocol/record-batch/header.ts'

/**
 * What is wrong with the head at `at`, of which at least 61 bytes are in the buffer; undefined where nothing
 * is. `bytesLeft` is what the segment holds from there on.
 */
export function frameProblem(
  buffer: Buffer,
  at: number,
  bytesLeft: number,
  expectedOffset: bigint,
  gapsAllowed: boolean,
): string | undefined {
  const problem = headProblem(buffer, at, bytesLeft)
  if (problem !== undefined) return problem
  const baseOffset = baseOffsetOf(buffer, at)
  if (baseOffset === expectedOffset) return undefined
  if (baseOffset > expectedOffset && gapsAllowed) return undefined
  return `base offset ${baseOffset} where ${expectedOffset} was expected`
}

/** The same without a known offset: magic, size, delta. */
export function headProblem(buffer: Buffer, at: number, bytesLeft: number): string | undefined {
  const magic = magicOf(buffer, at)
  if (magic !== MAGIC_V2) return `magic ${magic}`
  const size = batchSizeInBytes(buffer, at)
  if (size < BATCH_OVERHEAD || size > bytesLeft) return `batch of ${size} bytes where ${bytesLeft} are left`
  const lastOffsetDelta = buffer.readInt32BE(at + LAST_OFFSET_DELTA_AT)
  if (lastOffsetDelta < 0) return `last offset delta ${lastOffsetDelta}`
  return undefined
}
