// Gradient descent over one batch, as Spark's GradientDescent takes it: from the weights before, i = 1, 2, … times
//
//   step = stepSize / √i        w' = w · (1 − step · regParam) − step · (mean gradient)
//
// until the weights hardly move, |w' − w| < convergenceTol · max(|w'|, 1), seen from the second step on. A partition's
// rows are read once and held as numbers, in the thread that has it; gradients are summed in the order of the partitions.

import type { RowReader } from '../graph/contracts/rows.ts'
import { failedAtNoRecord } from '../graph/errors.ts'
import { type Chance, chanceOf } from '../rdd/random.ts'
import type { LabeledPoint } from './linear-models.ts'
import type { Part, TrainingRows } from './training-rows.ts'
import { checkVector, norm, type Vector } from './vector.ts'

/** What is to become small. */
export interface Objective {
  /** Throws where a row has a label that there is not. */
  checkLabel(label: number): void
  /** The gradient of a row is its features times this; `margin` is weights · features. */
  slope(margin: number, label: number): number
}

export interface Descent {
  readonly objective: Objective
  readonly stepSize: number
  readonly numIterations: number
  /** Each step sees a row with this probability. */
  readonly miniBatchFraction: number
  readonly regParam: number
  readonly convergenceTol: number
}

/** The same weights where there are no rows. */
export async function descend(
  rows: TrainingRows<LabeledPoint>,
  weights: Vector,
  descent: Descent,
): Promise<Vector> {
  const { stepSize, numIterations, regParam, convergenceTol } = descent
  const held = await rows.read(() => new HeldPoints(weights.length, descent.objective))
  const counts = await rows.all(held.map(([partition, { count }]): Part<number> => [partition, count]))
  if (counts.every((count) => count === 0)) return weights
  let current = weights
  let isFirst = true
  for (let i = 1; i <= numIterations; i++) {
    const { sum, count } = await gradientOf(rows, held, current, i, descent)
    if (count === 0) continue
    const before = current
    const step = stepSize / Math.sqrt(i)
    const kept = 1 - step * regParam
    current = before.map((w, j) => w * kept - step * ((sum[j] as number) / count))
    if (!current.every(Number.isFinite)) {
      const why = new RangeError(
        `the weights have no limit after ${i} steps: give a smaller stepSize than ${stepSize}`,
      )
      throw failedAtNoRecord(rows.operator, why)
    }
    const moved = norm(current.map((w, j) => w - (before[j] as number)))
    if (!isFirst && moved < convergenceTol * Math.max(norm(current), 1)) break
    isFirst = false
  }
  return current
}

/** Plain data. */
interface Gradient {
  readonly sum: readonly number[]
  readonly count: number
}

async function gradientOf(
  rows: TrainingRows<LabeledPoint>,
  held: readonly Part<HeldPoints>[],
  weights: Vector,
  iteration: number,
  { objective, miniBatchFraction }: Descent,
): Promise<Gradient> {
  const parts: Part<Gradient>[] = []
  for (const [partition, points] of held) {
    const chance = miniBatchFraction < 1 ? chanceOf(iteration, partition) : undefined
    const pass = new GradientPass(
      points,
      weights,
      objective,
      chance && { chance, fraction: miniBatchFraction },
    )
    await rows.pass(pass)
    parts.push([partition, pass.gradient])
  }
  const sum = Array<number>(weights.length).fill(0)
  let count = 0
  for (const part of await rows.all(parts)) {
    count += part.count
    for (let j = 0; j < sum.length; j++) sum[j] = (sum[j] as number) + (part.sum[j] as number)
  }
  return { sum, count }
}

/** Rows as numbers, one after the other: the label, then the features. */
class HeldPoints {
  readonly width: number
  numbers: Float64Array
  count = 0
  private readonly objective: Objective

  constructor(dimension: number, objective: Objective) {
    this.width = dimension + 1
    this.numbers = new Float64Array(16 * this.width)
    this.objective = objective
  }

  add({ label, features }: LabeledPoint): void {
    const { width } = this
    checkVector(features, width - 1, 'features')
    if (!Number.isFinite(label)) throw new RangeError(`a label must be a finite number: got ${String(label)}`)
    this.objective.checkLabel(label)
    const at = this.count * width
    if (at === this.numbers.length) {
      const larger = new Float64Array(2 * at)
      larger.set(this.numbers)
      this.numbers = larger
    }
    this.numbers[at] = label
    this.numbers.set(features, at + 1)
    this.count++
  }
}

class GradientPass implements RowReader {
  private readonly points: HeldPoints
  private readonly weights: Vector
  private readonly objective: Objective
  private readonly sample: { readonly chance: Chance; readonly fraction: number } | undefined
  private readonly sum: number[]
  private count = 0
  private at = 0

  constructor(
    points: HeldPoints,
    weights: Vector,
    objective: Objective,
    sample: { readonly chance: Chance; readonly fraction: number } | undefined,
  ) {
    this.points = points
    this.weights = weights
    this.objective = objective
    this.sample = sample
    this.sum = Array<number>(weights.length).fill(0)
  }

  get gradient(): Gradient {
    return { sum: this.sum, count: this.count }
  }

  read(maxRows: number): boolean {
    const { points, sample } = this
    const end = Math.min(points.count, this.at + maxRows)
    for (; this.at < end; this.at++) {
      if (sample === undefined || sample.chance() < sample.fraction) this.add(this.at * points.width)
    }
    return this.at < points.count
  }

  close(): void {}

  private add(at: number): void {
    const { weights, sum, objective } = this
    const { numbers } = this.points
    let margin = 0
    for (let j = 0; j < weights.length; j++)
      margin += (weights[j] as number) * (numbers[at + 1 + j] as number)
    const slope = objective.slope(margin, numbers[at] as number)
    for (let j = 0; j < sum.length; j++) sum[j] = (sum[j] as number) + slope * (numbers[at + 1 + j] as number)
    this.count++
  }
}
