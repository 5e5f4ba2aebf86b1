// kill -9 of broker and job at any moment, many times in a row, under load that outlives them.
//
//   npm run test:kill                                 10 kills, a new seed each time
//   LOGMILL_KILL_CYCLES=100 npm run test:kill         the whole thing
//   LOGMILL_KILL_SEED=…                               the same moments again (not the same interleaving)

import { expect, test } from 'vitest'
import { killAgainAndAgain } from './kill-world.ts'

const kills = Number(process.env.LOGMILL_KILL_CYCLES ?? 10)
const seed = Number(process.env.LOGMILL_KILL_SEED ?? Math.floor(Math.random() * 2 ** 31))

test(`nothing acknowledged is lost or doubled over ${kills} kills, and every word is counted once`, {
  timeout: 240_000 + kills * 10_000,
}, async () => {
  const figures = await killAgainAndAgain({ seed, kills, hasJob: true, recordsPerSecond: 12_000 })
  console.log(`seed ${seed}:`, figures)
  expect(figures.kills).toBeGreaterThanOrEqual(kills)
  expect(figures.acknowledgedRecords).toBeGreaterThan(kills * 100)
  expect(figures.outputRecords).toBeGreaterThan(0)
})
