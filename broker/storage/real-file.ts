// One open file of the real disk. Writes are positional at the size this handle knows, so bytes that a
// failed write left behind are never built upon. A failed fsync breaks the file for good: the kernel has
// marked the lost pages clean, and asking again would report success.

import fs from 'node:fs'
import { assertOverwrite, assertReadTarget, assertTruncation } from './file-range.ts'
import { isTemporaryCause, StorageError } from './storage.ts'
import type { StorageFile } from './storage.ts'

export class RealFile implements StorageFile {
  readonly path: string
  private readonly fd: number
  private size: number
  private broken: StorageError | undefined
  /** Operations in the thread pool. The descriptor is closed after the last: its number may be reused at once. */
  private inFlight = 0
  private closed = false

  constructor(path: string, fd: number, sizeInBytes: number) {
    this.path = path
    this.fd = fd
    this.size = sizeInBytes
  }

  get sizeInBytes(): number {
    return this.size
  }

  get descriptor(): number {
    this.assertOpen()
    return this.fd
  }

  read(target: Uint8Array, targetStart: number, length: number, position: number): number {
    this.assertOpen()
    assertReadTarget(this.path, target, targetStart, length)
    try {
      // The kernel may stop short at a signal; only 0 means the end.
      let done = 0
      while (done < length) {
        const count = fs.readSync(this.fd, target, targetStart + done, length - done, position + done)
        if (count === 0) break
        done += count
      }
      return done
    } catch (cause) {
      throw this.failure('read failed', cause)
    }
  }

  async readOffThread(
    target: Uint8Array,
    targetStart: number,
    length: number,
    position: number,
  ): Promise<number> {
    this.assertOpen()
    assertReadTarget(this.path, target, targetStart, length)
    this.inFlight++
    try {
      let done = 0
      while (done < length) {
        const count = await this.readOnce(target, targetStart + done, length - done, position + done)
        if (count === 0) break
        done += count
      }
      return done
    } catch (cause) {
      throw this.failure('read failed', cause)
    } finally {
      this.landed()
    }
  }

  append(chunks: readonly Uint8Array[]): void {
    this.assertWritable()
    let total = 0
    for (const chunk of chunks) total += chunk.byteLength
    if (total === 0) return
    let written = 0
    try {
      const only = chunks.length === 1 ? chunks[0] : undefined
      written =
        only === undefined
          ? fs.writevSync(this.fd, chunks, this.size)
          : fs.writeSync(this.fd, only, 0, total, this.size)
      // A short write without an error: the next one says why, or goes on.
      if (written < total) written += this.writeRest(chunks, written)
    } catch (cause) {
      const isTemporary = this.cutBack() && isTemporaryCause(cause)
      throw this.failure(`append of ${total} bytes failed`, cause, isTemporary)
    }
    this.size += total
  }

  writeAt(bytes: Uint8Array, position: number): void {
    this.assertWritable()
    assertOverwrite(this.path, bytes.byteLength, position, this.size)
    try {
      for (let done = 0; done < bytes.byteLength; ) {
        done += fs.writeSync(this.fd, bytes, done, bytes.byteLength - done, position + done)
      }
    } catch (cause) {
      throw this.failure('write failed', cause)
    }
  }

  truncate(sizeInBytes: number): void {
    this.assertWritable()
    assertTruncation(this.path, sizeInBytes, this.size)
    try {
      fs.ftruncateSync(this.fd, sizeInBytes)
      this.size = sizeInBytes
    } catch (cause) {
      throw this.failure('truncate failed', cause)
    }
  }

  sync(): Promise<void> {
    if (this.broken !== undefined) return Promise.reject(this.broken)
    this.assertOpen()
    this.inFlight++
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.fd, (error) => {
        this.landed()
        if (error) this.broken ??= this.failure('fdatasync failed', error)
        // Also for a sync that was under way beside one that failed: its pages may be the lost ones.
        if (this.broken !== undefined) reject(this.broken)
        else resolve()
      })
    })
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    if (this.inFlight === 0) fs.closeSync(this.fd)
  }

  private readOnce(target: Uint8Array, start: number, length: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.fd, target, start, length, position, (error, count) =>
        error ? reject(error) : resolve(count),
      )
    })
  }

  private writeRest(chunks: readonly Uint8Array[], alreadyWritten: number): number {
    const rest = Buffer.concat(chunks).subarray(alreadyWritten)
    let done = 0
    while (done < rest.length) {
      const count = fs.writeSync(this.fd, rest, done, rest.length - done, this.size + alreadyWritten + done)
      if (count === 0) throw new Error('the device takes no more bytes')
      done += count
    }
    return done
  }

  /** What a failed append left beyond the size goes. Where even that fails, nothing more may be written here. */
  private cutBack(): boolean {
    try {
      fs.ftruncateSync(this.fd, this.size)
      return true
    } catch (cause) {
      this.broken ??= this.failure('could not cut back a failed append', cause)
      return false
    }
  }

  private landed(): void {
    this.inFlight--
    if (this.closed && this.inFlight === 0) fs.closeSync(this.fd)
  }

  private assertOpen(): void {
    if (this.closed) throw new StorageError(this.path, 'the file is closed')
  }

  private assertWritable(): void {
    this.assertOpen()
    if (this.broken !== undefined) throw this.broken
  }

  private failure(message: string, cause: unknown, isTemporary = false): StorageError {
    if (cause instanceof StorageError) return cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    return new StorageError(this.path, `${message}: ${reason}`, { cause, isTemporary })
  }
}
