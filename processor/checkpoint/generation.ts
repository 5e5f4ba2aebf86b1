// One generation of the keyed state on disk: the state behind a batch, whole. Two are kept, and every time the
// older one is moved on, past the newer one, by the redo records in between: so the last two checkpoints are
// always there, never mixed, and a state key that changes in every batch is written once for many batches.
//
//    operator number u16 | key           →  crc32c u32 (of key and value) | value
//    ff ff                               →  standing: batch, positions, operators with their number of keys
//
// The standing is written with the last of the changes, in one atomic write; a generation without one that
// has entries is not whole and does not count.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { crc32c } from '../../broker/protocol/record-batch/crc32c.ts'
import { IncrementsReader } from './increments.ts'
import { decodeStanding, encodeStanding, type Redo, type Standing } from './messages.ts'
import { DamagedError, type Database, type Writes } from './store.ts'

const STANDING = Buffer.from([0xff, 0xff])
const FIRST = Buffer.alloc(0)
const SLICE_ENTRIES = 2000

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

export type Restore = (operator: number, key: Buffer, value: Buffer) => void

export class Generation {
  readonly name: string
  standing: Standing
  private readonly database: Database

  private constructor(name: string, database: Database, standing: Standing) {
    this.name = name
    this.database = database
    this.standing = standing
  }

  /** Throws DamagedError where its standing is; its entries are looked at by `load`. */
  static async open(name: string, database: Database): Promise<Generation> {
    const bytes = await database.get(STANDING)
    if (bytes !== undefined)
      return new Generation(name, database, decodeStanding(bytes, `the standing of ${name}`))
    for await (const block of database.entries(FIRST, STANDING)) {
      throw new DamagedError(`${name} has ${block.length} entries or more, but no standing`)
    }
    return new Generation(name, database, NOTHING_YET)
  }

  /** Hands over every entry. Throws DamagedError where one is damaged or missing; what was handed over is void then. */
  async load(restore: Restore): Promise<void> {
    const counts = new Map<number, number>()
    for await (const block of this.database.entries(FIRST, STANDING)) {
      for (const [key, bytes] of block) {
        if (key.length < 2 || bytes.length < 4 || bytes.readUInt32BE(0) !== checksum(key, bytes)) {
          throw new DamagedError(`${this.name}: the entry of key ${key.toString('hex')} is damaged`)
        }
        const operator = key.readUInt16BE(0)
        counts.set(operator, (counts.get(operator) ?? 0) + 1)
        restore(operator, key.subarray(2), bytes.subarray(4))
      }
      await nextTurn()
    }
    for (const { number, id, keys } of this.standing.operators) {
      const found = counts.get(number) ?? 0
      if (found !== keys) throw new DamagedError(`${this.name}: '${id}' has ${found} keys of ${keys}`)
    }
  }

  /** Moves on behind the last of the redo records, which follow one another. Atomic, durable when it resolves. */
  async advance(redos: AsyncIterable<Redo>): Promise<void> {
    const writes = this.database.writes()
    let last: Standing = this.standing
    let entries = 0
    for await (const redo of redos) {
      if (redo.batchId !== last.batchId + 1) {
        throw new Error(
          `${this.name} stands behind batch ${last.batchId}: batch ${redo.batchId} cannot be applied`,
        )
      }
      const { increments, dropped, decidedByStage: _, ...standing } = redo
      last = standing
      for (const number of dropped) await this.dropOperator(writes, number)
      const reader = new IncrementsReader(increments)
      while (reader.next()) {
        const key = entryKey(reader.operator, reader.key)
        if (reader.value === undefined) writes.del(key)
        else writes.put(key, sealed(key, reader.value))
        if (++entries % SLICE_ENTRIES === 0) await nextTurn()
      }
    }
    writes.put(STANDING, encodeStanding(last))
    await writes.write({ sync: true })
    this.standing = last
  }

  /** Becomes what the other is, in an empty database; counts only once the standing is written. */
  static async copy(from: Generation, name: string, database: Database): Promise<Generation> {
    for await (const block of from.database.entries(FIRST, STANDING)) {
      const writes = database.writes()
      for (const [key, value] of block) writes.put(key, value)
      await writes.write({ sync: false })
    }
    const writes = database.writes()
    if (from.standing.batchId > 0) writes.put(STANDING, encodeStanding(from.standing))
    await writes.write({ sync: true })
    return new Generation(name, database, from.standing)
  }

  /** Says how the job stands, where that is another thing to a checkpoint that was copied. Durable when it resolves. */
  async stand(standing: Standing): Promise<void> {
    const writes = this.database.writes()
    writes.put(STANDING, encodeStanding(standing))
    await writes.write({ sync: true })
    this.standing = standing
  }

  close(): Promise<void> {
    return this.database.close()
  }

  private async dropOperator(writes: Writes, number: number): Promise<void> {
    const until = number + 1 === 0xffff ? STANDING : entryKey(number + 1, FIRST)
    for await (const block of this.database.entries(entryKey(number, FIRST), until)) {
      for (const [key] of block) writes.del(key)
    }
  }
}

function entryKey(operator: number, key: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(2 + key.length)
  bytes.writeUInt16BE(operator, 0)
  key.copy(bytes, 2)
  return bytes
}

function sealed(key: Buffer, value: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(4 + value.length)
  value.copy(bytes, 4)
  bytes.writeUInt32BE(checksum(key, bytes), 0)
  return bytes
}

function checksum(key: Buffer, bytes: Buffer): number {
  // Both checksums together: an entry that stands under another key shows too.
  return (crc32c(key, 0, key.length) ^ Math.imul(crc32c(bytes, 4, bytes.length), 0x9e3779b1)) >>> 0
}
