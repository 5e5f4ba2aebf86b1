// The last offset of each key of a log's dirty part. Open addressing over typed arrays, keys side by side in one
// buffer: no object per key, about 30 bytes and the key itself.
//
//   slots    [ . 3 . 1 . . 2 . ]      entry number + 1, 0 = free; at most half of them taken
//   entries  hash u32 | chunk u32, start u32, length u32 of the key | offset f64
//   chunks   |customer-17|customer-4|…   of 1 MiB, or of one longer key
//
// The arrays are made for as many entries as there may be, so that no put has to move what is there: the memory
// is the system's until it is touched.
//
// Keys are compared byte by byte. Kafka's SkimpyOffsetMap trusts a 16-byte hash of the key instead; being exact
// costs memory for long keys only, and no record can be lost to two keys that hash alike. The hash is seeded, so
// that nobody can choose keys that all fall on one slot.

const FIRST_ENTRIES = 1024
const CHUNK_BYTES = 1024 * 1024
/** Of one entry in the arrays, its two slots included. */
const ENTRY_BYTES = 4 + 4 + 4 + 4 + 8 + 2 * 4

export class OffsetMap {
  /** What it may use. One put goes beyond it where whoever puts does not ask isFull. */
  readonly limitBytes: number
  private readonly seed: number
  private count = 0
  private slots: Uint32Array
  private hashes: Uint32Array
  private chunkNumbers: Uint32Array
  private starts: Uint32Array
  private lengths: Uint32Array
  private offsets: Float64Array
  private readonly chunks: Buffer[] = []
  private chunkUsed = 0
  private keyBytes = 0

  /** `mostKeys`: no more are to be expected. */
  constructor(limitBytes: number, seed: number, mostKeys = 0) {
    this.limitBytes = limitBytes
    this.seed = seed >>> 0
    const capacity = Math.max(FIRST_ENTRIES, Math.min(mostKeys, Math.ceil(limitBytes / ENTRY_BYTES)))
    this.slots = new Uint32Array(slotsFor(capacity))
    this.hashes = new Uint32Array(capacity)
    this.chunkNumbers = new Uint32Array(capacity)
    this.starts = new Uint32Array(capacity)
    this.lengths = new Uint32Array(capacity)
    this.offsets = new Float64Array(capacity)
  }

  get size(): number {
    return this.count
  }

  get usedBytes(): number {
    return this.count * ENTRY_BYTES + this.keyBytes
  }

  /** No further key should be put. */
  get isFull(): boolean {
    return this.usedBytes >= this.limitBytes
  }

  /** The key is source[start, end); its last offset so far. Offsets only rise. */
  put(source: Buffer, start: number, end: number, offset: number): void {
    const hash = this.hash(source, start, end)
    const slot = this.slotOf(source, start, end, hash)
    const known = this.slots[slot] as number
    if (known > 0) {
      this.offsets[known - 1] = offset
      return
    }
    const entry = this.count
    if (entry === this.hashes.length) {
      this.growEntries()
      this.put(source, start, end, offset)
      return
    }
    const length = end - start
    this.makeRoom(length)
    source.copy(this.chunks[this.chunks.length - 1] as Buffer, this.chunkUsed, start, end)
    this.hashes[entry] = hash
    this.chunkNumbers[entry] = this.chunks.length - 1
    this.starts[entry] = this.chunkUsed
    this.lengths[entry] = length
    this.offsets[entry] = offset
    this.chunkUsed += length
    this.keyBytes += length
    this.slots[slot] = ++this.count
  }

  /** The key's last offset, -1 where it was never put. */
  get(source: Buffer, start: number, end: number): number {
    const known = this.slots[this.slotOf(source, start, end, this.hash(source, start, end))] as number
    return known === 0 ? -1 : (this.offsets[known - 1] as number)
  }

  /** The slot that has the key, or the free one where it belongs. */
  private slotOf(source: Buffer, start: number, end: number, hash: number): number {
    const mask = this.slots.length - 1
    let slot = hash & mask
    for (;;) {
      const known = this.slots[slot] as number
      if (known === 0 || this.isKey(known - 1, source, start, end, hash)) return slot
      slot = (slot + 1) & mask
    }
  }

  private isKey(entry: number, source: Buffer, start: number, end: number, hash: number): boolean {
    if (this.hashes[entry] !== hash || this.lengths[entry] !== end - start) return false
    const at = this.starts[entry] as number
    const chunk = this.chunks[this.chunkNumbers[entry] as number] as Buffer
    return source.compare(chunk, at, at + end - start, start, end) === 0
  }

  /** MurmurHash3's mixing, byte-wise input. */
  private hash(source: Buffer, start: number, end: number): number {
    let h = this.seed
    for (let i = start; i < end; i++) {
      h = Math.imul(h ^ (source[i] as number), 0xcc9e2d51)
      h = (h << 13) | (h >>> 19)
      h = (Math.imul(h, 5) + 0xe6546b64) | 0
    }
    h ^= end - start
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    return (h ^ (h >>> 16)) >>> 0
  }

  private growEntries(): void {
    const capacity = this.hashes.length * 2
    this.hashes = copied(this.hashes, new Uint32Array(capacity))
    this.chunkNumbers = copied(this.chunkNumbers, new Uint32Array(capacity))
    this.starts = copied(this.starts, new Uint32Array(capacity))
    this.lengths = copied(this.lengths, new Uint32Array(capacity))
    this.offsets = copied(this.offsets, new Float64Array(capacity))
    this.slots = new Uint32Array(slotsFor(capacity))
    const mask = this.slots.length - 1
    for (let entry = 0; entry < this.count; entry++) {
      let slot = (this.hashes[entry] as number) & mask
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask
      this.slots[slot] = entry + 1
    }
  }

  private makeRoom(bytes: number): void {
    const last = this.chunks[this.chunks.length - 1]
    if (last !== undefined && this.chunkUsed + bytes <= last.length) return
    this.chunks.push(Buffer.allocUnsafeSlow(Math.max(bytes, CHUNK_BYTES)))
    this.chunkUsed = 0
  }
}

/** At least two an entry; a power of two, so that a mask finds one. */
function slotsFor(entries: number): number {
  return 2 ** Math.ceil(Math.log2(entries * 2))
}

function copied<T extends Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
