// Rows in blocks off a TCP connection, as Spark's RawInputDStream frames them. What is in a block, a codec says:
//
//    ( length i32 big endian | so many bytes ) *

import { ByteReader } from '../checkpoint/bytes.ts'
import { readPlain } from '../checkpoint/plain-data.ts'
import type { RowCodec } from './row-codec.ts'
import type { SocketConverter } from './socket-receiver.ts'

/** A block is in memory as a whole: who says that one is longer is not believed. */
const MAX_BLOCK_BYTES = 8 * 1024 * 1024
const HEAD_BYTES = 4

/** `codec`: a block is one row of it; without one, a block is rows of plain data, one after the other. */
export function rawBlocks<T>(codec: RowCodec<T> | undefined): SocketConverter<T> {
  return async function* (bytes) {
    for await (const block of blocksOf(bytes)) {
      if (codec === undefined) yield* plainRowsOf<T>(block)
      else yield codec.decode(block)
    }
  }
}

// The row type is what the program says of its peer.
function* plainRowsOf<T>(block: Buffer): Generator<T> {
  for (const reader = new ByteReader(block); !reader.atEnd; ) yield readPlain(reader) as T
}

/** Whole blocks, each in a buffer of its own. Throws where a length cannot be, or the bytes end within a block. */
export async function* blocksOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const head = Buffer.alloc(HEAD_BYTES)
  let block: Buffer | undefined
  let filled = 0
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; ) {
      const into = block ?? head
      const copied = chunk.copy(into, filled, at)
      at += copied
      filled += copied
      if (filled < into.length) continue
      filled = 0
      if (block === undefined) block = Buffer.allocUnsafeSlow(lengthIn(head))
      if (block.length > 0 && into === head) continue
      yield block
      block = undefined
    }
  }
  if (block !== undefined || filled > 0) throw new Error('the connection has ended within a block')
}

function lengthIn(head: Buffer): number {
  const length = head.readInt32BE(0)
  if (length >= 0 && length <= MAX_BLOCK_BYTES) return length
  throw new RangeError(`a block of ${length} bytes: one has at most ${MAX_BLOCK_BYTES}`)
}
