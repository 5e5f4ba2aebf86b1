// The checkpoint's journal: what is planned and what is staged, each synced before the job goes on.
//
//    m                        manifest
//    n                        note (not synced by itself)
//    p, batch id u64          plan
//    r, batch id u64          redo record, without its increments
//    r, batch id u64, u32     a chunk of them, by its place: crc32c u32 (sealed.ts) | chunk (increments.ts)
//    s, batch id u64          what must be known of a staged batch also where its redo record is damaged

import type { BatchPlan } from '../graph/contracts/commit.ts'
import {
  decodeManifest,
  decodeNote,
  decodePlan,
  decodeRedo,
  decodeStaged,
  encodeManifest,
  encodeNote,
  encodePlan,
  encodeRedo,
  encodeStaged,
  type Manifest,
  type Note,
  type Redo,
  type Staged,
  stagedOf,
} from './messages.ts'
import { opened, sealed } from './sealed.ts'
import type { Damaged } from './settle.ts'
import { DamagedError, type Database, type Writes } from './store.ts'
import { Turns } from './turns.ts'

const MANIFEST = Buffer.from('m')
const NOTE = Buffer.from('n')
const PLAN = 'p'.charCodeAt(0)
const REDO = 'r'.charCodeAt(0)
const STAGED = 's'.charCodeAt(0)
const CHUNK_KEY_BYTES = 13
/** Of increments that are handed to the database before the event loop gets its turn. */
const SLICE_BYTES = 1024 * 1024

/** A redo record that cannot be used, and what is known of its batch all the same. */
export interface DamagedStaged extends Damaged {
  readonly staged: Staged | undefined
}

export interface JournalContent {
  readonly manifest: Manifest | undefined
  readonly note: Note | undefined
  readonly plans: readonly (BatchPlan | Damaged)[]
  readonly redos: readonly (Staged | DamagedStaged)[]
}

export class Journal {
  private readonly database: Database

  constructor(database: Database) {
    this.database = database
  }

  async load(): Promise<JournalContent> {
    const manifest = await this.database.get(MANIFEST)
    const plans = await this.plans()
    const redos = await this.redos()
    if (manifest === undefined && plans.length + redos.length > 0) {
      throw new DamagedError(
        `it has ${plans.length} plans and ${redos.length} staged batches, but no manifest: its journal has lost it, or a ` +
          `savepoint, restore or replay into this directory was broken off; in that case remove it and copy again`,
      )
    }
    return {
      manifest: manifest && decodeManifest(manifest),
      note: await this.note(),
      plans,
      redos,
    }
  }

  /** Durable when it resolves, with the number of its bytes. */
  async plan(plan: BatchPlan, manifest: Manifest | undefined): Promise<number> {
    const writes = this.database.writes()
    if (manifest !== undefined) writes.put(MANIFEST, encodeManifest(manifest))
    const bytes = encodePlan(plan)
    writes.put(keyOf(PLAN, plan.batchId), bytes)
    await writes.write({ sync: true })
    return bytes.length
  }

  /** The manifest and plans at once: what was written before counts from here on. Durable when it resolves. */
  async begin(manifest: Manifest, plans: readonly BatchPlan[] = []): Promise<void> {
    const writes = this.database.writes()
    for (const plan of plans) writes.put(keyOf(PLAN, plan.batchId), encodePlan(plan))
    writes.put(MANIFEST, encodeManifest(manifest))
    await writes.write({ sync: true })
  }

  /** Durable when it resolves, with the number of its bytes. */
  async stage(redo: Redo, increments: readonly Buffer[]): Promise<number> {
    const writes = this.database.writes()
    const head = encodeRedo(redo)
    const staged = encodeStaged(redo)
    writes.put(keyOf(STAGED, redo.batchId), staged)
    writes.put(keyOf(REDO, redo.batchId), head)
    const turns = new Turns(SLICE_BYTES)
    for (const [place, chunk] of increments.entries()) {
      const key = chunkKey(redo.batchId, place)
      writes.put(key, sealed(key, chunk))
      await turns.after(chunk.length)
    }
    await writes.write({ sync: true })
    return head.length + staged.length + redo.sizeInBytes
  }

  /** Throws DamagedError where it is not there. */
  async redo(batchId: number): Promise<Redo> {
    return (await this.staged(batchId)).redo
  }

  /** The redo record, and the bytes of it and its increments. Throws DamagedError where it is not there. */
  async staged(batchId: number): Promise<{ redo: Redo; sizeInBytes: number }> {
    const bytes = await this.database.get(keyOf(REDO, batchId))
    if (bytes === undefined) throw new DamagedError(`${redoName(batchId)} is missing`)
    const redo = decodeRedo(bytes, redoName(batchId))
    return { redo, sizeInBytes: bytes.length + redo.sizeInBytes }
  }

  /** With turns of the event loop in between. Throws DamagedError. */
  async *increments({ batchId, chunks }: Redo): AsyncGenerator<Buffer, undefined, undefined> {
    const turns = new Turns()
    let found = 0
    for await (const block of this.database.entries(chunkKey(batchId, 0), keyOf(REDO, batchId + 1))) {
      for (const [key, bytes] of block) {
        yield opened(key, bytes, `${redoName(batchId)}, chunk ${found}`)
        found++
        await turns.after(bytes.length)
      }
    }
    if (found !== chunks) throw new DamagedError(`${redoName(batchId)} has ${found} chunks of ${chunks}`)
    return undefined
  }

  /**
   * Staged batches whose state does not count: gone for good when it resolves. Of those up to `decidedThrough` the
   * batch itself does: what it has done beside its state is still known.
   */
  async drop(redos: readonly number[], decidedThrough: number): Promise<void> {
    if (redos.length === 0) return
    const writes = this.database.writes()
    for (const batchId of redos) {
      await this.remove(writes, keyOf(REDO, batchId), keyOf(REDO, batchId + 1))
      if (batchId > decidedThrough) writes.del(keyOf(STAGED, batchId))
    }
    await writes.write({ sync: true })
  }

  /** Lets go of redo records and plans up to these batches. Nothing depends on when that is durable. */
  async trim(redosThrough: number, plansThrough: number): Promise<void> {
    const writes = this.database.writes()
    await this.remove(writes, keyOf(REDO, 0), keyOf(REDO, redosThrough + 1))
    await this.remove(writes, keyOf(STAGED, 0), keyOf(STAGED, redosThrough + 1))
    await this.remove(writes, keyOf(PLAN, 0), keyOf(PLAN, plansThrough + 1))
    await writes.write({ sync: false })
  }

  async keep(note: Note, sync: boolean): Promise<void> {
    const writes = this.database.writes()
    writes.put(NOTE, encodeNote(note))
    await writes.write({ sync })
  }

  close(): Promise<void> {
    return this.database.close()
  }

  // A note only spares work or refusals: a damaged one is as good as none.
  private async note(): Promise<Note | undefined> {
    const bytes = await this.database.get(NOTE)
    try {
      return bytes && decodeNote(bytes)
    } catch (error) {
      if (error instanceof DamagedError) return undefined
      throw error
    }
  }

  private async plans(): Promise<(BatchPlan | Damaged)[]> {
    const found: (BatchPlan | Damaged)[] = []
    for await (const block of this.database.entries(keyOf(PLAN, 0), Buffer.from([PLAN + 1]))) {
      for (const [key, bytes] of block) {
        const batchId = batchIdOf(key)
        found.push(orDamaged(batchId, () => decodePlan(bytes, `the plan of batch ${batchId}`)))
      }
    }
    return found
  }

  /** What stands apart of staged batches, where it is whole. */
  private async stagedApart(): Promise<Map<number, Staged>> {
    const found = new Map<number, Staged>()
    for await (const block of this.database.entries(keyOf(STAGED, 0), Buffer.from([STAGED + 1]))) {
      for (const [key, bytes] of block) {
        const batchId = batchIdOf(key)
        const staged = orDamaged(batchId, () => decodeStaged(bytes, `what is known of batch ${batchId}`))
        if (!('damaged' in staged)) found.set(batchId, staged)
      }
    }
    return found
  }

  /**
   * With every chunk looked at: what is damaged must be known before it is decided what a restart makes of it. Of a
   * record no more is kept than that.
   */
  private async redos(): Promise<(Staged | DamagedStaged)[]> {
    const turns = new Turns(SLICE_BYTES)
    const apart = await this.stagedApart()
    const found = new Map<number, FoundHead>()
    for await (const block of this.database.entries(keyOf(REDO, 0), Buffer.from([REDO + 1]))) {
      for (const [key, bytes] of block) {
        const batchId = batchIdOf(key)
        const known = found.get(batchId) ?? newHead(batchId)
        found.set(batchId, known)
        if (key.length !== CHUNK_KEY_BYTES) {
          const head = orDamaged(batchId, () => decodeRedo(bytes, redoName(batchId)))
          known.head = 'damaged' in head ? head : stagedOf(head)
          if (!('damaged' in head)) known.expected = head.chunks
        } else {
          const what = `${redoName(batchId)}, chunk ${known.chunks++}`
          const chunk = orDamaged(batchId, () => opened(key, bytes, what))
          if ('damaged' in chunk) known.damaged ??= chunk.damaged
        }
        await turns.after(bytes.length)
      }
    }
    for (const batchId of apart.keys()) if (!found.has(batchId)) found.set(batchId, newHead(batchId))
    return [...found.values()]
      .toSorted((a, b) => a.head.batchId - b.head.batchId)
      .map(({ head, damaged, chunks, expected }) => {
        const { batchId } = head
        if ('damaged' in head) return { batchId, damaged: head.damaged, staged: apart.get(batchId) }
        if (damaged !== undefined) return { batchId, damaged, staged: head }
        if (chunks === expected) return head
        return { batchId, damaged: `${redoName(batchId)} has ${chunks} chunks of ${expected}`, staged: head }
      })
  }

  private async remove(writes: Writes, from: Buffer, until: Buffer): Promise<void> {
    for await (const keys of this.database.keys(from, until)) for (const key of keys) writes.del(key)
  }
}

/** A redo record as it is found, piece by piece. */
interface FoundHead {
  head: Staged | Damaged
  expected: number
  chunks: number
  /** Of its chunks. */
  damaged: string | undefined
}

function newHead(batchId: number): FoundHead {
  const head = { batchId, damaged: `${redoName(batchId)} is missing` }
  return { head, expected: 0, chunks: 0, damaged: undefined }
}

function orDamaged<T>(batchId: number, read: () => T): T | Damaged {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error
    return { batchId, damaged: error.message }
  }
}

function redoName(batchId: number): string {
  return `the redo record of batch ${batchId}`
}

function keyOf(kind: number, batchId: number): Buffer {
  const key = Buffer.allocUnsafeSlow(9)
  key[0] = kind
  key.writeBigUInt64BE(BigInt(batchId), 1)
  return key
}

function chunkKey(batchId: number, place: number): Buffer {
  const key = Buffer.allocUnsafeSlow(CHUNK_KEY_BYTES)
  keyOf(REDO, batchId).copy(key)
  key.writeUInt32BE(place, 9)
  return key
}

function batchIdOf(key: Buffer): number {
  return Number(key.readBigUInt64BE(1))
}
