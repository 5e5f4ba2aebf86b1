// Walks the batches of a segment file in order, in large blocks: recovery, index rebuilding and replay.
// Stops at the first place that is not the batch that must come next, and says what is wrong there.

import {
  BATCH_OVERHEAD,
  batchSizeInBytes,
  isCrcValid,
  lastOffsetOf,
} from '../protocol/record-batch/header.ts'
import type { StorageFile } from '../storage/storage.ts'
import { frameProblem } from './batch-frame.ts'

export const SCAN_BLOCK_BYTES = 1024 * 1024

export interface BatchScan {
  file: StorageFile
  /** Where a batch begins. */
  from: number
  /** The offset that the first batch must have (or be above, where gaps are allowed); undefined: any. */
  expectedOffset: bigint | undefined
  gapsAllowed: boolean
  checkCrc: boolean
  /** Bytes read at a time; a batch that is larger is read whole. */
  blockBytes?: number
}

export interface ScanEnd {
  /** Behind the last good batch. */
  position: number
  /** After the last good batch; -1n where there was none and none was expected. */
  nextOffset: bigint
  /** undefined: the file ends here. */
  problem: string | undefined
}

/**
 * `visit` gets each good batch: at `at` of a buffer that is reused, at `position` of the file; false stops
 * the walk.
 */
export function scanBatches(
  scan: BatchScan,
  visit: (buffer: Buffer, at: number, position: number) => boolean | void,
): ScanEnd {
  const { file, gapsAllowed } = scan
  const size = file.sizeInBytes
  let position = scan.from
  let nextOffset = scan.expectedOffset ?? -1n
  let block = Buffer.allocUnsafeSlow(
    Math.max(BATCH_OVERHEAD, Math.min(scan.blockBytes ?? SCAN_BLOCK_BYTES, size - position)),
  )
  let blockAt = position
  let filled = 0
  const stop = (problem: string | undefined): ScanEnd => ({ position, nextOffset, problem })
  while (position < size) {
    const left = size - position
    if (left < BATCH_OVERHEAD) return stop(`${left} bytes, less than a batch head`)
    if (position + BATCH_OVERHEAD > blockAt + filled) {
      blockAt = position
      filled = file.read(block, 0, Math.min(block.length, left), position)
      if (filled < BATCH_OVERHEAD) return stop(`only ${filled} of ${left} bytes could be read`)
    }
    const problem = frameProblem(block, position - blockAt, left, nextOffset, gapsAllowed || nextOffset < 0n)
    if (problem !== undefined) return stop(problem)
    const batchSize = batchSizeInBytes(block, position - blockAt)
    if (position + batchSize > blockAt + filled) {
      // The size is within the file, so this cannot be made to allocate more than there is.
      if (batchSize > block.length) block = Buffer.allocUnsafeSlow(batchSize)
      blockAt = position
      filled = file.read(block, 0, Math.min(block.length, left), position)
      if (filled < batchSize) return stop(`only ${filled} of ${batchSize} bytes could be read`)
    }
    const at = position - blockAt
    if (scan.checkCrc && !isCrcValid(block, at)) return stop('checksum mismatch')
    const goOn = visit(block, at, position)
    nextOffset = lastOffsetOf(block, at) + 1n
    position += batchSize
    if (goOn === false) return stop(undefined)
  }
  return stop(undefined)
}
