// Every client, every verb, against one broker process: produce with each codec, consume in a group, commit,
// rebalance by a second member, transactions, and reading what every other client wrote.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Client,
  clients,
  type Codec,
  codecsOf,
  readableCodecs,
  skipReason,
  type Verb,
} from './clients.ts'
import { committedOffsets, createTopic } from './admin.ts'
import { Running, run, Server } from './world.ts'

let server: Server
beforeAll(async () => {
  server = await Server.start()
})
afterAll(() => server[Symbol.asyncDispose]())

const COUNT = 120
const values = Array.from({ length: COUNT }, (_, i) => `value-${i}`)

async function say(client: Client, verb: Verb, topic: string, ...rest: string[]): Promise<string[]> {
  const command = client.command(verb, server.bootstrap, topic, ...rest)
  if (command === undefined) throw new Error(`${client.name} does not ${verb}`)
  return (await run(command, client.input?.(verb, ...rest))).filter((line) => line !== '')
}

function partitionsOf(line: string): number[] | undefined {
  const plain = /^assigned ?([\d,]*)$/.exec(line)
  if (plain !== null)
    return (plain[1] ?? '')
      .split(',')
      .filter((part) => part !== '')
      .map(Number)
  if (!line.includes('rebalanced') || !line.includes('assigned')) return undefined
  return [...line.matchAll(/\[(\d+)\]/g)].map(([, partition]) => Number(partition))
}

/** A member of a group, held open; knows the last assignment it printed. */
class Member {
  readonly running: Running

  constructor(client: Client, topic: string, group: string) {
    this.running = new Running(client.command('member', server.bootstrap, topic, group) as string[])
  }

  get held(): number[] {
    const lines = [...this.running.lines, ...this.running.stderr.split('\n')]
    return lines.map(partitionsOf).findLast((partitions) => partitions !== undefined) ?? []
  }

  leave(): Promise<unknown> {
    this.running.child.stdin?.end()
    // kcat does not listen to its standard input while it consumes.
    if (this.running.child.spawnfile === 'kcat') this.running.child.kill('SIGTERM')
    return this.running.ended
  }
}

describe.each(clients.map((client) => ({ client, name: client.name })))('$name', ({ client, name }) => {
  const reason = skipReason(client)
  const id = name.toLowerCase().replaceAll(/[^a-z]+/g, '-')
  const maybe = reason === undefined ? test : test.skip
  const hasTransactions = client.command('transact', '', '') !== undefined

  maybe(
    `produces with each codec, consumes in a group, goes on where it committed ${reason ?? ''}`,
    async () => {
      const topic = `codecs-${id}`
      await createTopic(server.bootstrap, topic, 3)
      const codecs = codecsOf(client)
      for (const codec of codecs) await say(client, 'produce', topic, String(COUNT), codec)
      const first = await say(client, 'consume', topic, `group-${id}`, String(COUNT * codecs.length))
      expect(first.sort()).toEqual(codecs.flatMap(() => values).sort())
      await say(client, 'produce', topic, '10', 'none')
      const second = await say(client, 'consume', topic, `group-${id}`, '10')
      expect(second.sort()).toEqual(values.slice(0, 10).sort())
    },
  )

  maybe(
    `shares a topic with a second member and takes it back when that one leaves ${reason ?? ''}`,
    async () => {
      const topic = `members-${id}`
      await createTopic(server.bootstrap, topic, 4)
      const first = new Member(client, topic, `members-${id}`)
      await first.running.waitFor('all four partitions', () => (first.held.length === 4 ? true : undefined))
      const second = new Member(client, topic, `members-${id}`)
      const bothHold = (): true | undefined =>
        second.held.length > 0 &&
        new Set([...first.held, ...second.held]).size === 4 &&
        first.held.length + second.held.length === 4
          ? true
          : undefined
      await Promise.race([
        first.running.waitFor('a share', bothHold),
        second.running.waitFor('a share', bothHold),
      ])
      await second.leave()
      await first.running.waitFor('all partitions again', () => (first.held.length === 4 ? true : undefined))
      await first.leave()
    },
  )

  const transacts = hasTransactions ? maybe : test.skip
  transacts(`commits and aborts transactions ${reason ?? ''}`, async () => {
    const topic = `transactions-${id}`
    await createTopic(server.bootstrap, topic, 1)
    await say(client, 'transact', topic, `offsets-${id}`, `transactional-${id}`)
    expect(await say(client, 'read', topic)).toEqual(Array.from({ length: 10 }, (_, i) => `committed-${i}`))
    expect(await committedOffsets(server.bootstrap, `offsets-${id}`, topic)).toEqual(new Map([[0, 5n]]))
  })
})

test.each<{ codecs: readonly Codec[] }>([
  { codecs: ['none', 'gzip', 'lz4'] },
  { codecs: ['snappy'] },
  { codecs: ['zstd'] },
])('what every client wrote with $codecs, every client reads', async ({ codecs }) => {
  const present = clients.filter((client) => skipReason(client) === undefined)
  const topic = `everybody-${codecs.join('-')}`
  await createTopic(server.bootstrap, topic, 2)
  const writers = present.filter((client) => codecs.every((codec) => codecsOf(client).includes(codec)))
  for (const client of writers) for (const codec of codecs) await say(client, 'produce', topic, '20', codec)
  const expected = writers.flatMap(() => codecs.flatMap(() => values.slice(0, 20))).sort()
  for (const client of present) {
    if (!codecs.every((codec) => readableCodecs(client).includes(codec))) continue
    expect((await say(client, 'read', topic)).sort(), client.name).toEqual(expected)
  }
})

test('after a restart every client goes on where its group committed', async () => {
  const present = clients.filter((client) => skipReason(client) === undefined)
  await createTopic(server.bootstrap, 'restarted', 2)
  const [writer] = present
  if (writer === undefined) throw new Error('no client is here')
  const group = ({ name }: Client): string => `restarted-${name}`
  await say(writer, 'produce', 'restarted', '40', 'lz4')
  for (const client of present) {
    expect((await say(client, 'consume', 'restarted', group(client), '40')).sort(), client.name).toEqual(
      values.slice(0, 40).sort(),
    )
  }
  server = await server.restart()
  await say(writer, 'produce', 'restarted', '7', 'none')
  for (const client of present) {
    expect((await say(client, 'consume', 'restarted', group(client), '7')).sort(), client.name).toEqual(
      values.slice(0, 7).sort(),
    )
  }
})
