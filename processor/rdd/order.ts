// How rows are put in order.

export type Compare<T> = (a: T, b: T) => number

/** Order of what keys can be: numbers and bigints by size, strings by their code units, false before true. */
export function naturally(a: unknown, b: unknown): number {
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0
}

export function ordered<T>(compare: Compare<T>, ascending: boolean): Compare<T> {
  return ascending ? compare : (a, b) => compare(b, a)
}
