// Kafka's five codecs, synchronous. What is decompressed comes from outside: no output grows beyond the
// cap that the caller names, and nothing is believed of a declared size but that it may be too large.
import { gunzipSync, gzipSync } from 'node:zlib'
import { DecompressionError } from './failures.ts'
import type { Codec } from './header.ts'
import { compressLz4, decompressLz4 } from './lz4.ts'
import { compressSnappy, decompressSnappy } from './snappy.ts'
import { compressZstd, decompressZstd } from './zstd.ts'

/**
 * The cap where the caller has no reason for another one. A batch of the default message.max.bytes would
 * have to be compressed sixty-fold to reach it.
 */
export const DEFAULT_MAX_DECOMPRESSED_BYTES = 64 * 1024 * 1024

/**
 * The bytes behind `bytes`, at most `maxBytes` of them. `none` gives the same bytes back. Throws
 * DecompressionError: `too-large` beyond the cap (also where only the declared size is), else `corrupt`.
 */
export function decompress(codec: Codec, bytes: Buffer, maxBytes: number): Buffer {
  switch (codec) {
    case 'none':
      if (bytes.length > maxBytes) throw tooLarge(codec, bytes.length, maxBytes)
      return bytes
    case 'gzip':
      return decompressGzip(bytes, maxBytes)
    case 'snappy':
      return decompressSnappy(bytes, maxBytes)
    case 'lz4':
      return decompressLz4(bytes, maxBytes)
    case 'zstd':
      return decompressZstd(bytes, maxBytes)
  }
}

/**
 * `bytes` compressed as Kafka's clients write it; the same bytes for `none`. `level`: of gzip (1 to 9, -1 its
 * default) and zstd; the others have none here.
 */
export function compress(codec: Codec, bytes: Buffer, level?: number): Buffer {
  switch (codec) {
    case 'none':
      return bytes
    case 'gzip':
      return gzipSync(bytes, level === undefined ? {} : { level })
    case 'snappy':
      return compressSnappy(bytes)
    case 'lz4':
      return compressLz4(bytes)
    case 'zstd':
      return compressZstd(bytes, level)
  }
}

function decompressGzip(bytes: Buffer, maxBytes: number): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes, chunkSize: 64 * 1024 })
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge('gzip', undefined, maxBytes)
    throw new DecompressionError('corrupt', `gzip: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    })
  }
}

function tooLarge(codec: Codec, sizeInBytes: number | undefined, maxBytes: number): DecompressionError {
  const what = sizeInBytes === undefined ? '' : `${sizeInBytes} bytes are `
  return new DecompressionError('too-large', `${codec}: ${what}more than the ${maxBytes} bytes allowed`)
}
