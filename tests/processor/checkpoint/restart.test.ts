// Jobs that stop and start again: what they wrote, what they kept, and what they refuse. The log is a model,
// the checkpoint is real (LevelDB in a temporary directory).

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Checkpoint } from '../../../processor/checkpoint/checkpoint.ts'
import { LogOnly } from '../../../processor/checkpoint/log-only.ts'
import type { CommitProtocol } from '../../../processor/graph/contracts/commit.ts'
import { textValues } from '../../../processor/source/row-kind.ts'
import { TopicSource } from '../../../processor/source/topic-source.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import { ModelLog } from '../model-log.ts'

let directory: string
let log: ModelLog
let warnings: string[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'logmill-checkpoint-'))
  log = new ModelLog()
  log.createTopic('lines', 2)
  log.createTopic('counts', 2)
  warnings = []
})

afterEach(() => rmSync(directory, { recursive: true, force: true }))

const warn = (message: string) => void warnings.push(message)
const durable = () => new Checkpoint({ directory, output: log, warn })

interface JobOptions {
  commit?: CommitProtocol
  appName?: string
  parallelism?: number
  name?: string
}

/** Counts words, and writes the count of each word that came. */
function wordCount({
  commit = durable(),
  appName = 'count',
  parallelism = 2,
  name = 'total',
}: JobOptions = {}) {
  const context = new StreamingContext({ appName, trigger: 'asap', commit, parallelism })
  const source = new TopicSource({
    views: log,
    topics: 'lines',
    rows: textValues,
    startingOffsets: 'earliest',
  })
  context
    .createDirectStream(source)
    .flatMap((line) => line.split(' '))
    .mapToPair((word) => [word, 1])
    .updateStateByKey<number>((values, total) => values.reduce((a, b) => a + b, total ?? 0), { name })
    .changes()
    .toTopic('counts', ([word, total]) => ({ key: word, value: `${word} ${total}` }))
  return context
}

/** Fails with what ended the job, where it ends before. */
async function until(context: StreamingContext, condition: () => boolean): Promise<void> {
  let ended: { error: unknown } | undefined
  context.awaitTermination().catch((error: unknown) => (ended = { error }))
  while (!condition()) {
    if (ended !== undefined) throw ended.error
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const shown = () => log.values('counts').map(String).sort()

test('a job goes on where it stopped: state, offsets and output are of one piece', async () => {
  log.produce('lines', 0, ['a b', 'a'])
  const first = wordCount()
  await first.start()
  await until(first, () => shown().length === 2)
  await first.stop()
  expect(shown()).toEqual(['a 2', 'b 1'])

  log.produce('lines', 1, ['a c'])
  const second = wordCount({ parallelism: 3 })
  await second.start()
  await until(second, () => shown().length === 4)
  await second.stop()
  expect(shown()).toEqual(['a 2', 'a 3', 'b 1', 'c 1'])
  expect(warnings).toEqual([])
})

test('without a directory a job goes on at the offsets of its group, and begins with empty state', async () => {
  log.produce('lines', 0, ['a b', 'a'])
  const first = wordCount({ commit: new LogOnly({ output: log, warn }) })
  await first.start()
  await until(first, () => shown().length === 2)
  await first.stop()

  log.produce('lines', 1, ['a c'])
  const second = wordCount({ commit: new LogOnly({ output: log, warn }) })
  await second.start()
  await until(second, () => shown().length === 4)
  await second.stop()
  expect(shown()).toEqual(['a 1', 'a 2', 'b 1', 'c 1'])
  expect(warnings).toEqual([expect.stringContaining(`the state of 'total' begins empty`)])
})

async function runs(context: StreamingContext, records: number): Promise<void> {
  await context.start()
  await until(context, () => shown().length >= records)
  await context.stop()
}

test('a second instance on the same directory is refused, and does not disturb the first', async () => {
  const first = wordCount()
  await first.start()
  const second = wordCount()
  await expect(second.start()).rejects.toThrow(/is in use by another process, or by another job of this one/)
  log.produce('lines', 0, ['a'])
  await until(first, () => shown().length === 1)
  await first.stop()
})

test('a second instance elsewhere is refused too: the batches belong to the first checkpoint', async () => {
  log.produce('lines', 0, ['a'])
  await runs(wordCount(), 1)
  const elsewhere = new Checkpoint({ directory: join(directory, 'elsewhere'), output: log, warn })
  await expect(wordCount({ commit: elsewhere }).start()).rejects.toThrow(
    /the log decided batch 1 of job 'count' for checkpoint \S+, and this directory is empty/,
  )
  await expect(wordCount({ commit: new LogOnly({ output: log, warn }) }).start()).rejects.toThrow(
    /the job cannot go on without a checkpoint/,
  )
})

test('an instance whose place was taken ends with FencedError, and what it had written never shows', async () => {
  const first = wordCount()
  await first.start()
  await log.open('logmill-job-count')
  log.produce('lines', 0, ['a'])
  await expect(first.awaitTermination()).rejects.toThrow(/taken by another instance/)
  expect(shown()).toEqual([])
})

test('the group shows progress to every Kafka tool, with the batch in the metadata', async () => {
  log.produce('lines', 0, ['a', 'b'])
  await runs(wordCount(), 2)
  const offsets = [...(log.groups.get('logmill-job-count')?.values() ?? [])]
  expect(offsets).toEqual([
    {
      topic: 'lines',
      partition: 0,
      offset: 2n,
      metadata: expect.stringMatching(/^logmill 1 batch 1 time \d+ topic \d+ checkpoint \S+$/) as string,
    },
    { topic: 'lines', partition: 1, offset: 0n, metadata: expect.stringMatching(/ batch 1 /) as string },
  ])
})

test('another shape of state under the same name is refused, and so is another job', async () => {
  log.produce('lines', 0, ['a'])
  await runs(wordCount(), 1)
  await expect(wordCount({ appName: 'other' }).start()).rejects.toThrow(
    /it is the checkpoint of job 'count', not of 'other'/,
  )
  const window = new StreamingContext({ appName: 'count', batchDuration: 1000, commit: durable() })
  window
    .createDirectStream(new TopicSource({ views: log, topics: 'lines', rows: textValues }))
    .mapToPair((word) => [word, 1])
    .reduceByKeyAndWindow(
      (a, b) => a + b,
      '2s',
      '1s',
      (a, b) => a - b,
      { name: 'total' },
    )
    .foreachRDD(() => {})
  await expect(window.start()).rejects.toThrow(
    /the state of 'total' was kept as 'update', the program now has 'window/,
  )
})

test('an operator that is renamed begins empty, and the old state is named and dropped', async () => {
  log.produce('lines', 0, ['a a'])
  await runs(wordCount(), 1)
  log.produce('lines', 0, ['a'])
  await runs(wordCount({ name: 'sum' }), 2)
  expect(shown()).toEqual(['a 1', 'a 2'])
  expect(warnings).toEqual([expect.stringContaining(`no operator 'total' (1 keys) any more`)])
  // It does not come back: what it had missed meanwhile would be missing for ever.
  log.produce('lines', 0, ['a'])
  await runs(wordCount(), 3)
  expect(shown()).toEqual(['a 1', 'a 1', 'a 2'])
})

test('a log that is behind the checkpoint is refused', async () => {
  log.produce('lines', 0, ['a'])
  await runs(wordCount(), 1)
  const kept = structuredClone(log.groups)
  log.produce('lines', 0, ['a'])
  await runs(wordCount(), 2)
  log.groups.clear()
  for (const [group, offsets] of kept) log.groups.set(group, offsets)
  await expect(wordCount().start()).rejects.toThrow(
    /the checkpoint knows that the log decided batch 2, but the log says 1/,
  )
})

test('offsets that expired while the job was stopped in order are no harm', async () => {
  log.produce('lines', 0, ['a'])
  await runs(wordCount(), 1)
  log.groups.clear()
  log.produce('lines', 0, ['a'])
  await runs(wordCount(), 2)
  expect(shown()).toEqual(['a 1', 'a 2'])
})

test('what is no plain data is refused with operator and key, and a codec makes it good', async () => {
  class Total {
    readonly sum: number
    constructor(sum: number) {
      this.sum = sum
    }
  }
  const withClass = (options: object) => {
    const context = new StreamingContext({ appName: 'classes', trigger: 'asap', commit: durable() })
    context
      .createDirectStream(
        new TopicSource({ views: log, topics: 'lines', rows: textValues, startingOffsets: 'earliest' }),
      )
      .mapToPair((word) => [word, 1])
      .updateStateByKey<Total>((values, total) => new Total((total?.sum ?? 0) + values.length), {
        name: 'total',
        ...options,
      })
      .changes()
      .toTopic('counts', ([word, total]) => ({ value: `${word} ${total.sum}` }))
    return context
  }
  log.produce('lines', 0, ['a'])
  const refused = withClass({})
  await refused.start()
  await expect(refused.awaitTermination()).rejects.toThrow(
    /total: state of key 'a': Total is no plain data and cannot be kept as state; give the operator a codec/,
  )
  const codec = {
    encode: (total: Total) => Buffer.from(String(total.sum)),
    decode: (bytes: Uint8Array) => new Total(Number(Buffer.from(bytes).toString())),
  }
  await runs(withClass({ codec }), 1)
  log.produce('lines', 0, ['a'])
  const migrate = (old: Total, fromVersion: number) => new Total(old.sum + fromVersion * 100)
  await runs(withClass({ codec, version: 2, migrate }), 2)
  expect(shown().at(-1)).toBe('a 102')
})

test.each(['decode', 'migrate'])(
  'where %s gives undefined, the operator and the key are named',
  async (by) => {
    const codec = (decodes: boolean) => ({
      encode: (total: { sum: number }) => Buffer.from(String(total.sum)),
      decode: (bytes: Uint8Array) =>
        (decodes ? { sum: Number(Buffer.from(bytes).toString()) } : undefined) as { sum: number },
    })
    const nothing = () => undefined as unknown as { sum: number }
    const job = (kind: string, appName: string, options: object) => {
      const commit = new Checkpoint({ directory: join(directory, kind), output: log, warn })
      const context = new StreamingContext({ appName, trigger: 'asap', commit })
      const pairs = context
        .createDirectStream(
          new TopicSource({ views: log, topics: 'lines', rows: textValues, startingOffsets: 'earliest' }),
        )
        .mapToPair((word) => [word, 1])
      const update = (_: unknown, total = { sum: 0 }) => ({ sum: total.sum + 1 })
      if (kind === 'update') {
        pairs
          .updateStateByKey<{ sum: number }>(update, { name: 'total', ...options })
          .changes()
          .toTopic('counts', ([word]) => ({ value: word }))
      } else {
        pairs
          .mapWithState<{ sum: number }, string>(
            (word, value, state) => {
              state.update(update(value, state.getOption()))
              return word
            },
            { name: 'total', ...options },
          )
          .toTopic('counts', (word) => ({ value: word }))
      }
      return context
    }
    log.produce('lines', 0, ['a'])
    const options = by === 'decode' ? {} : { version: 2, migrate: nothing }
    for (const [index, kind] of ['update', 'map'].entries()) {
      await runs(job(kind, kind, { codec: codec(true) }), index + 1)
      await expect(job(kind, kind, { codec: codec(by !== 'decode'), ...options }).start()).rejects.toThrow(
        `total: state of key 'a': ${by} gave undefined, which is no state`,
      )
      // Nothing is lost by it.
      await job(kind, kind, { codec: codec(true) }).start()
    }
  },
)

test('a raised version reads every value once through migrate, and keeps all of them anew', async () => {
  const seen: string[] = []
  const versioned = (version: number, migrate?: (old: unknown, fromVersion: number) => unknown[]) => {
    const context = new StreamingContext({
      appName: 'v',
      trigger: 'asap',
      commit: durable(),
      parallelism: version,
    })
    context
      .createDirectStream(
        new TopicSource({ views: log, topics: 'lines', rows: textValues, startingOffsets: 'earliest' }),
      )
      .mapToPair((word): [string, number] => [word, 1])
      .updateStateByKey<unknown[]>((ones, list = []) => (ones.length === 0 ? list : [...list, version]), {
        name: 'list',
        version,
        ...(migrate && { migrate }),
      })
      .foreachRDD(async (rdd) => void seen.splice(0, 99, ...(await rdd.collect()).map(String).sort()))
    return context
  }
  const run = async (context: StreamingContext, word: string) => {
    const completed = new Promise<void>((resolve) =>
      context.addStreamingListener({ onBatchCompleted: () => resolve() }),
    )
    log.produce('lines', 0, [word])
    await context.start()
    await completed
    await context.stop()
  }
  await run(versioned(1), 'a')
  await run(versioned(1), 'b')
  let migrated = 0
  const migrate = (old: unknown, fromVersion: number) => {
    migrated++
    return [`from ${fromVersion}`, ...(old as unknown[])]
  }
  await run(versioned(2, migrate), 'c')
  expect(seen).toEqual(['a,from 1,1', 'b,from 1,1', 'c,2'])
  expect(migrated).toBe(2)
  await run(versioned(2, migrate), 'a')
  expect(seen).toEqual(['a,from 1,1,2', 'b,from 1,1', 'c,2'])
  expect(migrated).toBe(2)
  await run(versioned(3, migrate), 'a')
  expect(seen).toEqual(['a,from 2,from 1,1,2,3', 'b,from 2,from 1,1', 'c,from 2,2'])
  await expect(versioned(4).start()).rejects.toThrow(
    /the state of 'list' was kept in version 3, the program has version 4 and no migrate for it/,
  )
  await expect(versioned(2, migrate).start()).rejects.toThrow(
    /program has version 2: a newer program wrote it/,
  )
  await run(versioned(3), 'b')
  expect(seen).toEqual(['a,from 2,from 1,1,2,3', 'b,from 2,from 1,1,3', 'c,from 2,2'])
  expect(warnings.filter((warning) => warning.includes('no operator'))).toEqual([])
})

test('a job without an output port keeps its state by the checkpoint alone, and cannot write to topics', async () => {
  const totals: string[] = []
  const job = (commit: Checkpoint) => {
    const context = new StreamingContext({ appName: 'count', trigger: 'asap', commit })
    context
      .createDirectStream(
        new TopicSource({ views: log, topics: 'lines', rows: textValues, startingOffsets: 'earliest' }),
      )
      .mapToPair((word) => [word, 1])
      .updateStateByKey<number>((values, total) => values.length + (total ?? 0), { name: 'total' })
      .foreachRDD(async (rdd) => void totals.push(...(await rdd.collect()).map(String)))
    return context
  }
  for (let run = 1; run <= 2; run++) {
    log.produce('lines', 0, ['a'])
    const context = job(new Checkpoint({ directory, warn }))
    await context.start()
    await until(context, () => totals.length === run)
    await context.stop({ graceful: true })
  }
  expect(totals).toEqual(['a,1', 'a,2'])
  log.produce('lines', 0, ['a'])
  const writes = wordCount({ commit: new Checkpoint({ directory, warn }), name: 'total' })
  await writes.start()
  await expect(writes.awaitTermination()).rejects.toThrow(/the job has no output port/)
})

const eager = () =>
  new Checkpoint({ directory, output: log, warn, generationLimits: { batches: 1, bytes: 1 } })

test('LevelDB that is damaged: a generation is made good by the other, the journal is refused', async () => {
  log.produce('lines', 0, ['a', 'b'])
  await runs(wordCount({ commit: eager() }), 2)
  writeFileSync(join(directory, 'state-0', 'CURRENT'), 'MANIFEST-999999\n')
  log.produce('lines', 0, ['a'])
  await runs(wordCount({ commit: eager() }), 3)
  expect(shown()).toEqual(['a 1', 'a 2', 'b 1'])
  expect(warnings).toEqual([expect.stringMatching(/state-0 is damaged and not used/)])
  writeFileSync(join(directory, 'journal', 'CURRENT'), 'nonsense')
  await expect(wordCount().start()).rejects.toThrow(/journal cannot be opened: .*CURRENT/)
  rmSync(join(directory, 'journal'), { recursive: true })
  await expect(wordCount({ commit: new Checkpoint({ directory, warn }) }).start()).rejects.toThrow(
    /journal was lost/,
  )
})

test('state in both generations survives any number of restarts, and a change of partitions each time', async () => {
  const words = Array.from({ length: 300 }, (_, index) => `w${index}`)
  for (let run = 1; run <= 4; run++) {
    log.produce('lines', 0, words)
    await runs(wordCount({ commit: eager(), parallelism: run }), run * words.length)
  }
  expect(log.values('counts').filter((value) => value?.endsWith(' 4')).length).toBe(words.length)
  expect(log.values('counts').length).toBe(4 * words.length)
  expect(warnings).toEqual([])
})
