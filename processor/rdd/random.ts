// Chance that is the same in every run: a batch that runs again must choose the same rows. Every partition has
// a generator of its own, made of the seed and its number.

export type Chance = () => number

/** Numbers in [0, 1): a multiply-xorshift generator over 32 bits of state (mulberry32's recurrence). */
export function chanceOf(seed: number, partition: number): Chance {
  let state = (Math.imul(seed | 0, 0x9e3779b1) ^ Math.imul(partition + 1, 0x85ebca6b)) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000
  }
}

/** How often a row is drawn with replacement at this rate (Knuth's way to a Poisson number). */
export function poisson(rate: number, chance: Chance): number {
  const limit = Math.exp(-rate)
  let drawn = 0
  for (let product = chance(); product > limit; product *= chance()) drawn++
  return drawn
}
