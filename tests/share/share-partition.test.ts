// What a share partition does with its records, told one member at a time. The long runs against a naive model are in
// tests/simulation/share.test.ts.

import { expect, test } from 'vitest'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { recordStates } from '../../broker/share/record-runs.ts'
import { acknowledgeTypes } from '../../broker/share/acknowledgement.ts'
import type { StateBatch } from '../../broker/share/run-changes.ts'
import { SharePartition } from '../../broker/share/share-partition.ts'

const { ACCEPT, GAP, REJECT, RELEASE, RENEW } = acknowledgeTypes
const { ACKNOWLEDGED, AVAILABLE } = recordStates
const LOCK_MS = 30_000

const limits = {
  deliveryCountLimit: 5,
  partitionMaxRecordLocks: 100,
  recordLockDurationMs: LOCK_MS,
  renewAcknowledgeEnable: true,
}

/** One share partition over a log of batches of ten records, and a clock. */
class Shared {
  nowMs = 0
  readonly machine: SharePartition
  end: number

  constructor(
    options: { start?: number; end?: number; kept?: StateBatch[]; limits?: Partial<typeof limits> } = {},
  ) {
    this.end = options.end ?? 50
    this.machine = new SharePartition(BigInt(options.start ?? 0), options.kept ?? [], () => ({
      ...limits,
      ...options.limits,
    }))
  }

  fetch(
    memberId: string,
    maxRecords = 500,
    more: { isRecordLimit?: boolean; aborted?: [number, number][] } = {},
  ): string {
    const fetchOffset = this.machine.nextFetchOffset
    const first = Math.floor(Number(fetchOffset) / 10) * 10
    const batches = Array.from({ length: Math.max(0, (this.end - first) / 10) }, (_, i) => ({
      firstOffset: BigInt(first + i * 10),
      lastOffset: BigInt(first + i * 10 + 9),
    }))
    const acquired = this.machine.acquire(
      {
        memberId,
        isRecordLimit: more.isRecordLimit ?? false,
        batchSize: 500,
        maxRecords,
        fetchOffset,
        batches,
        aborted: (more.aborted ?? []).map(([from, to]) => ({
          firstOffset: BigInt(from),
          lastOffset: BigInt(to),
        })),
      },
      this.nowMs,
    )
    return acquired
      .map(({ firstOffset, lastOffset, deliveryCount }) => `${firstOffset}-${lastOffset}x${deliveryCount}`)
      .join(' ')
  }

  /** NONE, or the error code. */
  acknowledge(memberId: string, from: number, to: number, ...types: number[]): number {
    const batch = { firstOffset: BigInt(from), lastOffset: BigInt(to), acknowledgeTypes: types }
    const change = this.machine.acknowledge(memberId, [batch], this.nowMs)
    if ('errorCode' in change) return change.errorCode
    this.machine.complete(change, true, this.nowMs)
    return errorCodes.NONE
  }
}

test('whole batches of the log are acquired, by one member alone', () => {
  const shared = new Shared()
  expect(shared.fetch('a', 15)).toBe('0-19x1')
  expect(shared.fetch('b')).toBe('20-49x1')
  expect(shared.fetch('a')).toBe('')
  expect(shared.acknowledge('b', 0, 19, ACCEPT)).toBe(errorCodes.INVALID_RECORD_STATE)
})

test('the record limit is kept to the record', () => {
  const shared = new Shared()
  expect(shared.fetch('a', 3, { isRecordLimit: true })).toBe('0-2x1')
  expect(shared.fetch('b', 4, { isRecordLimit: true })).toBe('3-6x1')
})

test('what is accepted is passed over, what is released comes again, what is rejected does not', () => {
  const shared = new Shared({ end: 10 })
  shared.fetch('a')
  expect(shared.acknowledge('a', 0, 4, ACCEPT)).toBe(errorCodes.NONE)
  expect(shared.machine.startOffset).toBe(5n)
  expect(shared.acknowledge('a', 5, 9, RELEASE, REJECT, GAP, ACCEPT, RELEASE)).toBe(errorCodes.NONE)
  expect(shared.machine.deliveryCompleteCount).toBe(3)
  expect(shared.fetch('b')).toBe('5-5x2 9-9x2')
  expect(shared.acknowledge('a', 5, 5, ACCEPT)).toBe(errorCodes.INVALID_RECORD_STATE)
  expect(shared.acknowledge('b', 5, 9, ACCEPT)).toBe(errorCodes.INVALID_RECORD_STATE)
  expect(shared.acknowledge('b', 5, 5, ACCEPT)).toBe(errorCodes.NONE)
  expect(shared.acknowledge('b', 9, 9, ACCEPT)).toBe(errorCodes.NONE)
  expect([shared.machine.startOffset, shared.machine.nextFetchOffset]).toEqual([10n, 10n])
})

test('a lock that expires gives the record back, and the last delivery is the last', () => {
  const shared = new Shared({ end: 10, limits: { deliveryCountLimit: 2 } })
  shared.fetch('a')
  shared.nowMs = LOCK_MS - 1
  expect(shared.machine.expireLocks(shared.nowMs)).toEqual([])
  shared.nowMs = LOCK_MS
  expect(shared.machine.expireLocks(shared.nowMs)).toEqual([
    { firstOffset: 0n, lastOffset: 9n, deliveryState: AVAILABLE, deliveryCount: 1 },
  ])
  expect(shared.fetch('b')).toBe('0-9x2')
  expect(shared.acknowledge('b', 0, 9, RELEASE)).toBe(errorCodes.NONE)
  expect(shared.machine.startOffset).toBe(10n)
})

test('a renewed lock lasts as long again; where renewing is off it is refused', () => {
  const shared = new Shared({ end: 10 })
  shared.fetch('a')
  shared.nowMs = 20_000
  expect(shared.acknowledge('a', 0, 4, RENEW)).toBe(errorCodes.NONE)
  shared.nowMs = LOCK_MS
  expect(shared.machine.expireLocks(shared.nowMs).map(({ firstOffset }) => firstOffset)).toEqual([5n])
  const off = new Shared({ end: 10, limits: { renewAcknowledgeEnable: false } })
  off.fetch('a')
  expect(off.acknowledge('a', 0, 4, RENEW)).toBe(errorCodes.INVALID_RECORD_STATE)
})

test('what could not be written is with its member again, or with nobody when its lock is over', () => {
  const shared = new Shared({ end: 10 })
  shared.fetch('a')
  const batch = { firstOffset: 0n, lastOffset: 9n, acknowledgeTypes: [ACCEPT] }
  const first = shared.machine.acknowledge('a', [batch], 0)
  if ('errorCode' in first) throw new Error(first.errorMessage)
  expect(shared.fetch('b')).toBe('')
  expect(shared.acknowledge('a', 0, 9, ACCEPT)).toBe(errorCodes.INVALID_RECORD_STATE)
  shared.machine.complete(first, false, 0)
  const second = shared.machine.acknowledge('a', [batch], 0)
  if ('errorCode' in second) throw new Error(second.errorMessage)
  shared.nowMs = LOCK_MS
  shared.machine.complete(second, false, shared.nowMs)
  expect(shared.fetch('b')).toBe('0-9x2')
})

test('an acknowledgement is refused as a whole: nothing of it is left', () => {
  const shared = new Shared({ end: 20 })
  shared.fetch('a', 10)
  shared.fetch('b')
  const batches = [
    { firstOffset: 0n, lastOffset: 9n, acknowledgeTypes: [ACCEPT] },
    { firstOffset: 10n, lastOffset: 19n, acknowledgeTypes: [ACCEPT] },
  ]
  expect(shared.machine.acknowledge('a', batches, 0)).toMatchObject({
    errorCode: errorCodes.INVALID_RECORD_STATE,
  })
  expect(shared.acknowledge('a', 0, 9, ACCEPT)).toBe(errorCodes.NONE)
  expect(shared.acknowledge('b', 10, 30, ACCEPT)).toBe(errorCodes.INVALID_REQUEST)
  expect(shared.acknowledge('b', 10, 19, 7)).toBe(errorCodes.INVALID_REQUEST)
  expect(shared.acknowledge('b', 0, 9, ACCEPT)).toBe(errorCodes.NONE) // done with already
})

test('a lock that is renewed in a refused acknowledgement is not renewed', () => {
  const shared = new Shared({ end: 20 })
  shared.fetch('a', 10)
  shared.fetch('b')
  const batches = [
    { firstOffset: 0n, lastOffset: 9n, acknowledgeTypes: [RENEW] },
    { firstOffset: 10n, lastOffset: 19n, acknowledgeTypes: [ACCEPT] },
  ]
  expect(shared.machine.acknowledge('a', batches, 20_000)).toMatchObject({
    errorCode: errorCodes.INVALID_RECORD_STATE,
  })
  expect(shared.machine.nextLockExpiryMs).toBe(LOCK_MS)
  expect([...shared.machine.allRuns()]).toHaveLength(2)
})

test('one thing is said of a record: what is said of it twice is refused, a renewed lock too', () => {
  const shared = new Shared({ end: 10 })
  shared.fetch('a')
  const batch = (type: number) => ({ firstOffset: 5n, lastOffset: 5n, acknowledgeTypes: [type] })
  for (const [first, second] of [
    [RENEW, RENEW],
    [RENEW, ACCEPT],
    [ACCEPT, ACCEPT],
    [RELEASE, RENEW],
  ] as const)
    expect(shared.machine.acknowledge('a', [batch(first), batch(second)], 1)).toMatchObject({
      errorCode: errorCodes.INVALID_RECORD_STATE,
    })
  expect(shared.machine.nextLockExpiryMs).toBe(LOCK_MS)
  expect(shared.acknowledge('a', 5, 5, RENEW)).toBe(errorCodes.NONE)
})

test('batches apart from each other are acknowledged at once, what lies between them is not', () => {
  const shared = new Shared({ end: 30 })
  shared.fetch('a')
  const batches = [
    { firstOffset: 1n, lastOffset: 2n, acknowledgeTypes: [ACCEPT] },
    { firstOffset: 4n, lastOffset: 11n, acknowledgeTypes: [RELEASE] },
    { firstOffset: 15n, lastOffset: 16n, acknowledgeTypes: [RENEW, REJECT] },
  ]
  const change = shared.machine.acknowledge('a', batches, 7)
  if ('errorCode' in change) throw new Error(change.errorMessage)
  shared.machine.complete(change, true, 7)
  const runs = [...shared.machine.allRuns()].map(
    ({ firstOffset, lastOffset, state, lockExpiresAtMs }) =>
      `${firstOffset}-${lastOffset}:${state}${lockExpiresAtMs === LOCK_MS + 7 ? '+' : ''}`,
  )
  expect(runs.join(' ')).toBe('0-0:1 1-2:2 3-3:1 4-11:0 12-14:1 15-15:1+ 16-16:4 17-29:1')
})

test('no more than the locks that are allowed, but released ones are given out again', () => {
  const shared = new Shared({ end: 200 })
  expect(shared.fetch('a')).toBe('0-99x1')
  expect([shared.machine.canAcquire, shared.fetch('b')]).toEqual([false, ''])
  shared.acknowledge('a', 50, 59, RELEASE)
  expect(shared.fetch('b')).toBe('50-59x2')
})

test('often delivered records come in ever smaller numbers, on their last delivery alone', () => {
  const shared = new Shared({ end: 10 })
  shared.fetch('a')
  const sizes: string[] = []
  for (let round = 0; round < 3; round++) {
    shared.machine.complete(shared.machine.release('a'), true, 0)
    sizes.push(shared.fetch('a'))
  }
  expect(sizes).toEqual(['0-9x2', '0-9x3', '0-4x4'])
  shared.acknowledge('a', 0, 4, RELEASE)
  expect(shared.fetch('b')).toBe('0-0x5')
})

test('records of aborted transactions are done with; the log may begin later, and lack records', () => {
  const shared = new Shared()
  expect(
    shared.fetch('a', 500, {
      aborted: [
        [0, 9],
        [20, 29],
      ],
    }),
  ).toBe('10-19x1 30-49x1')
  expect(shared.machine.startOffset).toBe(10n)
  shared.machine.moveStart(15n)
  expect(shared.acknowledge('a', 10, 19, ACCEPT)).toBe(errorCodes.NONE)
  expect(shared.machine.startOffset).toBe(30n)
  shared.machine.moveStart(70n)
  expect([shared.machine.startOffset, shared.machine.nextFetchOffset]).toEqual([70n, 70n])
})

test('kept states are taken up where they were left, what lies between them is read again', () => {
  const kept = [
    { firstOffset: 0n, lastOffset: 4n, deliveryState: ACKNOWLEDGED, deliveryCount: 1 },
    { firstOffset: 12n, lastOffset: 19n, deliveryState: AVAILABLE, deliveryCount: 2 },
  ]
  const shared = new Shared({ end: 30, kept })
  expect(shared.machine.startOffset).toBe(5n)
  expect(shared.fetch('a')).toBe('5-11x1 12-19x3 20-29x1')
  expect(shared.fetch('b')).toBe('')
  expect(() => new Shared({ start: 10, kept })).toThrow('a kept state of 0 to 4')
})

test.each(['one batch', 'a batch each'])(
  'a large batch that is acknowledged record by record costs one pass, said in %s',
  (said) => {
    const limit = 10
    const machine = new SharePartition(0n, [], () => ({ ...limits, deliveryCountLimit: limit }))
    const count = 60_000
    const whole = { firstOffset: 0n, lastOffset: BigInt(count - 1) }
    const batches = [whole]
    const asked = {
      isRecordLimit: false,
      batchSize: 500,
      maxRecords: 100,
      fetchOffset: 0n,
      batches,
      aborted: [],
    }
    const [acquired] = machine.acquire({ ...asked, memberId: 'a' }, 0)
    expect(acquired).toEqual({ ...whole, deliveryCount: 1 })
    const types = Array.from({ length: count }, (_, i) => (i % 2 === 0 ? ACCEPT : RELEASE))
    const apart = types.map((type, i) => ({
      firstOffset: BigInt(i),
      lastOffset: BigInt(i),
      acknowledgeTypes: [type],
    }))
    const change = machine.acknowledge(
      'a',
      said === 'one batch' ? [{ ...whole, acknowledgeTypes: types }] : apart,
      0,
    )
    if ('errorCode' in change) throw new Error(change.errorMessage)
    expect(change.batches).toHaveLength(count)
    machine.complete(change, true, 0)
    expect(machine.acquire({ ...asked, fetchOffset: 1n, memberId: 'b' }, 0)).toHaveLength(count / 2)
  },
)
