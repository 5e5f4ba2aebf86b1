// The checkpoint's journal: what is planned and what is staged, each synced before the job goes on.
//
//    m                        manifest
//    n                        note (not synced by itself)
//    p, batch id u64          plan
//    r, batch id u64          redo record, without its increments
//    r, batch id u64, u32     a chunk of them, by its place: crc32c u32 (sealed.ts) | chunk (increments.ts)

import type { BatchPlan } from '../graph/contracts/commit.ts'
import {
  decodeManifest,
  decodeNote,
  decodePlan,
  decodeRedo,
  encodeManifest,
  encodeNote,
  encodePlan,
  encodeRedo,
  type Manifest,
  type Note,
  type Redo,
} from './messages.ts'
import { opened, sealed } from './sealed.ts'
import type { Damaged, FoundRedo } from './settle.ts'
import { DamagedError, type Database, type Writes } from './store.ts'
import { Turns } from './turns.ts'

const MANIFEST = Buffer.from('m')
const NOTE = Buffer.from('n')
const PLAN = 'p'.charCodeAt(0)
const REDO = 'r'.charCodeAt(0)
const CHUNK_KEY_BYTES = 13
/** Of increments that are handed to the database before the event loop gets its turn. */
const SLICE_BYTES = 1024 * 1024

export interface JournalContent {
  readonly manifest: Manifest | undefined
  readonly note: Note | undefined
  readonly plans: readonly (BatchPlan | Damaged)[]
  readonly redos: readonly (FoundRedo | Damaged)[]
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
      throw new DamagedError(`the manifest is missing, but there are ${plans.length} plans`)
    }
    return {
      manifest: manifest && decodeManifest(manifest),
      note: await this.note(),
      plans,
      redos,
    }
  }

  /** Durable when it resolves. */
  async plan(plan: BatchPlan, manifest: Manifest | undefined): Promise<void> {
    const writes = this.database.writes()
    if (manifest !== undefined) writes.put(MANIFEST, encodeManifest(manifest))
    writes.put(keyOf(PLAN, plan.batchId), encodePlan(plan))
    await writes.write({ sync: true })
  }

  /** The manifest alone: what was written before it counts from here on. Durable when it resolves. */
  async begin(manifest: Manifest): Promise<void> {
    const writes = this.database.writes()
    writes.put(MANIFEST, encodeManifest(manifest))
    await writes.write({ sync: true })
  }

  /** Durable when it resolves. */
  async stage(redo: Redo, increments: readonly Buffer[]): Promise<void> {
    const writes = this.database.writes()
    writes.put(keyOf(REDO, redo.batchId), encodeRedo(redo))
    const turns = new Turns(SLICE_BYTES)
    for (const [place, chunk] of increments.entries()) {
      const key = chunkKey(redo.batchId, place)
      writes.put(key, sealed(key, chunk))
      await turns.after(chunk.length)
    }
    await writes.write({ sync: true })
  }

  /** Throws DamagedError where it is not there. */
  async redo(batchId: number): Promise<Redo> {
    const bytes = await this.database.get(keyOf(REDO, batchId))
    if (bytes === undefined) throw new DamagedError(`${redoName(batchId)} is missing`)
    return decodeRedo(bytes, redoName(batchId))
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

  /** Staged batches that do not count: gone for good when it resolves. */
  async drop(redos: readonly number[]): Promise<void> {
    if (redos.length === 0) return
    const writes = this.database.writes()
    for (const batchId of redos) await this.remove(writes, keyOf(REDO, batchId), keyOf(REDO, batchId + 1))
    await writes.write({ sync: true })
  }

  /** Lets go of redo records and plans up to these batches. Nothing depends on when that is durable. */
  async trim(redosThrough: number, plansThrough: number): Promise<void> {
    const writes = this.database.writes()
    await this.remove(writes, keyOf(REDO, 0), keyOf(REDO, redosThrough + 1))
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

  /** With every chunk looked at: what is damaged must be known before it is decided what a restart makes of it. */
  private async redos(): Promise<(FoundRedo | Damaged)[]> {
    const turns = new Turns(SLICE_BYTES)
    const found = new Map<number, { redo: Redo | Damaged; chunks: number }>()
    for await (const block of this.database.entries(keyOf(REDO, 0), Buffer.from([REDO + 1]))) {
      for (const [key, bytes] of block) {
        const batchId = batchIdOf(key)
        const known = found.get(batchId)
        if (key.length !== CHUNK_KEY_BYTES) {
          found.set(batchId, {
            redo: orDamaged(batchId, () => decodeRedo(bytes, redoName(batchId))),
            chunks: 0,
          })
        } else if (known === undefined) {
          found.set(batchId, { redo: { batchId, damaged: `${redoName(batchId)} is missing` }, chunks: 1 })
        } else {
          const what = `${redoName(batchId)}, chunk ${known.chunks++}`
          const chunk = orDamaged(batchId, () => opened(key, bytes, what))
          if ('damaged' in chunk) known.redo = chunk
        }
        await turns.after(bytes.length)
      }
    }
    return [...found].map(([batchId, { redo, chunks }]) => {
      if ('damaged' in redo) return redo
      const { decidedByStage, logDecided, forgottenThrough } = redo
      if (chunks === redo.chunks) return { batchId, decidedByStage, logDecided, forgottenThrough }
      return { batchId, damaged: `${redoName(batchId)} has ${chunks} chunks of ${redo.chunks}` }
    })
  }

  private async remove(writes: Writes, from: Buffer, until: Buffer): Promise<void> {
    for await (const keys of this.database.keys(from, until)) for (const key of keys) writes.del(key)
  }
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
