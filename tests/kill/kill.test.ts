// kill -9 of broker and job at any moment, many times in a row, under load that outlives them; and of the job's
// worker threads, which the process outlives.
//
//   npm run test:kill                                 10 kills, a new seed each time
//   LOGMILL_KILL_CYCLES=1000 npm run test:kill        the whole thing: 10 million records, every named point
//   LOGMILL_KILL_SEED=…                               the same moments again (not the same interleaving)

import { expect, test } from 'vitest'
import { unreached } from './kill-figures.ts'
import { killAgainAndAgain } from './kill-world.ts'

const kills = Number(process.env.LOGMILL_KILL_CYCLES ?? 10)
const seed = Number(process.env.LOGMILL_KILL_SEED ?? Math.floor(Math.random() * 2 ** 31))
const recordsAKill = 10_000
const isWhole = kills >= 100

test(`nothing acknowledged is lost or doubled over ${kills} kills, and every word is counted once`, {
  timeout: 300_000 + kills * 20_000,
}, async () => {
  const figures = await killAgainAndAgain({
    seed,
    kills,
    recordsPerSecond: 10_000,
    recordsAKill,
    isWhole,
    atOnce: isWhole ? 3 : 1,
  })
  const { atNamedPoints, ofWorkers } = figures
  const missed = { points: unreached(atNamedPoints), ofWorkers: unreached(ofWorkers) }
  console.log(`seed ${seed}:`, figures.summary())
  console.log(
    `not died at: ${missed.points.length} of ${Object.keys(atNamedPoints).length} points of the process,`,
    `${missed.ofWorkers.length} of ${Object.keys(ofWorkers).length} of its workers`,
  )
  expect(figures.instants).toBeGreaterThanOrEqual(kills)
  expect(figures.inputRecords).toBeGreaterThanOrEqual(kills * recordsAKill)
  expect(figures.outputRecords).toBeGreaterThan(0)
  expect(figures.workersSurvived).toBeGreaterThan(0)
  if (!isWhole) return
  expect(missed).toEqual({ points: [], ofWorkers: [] })
  expect(unreached(figures.atInstants)).toEqual([])
})
