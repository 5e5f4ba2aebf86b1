// A generation on disk, moved on batch by batch, against a plain Map; and what becomes of it when a block is torn,
// missing, or of another segment. Blocks are of a few bytes, so that there are many.

import { beforeEach, expect, test } from 'vitest'
import { ByteWriter } from '../../../processor/checkpoint/bytes.ts'
import { Generation, NOTHING_YET } from '../../../processor/checkpoint/generation.ts'
import { IncrementsReader, IncrementsWriter } from '../../../processor/checkpoint/increments.ts'
import { Journal } from '../../../processor/checkpoint/journal.ts'
import type { OperatorEntry } from '../../../processor/checkpoint/messages.ts'
import { DamagedError, type Database } from '../../../processor/checkpoint/store.ts'
import { SimulatedStore } from '../../simulation/exactly-once/store.ts'
import { Random, seeds } from '../../world/random.ts'

const SIZES = { blockBytes: 40, writeBytes: 100 }

let store: SimulatedStore
let crash: ((point: string) => boolean) | undefined
let database: Database
let journal: Journal

beforeEach(async () => {
  store = new SimulatedStore()
  crash = undefined
  const handle = store.handle((point) =>
    crash?.(point) === true ? Promise.reject(new Error(`crash: ${point}`)) : Promise.resolve(),
  )
  database = await handle.open('state-0')
  journal = new Journal(await handle.open('journal'))
})

/** Operator, key and value; undefined: removed. */
type Change = readonly [operator: number, key: string, value: string | undefined]

/** The state by operator, in the order of its keys. */
type Table = Map<number, Map<string, string>>

function apply(table: Table, changes: readonly Change[], dropped: readonly number[] = []): void {
  for (const operator of dropped) table.delete(operator)
  for (const [operator, key, value] of changes) {
    if (!table.has(operator)) table.set(operator, new Map())
    if (value === undefined) table.get(operator)?.delete(key)
    else table.get(operator)?.set(key, value)
  }
}

async function stage(batchId: number, changes: readonly Change[], table: Table, dropped: number[] = []) {
  const writer = new IncrementsWriter(30)
  for (const [operator, key, value] of changes) {
    writer.operator(operator)
    entry(writer, key, value)
  }
  const increments = writer.finish()
  const operators = [...table].map(
    ([number, { size }]): OperatorEntry => ({
      number,
      id: `op${number}`,
      shape: 'update',
      version: 1,
      keys: size,
    }),
  )
  const redo = {
    ...NOTHING_YET,
    batchId,
    operators,
    dropped,
    decidedByStage: true,
    chunks: increments.length,
    sizeInBytes: 0,
  }
  await journal.stage(redo, increments)
}

function entry(writer: IncrementsWriter, key: string, value: string | undefined): void {
  writer.beginKey().raw(Buffer.from(key))
  writer.endKey()
  if (value === undefined) return writer.removed()
  writer.beginValue().raw(Buffer.from(value))
  writer.endValue()
}

async function loaded(generation: Generation): Promise<[number, [string, string][]][]> {
  const table: Table = new Map()
  await generation.load((chunk) => {
    const reader = new IncrementsReader(chunk)
    while (reader.next()) apply(table, [[reader.operator, reader.key.toString(), String(reader.value)]])
  })
  return listed(table)
}

function listed(table: Table): [number, [string, string][]][] {
  const full = [...table].filter(([, { size }]) => size > 0).toSorted(([a], [b]) => a - b)
  return full.map(([operator, entries]) => [operator, [...entries]])
}

test.each(seeds(1, 20))('it has what a Map has, in the same order, seed %i', async (seed) => {
  const random = new Random(seed)
  const table: Table = new Map()
  let generation = await Generation.open('state-0', database)
  for (let batchId = 1; batchId <= 30; batchId++) {
    const dropped = random.chance(0.1) ? [random.below(3)] : []
    const changed = new Map<string, Change>()
    for (let step = random.below(20); step > 0; step--) {
      const operator = random.below(3)
      const key = `k${random.below(30)}`
      // A batch says of a key once how it ends.
      const value = random.chance(0.3) ? undefined : 'v'.repeat(random.below(60))
      changed.set(`${operator} ${key}`, [operator, key, value])
    }
    const changes = [...changed.values()]
    apply(table, changes, dropped)
    await stage(batchId, changes, table, dropped)
    if (!random.chance(0.4)) continue
    await generation.advance(journal, batchId, SIZES)
    if (random.chance(0.5)) generation = await Generation.open('state-0', database)
    expect(generation.standing.batchId).toBe(batchId)
    expect(await loaded(generation), `seed ${seed}, batch ${batchId}`).toEqual(listed(table))
    const copy = await Generation.copy(
      generation,
      'copy',
      await store.handle(() => Promise.resolve()).replace('c'),
    )
    expect(await loaded(copy)).toEqual(listed(table))
  }
})

test('what several operators add by and by lies in few blocks', async () => {
  const table: Table = new Map()
  const generation = await Generation.open('state-0', database)
  for (let batchId = 1; batchId <= 100; batchId++) {
    const changes = [1, 2, 3].map((operator): Change => [operator, `k${batchId}`, 'v'])
    apply(table, changes)
    await stage(batchId, changes, table)
    await generation.advance(journal, batchId, { blockBytes: 300, writeBytes: 1000 })
  }
  expect(await loaded(generation)).toEqual(listed(table))
  // 100 entries of 6 bytes each, of three operators.
  expect(generation['kept'].segment.blocks).toBeLessThanOrEqual(9)
})

async function twoBatches(): Promise<{ generation: Generation; table: Table }> {
  const table: Table = new Map()
  const generation = await Generation.open('state-0', database)
  for (const batchId of [1, 2]) {
    const changes = Array.from({ length: 50 }, (_, i): Change => [1, `k${batchId * i}`, `${batchId}`])
    apply(table, changes)
    await stage(batchId, changes, table)
    if (batchId === 1) await generation.advance(journal, 1, SIZES)
  }
  return { generation, table }
}

test('a crash at any write leaves it as it was or as it is to be, and what was begun is in nobody’s way', async () => {
  for (let write = 1; ; write++) {
    store = new SimulatedStore()
    const handle = store.handle((point) =>
      crash?.(point) === true ? Promise.reject(new Error('crash')) : Promise.resolve(),
    )
    database = await handle.open('state-0')
    journal = new Journal(await handle.open('journal'))
    crash = undefined
    const { generation, table } = await twoBatches()
    const before = await loaded(generation)
    let left = write
    crash = (point) => point.startsWith('state-0') && --left === 0
    const outcome = await generation.advance(journal, 2, SIZES).catch((error: Error) => error.message)
    crash = undefined
    if (outcome === undefined) {
      // Two steps a write: several of blocks, and the last.
      expect(write).toBeGreaterThan(8)
      return
    }
    store.crash(new Random(write))
    const found = await Generation.open('state-0', database)
    expect(await loaded(found), `write ${write}`).toEqual(
      found.standing.batchId === 1 ? before : listed(table),
    )
    if (found.standing.batchId === 1) await found.advance(journal, 2, SIZES)
    expect(await loaded(found), `write ${write}`).toEqual(listed(table))
  }
})

test('a bit that is wrong in any block shows, and so does a block that is missing, or stands for another', async () => {
  const { generation } = await twoBatches()
  const entries: [Buffer, Buffer][] = []
  for await (const block of database.entries(Buffer.from([0]), Buffer.from([0xff]))) {
    for (const [key, bytes] of block) entries.push([key, bytes])
  }
  expect(entries.length).toBeGreaterThan(5)
  const put = async (key: Buffer, bytes: Buffer | undefined) => {
    const writes = database.writes()
    if (bytes === undefined) writes.del(key)
    else writes.put(key, bytes)
    await writes.write({ sync: true })
  }
  for (const [index, [key, bytes]] of entries.entries()) {
    const torn = Buffer.from(bytes)
    torn[index % torn.length] = (torn[index % torn.length] as number) ^ 1
    for (const damaged of [
      torn,
      bytes.subarray(0, -1),
      undefined,
      entries[(index + 1) % entries.length]?.[1],
    ]) {
      await put(key, damaged)
      await expect(
        generation.load(() => {}),
        `block ${index}`,
      ).rejects.toThrow(DamagedError)
      await expect(generation.advance(journal, 2, SIZES), `block ${index}`).rejects.toThrow(DamagedError)
    }
    await put(key, bytes)
  }
  await generation.load(() => {})
})

test('a chunk of a redo record that is torn or missing makes the record damaged, and no other', async () => {
  const { table } = await twoBatches()
  await stage(3, [[1, 'k1', '3']], table)
  const redos = async () =>
    (await journal.load().catch(() => undefined))?.redos.map((redo) => 'damaged' in redo)
  await journal.begin({ checkpointId: 'c', appName: 'a', zeroTimeMs: 0, intervalMs: 1 })
  expect(await redos()).toEqual([false, false, false])
  const key = Buffer.from([...Buffer.from('r'), 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1])
  const disk = journal['database']
  const bytes = (await disk.get(key)) as Buffer
  for (const damaged of [Buffer.concat([bytes, Buffer.from([0])]), undefined]) {
    const writes = disk.writes()
    if (damaged === undefined) writes.del(key)
    else writes.put(key, damaged)
    await writes.write({ sync: true })
    expect(await redos()).toEqual([false, true, false])
  }
  await journal.trim(2, 0)
  expect(await redos()).toEqual([false])
})

test('what was written before there were blocks is refused by name', async () => {
  const old = Buffer.from([0, 0, 0, 0, 1, 9, 9])
  const { crc32c } = await import('../../../broker/protocol/record-batch/crc32c.ts')
  old.writeUInt32BE(crc32c(old, 4), 0)
  const writes = database.writes()
  writes.put(Buffer.from([0xff, 0xff]), old)
  await writes.write({ sync: true })
  await expect(Generation.open('state-0', database)).rejects.toThrow(
    'the standing of state-0 has version 1, this program reads 2: one from before its first release wrote it',
  )
})

test('a chunk that ends too early, or has nothing in it, is damage', () => {
  const writer = new IncrementsWriter()
  writer.operator(7)
  entry(writer, 'key', 'value')
  const [chunk] = writer.finish() as [Buffer]
  const all = (bytes: Buffer) => {
    const found: string[] = []
    for (const reader = new IncrementsReader(bytes); reader.next(); ) {
      found.push(`${reader.operator} ${reader.key.toString()} ${String(reader.value)}`)
    }
    return found
  }
  expect(all(chunk)).toEqual(['7 key value'])
  expect(writer.finish()).toEqual([])
  for (let end = 0; end < chunk.length; end++) {
    if (end !== 1) expect(() => all(chunk.subarray(0, end)), `${end} bytes`).toThrow(DamagedError)
  }
  const lengths = new ByteWriter(16)
  lengths.varint(7)
  lengths.varint(-2)
  expect(() => all(lengths.copy())).toThrow(DamagedError)
})
