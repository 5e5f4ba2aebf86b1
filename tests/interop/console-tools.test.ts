// The console tools of Kafka 4.3 in both spellings of their options, against one broker process.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { skipReason } from './clients.ts'
import { runTool, spelled, spellings, tool, toolsMissing } from './tools.ts'
import { run, Server } from './world.ts'

const maybe =
  skipReason({ name: 'Kafka console tools', missing: toolsMissing }) === undefined ? test : test.skip

let server: Server
beforeAll(async () => {
  server = await Server.start()
})
afterAll(() => server[Symbol.asyncDispose]())

/** The lines of a tool but for those that say that an option has a new name. */
const withoutAdvice = (lines: string[]): string[] => lines.filter((line) => !line.includes('is deprecated'))

describe.each(spellings)('options as spelled %s 4.2', (spelling) => {
  const produce = (input: string, ...args: string[]): Promise<string[]> => {
    const options = spelled(spelling, 'kafka-console-producer', ...args)
    return run(tool('kafka-console-producer', '--bootstrap-server', server.bootstrap, ...options), input)
  }
  const consume = async (...args: string[]): Promise<string[]> => {
    const options = spelled(spelling, 'kafka-console-consumer', ...args)
    return withoutAdvice(await runTool(server.bootstrap, 'kafka-console-consumer', ...options))
  }

  maybe('keys and headers go through reader and formatter', async () => {
    const topic = `keyed-${spelling}`
    const parsed = ['parse.key=true', 'parse.headers=true'].flatMap((value) => ['--reader-property', value])
    await produce('h:1\tk1\tv1\nh:2\tk2\tv2\n', '--topic', topic, ...parsed)
    const printed = ['key', 'headers', 'partition', 'offset'].flatMap((what) => [
      '--formatter-property',
      `print.${what}=true`,
    ])
    const lines = await consume('--topic', topic, '--from-beginning', '--max-messages', '2', ...printed)
    expect(lines).toEqual(['Partition:0\tOffset:0\th:1\tk1\tv1', 'Partition:0\tOffset:1\th:2\tk2\tv2'])
  })
})
