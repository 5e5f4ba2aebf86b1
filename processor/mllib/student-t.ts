// How likely a t statistic is by chance: Student's distribution, by the regularized incomplete beta function
// I_x(df/2, 1/2) at x = df / (df + t²).

/** Probability of a statistic that is at least as far from 0, either way. `df` is above 0 and need not be whole. */
export function twoSidedP(t: number, df: number): number {
  const a = df / 2
  const squared = (t * t) / df
  if (squared === 0) return 1
  if (squared === Number.POSITIVE_INFINITY) return 0
  const x = 1 / (1 + squared)
  const rest = squared / (1 + squared)
  // x^a · (1 − x)^½ / B(a, ½), in logarithms: x^a alone may be smaller than a number can be.
  const front = Math.exp(0.5 * Math.log(rest / Math.PI) - a * Math.log1p(squared) + halfStep(a))
  // The fraction converges on this side of the mean of the beta distribution; on the other one the rest's does.
  if (x < (a + 1) / (a + 2.5)) return (front / a) * fraction(x, a, 0.5)
  return 1 - 2 * front * fraction(rest, 0.5, a)
}

/** ln(Γ(a + ½) / Γ(a)): by its series where that is exact, and by Γ's recurrence down to there. */
function halfStep(a: number): number {
  let z = a
  let steps = 0
  for (; z < 20; z++) steps += Math.log(z / (z + 0.5))
  const square = 1 / (z * z)
  const series =
    -1 / 8 + square * (1 / 192 + square * (-1 / 640 + square * (17 / 14336 - (square * 31) / 18432)))
  return steps + 0.5 * Math.log(z) + series / z
}

const LIMIT = 100_000
/** Stands for 0 where it would be divided by. */
const TINY = 1e-300

/** The continued fraction of I_x(a, b) (Abramowitz and Stegun, 26.5.8), by Lentz's method. */
function fraction(x: number, a: number, b: number): number {
  const nonzero = (value: number) => (Math.abs(value) < TINY ? TINY : value)
  let c = 1
  let d = 1 / nonzero(1 - ((a + b) * x) / (a + 1))
  let product = d
  for (let m = 1; m <= LIMIT; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / nonzero(1 + even * d)
    c = nonzero(1 + even / c)
    product *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / nonzero(1 + odd * d)
    c = nonzero(1 + odd / c)
    product *= d * c
    if (Math.abs(d * c - 1) < 1e-16) break
  }
  return product
}
