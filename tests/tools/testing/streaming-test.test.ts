// The kit for tests of jobs: what it shows of a job is what the job did.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BatchError, type State, type StreamingContext, wholeRecords } from '../../../streaming.ts'
import { StreamingTest } from '../../../testing.ts'

test('batches in, batches out; a batch without a data set is not an empty one', async () => {
  await using job = new StreamingTest({ batchDuration: '5s' })
  const numbers = job.input<number>()
  const doubled = job.output(numbers.stream.map((n) => n * 2))
  const windows = job.output(numbers.stream.window('10s', '10s'))
  numbers.give([1, 2], [], [3])
  await job.run()
  expect(doubled.batches).toEqual([[2, 4], [], [6]])
  expect(windows.batches).toEqual([undefined, [1, 2], undefined])
  expect(doubled.rows).toEqual([2, 4, 6])
  expect(windows.last).toEqual([1, 2])
  expect(job.batches.map(({ time }) => time.toISOString())).toEqual([
    '2024-01-01T00:00:05.000Z',
    '2024-01-01T00:00:10.000Z',
    '2024-01-01T00:00:15.000Z',
  ])
  expect(job.time).toEqual(job.batches.at(-1)?.time)
})

test('the state of mapWithState is what its function calls so', async () => {
  await using job = new StreamingTest()
  const words = job
    .input<string>()
    .give(['a', 'b', 'a'])
    .stream.mapToPair((word) => [word, 1])
  const counts = words.mapWithState(
    (_, one, state: State<number>) => state.update((state.getOption() ?? 0) + (one ?? 0)),
    { name: 'counts', timeout: '1m' },
  )
  job.output(counts)
  await job.run()
  expect([...job.state(counts)]).toEqual([
    ['a', 2],
    ['b', 1],
  ])
})

test('time passes only as far as it is told to', async () => {
  await using job = new StreamingTest({ startTime: new Date(1_000_300) })
  const out = job.output(job.input<string>().give(['a'], ['b'], ['c']).stream)
  await job.advance(600)
  expect(out.batches).toEqual([])
  await job.advance('1s')
  expect(out.batches).toEqual([['a']])
  await job.advance('1500ms')
  expect(out.batches).toEqual([['a'], ['b'], ['c']])
  expect(job.time.getTime()).toBe(1_003_400)
})

test('state, records and lines are those of committed batches', async () => {
  await using job = new StreamingTest({ parallelism: 3 })
  const words = job.input<string>({ name: 'words', partitions: 2 })
  const totals = words.stream
    .mapToPair((word) => [word, 1])
    .updateStateByKey((ones, total: number = 0) => total + ones.length, { name: 'totals' })
  words.stream.toTopic('out', (value) => ({ value }))
  words.stream.print()
  words.stream.foreachRDD(async (rdd) => {
    if ((await rdd.collect()).includes('bad')) throw new Error('no luck')
  })
  words.give(['a', 'b', 'a'], ['bad'])
  await job.advance()
  expect(job.lines).toContain('b')
  await expect(job.advance()).rejects.toThrow(BatchError)
  expect(job.state(totals)).toEqual(
    new Map([
      ['a', 2],
      ['b', 1],
    ]),
  )
  expect(job.records('out').map(({ value }) => value)).toEqual(['a', 'b', 'a'])
  expect(() => job.state('total')).toThrow("no operator 'total' keeps state; these do: 'totals'")
  // The job has ended: whoever goes on is told again.
  await expect(job.advance()).rejects.toThrow(BatchError)
})

test('a job that reads topics by name is fed through them; its poison is put aside', async () => {
  await using job = new StreamingTest({ onPoison: { deadLetterTopic: 'dead' } })
  const orders = job.topic('orders', { partitions: 2 })
  // As it would be written for production: a function of the context.
  const build = (context: StreamingContext) =>
    context
      .createDirectStream('orders', wholeRecords)
      .map(({ key, value, partition, timestampMs, headers }) => {
        const { n } = JSON.parse(String(value)) as { n: number }
        return `${String(key)} ${n} of ${partition} at ${timestampMs} ${headers.length}`
      })
      .toTopic('out', (value) => ({ value }))
  build(job.context)
  orders.give(
    ['{"n":1}', { key: 'k', value: '{"n":2}', timestampMs: 7, headers: [['trace', null]] }],
    ['no json', { value: '{"n":3}', partition: 1 }],
  )
  await job.run()
  const start = Date.UTC(2024, 0, 1)
  expect(job.records('out').map(({ value }) => value)).toEqual([
    `null 1 of 0 at ${start} 0`,
    'k 2 of 0 at 7 1',
    `null 3 of 1 at ${start + 1000} 0`,
  ])
  expect(job.records('dead').map(({ value }) => String(value))).toEqual(['no json'])
  expect(job.warnings[0]).toMatch(/^batch 2 left out orders-0 offset 2: map-1: /)
  orders.give([{ value: null, partition: 2 }])
  await expect(job.run()).rejects.toThrow("topic 'orders' has no partition 2")
  // Nothing of that has become a batch: the test can go on.
  await job.advance()
  expect(job.batches.length).toBe(3)
})

test('a job that waits for something outside is waited for', async () => {
  await using job = new StreamingTest()
  const seen: number[] = []
  job
    .input<number>()
    .give([1], [2])
    .stream.foreachRDD(async (rdd) => {
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
      seen.push(...(await rdd.collect()))
    })
  await job.run()
  expect(seen).toEqual([1, 2])
})

test('a job that cannot start says why', async () => {
  await using job = new StreamingTest()
  job.input<number>()
  await expect(job.run()).rejects.toThrow('no output operation')
})

test('the example in docs/streaming.md runs', () => {
  const root = join(import.meta.dirname, '../../..')
  const document = readFileSync(join(root, 'docs/streaming.md'), 'utf8')
  const [, section = ''] = document.split('## Testing jobs')
  const example = /```ts\n(.*?)```/s.exec(section)?.[1] ?? ''
  expect(example).toContain("from 'logmill/testing'")
  const directory = mkdtempSync(join(tmpdir(), 'logmill-example-'))
  try {
    const file = join(directory, 'example.test.mts')
    writeFileSync(
      file,
      example.replaceAll(/'logmill\/(\w+)'/g, (_, name) => `'${join(root, `${name}.ts`)}'`),
    )
    const run = spawnSync(process.execPath, ['--import', 'tsx', '--test', file], {
      cwd: root,
      encoding: 'utf8',
    })
    expect(run.stdout + run.stderr).toMatch(/pass 1/)
    expect(run.status).toBe(0)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
