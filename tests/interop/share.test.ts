// Share groups (KIP-932) with Kafka's own Java share consumer and tools: explicit and implicit acknowledgement, two
// consumers on one partition, a broker that is started anew in between, and everything that kafka-share-groups does.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTopic } from './admin.ts'
import { java, skipReason } from './clients.ts'
import { runTool, type Script, table, tool, toolsMissing } from './tools.ts'
import { here, run, Running, Server } from './world.ts'

const maybe =
  skipReason({ name: 'Kafka share groups', missing: toolsMissing }) === undefined ? test : test.skip

let server: Server
beforeAll(async () => {
  server = await Server.start({
    set: {
      'group.share.min.heartbeat.interval.ms': '500',
      'group.share.heartbeat.interval.ms': '500',
      'group.share.min.session.timeout.ms': '6000',
      'group.share.session.timeout.ms': '6000',
    },
  })
})
afterAll(() => server[Symbol.asyncDispose]())

const runWithServer = (script: Script, ...args: string[]): Promise<string[]> =>
  runTool(server.bootstrap, script, ...args)

async function topicWith(topic: string, partitions: number, values: readonly string[]): Promise<void> {
  await createTopic(server.bootstrap, topic, partitions)
  await produce(topic, values)
}

async function produce(topic: string, values: readonly string[]): Promise<void> {
  const producer = tool('kafka-console-producer', '--bootstrap-server', server.bootstrap, '--topic', topic)
  await run(producer, values.map((value) => `${value}\n`).join(''))
}

async function beginsEarliest(group: string): Promise<void> {
  const config = ['--entity-type', 'groups', '--entity-name', group]
  await runWithServer(
    'kafka-configs',
    '--alter',
    ...config,
    '--add-config',
    'share.auto.offset.reset=earliest',
  )
}

/** tests/interop/java/ShareClient.java, asked line by line. */
class ShareClient implements AsyncDisposable {
  private readonly running: Running
  private answered = 0

  constructor(topic: string, group: string, mode: 'explicit' | 'implicit', ...settings: string[]) {
    const program = join(here, 'java', 'ShareClient.java')
    this.running = new Running(java(program, server.bootstrap, topic, group, mode, ...settings))
  }

  async ask(command: string): Promise<string> {
    this.running.child.stdin?.write(`${command}\n`)
    const at = this.answered++
    return this.running.waitFor(`an answer to ${command}`, ({ lines }) => answers(lines)[at])
  }

  /** `VALUE:DELIVERY` of at least `count` records, sorted. */
  async poll(count: number): Promise<string[]> {
    return (await this.ask(`poll ${count}`)).split(' ').slice(1).sort()
  }

  async close(): Promise<void> {
    this.running.child.stdin?.end('close\n')
    await this.running.ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.running.child.kill('SIGKILL')
    await this.running.ended
  }
}

const answers = (lines: readonly string[]): string[] =>
  lines.filter((line) => /^(polled|acknowledged|committed|failed|closed)/.test(line))
const values = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `v${String(from + i).padStart(3, '0')}`)
const delivered = (names: readonly string[], count: number): string[] =>
  names.map((name) => `${name}:${count}`)

describe('the Java share consumer', () => {
  maybe('accepts, releases, rejects and renews record by record, and goes on after a restart', async () => {
    await topicWith('explicit', 1, values(0, 10))
    await beginsEarliest('explicit')
    await using first = new ShareClient('explicit', 'explicit', 'explicit')
    expect(await first.poll(10)).toEqual(delivered(values(0, 10), 1))
    await first.ask('accept v000 v001 v002 v007 v008 v009')
    await first.ask('release v003 v004')
    await first.ask('reject v005')
    await first.ask('renew v006')
    expect(await first.ask('commit')).toBe('committed')
    // What was renewed is given again by the client itself, what was released by the broker.
    expect(await first.poll(1)).toEqual(['v006:1'])
    await first.ask('accept v006')
    expect(await first.ask('commit')).toBe('committed')
    expect(await first.poll(2)).toEqual(delivered(values(3, 5), 2))
    await first.ask('accept v003')
    await first.ask('release v004')
    expect(await first.ask('commit')).toBe('committed')
    await first.close()
    server = await server.restart()
    await produce('explicit', values(10, 12))
    await using second = new ShareClient('explicit', 'explicit', 'explicit')
    expect(await second.poll(3)).toEqual(['v004:3', 'v010:1', 'v011:1'])
    await second.ask('accept v004 v010 v011')
    expect(await second.ask('commit')).toBe('committed')
  })

  maybe('shares one partition: no record is with two, and what one leaves the other is given', async () => {
    await topicWith('shared', 1, values(0, 40))
    await beginsEarliest('shared')
    const few = ['max.poll.records=10', 'share.acquire.mode=record_limit']
    await using one = new ShareClient('shared', 'shared', 'explicit', ...few)
    await using other = new ShareClient('shared', 'shared', 'explicit', ...few)
    const ofOne = await one.poll(10)
    const ofOther = await other.poll(10)
    expect(new Set([...ofOne, ...ofOther]).size).toBe(ofOne.length + ofOther.length)
    const [mine] = ofOne.map((record) => record.split(':')[0])
    expect(await other.ask(`accept ${mine}`)).toMatch(/^failed/)
    // Dies without a word: its connection ends, and its records are for the other.
    await one[Symbol.asyncDispose]()
    await other.ask(`accept ${ofOther.map((record) => record.split(':')[0]).join(' ')}`)
    expect(await other.ask('commit')).toBe('committed')
    const again = new Set(ofOne.map((record) => record.replace(/:1$/, ':2')))
    while (again.size > 0) {
      const polled = await other.poll(1)
      expect(polled).not.toEqual([])
      for (const record of polled) again.delete(record)
      await other.ask(`accept ${polled.map((record) => record.split(':')[0]).join(' ')}`)
    }
  })

  maybe('acknowledges with the next poll where nobody says otherwise', async () => {
    await topicWith('implicit', 2, values(0, 30))
    await beginsEarliest('implicit')
    await using consumer = new ShareClient('implicit', 'implicit', 'implicit')
    expect(await consumer.poll(30)).toEqual(delivered(values(0, 30), 1))
    await consumer.ask('poll 0')
    await consumer.ask('commit')
    await consumer.close()
    await using next = new ShareClient('implicit', 'implicit', 'implicit')
    await produce('implicit', ['last'])
    expect(await next.poll(1)).toEqual(['last:1'])
  })
})

describe('the tools', () => {
  const groups = (...args: string[]): Promise<string[]> => runWithServer('kafka-share-groups', ...args)

  maybe('read, tell, set back, forget and delete a group', async () => {
    await topicWith('toured', 1, values(0, 20))
    await beginsEarliest('tour')
    const read = (...more: string[]): Promise<string[]> =>
      runWithServer('kafka-console-share-consumer', '--topic', 'toured', '--group', 'tour', ...more)
    const records = ['--max-messages', '20', '--timeout-ms', '20000']
    const isRecord = (line: string): boolean => line.startsWith('v')
    expect((await read(...records)).filter(isRecord)).toEqual(values(0, 20))
    expect(await groups('--list')).toContain('tour')
    const lag = async (): Promise<string | undefined> =>
      table(await groups('--describe', '--group', 'tour'), 'GROUP')[0]?.LAG
    expect(await lag()).toBe('0')
    expect((await groups('--describe', '--group', 'tour', '--state')).join(' ')).toContain('Empty')
    const topic = ['--group', 'tour', '--topic', 'toured']
    await groups('--reset-offsets', ...topic, '--to-earliest', '--execute')
    expect(await lag()).toBe('20')
    expect((await read(...records)).filter(isRecord)).toEqual(values(0, 20))
    expect((await groups('--delete-offsets', ...topic)).join(' ')).toContain('Successful')
    expect((await groups('--describe', '--group', 'tour')).join(' ')).toContain('no offset information')
    expect((await groups('--delete', '--group', 'tour')).join(' ')).toContain('successful')
    expect(await groups('--list')).not.toContain('tour')
  })

  maybe('tell who the members are', async () => {
    await topicWith('watched', 2, values(0, 2))
    await using consumer = new ShareClient('watched', 'watched', 'explicit')
    await consumer.ask('poll 1')
    const [member] = table(await groups('--describe', '--group', 'watched', '--members'), 'GROUP')
    expect(member).toMatchObject({ GROUP: 'watched', ASSIGNMENT: 'watched:0,1' })
    const listed = await runWithServer('kafka-groups', '--list', '--share')
    expect(listed.join(' ')).toContain('watched')
  })

  maybe('measure and verify', async () => {
    await topicWith('measured', 1, values(0, 500))
    for (const group of ['measured', 'verified']) await beginsEarliest(group)
    const topic = ['--topic', 'measured']
    const measured = await runWithServer(
      'kafka-share-consumer-perf-test',
      ...topic,
      '--group',
      'measured',
      '--num-records',
      '500',
    )
    expect(measured.at(-1)).toMatch(/^\d{4}-/)
    const verified = await runWithServer(
      'kafka-verifiable-share-consumer',
      ...topic,
      '--group-id',
      'verified',
      '--max-messages',
      '500',
    )
    const told = verified.flatMap((line) =>
      line.startsWith('{') ? [JSON.parse(line) as { name: string; count?: number }] : [],
    )
    const counted = told
      .filter(({ name }) => name === 'records_consumed')
      .reduce((sum, { count = 0 }) => sum + count, 0)
    expect(counted).toBe(500)
  })
})
