// Files of batches: whole or not there, once, whatever dies when.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BatchContext } from '../../../processor/batch-context.ts'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { Checkpoint } from '../../../processor/checkpoint/checkpoint.ts'
import { LogOnly } from '../../../processor/checkpoint/log-only.ts'
import type { CommitProtocol } from '../../../processor/graph/contracts/commit.ts'
import type { FilesAside } from '../../../processor/graph/contracts/files.ts'
import { CallingThreadExecutor } from '../../../processor/executor/calling-thread.ts'
import { ArrayDataset } from '../../../processor/rdd/stored.ts'
import { BatchFiles } from '../../../processor/sink/batch-files.ts'
import { objects, readObjects, textLines } from '../../../processor/sink/file-format.ts'
import { textValues } from '../../../processor/source/row-kind.ts'
import { TopicSource } from '../../../processor/source/topic-source.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import type { DStream } from '../../../processor/streams/dstream.ts'
import { SimulatedStore } from '../../simulation/exactly-once/store.ts'
import { Random } from '../../world/random.ts'
import { ModelLog } from '../model-log.ts'

let folder: string

// In memory where there is such a folder: thousands of syncs.
const temporary = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
beforeEach(() => (folder = mkdtempSync(join(temporary, 'logmill-files-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const executor = new CallingThreadExecutor()
const shown = () =>
  readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .sort()
const hidden = () =>
  readdirSync(folder)
    .filter((name) => name.startsWith('.'))
    .sort()
const lines = (directory: string) =>
  Object.fromEntries(
    readdirSync(join(folder, directory))
      .sort()
      .map((name) => [name, readFileSync(join(folder, directory, name), 'utf8')]),
  )

const textFiles = (suffix?: string) =>
  new BatchFiles<string>({ prefix: join(folder, 'words'), suffix }, textLines(String))
const job = (lastBatchId: number, appName = 'job') => ({
  appName,
  operatorId: 'saveAsTextFiles-1',
  lastBatchId,
  putAside: [],
})
const write = (files: BatchFiles<string>, batchId: number, rows: string[][], isRepeat = false) =>
  files.write({ batchId, timeMs: batchId * 1000 }, new ArrayDataset(rows), executor, isRepeat)
/** As it is staged with the batch. */
const putAside = (files: BatchFiles<string>, batchId: number) =>
  [files.putAside({ batchId, timeMs: batchId * 1000 })].filter((entry) => entry !== undefined)

test('a directory has a part file for each partition, empty ones too, and _SUCCESS', async () => {
  const files = textFiles('txt')
  await files.settle(job(0))
  await write(files, 1, [['a', 'b'], [], ['c']])
  expect(shown()).toEqual([])
  await files.show({ batchId: 1, timeMs: 1000 })
  expect(shown()).toEqual(['words-1000.txt'])
  expect(hidden()).toEqual([])
  expect(lines('words-1000.txt')).toEqual({
    'part-00000': 'a\nb\n',
    'part-00001': '',
    'part-00002': 'c\n',
    _SUCCESS: '',
  })
})

test('a later start shows what counts and removes what does not, of this job and output alone', async () => {
  const before = textFiles()
  await before.settle(job(0))
  await write(before, 1, [['a']])
  const decided = putAside(before, 1)
  await write(before, 2, [['b']])
  const other = textFiles()
  await other.settle(job(0, 'jo.*'))
  await write(other, 1, [['other']])
  const longer = new BatchFiles<string>(
    { prefix: join(folder, 'words-more'), suffix: undefined },
    textLines(String),
  )
  await longer.settle({ ...job(0), operatorId: 'saveAsTextFiles-2' })
  await write(longer, 2, [['longer']])
  await textFiles().settle({ ...job(1), putAside: decided })
  expect(shown()).toEqual(['words-1000'])
  expect(lines('words-1000')).toMatchObject({ 'part-00000': 'a\n' })
  expect(hidden()).toEqual([
    '.words-1000@jo.*@saveAsTextFiles-1@1',
    '.words-more-2000@job@saveAsTextFiles-2@2',
  ])
  // To settle again changes nothing.
  await textFiles().settle({ ...job(1), putAside: decided })
  expect(shown()).toEqual(['words-1000'])
})

test('what a run left that did not count is not shown when its batch does, wherever the program wrote meanwhile', async () => {
  const first = textFiles()
  await first.settle(job(0))
  await write(first, 1, [['a']])
  const moved = new BatchFiles<string>(
    { prefix: join(folder, 'moved/words'), suffix: undefined },
    textLines(String),
  )
  await moved.settle(job(0))
  await write(moved, 1, [['a']])
  await moved.show({ batchId: 1, timeMs: 1000 })
  await textFiles().settle({ ...job(1), putAside: putAside(moved, 1) })
  expect(shown()).toEqual(['moved'])
})

test('a batch that runs again before it counts leaves only its last run', async () => {
  const files = textFiles()
  await files.settle(job(0))
  await write(files, 1, [['half'], ['lost']])
  await write(files, 1, [['whole']])
  await files.show({ batchId: 1, timeMs: 1000 })
  expect(lines('words-1000')).toEqual({ 'part-00000': 'whole\n', _SUCCESS: '' })
})

test('a batch that counts already, and runs for its state alone, leaves its directory; where it is missing it is made', async () => {
  mkdirSync(join(folder, 'words-1000'))
  writeFileSync(join(folder, 'words-1000', 'part-00000'), 'first\n')
  const repeat = async (lastBatchId: number, batchId: number, known: object) => {
    const files = textFiles()
    await files.settle({ ...job(lastBatchId), lastTimeMs: lastBatchId * 1000, putAside: undefined, ...known })
    await write(files, batchId, [['again']], true)
    await files.show({ batchId, timeMs: batchId * 1000 })
  }
  await repeat(1, 1, {})
  expect(lines('words-1000')).toEqual({ 'part-00000': 'first\n' })
  // What the last batch had put aside is known: it was shown as the job began, wherever that was.
  await repeat(2, 2, { putAside: [] })
  // Those before it were shown before it began; whoever has removed them since does not want them back.
  await repeat(3, 2, {})
  expect(shown()).toEqual(['words-1000'])
  await repeat(2, 2, {})
  expect(lines('words-2000')).toMatchObject({ 'part-00000': 'again\n' })
})

test('a directory that was there before is replaced as a whole, also by a start that finds it half replaced', async () => {
  mkdirSync(join(folder, 'words-1000'))
  writeFileSync(join(folder, 'words-1000', 'part-00007'), 'old\n')
  const files = textFiles()
  await files.settle(job(0))
  await write(files, 1, [['new']])
  await files.show({ batchId: 1, timeMs: 1000 })
  expect(lines('words-1000')).toEqual({ 'part-00000': 'new\n', _SUCCESS: '' })
  await write(files, 2, [['new']])
  mkdirSync(join(folder, '.words-2000@job@saveAsTextFiles-1@2.old'))
  await textFiles().settle({ ...job(2), putAside: putAside(files, 2) })
  expect(shown()).toEqual(['words-1000', 'words-2000'])
  expect(hidden()).toEqual([])
})

test('files that count and are not whole are said so, never shown', async () => {
  const aside = join(folder, '.words-1000@job@saveAsTextFiles-1@1')
  mkdirSync(aside)
  const decided = [{ operatorId: 'saveAsTextFiles-1', aside, directory: join(folder, 'words-1000') }]
  await expect(textFiles().settle({ ...job(1), putAside: decided })).rejects.toThrow(
    /@1 counts, and its files are not whole/,
  )
  expect(shown()).toEqual([])
})

test('objects come back as they were, and damage is seen', async () => {
  const rows: unknown[] = [
    { text: 'ä\n', list: [1, 2n, null] },
    new Map([['when', new Date(5)]]),
    [Buffer.from('bytes'), -0.5],
    'x'.repeat(300_000),
  ]
  const files = new BatchFiles({ prefix: join(folder, 'rows'), suffix: undefined }, objects)
  await files.settle(job(0))
  const encoded = rows.map((row) => objects.encode(row))
  const dataset = new ArrayDataset([encoded.slice(0, 3), [], encoded.slice(3)])
  await files.write({ batchId: 1, timeMs: 1000 }, dataset, executor, false)
  await files.show({ batchId: 1, timeMs: 1000 })
  const read = await new BatchContext().objectFile(join(folder, 'rows-1000')).collect()
  expect(read).toEqual(rows)
  const bytes = readFileSync(join(folder, 'rows-1000', 'part-00000'))
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes)
    damaged[at] = (damaged[at] as number) ^ 4
    expect(() => [...readObjects(damaged, 'it')], `byte ${at}`).toThrow(/^it/)
  }
  for (let length = 9; length < bytes.length; length++) {
    expect(() => [...readObjects(bytes.subarray(0, length), 'it')]).toThrow('it ends within a block')
  }
})

test('an RDD is saved as a directory that shows whole, and never into one that is there', async () => {
  const context = new BatchContext({ parallelism: 2 })
  const rdd = context.parallelize(['a', 'b', 'c']).map((letter) => [letter, { letter }] as const)
  const [text, saved] = [join(folder, 'text'), join(folder, 'deep', 'objects')]
  await rdd.saveAsTextFile(text)
  await rdd.saveAsObjectFile(saved)
  expect(lines('text')).toEqual({
    'part-00000': '(a,{"letter":"a"})\n',
    'part-00001': '(b,{"letter":"b"})\n(c,{"letter":"c"})\n',
    _SUCCESS: '',
  })
  expect(await context.textFile(text).count()).toBe(3)
  expect(await context.objectFile(saved).collect()).toEqual(await rdd.collect())
  await expect(rdd.saveAsTextFile(text)).rejects.toThrow(/text is there already/)
  await expect(context.parallelize([() => 1]).saveAsObjectFile(join(folder, 'never'))).rejects.toThrow(
    /saveAsObjectFile: a function cannot be kept as state/,
  )
  expect(shown()).toEqual(['deep', 'text'])
})

test.each([
  ['has another prefix', (rows: DStream<string>) => rows.saveAsTextFiles(join(folder, 'terms'))],
  [
    'has another suffix',
    (rows: DStream<string>) => rows.saveAsTextFiles(join(folder, 'words'), { suffix: 'txt' }),
  ],
  [
    'writes into another folder',
    (rows: DStream<string>) => rows.saveAsTextFiles(join(folder, 'deep', 'words')),
  ],
  [
    'has another name for it',
    (rows: DStream<string>) => rows.saveAsTextFiles(join(folder, 'words'), { name: 'all' }),
  ],
  [
    'has an output without files under its name',
    (rows: DStream<string>) => rows.foreachRDD(() => {}, { name: 'saveAsTextFiles-1' }),
  ],
  ['has no such output any more', (rows: DStream<string>) => rows.foreachRDD(() => {})],
])(
  'what was decided and not yet shown is shown under its name where the next program %s',
  async (_, changed) => {
    const lives = new Lives((of) => of.checkpoint())
    await lives.live('first', { outputs: into('words') })
    await lives.live('second', { outputs: into('words'), dies: true })
    expect(shown()).toEqual(['words-1000'])
    expect(hidden()).toEqual(['.words-2000@files@saveAsTextFiles-1@2'])
    await lives.live('third', { outputs: changed })
    expect(hidden()).toEqual([])
    expect(shown()).toEqual(expect.arrayContaining(['words-1000', 'words-2000']))
    expect(lines('words-2000')).toMatchObject({ 'part-00000': 'second\n', _SUCCESS: '' })
  },
)

class Crash extends Error {}

interface Life {
  /** What the job writes. */
  readonly outputs: (rows: DStream<string>) => void
  /** When its batch counts and is not shown. */
  readonly dies?: boolean
}

/** A job that lives several times, over the same log and checkpoint; in each life it does one more batch. */
class Lives {
  readonly log = new ModelLog()
  readonly store = new SimulatedStore()
  readonly warnings: string[] = []
  private readonly clock = new ManualClock(0)
  private readonly commitOf: (lives: Lives) => CommitProtocol
  private lives = 0

  constructor(commitOf: (lives: Lives) => CommitProtocol) {
    this.commitOf = commitOf
    this.log.createTopic('lines', 1)
  }

  checkpoint(hasOutput = true): Checkpoint {
    return new Checkpoint({
      directory: 'memory',
      store: this.store.handle(() => Promise.resolve()),
      ...(hasOutput && { output: this.log }),
      warn: (message) => void this.warnings.push(message),
    })
  }

  async live(row: string, { outputs, dies = false }: Life): Promise<void> {
    const context = new StreamingContext({
      appName: 'files',
      batchDuration: 1000,
      clock: this.clock,
      commit: this.commitOf(this),
      warn: (message) => void this.warnings.push(message),
    })
    const options = {
      views: this.log,
      topics: 'lines',
      rows: textValues,
      startingOffsets: 'earliest',
    } as const
    outputs(context.createDirectStream(new TopicSource(options)))
    const { graph } = context as unknown as { graph: { outputs: { files: FilesAside | undefined }[] } }
    const batch = ++this.lives
    const counted = new Promise<void>((resolve) => {
      // Batches before it may have to run again.
      context.addStreamingListener({ onBatchCompleted: ({ batchId }) => batchId === batch && resolve() })
      for (const { files } of dies ? graph.outputs : []) {
        if (files === undefined) continue
        files.show = () => {
          resolve()
          return Promise.reject(new Crash('before it is shown'))
        }
      }
      context.awaitTermination().then(resolve, resolve)
    })
    await context.start()
    this.log.produce('lines', 0, [row])
    this.clock.tick(1000)
    await counted
    await context.stop()
    if (dies) await expect(context.awaitTermination()).rejects.toThrow(/before it is shown/)
    else await context.awaitTermination()
    this.store.crash(new Random(1))
  }
}

const into = (name: string) => (rows: DStream<string>) => rows.saveAsTextFiles(join(folder, name))

test.each([
  ['was shown', false],
  ['was not shown yet', true],
])(
  'what a batch has written that counts, and %s, is not written again where its redo record is damaged and the program writes elsewhere',
  async (_, dies) => {
    for (const hasOutput of [true, false]) {
      rmSync(folder, { recursive: true })
      mkdirSync(folder)
      const lives = new Lives((of) => of.checkpoint(hasOutput))
      await lives.live('first', { outputs: into('words') })
      await lives.live('second', { outputs: into('words'), dies })
      expect(lives.store.damage('journal', 'r', new Random(1))).toBe(true)
      await lives.live('third', { outputs: into('terms') })
      expect(shown(), `with a log: ${hasOutput}`).toEqual(['terms-3000', 'words-1000', 'words-2000'])
      expect(hidden()).toEqual([])
      expect(lines('words-2000')).toMatchObject({ 'part-00000': 'second\n' })
      expect(lines('terms-3000')).toMatchObject({ 'part-00000': 'third\n' })
      expect(lives.warnings.filter((warning) => warning.includes('not known'))).toEqual([])
      // Nor by the start after that.
      await lives.live('fourth', { outputs: into('more') })
      expect(shown()).toEqual(['more-4000', 'terms-3000', 'words-1000', 'words-2000'])
    }
  },
)

test('where nothing says any more what the batch had written, it is looked for where the program writes now, and that is told', async () => {
  for (const [folderThen, found] of [
    ['words', ['words-1000', 'words-2000', 'words-3000']],
    ['terms', ['terms-2000', 'terms-3000', 'words-1000', 'words-2000']],
  ] as const) {
    rmSync(folder, { recursive: true })
    mkdirSync(folder)
    const lives = new Lives((of) => of.checkpoint())
    await lives.live('first', { outputs: into('words') })
    await lives.live('second', { outputs: into('words') })
    for (const record of ['r', 's']) expect(lives.store.damage('journal', record, new Random(1))).toBe(true)
    await lives.live('third', { outputs: into(folderThen) })
    expect(shown()).toEqual(found)
    expect(lives.warnings).toContainEqual(
      expect.stringMatching(/where batch 2, which counts, has written its files is not known any more/),
    )
  }
})

test('an instance whose place was taken puts no files in the place of its successor’s, though its batch has no rows', async () => {
  const log = new ModelLog()
  log.createTopic('lines', 1)
  /** What it reads has nothing new. */
  const quiet = new ModelLog()
  quiet.createTopic('lines', 1)
  const first = new SimulatedStore()
  const begin = async (store: SimulatedStore, views: ModelLog, nowMs: number) => {
    const clock = new ManualClock(nowMs)
    const commit = new Checkpoint({
      directory: 'memory',
      store: store.handle(() => Promise.resolve()),
      output: log,
      warn: () => {},
    })
    const context = new StreamingContext({
      appName: 'files',
      batchDuration: 1000,
      clock,
      commit,
      warn: () => {},
    })
    const options = { views, topics: 'lines', rows: textValues, startingOffsets: 'earliest' } as const
    into('words')(context.createDirectStream(new TopicSource(options)))
    const batch = async () => {
      const done = new Promise<void>((resolve) =>
        context.addStreamingListener({ onBatchCompleted: () => resolve() }),
      )
      clock.tick(1000)
      await Promise.race([done, context.awaitTermination()])
    }
    await context.start()
    return { context, batch }
  }
  const zombie = await begin(first, quiet, 0)
  await zombie.batch()
  // Its directory was copied, and another instance goes on from the copy.
  const successor = await begin(first.copy(), log, 1000)
  log.produce('lines', 0, ['second'])
  await successor.batch()
  await expect(zombie.batch()).rejects.toThrow(/taken by another instance/)
  expect(shown()).toEqual(['words-1000', 'words-2000'])
  expect(lines('words-2000')).toMatchObject({ 'part-00000': 'second\n' })
  await successor.context.stop()
})

test('without a checkpoint, too, a batch that was decided and not shown is shown by the next start', async () => {
  const lives = new Lives(({ log }) => new LogOnly({ output: log, warn: () => {} }))
  await lives.live('first', { outputs: into('words') })
  await lives.live('second', { outputs: into('words'), dies: true })
  expect(hidden()).toEqual(['.words-2000@files@saveAsTextFiles-1@2'])
  await lives.live('third', { outputs: into('words') })
  expect(shown()).toEqual(['words-1000', 'words-2000', 'words-3000'])
  expect(hidden()).toEqual([])
})

const input = [['a b', 'c'], [], ['b b'], ['c c a']]

/**
 * Runs the job until it has done all batches, crashing at the `crashAt`th point of its first run, or with the disk
 * refusing the `refuseAt`th operation on its files; `error` is what that ended it by.
 */
async function crashing(
  crashAt: number,
  refuseAt = 0,
): Promise<{ points: number; crashed: string | undefined; operations: number; error: unknown }> {
  const clock = new ManualClock(0)
  const log = new ModelLog()
  log.createTopic('lines', 1)
  log.createTopic('totals', 1)
  const store = new SimulatedStore()
  let points = 0
  let crashed: string | undefined
  let produced = 0
  let operations = 0
  let error: unknown
  for (let run = 1; run <= 2; run++) {
    let dead = false
    refuse = (operation) => {
      if (run > 1 || !isShown(1) || ++operations !== refuseAt) return
      throw new Error(`ENOSPC: no space left on device, ${operation}`)
    }
    const point = (name: string) => {
      if (dead) throw new Crash(name)
      onlyDecided(log, name)
      // A job that dies before its first plan is durable begins anew, at another time.
      if (!isShown(1)) return
      points++
      if (run > 1 || points !== crashAt) return
      dead = true
      crashed = name
      throw new Crash(name)
    }
    log.step = (step, when) => point(`${step} ${when}`)
    const context = new StreamingContext({
      appName: 'files',
      batchDuration: 1000,
      clock,
      commit: new Checkpoint({
        directory: 'memory',
        store: store.handle((name) => Promise.resolve(name).then(point)),
        output: log,
        warn: () => {},
        generationLimits: { batches: 2, bytes: 1 },
      }),
      warn: () => {},
    })
    const source = new TopicSource({
      views: log,
      topics: 'lines',
      rows: textValues,
      startingOffsets: 'earliest',
    })
    const totals = context
      .createDirectStream(source)
      .flatMap((line) => line.split(' '))
      .mapToPair((word) => [word, 1])
      .updateStateByKey<number>(
        (values, n = 0) => {
          point('row')
          return n + values.length
        },
        { name: 'totals', numPartitions: 2 },
      )
    totals.saveAsTextFiles(join(folder, 'totals'))
    totals.changes().saveAsObjectFiles(join(folder, 'changes'), { suffix: 'bin' })
    totals.changes().toTopic('totals', ([word, n]) => ({ value: `${word} ${n}` }))
    const { graph } = context as unknown as { graph: { outputs: { files: FilesAside | undefined }[] } }
    for (const output of graph.outputs) {
      const { files } = output
      if (files === undefined) continue
      const show = files.show.bind(files)
      files.show = async (batch) => {
        point('not shown')
        await show(batch)
        point('shown')
      }
    }
    let ended = false
    const failed = context.awaitTermination().then(
      () => void (ended = true),
      (failure: unknown) => {
        ended = true
        if (operations >= refuseAt && run === 1 && refuseAt > 0) error = failure
        else if (!dead) throw failure
      },
    )
    await context.start().catch((failure: unknown) => {
      if (!dead) throw failure
    })
    while (!ended && !isShown(input.length)) {
      if (produced < input.length && isShown(produced)) {
        const rows = input[produced++] as string[]
        if (rows.length > 0) log.produce('lines', 0, rows)
        clock.tick(1000)
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    await context.stop()
    await failed
    if (!dead && error === undefined) break
    store.crash(new Random(crashAt))
  }
  return { points, crashed, operations, error }
}

/** Told before each operation on files of batches; throws what the disk says. */
let refuse: (operation: string) => void = () => {}

/** Stands in for what the sink has of node:fs; gives the way back. */
function watchDisk(): () => void {
  const real = { ...fs }
  const ours = (path: unknown) => String(path).startsWith(folder)
  for (const name of ['mkdir', 'rename', 'rm', 'open'] as const) {
    const original = real[name] as (...args: unknown[]) => Promise<unknown>
    const watched = async (...args: unknown[]): Promise<unknown> => {
      if (!ours(args[0])) return await original(...args)
      refuse(name)
      const result = await original(...args)
      if (name === 'open') watchHandle(result as fs.FileHandle)
      return result
    }
    Object.assign(fs, { [name]: watched })
  }
  syncBuiltinESMExports()
  return () => {
    Object.assign(fs, real)
    syncBuiltinESMExports()
  }
}

function watchHandle(file: fs.FileHandle): void {
  const sync = file.sync.bind(file)
  const writeFile = file.writeFile.bind(file)
  file.sync = async () => {
    refuse('sync')
    await sync()
  }
  file.writeFile = async (data) => {
    refuse('write')
    await writeFile(data)
  }
}

function isShown(batch: number): boolean {
  if (batch === 0) return true
  return existsSync(join(folder, `totals-${batch}000`)) && existsSync(join(folder, `changes-${batch}000.bin`))
}

/** What a reader can see at any moment: whole directories of batches that count. */
function onlyDecided(log: ModelLog, when: string): void {
  const marks = [...(log.groups.get('logmill-job-files')?.values() ?? [])]
  const decided = Math.max(0, ...marks.map(({ metadata }) => Number(/ batch (\d+) /.exec(metadata)?.[1])))
  for (const name of shown()) {
    const batch = Number(/-(\d+)/.exec(name)?.[1]) / 1000
    expect(batch, `${name} at '${when}'`).toBeLessThanOrEqual(decided)
    expect(existsSync(join(folder, name, '_SUCCESS')), `${name} at '${when}'`).toBe(true)
  }
}

async function filesOf(): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {}
  for (const name of shown()) {
    if (name.startsWith('changes')) {
      found[name] = (await new BatchContext().objectFile(join(folder, name)).collect()).map(String)
    } else {
      found[name] = Object.values(lines(name)).join('').trim().split('\n')
    }
    found[name]?.sort()
  }
  return found
}

const expected = {
  'changes-1000.bin': ['a,1', 'b,1', 'c,1'],
  'changes-2000.bin': [],
  'changes-3000.bin': ['b,3'],
  'changes-4000.bin': ['a,2', 'c,3'],
  'totals-1000': ['(a,1)', '(b,1)', '(c,1)'],
  'totals-2000': ['(a,1)', '(b,1)', '(c,1)'],
  'totals-3000': ['(a,1)', '(b,3)', '(c,1)'],
  'totals-4000': ['(a,2)', '(b,3)', '(c,3)'],
}

test('a crash at any point of the job shows no directory too early, none twice, and loses none', async () => {
  const crashes = new Set<string>()
  const { points } = await crashing(0)
  expect(await filesOf()).toEqual(expected)
  for (let crashAt = 1; crashAt <= points; crashAt++) {
    rmSync(folder, { recursive: true })
    mkdirSync(folder)
    const { crashed } = await crashing(crashAt)
    expect(await filesOf(), `crash at ${crashAt}, '${crashed}'`).toEqual(expected)
    expect(hidden(), `crash at ${crashAt}, '${crashed}'`).toEqual([])
    if (crashed !== undefined) crashes.add(crashed)
  }
  expect([...crashes]).toEqual(
    expect.arrayContaining(['row', 'redo written', 'commit before', 'commit after', 'not shown', 'shown']),
  )
})

test('a disk that refuses any operation on the files ends the job by saying so, and the next start makes them whole', async () => {
  const restore = watchDisk()
  try {
    const { operations } = await crashing(0)
    expect(await filesOf()).toEqual(expected)
    expect(operations).toBeGreaterThan(50)
    for (let refuseAt = 1; refuseAt <= operations; refuseAt++) {
      rmSync(folder, { recursive: true })
      mkdirSync(folder)
      const { error } = await crashing(0, refuseAt)
      expect(String(error), `operation ${refuseAt}`).toMatch(/batch \d .*ENOSPC: no space left/)
      expect(await filesOf(), `operation ${refuseAt}`).toEqual(expected)
      expect(hidden()).toEqual([])
    }
  } finally {
    refuse = () => {}
    restore()
  }
})
