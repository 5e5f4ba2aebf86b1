// All of some things in turn, in another order each time round: what has to happen at least once is not left to chance.

import type { Random } from '../world/random.ts'

export class Rotation<T> {
  private readonly items: readonly T[]
  private readonly random: Random
  private coming: T[] = []

  constructor(items: readonly T[], random: Random) {
    this.items = items
    this.random = random
  }

  next(): T {
    if (this.coming.length === 0) this.coming = shuffled(this.items, this.random)
    return this.coming.shift() as T
  }

  /** It did not happen: it comes again in this round. */
  again(item: T): void {
    this.coming.push(item)
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const rest = [...items]
  return items.map(() => rest.splice(random.below(rest.length), 1)[0] as T)
}
