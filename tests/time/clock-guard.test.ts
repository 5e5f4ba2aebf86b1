// What the wall clock is worth: even, jumped, new to the process.

import { describe, expect, test } from 'vitest'
import { ClockGuard, CORROBORATION_MS } from '../../broker/time/clock-guard.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'

const DAY_MS = 24 * 60 * 60_000
const NOW_MS = 1_700_000_000_000

function world(known: 'now' | number | undefined) {
  const clock = new ManualClock(NOW_MS)
  const reading = () => ({ wallMs: clock.now(), monotonicMs: clock.monotonicMs() })
  const guard = new ClockGuard(reading(), known)
  return { clock, guard, bounds: () => guard.bounds(reading()) }
}

describe('a clock that nothing is older than', () => {
  test('is believed, as long as it runs evenly', () => {
    const { clock, guard, bounds } = world('now')
    for (const passed of [0, 1, DAY_MS, 400 * DAY_MS]) {
      clock.tick(passed)
      expect(bounds()).toEqual({ earliestMs: clock.now(), latestMs: clock.now() })
    }
    expect(guard.believedMs).toBe(clock.now())
  })

  test('may be slewed by a time server', () => {
    const { clock, bounds } = world('now')
    clock.tick(DAY_MS)
    clock.set(-40_000)
    expect(bounds().earliestMs).toBe(clock.now())
  })

  test.each([
    ['ahead', 400 * DAY_MS],
    ['back', -2 * DAY_MS],
  ])('that jumps %s is believed ten minutes later', (_, jumpMs) => {
    const { clock, guard, bounds } = world('now')
    clock.set(jumpMs)
    const earliestMs = NOW_MS + Math.min(0, jumpMs)
    const latestMs = NOW_MS + Math.max(0, jumpMs)
    expect(bounds()).toEqual({ earliestMs, latestMs })
    clock.tick(CORROBORATION_MS - 1)
    const passed = CORROBORATION_MS - 1
    expect(bounds()).toEqual({ earliestMs: earliestMs + passed, latestMs: latestMs + passed })
    expect(guard.believedMs).toBeUndefined()
    clock.tick(1)
    expect(bounds()).toEqual({ earliestMs: clock.now(), latestMs: clock.now() })
    expect(guard.believedMs).toBe(clock.now())
  })

  test('that jumps again begins anew, and one that comes back never went', () => {
    const { clock, bounds } = world('now')
    clock.set(DAY_MS)
    bounds()
    clock.tick(CORROBORATION_MS - 1)
    clock.set(DAY_MS)
    expect(bounds().earliestMs).toBe(NOW_MS + CORROBORATION_MS - 1)
    clock.tick(CORROBORATION_MS - 1)
    expect(bounds().earliestMs).toBe(NOW_MS + 2 * (CORROBORATION_MS - 1))
    clock.set(-2 * DAY_MS)
    expect(bounds()).toEqual({ earliestMs: clock.now(), latestMs: clock.now() })
  })
})

describe('a clock that a process finds', () => {
  test('with nothing known says nothing for ten minutes', () => {
    const { clock, bounds } = world(undefined)
    expect(bounds()).toEqual({ earliestMs: undefined, latestMs: undefined })
    clock.tick(CORROBORATION_MS - 1)
    expect(bounds()).toEqual({ earliestMs: undefined, latestMs: undefined })
    clock.tick(1)
    expect(bounds()).toEqual({ earliestMs: clock.now(), latestMs: clock.now() })
  })

  test('after an older process: it is not earlier than that one wrote, plus what has passed', () => {
    const { clock, guard, bounds } = world(NOW_MS - DAY_MS)
    clock.tick(5000)
    expect(bounds()).toEqual({ earliestMs: NOW_MS - DAY_MS + 5000, latestMs: undefined })
    expect(guard.believedMs).toBeUndefined()
    clock.tick(CORROBORATION_MS)
    expect(bounds()).toEqual({ earliestMs: clock.now(), latestMs: clock.now() })
  })

  test('set to long ago, counts from where it is', () => {
    const { bounds } = world(NOW_MS + DAY_MS)
    expect(bounds()).toEqual({ earliestMs: NOW_MS, latestMs: undefined })
  })
})

test('bounds are whole milliseconds, though the monotonic clock has parts of them', () => {
  const guard = new ClockGuard({ wallMs: NOW_MS, monotonicMs: 100.75 }, NOW_MS - DAY_MS)
  // Retention compares it with the timestamps of records, which are 64-bit whole numbers.
  expect(guard.bounds({ wallMs: NOW_MS + 1000, monotonicMs: 1100.5 })).toEqual({
    earliestMs: NOW_MS - DAY_MS + 999,
    latestMs: undefined,
  })
  const jumped = new ClockGuard({ wallMs: NOW_MS, monotonicMs: 100.75 }, 'now')
  expect(jumped.bounds({ wallMs: NOW_MS - DAY_MS, monotonicMs: 1100.5 })).toEqual({
    earliestMs: NOW_MS - DAY_MS,
    latestMs: NOW_MS + 1000,
  })
})
