// Rows that are not of the broker in this process, in worker threads: brought here, and shared with them.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startBroker } from '../../broker/server/start-broker.ts'
import { StreamingContext } from '../../processor/streaming-context.ts'
import { committedRows, produceLines, until } from '../world/jobs.ts'

test('a topic elsewhere, files and a receiver feed two workers, each row once', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'logmill-far-'))
  mkdirSync(join(directory, 'in'))
  await using near = await startBroker({ port: 0, topics: { out: { partitions: 2 } } })
  await using far = await startBroker({ port: 0, topics: { far: { partitions: 2 } } })
  await produceLines(far.output, 'far', { 0: ['far 0'], 1: ['far 1'] })

  const context = new StreamingContext({
    appName: 'far',
    trigger: 'asap',
    broker: near,
    checkpoint: join(directory, 'checkpoint'),
    executors: 2,
    job: new URL('./remote-jobs.ts', import.meta.url),
    jobParameters: { bootstrapServers: far.bootstrapServers, directory },
    warn: () => {},
  })
  await context.start()
  writeFileSync(join(directory, 'in', 'a'), 'file 0\nfile 1\n')
  const rows = () => committedRows(near.logViews, 'out').sort()
  await until(context, () => rows().length === 5)
  await context.stop()
  expect(rows()).toEqual(['FAR 0', 'FAR 1', 'FILE 0', 'FILE 1', 'RECEIVED'])
  rmSync(directory, { recursive: true, force: true })
}, 20_000)
