// Zstandard, from node:zlib where it has it (Node 22.15 and later), else from a WebAssembly build. Frames
// are walked first, block by block: that gives an upper bound of each frame's output, so that a bomb is
// refused and the room for the output is right at the first go or the second.
//
//    frame:  magic u32le 0xFD2FB528 | descriptor | [window] | [dictionary id] | [content size]
//            | blocks: u24le (bit 0 last, bits 1-2 type: raw, run, compressed; size from bit 3), bytes
//            | [checksum u32le]
//    skippable frame:  u32le 0x184D2A50-5F | size u32le | bytes
//
// Source: RFC 8878.
import * as zlib from 'node:zlib'
import { DecompressionError } from './failures.ts'
import { zstdModule } from './zstd-module.ts'

const MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50
const LARGEST_BLOCK_BYTES = 128 * 1024
const FIRST_GUESS_BYTES = 1024 * 1024
/** ZSTD_error_dstSize_tooSmall, negated as the library returns it. */
const OUTPUT_TOO_SMALL = -70
const DEFAULT_LEVEL = 3
/** ZSTD_c_compressionLevel */
const COMPRESSION_LEVEL_PARAMETER = 100

/** @types/node 20 does not know them; Node 20 does not have them. */
const native = zlib as unknown as {
  zstdCompressSync?: (bytes: Buffer, options: { params: Record<number, number> }) => Buffer
  zstdDecompressSync?: (bytes: Buffer, options: { maxOutputLength: number }) => Buffer
}

interface Frame {
  end: number
  /** No more than this comes out of the frame: its declared size, or what its blocks could give. */
  bound: number
  isDeclared: boolean
}

/** `level`: -131072 to 22. */
export function compressZstd(bytes: Buffer, level = DEFAULT_LEVEL): Buffer {
  if (native.zstdCompressSync === undefined) return compressByModule(bytes, level)
  return native.zstdCompressSync(bytes, { params: { [COMPRESSION_LEVEL_PARAMETER]: level } })
}

export function decompressZstd(bytes: Buffer, maxBytes: number): Buffer {
  let declared = 0
  for (let at = 0; at < bytes.length; ) {
    const frame = readFrame(bytes, at)
    if (frame.isDeclared) declared += frame.bound
    if (declared > maxBytes) throw tooLarge(declared, maxBytes)
    at = frame.end
  }
  const outputs: Buffer[] = []
  let total = 0
  for (let at = 0; at < bytes.length; ) {
    const frame = readFrame(bytes, at)
    if (frame.bound > 0) {
      const output = decompressFrame(bytes.subarray(at, frame.end), frame.bound, maxBytes - total)
      total += output.length
      outputs.push(output)
    }
    at = frame.end
  }
  return outputs.length === 1 ? (outputs[0] as Buffer) : Buffer.concat(outputs, total)
}

function decompressFrame(frame: Buffer, bound: number, maxBytes: number): Buffer {
  if (native.zstdDecompressSync === undefined) return decompressByModule(frame, bound, maxBytes)
  try {
    return native.zstdDecompressSync(frame, { maxOutputLength: Math.max(maxBytes, 1) })
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge(bound, maxBytes)
    throw new DecompressionError('corrupt', `zstd: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    })
  }
}

function readFrame(bytes: Buffer, at: number): Frame {
  if (bytes.length - at < 8) throw corrupt(`${bytes.length - at} bytes are no frame`)
  const magic = bytes.readUInt32LE(at)
  if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
    const end = at + 8 + bytes.readUInt32LE(at + 4)
    if (end > bytes.length) throw corrupt('skippable frame is cut short')
    return { end, bound: 0, isDeclared: true }
  }
  if (magic !== MAGIC) throw corrupt('no frame magic')
  const descriptor = bytes[at + 4] as number
  const isSingleSegment = (descriptor & 0x20) !== 0
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3] as number
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6] as number
  const contentSizeAt = at + 5 + (isSingleSegment ? 0 : 1) + dictionaryIdBytes
  if (contentSizeAt + contentSizeBytes > bytes.length) throw corrupt('frame head is cut short')
  const declared = readContentSize(bytes, contentSizeAt, contentSizeBytes)
  const checksumBytes = (descriptor & 0x04) !== 0 ? 4 : 0
  const blocks = walkBlocks(bytes, contentSizeAt + contentSizeBytes)
  const end = blocks.end + checksumBytes
  if (end > bytes.length) throw corrupt('checksum is cut short')
  return { end, bound: declared ?? blocks.bound, isDeclared: declared !== undefined }
}

function readContentSize(bytes: Buffer, at: number, length: number): number | undefined {
  switch (length) {
    case 0:
      return undefined
    case 2:
      // Sizes below 256 have the one-byte form.
      return bytes.readUInt16LE(at) + 256
    case 8:
      return Number(bytes.readBigUInt64LE(at))
    default:
      return bytes.readUIntLE(at, length)
  }
}

function walkBlocks(bytes: Buffer, start: number): { end: number; bound: number } {
  let at = start
  let bound = 0
  for (let isLast = false; !isLast; ) {
    if (at + 3 > bytes.length) throw corrupt('the last block is missing')
    const head = bytes.readUIntLE(at, 3)
    const size = head >>> 3
    const type = (head >>> 1) & 3
    if (type === 3 || size > LARGEST_BLOCK_BYTES) throw corrupt(`block type ${type}, size ${size}`)
    isLast = (head & 1) !== 0
    bound += type === 2 ? LARGEST_BLOCK_BYTES : size
    at += 3 + (type === 1 ? 1 : size)
    if (at > bytes.length) throw corrupt('block is cut short')
  }
  return { end: at, bound }
}

function compressByModule(bytes: Buffer, level: number): Buffer {
  const module = zstdModule()
  const room = module._ZSTD_compressBound(bytes.length)
  return withMemory(bytes, room, (source, target) =>
    module._ZSTD_compress(target, room, source, bytes.length, level),
  )
}

function decompressByModule(frame: Buffer, bound: number, maxBytes: number): Buffer {
  const module = zstdModule()
  const most = Math.min(bound, maxBytes)
  const guess = Math.min(most, Math.max(FIRST_GUESS_BYTES, frame.length * 16))
  for (const room of guess === most ? [most] : [guess, most]) {
    let code = 0
    const output = withMemory(
      frame,
      room,
      (source, target) => {
        code = module._ZSTD_decompress(target, room, source, frame.length)
        return code
      },
      OUTPUT_TOO_SMALL,
    )
    if (code !== OUTPUT_TOO_SMALL) return output
  }
  if (most < bound) throw tooLarge(bound, maxBytes)
  throw corrupt(`more than the ${bound} bytes that its blocks could give`)
}

/**
 * Copies `input` into the module, runs `work` with room for `room` bytes of output, copies out what it
 * gave. `tolerated` is the one error code that gives an empty result instead of an exception.
 */
function withMemory(
  input: Buffer,
  room: number,
  work: (source: number, target: number) => number,
  tolerated?: number,
): Buffer {
  const module = zstdModule()
  const source = module._malloc(Math.max(input.length, 1))
  const target = module._malloc(Math.max(room, 1))
  try {
    if (source === 0 || target === 0) {
      throw new DecompressionError('too-large', `zstd: no memory for ${input.length} and ${room} bytes`)
    }
    module.HEAPU8.set(input, source)
    const size = work(source, target)
    if (size === tolerated) return Buffer.alloc(0)
    if (module._ZSTD_isError(size) !== 0) throw corrupt(`the library says ${size}`)
    return Buffer.from(module.HEAPU8.subarray(target, target + size))
  } catch (cause) {
    if (cause instanceof DecompressionError) throw cause
    throw new DecompressionError('corrupt', `zstd: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    })
  } finally {
    if (source !== 0) module._free(source)
    if (target !== 0) module._free(target)
  }
}

function tooLarge(sizeInBytes: number, maxBytes: number): DecompressionError {
  return new DecompressionError(
    'too-large',
    `zstd: up to ${sizeInBytes} bytes, more than the ${maxBytes} allowed`,
  )
}

function corrupt(what: string): DecompressionError {
  return new DecompressionError('corrupt', `zstd: ${what}`)
}
