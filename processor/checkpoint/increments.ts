// What one batch changes in keyed state, as bytes: written once when the batch is staged, read when it is
// applied, to memory at a restart or to a generation on disk.
//
//    (operator: varint | entries: varint | (key: varint length, bytes | value: varint length or -1, bytes)* )*
//
// A length of -1 removes the key.

import { ByteReader, ByteWriter } from './bytes.ts'

export class IncrementsWriter {
  private readonly bytes = new ByteWriter(4096)

  operator(number: number, entries: number): void {
    this.bytes.varint(number)
    this.bytes.varint(entries)
  }

  /** The first `length` bytes. */
  key(bytes: Uint8Array, length: number): void {
    this.bytes.blob(bytes, length)
  }

  value(bytes: Uint8Array, length: number): void {
    this.bytes.blob(bytes, length)
  }

  removed(): void {
    this.bytes.varint(-1)
  }

  /** What was written, as a view: nothing may be written after. */
  finish(): Buffer {
    return this.bytes.view()
  }
}

/** Walks the entries in their order; key and value are views, good while `increments` is. */
export class IncrementsReader {
  private readonly reader: ByteReader
  private left = 0
  operator = 0
  key: Buffer = NOTHING
  /** undefined: the key was removed. */
  value: Buffer | undefined

  constructor(increments: Buffer) {
    this.reader = new ByteReader(increments)
  }

  next(): boolean {
    while (this.left === 0) {
      if (this.reader.atEnd) return false
      this.operator = this.reader.varint()
      this.left = this.reader.count(2)
    }
    this.left--
    this.key = this.reader.view()
    this.value = this.reader.viewOrNone()
    return true
  }
}

const NOTHING = Buffer.alloc(0)
