// Values combined under their keys as they arrive, and about how much memory they take up: of some rows it is measured
// by how much the key's value has grown, whatever combines.

import { operatorFailed } from '../graph/errors.ts'
import { checkKey } from '../graph/key.ts'
import type { Emit } from '../graph/contracts/rows.ts'
import { SampledSize, sizeOf } from './size-of.ts'

export interface Combining<V, C> {
  create(value: V): C
  /** May change and return `combined`. */
  merge(combined: C, value: V): C
}

/** Of an entry in the table. */
const SLOT_BYTES = 32

export class CombiningTable<K, C> {
  /** In the order in which keys were first seen. An entry is the row that will come out, changed in place. */
  readonly entries = new Map<K, [K, C]>()
  private readonly operator: string
  private readonly limitInBytes: number
  private readonly size = new SampledSize()

  constructor(operator: string, limitInBytes: number) {
    this.operator = operator
    this.limitInBytes = limitInBytes
  }

  get isFull(): boolean {
    return this.size.bytes > this.limitInBytes
  }

  clear(): void {
    this.entries.clear()
    this.size.reset()
  }

  /** Takes rows. An entry is found once: no second look-up to store it. */
  adder<V>(combining: Combining<V, C>): Emit<readonly [K, V]> {
    const { operator, entries, size } = this
    return (row) => {
      const key = row[0]
      const entry = entries.get(key)
      try {
        if (entry === undefined) {
          checkKey(key, operator)
          entries.set(key, [key, combining.create(row[1])])
          if (size.isDue()) size.add(sizeOfEntry(entries.get(key)))
        } else if (size.isDue()) {
          const before = sizeOfEntry(entry)
          entry[1] = combining.merge(entry[1], row[1])
          size.add(sizeOfEntry(entry) - before)
        } else {
          entry[1] = combining.merge(entry[1], row[1])
        }
      } catch (error) {
        throw operatorFailed(operator, error)
      }
    }
  }

  /** Takes entries of other tables, and the entry itself where its key is new. */
  merger(mergeCombined: (earlier: C, later: C) => C): Emit<[K, C]> {
    const { operator, entries, size } = this
    return (entry) => {
      const known = entries.get(entry[0])
      if (known === undefined) {
        entries.set(entry[0], entry)
        if (size.isDue()) size.add(sizeOfEntry(entry))
        return
      }
      try {
        const isDue = size.isDue()
        const before = isDue ? sizeOfEntry(known) : 0
        known[1] = mergeCombined(known[1], entry[1])
        if (isDue) size.add(sizeOfEntry(known) - before)
      } catch (error) {
        throw operatorFailed(operator, error)
      }
    }
  }
}

function sizeOfEntry(entry: readonly [unknown, unknown] | undefined): number {
  return entry === undefined ? 0 : SLOT_BYTES + sizeOf(entry)
}
