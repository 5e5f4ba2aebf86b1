// Keys, each with a place: a number that stays the same while a batch runs, rising in the order in which the keys came.
// What belongs to a key is kept beside it by place (paged.ts), so a walk over all keys is a walk over arrays, and a
// key costs no object.
//
// Keys are equal as in Map: 0 and -0 are one, and so are all NaN. A key that is removed leaves a hole; `compacted`
// makes places anew.

import { hashKey, type Key } from '../graph/key.ts'
import { Paged } from '../rdd/paged.ts'
import { firstSlot, HashSlots, type Slots } from './hash-slots.ts'

export class KeyTable {
  private readonly tables = new HashSlots()
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
    const table = this.tables.find(hash)
    return table === undefined ? -1 : (table.slots[this.slotOf(table, hash, key) + 1] as number) - 1
  }

  /** Makes one where it has none: the last one. */
  place(key: Key): number {
    const hash = hashKey(key)
    const table = this.tables.of(hash)
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
    const table = this.tables.of(hash)
    table.remove(this.slotOf(table, hash, key))
    this.keys.set(place, undefined)
    this.present--
  }

  private slotOf({ slots, mask }: Slots, hash: number, key: Key): number {
    const { keys } = this
    for (let slot = firstSlot(hash); ; slot++) {
      const at = (slot & mask) * 2
      const place = slots[at + 1] as number
      if (place === 0) return at
      if (slots[at] !== hash) continue
      const found = keys.get(place - 1)
      if (found === key || (Number.isNaN(key) && Number.isNaN(found))) return at
    }
  }
}
