import { describe, expect, test } from 'vitest'
import { durationMs } from '../../../processor/graph/duration.ts'
import { firstBatchTime, isReadLater, isValidTime } from '../../../processor/graph/time.ts'

test('durations are milliseconds or text with a unit', () => {
  expect(['250ms', '5s', '1m', '2h', '1d', '0.5s', 7].map((d) => durationMs(d as '5s', 'x'))).toEqual([
    250, 5000, 60_000, 7_200_000, 86_400_000, 500, 7,
  ])
})

test.each(['', '5', 's', '-1s', '0s', '5 s', '0.5ms', 0, -1, 1.5, NaN, Infinity])(
  '%j is no duration',
  (bad) => {
    expect(() => durationMs(bad as '5s', 'window length')).toThrow('window length: a duration is')
  },
)

test('the first batch is at the next multiple of the interval, never now', () => {
  expect([0, 1, 999, 1000, 1001].map((now) => firstBatchTime(now, 1000))).toEqual([
    1000, 1000, 1000, 2000, 2000,
  ])
})

test('a stream is valid after zero, at multiples of its slide from zero', () => {
  const valid = [4000, 5000, 6000, 7000, 8000, 9000].filter((t) => isValidTime(t, 5000, 2000))
  expect(valid).toEqual([7000, 9000])
  expect(isValidTime(5000, 5000, 1000)).toBe(false)
  expect(isValidTime(5001, 5000, 0)).toBe(true)
})

describe('a time is read later exactly when some later window contains it', () => {
  test.each([
    [1, 1],
    [1, 3],
    [2, 3],
    [3, 1],
    [3, 2],
    [5, 2],
    [4, 4],
  ])('window %i slide %i', (length, slide) => {
    for (let t = 1; t <= 20; t++) {
      const later = Array.from({ length: 20 }, (_, i) => t + 1 + i).filter(
        (w) => w % slide === 0 && t > w - length,
      )
      expect(isReadLater(t, 0, slide, length), `at ${t}`).toBe(later.length > 0)
    }
  })
})
