// The command and the embedded broker as processes: what they refuse, in one clear line and with an exit code
// that is not 0, and that they end by themselves when they are stopped.

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startBroker } from '../../broker/server/start-broker.ts'
import { programCommand, programPath } from '../world/programs.ts'
import { Running } from '../world/running.ts'
import { World } from './world.ts'

let dataDir: string
const running: Running[] = []
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'logmill-process-'))
})
afterEach(async () => {
  for (const each of running.splice(0)) {
    each.child.kill('SIGKILL')
    await each.ended
  }
  rmSync(dataDir, { recursive: true, force: true })
})

function logmill(...args: string[]): Running {
  const command = new Running(programCommand('tools/cli/main.ts', ...args))
  running.push(command)
  return command
}

/** The one line that a refused start leaves. */
async function refusal(...args: string[]): Promise<string> {
  const command = logmill('start', ...args)
  const code = await command.ended
  expect(code).not.toBe(0)
  expect(command.lines).toEqual([])
  const lines = command.stderr.split('\n').filter((line) => line !== '')
  expect(lines).toHaveLength(1)
  return lines[0] as string
}

describe('logmill start', () => {
  test('refuses a data directory that another process holds, and leaves that one in peace', async () => {
    await using holder = await World.start({ dataDir })
    const line = await refusal('--data', dataDir, '--listen', '127.0.0.1:0')
    expect(line).toContain(String(process.pid))
    expect(line).toContain(dataDir)
    await holder.expectServing()
  })

  test('refuses a port that is taken, and gives the directory back', async () => {
    await using holder = await World.start()
    const { bootstrapServers } = holder.broker
    const line = await refusal('--data', dataDir, '--listen', bootstrapServers)
    expect(line).toMatch(/taken/)
    expect(line).toContain(String(holder.broker.port))
    await holder.expectServing()
    await using after = await World.start({ dataDir })
    await after.expectServing()
  })

  test('refuses to listen beyond loopback without --insecure', async () => {
    const data = join(dataDir, 'new')
    expect(await refusal('--data', data, '--listen', '0.0.0.0:0')).toContain('--insecure')
    // Refused before anything is made.
    expect(existsSync(data)).toBe(false)
  })

  test('listens beyond loopback when told that this is meant', async () => {
    const command = logmill('start', '--memory', '--listen', '0.0.0.0:0', '--insecure', '--format', 'json')
    await command.waitFor('ready line', ({ lines }) => lines.find((line) => line.startsWith('{')))
    command.child.kill('SIGTERM')
    expect(await command.ended).toBe(0)
  })

  test.each([
    [['--set', 'log.segment.bytes=lots'], /log\.segment\.bytes/],
    [['--listen', 'nonsense'], /nonsense/],
    [['--config', '/does/not/exist.properties'], /exist\.properties/],
  ])('refuses %j', async (args, text) => {
    expect(await refusal('--data', dataDir, '--listen', '127.0.0.1:0', ...args)).toMatch(text)
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 after %s', async (signal) => {
    const command = logmill('start', '--data', dataDir, '--listen', '127.0.0.1:0', '--format', 'json')
    await command.waitFor('ready line', ({ lines }) => lines.find((line) => line.startsWith('{')))
    command.child.kill(signal)
    expect(await command.ended).toBe(0)
  })
})

describe('startBroker', () => {
  test('leaves no handle: a program that has stopped it twice ends by itself', async () => {
    const program = `
      import { startBroker } from ${JSON.stringify(programPath('index.ts'))}
      for (const options of [{}, { dataDir: process.argv[1] }, { dataDir: process.argv[1] }]) {
        const broker = await startBroker({ ...options, topics: { orders: { partitions: 2 } } })
        await Promise.all([broker.stop(), broker.stop()])
        await broker.stop()
      }
      console.log('stopped')`
    const command = new Running([process.execPath, '--input-type=module', '--eval', program, dataDir])
    running.push(command)
    await command.waitFor('stopped', ({ lines }) => lines.find((line) => line === 'stopped'))
    expect(await command.ended, command.stderr).toBe(0)
  })

  test.each(['0.0.0.0', '::', '', '192.0.2.1'])(
    'refuses the host "%s" unless that is meant',
    async (host) => {
      await expect(startBroker({ host })).rejects.toThrow('insecure: true')
    },
  )

  test('that fails leaves nothing behind: the same directory and port work right after', async () => {
    await using holder = await World.start()
    await expect(startBroker({ dataDir, port: holder.broker.port })).rejects.toThrow('EADDRINUSE')
    await using first = await World.start({ dataDir })
    await expect(startBroker({ dataDir })).rejects.toThrow(String(process.pid))
    await first.expectServing()
  })

  test('is stopped while clients are connected, write and wait', async () => {
    const world = await World.start()
    await world.createTopic('orders')
    const clients = await Promise.all(Array.from({ length: 20 }, () => world.connect()))
    await world.broker.stop()
    await Promise.all(clients.map((client) => client.closed))
  })
})
