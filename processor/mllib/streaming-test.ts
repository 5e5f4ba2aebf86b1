// Spark's StreamingTest: whether what is tried out makes a difference, batch by batch (A/B tests). What is known of the
// batches is state of the job, a few numbers of each group, or of each batch of the window.

import type { DStream } from '../streams/dstream.ts'
import {
  addValue,
  type StreamingTestResult,
  type Summary,
  summaryOf,
  type TestMethod,
  together,
  tTest,
} from './t-test.ts'

export interface BinarySample {
  /** Of the group that something is tried out with; the others are the control group. */
  readonly isExperiment: boolean
  readonly value: number
}

export interface StreamingTestOptions {
  /** So many batches at first are left out, until what is new has settled; default 0. */
  readonly peacePeriod?: number
  /** The last so many batches are tested; default 0, all of them. */
  readonly windowSize?: number
  /** Default 'welch'. */
  readonly testMethod?: TestMethod
  /** The checkpoint finds what is known by it. */
  readonly name?: string
}

interface Groups {
  readonly control: Summary
  readonly experiment: Summary
}

/** What is known after a batch. */
interface Known {
  /** The peace period's too. */
  readonly batches: number
  /** Of the window, batch by batch, or all as one. */
  readonly groups: readonly Groups[]
}

const NONE: Summary = { count: 0, mean: 0, squares: 0 }
const NOTHING: Groups = { control: NONE, experiment: NONE }

export class StreamingTest {
  private readonly peacePeriod: number
  private readonly windowSize: number
  private readonly testMethod: TestMethod
  private readonly name: string | undefined

  constructor({ peacePeriod = 0, windowSize = 0, testMethod = 'welch', name }: StreamingTestOptions = {}) {
    for (const [what, batches] of Object.entries({ peacePeriod, windowSize })) {
      if (Number.isSafeInteger(batches) && batches >= 0) continue
      throw new RangeError(`${what} must be a number of batches, not negative: got ${batches}`)
    }
    if (testMethod !== 'welch' && testMethod !== 'student') {
      throw new TypeError(`testMethod must be 'welch' or 'student': got ${String(testMethod)}`)
    }
    this.peacePeriod = peacePeriod
    this.windowSize = windowSize
    this.testMethod = testMethod
    this.name = name
  }

  /** One row a batch, from the first one on in which both groups have two values, not all of them alike. */
  registerStream<S extends BinarySample>(data: DStream<S>): DStream<StreamingTestResult> {
    const { testMethod } = this
    const byGroup = data
      .mapToPair(checked, named(this.name, 'samples'))
      .combineByKey<Summary>(
        { create: summaryOf, merge: addValue, mergeCombined: together },
        { numPartitions: 1 },
      )
    const groups = byGroup.map(([isExperiment, summary]): Groups => {
      return isExperiment ? { control: NONE, experiment: summary } : { control: summary, experiment: NONE }
    })
    // One row a batch in any case: a batch without samples is one, too.
    const batches = data.count().map(() => NOTHING)
    const known = groups
      .union(batches)
      .mapToPair((row): [null, Groups] => [null, row])
      .updateStateByKey<Known>((rows, before) => this.next(rows, before), {
        numPartitions: 1,
        ...named(this.name),
      })
    return known.flatMap(([, { groups: of }]): StreamingTestResult[] => {
      const { control, experiment } = of.reduce(bothOf, NOTHING)
      const result = tTest(control, experiment, testMethod)
      return result === undefined ? [] : [result]
    })
  }

  private next(rows: readonly Groups[], { batches, groups }: Known = { batches: 0, groups: [] }): Known {
    if (batches < this.peacePeriod) return { batches: batches + 1, groups }
    const batch = rows.reduce(bothOf, NOTHING)
    const all =
      this.windowSize === 0 ? [[...groups, batch].reduce(bothOf)] : [...groups, batch].slice(-this.windowSize)
    return { batches: batches + 1, groups: all }
  }
}

function bothOf(a: Groups, b: Groups): Groups {
  return { control: together(a.control, b.control), experiment: together(a.experiment, b.experiment) }
}

function checked({ isExperiment, value }: BinarySample): [boolean, number] {
  if (typeof isExperiment !== 'boolean') {
    throw new TypeError(`isExperiment must be true or false: got ${String(isExperiment)}`)
  }
  if (!Number.isFinite(value))
    throw new RangeError(`the value of a sample must be a finite number: got ${String(value)}`)
  return [isExperiment, value]
}

function named(name: string | undefined, part?: string): { name?: string } {
  if (name === undefined) return {}
  return { name: part === undefined ? name : `${name}.${part}` }
}
