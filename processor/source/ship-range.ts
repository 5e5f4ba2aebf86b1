// A planned range made ready for other threads: where its bytes lie in files, or, where they lie in memory, a copy
// of them that all threads share.

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { OffsetRange, ShippedRange } from '../graph/contracts/source.ts'
import type { LogView } from '../ports.ts'
import { fillGrowing } from './fill-growing.ts'

const BLOCK_BYTES = 512 * 1024

export async function shipRange(
  view: LogView,
  range: OffsetRange,
): Promise<{ shipped: ShippedRange; release: () => void }> {
  const { from, until } = range
  if (from === until) return { shipped: { ...range, aborted: [], bytes: { spans: [] } }, release: () => {} }
  const aborted = view.abortedSpans(from, until)
  const files = view.fileSpans?.(from, until)
  if (files !== undefined) {
    const shipped: ShippedRange = { ...range, aborted, bytes: { spans: files.spans } }
    return { shipped, release: () => files.release() }
  }
  return { shipped: { ...range, aborted, bytes: await copyOf(view, range) }, release: () => {} }
}

async function copyOf(view: LogView, { from, until }: OffsetRange): Promise<ShippedRange['bytes']> {
  const cursor = view.cursor(from)
  const blocks: SharedArrayBuffer[] = []
  try {
    let buffer: Buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES)
    for (;;) {
      const filled = fillGrowing(cursor, buffer, until, (bytes) => (buffer = Buffer.allocUnsafeSlow(bytes)))
      if (filled === 0) return { blocks, checksumsChecked: cursor.checksumsChecked === true }
      const block = new SharedArrayBuffer(filled)
      buffer.copy(new Uint8Array(block), 0, 0, filled)
      blocks.push(block)
      await nextTurn()
    }
  } finally {
    cursor.close()
  }
}
