// Worker threads die in the middle of batches, and every record counts once all the same: the batch is aborted, new
// workers take up the state of the last decided batch, and it runs again from its plan.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ManualClock } from '../../../../broker/time/manual-clock.ts'
import { StreamingContext } from '../../../../processor/streaming-context.ts'
import type { StreamingContextOptions } from '../../../../processor/streaming-context-options.ts'
import { Random, seeds } from '../../../world/random.ts'
import { ModelLog } from '../../model-log.ts'
import { spillFilesOpen } from '../../spill-files.ts'
import type { DeathParameters } from './death-jobs.ts'

const START = 1_700_000_000_000
const SECOND = 1000

// Threads load the sources anew, which takes long beside other tests.
vi.setConfig({ testTimeout: 60_000 })

const SEEDS = Number(process.env['LOGMILL_SEEDS'] ?? 1)
const FIRST_SEED = Number(process.env['LOGMILL_SEED'] ?? 2)

let undying: Promise<Run> | undefined
let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'logmill-deaths-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

interface Run {
  readonly log: ModelLog
  readonly warnings: string[]
}

/** Five batches of a second, each of lines in two partitions; two of them have a deadly one. */
async function run(
  deaths: readonly [exits: number, errors: number, starts?: number, memory?: number],
  options: Partial<StreamingContextOptions> & {
    hasState?: boolean
    messagesLeft?: number[][]
    /** As messagesLeft, counted from the start of the job. */
    startMessagesLeft?: number[]
  } = {},
): Promise<Run> {
  const { hasState = true, messagesLeft = [], startMessagesLeft = [], ...contextOptions } = options
  const log = new ModelLog()
  for (const topic of ['lines', 'copies', 'windows', 'totals']) log.createTopic(topic, 2)
  const deathsLeft = new Int32Array(new SharedArrayBuffer(16))
  deathsLeft.set(deaths.map((count) => count ?? 0))
  const messages = new Int32Array(new SharedArrayBuffer(16))
  messages.set(startMessagesLeft)
  const warnings: string[] = []
  const clock = new ManualClock(START)
  const context = new StreamingContext({
    appName: 'mortal',
    batchDuration: SECOND,
    clock,
    broker: { logViews: log, output: log },
    parallelism: 2,
    job: new URL('./death-jobs.ts', import.meta.url),
    jobParameters: { deathsLeft, hasState, messagesLeft: messages } satisfies DeathParameters,
    warn: (message) => warnings.push(message),
    ...contextOptions,
  } as StreamingContextOptions)
  let completed = () => {}
  context.addStreamingListener({ onBatchCompleted: () => completed() })
  await context.start()
  messages.set(messagesLeft.flat())
  for (let batch = 1; batch <= 5; batch++) {
    const lines = ['a', 'b', `c${batch}`, batch % 2 === 0 ? 'a' : 'b']
    for (const partition of [0, 1]) log.produce('lines', partition, lines)
    // One is the second worker's to read, the other the first one's.
    if (batch === 2) log.produce('lines', 1, ['death by exit', 'a'])
    if (batch === 4) log.produce('lines', 0, ['death by error', 'b'])
    const done = new Promise<void>((resolve) => (completed = resolve))
    await clock.advance(SECOND)
    await Promise.race([done, context.awaitTermination()])
  }
  await context.stop({ graceful: true })
  await context.awaitTermination()
  return { log, warnings }
}

function committed({ log }: Run, topic: string): (string | null)[][] {
  return (log.partitions.get(topic) ?? []).map(({ committed: records }) => records.map(({ value }) => value))
}

test('two workers die in two batches: output, windows and state are those of a run without deaths', async () => {
  const checkpoint = join(directory, 'checkpoint')
  const expected = await (undying ??= run([0, 0]))
  // All that is shuffled goes to disk, which dies with the workers.
  const localDir = join(directory, 'rows')
  mkdirSync(localDir)
  const made = statSync(localDir).mtimeMs
  const actual = await run([1, 1], { executors: 2, checkpoint, shuffleMemoryInBytes: 1, localDir })
  expect(statSync(localDir).mtimeMs).toBeGreaterThan(made)
  expect(readdirSync(localDir)).toEqual([])
  expect(spillFilesOpen(localDir)).toBe(0)
  for (const topic of ['copies', 'windows', 'totals']) {
    expect(committed(expected, topic).flat().length).toBeGreaterThan(10)
    expect(committed(actual, topic)).toEqual(committed(expected, topic))
  }
  expect(actual.warnings).toEqual([
    expect.stringMatching(/worker 1 died: it ended itself with exit code 3: the batch runs again/),
    expect.stringMatching(/worker 0 died: Error: nobody catches this: the batch runs again/),
  ])
})

// Whatever the driver says to a worker, and whatever is under way then: a batch that begins, that runs, that ends, that
// counts; state that is brought to new workers. LOGMILL_SEEDS=40 for more of them.
test.each(seeds(FIRST_SEED, FIRST_SEED + SEEDS - 1))(
  'workers die at any message: output, windows and state are those of a run without deaths, seed %i',
  async (seed) => {
    const random = new Random(seed)
    // Of some the next ones too, while they are brought what the first ones had.
    const messagesLeft = [0, 1].map((worker) =>
      worker === seed % 2 || random.chance(0.5)
        ? [random.between(1, 50), random.chance(0.5) ? random.between(1, 9) : 0]
        : [0, 0],
    )
    const expected = await (undying ??= run([0, 0]))
    const checkpoint = join(directory, 'checkpoint')
    const actual = await run([0, 0], { executors: 2, checkpoint, messagesLeft, maxTaskFailures: 5 })
    for (const topic of ['copies', 'windows', 'totals']) {
      expect(committed(actual, topic)).toEqual(committed(expected, topic))
    }
    expect(actual.warnings.length).toBeGreaterThan(0)
  },
)

test('without a checkpoint, a job that keeps no state survives its workers', async () => {
  const expected = await run([0, 0], { hasState: false })
  const actual = await run([1, 0], { hasState: false, executors: 2 })
  for (const topic of ['copies', 'windows']) {
    expect(committed(actual, topic)).toEqual(committed(expected, topic))
  }
  expect(actual.warnings).toHaveLength(1)
})

test('without a checkpoint, state dies with its worker: the job ends and says so', async () => {
  await expect(run([1, 0], { executors: 2 })).rejects.toThrow(
    /batch 2 .*worker 1 died.*the state of its keys: the job has no checkpoint/,
  )
})

test('a record that kills every worker that reads it ends the job', async () => {
  await expect(run([1000, 0], { hasState: false, executors: 1, maxTaskFailures: 2 })).rejects.toThrow(
    /batch 2 .*worker 0 died: it ended itself with exit code 3/,
  )
})

// While it loads the job, while it is brought its state, while it begins: three deaths, of four that would be too many.
test('workers that die while the job starts are replaced, too', async () => {
  const expected = await (undying ??= run([0, 0]))
  const checkpoint = join(directory, 'checkpoint')
  const actual = await run([0, 0, 1], { executors: 1, checkpoint, startMessagesLeft: [2, 3] })
  for (const topic of ['copies', 'windows', 'totals']) {
    expect(committed(actual, topic)).toEqual(committed(expected, topic))
  }
  expect(actual.warnings).toEqual(
    Array(3).fill(
      expect.stringMatching(/worker 0 died: .* exit code 3: the job starts again with new workers/),
    ),
  )
})

test('a job whose workers cannot start ends, saying why', async () => {
  await expect(run([0, 0, 1000], { executors: 1, maxTaskFailures: 2 })).rejects.toThrow(
    /worker 0 died: it ended itself with exit code 3/,
  )
})

test('a worker that needs more memory than it may have dies, and the process does not', async () => {
  const expected = await run([0, 0], { hasState: false })
  const actual = await run([0, 0, 0, 1], {
    hasState: false,
    executors: 1,
    executorMemoryInBytes: 160 * 1024 * 1024,
  })
  for (const topic of ['copies', 'windows']) {
    expect(committed(actual, topic)).toEqual(committed(expected, topic))
  }
  expect(actual.warnings).toEqual([
    expect.stringMatching(/worker 0 died: .*memory limit.*: the batch runs again with new workers/),
  ])
})
