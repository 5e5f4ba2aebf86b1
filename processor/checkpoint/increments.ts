// What one batch changes in keyed state, as bytes: written once when the batch is staged, read when it is
// applied, to memory at a restart or to a generation on disk. It comes in chunks, each of one operator and each
// readable by itself, so nobody ever has to hold or walk all of it at once.
//
//    chunk: operator: varint | (key: varint length, bytes | value: varint length or -1, bytes)*
//
// A length of -1 removes the key.

import { ByteReader, ByteWriter } from './bytes.ts'

/** An entry that goes beyond it ends its chunk. */
export const CHUNK_BYTES = 64 * 1024

export class IncrementsWriter {
  private readonly chunkBytes: number
  private readonly bytes: ByteWriter
  private readonly chunks: Buffer[] = []
  private number: number | undefined
  private headBytes = 0
  private begun = 0

  constructor(chunkBytes: number = CHUNK_BYTES) {
    this.chunkBytes = chunkBytes
    this.bytes = new ByteWriter(4096)
  }

  /** Of the entries that follow. */
  operator(number: number): void {
    if (number === this.number) return
    this.cut()
    this.number = number
    this.begin(number)
  }

  /** Begins an entry. Its key goes into what is returned, up to `endKey`. */
  beginKey(): ByteWriter {
    this.beginEntry()
    this.begun = this.bytes.beginBlob()
    return this.bytes
  }

  endKey(): void {
    this.bytes.endBlob(this.begun)
  }

  /** The value goes into what is returned, up to `endValue`. */
  beginValue(): ByteWriter {
    this.begun = this.bytes.beginBlob()
    return this.bytes
  }

  endValue(): void {
    this.bytes.endBlob(this.begun)
  }

  /** In place of a value. */
  removed(): void {
    this.bytes.varint(-1)
  }

  /** An entry of this operator as it lies in another chunk. */
  entry(chunk: Buffer, from: number, until: number): void {
    this.beginEntry()
    this.bytes.raw(chunk, from, until)
  }

  /** Chunks that are whole by now: they are the caller's. */
  take(): Buffer[] {
    return this.chunks.splice(0)
  }

  /** What was written and not taken. */
  finish(): Buffer[] {
    this.cut()
    this.number = undefined
    return this.take()
  }

  private beginEntry(): void {
    if (this.bytes.end < this.chunkBytes) return
    this.cut()
    this.begin(this.number as number)
  }

  private begin(number: number): void {
    this.bytes.varint(number)
    this.headBytes = this.bytes.end
  }

  private cut(): void {
    if (this.bytes.end > this.headBytes) this.chunks.push(this.bytes.copy())
    this.bytes.reset()
    this.headBytes = 0
  }
}

/** Walks the entries of a chunk in their order; key and value are views, good while the chunk is. */
export class IncrementsReader {
  readonly chunk: Buffer
  readonly operator: number
  private readonly reader: ByteReader
  /** Where the entry lies in the chunk, its lengths included, and in it its key and its value. */
  from = 0
  until = 0
  keyFrom = 0
  keyUntil = 0
  valueFrom = 0
  isRemoved = false

  /** Throws DamagedError, as `next` does. */
  constructor(chunk: Buffer) {
    this.chunk = chunk
    this.reader = new ByteReader(chunk)
    this.operator = this.reader.varint()
  }

  next(): boolean {
    const { reader } = this
    if (reader.atEnd) return false
    this.from = reader.at
    this.keyFrom = reader.skip()
    this.keyUntil = reader.at
    const valueFrom = reader.skipOrNone()
    this.isRemoved = valueFrom < 0
    this.valueFrom = valueFrom
    this.until = reader.at
    return true
  }

  get key(): Buffer {
    return this.chunk.subarray(this.keyFrom, this.keyUntil)
  }

  /** undefined: the key was removed. */
  get value(): Buffer | undefined {
    return this.isRemoved ? undefined : this.chunk.subarray(this.valueFrom, this.until)
  }
}
