// Keys, each with a place: a number that stays the same while a batch runs, rising in the order in which the keys came.
// What belongs to a key is kept beside it by place (paged.ts), so a walk over all keys is a walk over arrays, and a
// key costs no object.
//
//    table: (hash | place, from 1)*, open addressing, a quarter to a half full; the tables are many, so that one that
//           grows holds the event loop for no longer than a few thousand keys take
//
// Keys are equal as in Map: 0 and -0 are one, and so are all NaN. A key that is removed leaves a hole; `compacted`
// makes places anew.

import { hashKey, type Key } from '../graph/key.ts'
import { Paged } from './paged.ts'

const TABLES = 128
const TABLE_BITS = 7
const FIRST_SLOTS = 16

export class KeyTable {
  private readonly tables: (Table | undefined)[] = Array.from({ length: TABLES })
  private readonly keys = new Paged<Key | undefined>()
  private present = 0

  /** Places up to here have, or had, a key. */
  get end(): number {
    return this.keys.length
  }

  get size(): number {
    return this.present
  }

  /** undefined: the key was removed. */
  at(place: number): Key | undefined {
    return this.keys.get(place)
  }

  /** -1 where it has none. */
  find(key: Key): number {
    const hash = hashKey(key)
    const table = this.tables[hash & (TABLES - 1)]
    return table === undefined ? -1 : (table.slots[this.slotOf(table, hash, key) + 1] as number) - 1
  }

  /** Makes one where it has none: the last one. */
  place(key: Key): number {
    const hash = hashKey(key)
    const table = (this.tables[hash & (TABLES - 1)] ??= new Table())
    const slot = this.slotOf(table, hash, key)
    const known = table.slots[slot + 1] as number
    if (known !== 0) return known - 1
    // Of -0 and 0 a restart gives back 0: so does the run that brought it.
    const place = this.keys.push(key === 0 ? 0 : key)
    this.present++
    table.put(slot, hash, place + 1)
    return place
  }

  remove(place: number): void {
    const key = this.keys.get(place)
    if (key === undefined) return
    const hash = hashKey(key)
    const table = this.tables[hash & (TABLES - 1)] as Table
    table.remove(this.slotOf(table, hash, key))
    this.keys.set(place, undefined)
    this.present--
  }

  private slotOf({ slots, mask }: Table, hash: number, key: Key): number {
    const { keys } = this
    for (let slot = hash >>> TABLE_BITS; ; slot++) {
      const at = (slot & mask) * 2
      const place = slots[at + 1] as number
      if (place === 0) return at
      if (slots[at] !== hash) continue
      const found = keys.get(place - 1)
      if (found === key || (Number.isNaN(key) && Number.isNaN(found))) return at
    }
  }
}

class Table {
  slots = new Int32Array(2 * FIRST_SLOTS)
  mask = FIRST_SLOTS - 1
  private taken = 0

  put(at: number, hash: number, place: number): void {
    this.slots[at] = hash
    this.slots[at + 1] = place
    if (++this.taken * 2 > this.mask) this.grow()
  }

  // What stands behind moves up, where it may: a search ends at the first empty slot.
  remove(at: number): void {
    const { slots, mask } = this
    let hole = at / 2
    for (let next = (hole + 1) & mask; slots[2 * next + 1] !== 0; next = (next + 1) & mask) {
      const wanted = ((slots[2 * next] as number) >>> TABLE_BITS) & mask
      if (((next - wanted) & mask) < ((next - hole) & mask)) continue
      slots[2 * hole] = slots[2 * next] as number
      slots[2 * hole + 1] = slots[2 * next + 1] as number
      hole = next
    }
    slots[2 * hole + 1] = 0
    this.taken--
  }

  private grow(): void {
    const old = this.slots
    const mask = 2 * this.mask + 1
    const slots = new Int32Array(2 * old.length)
    for (let from = 0; from < old.length; from += 2) {
      const place = old[from + 1] as number
      if (place === 0) continue
      const hash = old[from] as number
      let slot = (hash >>> TABLE_BITS) & mask
      while (slots[2 * slot + 1] !== 0) slot = (slot + 1) & mask
      slots[2 * slot] = hash
      slots[2 * slot + 1] = place
    }
    this.slots = slots
    this.mask = mask
  }
}
