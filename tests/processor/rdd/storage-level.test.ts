// Where rows are held makes no difference to what is read, only to where they are.

import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { BatchContext } from '../../../processor/batch-context.ts'
import { checkStorageLevel, type StorageLevel } from '../../../processor/rdd/storage-level.ts'
import { canTell, spillFilesOpen } from '../spill-files.ts'
import { table } from '../streams/tables.ts'

const context = new BatchContext()
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)

test.each<StorageLevel>([
  'MEMORY_ONLY',
  'MEMORY_ONLY_SER',
  'MEMORY_AND_DISK',
  'MEMORY_AND_DISK_SER',
  'DISK_ONLY',
  'OFF_HEAP',
])('%s: rows are computed once and read as often as asked', async (level) => {
  let computed = 0
  const rows = context
    .parallelize(upTo(3500), 3)
    .map((row) => {
      computed++
      return { row, text: `row ${row}`, bytes: new Uint8Array([row & 255]), big: BigInt(row) }
    })
    .persist(level)
  expect(await rows.count()).toBe(3500)
  expect((await rows.collect()).map(({ row }) => row)).toEqual(upTo(3500))
  expect((await rows.take(1200)).at(-1)).toEqual({
    row: 1199,
    text: 'row 1199',
    bytes: new Uint8Array([175]),
    big: 1199n,
  })
  expect(computed).toBe(3500)
})

test('more than a partition may have in memory goes to a file, which has no name', async () => {
  const text = 'x'.repeat(100_000)
  const rows = context
    .parallelize(upTo(1500))
    .map((row) => `${row} ${text}`)
    .persist('MEMORY_AND_DISK')
  expect((await rows.map((row) => Number.parseInt(row)).collect()).join()).toBe(upTo(1500).join())
  expect(fs.readdirSync(tmpdir()).filter((name) => name.startsWith(`logmill-rows-${process.pid}-`))).toEqual(
    [],
  )
})

test('what is held as bytes must be plain data', async () => {
  class Visit {}
  const visits = context.parallelize([1]).map(() => new Visit())
  await expect(visits.persist('DISK_ONLY').count()).rejects.toThrow(
    /persist: an instance of Visit cannot be kept as bytes/,
  )
  expect(await visits.unpersist().persist('MEMORY_ONLY').count()).toBe(1)
})

test('a checkpointed RDD forgets how it was made', async () => {
  let computed = 0
  const rows = context.parallelize(upTo(10)).map(() => computed++)
  await rows.checkpoint().count()
  await rows.unpersist().count()
  expect(computed).toBe(10)
})

test('a stream can be held on disk too, what is shuffled as well', async () => {
  let computed = 0
  const yielded = await table<string, readonly [string, number]>([['a', 'b', 'a'], ['b']], (stream) => {
    const counts = stream
      .mapToPair((word): [string, number] => {
        computed++
        return [word, 1]
      })
      .reduceByKey((a, b) => a + b)
      .persist('DISK_ONLY')
    counts.foreachRDD(async (rdd) => void (await rdd.collect()))
    return counts
  })
  expect(yielded).toEqual({
    1: [
      ['a', 2],
      ['b', 1],
    ],
    2: [['b', 1]],
  })
  expect(computed).toBe(4)
})

test.runIf(canTell)('a stream that is held on disk gives its files back, batch by batch', async () => {
  const files = () => spillFilesOpen(tmpdir())
  const before = files()
  const open: number[] = []
  await table(Array<string[]>(12).fill(['a']), (stream) => {
    const held = stream.map((row) => row).persist('DISK_ONLY')
    held.foreachRDD(async (rdd) => {
      await rdd.count()
      open.push(files() - before)
    })
    return held
  })
  expect(Math.max(...open)).toBeLessThanOrEqual(2)
})

test('replicated levels are refused, and so is what is no level', () => {
  expect(() => checkStorageLevel('MEMORY_AND_DISK_SER_2')).toThrow(/rows are held once, on this machine/)
  expect(() => checkStorageLevel('TAPE')).toThrow(/storage level TAPE; there are NONE, MEMORY_ONLY/)
})
