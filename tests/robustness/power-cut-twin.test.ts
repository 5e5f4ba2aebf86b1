// The power-cut test where it runs everywhere and in every `npm test`: on the faulty twin of the disk, which
// loses, reorders and tears more than any real one. LOGMILL_TWIN_SEEDS=n runs more lives.

import { describe, expect, test } from 'vitest'
import { seeds } from '../world/random.ts'
import { TwinWorld } from './twin-world.ts'

const lives = Number(process.env.LOGMILL_TWIN_SEEDS ?? 3)
const first = Number(process.env.LOGMILL_SEED ?? 1)

describe('a broker and its job on a disk that loses its power', () => {
  test.each(seeds(first, first + lives - 1))(
    'lose nothing, double nothing, count right: seed %i',
    async (seed) => {
      const world = new TwinWorld({ seed, crashes: 5, durability: 'fsync' })
      await world.run()
      expect(world.checker.input.ackedCount).toBeGreaterThan(100)
      expect(world.checker.outputs.totals.recordCount).toBeGreaterThan(0)
      expect(world.warnings.filter((line) => /is offline|has failed/.test(line))).toEqual([])
    },
  )

  test('control: with durability=os acknowledged records are gone', async () => {
    let missing = 0
    for (const seed of seeds(1, 3))
      missing += await new TwinWorld({ seed, crashes: 1, durability: 'os' }).loseOnce()
    expect(missing).toBeGreaterThan(0)
  })
})
