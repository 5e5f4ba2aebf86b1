// Databases that crash: what was not synced may be lost from its end on, and what is durable may be damaged.

import type { GenerationLimits } from '../../../processor/checkpoint/generations.ts'
import type { CheckpointStore, Database, Writes } from '../../../processor/checkpoint/store.ts'
import type { Random } from '../../world/random.ts'

type Change = readonly [key: string, value: Buffer | undefined]

/** One database's bytes, whoever has it open. */
class Disk {
  entries = new Map<string, Buffer>()
  /** Atomic writes that are visible, but not durable: how to take them back. */
  undo: Change[][] = []

  write(changes: readonly Change[], sync: boolean): void {
    const undo: Change[] = []
    for (const [key, value] of changes) {
      undo.unshift([key, this.entries.get(key)])
      this.set(key, value)
    }
    this.undo.push(undo)
    if (sync) this.undo = []
  }

  /** Power is cut: a suffix of the writes that were not synced is gone. */
  lose(random: Random): void {
    for (let lost = random.between(0, this.undo.length); lost > 0; lost--) {
      for (const [key, value] of this.undo.pop() as Change[]) this.set(key, value)
    }
    this.undo = []
  }

  copy(): Disk {
    const copy = new Disk()
    copy.entries = new Map(this.entries)
    return copy
  }

  private set(key: string, value: Buffer | undefined): void {
    if (value === undefined) this.entries.delete(key)
    else this.entries.set(key, value)
  }
}

/** Told before and after each write; throws to crash there. */
export type Point = (name: string) => Promise<void>

/** Generations, blocks and writes so small that a few batches fill many of each. */
export function smallGenerations(random: Random): GenerationLimits {
  return {
    batches: random.between(1, 4),
    bytes: random.between(1, 2000),
    blockBytes: random.between(1, 200),
    writeBytes: random.between(1, 400),
  }
}

export class SimulatedStore {
  private disks = new Map<string, Disk>()

  /** The directory as one instance sees it. */
  handle(point: Point): CheckpointStore {
    const open = async (name: string): Promise<Database> => {
      await point(`${name} opened`)
      return new Handle(name, this.disk(name), point)
    }
    return {
      location: 'simulated',
      open,
      replace: async (name) => {
        await point(`${name} not replaced`)
        this.disks.set(name, new Disk())
        return await open(name)
      },
    }
  }

  crash(random: Random): void {
    for (const name of [...this.disks.keys()].sort()) this.disk(name).lose(random)
  }

  /** As a volume that was copied while an instance ran on: the two no longer meet. */
  copy(): SimulatedStore {
    const copy = new SimulatedStore()
    for (const [name, disk] of this.disks) copy.disks.set(name, disk.copy())
    return copy
  }

  /**
   * Flips a bit of one entry whose key begins with the byte; of a journal, of the last batch that was staged. Returns
   * whether there was one.
   */
  damage(name: string, prefix: string, random: Random): boolean {
    const { entries } = this.disk(name)
    const keys = [...entries.keys()].filter((key) => key.startsWith(prefix)).sort()
    const key =
      prefix === 'r' || prefix === 's' ? keys.at(-1) : keys.length > 0 ? random.pick(keys) : undefined
    if (key === undefined) return false
    const bytes = Buffer.from(entries.get(key) as Buffer)
    const at = random.below(bytes.length)
    bytes[at] = (bytes[at] as number) ^ (1 << random.below(8))
    entries.set(key, bytes)
    return true
  }

  private disk(name: string): Disk {
    let disk = this.disks.get(name)
    if (disk === undefined) this.disks.set(name, (disk = new Disk()))
    return disk
  }
}

class Handle implements Database {
  private readonly name: string
  private readonly disk: Disk
  private readonly point: Point

  constructor(name: string, disk: Disk, point: Point) {
    this.name = name
    this.disk = disk
    this.point = point
  }

  get(key: Buffer): Promise<Buffer | undefined> {
    return Promise.resolve(this.disk.entries.get(key.toString('latin1')))
  }

  async *entries(from: Buffer, until: Buffer): AsyncGenerator<readonly (readonly [Buffer, Buffer])[]> {
    for await (const keys of this.keys(from, until)) {
      yield keys.map((key) => [key, this.disk.entries.get(key.toString('latin1')) as Buffer] as const)
    }
  }

  async *keys(from: Buffer, until: Buffer): AsyncGenerator<readonly Buffer[]> {
    const [low, high] = [from.toString('latin1'), until.toString('latin1')]
    const keys = [...this.disk.entries.keys()].filter((key) => key >= low && key < high).sort()
    if (keys.length > 0) yield keys.map((key) => Buffer.from(key, 'latin1'))
  }

  writes(): Writes {
    const changes: [string, Buffer | undefined][] = []
    const kind = (sync: boolean) => {
      if (this.name === 'journal') return kindOf(changes, sync)
      // Blocks count once the standing says so.
      return changes.some(([key]) => key === '\xff\xff') ? this.name : `${this.name} blocks`
    }
    return {
      put: (key, value) => void changes.push([key.toString('latin1'), Buffer.from(value)]),
      del: (key) => void changes.push([key.toString('latin1'), undefined]),
      write: async ({ sync }) => {
        if (changes.length === 0) return
        await this.point(`${kind(sync)} not written`)
        this.disk.write(changes, sync)
        await this.point(`${kind(sync)} written`)
      },
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** Redo records that do not count are dropped for good; what nobody needs is let go of, some time. */
function kindOf(changes: readonly Change[], sync: boolean): string {
  const [key = '', value] = changes.at(-1) ?? []
  if (value === undefined) return sync ? 'drop' : 'trim'
  return { p: 'plan', r: 'redo', n: 'note' }[key[0] ?? ''] ?? 'manifest'
}
