// `.index`: where in a segment an offset is found. Sparse; sorted; no checksum, so whoever uses an entry
// checks the batch it points at, and a damaged index is rebuilt from the log.
//
//   entry, 8 bytes:  relative offset i32 (of the LAST record of the batch) | position i32 (of that batch)
//
// Entries are strictly rising in both fields. Position 0 never has one, so zeroes (Kafka's preallocation,
// left by an unclean stop) end the file.
// Source: Kafka's OffsetIndex.

export const OFFSET_INDEX_ENTRY_BYTES = 8

export class OffsetIndex {
  /** Offset and position in turn. */
  private entries: Int32Array
  private count: number

  constructor(entries = new Int32Array(0), count = 0) {
    this.entries = entries
    this.count = count
  }

  get entryCount(): number {
    return this.count
  }

  relativeOffsetAt(entry: number): number {
    return this.entries[entry * 2] as number
  }

  positionAt(entry: number): number {
    return this.entries[entry * 2 + 1] as number
  }

  get lastPosition(): number {
    return this.count === 0 ? 0 : this.positionAt(this.count - 1)
  }

  append(relativeOffset: number, position: number): void {
    if (this.count > 0) {
      const lastOffset = this.relativeOffsetAt(this.count - 1)
      if (relativeOffset <= lastOffset || position <= this.lastPosition) {
        throw new Error(
          `offset index entry ${this.count} (${relativeOffset}, ${position}) after (${lastOffset}, ${this.lastPosition})`,
        )
      }
    }
    if (this.count * 2 === this.entries.length) {
      const larger = new Int32Array(Math.max(32, this.entries.length * 2))
      larger.set(this.entries)
      this.entries = larger
    }
    this.entries[this.count * 2] = relativeOffset
    this.entries[this.count * 2 + 1] = position
    this.count++
  }

  /** The last entry at or below a relative offset, -1 where the search starts at the segment's beginning. */
  lookup(relativeOffset: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.relativeOffsetAt(middle) <= relativeOffset) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  encode(): Buffer {
    const bytes = Buffer.allocUnsafeSlow(this.count * OFFSET_INDEX_ENTRY_BYTES)
    for (let i = 0; i < this.count * 2; i++) bytes.writeInt32BE(this.entries[i] as number, i * 4)
    return bytes
  }

  /** undefined where the bytes cannot be an index of a log file of `logSizeInBytes`. */
  static decode(bytes: Buffer, logSizeInBytes: number): OffsetIndex | undefined {
    if (bytes.length % OFFSET_INDEX_ENTRY_BYTES !== 0) return undefined
    const entries = new Int32Array(bytes.length / 4)
    let count = 0
    for (let at = 0; at < bytes.length; at += OFFSET_INDEX_ENTRY_BYTES) {
      const relativeOffset = bytes.readInt32BE(at)
      const position = bytes.readInt32BE(at + 4)
      if (position === 0 && relativeOffset === 0) {
        return isZero(bytes, at) ? new OffsetIndex(entries, count) : undefined
      }
      const previousOffset = count === 0 ? -1 : (entries[count * 2 - 2] as number)
      const previousPosition = count === 0 ? 0 : (entries[count * 2 - 1] as number)
      if (relativeOffset <= previousOffset || position <= previousPosition) return undefined
      if (position >= logSizeInBytes) return undefined
      entries[count * 2] = relativeOffset
      entries[count * 2 + 1] = position
      count++
    }
    return new OffsetIndex(entries, count)
  }
}

/** Whether all bytes from `at` on are zero. */
export function isZero(bytes: Buffer, at: number): boolean {
  for (let i = at; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}
