// A record as it stands in the log's bytes: positions, no copies. One view serves all rows of a reader and
// moves on with it, so whoever wants to keep a row copies what it needs. It is an OutputRecord too: written to
// a topic, its key and value go from segment bytes to batch bytes without a string or a buffer in between.

import type { RecordCursor } from '../../broker/protocol/record-batch/cursor.ts'

export class RawRecord {
  readonly topic: string
  /** The topic partition it was read from (not `partition`: that names an output partition). */
  readonly sourcePartition: number
  /** Another number each time the bytes behind `buffer` have changed. */
  block = 0
  private readonly cursor: RecordCursor

  constructor(topic: string, sourcePartition: number, cursor: RecordCursor) {
    this.topic = topic
    this.sourcePartition = sourcePartition
    this.cursor = cursor
  }

  /** What the positions below refer to; good until the next row. */
  get buffer(): Buffer {
    return this.cursor.buffer
  }

  /** Start and end of key and value in `buffer`; a start of -1 stands for null. */
  get keyStart(): number {
    return this.cursor.keyStart
  }

  get keyEnd(): number {
    return this.cursor.keyEnd
  }

  get valueStart(): number {
    return this.cursor.valueStart
  }

  get valueEnd(): number {
    return this.cursor.valueEnd
  }

  get timestampMs(): number {
    return this.cursor.timestampMs
  }

  get offset(): bigint {
    return this.cursor.offset()
  }

  get headerCount(): number {
    return this.cursor.headerCount
  }

  /** A copy. */
  get key(): Buffer | null {
    return this.cursor.key()
  }

  /** A copy. */
  get value(): Buffer | null {
    return this.cursor.value()
  }

  /** Copies. */
  get headers(): (readonly [string, Uint8Array | null])[] {
    return this.cursor.headers().map(({ key, value }) => [key, value] as const)
  }

  /** The value as text; '' where it is null. */
  text(): string {
    const { valueStart, valueEnd, buffer } = this.cursor
    return valueStart < 0 ? '' : buffer.toString('utf8', valueStart, valueEnd)
  }
}

/**
 * A filter for raw records whose value holds the bytes. One instance per operator: it remembers how far it has
 * searched, so that a block of many records is searched once, not once per record.
 */
export function valueContains(text: string | Uint8Array): (record: RawRecord) => boolean {
  const needle = typeof text === 'string' ? Buffer.from(text) : Buffer.from(text)
  let block = -1
  let foundAt = 0
  return (record) => {
    const { valueStart, valueEnd } = record
    if (valueStart < 0) return false
    if (needle.length === 0) return true
    if (record.block !== block || foundAt < valueStart) {
      block = record.block
      const at = record.buffer.indexOf(needle, valueStart)
      foundAt = at < 0 ? Number.POSITIVE_INFINITY : at
    }
    return foundAt + needle.length <= valueEnd
  }
}
