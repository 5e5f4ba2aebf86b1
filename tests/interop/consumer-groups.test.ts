// Consumer groups of the new protocol with clients that are not ours: Kafka 4.3's Java consumer and librdkafka as
// members, alone and beside classic ones, and the tools that look at groups. kafka-dump-log reads what is kept.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clients, java, javaMissing, skipReason } from './clients.ts'
import { runTool, table, tool } from './tools.ts'
import { run, Running, Server } from './world.ts'

const reason = skipReason({ name: 'Java client', missing: javaMissing })
const maybe = reason === undefined ? test : test.skip
const source = join(import.meta.dirname, 'java', 'GroupMember.java')

let server: Server
beforeAll(async () => {
  server = await Server.start({
    set: {
      'offsets.topic.num.partitions': '1',
      'group.consumer.heartbeat.interval.ms': '300',
      'group.consumer.min.heartbeat.interval.ms': '300',
      'group.initial.rebalance.delay.ms': '0',
    },
  })
})
afterAll(() => server[Symbol.asyncDispose]())

const topics = (...args: string[]): Promise<string[]> => runTool(server.bootstrap, 'kafka-topics', ...args)
const groups = (...args: string[]): Promise<string[]> =>
  runTool(server.bootstrap, 'kafka-consumer-groups', ...args)
const partitions = (topic: string, ...numbers: number[]): string =>
  `has ${numbers.map((number) => `${topic}-${number}`).join(' ')}`

type Protocol = 'consumer' | 'classic'
const member = (group: string, protocol: Protocol, topic: string, ...instance: string[]): Running =>
  new Running(java(source, server.bootstrap, group, protocol, topic, ...instance))

async function close(running: Running): Promise<void> {
  running.child.stdin?.end()
  await running.waitFor('the close', ({ lines }) => (lines.includes('closed') ? true : undefined))
  await running.ended
}

/** How many partitions it has now, by its last line. */
const size = ({ lines }: Running): number =>
  (lines.findLast((line) => line.startsWith('has')) ?? 'has')
    .split(' ')
    .slice(1)
    .filter((name) => name !== '').length
const settled = (running: Running, count: number): Promise<boolean> =>
  running.waitFor(`${count} partitions`, () => (size(running) === count ? true : undefined))

describe('members of the new protocol', () => {
  maybe('Java: two share, one takes over, and the tools see it', async () => {
    await topics('--create', '--topic', 'shared', '--partitions', '4')
    await run(
      tool('kafka-console-producer', '--bootstrap-server', server.bootstrap, '--topic', 'shared'),
      'a\nb\nc\n',
    )
    const first = member('sharing', 'consumer', 'shared')
    await settled(first, 4)
    const second = member('sharing', 'consumer', 'shared')
    await Promise.all([settled(first, 2), settled(second, 2)])
    const [state] = table(await groups('--describe', '--group', 'sharing', '--state'), 'GROUP')
    expect(state).toMatchObject({ 'ASSIGNMENT-STRATEGY': 'uniform', STATE: 'Stable', '#MEMBERS': '2' })
    const members = table(await groups('--describe', '--group', 'sharing', '--members'), 'GROUP')
    expect(members.map((row) => row['#PARTITIONS'])).toEqual(['2', '2'])
    const rows = table(await groups('--describe', '--group', 'sharing'), 'GROUP')
    expect(rows.map(({ TOPIC, LAG }) => [TOPIC, LAG])).toContainEqual(['shared', '0'])
    await expect(groups('--delete', '--group', 'sharing')).resolves.toEqual(
      expect.arrayContaining([expect.stringContaining('GroupNotEmptyException')]),
    )
    await close(second)
    await settled(first, 4)
    await close(first)
    const kinds = table(await runTool(server.bootstrap, 'kafka-groups', '--list'), 'GROUP')
    expect(kinds).toContainEqual({ GROUP: 'sharing', TYPE: 'Consumer', PROTOCOL: 'consumer' })
    await groups('--reset-offsets', '--group', 'sharing', '--topic', 'shared', '--to-earliest', '--execute')
    const reset = table(await groups('--describe', '--group', 'sharing'), 'GROUP')
    expect(new Set(reset.map((row) => row['CURRENT-OFFSET']))).toEqual(new Set(['0']))
    await groups('--delete-offsets', '--group', 'sharing', '--topic', 'shared')
    await groups('--delete', '--group', 'sharing')
    expect(await groups('--list')).not.toContain('sharing')
  })

  maybe('Java: a static member comes back to what it had, and nobody moves', async () => {
    await topics('--create', '--topic', 'kept', '--partitions', '4')
    const [still, goes] = [
      member('staying', 'consumer', 'kept', 'one'),
      member('staying', 'consumer', 'kept', 'two'),
    ]
    await Promise.all([settled(still, 2), settled(goes, 2)])
    const had = goes.lines.findLast((line) => line.startsWith('has'))
    const changes = still.lines.length
    await close(goes)
    const back = member('staying', 'consumer', 'kept', 'two')
    await settled(back, 2)
    expect(back.lines.findLast((line) => line.startsWith('has'))).toBe(had)
    expect(still.lines).toHaveLength(changes)
    await Promise.all([close(still), close(back)])
  })

  maybe('Java: a pattern that the server resolves follows new topics', async () => {
    await topics('--create', '--topic', 'made-1', '--partitions', '1')
    const matcher = member('matching', 'consumer', '/made-[0-9]+/')
    await matcher.waitFor('the first topic', ({ lines }) =>
      lines.includes(partitions('made-1', 0)) ? true : undefined,
    )
    await topics('--create', '--topic', 'made-2', '--partitions', '1')
    await matcher.waitFor('the second topic', ({ lines }) =>
      lines.includes('has made-1-0 made-2-0') ? true : undefined,
    )
    await close(matcher)
    const broken = member('matching', 'consumer', '/[/')
    await expect(broken.waitFor('an assignment', () => undefined)).rejects.toThrow(
      /INVALID_REGULAR_EXPRESSION/,
    )
  })
})

describe('migration', () => {
  maybe('Java: a classic group is joined by the new protocol and goes back when it leaves', async () => {
    await topics('--create', '--topic', 'moved', '--partitions', '4')
    const classic = member('moving', 'classic', 'moved')
    await settled(classic, 4)
    const typeOf = async (): Promise<string | undefined> =>
      table(await runTool(server.bootstrap, 'kafka-groups', '--list'), 'GROUP').find(
        ({ GROUP }) => GROUP === 'moving',
      )?.TYPE
    expect(await typeOf()).toBe('Classic')
    const modern = member('moving', 'consumer', 'moved')
    await Promise.all([settled(classic, 2), settled(modern, 2)])
    expect(await typeOf()).toBe('Consumer')
    await close(modern)
    await settled(classic, 4)
    expect(await typeOf()).toBe('Classic')
    await close(classic)
  })
})

const others = clients.filter(({ name }) => name === 'confluent-kafka' || name === 'franz-go')

describe.each(others)('$name', (other) => {
  const maybeOther = skipReason(other) === undefined ? test : test.skip

  maybeOther('is a member of the new protocol beside the Java client', async () => {
    const group = `with-${other.name}`
    await topics('--create', '--topic', group, '--partitions', '4')
    const first = member(group, 'consumer', group)
    await settled(first, 4)
    const command = other.command('member', server.bootstrap, group, group) ?? []
    const second = new Running(command, { GROUP_PROTOCOL: 'consumer' })
    await settled(first, 2)
    await second.waitFor('two partitions', ({ lines }) =>
      (other.assigned?.(lines.at(-1) ?? '') ?? assignedTo(lines)).length === 2 ? true : undefined,
    )
    const members = table(await groups('--describe', '--group', group, '--members'), 'GROUP')
    expect(members.map((row) => row['#PARTITIONS'])).toEqual(['2', '2'])
    second.child.stdin?.end()
    await second.ended
    await settled(first, 4)
    await close(first)
  })
})

/** By the last line `assigned 0,1` of the member verb. */
function assignedTo(lines: readonly string[]): string[] {
  const line = lines.findLast((candidate) => candidate.startsWith('assigned')) ?? 'assigned '
  return line
    .slice('assigned '.length)
    .split(',')
    .filter((partition) => partition !== '')
}

maybe('kafka-dump-log decodes every record that groups of either protocol have left', async () => {
  await server.stop()
  const folder = join(server.dataDir, '__consumer_offsets-0')
  const files = readdirSync(folder).filter((name) => name.endsWith('.log'))
  const lines = await run(
    tool('kafka-dump-log', '--files', files.map((name) => join(folder, name)).join(), '--offsets-decoder'),
  )
  const text = lines.join('\n')
  // Types 3, 5, 6, 7, 8 and 16 of Kafka's CoordinatorRecordType, with their values.
  for (const type of [3, 5, 6, 7, 8, 16]) expect(text).toContain(`key: {"type":"${type}"`)
  expect(text).toContain('"metadataHash"')
  expect(text).not.toMatch(/could not be decoded|Unknown record|unknown::/)
})
