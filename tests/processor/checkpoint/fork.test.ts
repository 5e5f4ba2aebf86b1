// Savepoints, restores and replays: a checkpoint as the beginning of another one. The log is a model, the
// checkpoints are real.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { Checkpoint } from '../../../processor/checkpoint/checkpoint.ts'
import { forkCheckpoint, type ForkOptions } from '../../../processor/checkpoint/fork.ts'
import { inspectCheckpoint } from '../../../processor/checkpoint/inspect.ts'
import { LevelStore } from '../../../processor/checkpoint/level-store.ts'
import { OfflineCheckpoint } from '../../../processor/checkpoint/offline.ts'
import { CheckpointError } from '../../../processor/checkpoint/store.ts'
import { replayBatch } from '../../../processor/replay.ts'
import { textValues } from '../../../processor/source/row-kind.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import { ModelLog } from '../model-log.ts'

let directory: string
let log: ModelLog
let clock: ManualClock

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'logmill-fork-'))
  log = new ModelLog()
  log.createTopic('lines', 1)
  log.createTopic('counts', 1)
  clock = new ManualClock()
})

afterEach(() => rmSync(directory, { recursive: true, force: true }))

const at = (name: string) => join(directory, name)

/** Totals of words, and how often they came in the last three seconds. */
function counts(context: StreamingContext): void {
  const words = context
    .createDirectStream('lines', textValues, { startingOffsets: 'earliest' })
    .flatMap((line) => line.split(' '))
    .mapToPair((word): [string, number] => [word, 1])
  const recent = words.reduceByKeyAndWindow((a, b) => a + b, '3s')
  words
    .updateStateByKey<number>((ones, total = 0) => total + ones.length, { name: 'totals' })
    .join(recent)
    .toTopic('counts', ([word, [total, count]]) => ({ key: word, value: `${word} ${total} ${count}` }))
}

class Job {
  readonly context: StreamingContext
  private completed = 0
  private wake = () => {}

  constructor(checkpoint: string, appName = 'counts') {
    this.context = new StreamingContext({
      appName,
      clock,
      batchDuration: '1s',
      broker: { logViews: log, output: log },
      commit: new Checkpoint({ directory: checkpoint, output: log, warn: () => {} }),
      downtimeBatches: 'skip',
    })
    counts(this.context)
    this.context.addStreamingListener({
      onBatchCompleted: () => {
        this.completed++
        this.wake()
      },
    })
  }

  /** One batch for each list of lines, which may add none. */
  async run(...batches: string[][]): Promise<void> {
    await this.context.start()
    let ended: { error: unknown } | undefined
    this.context.awaitTermination().catch((error: unknown) => {
      ended = { error }
      this.wake()
    })
    for (const [index, lines] of batches.entries()) {
      if (lines.length > 0) log.produce('lines', 0, lines)
      clock.tick(1000)
      while (this.completed <= index && ended === undefined) {
        await new Promise<void>((resolve) => (this.wake = resolve))
      }
      if (ended !== undefined) throw ended.error
    }
    await this.context.stop()
  }
}

async function fork(from: string, to: string, options: ForkOptions = {}) {
  const checkpoint = await OfflineCheckpoint.open(at(from))
  try {
    return await forkCheckpoint(checkpoint, at(to), options)
  } finally {
    await checkpoint.close()
  }
}

const shown = () => log.values('counts').map(String)

test('a job restored under another name goes on from the savepoint, windows included', async () => {
  await new Job(at('first')).run(['a b'], ['a'])
  expect(await fork('first', 'saved')).toMatchObject({ appName: 'counts', batchId: 2 })
  await new Job(at('first')).run(['a c'])
  expect(shown().slice(4).sort()).toEqual(['a 3 3', 'b 1 1', 'c 1 1'])

  // What came after the savepoint is read again, by a job that knows nothing of the first one's batch.
  await fork('saved', 'second', { appName: 'counts-again' })
  const before = shown().length
  await new Job(at('second'), 'counts-again').run(['d'])
  // The window reaches back to the second batch, whose plan came with the savepoint.
  expect(shown().slice(before).sort()).toEqual(['a 3 2', 'c 1 1', 'd 1 1'])
})

test('restored under its own name a job is refused as long as the log has its offsets', async () => {
  await new Job(at('first')).run(['a'])
  await fork('first', 'saved')
  await new Job(at('first')).run(['a'])
  await fork('saved', 'again')
  await expect(new Job(at('again')).run()).rejects.toThrow(
    /the log decided batch 2 of job 'counts' for checkpoint/,
  )
  log.groups.delete('logmill-job-counts')
  await new Job(at('again')).run([])
  expect(shown().at(-1)).toBe('a 2 2')
})

test('replay gives what the batch gave, and writes nothing', async () => {
  await new Job(at('first')).run(['a b'], ['a'], ['b b'], ['a'])
  const { replayable } = await inspectCheckpoint(at('first'))
  expect(replayable).toEqual({ from: 1, to: 4 })
  const written = log.values('counts').map(String)
  const replayed: string[] = []
  for (let batchId = 1; batchId <= 4; batchId++) {
    const { info, records } = await replayBatch({
      checkpoint: at('first'),
      batchId,
      logViews: log,
      job: counts,
      directory: at(`replay-${batchId}`),
      options: { clock },
    })
    expect(info.batchId).toBe(batchId)
    replayed.push(...records.map(({ value }) => String(value)))
  }
  expect(replayed).toEqual(written)
  expect(log.values('counts').map(String)).toEqual(written)
  await new Job(at('first')).run(['c'])
  expect(shown().slice(written.length)).toContain('c 1 1')
})

test('a batch that left records out is replayed without them', async () => {
  const build = (context: StreamingContext) =>
    context
      .createDirectStream('lines', textValues, { startingOffsets: 'earliest' })
      .map((line) => {
        if (line === 'bad') throw new Error('no sense in it')
        return line
      })
      .toTopic('counts', (value) => ({ value }))
  const common = { clock, onPoison: 'skip', warn: () => {} } as const
  const context = new StreamingContext({
    ...common,
    appName: 'skips',
    batchDuration: 1000,
    checkpoint: at('first'),
    broker: { logViews: log, output: log },
  })
  build(context)
  log.produce('lines', 0, ['a', 'bad', 'b'])
  await context.start()
  await clock.advance(1000)
  await context.stop({ graceful: true })
  await context.awaitTermination()
  const { info, records } = await replayBatch({
    checkpoint: at('first'),
    batchId: 1,
    logViews: log,
    job: build,
    directory: at('replay'),
    options: common,
  })
  expect(records.map(({ value }) => String(value))).toEqual(['a', 'b'])
  expect(info.poisonRecords.map(({ offset }) => offset)).toEqual([1n])
})

test('a batch whose plan or state is not kept is refused by name', async () => {
  await new Job(at('first')).run(['a'], ['b'])
  const replay = (batchId: number) =>
    replayBatch({
      checkpoint: at('first'),
      batchId,
      logViews: log,
      job: counts,
      directory: at(`r${batchId}`),
    })
  await expect(replay(3)).rejects.toThrow(/the plan of batch 3 is not kept, kept are 1 to 2/)
  await expect(replay(0)).rejects.toThrow(/there is no batch 0/)
  await new Job(at('first')).run(...Array.from({ length: 70 }, () => ['a']))
  await expect(replay(1)).rejects.toThrow(
    /the state behind batch 0 is not kept any more, only that from batch \d+ on/,
  )
})

test('what is no checkpoint, or one already, is refused and stays as it is', async () => {
  await expect(OfflineCheckpoint.open(at('nothing'))).rejects.toThrow(/there is no checkpoint in/)
  expect(readdirSync(directory)).toEqual([])
  await new Job(at('first')).run(['a'])
  await new Job(at('second'), 'other').run(['a'])
  await expect(fork('first', 'second')).rejects.toThrow(/second has a checkpoint already/)
  expect((await inspectCheckpoint(at('second'))).appName).toBe('other')
})

test('the checkpoint of a running job is not looked into', async () => {
  const job = new Job(at('first'))
  await job.context.start()
  await expect(OfflineCheckpoint.open(at('first'))).rejects.toThrow(
    /is in use by another process, or by another job/,
  )
  await job.context.stop()
})

test('the report names inputs, offsets, state and plans', async () => {
  await new Job(at('first')).run(['a b'], ['a'])
  expect(await inspectCheckpoint(at('first'))).toMatchObject({
    appName: 'counts',
    intervalMs: 1000,
    lastBatch: { batchId: 2 },
    undecided: [],
    inputs: [{ inputId: 'lines', positions: [{ topic: 'lines', partition: 0, offset: 2n }] }],
    state: [{ id: 'totals', shape: 'update', keys: 2 }],
    plans: [
      { batchId: 1, records: 1, status: 'decided' },
      { batchId: 2, records: 1, status: 'decided' },
    ],
    damage: [],
  })
})

test('where a manifest is missing, a copy and a job are told what may have been, and what to do', async () => {
  await new Job(at('first')).run(['a b'], ['a'])
  await fork('first', 'second')
  const journal = await new LevelStore(at('second')).open('journal')
  const writes = journal.writes()
  writes.del(Buffer.from('m'))
  await writes.write({ sync: true })
  await journal.close()
  const told =
    /second: it has 2 plans and 0 staged batches, but no manifest: .* broken off; in that case remove it and copy again/
  await expect(fork('first', 'second')).rejects.toThrow(CheckpointError)
  await expect(fork('first', 'second')).rejects.toThrow(told)
  await expect(fork('second', 'third')).rejects.toThrow(told)
  await expect(new Job(at('second')).run()).rejects.toThrow(told)
})

test('a job does not begin anew in a directory where a copy was broken off in its state', async () => {
  await new Job(at('first')).run(['a b'], ['a'])
  await fork('first', 'second')
  rmSync(at('second/journal'), { recursive: true })
  rmSync(at('second/state-1'), { recursive: true })
  const state = await new LevelStore(at('second')).open('state-0')
  const writes = state.writes()
  writes.del(Buffer.from([0xff, 0xff]))
  await writes.write({ sync: true })
  await state.close()
  await expect(new Job(at('second'), 'other').run(['a'])).rejects.toThrow(
    /second: its journal is empty, though it has state, which is not whole: .* broken off; in that case remove it/,
  )
})

test('into what a fork that was broken off has left nothing is copied: two states would be one', async () => {
  await new Job(at('first')).run(['a b'], ['a'])
  await fork('first', 'second')
  // It died before the journal said that the copy counts.
  rmSync(at('second/journal'), { recursive: true })
  await expect(fork('first', 'second', { through: 0 })).rejects.toThrow(
    /second has state of a copy that was broken off, or of a checkpoint whose journal was lost/,
  )
  rmSync(at('second'), { recursive: true })
  expect(await fork('first', 'second', { through: 0 })).toMatchObject({ batchId: 0 })
})
