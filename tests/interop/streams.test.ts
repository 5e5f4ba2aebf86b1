// Kafka Streams 4.3, exactly once: a word count with a repartition topic, a state store and its changelog.
// Every update of a count is written to the output, so "exactly once" reads: the committed updates of a word
// are 1, 2, 3, … up to how often it was written, whatever was stopped or killed in between.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTopic } from './admin.ts'
import { javaMissing, skipReason } from './clients.ts'
import { lines, Output, StateFolder, StreamsApp, wordCount, writeLines } from './streams-world.ts'
import { Server } from './world.ts'

const reason = skipReason({ name: 'Kafka Streams', missing: javaMissing })
const maybe = reason === undefined ? test : test.skip

let server: Server
beforeAll(async () => {
  server = await Server.start({
    set: { 'group.streams.min.session.timeout.ms': '6000', 'group.streams.session.timeout.ms': '6000' },
  })
})
afterAll(() => server[Symbol.asyncDispose]())

/** 1, 2, 3, … for each word. */
const onceEach = (text: readonly string[]): Map<string, string[]> =>
  new Map(
    [...wordCount(text)].map(([word, count]) => [word, Array.from({ length: count }, (_, i) => `${i + 1}`)]),
  )

const sorted = (updates: Map<string, string[]>): [string, string[]][] =>
  [...updates].sort(([a], [b]) => (a < b ? -1 : 1))

const protocols = {
  classic: { 'group.protocol': 'classic', 'consumer.session.timeout.ms': '6000' },
  streams: { 'group.protocol': 'streams' },
}

describe.each(Object.entries(protocols))('Kafka Streams, %s protocol', (protocol, settings) => {
  maybe('counts every word once, through a restart, a lost state folder and kill -9', async () => {
    const [id, input, output] = [`count-${protocol}`, `lines-${protocol}`, `counts-${protocol}`]
    await createTopic(server.bootstrap, input, 3)
    await createTopic(server.bootstrap, output, 2)
    using folder = new StateFolder()
    using other = new StateFolder()
    const app = (stateDir: string): StreamsApp =>
      new StreamsApp(server.bootstrap, { id, input, output, stateDir }, settings)
    await using reader = await Output.read(server.bootstrap, output)
    await writeLines(server.bootstrap, input, lines(0, 100))
    const first = app(folder.path)
    await reader.holds(lines(0, 100))
    await first.stop()
    await writeLines(server.bootstrap, input, lines(100, 200))
    const restored = app(other.path) // its state is in the changelog alone
    await reader.holds(lines(0, 200))
    await writeLines(server.bootstrap, input, lines(200, 260))
    await restored.kill()
    const last = app(folder.path)
    await reader.holds(lines(0, 260))
    await last.stop()
    expect(sorted(reader.updates)).toEqual(sorted(onceEach(lines(0, 260))))
  })

  maybe(
    'two instances share six tasks, over a restart of the broker, and one takes all when the other leaves',
    async () => {
      const [id, input, output] = [`shared-${protocol}`, `many-${protocol}`, `sums-${protocol}`]
      await createTopic(server.bootstrap, input, 3)
      await createTopic(server.bootstrap, output, 2)
      using folders = new StateFolder()
      const app = (name: string): StreamsApp =>
        new StreamsApp(
          server.bootstrap,
          { id, input, output, stateDir: `${folders.path}/${name}` },
          { ...settings, ...(protocol === 'classic' ? { 'num.standby.replicas': '1' } : {}) },
        )
      await writeLines(server.bootstrap, input, lines(0, 100))
      const one = app('one')
      const two = app('two')
      const share = (): true | undefined =>
        one.held > 0 && two.held > 0 && one.held + two.held === 6 ? true : undefined
      await Promise.any([one.running.waitFor('a share', share), two.running.waitFor('a share', share)])
      server = await server.restart()
      await writeLines(server.bootstrap, input, lines(100, 200))
      await using reader = await Output.read(server.bootstrap, output)
      await reader.holds(lines(0, 200))
      await two.stop()
      await one.running.waitFor('all six tasks', () => (one.held === 6 ? true : undefined))
      await writeLines(server.bootstrap, input, lines(200, 260))
      await reader.holds(lines(0, 260))
      await one.stop()
      expect(sorted(reader.updates)).toEqual(sorted(onceEach(lines(0, 260))))
    },
  )
})
