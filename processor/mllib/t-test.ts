// Whether two groups have the same mean: the t-tests of Welch (variances may differ) and Student (they are the same).

import { twoSidedP } from './student-t.ts'

/** Numbers told by three, in one pass. Plain data. */
export interface Summary {
  count: number
  mean: number
  /** Sum of squared distances from the mean. */
  squares: number
}

export function summaryOf(value: number): Summary {
  return { count: 1, mean: value, squares: 0 }
}

/** In place, by Welford's recurrence. */
export function addValue(into: Summary, value: number): Summary {
  into.count++
  const distance = value - into.mean
  into.mean += distance / into.count
  into.squares += distance * (value - into.mean)
  return into
}

/** Of both together, as a new one (Chan, Golub and LeVeque). */
export function together(a: Summary, b: Summary): Summary {
  if (a.count === 0) return b
  if (b.count === 0) return a
  const count = a.count + b.count
  const distance = b.mean - a.mean
  const mean = a.mean + (distance * b.count) / count
  return { count, mean, squares: a.squares + b.squares + (distance * distance * a.count * b.count) / count }
}

export type TestMethod = 'welch' | 'student'

export interface StreamingTestResult {
  /** How likely such a difference is where there is none. */
  readonly pValue: number
  readonly degreesOfFreedom: number
  /** Below 0 where the control group's mean is the smaller one. */
  readonly statistic: number
  readonly method: string
  readonly nullHypothesis: string
}

const NULL_HYPOTHESIS = 'Both groups have same mean'

/** undefined where nothing can be said: a group has less than two values, or no value differs from its group's others. */
export function tTest(
  control: Summary,
  experiment: Summary,
  method: TestMethod,
): StreamingTestResult | undefined {
  if (control.count < 2 || experiment.count < 2) return undefined
  const { error, degreesOfFreedom } =
    method === 'welch' ? welch(control, experiment) : student(control, experiment)
  if (error === 0) return undefined
  const statistic = (control.mean - experiment.mean) / error
  return {
    pValue: twoSidedP(statistic, degreesOfFreedom),
    degreesOfFreedom,
    statistic,
    method: method === 'welch' ? "Welch's 2-sample t-test" : "Student's 2-sample t-test",
    nullHypothesis: NULL_HYPOTHESIS,
  }
}

/** How far the difference of the means is off, as a standard deviation. */
interface Spread {
  readonly error: number
  readonly degreesOfFreedom: number
}

function welch(a: Summary, b: Summary): Spread {
  const ofA = a.squares / (a.count - 1) / a.count
  const ofB = b.squares / (b.count - 1) / b.count
  const both = ofA + ofB
  // Welch and Satterthwaite; as shares, for squares of small numbers may be 0.
  const [x, y] = [ofA / both, ofB / both]
  return { error: Math.sqrt(both), degreesOfFreedom: 1 / ((x * x) / (a.count - 1) + (y * y) / (b.count - 1)) }
}

function student(a: Summary, b: Summary): Spread {
  const degreesOfFreedom = a.count + b.count - 2
  const variance = (a.squares + b.squares) / degreesOfFreedom
  return { error: Math.sqrt(variance / a.count + variance / b.count), degreesOfFreedom }
}
