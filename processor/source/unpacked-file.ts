// A compressed text file, unpacked beside it into a file without a name: rows are read synchronously and at places of
// their own, and what is compressed can be read neither way. As with Hadoop's codecs the end of its name says how it is
// packed, and it is one partition.

import { createReadStream } from 'node:fs'
import { extname } from 'node:path'
import type { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createInflate } from 'node:zlib'
import { type SpilledBlock, SpillError, SpillFile } from '../rdd/spill-file.ts'
import type { ByteSource } from './text-file.ts'

const BLOCK_BYTES = 256 * 1024

const CODECS: Readonly<Record<string, () => Transform>> = {
  '.gz': () => createGunzip({ chunkSize: BLOCK_BYTES }),
  // Hadoop's DefaultCodec: zlib's format.
  '.deflate': () => createInflate({ chunkSize: BLOCK_BYTES }),
}
/** Of codecs that Hadoop has and this has not: their bytes are no lines. */
const UNKNOWN = new Set(['.bz2', '.zst', '.lz4', '.snappy'])

/** The name says that the file is packed. Throws TypeError where it cannot be unpacked. */
export function isPacked(path: string): boolean {
  const extension = extname(path)
  if (UNKNOWN.has(extension)) throw new TypeError(`${path}: files of ${extension} cannot be unpacked here`)
  return extension in CODECS
}

export class UnpackedFile {
  sizeInBytes = 0
  private readonly file = new SpillFile()
  private readonly blocks: SpilledBlock[] = []

  /** Rejects, naming the file, where it is damaged or ends early. */
  static async of(path: string): Promise<UnpackedFile> {
    const codec = CODECS[extname(path)]
    if (codec === undefined) throw new Error(`${path} is not packed`)
    const unpacked = new UnpackedFile()
    try {
      await pipeline(createReadStream(path), codec(), async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) unpacked.add(chunk)
      })
    } catch (error) {
      unpacked.close()
      if (error instanceof SpillError) throw error
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`${path} cannot be unpacked: ${reason}`, { cause: error })
    }
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

  close(): void {
    this.file.close()
  }

  private add(chunk: Buffer): void {
    for (let from = 0; from < chunk.length; from += BLOCK_BYTES) {
      this.blocks.push(this.file.append(chunk.subarray(from, from + BLOCK_BYTES)))
    }
    this.sizeInBytes += chunk.length
  }
}

/** Packed files of one data set, unpacked when they are first to be read. */
export class UnpackedFiles {
  private readonly byPath = new Map<string, Promise<UnpackedFile>>()
  private readonly ready = new Map<string, UnpackedFile>()

  async prepare(paths: Iterable<string>): Promise<void> {
    for (const path of paths) {
      let unpacking = this.byPath.get(path)
      if (unpacking === undefined) {
        unpacking = UnpackedFile.of(path)
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
}
