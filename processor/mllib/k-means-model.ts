// Centres of clusters and their weights, and the rule by which new points move them (Spark's StreamingKMeansModel):
//
//   weight' = weight · a + n        centre' = centre moved towards the mean of its n new points by n / weight'
//
// a discounts what was before: the decay factor once a batch, or once a point. A cluster that is all but forgotten takes
// half of the largest one.

import { checkVector, type Vector } from './vector.ts'

export type TimeUnit = 'batches' | 'points'

/** A cluster whose weight is below this share of the largest one's is given up. */
const DYING = 1e-8
/** How far the halves of a cluster are moved apart, of each coordinate (or of 1, where that is larger). */
const APART = 1e-14
const LEAST_WEIGHT = 1e-16

export class StreamingKMeansModel {
  readonly clusterCenters: readonly Vector[]
  readonly clusterWeights: readonly number[]

  /** Throws where centres have no common dimension, or weights do not fit. */
  constructor(clusterCenters: readonly Vector[], clusterWeights: readonly number[]) {
    const [first] = clusterCenters
    if (first === undefined || first.length === 0)
      throw new RangeError('there must be a center of a dimension or more')
    for (const [i, center] of clusterCenters.entries()) checkVector(center, first.length, `center ${i}`)
    checkVector(clusterWeights, clusterCenters.length, 'the weights of the centers')
    if (clusterWeights.some((weight) => weight < 0)) {
      throw new RangeError(`weights of centers must not be negative: got ${clusterWeights.join(', ')}`)
    }
    this.clusterCenters = clusterCenters
    this.clusterWeights = clusterWeights
  }

  get k(): number {
    return this.clusterCenters.length
  }

  get dimension(): number {
    return (this.clusterCenters[0] as Vector).length
  }

  /** Number of the nearest center, of two the first one. */
  predict(point: Vector): number {
    const { clusterCenters, dimension } = this
    checkVector(point, dimension, 'a point')
    let nearest = 0
    let least = Number.POSITIVE_INFINITY
    for (let cluster = 0; cluster < clusterCenters.length; cluster++) {
      const center = clusterCenters[cluster] as Vector
      let distance = 0
      for (let i = 0; i < dimension; i++) distance += ((center[i] as number) - (point[i] as number)) ** 2
      if (distance < least) {
        least = distance
        nearest = cluster
      }
    }
    return nearest
  }

  /** Moved on by a batch of points. */
  update(points: Iterable<Vector>, decayFactor: number, timeUnit: TimeUnit): StreamingKMeansModel {
    const sums = new ClusterSums(this)
    for (const point of points) sums.add(point)
    return this.updateBy([sums.totals], decayFactor, timeUnit)
  }

  /** Moved on by points in parts; sums are added in the order of the parts. */
  updateBy(parts: readonly ClusterTotals[], decayFactor: number, timeUnit: TimeUnit): StreamingKMeansModel {
    const { dimension, k } = this
    const { counts, sums } = added(parts, k, dimension)
    const discount =
      timeUnit === 'batches' ? decayFactor : decayFactor ** counts.reduce((all, count) => all + count, 0)
    const weights = this.clusterWeights.map((weight) => weight * discount)
    const centers = this.clusterCenters.map((center, cluster) => {
      const count = counts[cluster] as number
      if (count === 0) return [...center]
      const weight = (weights[cluster] as number) + count
      weights[cluster] = weight
      const share = count / Math.max(weight, LEAST_WEIGHT)
      return center.map(
        (x, i) => x * (1 - share) + (sums[cluster * dimension + i] as number) * (share / count),
      )
    })
    splitLargest(centers, weights)
    return new StreamingKMeansModel(centers, weights)
  }
}

/** Of points by their nearest center: `sums` has one vector after the other. Plain data. */
export interface ClusterTotals {
  readonly counts: readonly number[]
  readonly sums: readonly number[]
}

export class ClusterSums {
  private readonly model: StreamingKMeansModel
  private readonly counts: number[]
  private readonly sums: number[]

  constructor(model: StreamingKMeansModel) {
    this.model = model
    this.counts = Array<number>(model.k).fill(0)
    this.sums = Array<number>(model.k * model.dimension).fill(0)
  }

  add(point: Vector): void {
    const { counts, sums } = this
    const cluster = this.model.predict(point)
    counts[cluster] = (counts[cluster] as number) + 1
    const at = cluster * point.length
    for (let i = 0; i < point.length; i++) sums[at + i] = (sums[at + i] as number) + (point[i] as number)
  }

  get totals(): ClusterTotals {
    return { counts: this.counts, sums: this.sums }
  }
}

function added(parts: readonly ClusterTotals[], k: number, dimension: number): ClusterTotals {
  const counts = Array<number>(k).fill(0)
  const sums = Array<number>(k * dimension).fill(0)
  for (const part of parts) {
    for (let i = 0; i < counts.length; i++) counts[i] = (counts[i] as number) + (part.counts[i] as number)
    for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (part.sums[i] as number)
  }
  return { counts, sums }
}

// In place.
function splitLargest(centers: number[][], weights: number[]): void {
  const most = Math.max(...weights)
  const least = Math.min(...weights)
  if (!(least < DYING * most)) return
  const largest = weights.indexOf(most)
  const smallest = weights.indexOf(least)
  weights[largest] = weights[smallest] = (most + least) / 2
  const halves = centers[largest] as number[]
  const apart = halves.map((x) => APART * Math.max(Math.abs(x), 1))
  centers[smallest] = halves.map((x, i) => x - (apart[i] as number))
  centers[largest] = halves.map((x, i) => x + (apart[i] as number))
}
