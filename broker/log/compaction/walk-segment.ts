// Reads a segment for the cleaner: block by block off the event loop, every batch checked, with pauses in which
// others have their turn. The segment's files stay until it is through, whatever becomes of the segment.

import {
  BATCH_OVERHEAD,
  batchSizeInBytes,
  isCrcValid,
  lastOffsetOf,
} from '../../protocol/record-batch/header.ts'
import { CorruptLogError } from '../../storage/storage.ts'
import { frameProblem } from '../batch-frame.ts'
import type { Segment } from '../segment.ts'

/** How fast, and whether at all, work may go on. */
export interface CleaningPace {
  /** Bytes that are read at a time. */
  readonly blockBytes: number
  /** It is time to let others have the event loop. */
  isDue(): boolean
  /**
   * Between two pieces of work: `bytes` were read or written since the last. Resolves when it may go on. Rejects
   * with CleaningStopped.
   */
  next(bytes: number): Promise<void>
}

/** Whoever asked for the run wants it no more: everything stays as it was. */
export class CleaningStopped extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'CleaningStopped'
  }
}

export interface BatchVisitor {
  /** False: enough. The buffer is reused after onBlockEnd. */
  onBatch(buffer: Buffer, at: number): boolean | void
  /** Returns the bytes it has written. */
  onBlockEnd?(): number
}

/**
 * From the batch at `position` on; false where the visitor had enough. Throws CorruptLogError, StorageError,
 * CleaningStopped.
 */
export async function walkSegment(
  segment: Segment,
  position: number,
  pace: CleaningPace,
  visitor: BatchVisitor,
): Promise<boolean> {
  const { file } = segment
  const size = segment.sizeInBytes
  let block = Buffer.allocUnsafeSlow(Math.max(BATCH_OVERHEAD, Math.min(pace.blockBytes, size - position)))
  let nextOffset = segment.baseOffset
  let bytes = 0
  segment.retain()
  try {
    while (position < size) {
      await pace.next(bytes)
      const filled = await file.readOffThread(block, 0, Math.min(block.length, size - position), position)
      let at = 0
      let missing = BATCH_OVERHEAD
      while (filled - at >= BATCH_OVERHEAD) {
        const problem = frameProblem(block, at, size - position - at, nextOffset, true)
        if (problem !== undefined) throw new CorruptLogError(file.path, position + at, problem)
        missing = batchSizeInBytes(block, at)
        if (missing > filled - at) break
        if (!isCrcValid(block, at)) throw new CorruptLogError(file.path, position + at, 'checksum mismatch')
        if (visitor.onBatch(block, at) === false) return false
        nextOffset = lastOffsetOf(block, at) + 1n
        at += missing
        if (pace.isDue()) await pace.next(0)
      }
      if (at === 0) {
        if (missing <= block.length) {
          throw new CorruptLogError(file.path, position, `${filled} bytes of a batch of ${missing}`)
        }
        block = Buffer.allocUnsafeSlow(missing)
      }
      bytes = filled + (visitor.onBlockEnd?.() ?? 0)
      position += at
    }
    await pace.next(bytes)
    return true
  } finally {
    segment.release()
  }
}
