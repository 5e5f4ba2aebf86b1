// What every RDD carries: where it runs, and the makers of both classes, which reach each other through it, so that
// each can stand in a file of its own.

import type { Dataset, TaskRunner } from './dataset.ts'
import { PairRDD } from './pair-rdd.ts'
import { RDD } from './rdd.ts'

/** Where an RDD runs, and how its operators are named in errors. */
export interface RddScope {
  readonly run: TaskRunner
  /** Partitions of a shuffle that does not say its own number. */
  readonly parallelism: number
  /** Name of the stream operator whose function made the RDD. */
  readonly scope: string
  /** It is of no batch: what is made of it may be asked for in many. */
  readonly outlives?: boolean
}

export interface RddContext extends RddScope {
  rdd<T>(dataset: Dataset<T>): RDD<T>
  pairs<K, V>(dataset: Dataset<readonly [K, V]>): PairRDD<K, V>
}

export function rddContext(scope: RddScope): RddContext {
  const context: RddContext = {
    ...scope,
    rdd: (dataset) => new RDD(dataset, context),
    pairs: (dataset) => new PairRDD(dataset, context),
  }
  return context
}
