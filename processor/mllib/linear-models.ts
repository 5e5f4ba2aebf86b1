// What a regression has learned, and what it says of a row's features (Spark's LinearRegressionModel and
// LogisticRegressionModel).

import { checkVector, dot, type Vector } from './vector.ts'

/** A row to learn from. */
export interface LabeledPoint {
  readonly label: number
  readonly features: Vector
}

/** A class is predicted where it is likelier than this. */
const THRESHOLD = 0.5

abstract class LinearModel {
  readonly weights: Vector

  /** Throws where weights are no finite numbers. */
  constructor(weights: Vector) {
    if (weights.length === 0) throw new RangeError('there must be a weight or more')
    checkVector(weights, weights.length, 'the weights')
    this.weights = weights
  }

  abstract predict(features: Vector): number

  protected margin(features: Vector): number {
    checkVector(features, this.weights.length, 'features')
    return dot(this.weights, features)
  }
}

export class LinearRegressionModel extends LinearModel {
  predict(features: Vector): number {
    return this.margin(features)
  }
}

export class LogisticRegressionModel extends LinearModel {
  /** 1 or 0. */
  predict(features: Vector): number {
    return logistic(this.margin(features)) > THRESHOLD ? 1 : 0
  }
}

export function logistic(margin: number): number {
  return 1 / (1 + Math.exp(-margin))
}
