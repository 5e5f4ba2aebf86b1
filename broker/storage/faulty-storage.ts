// A disk that fails on command. Over memory, it knows which bytes and names have reached the device:
//
//   bytes   durable after file.sync() has resolved. On crash() each 512-byte sector that was written since
//           then is there or not, whatever the order of the writes; one that is not reads as it did at the
//           last sync, as zeroes beyond the end of then. The file may come out shorter; the sectors at the
//           end of the one written last may be stale: random bytes.
//   names   durable after syncDirectory() of their folder. On crash() the newest creations, renames and
//           removals of each folder may be undone, the last one first.
//   sync    one that fails loses what it should have made durable: reads still see it, no later sync saves
//           it, crash() always loses it, but for sectors that are written to again.
//
// All of it comes from one seeded generator. A completed write is not torn within a sector.

import { DurableFile } from './durable-file.ts'
import type { Randomness } from './durable-file.ts'
import { FaultyFile } from './faulty-file.ts'
import type { FaultyOperation } from './faulty-file.ts'
import { PathQueue } from './path-queue.ts'
import { StorageError } from './storage.ts'
import type { DirectoryEntry, Storage, StorageFile } from './storage.ts'
import { pathSegments, splitPath, TEMPORARY_SUFFIX } from './storage-path.ts'

export type { Randomness } from './durable-file.ts'

export type { FaultyOperation } from './faulty-file.ts'
/** ENOSPC and EMFILE are temporary, but for a sync that found no room. */
export type FaultCode = 'EIO' | 'ENOSPC' | 'EMFILE'

type FolderNode = {
  kind: 'folder'
  entries: Map<string, Node>
  durable: Map<string, Node>
  pending: NameChange[]
}
type FileNode = { kind: 'file'; bytes: DurableFile }
type Node = FolderNode | FileNode

/** Entries that were there before and after one operation of a folder; undefined: no such name. */
type NameChange = { name: string; node: Node | undefined }[]

interface Fault {
  operation: FaultyOperation
  code: FaultCode
  remaining: number
  sticky: boolean
}

interface HeldSync {
  finish: () => void
  fail: (error: StorageError) => void
}

function newFolder(): FolderNode {
  return { kind: 'folder', entries: new Map(), durable: new Map(), pending: [] }
}

export class FaultyStorage implements Storage {
  /** While set, syncs stay under way until finishSyncs(), failSyncs() or crash(). */
  holdSyncs = false
  /** Power cuts so far: handles of an earlier life are dead. */
  crashes = 0
  private readonly random: Randomness
  private root = newFolder()
  private faults: Fault[] = []
  private held: HeldSync[] = []
  private lastWritten: DurableFile | undefined
  private locked = false
  private readonly replacing = new PathQueue()

  readonly location = 'memory'

  constructor(random: Randomness) {
    this.random = random
  }

  /** Makes the nth next operation of that kind fail (1: the next one); sticky: and all after it. */
  failNext(
    operation: FaultyOperation,
    code: FaultCode = 'EIO',
    options: { nth?: number; sticky?: boolean } = {},
  ): void {
    this.faults.push({ operation, code, remaining: options.nth ?? 1, sticky: options.sticky ?? false })
  }

  clearFaults(): void {
    this.faults = []
  }

  /** How many syncs are under way (holdSyncs). */
  get syncsHeld(): number {
    return this.held.length
  }

  /** Completes the syncs that are under way, oldest first; all or the given number of them. */
  finishSyncs(count = this.held.length): void {
    for (const sync of this.held.splice(0, count)) sync.finish()
  }

  /** Pulls the plug: what was not durable is lost or torn, open handles and the lock are gone. */
  crash(): void {
    this.crashes++
    for (const sync of this.held.splice(0)) sync.fail(new StorageError('', 'power was cut'))
    this.root = this.crashFolder(this.root)
    this.faults = []
    this.lastWritten = undefined
    this.locked = false
  }

  capacity(): undefined {
    return undefined
  }

  open(path: string, options?: { create?: boolean }): StorageFile {
    this.maybeFail('open', path)
    const { folder, name } = this.locate(path)
    let node = folder.entries.get(name)
    if (node?.kind === 'folder') throw new StorageError(path, 'cannot open: it is a folder')
    if (node === undefined) {
      if (!options?.create) throw new StorageError(path, 'cannot open: no such file')
      node = { kind: 'file', bytes: new DurableFile() }
      this.change(folder, [{ name, node }])
    }
    return new FaultyFile(this, path, node.bytes)
  }

  exists(path: string): boolean {
    const segments = pathSegments(path)
    const name = segments.pop()
    return name === undefined || this.find(segments)?.entries.has(name) === true
  }

  list(directory: string): DirectoryEntry[] {
    const folder = this.find(pathSegments(directory))
    if (folder === undefined) return []
    return [...folder.entries]
      .map(([name, node]) => ({ name, isDirectory: node.kind === 'folder' }))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  }

  makeDirectory(directory: string): void {
    let at = this.root
    for (const name of pathSegments(directory)) {
      let next = at.entries.get(name)
      if (next?.kind === 'file') throw new StorageError(directory, `'${name}' is there and is not a folder`)
      if (next === undefined) {
        next = newFolder()
        this.change(at, [{ name, node: next }])
      }
      at = next
    }
  }

  rename(from: string, to: string): void {
    this.maybeFail('rename', from)
    const source = this.locate(from)
    const target = this.locate(to)
    const node = source.folder.entries.get(source.name)
    if (node === undefined) throw new StorageError(from, `cannot rename to ${to}: no such file`)
    const there = target.folder.entries.get(target.name)
    if (there !== undefined && (there.kind === 'folder' || node.kind === 'folder')) {
      throw new StorageError(from, `cannot rename to ${to}: it is there`)
    }
    if (source.folder === target.folder) {
      this.change(source.folder, [
        { name: source.name, node: undefined },
        { name: target.name, node },
      ])
    } else {
      this.change(target.folder, [{ name: target.name, node }])
      this.change(source.folder, [{ name: source.name, node: undefined }])
    }
  }

  removeFile(path: string): void {
    this.maybeFail('remove', path)
    const { folder, name } = this.locate(path)
    if (folder.entries.get(name)?.kind !== 'file') throw new StorageError(path, 'cannot remove: no such file')
    this.change(folder, [{ name, node: undefined }])
  }

  removeDirectory(directory: string): void {
    this.maybeFail('remove', directory)
    const segments = pathSegments(directory)
    const name = segments.pop()
    if (name === undefined) throw new StorageError(directory, 'the data directory stays')
    const folder = this.find(segments)
    if (folder?.entries.get(name)?.kind === 'folder') this.change(folder, [{ name, node: undefined }])
  }

  readFile(path: string): Buffer | undefined {
    this.maybeFail('read', path)
    const { directory, name } = splitPath(path)
    const node = this.find(pathSegments(directory))?.entries.get(name)
    return node?.kind === 'file' ? node.bytes.copy() : undefined
  }

  async replaceFile(path: string, content: Uint8Array): Promise<void> {
    const { directory } = splitPath(path)
    const copy = Buffer.from(content)
    const life = this.crashes
    const assertAlive = (): void => {
      if (life !== this.crashes) throw new StorageError(path, 'power was cut')
    }
    await this.replacing.run(path, async () => {
      assertAlive()
      const file = this.writeAside(path + TEMPORARY_SUFFIX, copy)
      await file.sync()
      assertAlive()
      this.rename(path + TEMPORARY_SUFFIX, path)
      await this.syncDirectory(directory)
      assertAlive()
    })
  }

  replaceFileUnsynced(path: string, content: Uint8Array): void {
    const aside = `${path}.unsynced${TEMPORARY_SUFFIX}`
    this.writeAside(aside, content)
    this.rename(aside, path)
  }

  syncDirectory(directory: string): Promise<void> {
    const folder = this.find(pathSegments(directory))
    if (folder === undefined)
      return Promise.reject(new StorageError(directory, 'cannot sync: no such folder'))
    const fault = this.takeFault('syncDirectory', directory)
    const newest = folder.pending.at(-1)
    return this.whenDevice(fault, () => {
      if (fault !== undefined) return
      // Found anew: a sync that ended meanwhile may have covered some of them, or all.
      const covered = folder.pending.findIndex((change) => change === newest) + 1
      for (const change of folder.pending.splice(0, covered)) applyChange(folder.durable, change)
    })
  }

  lock(): void {
    if (this.locked) throw new StorageError('', `the data directory is in use by process ${process.pid}`)
    this.locked = true
  }

  close(): void {
    this.locked = false
  }

  /** For files: throws or returns the fault that was ordered for this operation. */
  maybeFail(operation: FaultyOperation, path: string): void {
    const fault = this.takeFault(operation, path)
    if (fault !== undefined) throw fault
  }

  noteWrite(file: DurableFile): void {
    this.lastWritten = file
  }

  syncFile(file: DurableFile, path: string): Promise<void> {
    const fault = this.takeFault('sync', path)
    const covered = file.beginSync()
    return this.whenDevice(fault, () => file.endSync(covered, fault === undefined))
  }

  private whenDevice(fault: StorageError | undefined, act: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        act()
        if (fault === undefined) resolve()
        else reject(fault)
      }
      if (this.holdSyncs) this.held.push({ finish, fail: reject })
      else finish()
    })
  }

  private takeFault(operation: FaultyOperation, path: string): StorageError | undefined {
    for (const fault of this.faults) {
      if (fault.operation !== operation) continue
      if (--fault.remaining > 0) return undefined
      if (fault.sticky) fault.remaining = 1
      else this.faults.splice(this.faults.indexOf(fault), 1)
      const isSync = operation === 'sync' || operation === 'syncDirectory'
      const isTemporary =
        (fault.code === 'EMFILE' && operation !== 'sync') || (fault.code === 'ENOSPC' && !isSync)
      return new StorageError(path, `${operation} failed: ${fault.code}`, { isTemporary })
    }
    return undefined
  }

  private writeAside(path: string, content: Uint8Array): StorageFile {
    if (this.exists(path)) this.removeFile(path)
    const file = this.open(path, { create: true })
    file.append([content])
    return file
  }

  private change(folder: FolderNode, change: NameChange): void {
    applyChange(folder.entries, change)
    folder.pending.push(change)
  }

  /** The folder as it is found after power is back. A file under two names is one file still. */
  private crashFolder(folder: FolderNode, seen = new Map<DurableFile, DurableFile>()): FolderNode {
    const survived = new Map(folder.durable)
    const kept = Math.floor(this.random.next() * (folder.pending.length + 1))
    for (const change of folder.pending.slice(0, kept)) applyChange(survived, change)
    const after = newFolder()
    for (const [name, node] of survived) {
      let found: Node
      if (node.kind === 'folder') found = this.crashFolder(node, seen)
      else {
        const bytes =
          seen.get(node.bytes) ?? node.bytes.afterCrash(this.random, node.bytes === this.lastWritten)
        seen.set(node.bytes, bytes)
        found = { kind: 'file', bytes }
      }
      after.entries.set(name, found)
      after.durable.set(name, found)
    }
    return after
  }

  private find(segments: readonly string[]): FolderNode | undefined {
    let at: FolderNode = this.root
    for (const segment of segments) {
      const next = at.entries.get(segment)
      if (next?.kind !== 'folder') return undefined
      at = next
    }
    return at
  }

  private locate(path: string): { folder: FolderNode; name: string } {
    const { directory, name } = splitPath(path)
    const folder = this.find(pathSegments(directory))
    if (folder === undefined) throw new StorageError(path, 'no such folder')
    return { folder, name }
  }
}

function applyChange(entries: Map<string, Node>, change: NameChange): void {
  for (const { name, node } of change) {
    if (node === undefined) entries.delete(name)
    else entries.set(name, node)
  }
}
