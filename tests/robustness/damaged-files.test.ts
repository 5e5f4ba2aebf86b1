// Data directories that somebody or something has damaged: what was synced and is bad takes its partition
// offline, with file and position, and no other; what was never acknowledged is cut.

import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { errorName } from '../../broker/protocol/errors.ts'
import { BATCH_OVERHEAD, batchSizeInBytes } from '../../broker/protocol/record-batch/header.ts'
import { CLEAN_SHUTDOWN_FILE } from '../../broker/log/names.ts'
import { batchOf, World } from './world.ts'

let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'logmill-damage-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const start = (): Promise<World> => World.start({ dataDir })
const logFile = (partition: number): string =>
  join(dataDir, `orders-${partition}`, '00000000000000000000.log')

/** Two partitions with ten batches each, stopped in order: all of it is below the recovery point. */
async function written(): Promise<void> {
  await using world = await start()
  await world.createTopic('orders', 2)
  for (const partition of [0, 1]) {
    for (let i = 0; i < 10; i++)
      expect((await world.produce('orders', batchOf([`value ${i}`]), partition)).errorCode).toBe(0)
  }
}

const values = (count: number): string[] => Array.from({ length: count }, (_, i) => `value ${i}`)

/** As after a crash: the next start does not trust what it has not checked. */
const crashed = (): void => rmSync(join(dataDir, CLEAN_SHUTDOWN_FILE), { force: true })

function flip(file: string, at: number): void {
  const bytes = readFileSync(file)
  bytes[at] = (bytes[at] as number) ^ 0x01
  writeFileSync(file, bytes)
}

/** Where the n-th batch begins. */
function positionOf(file: string, n: number): number {
  const bytes = readFileSync(file)
  let at = 0
  for (let i = 0; i < n; i++) at += batchSizeInBytes(bytes, at)
  return at
}

describe('a flipped byte in what was synced', () => {
  test('takes the partition offline after a crash, naming file and position; the others work', async () => {
    await written()
    crashed()
    const batchStart = positionOf(logFile(0), 4)
    flip(logFile(0), batchStart + BATCH_OVERHEAD + 2)
    await using world = await start()
    expect(errorName((await world.produce('orders', batchOf(['x']), 0)).errorCode)).toBe(
      'KAFKA_STORAGE_ERROR',
    )
    await expect(world.values('orders', 0)).rejects.toThrow('KAFKA_STORAGE_ERROR')
    expect(world.lines).toEqual([
      expect.stringMatching(new RegExp(`error orders-0 is offline: .*orders-0/0+\\.log.*${batchStart}`)),
    ])
    expect(errorName((await world.produce('orders', batchOf(['value 10']), 1)).errorCode)).toBe('NONE')
    expect(await world.values('orders', 1)).toEqual(values(11))
    await world.expectServing()
  })

  test('is found by the first read after a clean stop, and takes the partition offline with file and position', async () => {
    await written()
    const batchStart = positionOf(logFile(0), 4)
    flip(logFile(0), batchStart + BATCH_OVERHEAD + 2)
    await using world = await start()
    // A clean start trusts what it closed; nobody is shown the bytes all the same.
    await expect(world.values('orders', 0)).rejects.toThrow('KAFKA_STORAGE_ERROR')
    expect(world.lines).toEqual([
      expect.stringMatching(new RegExp(`error orders-0 is offline: .*orders-0/0+\\.log.*${batchStart}`)),
    ])
    expect(await world.values('orders', 1)).toEqual(values(10))
    await world.expectServing()
  })

  test('is not repaired by starting again, nor by stopping in between', async () => {
    await written()
    crashed()
    flip(logFile(0), positionOf(logFile(0), 4) + BATCH_OVERHEAD + 2)
    const damaged = readFileSync(logFile(0))
    for (let i = 0; i < 3; i++) {
      await using world = await start()
      expect(world.lines.join()).toContain('orders-0 is offline')
    }
    expect(readFileSync(logFile(0)).equals(damaged)).toBe(true)
  })
})

describe('a torn tail', () => {
  test('is cut with a line that says so, and the partition goes on behind what is whole', async () => {
    await written()
    crashed()
    const whole = readFileSync(logFile(0))
    // A batch that was being written when the power went, above what any sync has covered.
    writeFileSync(logFile(0), Buffer.concat([whole, batchOf(['never acknowledged']).subarray(0, 70)]))
    await using world = await start()
    expect(world.lines).toEqual([
      expect.stringMatching(/warn orders-0\/0+\.log: 70 bytes from \d+ on are cut off/),
    ])
    expect(await world.values('orders', 0)).toEqual(values(10))
    expect(errorName((await world.produce('orders', batchOf(['value 10']), 0)).errorCode)).toBe('NONE')
    expect(await world.values('orders', 0)).toEqual(values(11))
  })

  test('below the recovery point is damage, not a tail', async () => {
    await written()
    crashed()
    truncateSync(logFile(0), positionOf(logFile(0), 8) + 30)
    await using world = await start()
    expect(world.lines.join()).toMatch(/error orders-0 is offline: .*orders-0/)
    expect(await world.values('orders', 1)).toEqual(values(10))
  })
})

describe('side files', () => {
  test('indexes that are gone or nonsense are made again', async () => {
    await written()
    crashed()
    for (const name of readdirSync(join(dataDir, 'orders-0'))) {
      if (name.endsWith('.index')) rmSync(join(dataDir, 'orders-0', name))
      if (name.endsWith('.timeindex'))
        writeFileSync(join(dataDir, 'orders-0', name), 'nonsense of 23 bytes!!!')
    }
    await using world = await start()
    expect(await world.values('orders', 0)).toEqual(values(10))
    expect(errorName((await world.produce('orders', batchOf(['value 10']), 0)).errorCode)).toBe('NONE')
  })

  test.each(['recovery-point-offset-checkpoint', 'log-start-offset-checkpoint'])(
    'without %s everything is checked, and everything is there',
    async (name) => {
      await written()
      crashed()
      rmSync(join(dataDir, name))
      await using world = await start()
      expect(await world.values('orders', 0)).toEqual(values(10))
    },
  )

  test.each(['cleaner-offset-checkpoint', 'clock-checkpoint'])(
    'nonsense in %s costs nothing',
    async (name) => {
      await written()
      for (const text of ['nonsense', '0\n1\norders 0 99999\n', '0\n1\n99999999999999999\n', '']) {
        writeFileSync(join(dataDir, name), text)
        await using world = await start()
        expect(await world.values('orders', 0)).toEqual(values(10))
        expect(await world.values('orders', 1)).toEqual(values(10))
      }
    },
  )

  test("another cluster's directory is refused with both names, and left alone", async () => {
    await written()
    const file = join(dataDir, 'meta.properties')
    writeFileSync(file, readFileSync(file, 'utf8').replace(/node\.id=\d+/, 'node.id=77'))
    const before = readFileSync(file, 'utf8')
    await expect(start()).rejects.toThrow(/77/)
    expect(readFileSync(file, 'utf8')).toBe(before)
  })
})
