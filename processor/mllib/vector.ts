// Vectors are arrays of numbers. What comes from a stream is checked before it is counted: a number that is none would
// stay in the model for good.

/** Coordinates, or features. */
export type Vector = readonly number[]

/** Throws TypeError or RangeError where it is no vector of so many finite numbers. */
export function checkVector(vector: Vector, dimension: number, what = 'a vector'): void {
  if (!Array.isArray(vector)) throw new TypeError(`${what} must be an array of numbers: got ${typeof vector}`)
  if (vector.length !== dimension) {
    throw new RangeError(`${what} must have ${dimension} numbers, as the model has: got ${vector.length}`)
  }
  for (let i = 0; i < dimension; i++) {
    if (!Number.isFinite(vector[i])) {
      throw new RangeError(`${what} must be of finite numbers: got ${String(vector[i])} at ${i}`)
    }
  }
}

export function dot(a: Vector, b: Vector): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

/** Euclidean length. */
export function norm(vector: Vector): number {
  return Math.sqrt(dot(vector, vector))
}
