// Places of keys, found by the keys' bytes. It is many small hash tables rather than one: one that grows holds the
// event loop for no longer than a few thousand keys take.
//
//    table: (hash | at in `bytes`, from 1 | place)*, open addressing, a quarter to a half full
//    bytes: (length u32 | key)*

const TABLES = 64
const FIRST_SLOTS = 16
/** Numbers of a slot. */
const SLOT = 3
const LENGTH_BYTES = 4

export class ByteKeys {
  private readonly tables: (Table | undefined)[] = Array.from({ length: TABLES })

  /** `next`: becomes the place of a key that has none; without it such a key has place -1. */
  place(bytes: Buffer, from: number, until: number, next = -1): number {
    const hash = hashOf(bytes, from, until)
    let table = this.tables[hash & (TABLES - 1)]
    if (table === undefined) {
      if (next === -1) return -1
      table = this.tables[hash & (TABLES - 1)] = new Table()
    }
    return table.place(hash, bytes, from, until, next)
  }

  /** Another place for a key that has one. */
  replace(bytes: Buffer, from: number, until: number, place: number): void {
    const hash = hashOf(bytes, from, until)
    this.tables[hash & (TABLES - 1)]?.replace(hash, bytes, from, until, place)
  }
}

class Table {
  private slots = new Int32Array(FIRST_SLOTS * SLOT)
  private mask = FIRST_SLOTS - 1
  private keys = 0
  private bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_SLOTS * 8)
  private end = 0

  place(hash: number, key: Buffer, from: number, until: number, next: number): number {
    const at = this.find(hash, key, from, until)
    if (this.slots[at + 1] !== 0) return this.slots[at + 2] as number
    if (next !== -1) this.put(at, hash, key, from, until, next)
    return next
  }

  replace(hash: number, key: Buffer, from: number, until: number, place: number): void {
    this.slots[this.find(hash, key, from, until) + 2] = place
  }

  /** The key's slot, or the empty one that would be. */
  private find(hash: number, key: Buffer, from: number, until: number): number {
    const { slots, mask } = this
    for (let slot = slotOf(hash, mask); ; slot = (slot + 1) & mask) {
      const at = slot * SLOT
      const start = slots[at + 1] as number
      if (start === 0 || (slots[at] === hash && this.isAt(start - 1, key, from, until))) return at
    }
  }

  private isAt(place: number, key: Buffer, from: number, until: number): boolean {
    const { bytes } = this
    const length = until - from
    if (bytes.readUInt32LE(place) !== length) return false
    const start = place + LENGTH_BYTES
    for (let i = 0; i < length; i++) if (bytes[start + i] !== key[from + i]) return false
    return true
  }

  private put(at: number, hash: number, key: Buffer, from: number, until: number, place: number): void {
    const length = until - from
    if (this.end + LENGTH_BYTES + length > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(2 * this.bytes.length + LENGTH_BYTES + length)
      this.bytes.copy(larger, 0, 0, this.end)
      this.bytes = larger
    }
    this.slots[at] = hash
    this.slots[at + 1] = this.end + 1
    this.slots[at + 2] = place
    this.bytes.writeUInt32LE(length, this.end)
    key.copy(this.bytes, this.end + LENGTH_BYTES, from, until)
    this.end += LENGTH_BYTES + length
    if (++this.keys * 2 > this.mask) this.grow()
  }

  private grow(): void {
    const old = this.slots
    const mask = 2 * this.mask + 1
    const slots = new Int32Array(2 * old.length)
    for (let from = 0; from < old.length; from += SLOT) {
      if (old[from + 1] === 0) continue
      let slot = slotOf(old[from] as number, mask)
      while (slots[slot * SLOT + 1] !== 0) slot = (slot + 1) & mask
      for (let i = 0; i < SLOT; i++) slots[slot * SLOT + i] = old[from + i] as number
    }
    this.slots = slots
    this.mask = mask
  }
}

// The lowest bits have chosen the table.
function slotOf(hash: number, mask: number): number {
  return (hash >>> 6) & mask
}

/** FNV-1a, finished with murmur3's mixer. */
function hashOf(bytes: Buffer, from: number, until: number): number {
  let h = 0x811c9dc5
  for (let i = from; i < until; i++) h = Math.imul(h ^ (bytes[i] as number), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
