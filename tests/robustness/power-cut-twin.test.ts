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

  test('a disk that refuses a write: the job goes on or ends by saying so, and nothing is lost or doubled', async () => {
    const jobErrors: string[] = []
    let checkpointRefusals = 0
    // Which write is refused follows the seed, what is written then the machine's speed: more lives, until both were seen.
    for (const seed of seeds(first, first + 10 * lives - 1)) {
      if (seed >= first + lives && checkpointRefusals > 0 && jobErrors.length > 0) break
      const world = new TwinWorld({ seed, crashes: 6, durability: 'fsync', refuses: true })
      await world.run()
      jobErrors.push(...world.jobErrors)
      checkpointRefusals += world.checkpointRefusals
    }
    if (process.env.LOGMILL_COUNTERS !== undefined) console.log(checkpointRefusals, jobErrors)
    expect(checkpointRefusals).toBeGreaterThan(0)
    expect(jobErrors.length).toBeGreaterThan(0)
    // NOT_COORDINATOR: what the disk refused was of the transaction coordinator's own log.
    for (const error of jobErrors) expect(error).toMatch(/ENOSPC|EIO|KAFKA_STORAGE_ERROR|NOT_COORDINATOR/)
  })

  test('control: with durability=os acknowledged records are gone', async () => {
    let missing = 0
    for (const seed of seeds(1, 3))
      missing += await new TwinWorld({ seed, crashes: 1, durability: 'os' }).loseOnce()
    expect(missing).toBeGreaterThan(0)
  })
})
