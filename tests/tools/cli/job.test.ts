// `logmill job …` as an operator meets it: commands over the directories that a stopped job has left.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { produce as produceApi } from '../../../broker/protocol/apis/produce.ts'
import { buildBatch } from '../../../broker/protocol/record-batch/builder.ts'
import { startBroker } from '../../../index.ts'
import { StreamingContext } from '../../../streaming.ts'
import { programCommand, programPath } from '../../world/programs.ts'
import { Running } from '../../world/running.ts'
import { WireClient } from '../../world/wire-client.ts'
import wordCount from './word-count-job.ts'

let directory: string
const at = (name: string) => join(directory, name)

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'logmill-job-'))
  await using broker = await startBroker({ dataDir: at('data'), topics: { lines: {}, totals: {} } })
  const context = new StreamingContext({ appName: 'words', broker, checkpoint: at('job'), trigger: 'asap' })
  wordCount(context)
  await context.start()
  for (const line of ['to be', 'or not to be']) {
    const completed = new Promise<void>((resolve) => {
      const remove = context.addStreamingListener({ onBatchCompleted: () => (remove(), resolve()) })
    })
    await produce(broker.bootstrapServers, line)
    await completed
  }
  await context.stop({ graceful: true })
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

async function produce(bootstrapServers: string, value: string): Promise<void> {
  await using client = await WireClient.connect(bootstrapServers)
  const records = buildBatch([{ timestampMs: Date.now(), key: null, value: Buffer.from(value) }])
  const { responses } = await client.request(produceApi, 9, {
    acks: -1,
    timeoutMs: 10_000,
    topicData: [{ name: 'lines', partitionData: [{ index: 0, records }] }],
  })
  expect(responses[0]?.partitionResponses[0]?.errorCode).toBe(0)
}

type Ended = Running & { code: number | null }

async function ended(command: string[]): Promise<Ended> {
  const running = new Running(command)
  return Object.assign(running, { code: await running.ended })
}

const job = (...args: string[]): Promise<Ended> => ended(programCommand('tools/cli/main.ts', 'job', ...args))

test('inspect says where the job is and what it keeps', async () => {
  const text = (await job('inspect', at('job'))).lines.join('\n')
  expect(text).toMatch(/^job 'words', a batch as soon as there is data, checkpoint \S+$/m)
  expect(text).toMatch(/^last decided batch 2 of \S+$/m)
  expect(text).toMatch(/^replay can run batches 1 to 2$/m)
  expect(text).toMatch(/^ {2}lines: lines-0 2$/m)
  expect(text).toMatch(/^ {2}totals \(update, version 1\): 4 keys, \d+ bytes$/m)
  const report = JSON.parse((await job('inspect', at('job'), '--format', 'json')).lines.join('\n')) as unknown
  expect(report).toMatchObject({ lastBatch: { batchId: 2 }, inputs: [{ positions: [{ offset: '2' }] }] })
})

test('replay prints the records that a batch gave', async () => {
  const module = 'tests/tools/cli/word-count-job.ts'
  const args = ['job', 'replay', at('job'), '2', '--data', at('data'), '--job', module]
  // From the sources: so a job may be TypeScript.
  const { lines, stderr, code } = await ended([
    process.execPath,
    '--import',
    'tsx',
    'tools/cli/main.ts',
    ...args,
  ])
  expect(stderr).toMatch(/^batch 2 of \S+: 1 rows read, 4 records$/m)
  expect(code).toBe(0)
  const totals = lines.map((line) => JSON.parse(line) as { topic: string; key: string; value: string })
  expect(totals.map(({ topic, key, value }) => `${topic} ${key} ${value}`).sort()).toEqual([
    'totals be 2',
    'totals not 1',
    'totals or 1',
    'totals to 2',
  ])
  const refused = await job('replay', at('job'), '3', '--data', at('data'), '--job', programPath(module))
  expect(refused.stderr).toMatch(/^logmill: .*the plan of batch 3 is not kept, kept are 1 to 2\n$/)
  expect(refused.code).toBe(1)
})

test('a savepoint is restored under a new name', async () => {
  expect((await job('savepoint', at('job'), at('saved'))).lines).toEqual([
    expect.stringMatching(/saved: job 'words' behind batch 2 of/),
  ])
  expect((await job('restore', at('saved'), at('new'), '--name', 'words-2')).lines).toEqual([
    expect.stringMatching(/new: job 'words-2' behind batch 2 of/),
  ])
  const again = await job('restore', at('saved'), at('new'), '--name', 'words-3')
  expect(again.stderr).toMatch(/new has a checkpoint already/)
  expect(again.code).toBe(1)
})
