// A file for rows that memory shall not hold, gone with the process whatever happens: its name is taken away as soon as
// it is open. It is closed by whoever made it, or, if that was forgotten, when nothing refers to it any more. What is
// read is what was written, or an error: where each block is, how long, and its checksum are kept in memory.
//
// Rule kept: rows never fill a disk. What else lies there, the log of a broker perhaps, keeps room to be written.

import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { threadId } from 'node:worker_threads'
import { crc32c } from '../../broker/protocol/record-batch/crc32c.ts'

/** A file of rows cannot be made, written or read. */
export class SpillError extends Error {
  /** The name that it had, or was to have. */
  readonly file: string

  constructor(file: string, what: string, cause?: unknown) {
    super(`${what} ${file}${cause instanceof Error ? `: ${cause.message}` : ''}`, { cause })
    this.name = 'SpillError'
    this.file = file
  }
}

export interface SpilledBlock {
  readonly position: number
  readonly length: number
  readonly checksum: number
}

/** Of the disk: what rows leave to others, and where a disk is small, the part of it that they leave. */
const LEFT_BYTES = 256 * 1024 * 1024
const LEFT_PART = 0.05
/** Written before the disk is asked again. */
const LOOK_EVERY_BYTES = 16 * 1024 * 1024

const NAME = /^logmill-rows-(\d+)-\d+-\d+$/

let made = 0

const closing = new FinalizationRegistry<number>((fd) => fs.closeSync(fd))

export class SpillFile {
  private readonly name: string
  private readonly fd: number
  private readonly directory: string
  private sizeInBytes = 0
  private lookedAtBytes = 0
  private isClosed = false

  /** Throws SpillError. */
  constructor(directory: string = tmpdir()) {
    this.directory = directory
    this.name = path.join(directory, `logmill-rows-${process.pid}-${threadId}-${made++}`)
    try {
      this.fd = fs.openSync(this.name, 'wx+', 0o600)
    } catch (error) {
      throw new SpillError(this.name, 'rows that memory shall not hold need', error)
    }
    // Whoever swept the directory may have been quicker.
    fs.rmSync(this.name, { force: true })
    closing.register(this, this.fd, this)
  }

  /** Throws SpillError; what was half written then is never read. */
  append(bytes: Uint8Array): SpilledBlock {
    // Its descriptor may be another file's by now.
    if (this.isClosed) throw new Error('rows are written to a file that is closed: their batch is over')
    const position = this.sizeInBytes
    if (position + bytes.length >= this.lookedAtBytes + LOOK_EVERY_BYTES) this.lookForRoom(bytes.length)
    try {
      for (let done = 0; done < bytes.length; ) {
        done += fs.writeSync(this.fd, bytes, done, bytes.length - done, position + done)
      }
    } catch (error) {
      throw new SpillError(this.name, `cannot write ${bytes.length} bytes at ${position} of`, error)
    }
    this.sizeInBytes += bytes.length
    return { position, length: bytes.length, checksum: crc32c(bytes, 0, bytes.length) }
  }

  /** Throws SpillError where it is not what was written. */
  read({ position, length, checksum }: SpilledBlock): Buffer {
    if (this.isClosed) throw new Error('rows are read that are not held any more')
    const bytes = Buffer.allocUnsafeSlow(length)
    for (let done = 0; done < length; ) {
      const read = this.readAt(bytes, done, position + done)
      if (read === 0) {
        throw new SpillError(
          this.name,
          `there is nothing at ${position + done}, before ${position + length}, of`,
        )
      }
      done += read
    }
    if (crc32c(bytes, 0, length) !== checksum) {
      throw new SpillError(this.name, `the ${length} bytes at ${position} are not those that were written to`)
    }
    return bytes
  }

  /** Nothing may be read any more. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    closing.unregister(this)
    fs.closeSync(this.fd)
  }

  private lookForRoom(more: number): void {
    let disk: fs.StatsFs
    try {
      disk = fs.statfsSync(this.directory)
    } catch {
      // Not every file system can tell: then it says so when it is full.
      return
    }
    this.lookedAtBytes = this.sizeInBytes
    const freeBytes = disk.bavail * disk.bsize
    const leftBytes = Math.min(LEFT_BYTES, Math.floor(disk.blocks * disk.bsize * LEFT_PART))
    if (freeBytes - more >= leftBytes) return
    const told = `${freeBytes} bytes are free in ${this.directory}, of which rows leave ${leftBytes} to others`
    throw new SpillError(
      this.name,
      `cannot write ${more} bytes more than ${this.sizeInBytes} to`,
      new Error(told),
    )
  }

  private readAt(bytes: Buffer, offset: number, position: number): number {
    try {
      return fs.readSync(this.fd, bytes, offset, bytes.length - offset, position)
    } catch (error) {
      throw new SpillError(this.name, 'cannot read', error)
    }
  }
}

/**
 * Takes away the names, of files without content, that processes left which were killed between making a file and
 * taking its name away. Returns how many there were; a directory that cannot be looked into has none.
 */
export function sweepSpillFiles(directory: string): number {
  let swept = 0
  for (const name of namesIn(directory)) {
    const pid = NAME.exec(name)?.[1]
    if (pid === undefined || isAlive(Number(pid))) continue
    fs.rmSync(path.join(directory, name), { force: true })
    swept++
  }
  return swept
}

function namesIn(directory: string): string[] {
  try {
    return fs.readdirSync(directory)
  } catch {
    return []
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It is there, and another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
