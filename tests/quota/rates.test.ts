// The two measures by the clock: what a rate is, how long one must be silent, and what a burst may take.

import { describe, expect, test } from 'vitest'
import { TokenBucket } from '../../broker/quota/token-bucket.ts'
import { WindowedRate } from '../../broker/quota/windowed-rate.ts'

const windows = { samples: 11, windowMs: 1000 }

describe('a rate over eleven windows of a second', () => {
  test('counts ten whole seconds at least, so that a beginning is no excess', () => {
    const rate = new WindowedRate(windows)
    rate.record(1000, 5_000)
    expect(rate.rate(5_000)).toBe(100)
    expect(rate.throttleTimeMs(100, 5_000)).toBe(0)
  })

  test('asks for the silence after which it is at its bound', () => {
    const rate = new WindowedRate(windows)
    rate.record(3000, 0)
    // 300 a second over ten: two hundred too many, each second of silence takes off what it adds to the window.
    const silenceMs = rate.throttleTimeMs(100, 0)
    expect(silenceMs).toBe(20_000)
    expect(rate.throttleTimeMs(100, silenceMs)).toBe(0)
  })

  test('forgets what is older than its windows', () => {
    const rate = new WindowedRate(windows)
    rate.record(5000, 0)
    expect(rate.rate(10_999)).toBeGreaterThan(400)
    expect(rate.rate(11_000)).toBe(0)
  })

  test('of a steady stream is the stream', () => {
    const rate = new WindowedRate(windows)
    for (let ms = 0; ms < 60_000; ms += 100) rate.record(7, ms)
    expect(rate.rate(60_000)).toBeGreaterThan(65)
    expect(rate.rate(60_000)).toBeLessThan(75)
    expect(rate.throttleTimeMs(80, 60_000)).toBe(0)
    expect(rate.throttleTimeMs(35, 60_000)).toBeGreaterThan(9_000)
  })

  test('gives back what was taken back', () => {
    const rate = new WindowedRate(windows)
    rate.record(900, 0)
    rate.record(-900, 0)
    expect(rate.rate(0)).toBe(0)
  })
})

describe('a token bucket of two a second', () => {
  test.each([0, 1_700_000_000_000])(
    'has a burst, may be overdrawn once, and is waited for, from %i on',
    (nowMs) => {
      const bucket = new TokenBucket(windows)
      expect(bucket.throttleTimeMs(2, nowMs)).toBe(0)
      bucket.record(30, 2, nowMs)
      // 22 were there.
      expect(bucket.throttleTimeMs(2, nowMs)).toBe(4_000)
      expect(bucket.throttleTimeMs(2, nowMs + 3_999)).toBeGreaterThan(0)
      expect(bucket.throttleTimeMs(2, nowMs + 4_000)).toBe(0)
    },
  )
})
