// Kafka's tools for streams groups against a word count that runs, rests and is forgotten: kafka-streams-groups,
// kafka-groups, kafka-streams-application-reset, and kafka-dump-log over what the group has left behind.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { committedOffsets, createTopic } from './admin.ts'
import { java, skipReason } from './clients.ts'
import { lines, Output, StateFolder, StreamsApp, wordCount, writeLines } from './streams-world.ts'
import { runTool, table, toolsMissing } from './tools.ts'
import { run, Server } from './world.ts'

const reason = skipReason({ name: 'Kafka command line tools', missing: toolsMissing })
const maybe = reason === undefined ? test : test.skip

let server: Server
beforeAll(async () => {
  server = await Server.start()
})
afterAll(() => server[Symbol.asyncDispose]())

const APP = 'counted'
const [INPUT, OUTPUT] = ['told', 'sums']
const streamsGroups = (...args: string[]): Promise<string[]> =>
  runTool(server.bootstrap, 'kafka-streams-groups', ...args)
const describeGroup = (...args: string[]): Promise<string[]> =>
  streamsGroups('--describe', '--group', APP, ...args)
const topics = (): Promise<string[]> => runTool(server.bootstrap, 'kafka-topics', '--list')

maybe('a streams group is listed, described, reset and deleted', async () => {
  await createTopic(server.bootstrap, INPUT, 2)
  await createTopic(server.bootstrap, OUTPUT, 1)
  using folder = new StateFolder()
  using fresh = new StateFolder()
  const app = (stateDir = folder.path): StreamsApp =>
    new StreamsApp(
      server.bootstrap,
      { id: APP, input: INPUT, output: OUTPUT, stateDir },
      { 'group.protocol': 'streams' },
    )
  await using reader = await Output.read(server.bootstrap, OUTPUT)
  await writeLines(server.bootstrap, INPUT, lines(0, 40))
  const running = app()
  await reader.holds(lines(0, 40))

  expect(await streamsGroups('--list')).toEqual([APP])
  expect(table(await streamsGroups('--list', '--state'), 'GROUP')).toEqual([{ GROUP: APP, STATE: 'Stable' }])
  const kinds = table(await runTool(server.bootstrap, 'kafka-groups', '--list', '--streams'), 'GROUP')
  expect(kinds).toEqual([{ GROUP: APP, TYPE: 'Streams', PROTOCOL: 'streams' }])
  const [state] = table(await describeGroup('--state', '--verbose'), 'GROUP')
  expect(state).toMatchObject({ GROUP: APP, STATE: 'Stable', '#MEMBERS': '1' })
  const members = (await describeGroup('--members')).join('\n')
  expect(members).toMatch(/ACTIVE:\s+0:\[0, ?1\].*1:\[0, ?1\]/s)
  const offsets = (): Promise<string[]> => describeGroup('--offsets')
  expect((await offsets()).join('\n')).toContain(INPUT)
  await expect(streamsGroups('--delete', '--group', APP)).resolves.toEqual(
    expect.arrayContaining([expect.stringMatching(/not EMPTY|NON_EMPTY|not empty/i)]),
  )

  await running.stop()
  const reset = ['--reset-offsets', '--group', APP, '--input-topic', INPUT, '--to-earliest', '--execute']
  await streamsGroups(...reset)
  expect(await committedOffsets(server.bootstrap, APP, INPUT)).toEqual(
    new Map([
      [0, 0n],
      [1, 0n],
    ]),
  )
  // Everything is counted again, upon the state that was there.
  const again = app()
  await reader.holds([...lines(0, 40), ...lines(0, 40)])
  await again.stop()
  for (const [word, count] of wordCount([...lines(0, 40), ...lines(0, 40)]))
    expect(reader.updates.get(word)?.at(-1), word).toBe(String(count))

  await runTool(
    server.bootstrap,
    'kafka-streams-application-reset',
    '--application-id',
    APP,
    '--input-topics',
    INPUT,
  )
  expect((await topics()).filter((name) => name.startsWith(`${APP}-`))).toEqual([])

  // The tool is for the broker's side: local state is the application's to clean up.
  const once = app(fresh.path)
  await once.running.waitFor('tasks', () => (once.held === 4 ? true : undefined))
  await once.stop()
  await streamsGroups('--delete', '--group', APP, '--delete-all-internal-topics')
  expect(await streamsGroups('--list')).not.toContain(APP)
  expect((await topics()).filter((name) => name.startsWith(`${APP}-`))).toEqual([])
  await server.stop()

  const dumped: string[] = []
  for (const name of readdirSync(server.dataDir).filter((folderName) =>
    folderName.startsWith('__consumer_offsets-'),
  )) {
    for (const file of readdirSync(join(server.dataDir, name)).filter((file) => file.endsWith('.log'))) {
      const path = join(server.dataDir, name, file)
      dumped.push(
        ...(await run(java('org.apache.kafka.tools.DumpLogSegments', '--files', path, '--offsets-decoder'))),
      )
    }
  }
  const text = dumped.join('\n')
  for (const type of [17, 19, 20, 21, 22, 23])
    expect(text).toMatch(new RegExp(`"type":"${type}"|"type":${type}\\b`))
})
