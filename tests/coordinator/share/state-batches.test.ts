// Laying states over states, against every record on its own.

import { expect, test } from 'vitest'
import { combine, type StateBatch } from '../../../broker/coordinator/share/state-batches.ts'
import { Random } from '../../world/random.ts'

const RECORDS = 40

test('is what it would be for every record on its own, 100 seeds', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed)
    const records = new Map<number, { deliveryState: number; deliveryCount: number }>()
    let batches: StateBatch[] = []
    for (let round = 0; round < 12; round++) {
      const start = random.below(4) === 0 ? random.below(RECORDS / 2) : -1
      const added = Array.from({ length: random.between(1, 4) }, () => {
        const first = random.below(RECORDS)
        const state = {
          deliveryState: [0, 2, 4][random.below(3)] as number,
          deliveryCount: random.between(1, 3),
        }
        return {
          firstOffset: BigInt(first),
          lastOffset: BigInt(random.between(first, RECORDS - 1)),
          ...state,
        }
      })
      batches = combine(batches, added, BigInt(start))
      for (const { firstOffset, lastOffset, ...state } of added) {
        for (let offset = Number(firstOffset); offset <= Number(lastOffset); offset++) {
          const known = records.get(offset)
          const isLater =
            known === undefined ||
            state.deliveryCount > known.deliveryCount ||
            (state.deliveryCount === known.deliveryCount && state.deliveryState >= known.deliveryState)
          if (isLater) records.set(offset, state)
        }
      }
      for (const offset of records.keys()) if (offset < start) records.delete(offset)
      expect(spread(batches), `seed ${seed}`).toEqual(new Map([...records].sort(([a], [b]) => a - b)))
      for (const [i, batch] of batches.entries()) {
        const next = batches[i + 1]
        if (next === undefined) continue
        expect(next.firstOffset > batch.lastOffset, `seed ${seed}: in order`).toBe(true)
        const isSame =
          next.deliveryState === batch.deliveryState && next.deliveryCount === batch.deliveryCount
        expect(isSame && next.firstOffset === batch.lastOffset + 1n, `seed ${seed}: joined`).toBe(false)
      }
    }
  }
})

function spread(
  batches: readonly StateBatch[],
): Map<number, { deliveryState: number; deliveryCount: number }> {
  const records = new Map<number, { deliveryState: number; deliveryCount: number }>()
  for (const { firstOffset, lastOffset, deliveryState, deliveryCount } of batches)
    for (let offset = Number(firstOffset); offset <= Number(lastOffset); offset++)
      records.set(offset, { deliveryState, deliveryCount })
  return records
}
