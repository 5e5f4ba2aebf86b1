// Numbers told by a few numbers: count, mean and spread in one pass (Welford's recurrence), and histograms.

export class Statistics {
  count = 0
  mean = 0
  max = Number.NEGATIVE_INFINITY
  min = Number.POSITIVE_INFINITY
  /** Sum of squared distances from the mean. */
  private squares = 0

  add(value: number): void {
    this.count++
    const distance = value - this.mean
    this.mean += distance / this.count
    this.squares += distance * (value - this.mean)
    if (value > this.max) this.max = value
    if (value < this.min) this.min = value
  }

  get sum(): number {
    return this.mean * this.count
  }

  /** Of the rows as all there are; NaN without rows. */
  get variance(): number {
    return this.count === 0 ? Number.NaN : this.squares / this.count
  }

  get stdev(): number {
    return Math.sqrt(this.variance)
  }

  /** Of the rows as a sample of more; NaN below two rows. */
  get sampleVariance(): number {
    return this.count < 2 ? Number.NaN : this.squares / (this.count - 1)
  }

  get sampleStdev(): number {
    return Math.sqrt(this.sampleVariance)
  }
}

export interface Histogram {
  /** One more than there are counts: bucket i is [bounds[i], bounds[i + 1]), the last one closed. */
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
}

/** `buckets` of the same width from the smallest to the largest value. */
export function evenBounds({ min, max, count }: Statistics, buckets: number): number[] {
  if (!Number.isSafeInteger(buckets) || buckets < 1) throw new RangeError(`a histogram of ${buckets} buckets`)
  if (count === 0 || !Number.isFinite(min) || !Number.isFinite(max)) {
    throw new RangeError('a histogram of no values, or of values that are not finite, has no bounds')
  }
  if (min === max) return [min, max]
  return [...Array.from({ length: buckets }, (_, i) => min + ((max - min) * i) / buckets), max]
}

/** Throws where bounds do not rise. */
export function checkBounds(bounds: readonly number[]): void {
  const rises = bounds.every((bound, i) => i === 0 || (bounds[i - 1] as number) < bound)
  if (bounds.length < 2 || !(rises || isOnePoint(bounds))) {
    throw new RangeError(`the bounds of a histogram must be two or more and rise: ${bounds.join(', ')}`)
  }
}

/** Which bucket a value falls into; -1: none. */
export function bucketOf(value: number, bounds: readonly number[]): number {
  const last = bounds.length - 1
  if (!(value >= (bounds[0] as number) && value <= (bounds[last] as number))) return -1
  let low = 0
  let high = last
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((bounds[middle] as number) <= value) low = middle
    else high = middle
  }
  return low
}

function isOnePoint(bounds: readonly number[]): boolean {
  return bounds.length === 2 && bounds[0] === bounds[1]
}
