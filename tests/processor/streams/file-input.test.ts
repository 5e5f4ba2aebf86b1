// Files of a directory, batch by batch, on a clock that the test moves: which batch takes which file, what a restart
// takes, and what ends the job. One batch is one second.

import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { Checkpoint } from '../../../processor/checkpoint/checkpoint.ts'
import type { BatchInfo } from '../../../processor/scheduler/listener.ts'
import { FileSelection } from '../../../processor/source/file-selection.ts'
import { listFiles } from '../../../processor/source/file-listing.ts'
import { type FileFormat, textLines, wholeFiles } from '../../../processor/source/planned-files.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import type { FileStreamOptions } from '../../../processor/streams/file-input.ts'
import { ModelLog } from '../model-log.ts'
import { SECOND, START } from './tables.ts'

let directory: string
let clock: ManualClock
let rows: Record<number, unknown[]>

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'logmill-files-'))
  mkdirSync(join(directory, 'in'))
  clock = new ManualClock(START)
  rows = {}
})

afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** A file that was moved into its directory at so many seconds. */
function file(name: string, content: string | Buffer, atSeconds: number): string {
  const path = join(directory, name)
  writeFileSync(path, content)
  const seconds = START / 1000 + atSeconds
  utimesSync(path, seconds, seconds)
  return path
}

interface JobOptions extends FileStreamOptions {
  readonly from?: string
  readonly checkpoint?: boolean
  readonly format?: FileFormat<unknown>
  readonly window?: boolean
  readonly downtimeBatches?: 'all' | 'skip'
}

async function started(options: JobOptions = {}): Promise<StreamingContext> {
  const {
    from = 'in',
    checkpoint = false,
    format = textLines,
    window = false,
    downtimeBatches,
    ...rest
  } = options
  const context = new StreamingContext({
    appName: 'files',
    batchDuration: SECOND,
    clock,
    warn: () => {},
    ...(downtimeBatches && { downtimeBatches }),
    ...(checkpoint && { checkpoint: join(directory, 'checkpoint') }),
  })
  const files = context.fileStream(join(directory, from), format as FileFormat<unknown>, rest)
  ;(window ? files.window(3 * SECOND) : files).foreachRDD(async (rdd, time) => {
    rows[(time.getTime() - START) / SECOND] = await rdd.collect()
  })
  await context.start()
  return context
}

/** Moves on to this second, batch by batch: files are looked at when their batch is planned. */
async function until(context: StreamingContext, atSeconds: number): Promise<void> {
  while (clock.now() < START + atSeconds * SECOND) {
    const completed = batchCompleted(context, clock.now() + SECOND)
    await clock.advance(SECOND)
    await completed
  }
}

function batchCompleted(context: StreamingContext, timeMs: number): Promise<BatchInfo> {
  return new Promise((resolve, reject) => {
    const remove = context.addStreamingListener({
      onBatchCompleted: (info) => {
        if (info.time.getTime() < timeMs) return
        remove()
        resolve(info)
      },
    })
    context.awaitTermination().then(() => reject(new Error('the job ended')), reject)
  })
}

describe('which batch takes which file', () => {
  const path = (name: string) => ({ path: name, sizeInBytes: 1 })
  const at = (name: string, modifiedMs: number) => ({ ...path(name), modifiedMs })
  const names = (files: readonly { path: string }[]) => files.map(({ path: name }) => name)

  test('modified within the window, and no later than the batch', () => {
    const selection = new FileSelection(60, 0)
    const found = [at('old', 40), at('edge', 41), at('b', 99), at('a', 99), at('now', 100), at('later', 101)]
    expect(names(selection.select(found, 100))).toEqual(['edge', 'a', 'b', 'now'])
  })

  test('once only, also as time goes on, and what is forgotten cannot come again', () => {
    const selection = new FileSelection(60, 0)
    const found = [at('a', 95), at('b', 100)]
    for (let time = 100; time < 400; time += 10) {
      const files = selection.select(found, time)
      expect(names(files)).toEqual(time === 100 ? ['a', 'b'] : [])
      selection.take(files, time)
    }
  })

  test('a file that shows up late is taken as long as its time is in the window', () => {
    const selection = new FileSelection(60, 0)
    for (let time = 100; time <= 150; time += 10) selection.take([], time)
    expect(names(selection.select([at('late', 105), at('too late', 90)], 160))).toEqual(['late'])
  })

  test('what came in a gap between batches is taken, however long the gap', () => {
    const selection = new FileSelection(60, 0)
    selection.take([at('before', 95)], 100)
    expect(names(selection.select([at('before', 95), at('in the gap', 150)], 1000))).toEqual(['in the gap'])
  })

  test('files from before the job began are none of its', () => {
    const selection = new FileSelection(60, 90)
    expect(names(selection.select([at('before', 90), at('after', 91)], 100))).toEqual(['after'])
  })
})

test('each batch has the lines of the files that came since, one partition a file', async () => {
  file('in/before', 'not this\n', -1)
  const context = await started()
  file('in/a', 'a1\na2\r\na3', 1)
  file('in/b', 'b1\n', 1)
  file('in/.hidden', 'not this\n', 1)
  mkdirSync(join(directory, 'in/inner'))
  file('in/inner/c', 'not this\n', 1)
  await until(context, 2)
  file('in/empty', '', 3)
  file('in/d', '\nd2\n', 3)
  await until(context, 4)
  await context.stop()
  expect(rows).toEqual({ 1: ['a1', 'a2', 'a3', 'b1'], 2: [], 3: ['', 'd2'], 4: [] })
})

test('newFilesOnly: false takes what is there, as far as the window reaches', async () => {
  file('in/long ago', 'no\n', -61)
  file('in/before', 'yes\n', -30)
  const context = await started({ newFilesOnly: false })
  await until(context, 1)
  await context.stop()
  expect(rows).toEqual({ 1: ['yes'] })
})

test('a pattern stands for directories, a filter for files, and a directory may come later', async () => {
  const context = await started({ from: 'day-[0-9]*', filter: (path) => path.endsWith('.log') })
  await until(context, 1)
  for (const day of ['day-1', 'day-22', 'day-x']) {
    mkdirSync(join(directory, day))
    file(`${day}/a.log`, `${day}\n`, 2)
    file(`${day}/a.tmp`, 'not this\n', 2)
  }
  await until(context, 2)
  await context.stop()
  expect(rows).toEqual({ 1: [], 2: ['day-1', 'day-22'] })
})

test('patterns within a name', async () => {
  for (const name of ['a', 'ab', 'b', 'c', 'a.b']) {
    mkdirSync(join(directory, name))
    file(`${name}/f`, '', 0)
  }
  const match = async (pattern: string) => {
    const files = await listFiles(join(directory, pattern), () => true)
    return files.map(({ path }) => path.split('/').at(-2))
  }
  expect(await match('*')).toEqual(['a', 'a.b', 'ab', 'b', 'c'])
  expect(await match('a?')).toEqual(['ab'])
  expect(await match('{a,b}')).toEqual(['a', 'b'])
  expect(await match('[!a]')).toEqual(['b', 'c'])
  expect(await match('a.*')).toEqual(['a.b'])
  expect(await match('nothing*')).toEqual([])
  await expect(match('{a')).rejects.toThrow(/not closed/)
})

test('records of a fixed length, and whole files', async () => {
  const context = new StreamingContext({ appName: 'binary', batchDuration: SECOND, clock, warn: () => {} })
  const seen: unknown[] = []
  context
    .binaryRecordsStream(join(directory, 'in'), 3)
    .map((record) => record.toString())
    .foreachRDD(async (rdd) => void seen.push(...(await rdd.collect())))
  context
    .fileStream(join(directory, 'in'), wholeFiles)
    .map(([path, bytes]) => [path.split('/').at(-1), bytes.length])
    .foreachRDD(async (rdd) => void seen.push(...(await rdd.collect())))
  await context.start()
  file('in/a', 'abcdef', 1)
  await until(context, 1)
  expect(seen).toEqual(['abc', 'def', ['a', 6]])
  file('in/b', 'abcdefg', 2)
  await clock.advance(SECOND)
  await expect(context.awaitTermination()).rejects.toThrow(/in\/b has 7 bytes, which is no multiple of 3/)
})

test('a line without an end is given up, not gathered for ever', async () => {
  const context = await started()
  const path = file('in/endless', '', 1)
  truncateSync(path, 80 * 1024 * 1024)
  utimesSync(path, START / 1000 + 1, START / 1000 + 1)
  await clock.advance(SECOND)
  await expect(context.awaitTermination()).rejects.toThrow(/endless: a line of more than 67108864 bytes/)
})

test.each([
  ['has gone', (path: string) => rmSync(path), /is gone/],
  [
    'was written to',
    (path: string) => appendFileSync(path, 'more'),
    /has changed since it was planned: 2 bytes/,
  ],
])('a planned file that %s ends the job, and not silently', async (_, change, message) => {
  const context = await started({ window: true })
  const path = file('in/a', 'a\n', 1)
  await until(context, 1)
  change(path)
  await clock.advance(SECOND)
  await expect(context.awaitTermination()).rejects.toThrow(message)
})

test('with the as-soon-as-data trigger the directory is looked at, and a batch follows a file', async () => {
  const context = new StreamingContext({ appName: 'asap', trigger: 'asap', clock, warn: () => {} })
  const seen: string[] = []
  context
    .textFileStream(join(directory, 'in'))
    .foreachRDD(async (rdd) => void seen.push(...(await rdd.collect())))
  await context.start()
  file('in/a', 'a\n', 0.1)
  while (seen.length === 0) {
    await clock.advance(100)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await context.stop()
  expect(seen).toEqual(['a'])
  expect(clock.timersSet).toBe(0)
})

test('a graceful stop takes the files that came since the last batch', async () => {
  const context = await started()
  await until(context, 1)
  file('in/late', 'late\n', 1.5)
  await clock.advance(SECOND / 2)
  await context.stop({ graceful: true })
  expect(rows).toEqual({ 1: [], 2: ['late'] })
})

describe('restarts', () => {
  test('no file is taken twice or left out; those of the downtime belong to its batches', async () => {
    let context = await started({ checkpoint: true })
    file('in/a', 'a\n', 1)
    await until(context, 2)
    await context.stop()
    file('in/b', 'b\n', 3)
    await clock.advance(3 * SECOND)
    rows = {}
    context = await started({ checkpoint: true })
    await new Promise<void>((resolve) => {
      context.addStreamingListener({ onBatchCompleted: ({ batchId }) => batchId === 5 && resolve() })
    })
    file('in/c', 'c\n', 6)
    await until(context, 6)
    await context.stop()
    expect(rows).toEqual({ 3: ['b'], 4: [], 5: [], 6: ['c'] })
  })

  test('where the downtime is skipped, the first batch takes what came in it, and nothing from before the job', async () => {
    file('in/before', 'not this\n', -1)
    let context = await started({ checkpoint: true })
    file('in/a', 'a\n', 1)
    await until(context, 1)
    await context.stop()
    file('in/b', 'b\n', 50)
    await clock.advance(200 * SECOND)
    rows = {}
    context = await started({ checkpoint: true, downtimeBatches: 'skip' })
    await until(context, 203)
    await context.stop()
    expect(Object.values(rows).flat()).toEqual(['b'])
  })

  test('a batch that failed runs again with the same files, without those that came since', async () => {
    let context = await started({ checkpoint: true, format: failing })
    file('in/a', 'a\n', 1)
    await clock.advance(SECOND)
    await expect(context.awaitTermination()).rejects.toThrow(/no such luck/)
    // It has a time within the failed batch, and shows up later.
    file('in/b', 'b\n', 1)
    context = await started({ checkpoint: true })
    await until(context, 2)
    await context.stop()
    expect(rows).toEqual({ 1: ['a'], 2: ['b'] })
  })

  test('a window over files reads them again after a restart', async () => {
    let context = await started({ checkpoint: true, window: true })
    file('in/a', 'a\n', 1)
    await until(context, 1)
    await context.stop()
    file('in/b', 'b\n', 2)
    context = await started({ checkpoint: true, window: true })
    await until(context, 4)
    await context.stop()
    expect(rows).toEqual({ 1: ['a'], 2: ['a', 'b'], 3: ['a', 'b'], 4: ['b'] })
  })

  test('with output into a topic the log decides, though no topic was read', async () => {
    const log = new ModelLog()
    log.createTopic('out', 1)
    const expected: string[] = []
    for (const step of ['before', 'after']) {
      const run = async () => {
        const commit = new Checkpoint({
          directory: join(directory, 'checkpoint'),
          output: log,
          warn: () => {},
        })
        const context = new StreamingContext({ appName: 'files', batchDuration: SECOND, clock, commit })
        context.textFileStream(join(directory, 'in')).toTopic('out', (value) => ({ value }))
        await context.start()
        return context
      }
      const seconds = (clock.now() - START) / SECOND
      const dying = await run()
      log.step = (name, when) => {
        if (name === 'commit' && when === step) throw new Error('killed')
      }
      file(`in/${step}`, `${step}\n`, seconds + 1)
      expected.push(step)
      await clock.advance(SECOND)
      await expect(dying.awaitTermination()).rejects.toThrow(/killed/)
      log.step = () => {}
      const next = await run()
      await until(next, seconds + 2)
      await next.stop()
      expect(log.values('out'), `killed ${step} the decision`).toEqual(expected)
      expect([...(log.groups.get('logmill-job-files')?.keys() ?? [])]).toEqual(['logmill-decisions-0'])
    }
  })
})

const failing: FileFormat<unknown> = {
  open() {
    throw new Error('no such luck')
  },
}
