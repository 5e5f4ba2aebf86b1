// Jobs over topics of a real broker, on its files and in memory: what workers write lies in the topic as the calling
// thread would have written it, record by record, though one partition is read by two of them.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { buildBatch } from '../../../../broker/protocol/record-batch/builder.ts'
import { type Broker, startBroker } from '../../../../broker/server/start-broker.ts'
import { wholeRecords, type TopicRecord } from '../../../../processor/source/row-kind.ts'
import { TopicSource } from '../../../../processor/source/topic-source.ts'
import { StreamingContext } from '../../../../processor/streaming-context.ts'

// Threads load the sources anew, which takes long beside other tests.
vi.setConfig({ testTimeout: 60_000 })

const OUTPUTS = ['copies', 'counts', 'totals']

let directory: string
let broker: Broker

afterEach(async () => {
  await broker.stop()
  rmSync(directory, { recursive: true, force: true })
})

async function start(storage: 'files' | 'memory'): Promise<void> {
  directory = mkdtempSync(join(tmpdir(), 'logmill-workers-'))
  const topics = Object.fromEntries(
    OUTPUTS.flatMap((topic) => [
      [`${topic}-calling`, { partitions: 2 }],
      [`${topic}-workers`, { partitions: 2 }],
    ]),
  )
  broker = await startBroker({
    port: 0,
    ...(storage === 'files' && { dataDir: join(directory, 'data') }),
    topics: { lines: { partitions: 2, config: { 'segment.bytes': '1048576' } }, ...topics },
  })
  const session = await broker.output.open('producer', 10_000)
  for (let batch = 0; batch < 60; batch++) {
    const lines = Array.from(
      { length: 37 },
      (_, i) => `w${(batch * 7 + i) % 11} line ${batch} x${i % 5}${' '.repeat(1200)}`,
    )
    const records = lines.map((line) => ({ timestampMs: 1, key: null, value: Buffer.from(line) }))
    const codec = batch % 3 === 0 ? ('gzip' as const) : ('none' as const)
    session.begin()
    // More than a segment, most of it in partition 0, so that the workers' shares are cut within it.
    await session.append('lines', batch % 5 === 0 ? 1 : 0, buildBatch(records, { codec }))
    if (batch % 4 === 1) await session.abort()
    else await session.commit()
  }
  await session.close()
}

async function run(to: 'calling' | 'workers', executors?: number): Promise<void> {
  const context = new StreamingContext({
    appName: `job-${to}`,
    broker,
    checkpoint: join(directory, to),
    trigger: 'asap',
    parallelism: 2,
    job: new URL('./topic-jobs.ts', import.meta.url),
    jobParameters: { to },
    ...(executors !== undefined && { executors }),
  })
  await context.start()
  await expect.poll(() => records('copies', to).length, { timeout: 15_000, interval: 20 }).toBe(45 * 37)
  await context.stop({ graceful: true })
}

/** What a reader of committed records sees: partition, key and value, in their order. */
function records(topic: string, to: string): string[] {
  const source = new TopicSource<TopicRecord>({
    views: broker.logViews,
    topics: `${topic}-${to}`,
    rows: wholeRecords,
    startingOffsets: 'earliest',
  })
  const found: string[] = []
  const take = ({ partition, key, value }: TopicRecord) =>
    void found.push(`${partition} ${key?.toString()} ${value?.toString()}`)
  source.start([])
  for (const range of source.plan({ timeMs: 0, intervalMs: undefined, maxRows: undefined }).ranges) {
    const reader = source.rows(range, take)
    while (reader.read(1000));
    reader.close()
  }
  source.stop()
  return found
}

test.each(['files', 'memory'] as const)(
  'records in %s come out of two workers as out of one thread',
  async (storage) => {
    await start(storage)
    await run('calling')
    await run('workers', 2)
    for (const topic of OUTPUTS) {
      await expect.poll(() => records(topic, 'workers')).toEqual(records(topic, 'calling'))
    }
  },
)
