// What somebody would write who knows the format and wants nothing else: the references for decoding, Grep
// and word count. They check nothing, share no code with the broker, and are meant to be fast.
//
// Record batch v2: 61 bytes of head (length at 8, record count at 57), then records of zigzag varints.

import fs from 'node:fs'

const HEAD = 61
const LENGTH_AT = 8
const LOG_OVERHEAD = 12
const COUNT_AT = 57

/** Node's own method behind toString('utf8'): quicker, because it looks at no arguments. */
type SlicingBuffer = Buffer & { utf8Slice(start: number, end: number): string }

let at = 0

function varint(buffer: Buffer): number {
  let byte = buffer[at++] as number
  if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1)
  let value = byte & 0x7f
  for (let shift = 7; ; shift += 7) {
    byte = buffer[at++] as number
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
  }
}

/** Calls `visit` with the place of every value in [from, to), which must be whole batches. Returns the records. */
export function walkByHand(
  buffer: Buffer,
  from: number,
  to: number,
  visit: (buffer: Buffer, start: number, end: number) => void,
): number {
  let records = 0
  for (let batch = from; batch < to; ) {
    const count = buffer.readInt32BE(batch + COUNT_AT)
    at = batch + HEAD
    for (let i = 0; i < count; i++) {
      const size = varint(buffer)
      const end = at + size
      at++ // attributes
      varint(buffer) // timestamp delta (small: a batch spans milliseconds)
      varint(buffer) // offset delta
      const keyLength = varint(buffer)
      if (keyLength > 0) at += keyLength
      const valueLength = varint(buffer)
      visit(buffer, at, at + valueLength)
      at = end
    }
    records += count
    batch += buffer.readInt32BE(batch + LENGTH_AT) + LOG_OVERHEAD
  }
  return records
}

/** Reads whole batches of a segment file in blocks. Returns the records. */
export function walkFile(
  file: string,
  block: Buffer,
  visit: (buffer: Buffer, start: number, end: number) => void,
): number {
  const fd = fs.openSync(file, 'r')
  try {
    let records = 0
    let position = 0
    for (;;) {
      const filled = fs.readSync(fd, block, 0, block.length, position)
      let end = 0
      while (end + LOG_OVERHEAD <= filled) {
        const size = block.readInt32BE(end + LENGTH_AT) + LOG_OVERHEAD
        if (end + size > filled) break
        end += size
      }
      if (end === 0) return records
      records += walkByHand(block, 0, end, visit)
      position += end
    }
  } finally {
    fs.closeSync(fd)
  }
}

/** Records whose value holds `needle`, looked for in whole blocks: the quickest way there is. */
export function grepFileByBytes(
  file: string,
  block: Buffer,
  needle: string,
  keep: (value: Buffer) => void,
): number {
  let foundAt = -1
  return walkFile(file, block, (buffer, start, end) => {
    // Values come in rising order within a block; a smaller start is a new block.
    if (foundAt < start || start < before) {
      const found = buffer.indexOf(needle, start)
      foundAt = found < 0 ? Number.POSITIVE_INFINITY : found
    }
    before = start
    if (foundAt + needle.length <= end) keep(Buffer.from(buffer.subarray(start, end)))
  })
}

let before = 0

/** Lines that contain `needle`. */
export function grepFile(file: string, block: Buffer, needle: string, keep: (line: string) => void): number {
  return walkFile(file, block, (buffer, start, end) => {
    const line = (buffer as SlicingBuffer).utf8Slice(start, end)
    if (line.includes(needle)) keep(line)
  })
}

/** Words and how often each is there. */
export function countWordsOfFile(file: string, block: Buffer, counts: Map<string, number>): number {
  return walkFile(file, block, (buffer, start, end) => {
    for (const word of (buffer as SlicingBuffer).utf8Slice(start, end).split(' ')) {
      counts.set(word, (counts.get(word) ?? 0) + 1)
    }
  })
}
