// Files that live in memory: the broker's `--memory` mode and the test kit. No sync means anything here,
// and nothing outlives the object. Names and open handles behave as on POSIX: a removed or renamed file
// stays readable through a handle that was open.

import { ByteChunks } from './byte-chunks.ts'
import { assertOverwrite, assertReadTarget, assertTruncation } from './file-range.ts'
import { StorageError } from './storage.ts'
import type { DirectoryEntry, Storage, StorageFile } from './storage.ts'
import { pathSegments, splitPath } from './storage-path.ts'

interface Folder {
  readonly folders: Map<string, Folder>
  readonly files: Map<string, ByteChunks>
}

function newFolder(): Folder {
  return { folders: new Map(), files: new Map() }
}

export class MemoryStorage implements Storage {
  private readonly root = newFolder()
  private locked = false
  readonly location = 'memory'

  capacity(): undefined {
    return undefined
  }

  open(path: string, options?: { create?: boolean }): StorageFile {
    const { folder, name } = this.locate(path)
    let content = folder.files.get(name)
    if (content === undefined) {
      if (folder.folders.has(name)) throw new StorageError(path, 'cannot open: it is a folder')
      if (!options?.create) throw new StorageError(path, 'cannot open: no such file')
      content = new ByteChunks()
      folder.files.set(name, content)
    }
    return new MemoryFile(path, content)
  }

  exists(path: string): boolean {
    const segments = pathSegments(path)
    const name = segments.pop()
    if (name === undefined) return true
    const folder = this.find(segments)
    return folder !== undefined && (folder.files.has(name) || folder.folders.has(name))
  }

  list(directory: string): DirectoryEntry[] {
    const folder = this.find(pathSegments(directory))
    if (folder === undefined) return []
    const entries: DirectoryEntry[] = []
    for (const name of folder.folders.keys()) entries.push({ name, isDirectory: true })
    for (const name of folder.files.keys()) entries.push({ name, isDirectory: false })
    return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  }

  makeDirectory(directory: string): void {
    let at = this.root
    for (const segment of pathSegments(directory)) {
      if (at.files.has(segment))
        throw new StorageError(directory, `'${segment}' is there and is not a folder`)
      let next = at.folders.get(segment)
      if (next === undefined) {
        next = newFolder()
        at.folders.set(segment, next)
      }
      at = next
    }
  }

  rename(from: string, to: string): void {
    const source = this.locate(from)
    const target = this.locate(to)
    const file = source.folder.files.get(source.name)
    if (file !== undefined) {
      if (target.folder.folders.has(target.name))
        throw new StorageError(from, `cannot rename to ${to}: a folder`)
      source.folder.files.delete(source.name)
      target.folder.files.set(target.name, file)
      return
    }
    const moved = source.folder.folders.get(source.name)
    if (moved === undefined) throw new StorageError(from, `cannot rename to ${to}: no such file`)
    if (this.exists(to)) throw new StorageError(from, `cannot rename to ${to}: it is there`)
    source.folder.folders.delete(source.name)
    target.folder.folders.set(target.name, moved)
  }

  removeFile(path: string): void {
    const { folder, name } = this.locate(path)
    if (!folder.files.delete(name)) throw new StorageError(path, 'cannot remove: no such file')
  }

  removeDirectory(directory: string): void {
    const segments = pathSegments(directory)
    const name = segments.pop()
    if (name === undefined) throw new StorageError(directory, 'the data directory stays')
    this.find(segments)?.folders.delete(name)
  }

  readFile(path: string): Buffer | undefined {
    const { directory, name } = splitPath(path)
    const content = this.find(pathSegments(directory))?.files.get(name)
    if (content === undefined) return undefined
    const bytes = Buffer.allocUnsafeSlow(content.sizeInBytes)
    content.read(bytes, 0, bytes.length, 0)
    return bytes
  }

  replaceFile(path: string, content: Uint8Array): Promise<void> {
    try {
      this.replaceFileUnsynced(path, content)
      return Promise.resolve()
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  replaceFileUnsynced(path: string, content: Uint8Array): void {
    const { folder, name } = this.locate(path)
    if (folder.folders.has(name)) throw new StorageError(path, 'cannot replace: it is a folder')
    const replacement = new ByteChunks()
    replacement.append([content])
    folder.files.set(name, replacement)
  }

  syncDirectory(directory: string): Promise<void> {
    if (this.find(pathSegments(directory)) !== undefined) return Promise.resolve()
    return Promise.reject(new StorageError(directory, 'cannot sync: no such folder'))
  }

  lock(): void {
    if (this.locked) throw new StorageError('', `the data directory is in use by process ${process.pid}`)
    this.locked = true
  }

  close(): void {
    this.locked = false
  }

  private find(segments: readonly string[]): Folder | undefined {
    let at: Folder | undefined = this.root
    for (const segment of segments) at = at?.folders.get(segment)
    return at
  }

  private locate(path: string): { folder: Folder; name: string } {
    const { directory, name } = splitPath(path)
    const folder = this.find(pathSegments(directory))
    if (folder === undefined) throw new StorageError(path, 'no such folder')
    return { folder, name }
  }
}

class MemoryFile implements StorageFile {
  readonly path: string
  private readonly content: ByteChunks
  private closed = false

  constructor(path: string, content: ByteChunks) {
    this.path = path
    this.content = content
  }

  get sizeInBytes(): number {
    return this.content.sizeInBytes
  }

  read(target: Uint8Array, targetStart: number, length: number, position: number): number {
    this.assertOpen()
    assertReadTarget(this.path, target, targetStart, length)
    return this.content.read(target, targetStart, length, position)
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
    this.assertOpen()
    this.content.append(chunks)
  }

  writeAt(bytes: Uint8Array, position: number): void {
    this.assertOpen()
    assertOverwrite(this.path, bytes.byteLength, position, this.sizeInBytes)
    this.content.writeAt(bytes, position)
  }

  truncate(sizeInBytes: number): void {
    this.assertOpen()
    assertTruncation(this.path, sizeInBytes, this.sizeInBytes)
    this.content.truncate(sizeInBytes)
  }

  async sync(): Promise<void> {
    this.assertOpen()
  }

  close(): void {
    this.closed = true
  }

  private assertOpen(): void {
    if (this.closed) throw new StorageError(this.path, 'the file is closed')
  }
}
