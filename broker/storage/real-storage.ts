// The real disk: the broker's only importer of node:fs. Keeps the promises of storage.ts on POSIX file
// systems: 0700 folders, 0600 files, no symbolic links followed inside the data directory, a failed write
// cut back, a failed fsync final.

import fs from 'node:fs'
import path from 'node:path'
import { DirectoryLock } from './directory-lock.ts'
import { PathQueue } from './path-queue.ts'
import { RealFile } from './real-file.ts'
import { isTemporaryCause, StorageError } from './storage.ts'
import type { Capacity, DirectoryEntry, Storage, StorageFile } from './storage.ts'
import { pathSegments, splitPath, TEMPORARY_SUFFIX } from './storage-path.ts'

/** Opens the data directory, making it where it is missing. Takes no lock: call lock(). */
export function openDirectory(root: string): Storage {
  return new RealStorage(root)
}

class RealStorage implements Storage {
  private readonly root: string
  private directoryLock: DirectoryLock | undefined
  private readonly replacing = new PathQueue()

  constructor(root: string) {
    try {
      fs.mkdirSync(root, { recursive: true, mode: 0o700 })
      // The root itself may be a link: that is the user's choice. Nothing below it may.
      this.root = fs.realpathSync(root)
    } catch (cause) {
      throw failure(root, 'cannot open the data directory', cause)
    }
  }

  get location(): string {
    return this.root
  }

  capacity(): Capacity | undefined {
    try {
      const { bsize, blocks, bavail } = fs.statfsSync(this.root, { bigint: true })
      return { totalBytes: blocks * bsize, usableBytes: bavail * bsize }
    } catch {
      return undefined
    }
  }

  open(filePath: string, options?: { create?: boolean }): StorageFile {
    const full = this.resolve(filePath)
    const flags = fs.constants.O_RDWR | fs.constants.O_NOFOLLOW | (options?.create ? fs.constants.O_CREAT : 0)
    let fd: number | undefined
    try {
      fd = fs.openSync(full, flags, 0o600)
      const stat = fs.fstatSync(fd)
      if (!stat.isFile()) throw new Error('not a regular file')
      return new RealFile(filePath, fd, stat.size)
    } catch (cause) {
      if (fd !== undefined) fs.closeSync(fd)
      throw failure(filePath, 'cannot open', cause)
    }
  }

  exists(filePath: string): boolean {
    return fs.lstatSync(this.resolve(filePath), { throwIfNoEntry: false }) !== undefined
  }

  list(directory: string): DirectoryEntry[] {
    try {
      const entries = fs.readdirSync(this.folder(directory, pathSegments(directory)), { withFileTypes: true })
      return entries
        .map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }))
        .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return []
      throw cause instanceof StorageError ? cause : failure(directory, 'cannot list', cause)
    }
  }

  makeDirectory(directory: string): void {
    let at = this.root
    for (const segment of pathSegments(directory)) {
      at = path.join(at, segment)
      try {
        fs.mkdirSync(at, 0o700)
      } catch (cause) {
        if (codeOf(cause) !== 'EEXIST') throw failure(directory, 'cannot make the folder', cause)
        // lstat: a link that points to a folder is not one.
        if (!fs.lstatSync(at).isDirectory()) throw failure(directory, 'is there and is not a folder', cause)
      }
    }
  }

  rename(from: string, to: string): void {
    this.attempt(from, `cannot rename to ${to}`, () => fs.renameSync(this.resolve(from), this.resolve(to)))
  }

  removeFile(filePath: string): void {
    this.attempt(filePath, 'cannot remove', () => fs.unlinkSync(this.resolve(filePath)))
  }

  removeDirectory(directory: string): void {
    if (pathSegments(directory).length === 0) throw new StorageError(directory, 'the data directory stays')
    this.attempt(directory, 'cannot remove', () =>
      fs.rmSync(this.resolve(directory), { recursive: true, force: true }),
    )
  }

  readFile(filePath: string): Buffer | undefined {
    let fd: number | undefined
    try {
      fd = fs.openSync(this.resolve(filePath), fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW)
      return fs.readFileSync(fd)
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return undefined
      throw failure(filePath, 'cannot read', cause)
    } finally {
      if (fd !== undefined) fs.closeSync(fd)
    }
  }

  async replaceFile(filePath: string, content: Uint8Array): Promise<void> {
    const { directory } = splitPath(filePath)
    const copy = Buffer.from(content)
    await this.replacing.run(filePath, async () => {
      await this.writeAside(filePath, copy)
      this.rename(filePath + TEMPORARY_SUFFIX, filePath)
      await this.syncDirectory(directory)
    })
  }

  replaceFileUnsynced(filePath: string, content: Uint8Array): void {
    // A name of its own: a synced replacement of the same file may be waiting for its device.
    const aside = `${filePath}.unsynced${TEMPORARY_SUFFIX}`
    this.attempt(filePath, 'cannot replace', () => {
      const fd = this.createAside(aside)
      try {
        writeAll(fd, content)
      } catch (cause) {
        this.dropAside(aside)
        throw cause
      } finally {
        fs.closeSync(fd)
      }
      fs.renameSync(this.resolve(aside), this.resolve(filePath))
    })
  }

  syncDirectory(directory: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants
      fs.open(
        this.resolve(directory),
        O_RDONLY | O_DIRECTORY | (directory === '' ? 0 : O_NOFOLLOW),
        (openError, fd) => {
          if (openError) return reject(failure(directory, 'cannot open the folder to sync it', openError))
          fs.fsync(fd, (syncError) => {
            fs.close(fd, () => {
              if (syncError) reject(finalFailure(directory, 'fsync of the folder failed', syncError))
              else resolve()
            })
          })
        },
      )
    })
  }

  lock(): void {
    this.directoryLock ??= DirectoryLock.take(this.root)
  }

  close(): void {
    this.directoryLock?.release()
    this.directoryLock = undefined
  }

  private async writeAside(filePath: string, content: Buffer): Promise<void> {
    let fd: number
    try {
      fd = this.createAside(filePath + TEMPORARY_SUFFIX)
    } catch (cause) {
      throw failure(filePath, 'cannot replace', cause)
    }
    try {
      writeAll(fd, content)
      await new Promise<void>((resolve, reject) => {
        fs.fsync(fd, (error) => (error ? reject(finalFailure(filePath, 'fsync failed', error)) : resolve()))
      })
    } catch (cause) {
      this.dropAside(filePath + TEMPORARY_SUFFIX)
      throw cause instanceof StorageError ? cause : failure(filePath, 'cannot replace', cause)
    } finally {
      fs.closeSync(fd)
    }
  }

  /** What could not be written whole takes no room. */
  private dropAside(aside: string): void {
    try {
      fs.unlinkSync(this.resolve(aside))
    } catch {
      // Left-overs are removed at open, and written over before.
    }
  }

  private createAside(aside: string): number {
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = fs.constants
    return fs.openSync(this.resolve(aside), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600)
  }

  /** The path for the operating system; the folders on the way must be folders, not links to some. */
  private resolve(relative: string): string {
    const segments = pathSegments(relative)
    const name = segments.pop()
    const folder = this.folder(relative, segments)
    return name === undefined ? folder : path.join(folder, name)
  }

  private folder(relative: string, segments: readonly string[]): string {
    let at = this.root
    for (const segment of segments) {
      at = path.join(at, segment)
      if (fs.lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) {
        throw new StorageError(relative, `'${segment}' is a link`)
      }
    }
    return at
  }

  private attempt(filePath: string, message: string, act: () => void): void {
    try {
      act()
    } catch (cause) {
      if (cause instanceof StorageError) throw cause
      throw failure(filePath, message, cause)
    }
  }
}

function writeAll(fd: number, content: Uint8Array): void {
  for (let at = 0; at < content.length; ) at += fs.writeSync(fd, content, at, content.length - at)
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function failure(filePath: string, message: string, cause: unknown): StorageError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new StorageError(filePath, `${message}: ${reason}`, { cause, isTemporary: isTemporaryCause(cause) })
}

/** Of a sync: nobody knows what of it has reached the device. */
function finalFailure(filePath: string, message: string, cause: Error): StorageError {
  return new StorageError(filePath, `${message}: ${cause.message}`, { cause })
}
