// Many simulated worlds in a row: a failure names its seed, and what never happened says nothing.

import { expect } from 'vitest'

export type Counters = Record<string, number>

/** Runs a world for each of the seeds from 1 on; `reached` must have been counted at least once in all of them. */
export async function surviveAll(
  seeds: number,
  reached: readonly string[],
  run: (seed: number, counters: Counters) => Promise<void>,
): Promise<void> {
  const counters: Counters = {}
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      await run(seed, counters)
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      })
    }
  }
  if (process.env['LOGMILL_COUNTERS'] !== undefined) console.log(counters)
  for (const what of reached) expect(counters[what] ?? 0, what).toBeGreaterThan(0)
}
