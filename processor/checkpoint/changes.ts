// The last change of each key of one operator, in the order of the keys. Chunks stay as they are: a change is where its
// entry lies in one, and a key is found by its bytes there.

import { firstSlot, HashSlots, type Slots } from '../executor/hash-slots.ts'
import { Paged, PagedInts } from '../rdd/paged.ts'
import type { IncrementsReader, IncrementsWriter } from './increments.ts'

// What there is to say of a changed key.
const REMOVED = 1
/** It was removed before: its place is not where the generation has it. */
const BORN_AGAIN = 2
const WRITTEN = 4

export class Changes {
  private readonly tables = new HashSlots()
  // By place.
  private readonly chunks = new Paged<Buffer>()
  private readonly from = new PagedInts()
  private readonly until = new PagedInts()
  private readonly flags = new PagedInts()
  /** What the generation has not is written; what of it goes by yet is older. */
  isWritten = false

  get end(): number {
    return this.flags.length
  }

  /** The entry on which the reader stands. Keeps the chunk. */
  take(entry: IncrementsReader): void {
    const hash = hashOf(entry)
    const table = this.tables.of(hash)
    const at = this.slotOf(table, hash, entry)
    const known = table.slots[at + 1] as number
    if (known === 0) {
      table.put(at, hash, this.push(entry, entry.isRemoved ? REMOVED : 0) + 1)
      return
    }
    const place = known - 1
    const flags = this.flags.get(place)
    if (entry.isRemoved || (flags & REMOVED) === 0) {
      this.chunks.set(place, entry.chunk)
      this.from.set(place, entry.from)
      this.until.set(place, entry.until)
      this.flags.set(place, entry.isRemoved ? flags | REMOVED : flags)
    } else {
      table.slots[at + 1] = this.push(entry, BORN_AGAIN) + 1
    }
  }

  /** The place of the entry's key; -1: it was not changed. */
  find(entry: IncrementsReader): number {
    const hash = hashOf(entry)
    const table = this.tables.find(hash)
    return table === undefined ? -1 : (table.slots[this.slotOf(table, hash, entry) + 1] as number) - 1
  }

  /** Where the generation has the key; nothing, where it is gone from there. */
  writeInPlace(place: number, writer: IncrementsWriter): void {
    if (this.flags.get(place) === 0) this.write(place, writer)
  }

  /** Behind what the generation has; nothing, where it was written or is gone. */
  writeAdded(place: number, writer: IncrementsWriter): void {
    if ((this.flags.get(place) & (REMOVED | WRITTEN)) === 0) this.write(place, writer)
  }

  private write(place: number, writer: IncrementsWriter): void {
    writer.entry(this.chunks.get(place), this.from.get(place), this.until.get(place))
    this.flags.set(place, WRITTEN)
  }

  private push({ chunk, from, until }: IncrementsReader, flags: number): number {
    this.chunks.push(chunk)
    this.from.push(from)
    this.until.push(until)
    return this.flags.push(flags)
  }

  private slotOf({ slots, mask }: Slots, hash: number, entry: IncrementsReader): number {
    for (let slot = firstSlot(hash); ; slot++) {
      const at = (slot & mask) * 2
      const place = slots[at + 1] as number
      if (place === 0 || (slots[at] === hash && this.hasKeyOf(entry, place - 1))) return at
    }
  }

  // Keys that are equal have equal lengths before them: compared with those, none is taken for the beginning of another.
  private hasKeyOf({ chunk, from, keyUntil }: IncrementsReader, place: number): boolean {
    const known = this.chunks.get(place)
    const ahead = this.from.get(place) - from
    for (let i = from; i < keyUntil; i++) if (chunk[i] !== known[i + ahead]) return false
    return true
  }
}

/** FNV-1a of the key's bytes, finished with murmur3's mixer. */
function hashOf({ chunk, keyFrom, keyUntil }: IncrementsReader): number {
  let h = 0x811c9dc5
  for (let i = keyFrom; i < keyUntil; i++) h = Math.imul(h ^ (chunk[i] as number), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
