// Values that functions of a job share with the program around them.

/** A value that is the same for all rows. In one process it is simply there; `destroy` ends its use. */
export class Broadcast<T> {
  private held: { value: T } | undefined

  constructor(value: T) {
    this.held = { value }
  }

  /** Throws after `destroy`. */
  get value(): T {
    if (this.held === undefined) throw new Error('the broadcast value was destroyed')
    return this.held.value
  }

  destroy(): void {
    this.held = undefined
  }
}

/**
 * Gathers what functions add while rows pass. As in Spark it counts how often a function ran, not how often a row
 * counted: what runs again, after a restart or because nothing held its rows, is added again. For totals that are
 * exact, use state or an output.
 */
export class Accumulator<T, R> {
  readonly name: string | undefined
  private readonly zero: () => R
  private readonly merge: (into: R, value: T) => R
  private readonly combine: (into: R, total: R) => R
  private total: R

  constructor(
    zero: () => R,
    merge: (into: R, value: T) => R,
    combine: (into: R, total: R) => R,
    name?: string,
  ) {
    this.name = name
    this.zero = zero
    this.merge = merge
    this.combine = combine
    this.total = zero()
  }

  add(value: T): void {
    this.total = this.merge(this.total, value)
  }

  /** What another thread's copy of it has gathered. */
  addTotal(total: R): void {
    this.total = this.combine(this.total, total)
  }

  /** With executors: what the workers have gathered, as of the last rows or outputs that they finished. */
  get value(): R {
    return this.total
  }

  get isZero(): boolean {
    const zero = this.zero()
    return Array.isArray(zero) ? (this.total as unknown[]).length === 0 : this.total === zero
  }

  reset(): void {
    this.total = this.zero()
  }
}
