// Long work lets others have the event loop, in the order and with the results of Promise.all.

import { expect, test } from 'vitest'
import { Breathing } from '../../broker/time/breathing.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'

test('after five milliseconds of work others have their turn', async () => {
  const clock = new ManualClock()
  const told: string[] = []
  const breathing = new Breathing(clock, () => Promise.resolve(void told.push('others')))
  const doubled = await breathing.all([1, 2, 3, 4], async (item) => {
    told.push(`${item}`)
    clock.tick(3)
    return item * 2
  })
  expect(doubled).toEqual([2, 4, 6, 8])
  expect(told).toEqual(['1', '2', 'others', '3', '4', 'others'])
})

test('a piece that fails fails the whole, once all were begun', async () => {
  const begun: number[] = []
  const breathing = new Breathing(new ManualClock(), () => Promise.resolve())
  const all = breathing.all([1, 2, 3], async (item) => {
    begun.push(item)
    if (item === 1) throw new Error('one failed')
  })
  await expect(all).rejects.toThrow('one failed')
  expect(begun).toEqual([1, 2, 3])
})
