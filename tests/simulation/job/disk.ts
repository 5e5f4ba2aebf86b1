// A file system whose power is cut: names that were not synced in their folder are lost from the last one on, and so
// are bytes of a file. What is lost in one folder says nothing of another.

import type { FileSystem, OpenFile } from '../../../processor/sink/file-system.ts'
import type { Random } from '../../world/random.ts'

class File {
  bytes = Buffer.alloc(0)
  syncedBytes = 0
}

class Folder {
  readonly entries = new Map<string, Node>()
  /** How to take back what is not durable, the oldest first. */
  undo: (() => void)[] = []
  /** There is a new name among what is not durable that was another before. */
  hasRenamed = false

  set(name: string, node: Node | undefined): void {
    const before = this.entries.get(name)
    this.undo.push(() => put(this.entries, name, before))
    put(this.entries, name, node)
  }

  rename(from: string, to: string): void {
    const node = this.entries.get(from)
    if (node === undefined) throw failure('ENOENT', from)
    const target = this.entries.get(to)
    if (target !== undefined) throw failure('ENOTEMPTY', to)
    this.entries.delete(from)
    this.entries.set(to, node)
    this.hasRenamed = true
    this.undo.push(() => {
      this.entries.delete(to)
      this.entries.set(from, node)
    })
  }

  sync(): void {
    this.undo = []
    this.hasRenamed = false
  }
}

type Node = File | Folder

/** Of putting files aside, of removing what another run of the batch has put aside, and of showing them. */
export const FILE_STEPS = [
  'aside made',
  'part made',
  'part written',
  'part synced',
  '_SUCCESS made',
  '_SUCCESS synced',
  'aside synced',
  'names synced',
  'shown',
  'shown name synced',
  'file removed',
  'aside removed',
] as const

/** Told before and after each step; throws to die there. */
export type FileStep = (step: string, when: 'before' | 'after') => void

export class SimulatedDisk {
  private readonly root = new Folder()

  /** As one process sees it. */
  handle(step: FileStep): FileSystem {
    const around = async <T>(name: string, act: () => T): Promise<T> => {
      await Promise.resolve()
      step(name, 'before')
      const result = act()
      step(name, 'after')
      return result
    }
    return {
      mkdir: (path) => around('aside made', () => this.makeFolder(path)),
      readdir: (path) => around('settling', () => [...this.folder(path).entries.keys()].sort()),
      stat: (path) => around('asked', () => this.node(path)),
      rename: (from, to) =>
        around('shown', () => {
          const [folder, name] = this.place(from)
          if (this.place(to)[0] !== folder) throw failure('EXDEV', to)
          folder.rename(name, this.place(to)[1])
        }),
      rm: async (path) => {
        const inside = this.find(path)
        if (inside === undefined) return
        const [folder, name] = this.place(path)
        if (inside instanceof Folder) {
          for (const file of inside.entries.keys())
            await around('file removed', () => inside.set(file, undefined))
        }
        await around('aside removed', () => folder.set(name, undefined))
      },
      open: (path, flags) => (flags === 'r' ? this.openFolder(path, around) : this.create(path, around)),
    }
  }

  crash(random: Random): void {
    this.lose(this.root, random)
  }

  /** Folders that readers see, and what is in them; undefined for one that is not whole. */
  *shown(
    paths: readonly string[],
  ): Generator<[name: string, folder: object, lines: () => string[] | undefined]> {
    for (const path of paths) {
      const folder = this.find(path)
      if (!(folder instanceof Folder)) continue
      for (const [name, node] of folder.entries) {
        if (node instanceof Folder && !name.startsWith('.')) yield [name, node, () => linesOf(node)]
      }
    }
  }

  private async create(path: string, around: Around): Promise<OpenFile> {
    const what = path.endsWith('_SUCCESS') ? '_SUCCESS' : 'part'
    const file = await around(`${what} made`, () => {
      const [folder, name] = this.place(path)
      if (folder.entries.has(name)) throw failure('EEXIST', path)
      const made = new File()
      folder.set(name, made)
      return made
    })
    return {
      writeFile: (bytes) =>
        around(`${what} written`, () => void (file.bytes = Buffer.concat([file.bytes, bytes]))),
      sync: () => around(`${what} synced`, () => void (file.syncedBytes = file.bytes.length)),
      close: () => Promise.resolve(),
    }
  }

  private openFolder(path: string, around: Around): Promise<OpenFile> {
    const folder = this.folder(path)
    const name = folder.hasRenamed
      ? 'shown name synced'
      : path.includes('/.')
        ? 'aside synced'
        : 'names synced'
    return Promise.resolve({
      writeFile: () => Promise.reject(failure('EISDIR', path)),
      sync: () => around(name, () => folder.sync()),
      close: () => Promise.resolve(),
    })
  }

  private makeFolder(path: string): void {
    const [folder, name] = this.place(path)
    if (folder.entries.has(name)) throw failure('EEXIST', path)
    folder.set(name, new Folder())
  }

  private lose(folder: Folder, random: Random): void {
    for (let lost = random.between(0, folder.undo.length); lost > 0; lost--) folder.undo.pop()?.()
    folder.sync()
    for (const node of folder.entries.values()) {
      if (node instanceof Folder) this.lose(node, random)
      else if (node.syncedBytes < node.bytes.length) {
        node.bytes = node.bytes.subarray(0, random.between(node.syncedBytes, node.bytes.length))
        node.syncedBytes = node.bytes.length
      }
    }
  }

  private place(path: string): [Folder, string] {
    const cut = path.lastIndexOf('/')
    return [this.folder(path.slice(0, cut)), path.slice(cut + 1)]
  }

  private folder(path: string): Folder {
    const node = path === '' || path === '/' ? this.root : this.node(path)
    if (!(node instanceof Folder)) throw failure('ENOTDIR', path)
    return node
  }

  private node(path: string): Node {
    const node = this.find(path)
    if (node === undefined) throw failure('ENOENT', path)
    return node
  }

  private find(path: string): Node | undefined {
    let node: Node | undefined = this.root
    for (const name of path.split('/').slice(1)) {
      node = node instanceof Folder ? node.entries.get(name) : undefined
    }
    return node
  }
}

type Around = <T>(name: string, act: () => T) => Promise<T>

function put(entries: Map<string, Node>, name: string, node: Node | undefined): void {
  if (node === undefined) entries.delete(name)
  else entries.set(name, node)
}

function linesOf({ entries }: Folder): string[] | undefined {
  if (!entries.has('_SUCCESS')) return undefined
  return [...entries.values()].flatMap((node) =>
    node instanceof File ? node.bytes.toString().split('\n').slice(0, -1) : [],
  )
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}
