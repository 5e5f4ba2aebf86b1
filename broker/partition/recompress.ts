// A batch with its records under another codec: for topics whose compression.type is not the producer's.
// Everything else of the head stays; compression covers the records only.

import { compress, DEFAULT_MAX_DECOMPRESSED_BYTES, decompress } from '../protocol/record-batch/compression.ts'
import {
  ATTRIBUTES_AT,
  attributesOf,
  BATCH_OVERHEAD,
  CODEC_MASK,
  CODECS,
  type Codec,
  codecOf,
  LENGTH_AT,
  LOG_OVERHEAD,
  recomputeCrc,
} from '../protocol/record-batch/header.ts'
import type { PartitionConfig } from './partition-api.ts'

/** compression.<codec>.level; lz4's has no effect, its library knows one level. */
export function levelOf(codec: Codec, config: PartitionConfig): number | undefined {
  if (codec === 'gzip') return config.compressionGzipLevel
  return codec === 'zstd' ? config.compressionZstdLevel : undefined
}

/** The codec a topic asks for, or undefined where it keeps what came. */
export function codecOfTopic(compressionType: PartitionConfig['compressionType']): Codec | undefined {
  if (compressionType === 'producer') return undefined
  return compressionType === 'uncompressed' ? 'none' : compressionType
}

/**
 * `batch` (whole, checked before) with its records compressed by `codec`: the same buffer where they are
 * already, at whatever level. The check before has decompressed them under the same cap.
 */
export function recompress(batch: Buffer, codec: Codec, level?: number): Buffer {
  const from = codecOf(batch, 0)
  if (from === undefined) throw new Error(`batch of unknown codec ${attributesOf(batch, 0) & CODEC_MASK}`)
  if (from === codec) return batch
  const records = decompress(from, batch.subarray(BATCH_OVERHEAD), DEFAULT_MAX_DECOMPRESSED_BYTES)
  const stored = Buffer.concat([batch.subarray(0, BATCH_OVERHEAD), compress(codec, records, level)])
  stored.writeInt32BE(stored.length - LOG_OVERHEAD, LENGTH_AT)
  stored.writeInt16BE((attributesOf(stored, 0) & ~CODEC_MASK) | CODECS.indexOf(codec), ATTRIBUTES_AT)
  recomputeCrc(stored, 0)
  return stored
}
