// How many bytes the records of a share partition take, as last seen. A share fetch is bounded by records rather than by
// bytes: without this, one for 500 small records would read all the megabytes that its client has room for.

import type { BatchAt } from './read-batches.ts'

/** Until something was seen. */
const GUESSED_BYTES_PER_RECORD = 1024
/** Reading less saves nothing. */
const LEAST_BYTES = 64 * 1024
/** Records differ; a fetch that gets a few less is no worse than one that is a little too early. */
const MARGIN = 1.25

export class RecordDensity {
  private bytesPerRecord = GUESSED_BYTES_PER_RECORD
  private largestBatchInBytes = 0

  /** What was read. */
  seen(batches: readonly BatchAt[]): void {
    let [bytes, records] = [0, 0]
    for (const { firstOffset, lastOffset, sizeInBytes } of batches) {
      bytes += sizeInBytes
      records += Number(lastOffset - firstOffset) + 1
      this.largestBatchInBytes = Math.max(this.largestBatchInBytes, sizeInBytes)
    }
    if (records > 0) this.bytesPerRecord = bytes / records
  }

  /** How many bytes to read for so many records, batches of the log being read whole. */
  bytesFor(maxRecords: number): number {
    const bytes = Math.ceil(maxRecords * this.bytesPerRecord * MARGIN) + this.largestBatchInBytes
    return Math.max(LEAST_BYTES, bytes)
  }
}
