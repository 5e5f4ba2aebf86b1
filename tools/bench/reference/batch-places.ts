// Where the batches of a segment stand, read by hand: the references know no code of the broker.

import fs from 'node:fs'

const LENGTH_AT = 8
const LOG_OVERHEAD = 12
const LAST_OFFSET_DELTA_AT = 23

export interface Place {
  position: number
  length: number
}

/** Runs of whole batches of at most `maxBytes` each (one batch at least), as consecutive fetches get them. */
export function splitPlaces(file: string, maxBytes: number): Place[] {
  const bytes = fs.readFileSync(file)
  const places: Place[] = []
  let position = 0
  let length = 0
  while (position + length < bytes.length) {
    const size = bytes.readInt32BE(position + length + LENGTH_AT) + LOG_OVERHEAD
    if (length > 0 && length + size > maxBytes) {
      places.push({ position, length })
      position += length
      length = 0
    }
    length += size
  }
  places.push({ position, length })
  return places
}

/** Last offset of the last batch in a buffer of whole batches. */
export function lastOffsetOf(batches: Buffer): bigint {
  let last = -1n
  for (let at = 0; at < batches.length; at += batches.readInt32BE(at + LENGTH_AT) + LOG_OVERHEAD) {
    last = batches.readBigInt64BE(at) + BigInt(batches.readInt32BE(at + LAST_OFFSET_DELTA_AT))
  }
  return last
}
