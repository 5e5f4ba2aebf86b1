// Compressed text files, unpacked into a file without a name: rows are read synchronously and at places of
// their own, and what is compressed can be read neither way. As with Hadoop's codecs the end of its name says how it is
// packed, and it is one partition.

import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createInflate, type Gunzip, type Inflate } from 'node:zlib'
import { decompressZstd } from '../../broker/protocol/record-batch/zstd.ts'
import type { TaskRunner } from '../rdd/dataset.ts'
import type { SpilledBlock, SpillFile } from '../rdd/spill-file.ts'
import type { ByteSource } from './text-file.ts'

const BLOCK_BYTES = 256 * 1024

const CODECS: Readonly<Record<string, () => Gunzip | Inflate>> = {
  '.gz': () => createGunzip({ chunkSize: BLOCK_BYTES }),
  // Hadoop's DefaultCodec: zlib's format.
  '.deflate': () => createInflate({ chunkSize: BLOCK_BYTES }),
}
/** zstd's own frames, as Hadoop's ZStandardCodec writes them. They are unpacked in memory. */
const ZSTD = '.zst'
const LARGEST_ZSTD_BYTES = 512 * 1024 * 1024
/** Of codecs that Hadoop has and this has not: their bytes are no lines. */
const UNKNOWN = new Set(['.bz2', '.lz4', '.snappy'])

/** The name says that the file is packed. Throws TypeError where it cannot be unpacked. */
export function isPacked(path: string): boolean {
  const extension = extname(path)
  if (UNKNOWN.has(extension)) throw new TypeError(`${path}: files of ${extension} cannot be unpacked here`)
  return extension === ZSTD || extension in CODECS
}

export class UnpackedFile {
  sizeInBytes = 0
  private readonly file: SpillFile
  private readonly blocks: SpilledBlock[] = []

  private constructor(file: SpillFile) {
    this.file = file
  }

  /** Into `file`. Rejects, naming `path`, where it is damaged, ends early, or goes on behind its end. */
  static async of(path: string, file: SpillFile): Promise<UnpackedFile> {
    const unpacked = new UnpackedFile(file)
    if (extname(path) === ZSTD) {
      unpacked.add(path, await zstdOf(path))
      return unpacked
    }
    const codec = CODECS[extname(path)]?.()
    if (codec === undefined) throw new Error(`${path} is not packed`)
    const { size } = await stat(path)
    // Node ends where the packed bytes do, and says nothing of those that follow.
    const restOf = () => size - codec.bytesWritten
    let full: unknown
    try {
      await pipeline(createReadStream(path), codec, async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) {
          try {
            unpacked.add(path, chunk)
          } catch (error) {
            // The pipeline tells only that it was given up.
            full = error
            throw error
          }
        }
      })
    } catch (error) {
      if (full !== undefined) throw full
      if (!isCutOff(error) || restOf() <= 0) throw cannotBeUnpacked(path, error)
    }
    if (restOf() > 0) throw cannotBeUnpacked(path, new Error(`${restOf()} bytes follow its end`))
    return unpacked
  }

  /** From its beginning, block by block. */
  open(): ByteSource {
    let next = 0
    return {
      read: (target) => {
        const block = this.blocks[next++]
        return block === undefined ? 0 : this.file.read(block).copy(target)
      },
      close() {},
    }
  }

  /** All of it. */
  bytes(): Buffer {
    const bytes = Buffer.allocUnsafeSlow(this.sizeInBytes)
    let at = 0
    for (const block of this.blocks) at += this.file.read(block).copy(bytes, at)
    return bytes
  }

  // A few bytes may unpack to more than a disk has: the file is named, and how far it came.
  private add(path: string, chunk: Buffer): void {
    for (let from = 0; from < chunk.length; from += BLOCK_BYTES) {
      try {
        this.blocks.push(this.file.append(chunk.subarray(from, from + BLOCK_BYTES)))
      } catch (error) {
        throw cannotBeUnpacked(path, error, ` after ${this.sizeInBytes} bytes`)
      }
    }
    this.sizeInBytes += chunk.length
  }
}

async function zstdOf(path: string): Promise<Buffer> {
  const packed = await readFile(path)
  try {
    if (packed.length === 0) throw new Error('it is empty')
    return decompressZstd(packed, LARGEST_ZSTD_BYTES)
  } catch (error) {
    throw cannotBeUnpacked(path, error)
  }
}

/** The codec ended while there was more to read. */
function isCutOff(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE'
}

function cannotBeUnpacked(path: string, cause: unknown, when = ''): Error {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new Error(`${path} cannot be unpacked${when}: ${reason}`, { cause })
}

/** Packed files of one data set, unpacked into one file when they are first to be read: a batch may have thousands. */
export class UnpackedFiles {
  private file: SpillFile | undefined
  private readonly byPath = new Map<string, Promise<UnpackedFile>>()
  private readonly ready = new Map<string, UnpackedFile>()

  async prepare(paths: Iterable<string>, { spills }: TaskRunner): Promise<void> {
    for (const path of paths) {
      let unpacking = this.byPath.get(path)
      if (unpacking === undefined) {
        unpacking = UnpackedFile.of(path, (this.file ??= spills.open(true)))
        this.byPath.set(path, unpacking)
        unpacking.catch(() => this.byPath.delete(path))
      }
      this.ready.set(path, await unpacking)
    }
  }

  get(path: string): UnpackedFile {
    const file = this.ready.get(path)
    if (file === undefined) throw new Error(`${path} is read before it was unpacked`)
    return file
  }

  /** They are not read any more, or unpacked again first. */
  release(): void {
    this.file?.close()
    this.file = undefined
    this.byPath.clear()
    this.ready.clear()
  }
}
