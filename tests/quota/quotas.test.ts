// Whose quota it is: the most specific that is set, shared by those whom it is set for.

import { describe, expect, test } from 'vitest'
import type { ClientQuotaImage } from '../../broker/quota/quota-keys.ts'
import { quotaProblem, clientQuotaKeys, ipQuotaKeys, isAddress } from '../../broker/quota/quota-keys.ts'
import { QuotaLimits } from '../../broker/quota/quota-limits.ts'
import { Quotas } from '../../broker/quota/quotas.ts'

const windows = { samples: 11, windowMs: 1000 }

function quota(entity: Record<string, string | null>, values: Record<string, number>): ClientQuotaImage {
  return { entity: new Map(Object.entries(entity)), values: new Map(Object.entries(values)) }
}

function quotasOf(...images: ClientQuotaImage[]): Quotas {
  const quotas = new Quotas({ client: windows, controller: windows })
  quotas.changed(images)
  return quotas
}

describe('the quota of a client', () => {
  const entities = [
    { user: 'u', clientId: 'c' },
    { user: 'u', clientId: null },
    { user: 'u' },
    { user: null, clientId: 'c' },
    { user: null, clientId: null },
    { user: null },
    { clientId: 'c' },
    { clientId: null },
  ]

  test.each(entities.map((entity, rank) => ({ entity, rank })))(
    '$entity comes before all after it',
    ({ rank }) => {
      const limits = new QuotaLimits()
      for (const [at, entity] of entities.entries()) if (at >= rank) limits.set(entity, at + 1)
      expect(limits.of('u', 'c')?.limit).toBe(rank + 1)
    },
  )

  test('of a user is one account for all its client ids, of a default one for each', () => {
    const limits = new QuotaLimits()
    limits.set({ user: 'u' }, 1)
    expect(limits.of('u', 'a')?.account).toBe(limits.of('u', 'b')?.account)
    const byDefault = new QuotaLimits()
    byDefault.set({ clientId: null }, 1)
    expect(byDefault.of('u', 'a')?.account).not.toBe(byDefault.of('u', 'b')?.account)
  })

  test('is not that of a default where a name only looks like one', () => {
    const limits = new QuotaLimits()
    limits.set({ clientId: null }, 5)
    limits.set({ clientId: 'null' }, 6)
    expect(limits.of('u', 'null')?.limit).toBe(6)
    expect(limits.of('u', 'other')?.limit).toBe(5)
  })
})

describe('quotas of a broker', () => {
  test('cost nothing while none is set', () => {
    expect(quotasOf().watchesRequests).toBe(false)
    expect(quotasOf(quota({ ip: '10.0.0.1' }, { connection_creation_rate: 1 })).watchesRequests).toBe(false)
  })

  test('a change of the limit keeps what was used', () => {
    const quotas = quotasOf(quota({ 'client-id': 'c' }, { producer_byte_rate: 1_000_000 }))
    expect(quotas.produce.record('u', 'c', 5_000, 0)).toBe(0)
    quotas.changed([quota({ 'client-id': 'c' }, { producer_byte_rate: 100 })])
    expect(quotas.produce.record('u', 'c', 0, 0)).toBe(40_000)
    quotas.changed([])
    expect(quotas.produce.record('u', 'c', 1e9, 0)).toBe(0)
  })

  test('time asks for one window of silence at most', () => {
    const quotas = quotasOf(quota({ user: null }, { request_percentage: 1 }))
    expect(quotas.recordRequest('u', 'c', 60_000, 0)).toBe(1000)
  })

  test('what a silent client may fetch at once is bounded by its windows', () => {
    const quotas = quotasOf(quota({ 'client-id': 'c' }, { consumer_byte_rate: 100 }))
    expect(quotas.fetch.maxInWindow('u', 'c')).toBe(1000)
    expect(quotas.fetch.maxInWindow('u', 'other')).toBe(Infinity)
  })

  test('changes of partitions are refused when strict, waited for when not', () => {
    const quotas = quotasOf(quota({ user: 'u' }, { controller_mutation_rate: 1 }))
    const nowMs = 1_700_000_000_000
    const strict = quotas.mutations('u', 'c', true, () => nowMs)
    expect(strict.take(20)).toBe(true)
    expect(strict.throttleTimeMs()).toBe(9_000)
    expect(strict.take(1)).toBe(false)
    const lenient = quotas.mutations('u', 'c', false, () => nowMs)
    expect(lenient.take(1)).toBe(true)
    expect(lenient.throttleTimeMs()).toBe(10_000)
  })

  test('connections of an address beyond its rate are kept waiting, others are not', () => {
    const quotas = quotasOf(
      quota({ ip: null }, { connection_creation_rate: 1 }),
      quota({ ip: '10.0.0.9' }, { connection_creation_rate: 1000 }),
    )
    const waits = Array.from({ length: 12 }, () => quotas.recordConnection('10.0.0.1', 0))
    expect(waits.slice(0, 10)).toEqual(Array(10).fill(0))
    expect(waits[10]).toBe(1000)
    expect(quotas.recordConnection('10.0.0.2', 0)).toBe(0)
    for (let i = 0; i < 100; i++) expect(quotas.recordConnection('10.0.0.9', 0)).toBe(0)
  })

  test('accounts of clients that make up ids are bounded', () => {
    const quotas = quotasOf(quota({ 'client-id': null }, { producer_byte_rate: 1 }))
    for (let i = 0; i < 20_000; i++) quotas.produce.record('u', `id-${i}`, 1, i)
    expect(quotas.produce['accounts']['accounts'].size).toBe(10_000)
  })
})

test.each([
  ['producer_byte_rate', 0, /greater than 0/],
  ['producer_byte_rate', NaN, /greater than 0/],
  ['producer_byte_rate', 1.5, /fractional/],
  ['producer_byte_rate', 1e19, /too large for a LONG/],
  ['toString', 1, /Invalid configuration key/],
  ['connection_creation_rate', 1, /Invalid configuration key/],
])('%s = %d is no quota of a client', (key, value, problem) => {
  expect(quotaProblem(clientQuotaKeys, key, value)).toMatch(problem)
})

test('quotas that are right', () => {
  expect(quotaProblem(clientQuotaKeys, 'request_percentage', 0.5)).toBeUndefined()
  expect(quotaProblem(clientQuotaKeys, 'consumer_byte_rate', 1024)).toBeUndefined()
  expect(quotaProblem(ipQuotaKeys, 'connection_creation_rate', 2147483648)).toMatch(/too large for a INT/)
})

test.each(['10.0.0.1', '255.255.255.255', '::1', 'fe80::1', '::ffff:10.0.0.1'])(
  '%s is an address',
  (text) => {
    expect(isAddress(text)).toBe(true)
  },
)

test.each(['', 'localhost', '256.0.0.1', '1.2.3', '1.2.3.4.5', 'a:b', '::1]', ':::1'])(
  "'%s' is none",
  (text) => {
    expect(isAddress(text)).toBe(false)
  },
)

test('new connections of all together beyond their rate have to wait, no longer than a window', () => {
  const quotas = new Quotas({ client: windows, controller: windows })
  const delays = Array.from({ length: 40 }, () => quotas.delayConnection(2, 0))
  expect(delays.slice(0, 20)).toEqual(Array(20).fill(0))
  expect(delays[20]).toBeGreaterThan(0)
  expect(Math.max(...delays)).toBe(windows.windowMs)
  expect(quotas.delayConnection(2, 60_000)).toBe(0)
})
