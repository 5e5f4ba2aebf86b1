// Snappy as Kafka's clients write it: blocks of raw snappy in the frame of the Java library (xerial).
// Some clients send one raw block without a frame; that is read too.
//
//    xerial: 0x82 "SNAPPY" 0x00 | version i32 = 1 | oldest compatible version i32 = 1
//            then, until the end: length i32 (big-endian) | raw block
//    raw:    varint of the uncompressed size | elements, each a literal or a copy of earlier output
import snappyjs from 'snappyjs'
import { DecompressionError } from './failures.ts'

const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEAD_BYTES = 16
/** What the Java library puts into a block. */
const XERIAL_BLOCK_BYTES = 32 * 1024

export function compressSnappy(bytes: Buffer): Buffer {
  const head = Buffer.alloc(XERIAL_HEAD_BYTES)
  XERIAL_MAGIC.copy(head)
  head.writeInt32BE(1, 8)
  head.writeInt32BE(1, 12)
  const chunks: Buffer[] = [head]
  for (let at = 0; at < bytes.length; at += XERIAL_BLOCK_BYTES) {
    const block = snappyjs.compress(bytes.subarray(at, at + XERIAL_BLOCK_BYTES))
    const length = Buffer.alloc(4)
    length.writeInt32BE(block.length)
    chunks.push(length, block)
  }
  return Buffer.concat(chunks)
}

/** The framed or raw bytes decompressed. Every size is known and checked before anything is allocated. */
export function decompressSnappy(bytes: Buffer, maxBytes: number): Buffer {
  const framed = bytes.length >= XERIAL_HEAD_BYTES && bytes.subarray(0, 8).equals(XERIAL_MAGIC)
  if (!framed) {
    checkCap(sizeOfBlock(bytes, 0, bytes.length), maxBytes)
    return decompressBlock(bytes, 0, bytes.length)
  }
  let total = 0
  for (let at = XERIAL_HEAD_BYTES; at < bytes.length; at = endOfBlock(bytes, at)) {
    total += sizeOfBlock(bytes, at + 4, endOfBlock(bytes, at))
    checkCap(total, maxBytes)
  }
  const blocks: Buffer[] = []
  for (let at = XERIAL_HEAD_BYTES; at < bytes.length; at = endOfBlock(bytes, at)) {
    blocks.push(decompressBlock(bytes, at + 4, endOfBlock(bytes, at)))
  }
  return blocks.length === 1 ? (blocks[0] as Buffer) : Buffer.concat(blocks, total)
}

function endOfBlock(bytes: Buffer, at: number): number {
  if (at + 4 > bytes.length) throw corrupt(`${bytes.length - at} bytes where a block length should be`)
  const length = bytes.readInt32BE(at)
  if (length <= 0 || length > bytes.length - at - 4) {
    throw corrupt(`block of ${length} bytes where ${bytes.length - at - 4} are left`)
  }
  return at + 4 + length
}

/**
 * The uncompressed size of a raw block, as declared and as its elements add up to. The library would take
 * elements that give more or fewer bytes than declared for valid, so they are added up first.
 */
function sizeOfBlock(bytes: Buffer, start: number, end: number): number {
  let at = start
  let declared = 0
  for (let shift = 0; ; shift += 7) {
    const byte = at < end ? (bytes[at++] as number) : 0xff
    if (shift === 28 && byte > 0x0f) throw corrupt('declared size is no 32-bit varint')
    declared += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
    if (at >= end) throw corrupt('declared size is cut short')
  }
  let size = 0
  while (at < end) {
    const tag = bytes[at++] as number
    let length = (tag >>> 2) + 1
    switch (tag & 3) {
      case 0: {
        const lengthBytes = length - 60
        if (lengthBytes > 0) {
          if (at + lengthBytes > end) throw corrupt('literal length is cut short')
          length = bytes.readUIntLE(at, lengthBytes) + 1
          at += lengthBytes
        }
        at += length
        break
      }
      case 1:
        length = ((tag >>> 2) & 7) + 4
        at += 1
        break
      case 2:
        at += 2
        break
      case 3:
        at += 4
        break
    }
    size += length
  }
  if (at !== end) throw corrupt(`last element ends ${at - end} bytes behind the block`)
  if (size !== declared) throw corrupt(`declared size is ${declared}, the elements give ${size}`)
  return size
}

function decompressBlock(bytes: Buffer, start: number, end: number): Buffer {
  try {
    return snappyjs.uncompress(bytes.subarray(start, end))
  } catch (cause) {
    throw new DecompressionError('corrupt', 'snappy: a copy reaches before the start', { cause })
  }
}

function checkCap(sizeInBytes: number, maxBytes: number): void {
  if (sizeInBytes > maxBytes) {
    throw new DecompressionError(
      'too-large',
      `snappy: ${sizeInBytes} bytes are more than the ${maxBytes} allowed`,
    )
  }
}

function corrupt(what: string): DecompressionError {
  return new DecompressionError('corrupt', `snappy: ${what}`)
}
