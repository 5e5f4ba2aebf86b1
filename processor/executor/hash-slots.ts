// Places found by a hash: who asks compares what stands there. It is many small tables rather than one: one that grows
// holds the event loop for no longer than a few thousand keys take.
//
//    table: (hash | place, from 1)*, open addressing, a quarter to a half full

const TABLES = 128
/** The lowest ones of a hash choose the table. */
const TABLE_BITS = 7
const FIRST_SLOTS = 16

export class HashSlots {
  private readonly tables: (Slots | undefined)[] = Array.from({ length: TABLES })

  /** The table of a hash; undefined: there is nothing in it. */
  find(hash: number): Slots | undefined {
    return this.tables[hash & (TABLES - 1)]
  }

  /** As `find`, made where it is missing. */
  of(hash: number): Slots {
    return (this.tables[hash & (TABLES - 1)] ??= new Slots())
  }
}

/** Where a search begins; it goes on at the next slot, and ends at the first with place 0. */
export function firstSlot(hash: number): number {
  return hash >>> TABLE_BITS
}

/** A slot is two numbers, at twice its number within the mask. */
export class Slots {
  slots = new Int32Array(2 * FIRST_SLOTS)
  mask = FIRST_SLOTS - 1
  private taken = 0

  /** Into an empty slot. */
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
      const wanted = firstSlot(slots[2 * next] as number) & mask
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
      let slot = firstSlot(hash) & mask
      while (slots[2 * slot + 1] !== 0) slot = (slot + 1) & mask
      slots[2 * slot] = hash
      slots[2 * slot + 1] = place
    }
    this.slots = slots
    this.mask = mask
  }
}
