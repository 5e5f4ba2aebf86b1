// LZ4 as Kafka takes it: one frame of independent blocks and nothing behind it. The native library has no
// cap on its output, reads only the first of several frames and gives 0 bytes for some garbage, so the
// frame is walked first: that costs one step per block, and one per sequence only where a cap is near.
//
//    frame:  magic u32le 0x184D2204 | FLG | BD | [content size u64le] | [dictionary id] | header checksum
//            | blocks: size u32le (highest bit: stored as it is; 0: the end), bytes, [checksum u32le]
//            | [content checksum u32le]
//    FLG: bits 6-7 version 1, 5 independent blocks, 4 block checksums, 3 content size, 2 content checksum,
//    0 dictionary. BD: bits 4-6 largest block, 4 = 64 KiB to 7 = 4 MiB.
//
// Source: the LZ4 frame format 1.6; Kafka's Lz4BlockInputStream (dependent blocks are refused).
import { compressFrameSync, decompressFrameSync } from 'lz4-napi'
import { DecompressionError } from './failures.ts'

const MAGIC = 0x184d2204
const STORED_BIT = 0x80000000
/** Longest match a byte of a block can stand for: no block grows more than this. */
const LARGEST_RATIO = 255

interface Frame {
  blocksAt: number
  largestBlockBytes: number
  contentSizeInBytes: number | undefined
  blockChecksumBytes: number
  contentChecksumBytes: number
}

export function compressLz4(bytes: Buffer): Buffer {
  return compressFrameSync(bytes)
}

export function decompressLz4(bytes: Buffer, maxBytes: number): Buffer {
  const frame = readFrame(bytes)
  if ((frame.contentSizeInBytes ?? 0) > maxBytes) throw tooLarge(frame.contentSizeInBytes ?? 0, maxBytes)
  let bound = walkBlocks(bytes, frame, boundOfBlock)
  if (bound > maxBytes) {
    bound = walkBlocks(bytes, frame, sizeOfBlock)
    if (bound > maxBytes) throw tooLarge(bound, maxBytes)
  }
  if (bound === 0) return Buffer.alloc(0)
  let output: Buffer
  try {
    output = decompressFrameSync(bytes)
  } catch (cause) {
    throw new DecompressionError('corrupt', `lz4: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    })
  }
  if (output.length === 0 || output.length > bound) {
    throw corrupt(`${output.length} bytes came out where at most ${bound} could`)
  }
  return output
}

function readFrame(bytes: Buffer): Frame {
  if (bytes.length < 11) throw corrupt(`${bytes.length} bytes are no frame`)
  if (bytes.readUInt32LE(0) !== MAGIC) throw corrupt('no frame magic')
  const flags = bytes[4] as number
  if (flags >>> 6 !== 1) throw corrupt(`frame version ${flags >>> 6}`)
  if ((flags & 0x20) === 0) throw corrupt('dependent blocks')
  if ((flags & 0x03) !== 0) throw corrupt('a dictionary or a reserved flag')
  const blockSizeCode = ((bytes[5] as number) >>> 4) & 7
  if (blockSizeCode < 4) throw corrupt(`block size code ${blockSizeCode}`)
  const hasContentSize = (flags & 0x08) !== 0
  if (hasContentSize && bytes.length < 15) throw corrupt(`${bytes.length} bytes are no frame`)
  return {
    blocksAt: hasContentSize ? 15 : 7,
    largestBlockBytes: 1 << (8 + 2 * blockSizeCode),
    contentSizeInBytes: hasContentSize ? Number(bytes.readBigUInt64LE(6)) : undefined,
    blockChecksumBytes: (flags & 0x10) !== 0 ? 4 : 0,
    contentChecksumBytes: (flags & 0x04) !== 0 ? 4 : 0,
  }
}

/** Goes over the blocks to the end of the frame, which must be the end of the bytes; sums up `sizeOf`. */
function walkBlocks(
  bytes: Buffer,
  frame: Frame,
  sizeOf: (bytes: Buffer, start: number, end: number, largestBlockBytes: number) => number,
): number {
  let at = frame.blocksAt
  let total = 0
  for (;;) {
    if (at + 4 > bytes.length) throw corrupt('the end mark is missing')
    const word = bytes.readUInt32LE(at)
    at += 4
    if (word === 0) break
    const length = word & ~STORED_BIT
    if (length > frame.largestBlockBytes || length > bytes.length - at) {
      throw corrupt(`block of ${length} bytes where ${bytes.length - at} are left`)
    }
    total += word >= STORED_BIT ? length : sizeOf(bytes, at, at + length, frame.largestBlockBytes)
    at += length + frame.blockChecksumBytes
  }
  at += frame.contentChecksumBytes
  if (at !== bytes.length) throw corrupt(`${bytes.length - at} bytes behind the frame`)
  return total
}

function boundOfBlock(_bytes: Buffer, start: number, end: number, largestBlockBytes: number): number {
  return Math.min(largestBlockBytes, (end - start) * LARGEST_RATIO)
}

/** The size that a block's sequences add up to. */
function sizeOfBlock(bytes: Buffer, start: number, end: number, largestBlockBytes: number): number {
  let at = start
  let size = 0
  while (at < end) {
    const token = bytes[at++] as number
    let literals = token >>> 4
    if (literals === 15) {
      let more = 255
      while (more === 255 && at < end) literals += more = bytes[at++] as number
    }
    at += literals
    size += literals
    if (at >= end) break
    at += 2
    let match = (token & 15) + 4
    if (match === 19) {
      let more = 255
      while (more === 255 && at < end) match += more = bytes[at++] as number
    }
    size += match
  }
  if (at !== end || size > largestBlockBytes)
    throw corrupt(`block of ${size} bytes, ${at - end} beyond its end`)
  return size
}

function tooLarge(sizeInBytes: number, maxBytes: number): DecompressionError {
  return new DecompressionError(
    'too-large',
    `lz4: ${sizeInBytes} bytes are more than the ${maxBytes} allowed`,
  )
}

function corrupt(what: string): DecompressionError {
  return new DecompressionError('corrupt', `lz4: ${what}`)
}
