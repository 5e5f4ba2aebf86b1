// What one measurement says: a value, the same quantity of a reference measured in the same run, and the
// bar that the design sets. All arithmetic on figures is here, so that a table cannot say more than was
// measured: a bar is met, not met, or there is none.

export interface Bar {
  /** As the design words it. */
  readonly text: string
  /** What is held against the bound: the value in its unit, or value ÷ reference. */
  readonly of: 'value' | 'ratio'
  readonly atLeast?: number
  readonly atMost?: number
}

export interface Reference {
  readonly name: string
  readonly value: number
}

export interface Figure {
  readonly suite: string
  readonly name: string
  readonly unit: string
  readonly better: 'more' | 'less'
  readonly value: number
  /** Undefined where there is nothing to compare with. */
  readonly reference?: Reference
  /** How far the median round was from the best one, as a share of the best: the noise of this run. */
  readonly noise?: number
  readonly bar?: Bar
  /** What a reader has to know to understand the value. */
  readonly note?: string
}

/** A figure that could not be had here, and why. */
export interface Skipped {
  readonly suite: string
  readonly name: string
  readonly reason: string
}

export type Outcome = Figure | Skipped

export type Verdict = 'met' | 'not met' | 'no bar' | 'no reference'

export function isSkipped(outcome: Outcome): outcome is Skipped {
  return 'reason' in outcome
}

/** Value ÷ reference: above 1 is good where more is better, below 1 where less is. */
export function ratioOf({ value, reference }: Figure): number | undefined {
  return reference === undefined || reference.value === 0 ? undefined : value / reference.value
}

export function verdictOf(figure: Figure): Verdict {
  const { bar } = figure
  if (bar === undefined) return 'no bar'
  const measured = bar.of === 'value' ? figure.value : ratioOf(figure)
  if (measured === undefined) return 'no reference'
  const enough = bar.atLeast === undefined || measured >= bar.atLeast
  const notTooMuch = bar.atMost === undefined || measured <= bar.atMost
  return enough && notTooMuch ? 'met' : 'not met'
}

/** Three significant digits, thousands kept readable: 0.0123, 4.56, 789, 12,300. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (value === 0) return '0'
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  const rounded = Number(value.toPrecision(3))
  return rounded.toLocaleString('en-US', { maximumFractionDigits: Math.min(digits, 20) })
}

/** Nearest-rank percentile of values in any order; `share` in (0, 1]. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error(`percentile ${share} of no values`)
  if (!(share > 0 && share <= 1)) throw new Error(`percentile share ${share} is not in (0, 1]`)
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.ceil(share * sorted.length) - 1] as number
}
