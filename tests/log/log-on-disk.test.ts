// The same log over real files: what a process leaves is what the next one finds.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openDirectory } from '../../broker/storage/real-storage.ts'
import { appendRecords, openLog, readAll } from './log-world.ts'

let root: string
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'logmill-log-'))
})
afterEach(() => fs.rmSync(root, { recursive: true, force: true }))

const config = { segmentBytes: 5000, indexIntervalBytes: 500 }

test('a log that was synced and closed opens with indexes as they were', async () => {
  const log = openLog(openDirectory(root), config)
  for (let i = 0; i < 100; i++) appendRecords(log, 3, { valueBytes: 50 })
  await log.sync()
  expect(log.durableEndOffset).toBe(300n)
  log.close()
  const before = fs.readdirSync(path.join(root, 'orders-0'))
  const again = openLog(openDirectory(root), config, { cleanShutdown: true, recoveryPoint: 300n })
  expect(readAll(again).map(({ value }) => value)).toEqual(Array.from({ length: 300 }, (_, i) => `v${i}`))
  again.close()
  expect(fs.readdirSync(path.join(root, 'orders-0'))).toEqual(before)
})

test('a log that was never closed is recovered from its files', () => {
  const log = openLog(openDirectory(root), config)
  for (let i = 0; i < 100; i++) appendRecords(log, 3, { valueBytes: 50 })
  const newest = fs
    .readdirSync(path.join(root, 'orders-0'))
    .filter((name) => name.endsWith('.log'))
    .at(-1) as string
  fs.appendFileSync(path.join(root, 'orders-0', newest), Buffer.alloc(100, 7))
  const cuts: number[] = []
  const again = openLog(openDirectory(root), config, { onTailCut: ({ bytesCut }) => cuts.push(bytesCut) })
  expect(cuts).toEqual([100])
  expect(readAll(again).length).toBe(300)
})

test('older segments are read off the event loop, also while they are deleted', async () => {
  const log = openLog(openDirectory(root), config)
  for (let i = 0; i < 100; i++) appendRecords(log, 3, { valueBytes: 50 })
  const expected = log.read(0n, 2000, 300n, true)
  const reading = log.readOffThread(0n, 2000, 300n, true)
  log.deleteSegmentsBelow(300n)
  expect(await reading).toEqual(expected)
  expect(fs.readdirSync(path.join(root, 'orders-0')).filter((name) => name.endsWith('.deleted'))).toEqual([])
  log.close()
})
