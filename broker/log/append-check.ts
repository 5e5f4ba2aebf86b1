// What an append must satisfy before a byte is written: the heads describe the buffers, and offsets go on
// where the log ends. The caller stamped them, so anything else is a bug and is told with the numbers.

import type { BatchHeader } from '../protocol/record-batch/header.ts'

export interface AppendSummary {
  bytes: number
  lastOffset: bigint
  maxTimestamp: bigint
}

export function checkAppend(
  directory: string,
  batches: readonly Buffer[],
  heads: readonly BatchHeader[],
  endOffset: bigint,
  gapsAllowed: boolean,
): AppendSummary {
  let expected = endOffset
  let bytes = 0
  let maxTimestamp = -1n
  for (let i = 0; i < batches.length; i++) {
    const batch = batches[i] as Buffer
    const head = heads[i]
    if (head === undefined || head.sizeInBytes !== batch.length) {
      throw new Error(
        `${directory}: batch of ${batch.length} bytes with a head that says ${head?.sizeInBytes}`,
      )
    }
    if (head.baseOffset !== expected && !(gapsAllowed && head.baseOffset > expected)) {
      throw new Error(`${directory}: batch at offset ${head.baseOffset} where ${expected} comes next`)
    }
    expected = head.baseOffset + BigInt(head.lastOffsetDelta) + 1n
    bytes += batch.length
    if (head.maxTimestamp > maxTimestamp) maxTimestamp = head.maxTimestamp
  }
  return { bytes, lastOffset: expected - 1n, maxTimestamp }
}
