// Measuring beside noisy neighbours: contestants take short turns (reference, ours, reference, ours …), and
// each is judged by its best round. Whatever else runs on the machine can only make a round slower, so the
// best one is the nearest to the truth, and the distance of the median from it tells how noisy the run was.

import { performance } from 'node:perf_hooks'
import { percentile } from './figure.ts'

/** Does some work and says how much: bytes, records, calls. Called again until its turn is over. */
export type Contestant = () => number | Promise<number>

export interface RoundOptions {
  rounds: number
  /** A turn ends with the first piece of work that ends after it. */
  turnMs: number
  /** Before each turn, not measured: e.g. removing what the last turn wrote. */
  prepare?: (name: string) => void | Promise<void>
}

export interface Measured {
  /** Work per second in the best round. */
  best: number
  median: number
  /** (best − median) ÷ best */
  noise: number
}

/** Runs every contestant `rounds` times in turn, after one turn each that is not counted. */
export async function alternate<N extends string>(
  contestants: Record<N, Contestant>,
  options: RoundOptions,
): Promise<Record<N, Measured>> {
  const names = Object.keys(contestants) as N[]
  const rates = new Map<N, number[]>(names.map((name) => [name, []]))
  for (let round = -1; round < options.rounds; round++) {
    for (const name of names) {
      await options.prepare?.(name)
      const rate = await takeTurn(contestants[name], options.turnMs)
      if (round >= 0) rates.get(name)?.push(rate)
    }
  }
  const measured = names.map((name) => [name, summarize(rates.get(name) ?? [])] as const)
  return Object.fromEntries(measured) as Record<N, Measured>
}

export function summarize(rates: readonly number[]): Measured {
  const best = Math.max(...rates)
  const median = percentile(rates, 0.5)
  return { best, median, noise: best === 0 ? 0 : (best - median) / best }
}

async function takeTurn(work: Contestant, turnMs: number): Promise<number> {
  const startMs = performance.now()
  let done = 0
  let elapsedMs = 0
  do {
    const piece = work()
    done += typeof piece === 'number' ? piece : await piece
    elapsedMs = performance.now() - startMs
  } while (elapsedMs < turnMs)
  return (done / elapsedMs) * 1000
}
