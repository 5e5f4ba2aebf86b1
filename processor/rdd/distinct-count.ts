// How many different values there are, about, in a few kilobytes: HyperLogLog (Flajolet et al., 2007) with the
// small-range correction. The hash has 31 bits, so it serves up to some hundred million values.

import { hashKey, type Key } from '../graph/key.ts'

const HASH_BITS = 31

export class DistinctCount {
  private readonly registers: Uint8Array
  private readonly indexBits: number

  /** `relativeSD`: standard error of the answer as a share of it, from 0.0025 to 0.4. */
  constructor(relativeSD: number) {
    const bits = Math.ceil(2 * Math.log2(1.04 / relativeSD))
    if (!(bits >= 3 && bits <= 18)) throw new RangeError(`a relative standard deviation of ${relativeSD}`)
    this.indexBits = bits
    this.registers = new Uint8Array(2 ** bits)
  }

  add(key: Key): void {
    const hash = hashKey(key) & 0x7fffffff
    const restBits = HASH_BITS - this.indexBits
    const rest = hash & ((1 << restBits) - 1)
    const rank = restBits - (32 - Math.clz32(rest)) + 1
    const index = hash >>> restBits
    if (rank > (this.registers[index] as number)) this.registers[index] = rank
  }

  estimate(): number {
    const { registers } = this
    const m = registers.length
    let sum = 0
    let empty = 0
    for (const register of registers) {
      sum += 2 ** -register
      if (register === 0) empty++
    }
    const raw = (biasOf(m) * m * m) / sum
    return Math.round(raw <= 2.5 * m && empty > 0 ? m * Math.log(m / empty) : raw)
  }
}

function biasOf(m: number): number {
  if (m <= 16) return 0.673
  if (m <= 32) return 0.697
  return m <= 64 ? 0.709 : 0.7213 / (1 + 1.079 / m)
}
