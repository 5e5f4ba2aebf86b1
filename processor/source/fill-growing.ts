// A cursor's next bytes, where a batch may be larger than the buffer: the port's error names the bytes it needs.

import type { LogCursor } from '../ports.ts'

/** `grow` makes another buffer of that many bytes. Returns the bytes filled, of the buffer or the one that `grow` made. */
export function fillGrowing(
  cursor: LogCursor,
  buffer: Buffer,
  untilOffset: bigint,
  grow: (bytes: number) => Buffer,
): number {
  try {
    return cursor.fill(buffer, untilOffset)
  } catch (error) {
    const needed = error instanceof RangeError ? Number(/(\d+) bytes/.exec(error.message)?.[1] ?? 0) : 0
    if (needed <= buffer.length) throw error
    return cursor.fill(grow(needed), untilOffset)
  }
}
