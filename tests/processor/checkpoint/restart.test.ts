// Jobs that stop and start again: what they wrote, what they kept, and what they refuse. The log is a model,
// the checkpoint is real (LevelDB in a temporary directory).

import { mkdtempSync, rmSync } from 'node:fs'
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
