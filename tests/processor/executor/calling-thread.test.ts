// Slices: the loop gets its turn in time, whatever a row costs. Time is what the test says it is.

import { expect, test } from 'vitest'
import { CallingThreadExecutor } from '../../../processor/executor/calling-thread.ts'
import { CancelledError } from '../../../processor/graph/errors.ts'

/** Rows that take `rowMs` each; notes how long the loop was held without a turn. */
function world(rows: number, rowMs: number) {
  let nowMs = 0
  let heldSinceMs = 0
  const log = { longestHoldMs: 0, yields: 0, reads: 0, closed: 0, left: rows }
  const held = () => {
    log.longestHoldMs = Math.max(log.longestHoldMs, nowMs - heldSinceMs)
  }
  const executor = new CallingThreadExecutor({
    monotonicMs: () => nowMs,
    yieldToLoop: () => {
      held()
      log.yields++
      heldSinceMs = nowMs
      return Promise.resolve()
    },
  })
  const reader = {
    read(maxRows: number) {
      log.reads++
      const now = Math.min(maxRows, log.left)
      log.left -= now
      nowMs += now * rowMs
      held()
      return log.left > 0
    },
    close: () => void log.closed++,
  }
  return { executor, reader, log }
}

test.each([
  ['cheap', 1_000_000, 0.00005],
  ['usual', 100_000, 0.001],
  ['dear', 2_000, 0.1],
])('%s rows: the loop is never held longer than 5 ms', async (_, rows, rowMs) => {
  const { executor, reader, log } = world(rows, rowMs)
  await executor.drain(reader)
  expect(log.left).toBe(0)
  expect(log.longestHoldMs).toBeLessThanOrEqual(5.5)
  expect(log.yields).toBeGreaterThanOrEqual(Math.floor((rows * rowMs) / 6))
  expect(log.reads).toBeLessThan(rows)
})

test('where one row takes longer than that, the loop gets its turn after every row', async () => {
  const { executor, reader, log } = world(40, 20)
  await executor.drain(reader)
  expect(log.yields).toBe(39)
  expect(log.closed).toBe(1)
})

test('short drains one after the other count together', async () => {
  const w = world(1, 1)
  for (let i = 0; i < 100; i++) {
    w.log.left = 1
    let more = 2
    await w.executor.drain({ read: (n) => w.reader.read(n) || --more > 0, close: () => {} })
  }
  expect(w.log.yields).toBeGreaterThanOrEqual(15)
})

test('a full output buffer is awaited between slices', async () => {
  const { executor, reader } = world(5000, 0)
  const order: string[] = []
  const pausing = {
    read: (n: number) => {
      order.push('read')
      return reader.read(n)
    },
    close: () => void order.push('close'),
  }
  await executor.drain(pausing, () => Promise.resolve().then(() => void order.push('flushed')))
  expect(order.slice(0, 4)).toEqual(['read', 'flushed', 'read', 'flushed'])
  expect(order.at(-1)).toBe('close')
})

test('cancelling ends the batch at its next slice, and the next batch runs', async () => {
  const { executor, reader, log } = world(10_000, 0.001)
  executor.begin()
  executor.cancel()
  await expect(executor.drain(reader)).rejects.toThrow(CancelledError)
  expect(log.closed).toBe(1)
  executor.begin()
  await executor.drain(reader)
  expect(log.left).toBe(0)
})
