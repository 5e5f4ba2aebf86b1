// One generation of the keyed state on disk: the state behind a batch, whole. Two are kept, and every time the
// older one is moved on, past the newer one, by the redo records in between: so the last two checkpoints are
// always there, never mixed, and a state key that changes in every batch is written once for many batches.
//
//    segment u32 | block u32             →  crc32c u32 (sealed.ts) | chunk of entries (increments.ts), nothing removed
//    ff ff                               →  standing: batch, positions, operators with their number of keys; and the
//                                           segment that counts, with its number of blocks
//
// To be moved on is to write the next segment, and then the standing that names it and the last segment's end in
// one atomic write. Of a segment that no standing names nothing counts; a generation without a standing that has
// blocks is not whole and does not count.

import { CHUNK_BYTES, IncrementsReader } from './increments.ts'
import type { Journal } from './journal.ts'
import { Merge } from './merge.ts'
import { decodeKept, encodeKept, type Redo, type Segment, type Standing } from './messages.ts'
import { opened, sealed } from './sealed.ts'
import { DamagedError, type Database, type Writes } from './store.ts'
import { Turns } from './turns.ts'

const STANDING = Buffer.from([0xff, 0xff])
const FIRST = Buffer.alloc(0)

export interface BlockSizes {
  /** An entry that goes beyond it ends its block. */
  readonly blockBytes: number
  /** Of blocks that are written at once: what a database holds in memory for it is a small multiple. */
  readonly writeBytes: number
}

export const DEFAULT_BLOCK_SIZES: BlockSizes = { blockBytes: CHUNK_BYTES, writeBytes: 4 * 1024 * 1024 }

/** The state of a job that has not run. */
export const NOTHING_YET: Standing = {
  batchId: 0,
  timeMs: 0,
  positions: [],
  operators: [],
  lastOperatorNumber: 0,
  logDecided: 0,
  logDecidedTimeMs: 0,
  forgottenThrough: 0,
  leftOut: [],
  putAside: [],
}

const NO_SEGMENT: Segment = { number: 0, blocks: 0, sizeInBytes: 0 }

/** What to wait for before more is handed over; undefined: nothing. */
export type Pause = () => Promise<void> | undefined

export class Generation {
  readonly name: string
  private kept: { standing: Standing; segment: Segment }
  private readonly database: Database

  private constructor(name: string, database: Database, standing: Standing, segment: Segment) {
    this.name = name
    this.database = database
    this.kept = { standing, segment }
  }

  /** Throws DamagedError where its standing is; its blocks are looked at by `load`. */
  static async open(name: string, database: Database): Promise<Generation> {
    const bytes = await database.get(STANDING)
    if (bytes !== undefined) {
      const { standing, segment } = decodeKept(bytes, `the standing of ${name}`)
      return new Generation(name, database, standing, segment)
    }
    for await (const keys of database.keys(FIRST, STANDING)) {
      throw new DamagedError(`${name} has ${keys.length} blocks or more, but no standing`)
    }
    return new Generation(name, database, NOTHING_YET, NO_SEGMENT)
  }

  get standing(): Standing {
    return this.kept.standing
  }

  /** Of all its keys and values. */
  get sizeInBytes(): number {
    return this.kept.segment.sizeInBytes
  }

  /** Hands over every chunk. Throws DamagedError where one is damaged or missing; what was handed over is void then. */
  async load(take: (chunk: Buffer) => void, pause?: Pause): Promise<void> {
    const counts = new Map<number, number>()
    for await (const chunk of this.chunks()) {
      const reader = new IncrementsReader(chunk)
      const { operator } = reader
      let entries = 0
      for (; reader.next(); entries++) {
        if (reader.isRemoved) throw new DamagedError(`${this.name} has a key that was removed`)
      }
      take(chunk)
      counts.set(operator, (counts.get(operator) ?? 0) + entries)
      await pause?.()
    }
    for (const { number, id, keys } of this.standing.operators) {
      const found = counts.get(number) ?? 0
      if (found !== keys) throw new DamagedError(`${this.name}: '${id}' has ${found} keys of ${keys}`)
    }
  }

  /**
   * Moves on behind batch `through`, whose redo records the journal has, from what it has itself or `from` what the
   * other one has: both are in the same order. Atomic, durable when it resolves.
   */
  async advance(
    journal: Journal,
    through: number,
    sizes: BlockSizes = DEFAULT_BLOCK_SIZES,
    from: Generation = this,
  ): Promise<void> {
    const { batchId } = from.standing
    const number = this.kept.segment.number + 1
    const merge = new Merge(sizes.blockBytes)
    const blocks = new BlockWriter(this.database, number, sizes.writeBytes)
    await this.begin(number)
    let newest: Redo | undefined
    for (let id = batchId + 1; id <= through; id++) {
      newest = await journal.redo(id)
      merge.drop(newest.dropped)
      for await (const chunk of journal.increments(newest)) merge.change(chunk)
    }
    if (newest === undefined) throw new Error(`${from.name} stands behind batch ${batchId} already`)
    const turns = new Turns()
    const write = async (added: Iterable<readonly Buffer[]>) => {
      for (const chunks of added) {
        await blocks.write(chunks)
        await turns.after(sizes.blockBytes)
      }
    }
    for await (const chunk of from.chunks()) {
      await write(merge.before(chunk))
      merge.keep(chunk)
      await blocks.write(merge.take())
    }
    await write(merge.rest())
    const { dropped: _, decidedByStage: __, chunks: ___, sizeInBytes: ____, ...standing } = newest
    await this.end(blocks, standing)
  }

  /** Becomes what the other is, in an empty database; counts only once the standing is written. */
  static async copy(from: Generation, name: string, database: Database): Promise<Generation> {
    const copy = new Generation(name, database, NOTHING_YET, NO_SEGMENT)
    const blocks = new BlockWriter(database, 1, DEFAULT_BLOCK_SIZES.writeBytes)
    for await (const chunk of from.chunks()) await blocks.write([chunk])
    if (from.standing.batchId > 0) await copy.end(blocks, from.standing)
    return copy
  }

  /** Says how the job stands, where that is another thing to a checkpoint that was copied. Durable when it resolves. */
  async stand(standing: Standing): Promise<void> {
    const kept = { ...this.kept, standing }
    const writes = this.database.writes()
    writes.put(STANDING, encodeKept(kept))
    await writes.write({ sync: true })
    this.kept = kept
  }

  close(): Promise<void> {
    return this.database.close()
  }

  /** What an earlier attempt left of a segment goes; from here on there is a standing beside the blocks. */
  private async begin(segment: number): Promise<void> {
    const writes = this.database.writes()
    writes.put(STANDING, encodeKept(this.kept))
    await this.remove(writes, segment)
    await writes.write({ sync: true })
  }

  private async end(blocks: BlockWriter, standing: Standing): Promise<void> {
    const kept = { standing, segment: blocks.segment }
    const { writes } = blocks
    writes.put(STANDING, encodeKept(kept))
    await this.remove(writes, this.kept.segment.number)
    await writes.write({ sync: true })
    this.kept = kept
  }

  private async remove(writes: Writes, segment: number): Promise<void> {
    for await (const keys of this.database.keys(blockKey(segment, 0), blockKey(segment + 1, 0))) {
      for (const key of keys) writes.del(key)
    }
  }

  /** With turns of the event loop in between. Throws DamagedError. */
  private async *chunks(): AsyncGenerator<Buffer, undefined, undefined> {
    const { number, blocks } = this.kept.segment
    const turns = new Turns()
    let found = 0
    for await (const entries of this.database.entries(blockKey(number, 0), blockKey(number + 1, 0))) {
      for (const [key, bytes] of entries) {
        yield opened(key, bytes, `${this.name}: block ${found}`)
        found++
        await turns.after(bytes.length)
      }
    }
    if (found !== blocks) throw new DamagedError(`${this.name} has ${found} blocks of ${blocks}`)
    return undefined
  }
}

/** Writes the blocks of a segment, and leaves the last ones to be written with what makes them count. */
class BlockWriter {
  private readonly database: Database
  private readonly number: number
  private readonly writeBytes: number
  private blocks = 0
  private sizeInBytes = 0
  private gathered = 0
  writes: Writes

  constructor(database: Database, number: number, writeBytes: number) {
    this.database = database
    this.number = number
    this.writeBytes = writeBytes
    this.writes = database.writes()
  }

  /** Including what is only gathered. */
  get segment(): Segment {
    const { number, blocks, sizeInBytes } = this
    return { number, blocks, sizeInBytes }
  }

  async write(chunks: readonly Buffer[]): Promise<void> {
    for (const chunk of chunks) {
      const key = blockKey(this.number, this.blocks++)
      this.writes.put(key, sealed(key, chunk))
      this.sizeInBytes += chunk.length
      this.gathered += chunk.length
    }
    if (this.gathered < this.writeBytes) return
    // Synced each time: LevelDB's sync reaches back only to where it began its last file.
    await this.writes.write({ sync: true })
    this.writes = this.database.writes()
    this.gathered = 0
  }
}

function blockKey(segment: number, block: number): Buffer {
  const key = Buffer.allocUnsafeSlow(8)
  key.writeUInt32BE(segment, 0)
  key.writeUInt32BE(block, 4)
  return key
}
