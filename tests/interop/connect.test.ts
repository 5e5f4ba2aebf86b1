// Kafka Connect's file source and file sink around a topic: what went into the one file comes out of the other, also
// when worker and broker are restarted, and exactly once where the source was asked to be so.

import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { clients, skipReason } from './clients.ts'
import { ConnectWorker, fileSink, fileSource } from './connect.ts'
import { createTopic } from './admin.ts'
import { toolsMissing } from './tools.ts'
import { run, Server } from './world.ts'

const maybe = skipReason({ name: 'Kafka Connect', missing: toolsMissing }) === undefined ? test : test.skip

let server: Server
let folder: string
beforeAll(async () => {
  server = await Server.start()
  folder = mkdtempSync(join(tmpdir(), 'logmill-connect-'))
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

/** Of this run: a worker that a run before has left at a reference broker has nothing to do with it. */
const named = (name: string): string => `${name}-${process.pid}`
const linesFrom = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `line ${first + i}`)
const append = (file: string, lines: readonly string[]): void =>
  appendFileSync(file, lines.map((line) => `${line}\n`).join(''))
const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []

/** What a reader of committed records sees, by Kafka's own consumer. */
async function committed(topic: string): Promise<string[]> {
  const reader = clients.find(({ name }) => name === 'Java client')
  return run(reader?.command('read', server.bootstrap, topic) ?? [])
}

maybe('standalone: file to topic to file, with a restart of worker and broker in between', async () => {
  const [from, to] = [join(folder, 'standalone-in.txt'), join(folder, 'standalone-out.txt')]
  writeFileSync(from, '')
  await createTopic(server.bootstrap, named('standalone'), 1)
  const connectors = [
    fileSource('source', from, named('standalone')),
    fileSink('sink', to, named('standalone')),
  ]
  const start = (): Promise<ConnectWorker> =>
    ConnectWorker.standalone(server.bootstrap, join(folder, 'standalone'), connectors)

  await using first = await start()
  append(from, linesFrom(0, 700))
  await first.until('700 lines', () => linesOf(to).length >= 700)
  await first.stop()

  append(from, linesFrom(700, 300))
  server = await server.restart()
  await using second = await start()
  append(from, linesFrom(1000, 100))
  await second.until('1100 lines', () => linesOf(to).length >= 1100)
  await second.stop()
  expect(linesOf(to)).toEqual(linesFrom(0, 1100))
})

maybe(
  'distributed: a source with exactly-once support, whose worker is killed, writes each line once',
  async () => {
    const [from, to] = [join(folder, 'distributed-in.txt'), join(folder, 'distributed-out.txt')]
    writeFileSync(from, '')
    await createTopic(server.bootstrap, named('distributed'), 1)
    const start = (): Promise<ConnectWorker> =>
      ConnectWorker.distributed(server.bootstrap, join(folder, 'distributed'), named('connect'), {
        'exactly.once.source.support': 'enabled',
      })
    const source = fileSource(named('eos-source'), from, named('distributed'))

    await using first = await start()
    await first.put({
      ...source,
      config: { ...source.config, 'exactly.once.support': 'required', 'batch.size': '100' },
    })
    await first.put(fileSink(named('eos-sink'), to, named('distributed')))
    await first.waitUntilRunning(named('eos-source'))
    append(from, linesFrom(0, 5000))
    await first.until('some lines', () => linesOf(to).length > 0)
    await first.kill()

    append(from, linesFrom(5000, 500))
    await using second = await start()
    await second.waitUntilRunning(named('eos-source'))
    await second.until('every line', () => new Set(linesOf(to)).size === 5500)
    expect(await committed(named('distributed'))).toEqual(linesFrom(0, 5500))
    // A sink writes to a file what it then commits: killed in between it writes that again, but skips nothing.
    expect([...new Set(linesOf(to))]).toEqual(linesFrom(0, 5500))
    await second.stop()
  },
  // Two workers' starts, a session that must time out, and fifty transactions: slow where the machine is.
  240_000,
)
