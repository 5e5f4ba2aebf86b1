// A range of a partition elsewhere, here: whole batches of committed records, checksums checked.

import { baseOffsetOf, batchSizeInBytes, LOG_OVERHEAD } from '../broker/protocol/record-batch/header.ts'
import type { LogCursor, LogRange } from '../processor/ports.ts'
import { Spool } from './spool.ts'

export class BroughtRange {
  readonly from: bigint
  readonly until: bigint
  private readonly bytes: Spool

  constructor({ from, until }: Pick<LogRange, 'from' | 'until'>, bytes = new Spool()) {
    this.from = from
    this.until = until
    this.bytes = bytes
  }

  append(batch: Buffer): void {
    this.bytes.append(batch)
  }

  cursor(): LogCursor {
    const { bytes } = this
    let position = 0
    return {
      nextOffset: this.from,
      checksumsChecked: true,
      fill(target, untilOffset) {
        const there = bytes.read(target, position)
        const filled = wholeBatches(target, there, untilOffset)
        position += filled
        return filled
      },
      close() {},
    }
  }

  close(): void {
    this.bytes.close()
  }
}

/** Bytes of the whole batches at the start of `target` that begin below `untilOffset`. */
function wholeBatches(target: Buffer, length: number, untilOffset: bigint): number {
  let at = 0
  while (length - at >= LOG_OVERHEAD && baseOffsetOf(target, at) < untilOffset) {
    const sizeInBytes = batchSizeInBytes(target, at)
    if (sizeInBytes > length - at) {
      if (at === 0) throw new RangeError(`a batch of ${sizeInBytes} bytes, room for ${target.length}`)
      break
    }
    at += sizeInBytes
  }
  return at
}
