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

type Entries<K, C> = ReadonlyMap<K, [K, C]>

export class CombiningTable<K, C> {
  private table = new Map<K, [K, C]>()
  private full: Entries<K, C>[] = []
  private readonly operator: string
  private readonly limitInBytes: number
  private readonly goesOn: boolean
  private readonly size = new SampledSize()

  /**
   * `goesOn`: behind the row that makes a table full another one begins, though nobody has come for the full one yet.
   * What is combined with what follows from the rows then, and not from how many of them are read at a time.
   */
  constructor(operator: string, limitInBytes: number, goesOn: boolean) {
    this.operator = operator
    this.limitInBytes = limitInBytes
    this.goesOn = goesOn
  }

  get isFull(): boolean {
    return this.full.length > 0 || this.size.bytes > this.limitInBytes
  }

  /** In the order in which keys were first seen. An entry is the row that will come out, changed in place. */
  get entries(): Entries<K, C> {
    return this.table
  }

  /** Full tables, the earliest first; they are the caller's from now on. */
  takeFull(): Entries<K, C>[] {
    if (!this.goesOn) this.begin()
    const { full } = this
    this.full = []
    return full
  }

  /** As takeFull, with the last one as it is. */
  takeAll(): Entries<K, C>[] {
    this.begin()
    return this.takeFull()
  }

  /** Takes rows. An entry is found once: no second look-up to store it. */
  adder<V>(combining: Combining<V, C>): Emit<readonly [K, V]> {
    const { operator, size } = this
    return (row) => {
      const key = row[0]
      const entry = this.table.get(key)
      try {
        if (entry === undefined) {
          checkKey(key, operator)
          const made: [K, C] = [key, combining.create(row[1])]
          this.table.set(key, made)
          if (size.isDue()) this.hasGrown(sizeOfEntry(made))
        } else if (size.isDue()) {
          const before = sizeOfEntry(entry)
          entry[1] = combining.merge(entry[1], row[1])
          this.hasGrown(sizeOfEntry(entry) - before)
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
    const { operator, size } = this
    return (entry) => {
      const known = this.table.get(entry[0])
      if (known === undefined) {
        this.table.set(entry[0], entry)
        if (size.isDue()) this.hasGrown(sizeOfEntry(entry))
        return
      }
      try {
        const isDue = size.isDue()
        const before = isDue ? sizeOfEntry(known) : 0
        known[1] = mergeCombined(known[1], entry[1])
        if (isDue) this.hasGrown(sizeOfEntry(known) - before)
      } catch (error) {
        throw operatorFailed(operator, error)
      }
    }
  }

  private hasGrown(bytes: number): void {
    this.size.add(bytes)
    if (this.goesOn && this.size.bytes > this.limitInBytes) this.begin()
  }

  private begin(): void {
    if (this.table.size > 0) this.full.push(this.table)
    this.table = new Map()
    this.size.reset()
  }
}

function sizeOfEntry(entry: readonly [unknown, unknown]): number {
  return SLOT_BYTES + sizeOf(entry)
}
