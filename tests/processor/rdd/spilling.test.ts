// Rows of a shuffle that memory shall not hold go to disk and come back: the answer is the same, row by row and in the
// same order, and the files are gone when their batch is over.

import fs, { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { BatchContext } from '../../../processor/batch-context.ts'
import { SampledSize, sizeOf } from '../../../processor/rdd/size-of.ts'
import { SpillError, SpillFile, sweepSpillFiles } from '../../../processor/rdd/spill-file.ts'
import { SpillSpace } from '../../../processor/rdd/spill-space.ts'
import { BatchError } from '../../../processor/scheduler/errors.ts'
import { type PairDStream, StreamingContext, textValues } from '../../../streaming.ts'
import { Random } from '../../world/random.ts'
import { ModelLog } from '../model-log.ts'
import { canTell, spillFilesOpen } from '../spill-files.ts'
import { run as runTable, newWorld, SECOND } from '../streams/tables.ts'

setFlagsFromString('--expose_gc')
const collectGarbage = runInNewContext('gc') as () => void

let localDir: string

beforeEach(() => {
  localDir = mkdtempSync(join(tmpdir(), 'logmill-spilling-'))
})

afterEach(() => {
  vi.restoreAllMocks()
  rmSync(localDir, { recursive: true })
})

type Row = readonly [string | number | bigint | boolean | null, string]

/** Many keys of every kind, some of them hot. */
function manyRows(count: number): Row[] {
  const random = new Random(7)
  const key = (): Row[0] => {
    const number = random.chance(0.2) ? random.between(0, 3) : random.between(0, count / 4)
    switch (random.between(0, 5)) {
      case 0:
        return number
      case 1:
        return BigInt(number)
      case 2:
        return number % 2 === 0 ? null : number % 3 === 0
      default:
        return `key ${number}`
    }
  }
  return Array.from({ length: count }, (_, i) => [key(), `value ${i}`])
}

const rows = manyRows(3000)
const others = manyRows(400)

/** What a program gets of rows that are more than a hundred times what one of them may hold. */
async function answers(context: BatchContext, partitions: number): Promise<Record<string, unknown[]>> {
  const left = context.parallelize(rows, 2)
  const right = context.parallelize(others, 3)
  return {
    reduceByKey: await left
      .reduceByKey((a, b) => `${a},${b}`, partitions)
      .glom()
      .collect(),
    groupByKey: await left.groupByKey(partitions).glom().collect(),
    combineByKey: await left
      .combineByKey(
        { create: (value) => [value], merge: (all, value) => [...all.slice(-3), value] },
        partitions,
      )
      .glom()
      .collect(),
    cogroup: await left.cogroup(right, partitions).glom().collect(),
    join: await left
      .join(
        right.reduceByKey((a) => a),
        partitions,
      )
      .count()
      .then((count) => [count]),
    fullOuterJoin: await right
      .fullOuterJoin(
        left.mapValues((value) => value.length),
        partitions,
      )
      .collect(),
    subtractByKey: await left.subtractByKey(right, partitions).collect(),
    distinct: await left.keys().distinct().collect(),
    partitionBy: await left.partitionBy(partitions).glom().collect(),
    repartition: await left.repartition(partitions).glom().collect(),
    countByKey: [...(await left.countByKey())],
  }
}

test.each([1, 3, 200])(
  'far more rows than memory give the same answers, over %i partitions',
  async (partitions) => {
    const opened = vi.spyOn(fs, 'openSync')
    using inMemory = new BatchContext()
    const expected = await answers(inMemory, partitions)
    expect(opened).not.toHaveBeenCalled()
    using onDisk = new BatchContext({ shuffleMemoryInBytes: 8192, localDir })
    const actual = await answers(onDisk, partitions)
    expect(opened.mock.calls.length).toBeGreaterThan(20)
    for (const name of Object.keys(expected)) expect(actual[name], name).toEqual(expected[name])
    expect(readdirSync(localDir)).toEqual([])
  },
)

test('what is combined with what does not depend on how fast the machine is', async () => {
  // Not associative, as sums of fractions are not either: the brackets tell in which order rows were combined.
  const combined = async (msOfSlice: number) => {
    let nowMs = 0
    const executor = { monotonicMs: () => (nowMs += msOfSlice) }
    using context = new BatchContext({ shuffleMemoryInBytes: 8192, localDir, executor })
    const bracketed = context.parallelize(rows, 2).reduceByKey((a, b) => `(${a} ${b})`)
    return await bracketed.collect()
  }
  const ofOneRowAtATime = await combined(10)
  expect(ofOneRowAtATime.some(([, value]) => value.includes(') ('))).toBe(true)
  expect(await combined(0)).toEqual(ofOneRowAtATime)
})

test('what is held is about what was allowed, whatever grows: keys, groups, or both', async () => {
  // Sampled sizes against those of all.
  for (const make of [
    (i: number) => `row ${i}`,
    (i: number) => ({ id: i, tags: Array.from({ length: i % 50 }, () => 'tag') }),
    (i: number) => (i % 7 === 0 ? Buffer.alloc(1000) : 1),
  ]) {
    const sampled = new SampledSize()
    let exact = 0
    for (let i = 0; i < 20_000; i++) {
      const size = sizeOf(make(i))
      exact += size
      if (sampled.isDue()) sampled.add(size)
    }
    expect(sampled.bytes / exact).toBeGreaterThan(0.8)
    expect(sampled.bytes / exact).toBeLessThan(1.25)
  }
  // A list of a million does not cost a million looks, nor does one that contains itself.
  expect(sizeOf(Array<string>(1_000_000).fill('text'))).toBe(24 + 1_000_000 * (8 + 28))
  const endless: unknown[] = []
  endless.push(endless)
  expect(sizeOf(endless)).toBeGreaterThan(0)
})

const pairsOf = (context: StreamingContext, batches: Row[][]) =>
  context.queueStream<Row>(batches).transformToPair((rdd) => rdd as never) as PairDStream<Row[0], string>

test.runIf(canTell)(
  'files of a batch are there as long as a window reaches it, and none after the end',
  async () => {
    const world = newWorld({ shuffleMemoryInBytes: 100, localDir })
    const grouped = pairsOf(world.context, Array<Row[]>(12).fill(rows.slice(0, 200))).groupByKey()
    const open: number[] = []
    world.context.addStreamingListener({ onBatchCompleted: () => void open.push(spillFilesOpen(localDir)) })
    const counts = await runTable(world, grouped.window(3 * SECOND).count(), 12)
    expect(counts[12]).toEqual([(counts[1]?.[0] as number) * 3])
    expect(Math.max(...open)).toBeLessThanOrEqual(4)
    expect(Math.min(...open)).toBeGreaterThan(0)
    expect(spillFilesOpen(localDir)).toBe(0)
  },
)

test.each([1, 3])(
  'state is moved on alike by new values that outgrow memory, over %i partitions',
  async (parallelism) => {
    const opened = vi.spyOn(fs, 'openSync')
    const outcome = async (options: { shuffleMemoryInBytes?: number }) => {
      const world = newWorld({ ...options, localDir, parallelism })
      const initialState: [Row[0], string][] = [
        ['key 1', 'from the beginning'],
        ['only in the beginning', 'kept'],
      ]
      const batches = [rows.slice(0, 600), rows.slice(500, 900), [], rows.slice(0, 5)]
      const totals = pairsOf(world.context, batches).updateStateByKey<string>(
        (values, before = '', key) => (key === true ? undefined : [before, ...values].join(' ').slice(-60)),
        { initialState },
      )
      return await runTable(world, totals.changes(), batches.length)
    }
    const expected = await outcome({})
    expect(opened).not.toHaveBeenCalled()
    expect(expected[1]?.length).toBeGreaterThan(100)
    expect(await outcome({ shuffleMemoryInBytes: 4000 })).toEqual(expected)
    expect(opened).toHaveBeenCalled()
  },
)

test('an RDD of the program, not of a batch, is on disk for all batches that read it', async () => {
  const world = newWorld({ shuffleMemoryInBytes: 100, localDir })
  const known = world.context.sparkContext.parallelize(rows.slice(0, 300)).groupByKey()
  const stream = pairsOf(world.context, Array<Row[]>(3).fill([['key 1', 'now']]))
  const joined = await runTable(
    world,
    stream.transform((rdd) => rdd.leftOuterJoin(known)),
    3,
  )
  expect(joined[1]).toHaveLength(1)
  expect(joined[3]).toEqual(joined[1])
})

/** A job whose one batch needs the disk; poison records would be skipped, were there any. */
async function failing(): Promise<{ error: unknown; log: ModelLog }> {
  const log = new ModelLog()
  log.createTopic('lines', 1)
  log.createTopic('out', 1)
  log.produce(
    'lines',
    0,
    rows.map(([key]) => String(key)),
  )
  const context = new StreamingContext({
    appName: 'spilling',
    trigger: 'asap',
    broker: { logViews: log, output: log },
    onPoison: 'skip',
    shuffleMemoryInBytes: 1000,
    localDir,
    warn: (message) => expect.unreachable(message),
  })
  const lines = context.createDirectStream('lines', textValues, { startingOffsets: 'earliest' })
  lines.toTopic('out', (line) => ({ value: line }))
  lines
    .mapToPair((line) => [line, line])
    .combineByKey({ create: (line) => line, merge: (line) => line }, { name: 'kept' })
    .toTopic('out', ([line]) => ({ value: line }))
  await context.start()
  const error = await context.awaitTermination().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return { error, log }
}

test('a disk that refuses what is written fails the batch, by operator and file, and nothing of it is there', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  let writes = 0
  const write = fs.writeSync
  vi.spyOn(fs, 'writeSync').mockImplementation(((...args: Parameters<typeof write>) => {
    if (++writes > 2) throw full
    return write(...args)
  }) as typeof write)
  const { error, log } = await failing()
  expect(error).toBeInstanceOf(BatchError)
  expect(error).toMatchObject({ batchId: 1, operator: 'kept', record: undefined })
  expect((error as Error).message).toMatch(/batch 1 of 20.*kept: cannot write .*\/logmill-rows-.*ENOSPC/)
  expect(log.values('out')).toEqual([])
  expect(spillFilesOpen(localDir)).toBe(0)
})

test('bytes that come back changed, or not at all, fail the batch instead of giving other rows', async () => {
  const read = fs.readSync as (...args: unknown[]) => number
  const spy = vi.spyOn(fs, 'readSync').mockImplementation(((...args: unknown[]) => {
    const count = read(...args)
    ;(args[1] as Buffer)[0]! ^= 1
    return count
  }) as typeof fs.readSync)
  expect((await failing()).error).toMatchObject({
    message: expect.stringMatching(/are not those that were written/),
  })
  spy.mockImplementation((() => 0) as typeof fs.readSync)
  expect((await failing()).error).toMatchObject({
    message: expect.stringMatching(/there is nothing at \d+, before \d+, of .*logmill-rows-/),
  })
})

test('without a directory for files, the error says where it was looked for', async () => {
  const context = new BatchContext({ shuffleMemoryInBytes: 100, localDir: join(localDir, 'none') })
  await expect(context.parallelize(rows).groupByKey().count()).rejects.toThrow(
    /groupByKey.*rows that memory shall not hold need .*\/none\/logmill-rows-.*ENOENT/,
  )
  expect(() => new SpillFile(join(localDir, 'none'))).toThrow(SpillError)
  expect(() => new BatchContext({ shuffleMemoryInBytes: 0 })).toThrow(/a whole number above 0/)
})

test('a file that is closed is not written any more: its descriptor may be that of another', () => {
  const spilled = new SpillFile(localDir)
  spilled.close()
  const path = join(localDir, 'other')
  const other = fs.openSync(path, 'w')
  expect(() => spilled.append(Buffer.from('rows of a batch that is over'))).toThrow(/their batch is over/)
  fs.closeSync(other)
  expect(fs.readFileSync(path, 'utf8')).toBe('')
})

test('what has to go to disk must be plain data', async () => {
  class Visit {}
  const visits = new BatchContext({ shuffleMemoryInBytes: 100, localDir })
    .parallelize(rows)
    .mapValues(() => new Visit())
  await expect(visits.groupByKey().count()).rejects.toThrow(
    /groupByKey: an instance of Visit cannot be kept as bytes/,
  )
})

test('a batch that runs again and again does not keep what its earlier runs had on disk', async () => {
  const spills = new SpillSpace({ localDir })
  spills.begin(1000)
  let held = spills.open()
  for (let run = 0; run < 5; run++) {
    spills.begin(1000)
    held = spills.open()
  }
  await vi.waitFor(() => {
    collectGarbage()
    expect(spillFilesOpen(localDir)).toBeLessThanOrEqual(1)
  })
  expect(held.read(held.append(Buffer.from('of the last run'))).toString()).toBe('of the last run')
  spills.keepOnly(new Set())
  expect(spillFilesOpen(localDir)).toBe(0)
})

test('names that a killed process left behind are swept, and no others', () => {
  const names = ['logmill-rows-999999999-0-3', `logmill-rows-${process.pid}-0-1`, 'logmill-rows-x', 'mine']
  for (const name of names) writeFileSync(join(localDir, name), '')
  expect(sweepSpillFiles(localDir)).toBe(1)
  expect(readdirSync(localDir).sort()).toEqual(names.slice(1).sort())
  expect(sweepSpillFiles(join(localDir, 'none'))).toBe(0)
})

test('a job sweeps when it starts', async () => {
  writeFileSync(join(localDir, 'logmill-rows-999999999-0-3'), '')
  const world = newWorld({ localDir })
  await runTable(world, pairsOf(world.context, [[]]), 1)
  expect(readdirSync(localDir)).toEqual([])
})
