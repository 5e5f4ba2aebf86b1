// Rows chosen by chance, the same ones whenever the same seed reads the same rows.

import type { Dataset } from './dataset.ts'
import { IndexedDataset } from './indexed.ts'
import { chanceOf, poisson } from './random.ts'

export interface SampleOptions {
  /** A row may be drawn more than once; `fraction` is how often on average. Default false. */
  readonly withReplacement?: boolean
  /** Default 0. */
  readonly seed?: number
}

/** Each row with the probability that `fractionOf` gives it. */
export function sampled<T>(
  parent: Dataset<T>,
  fractionOf: (row: T) => number,
  { withReplacement = false, seed = 0 }: SampleOptions,
): Dataset<T> {
  return new IndexedDataset(parent, (partition) => (emit) => {
    const chance = chanceOf(seed, partition)
    if (!withReplacement) {
      return (row) => {
        if (chance() < fractionOf(row)) emit(row)
      }
    }
    return (row) => {
      for (let left = poisson(fractionOf(row), chance); left > 0; left--) emit(row)
    }
  })
}

/** Rows whose draw falls in [from, until): ranges that share a seed share no row. */
export function drawnBetween<T>(parent: Dataset<T>, from: number, until: number, seed: number): Dataset<T> {
  return new IndexedDataset(parent, (partition) => (emit) => {
    const chance = chanceOf(seed, partition)
    return (row) => {
      const drawn = chance()
      if (drawn >= from && drawn < until) emit(row)
    }
  })
}

/** Throws RangeError; with replacement a fraction may be above 1. */
export function checkFraction(operator: string, fraction: number, withReplacement = false): void {
  if (fraction >= 0 && (withReplacement ? Number.isFinite(fraction) : fraction <= 1)) return
  throw new RangeError(`${operator}: a fraction of ${fraction}`)
}
