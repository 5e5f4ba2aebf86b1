// The checkpoint's journal: what is planned and what is staged, each synced before the job goes on.
//
//    m                        manifest
//    n                        note (not synced by itself)
//    p, batch id u64          plan
//    r, batch id u64          redo record

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
import type { Damaged, FoundRedo } from './settle.ts'
import { DamagedError, type Database } from './store.ts'

const MANIFEST = Buffer.from('m')
const NOTE = Buffer.from('n')
const PLAN = 'p'.charCodeAt(0)
const REDO = 'r'.charCodeAt(0)

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
    const plans = await this.all(PLAN, (bytes, batchId) => decodePlan(bytes, `the plan of batch ${batchId}`))
    const redos = await this.all(REDO, (bytes, batchId) => {
      const { decidedByStage, logDecided, forgottenThrough } = decodeRedo(bytes, redoName(batchId))
      return { batchId, decidedByStage, logDecided, forgottenThrough }
    })
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
  async stage(redo: Redo): Promise<void> {
    const writes = this.database.writes()
    writes.put(keyOf(REDO, redo.batchId), encodeRedo(redo))
    await writes.write({ sync: true })
  }

  /** Throws DamagedError where it is not there. */
  async redo(batchId: number): Promise<Redo> {
    const bytes = await this.database.get(keyOf(REDO, batchId))
    if (bytes === undefined) throw new DamagedError(`${redoName(batchId)} is missing`)
    return decodeRedo(bytes, redoName(batchId))
  }

  /** Staged batches that do not count: gone for good when it resolves. */
  async drop(redos: readonly number[]): Promise<void> {
    if (redos.length === 0) return
    const writes = this.database.writes()
    for (const batchId of redos) writes.del(keyOf(REDO, batchId))
    await writes.write({ sync: true })
  }

  /** Lets go of redo records and plans up to these batches. Nothing depends on when that is durable. */
  async trim(redosThrough: number, plansThrough: number): Promise<void> {
    const writes = this.database.writes()
    for await (const key of this.keys(REDO, redosThrough)) writes.del(key)
    for await (const key of this.keys(PLAN, plansThrough)) writes.del(key)
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

  private async all<T>(
    kind: number,
    decode: (bytes: Buffer, batchId: number) => T,
  ): Promise<(T | Damaged)[]> {
    const found: (T | Damaged)[] = []
    for await (const block of this.database.entries(keyOf(kind, 0), Buffer.from([kind + 1]))) {
      for (const [key, bytes] of block) {
        const batchId = Number(key.readBigUInt64BE(1))
        try {
          found.push(decode(bytes, batchId))
        } catch (error) {
          if (!(error instanceof DamagedError)) throw error
          found.push({ batchId, damaged: error.message })
        }
      }
    }
    return found
  }

  private async *keys(kind: number, through: number): AsyncGenerator<Buffer> {
    for await (const block of this.database.entries(keyOf(kind, 0), keyOf(kind, through + 1))) {
      for (const [key] of block) yield key
    }
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
