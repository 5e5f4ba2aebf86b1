// Rows chosen by chance, the same ones whenever the same seed reads the same rows.

import type { Emit } from '../graph/contracts/rows.ts'
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
  const draw = (partition: number) => (emit: Emit<T>) => {
    const chance = chanceOf(seed, partition)
    if (!withReplacement) {
      return (row: T) => {
        if (chance() < fractionOf(row)) emit(row)
      }
    }
    return (row: T) => {
      for (let left = poisson(fractionOf(row), chance); left > 0; left--) emit(row)
    }
  }
  return new IndexedDataset(parent, draw, { keepsKeys: true })
}

/** Rows whose draw falls in [from, until): ranges that share a seed share no row. */
export function drawnBetween<T>(parent: Dataset<T>, from: number, until: number, seed: number): Dataset<T> {
  const draw = (partition: number) => (emit: Emit<T>) => {
    const chance = chanceOf(seed, partition)
    return (row: T) => {
      const drawn = chance()
      if (drawn >= from && drawn < until) emit(row)
    }
  }
  return new IndexedDataset(parent, draw, { keepsKeys: true })
}

/** Throws RangeError; with replacement a fraction may be above 1. */
export function checkFraction(operator: string, fraction: number, withReplacement = false): void {
  if (fraction >= 0 && (withReplacement ? Number.isFinite(fraction) : fraction <= 1)) return
  throw new RangeError(`${operator}: a fraction of ${fraction}`)
}
