// `.timeindex`: from which offset on a timestamp may be found. An entry (T, o) says: no record up to offset
// o is newer than T, and o is the last offset of the batch that holds T.
//
//   entry, 12 bytes:  timestamp i64 | relative offset i32
//
// Timestamps rise strictly, offsets never fall. The last entry of a rolled or closed segment is its largest
// timestamp, unless it holds none. Zeroes end the file, as in the offset index. No checksum: whoever uses
// an entry checks the batch, and a damaged index is rebuilt.
// Source: Kafka's TimeIndex.

import { isZero } from './offset-index.ts'

export const TIME_INDEX_ENTRY_BYTES = 12

export class TimeIndex {
  private timestamps: BigInt64Array
  private offsets: Int32Array
  private count: number

  constructor(timestamps = new BigInt64Array(0), offsets = new Int32Array(0), count = 0) {
    this.timestamps = timestamps
    this.offsets = offsets
    this.count = count
  }

  get entryCount(): number {
    return this.count
  }

  timestampAt(entry: number): bigint {
    return this.timestamps[entry] as bigint
  }

  relativeOffsetAt(entry: number): number {
    return this.offsets[entry] as number
  }

  /** -1n where there is no entry, as in Kafka. */
  get lastTimestamp(): bigint {
    return this.count === 0 ? -1n : this.timestampAt(this.count - 1)
  }

  /** Adds an entry where the timestamp is newer than the last one; anything else is left out. */
  maybeAppend(timestamp: bigint, relativeOffset: number): void {
    if (timestamp <= this.lastTimestamp) return
    if (this.count > 0 && relativeOffset < this.relativeOffsetAt(this.count - 1)) {
      throw new Error(
        `time index entry ${this.count} (${timestamp}, ${relativeOffset}) after offset ${this.relativeOffsetAt(this.count - 1)}`,
      )
    }
    if (this.count === this.offsets.length) {
      const capacity = Math.max(16, this.count * 2)
      const timestamps = new BigInt64Array(capacity)
      timestamps.set(this.timestamps)
      this.timestamps = timestamps
      const offsets = new Int32Array(capacity)
      offsets.set(this.offsets)
      this.offsets = offsets
    }
    this.timestamps[this.count] = timestamp
    this.offsets[this.count] = relativeOffset
    this.count++
  }

  /** The last entry with a timestamp below the given one, -1 where there is none: no record before it can match. */
  lookupBelow(timestamp: bigint): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.timestampAt(middle) < timestamp) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  encode(): Buffer {
    const bytes = Buffer.allocUnsafeSlow(this.count * TIME_INDEX_ENTRY_BYTES)
    for (let i = 0; i < this.count; i++) {
      bytes.writeBigInt64BE(this.timestampAt(i), i * TIME_INDEX_ENTRY_BYTES)
      bytes.writeInt32BE(this.relativeOffsetAt(i), i * TIME_INDEX_ENTRY_BYTES + 8)
    }
    return bytes
  }

  /** undefined where the bytes cannot be a time index. */
  static decode(bytes: Buffer): TimeIndex | undefined {
    if (bytes.length % TIME_INDEX_ENTRY_BYTES !== 0) return undefined
    const capacity = bytes.length / TIME_INDEX_ENTRY_BYTES
    const index = new TimeIndex(new BigInt64Array(capacity), new Int32Array(capacity))
    for (let at = 0; at < bytes.length; at += TIME_INDEX_ENTRY_BYTES) {
      const timestamp = bytes.readBigInt64BE(at)
      const relativeOffset = bytes.readInt32BE(at + 8)
      if (timestamp === 0n && relativeOffset === 0 && isZero(bytes, at)) {
        // A record dated 1970 at relative offset 0 looks the same; dropping its entry only lengthens a scan.
        return index
      }
      const last = index.count - 1
      if (timestamp <= index.lastTimestamp || relativeOffset < 0) return undefined
      if (last >= 0 && relativeOffset < index.relativeOffsetAt(last)) return undefined
      index.maybeAppend(timestamp, relativeOffset)
    }
    return index
  }
}
