// The checkpoint on disk: one LevelDB per database, below one directory. LevelDB's lock keeps a second
// process (or a second job of this one) out.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Level } from 'level'
import { CheckpointError, DamagedError, type CheckpointStore, type Database, type Writes } from './store.ts'

const BLOCK_ENTRIES = 1000
/** Beyond as much, no more entries are read at once. */
const BLOCK_BYTES = 1024 * 1024

type BufferLevel = Level<Buffer, Buffer>

/** What `level` is in Node beyond its type. */
const destroyer = Level as unknown as { destroy(location: string): Promise<void> }

export class LevelStore implements CheckpointStore {
  readonly location: string

  constructor(directory: string) {
    this.location = directory
  }

  /** LevelDB makes what it is asked to open: who only wants to look asks first. */
  has(name: string): boolean {
    return existsSync(join(this.location, name, 'CURRENT'))
  }

  async open(name: string): Promise<Database> {
    const path = join(this.location, name)
    const level: BufferLevel = new Level(path, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
    try {
      await level.open()
    } catch (error) {
      throw this.openFailed(path, error)
    }
    return new LevelDatabase(level, path)
  }

  async replace(name: string): Promise<Database> {
    await destroyer.destroy(join(this.location, name))
    return await this.open(name)
  }

  private openFailed(path: string, error: unknown): Error {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    if (code === 'LEVEL_LOCKED') {
      return new CheckpointError(
        `checkpoint directory ${this.location} is in use by another process, or by another job of this one`,
        { cause },
      )
    }
    // LevelDB makes the directory: a file that is missing was there once.
    const isFileLost = code === 'LEVEL_IO_ERROR' && String(cause).includes('No such file or directory')
    if (code === 'LEVEL_CORRUPTION' || isFileLost) {
      return new DamagedError(`${path} cannot be opened: ${String(cause)}`, { cause })
    }
    return new CheckpointError(`${path} cannot be opened: ${String(cause)}`, { cause })
  }
}

class LevelDatabase implements Database {
  private readonly level: BufferLevel
  private readonly path: string

  constructor(level: BufferLevel, path: string) {
    this.level = level
    this.path = path
  }

  async get(key: Buffer): Promise<Buffer | undefined> {
    try {
      return await this.level.get(key)
    } catch (error) {
      throw this.failed(error)
    }
  }

  async *entries(from: Buffer, until: Buffer): AsyncGenerator<readonly (readonly [Buffer, Buffer])[]> {
    yield* this.walk(this.level.iterator({ gte: from, lt: until, highWaterMarkBytes: BLOCK_BYTES }))
  }

  async *keys(from: Buffer, until: Buffer): AsyncGenerator<readonly Buffer[]> {
    yield* this.walk(this.level.keys({ gte: from, lt: until, highWaterMarkBytes: BLOCK_BYTES }))
  }

  writes(): Writes {
    const batch = this.level.batch()
    return {
      put: (key, value) => void batch.put(key, value),
      del: (key) => void batch.del(key),
      write: (options) => batch.write(options),
    }
  }

  close(): Promise<void> {
    return this.level.close()
  }

  private async *walk<T>(iterator: {
    nextv(count: number): Promise<T[]>
    close(): Promise<void>
  }): AsyncGenerator<T[]> {
    try {
      for (;;) {
        const block = await iterator.nextv(BLOCK_ENTRIES)
        if (block.length === 0) return
        yield block
      }
    } catch (error) {
      throw this.failed(error)
    } finally {
      await iterator.close()
    }
  }

  private failed(error: unknown): unknown {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'LEVEL_CORRUPTION') return error
    return new DamagedError(`${this.path} cannot be read: ${String(error)}`, { cause: error })
  }
}
