// Spark's StreamingLinearRegressionWithSGD and StreamingLogisticRegressionWithSGD: weights that every batch moves on from
// where the last one left them.

import { descend, type Descent, type Objective } from './gradient-descent.ts'
import {
  type LabeledPoint,
  LinearRegressionModel,
  logistic,
  LogisticRegressionModel,
} from './linear-models.ts'
import type { Learner } from './shared-model.ts'
import { type ModelOptions, StreamingModel } from './streaming-model.ts'
import type { TrainingRows } from './training-rows.ts'
import type { Vector } from './vector.ts'

export interface StreamingRegressionOptions extends ModelOptions {
  /** As many as a row has features. There is no intercept: a feature that is always 1 is one. */
  readonly initialWeights: Vector
  /** Of the first step of a batch; that of the i-th is divided by √i. Default 0.1. */
  readonly stepSize?: number
  /** Steps a batch at most; default 50. */
  readonly numIterations?: number
  /** Each step sees a row with this probability, by chance that is the same in every run; default 1, all rows. */
  readonly miniBatchFraction?: number
  /** A batch's steps end when the weights move by less than this share of their length; default 0.001. */
  readonly convergenceTol?: number
}

export interface StreamingLogisticRegressionOptions extends StreamingRegressionOptions {
  /** How strongly weights are held near 0 (by their squares); default 0. */
  readonly regParam?: number
}

abstract class StreamingRegression<M extends { predict(features: Vector): number }> extends StreamingModel<
  LabeledPoint,
  Vector,
  number,
  M
> {
  protected predictWith(model: M, features: Vector): number {
    return model.predict(features)
  }
}

export class StreamingLinearRegressionWithSGD extends StreamingRegression<LinearRegressionModel> {
  constructor(options: StreamingRegressionOptions) {
    const model = (weights: Vector) => new LinearRegressionModel(weights)
    super('streamingLinearRegression', options, new DescentLearner(model, options, LEAST_SQUARES))
  }
}

/** Labels are 0 and 1. */
export class StreamingLogisticRegressionWithSGD extends StreamingRegression<LogisticRegressionModel> {
  constructor(options: StreamingLogisticRegressionOptions) {
    const model = (weights: Vector) => new LogisticRegressionModel(weights)
    super('streamingLogisticRegression', options, new DescentLearner(model, options, LOGISTIC))
  }
}

const LEAST_SQUARES: Objective = {
  checkLabel: () => {},
  slope: (margin, label) => margin - label,
}

const LOGISTIC: Objective = {
  checkLabel(label) {
    if (label !== 0 && label !== 1) throw new RangeError(`a label must be 0 or 1: got ${label}`)
  },
  slope: (margin, label) => logistic(margin) - label,
}

class DescentLearner<M extends { readonly weights: Vector }> implements Learner<LabeledPoint, M> {
  readonly initial: M
  private readonly model: (weights: Vector) => M
  private readonly descent: Descent

  constructor(
    model: (weights: Vector) => M,
    options: StreamingLogisticRegressionOptions,
    objective: Objective,
  ) {
    const { stepSize = 0.1, numIterations = 50, miniBatchFraction = 1 } = options
    const { convergenceTol = 0.001, regParam = 0 } = options
    this.model = model
    this.initial = model(options.initialWeights)
    must(stepSize > 0 && Number.isFinite(stepSize), `stepSize must be above 0: got ${stepSize}`)
    must(
      Number.isSafeInteger(numIterations) && numIterations >= 0,
      `numIterations must be a whole number, not negative: got ${numIterations}`,
    )
    must(
      miniBatchFraction > 0 && miniBatchFraction <= 1,
      `miniBatchFraction must be above 0 and at most 1: got ${miniBatchFraction}`,
    )
    must(
      convergenceTol >= 0 && convergenceTol <= 1,
      `convergenceTol must be from 0 to 1: got ${convergenceTol}`,
    )
    must(regParam >= 0 && Number.isFinite(regParam), `regParam must not be negative: got ${regParam}`)
    this.descent = { objective, stepSize, numIterations, miniBatchFraction, convergenceTol, regParam }
  }

  keep({ weights }: M): unknown {
    return { weights }
  }

  restore(kept: unknown): M {
    const { weights } = kept as { readonly weights: Vector }
    const { length } = this.initial.weights
    if (weights.length === length) return this.model(weights)
    throw new Error(`the kept model has ${weights.length} weights, and the program says ${length}`)
  }

  async train(model: M, rows: TrainingRows<LabeledPoint>): Promise<M> {
    const weights = await descend(rows, model.weights, this.descent)
    return weights === model.weights ? model : this.model(weights)
  }
}

function must(holds: boolean, why: string): void {
  if (!holds) throw new RangeError(why)
}
