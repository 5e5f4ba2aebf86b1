// What rows are as bytes of a part file.
//
// Text: a line each. Objects: blocks of rows, so that damage is seen and a reader needs no more memory than a block:
//
//    "LMOBJ1\n\0" | ( length i32 | crc32c u32 of the rows | rows: plain data, one after the other ) *

import { finished } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createDeflate, gzip as gzipWithCallback } from 'node:zlib'
import { crc32c } from '../../broker/protocol/record-batch/crc32c.ts'
import { ByteReader, ByteWriter } from '../checkpoint/bytes.ts'
import { readPlain, writePlain } from '../checkpoint/plain-data.ts'
import { DamagedError } from '../checkpoint/store.ts'

/** Brings the rows of one part file together. */
export interface PartEncoder<E> {
  add(encoded: E): void
  /** Bytes that wait to be taken, about. */
  readonly size: number
  /** What waits, complete in itself; the buffer is the caller's. Nothing is added until it is there. */
  take(): Buffer | Promise<Buffer>
  /** What stands behind all that was taken; absent: nothing. */
  end?(): Promise<Buffer>
}

/**
 * A row is made text or bytes by itself, by the thread that has it and while it is known which record it comes from;
 * the rows of a file are brought together by the one that writes it.
 */
export interface FileFormat<T, E> {
  /** Throws where the row cannot be written. */
  encode(row: T): E
  newPart(): PartEncoder<E>
  /** Of the names of part files. */
  readonly extension?: string
}

/** Hadoop's GzipCodec, and its DefaultCodec. */
export type Compression = 'gzip' | 'deflate'

/** Off the event loop: a slice of rows may be megabytes. */
const gzip = promisify(gzipWithCallback)

/** Part files of a format, packed. */
export function compressed<T, E>(
  format: FileFormat<T, E>,
  compression: Compression | undefined,
): FileFormat<T, E> {
  if (compression === undefined) return format
  switch (compression) {
    case 'gzip':
      return { encode: format.encode, extension: '.gz', newPart: () => gzipped(format.newPart()) }
    case 'deflate':
      return { encode: format.encode, extension: '.deflate', newPart: () => deflated(format.newPart()) }
    default:
      throw new TypeError(`compression: '${String(compression)}' is neither 'gzip' nor 'deflate'`)
  }
}

/** Each block of bytes is a member of its own, as RFC 1952 has it. */
function gzipped<E>(part: PartEncoder<E>): PartEncoder<E> {
  let isFirst = true
  return {
    add: (encoded) => part.add(encoded),
    get size() {
      return part.size
    },
    async take() {
      const bytes = await part.take()
      // A file of nothing has a member, too: without one it would be no gzip file.
      if (bytes.length === 0 && !isFirst) return bytes
      isFirst = false
      return await gzip(bytes)
    },
  }
}

/** One stream for the whole file: its format (RFC 1950) knows no second one. */
function deflated<E>(part: PartEncoder<E>): PartEncoder<E> {
  const stream = createDeflate()
  const packed: Buffer[] = []
  stream.on('data', (bytes: Buffer) => packed.push(bytes))
  const takePacked = () => Buffer.concat(packed.splice(0))
  return {
    add: (encoded) => part.add(encoded),
    get size() {
      return part.size
    },
    async take() {
      const bytes = await part.take()
      if (bytes.length > 0) await new Promise((resolve) => stream.write(bytes, resolve))
      return takePacked()
    },
    async end() {
      stream.end()
      await finished(stream)
      return takePacked()
    },
  }
}

export function textLines<T>(textOf: (row: T) => string): FileFormat<T, string> {
  return {
    encode: textOf,
    newPart() {
      let text = ''
      return {
        add: (line) => void (text += `${line}\n`),
        get size() {
          return text.length
        },
        take() {
          const bytes = Buffer.from(text)
          text = ''
          return bytes
        },
      }
    },
  }
}

const MAGIC = Buffer.from('LMOBJ1\n\0', 'latin1')
const BLOCK_HEAD_BYTES = 8

const oneRow = new ByteWriter(4096)

export const objects: FileFormat<unknown, Uint8Array> = {
  encode(row) {
    oneRow.reset()
    writePlain(oneRow, row)
    return oneRow.copy()
  },
  newPart() {
    const rows = new ByteWriter(4096)
    let isFirst = true
    return {
      add: (row) => rows.raw(row),
      get size() {
        return rows.end
      },
      take() {
        const before = isFirst ? [MAGIC] : []
        isFirst = false
        if (rows.end === 0) return Buffer.concat(before)
        const head = Buffer.allocUnsafe(BLOCK_HEAD_BYTES)
        head.writeInt32BE(rows.end, 0)
        head.writeUInt32BE(crc32c(rows.bytes, 0, rows.end), 4)
        const bytes = Buffer.concat([...before, head, rows.view()])
        rows.reset()
        return bytes
      },
    }
  },
}

/** The rows of an object file. `name` is for messages. Throws DamagedError. */
export function* readObjects(bytes: Buffer, name: string): Generator<unknown, undefined, undefined> {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new DamagedError(`${name} is no object file`)
  for (let at = MAGIC.length; at < bytes.length; ) {
    const length = at + BLOCK_HEAD_BYTES <= bytes.length ? bytes.readInt32BE(at) : -1
    const from = at + BLOCK_HEAD_BYTES
    if (length < 0 || from + length > bytes.length) throw new DamagedError(`${name} ends within a block`)
    const rows = bytes.subarray(from, from + length)
    if (crc32c(rows, 0, length) !== bytes.readUInt32BE(at + 4)) {
      throw new DamagedError(`${name}: the block at byte ${at} is not what was written`)
    }
    const reader = new ByteReader(rows)
    while (!reader.atEnd) yield readPlain(reader)
    at = from + length
  }
  return undefined
}
