// Finding an offset and reading from it. Written once as steps that ask for bytes: driven synchronously
// where the page cache is likely to have them, off the event loop for older segments.

import {
  BATCH_OVERHEAD,
  type BatchHeader,
  baseOffsetOf,
  batchSizeInBytes,
  lastOffsetOf,
  readBatchHeader,
} from '../protocol/record-batch/header.ts'
import type { StorageFile } from '../storage/storage.ts'
import { CorruptLogError } from '../storage/storage.ts'
import { headProblem } from './batch-frame.ts'
import { scanBatches } from './batch-scan.ts'
import { walkBatches } from './batch-walk.ts'
import type { Segment } from './segment.ts'

export interface LogRead {
  /** Whole batches, as in the file, in a buffer of their own, unless `allocate` gave another. */
  buffer: Buffer
  firstBatchBaseOffset: bigint
  /** Offset after the last batch of the buffer. */
  nextOffset: bigint
}

/** A wish for bytes: answered with how many there were. */
interface ReadStep {
  file: StorageFile
  target: Buffer
  length: number
  position: number
}

export type Steps<T> = Generator<ReadStep, T, number>

/** Heads are looked for in blocks of this size: one index interval and a little. */
export const LOCATE_BLOCK_BYTES = 8 * 1024

export function runSync<T>(steps: Steps<T>): T {
  let turn = steps.next()
  while (!turn.done) {
    const { file, target, length, position } = turn.value
    turn = steps.next(file.read(target, 0, length, position))
  }
  return turn.value
}

export async function runOffThread<T>(steps: Steps<T>): Promise<T> {
  let turn = steps.next()
  while (!turn.done) {
    const { file, target, length, position } = turn.value
    turn = steps.next(await file.readOffThread(target, 0, length, position))
  }
  return turn.value
}

/** Position of the first batch that ends at or above `offset`; the segment's size where there is none. */
export function* locate(segment: Segment, offset: bigint, scratch: Buffer, rebuilt = false): Steps<number> {
  const { offsets } = segment.index
  const size = segment.sizeInBytes
  const relative = Number(offset - segment.baseOffset)
  const entry = offsets.lookup(Math.min(relative, 0x7fffffff))
  const entryPosition = entry < 0 ? 0 : offsets.positionAt(entry)
  let position = entryPosition
  let blockAt = 0
  let filled = 0
  while (position < size) {
    if (position + BATCH_OVERHEAD > blockAt + filled) {
      blockAt = position
      filled = yield { file: segment.file, target: scratch, length: scratch.length, position }
      if (filled < BATCH_OVERHEAD) {
        throw new CorruptLogError(segment.file.path, position, `${filled} bytes, less than a batch head`)
      }
    }
    const at = position - blockAt
    const problem = headProblem(scratch, at, size - position)
    if (entry >= 0 && position === entryPosition && !rebuilt) {
      const indexed = offsets.relativeOffsetAt(entry)
      if (problem !== undefined || Number(lastOffsetOf(scratch, at) - segment.baseOffset) !== indexed) {
        // The entry does not name this batch: the index is damaged, the log may well be sound.
        segment.rebuildIndex()
        return yield* locate(segment, offset, scratch, true)
      }
    }
    if (problem !== undefined) throw new CorruptLogError(segment.file.path, position, problem)
    if (lastOffsetOf(scratch, at) >= offset) return position
    position += batchSizeInBytes(scratch, at)
  }
  return position
}

/** Every batch of a segment from the one that holds `fromOffset` on; see Log.replay. */
export function replaySegment(
  segment: Segment,
  fromOffset: bigint,
  gapsAllowed: boolean,
  scratch: Buffer,
  visit: (head: BatchHeader, buffer: Buffer, at: number) => void,
): void {
  const { file } = segment
  const from = fromOffset <= segment.baseOffset ? 0 : runSync(locate(segment, fromOffset, scratch))
  const end = scanBatches(
    { file, from, expectedOffset: undefined, gapsAllowed, checkCrc: true },
    (buffer, at) => visit(readBatchHeader(buffer, at), buffer, at),
  )
  if (end.problem !== undefined) throw new CorruptLogError(file.path, end.position, end.problem)
}

export interface ReadLimits {
  maxBytes: number
  /** Exclusive. */
  maxOffset: bigint
  minOneBatch: boolean
  /** Memory for the bytes; default: their own, because replies wait in socket queues for long. */
  allocate?: ((sizeInBytes: number) => Buffer) | undefined
}

export interface SegmentRead {
  read: LogRead
  /** Where the next batch begins. */
  endPosition: number
}

/**
 * Whole batches from `position` on, at most maxBytes of them (the first one whole in any case where
 * minOneBatch is set), none with an offset at or above maxOffset. undefined where that leaves nothing. A batch
 * that is out of order, or fails its checksum where that is checked: CorruptLogError with file and position.
 */
export function* readAt(
  segment: Segment,
  position: number,
  limits: ReadLimits,
  check: { gapsAllowed: boolean; checkCrc: boolean },
): Steps<SegmentRead | undefined> {
  const bytesLeft = segment.sizeInBytes - position
  const allocate = limits.allocate ?? Buffer.allocUnsafeSlow
  let buffer = allocate(Math.min(bytesLeft, Math.max(limits.maxBytes, BATCH_OVERHEAD)))
  let filled = yield { file: segment.file, target: buffer, length: buffer.length, position }
  const walkLimits = {
    path: segment.file.path,
    position,
    bytesLeft,
    beginBelow: Number.POSITIVE_INFINITY,
    endBelow: limits.maxOffset >= segment.nextOffset ? Number.POSITIVE_INFINITY : Number(limits.maxOffset),
    ...check,
  }
  let walk = walkBatches(buffer, 0, filled, undefined, walkLimits)
  if (walk.end === 0 && walk.missingBytes > 0 && limits.minOneBatch) {
    buffer = allocate(walk.missingBytes)
    filled = yield { file: segment.file, target: buffer, length: buffer.length, position }
    walk = walkBatches(buffer, 0, filled, undefined, walkLimits)
  }
  if (walk.end === 0 || (walk.end > limits.maxBytes && !limits.minOneBatch)) return undefined
  return {
    read: {
      buffer: walk.end === buffer.length ? buffer : buffer.subarray(0, walk.end),
      firstBatchBaseOffset: baseOffsetOf(buffer, 0),
      nextOffset: BigInt(walk.nextOffset),
    },
    endPosition: position + walk.end,
  }
}
