// Spark's StreamingKMeans: clusters that follow a stream.

import { chanceOf } from '../rdd/random.ts'
import { ClusterSums, StreamingKMeansModel, type ClusterTotals, type TimeUnit } from './k-means-model.ts'
import type { Learner } from './shared-model.ts'
import { type ModelOptions, StreamingModel } from './streaming-model.ts'
import type { Part, TrainingRows } from './training-rows.ts'
import type { Vector } from './vector.ts'

export interface StreamingKMeansOptions extends ModelOptions {
  /** How many clusters; default: as many as `initialCenters`, or 2. */
  readonly k?: number
  /** What the past counts after a batch, or a point: 1, the default, all of it, 0 nothing. */
  readonly decayFactor?: number
  /** Instead of `decayFactor`: after so many batches, or points, the past counts half. */
  readonly halfLife?: number
  /** What decays the past; default 'batches'. */
  readonly timeUnit?: TimeUnit
  readonly initialCenters?: readonly Vector[]
  /** How many points each initial center counts for; default 0: the first points of a cluster are its center. */
  readonly initialWeights?: readonly number[]
  /** Instead of `initialCenters`: coordinates by chance (normal, of mean 0 and deviation 1), the same for a seed. */
  readonly randomCenters?: RandomCenters
}

export interface RandomCenters {
  readonly dimension: number
  /** Default 0. */
  readonly weight?: number
  /** Default 0. */
  readonly seed?: number
}

export class StreamingKMeans extends StreamingModel<Vector, Vector, number, StreamingKMeansModel> {
  constructor(options: StreamingKMeansOptions) {
    super('streamingKMeans', options, new KMeansLearner(options))
  }

  protected predictWith(model: StreamingKMeansModel, point: Vector): number {
    return model.predict(point)
  }
}

/** As it is kept. */
interface Kept {
  readonly centers: readonly Vector[]
  readonly weights: readonly number[]
}

class KMeansLearner implements Learner<Vector, StreamingKMeansModel> {
  readonly initial: StreamingKMeansModel
  private readonly decayFactor: number
  private readonly timeUnit: TimeUnit

  constructor(options: StreamingKMeansOptions) {
    this.initial = initialModel(options)
    this.decayFactor = decayFactorOf(options)
    this.timeUnit = options.timeUnit ?? 'batches'
  }

  keep({ clusterCenters, clusterWeights }: StreamingKMeansModel): Kept {
    return { centers: clusterCenters, weights: clusterWeights }
  }

  restore(kept: unknown): StreamingKMeansModel {
    const { centers, weights } = kept as Kept
    const model = new StreamingKMeansModel(centers, weights)
    const { k, dimension } = this.initial
    if (model.k === k && model.dimension === dimension) return model
    throw new Error(
      `the kept model has ${model.k} centers of ${model.dimension} numbers, and the program says ${k} of ${dimension}`,
    )
  }

  async train(model: StreamingKMeansModel, rows: TrainingRows<Vector>): Promise<StreamingKMeansModel> {
    const sums = await rows.read(() => new ClusterSums(model))
    const parts = await rows.all(sums.map(([i, { totals }]): Part<ClusterTotals> => [i, totals]))
    const next = model.updateBy(parts, this.decayFactor, this.timeUnit)
    // Every point adds to a weight; what no point has come to may decay all the same.
    const isSame = next.clusterWeights.every((weight, i) => weight === model.clusterWeights[i])
    const isEmpty = parts.every(({ counts }) => counts.every((count) => count === 0))
    return isEmpty && isSame ? model : next
  }
}

function decayFactorOf({ decayFactor, halfLife, timeUnit = 'batches' }: StreamingKMeansOptions): number {
  if (timeUnit !== 'batches' && timeUnit !== 'points') {
    throw new TypeError(`timeUnit must be 'batches' or 'points': got ${String(timeUnit)}`)
  }
  if (halfLife === undefined) {
    const factor = decayFactor ?? 1
    if (!(factor >= 0 && Number.isFinite(factor))) {
      throw new RangeError(`decayFactor must not be negative: got ${factor}`)
    }
    return factor
  }
  if (decayFactor !== undefined) throw new TypeError('halfLife says the decayFactor: give one of the two')
  if (!(halfLife > 0)) throw new RangeError(`halfLife must be above 0: got ${halfLife}`)
  return Math.exp(Math.log(0.5) / halfLife)
}

function initialModel(options: StreamingKMeansOptions): StreamingKMeansModel {
  const { initialCenters, initialWeights, randomCenters } = options
  const k = options.k ?? initialCenters?.length ?? 2
  positive(k, 'k')
  if ((initialCenters === undefined) === (randomCenters === undefined)) {
    throw new TypeError('a k-means begins with initialCenters or with randomCenters: give one of the two')
  }
  if (initialCenters !== undefined) {
    if (initialCenters.length !== k) {
      throw new RangeError(`there must be ${k} initialCenters: got ${initialCenters.length}`)
    }
    return new StreamingKMeansModel(initialCenters, initialWeights ?? initialCenters.map(() => 0))
  }
  if (initialWeights !== undefined) {
    throw new TypeError('initialWeights are of initialCenters; randomCenters have a weight of their own')
  }
  const { dimension, weight = 0, seed = 0 } = randomCenters as RandomCenters
  positive(dimension, 'the dimension of randomCenters')
  const normal = normalOf(seed)
  const centers = Array.from({ length: k }, () => Array.from({ length: dimension }, normal))
  return new StreamingKMeansModel(
    centers,
    centers.map(() => weight),
  )
}

/** Numbers of a normal distribution, by Box and Muller. */
function normalOf(seed: number): () => number {
  const chance = chanceOf(seed, 0)
  return () => Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance())
}

function positive(value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new RangeError(`${what} must be a whole number above 0: got ${value}`)
}
