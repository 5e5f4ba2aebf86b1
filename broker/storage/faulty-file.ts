// A handle on a file of the faulty disk. Dead after a power cut; broken for good after a failed sync.

import type { DurableFile } from './durable-file.ts'
import { assertOverwrite, assertReadTarget, assertTruncation } from './file-range.ts'
import { StorageError } from './storage.ts'
import type { StorageFile } from './storage.ts'

export type FaultyOperation =
  | 'open'
  | 'append'
  | 'truncate'
  | 'sync'
  | 'syncDirectory'
  | 'rename'
  | 'remove'
  | 'read'

/** What a handle asks of its disk. */
export interface FaultSource {
  readonly crashes: number
  maybeFail(operation: FaultyOperation, path: string): void
  noteWrite(file: DurableFile): void
  syncFile(file: DurableFile, path: string): Promise<void>
}

export class FaultyFile implements StorageFile {
  readonly path: string
  private readonly storage: FaultSource
  private readonly bytes: DurableFile
  private readonly life: number
  private broken: StorageError | undefined
  private closed = false

  constructor(storage: FaultSource, path: string, bytes: DurableFile) {
    this.storage = storage
    this.path = path
    this.bytes = bytes
    this.life = storage.crashes
  }

  get sizeInBytes(): number {
    return this.bytes.sizeInBytes
  }

  read(target: Uint8Array, targetStart: number, length: number, position: number): number {
    this.assertUsable()
    assertReadTarget(this.path, target, targetStart, length)
    this.storage.maybeFail('read', this.path)
    return this.bytes.read(target, targetStart, length, position)
  }

  async readOffThread(
    target: Uint8Array,
    targetStart: number,
    length: number,
    position: number,
  ): Promise<number> {
    return this.read(target, targetStart, length, position)
  }

  append(chunks: readonly Uint8Array[]): void {
    this.assertWritable()
    // A failed append leaves nothing: what a real disk had taken of it is cut off again.
    this.storage.maybeFail('append', this.path)
    const before = this.bytes.sizeInBytes
    for (const chunk of chunks) this.bytes.append(chunk)
    if (this.bytes.sizeInBytes > before) this.storage.noteWrite(this.bytes)
  }

  writeAt(bytes: Uint8Array, position: number): void {
    this.assertWritable()
    this.storage.maybeFail('append', this.path)
    assertOverwrite(this.path, bytes.byteLength, position, this.sizeInBytes)
    this.bytes.writeAt(bytes, position)
    this.storage.noteWrite(this.bytes)
  }

  truncate(sizeInBytes: number): void {
    this.assertWritable()
    this.storage.maybeFail('truncate', this.path)
    assertTruncation(this.path, sizeInBytes, this.sizeInBytes)
    this.bytes.truncate(sizeInBytes)
  }

  async sync(): Promise<void> {
    this.assertWritable()
    try {
      await this.storage.syncFile(this.bytes, this.path)
    } catch (error) {
      this.broken ??= error as StorageError
    }
    if (this.broken !== undefined) throw this.broken
  }

  close(): void {
    this.closed = true
  }

  private assertUsable(): void {
    if (this.life !== this.storage.crashes) throw new StorageError(this.path, 'power was cut')
    if (this.closed) throw new StorageError(this.path, 'the file is closed')
  }

  private assertWritable(): void {
    this.assertUsable()
    if (this.broken !== undefined) throw this.broken
  }
}
