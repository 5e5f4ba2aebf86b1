// The whole of the operating system's file side, as the broker sees it. Real disk, memory and faulty
// twins implement it and pass one suite (tests/suites/storage-suite.ts).
//
// Paths are relative to the data directory, '/'-separated. Reads and writes are synchronous: against
// the page cache they are 10-20 times cheaper than a trip through the thread pool. Only what waits for
// a device (sync, cold reads) is asynchronous.
//
// Nothing is durable before a sync: a file's bytes after file.sync(), a created, renamed or removed
// name after syncDirectory() of the folder that holds it.

/**
 * A disk operation failed. The directory goes offline until restart: a failed fsync is never retried. Only
 * where the error is temporary is everything as it was before the call, and it may be tried again.
 */
export class StorageError extends Error {
  readonly path: string
  /** There was no room or no file descriptor for it. Never said of a sync that had begun. */
  readonly isTemporary: boolean
  constructor(path: string, message: string, options: { cause?: unknown; isTemporary?: boolean } = {}) {
    super(`${path}: ${message}`, options)
    this.name = 'StorageError'
    this.path = path
    this.isTemporary = options.isTemporary ?? false
  }
}

const TEMPORARY_CODES: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE']

/** Whether the operating system's error says that something has run out that may come back. */
export function isTemporaryCause(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && TEMPORARY_CODES.includes(cause.code)
}

/** A failure of storage after which all is as before. */
export function isTemporary(error: unknown): error is StorageError {
  return error instanceof StorageError && error.isTemporary
}

/** Bytes below the recovery point do not read back as what was written. Names the place. */
export class CorruptLogError extends Error {
  readonly file: string
  readonly position: number
  constructor(file: string, position: number, message: string) {
    super(`${file} at byte ${position}: ${message}`)
    this.name = 'CorruptLogError'
    this.file = file
    this.position = position
  }
}

export interface StorageFile {
  readonly path: string
  /** Of the open file, for reads by other threads of this process; absent where it is no file of the system's. */
  readonly descriptor?: number
  /** Bytes written so far, durable or not. */
  readonly sizeInBytes: number
  /** Reads up to `length` bytes at `position` into `target`; returns how many there were. */
  read(target: Uint8Array, targetStart: number, length: number, position: number): number
  /** As read, off the event loop: for cold reads. */
  readOffThread(target: Uint8Array, targetStart: number, length: number, position: number): Promise<number>
  /** Appends the chunks in one go; on a short or failed write cuts the file back and throws StorageError. */
  append(chunks: readonly Uint8Array[]): void
  /** Overwrites bytes in place: in a log only with what stands there, for it only grows. */
  writeAt(bytes: Uint8Array, position: number): void
  truncate(sizeInBytes: number): void
  /** fdatasync off the event loop. Everything appended before the call is durable when it resolves. */
  sync(): Promise<void>
  close(): void
}

export interface DirectoryEntry {
  name: string
  isDirectory: boolean
}

/** Room of the file system that a data directory lies on, in bytes. */
export interface Capacity {
  totalBytes: bigint
  /** What an ordinary process may still write. */
  usableBytes: bigint
}

export interface Storage {
  /** What the data directory is called outside: its absolute path on a disk. */
  readonly location: string
  /** Undefined where there is no file system to ask. */
  capacity(): Capacity | undefined
  /** Opens for reading and appending; creates the file when `create` is set, otherwise it must exist. */
  open(path: string, options?: { create?: boolean }): StorageFile
  exists(path: string): boolean
  /** Entries of a folder in name order; empty for a folder that does not exist. */
  list(directory: string): DirectoryEntry[]
  makeDirectory(directory: string): void
  /** Replaces `to` where it exists. */
  rename(from: string, to: string): void
  removeFile(path: string): void
  /** The folder and all below it; nothing happens where it does not exist. */
  removeDirectory(directory: string): void
  /** Whole content, or undefined where there is no such file. */
  readFile(path: string): Buffer | undefined
  /** Write aside, sync, rename, sync the folder: after it resolves either the old or the new content exists. */
  replaceFile(path: string, content: Uint8Array): Promise<void>
  /** The same without the syncs: for files that only save work after a clean stop. */
  replaceFileUnsynced(path: string, content: Uint8Array): void
  syncDirectory(directory: string): Promise<void>
  /** One process per data directory; throws StorageError naming the holder. Released by close(). */
  lock(): void
  close(): void
}
