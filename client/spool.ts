// Bytes of a range that were brought here: in memory while they are few, in a temporary file when they are many,
// so that a batch may be larger than memory. The file is nobody's but this process's and is gone with it.

import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MEMORY_BYTES = 4 * 1024 * 1024

export class Spool {
  private readonly memoryBytes: number
  private chunks: Buffer[] = []
  private descriptor: number | undefined
  length = 0

  constructor(memoryBytes: number = MEMORY_BYTES) {
    this.memoryBytes = memoryBytes
  }

  /** Copies the bytes. */
  append(bytes: Buffer): void {
    if (this.descriptor === undefined && this.length + bytes.length > this.memoryBytes) this.moveToFile()
    if (this.descriptor === undefined) this.chunks.push(Buffer.from(bytes))
    else writeWhole(this.descriptor, bytes, this.length)
    this.length += bytes.length
  }

  /** As many bytes from `position` on as there are, at most `target.length`. */
  read(target: Buffer, position: number): number {
    if (this.descriptor !== undefined) return readWhole(this.descriptor, target, position)
    let filled = 0
    let begin = 0
    for (const chunk of this.chunks) {
      const at = position + filled - begin
      if (at < chunk.length) filled += chunk.copy(target, filled, at)
      if (filled === target.length) break
      begin += chunk.length
    }
    return filled
  }

  close(): void {
    this.chunks = []
    this.length = 0
    if (this.descriptor !== undefined) closeSync(this.descriptor)
    this.descriptor = undefined
  }

  private moveToFile(): void {
    const directory = mkdtempSync(join(tmpdir(), 'logmill-fetched-'))
    const descriptor = openSync(join(directory, 'bytes'), 'wx+', 0o600)
    // Its name goes at once: the bytes go with the descriptor, however the process ends.
    rmSync(directory, { recursive: true })
    this.descriptor = descriptor
    let position = 0
    for (const chunk of this.chunks) {
      writeWhole(descriptor, chunk, position)
      position += chunk.length
    }
    this.chunks = []
  }
}

function writeWhole(descriptor: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, position + done)
  }
}

function readWhole(descriptor: number, target: Buffer, position: number): number {
  let done = 0
  while (done < target.length) {
    const count = readSync(descriptor, target, done, target.length - done, position + done)
    if (count === 0) break
    done += count
  }
  return done
}
