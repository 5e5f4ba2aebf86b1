// How computed rows are held: Spark's names. Rows are held once, on this machine, so the replicated levels (…_2) have
// no meaning here and are refused.
//
//    MEMORY_ONLY, MEMORY_ONLY_SER            the rows themselves: a process has no use for them as bytes
//    OFF_HEAP                                bytes outside of the JavaScript heap
//    MEMORY_AND_DISK, MEMORY_AND_DISK_SER    rows up to MEMORY_BYTES a partition, the others as bytes in a file
//    DISK_ONLY                               bytes in a file
//
// What is held as bytes must be plain data.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { ArrayReader } from './array-reader.ts'
import { decodeRows, encodeRows } from './row-block.ts'
import { SpillFile } from './spill-file.ts'

const LEVELS = [
  'NONE',
  'MEMORY_ONLY',
  'MEMORY_ONLY_SER',
  'MEMORY_AND_DISK',
  'MEMORY_AND_DISK_SER',
  'DISK_ONLY',
  'OFF_HEAP',
] as const
export type StorageLevel = (typeof LEVELS)[number]

/** Throws TypeError. */
export function checkStorageLevel(level: string): asserts level is StorageLevel {
  if ((LEVELS as readonly string[]).includes(level)) return
  const replicated = /_[23]$/.test(level) ? ': rows are held once, on this machine' : ''
  throw new TypeError(`storage level ${level}${replicated}; there are ${LEVELS.join(', ')}`)
}

/** The rows of one partition: added one by one, then read as often as asked. */
export interface HeldRows<T> {
  readonly length: number
  add(row: T): void
  /** After the last row. */
  finish(): void
  open(emit: Emit<T>): RowReader
  /** Gives back what is not memory of the heap. Nothing is read after it. */
  release(): void
}

/** `operator` is named where a row is no plain data. */
export function holding<T>(level: StorageLevel, operator: string): HeldRows<T> {
  switch (level) {
    case 'DISK_ONLY':
      return new RowsAsBytes<T>(operator, new FileBlocks())
    case 'OFF_HEAP':
      return new RowsAsBytes<T>(operator, new MemoryBlocks())
    case 'MEMORY_AND_DISK':
    case 'MEMORY_AND_DISK_SER':
      return new RowsThenBytes<T>(operator)
    default:
      return new RowsInMemory<T>()
  }
}

class RowsInMemory<T> implements HeldRows<T> {
  private readonly rows: T[] = []

  get length(): number {
    return this.rows.length
  }

  add(row: T): void {
    this.rows.push(row)
  }

  finish(): void {}

  open(emit: Emit<T>): RowReader {
    return new ArrayReader(this.rows, emit)
  }

  release(): void {}
}

/** Few enough that a block's rows are soon made again. */
const BLOCK_ROWS = 1000

interface Blocks {
  readonly count: number
  add(bytes: Buffer): void
  get(index: number): Buffer
  release(): void
}

class MemoryBlocks implements Blocks {
  private readonly blocks: Buffer[] = []

  get count(): number {
    return this.blocks.length
  }

  add(bytes: Buffer): void {
    this.blocks.push(bytes)
  }

  get(index: number): Buffer {
    return this.blocks[index] as Buffer
  }

  release(): void {
    this.blocks.length = 0
  }
}

class FileBlocks implements Blocks {
  private readonly file = new SpillFile()
  private readonly places: { position: number; length: number }[] = []

  get count(): number {
    return this.places.length
  }

  add(bytes: Buffer): void {
    this.places.push({ position: this.file.append(bytes), length: bytes.length })
  }

  get(index: number): Buffer {
    const { position, length } = this.places[index] as { position: number; length: number }
    return this.file.read(position, length)
  }

  release(): void {
    this.file.close()
  }
}

class RowsAsBytes<T> implements HeldRows<T> {
  length = 0
  private readonly operator: string
  private readonly blocks: Blocks
  private gathered: T[] = []

  constructor(operator: string, blocks: Blocks) {
    this.operator = operator
    this.blocks = blocks
  }

  add(row: T): void {
    this.length++
    this.gathered.push(row)
    if (this.gathered.length >= BLOCK_ROWS) this.finish()
  }

  finish(): void {
    if (this.gathered.length === 0) return
    this.blocks.add(encodeRows(this.operator, this.gathered))
    this.gathered = []
  }

  open(emit: Emit<T>): RowReader {
    const { blocks } = this
    let next = 0
    let reader: ArrayReader<T> | undefined
    return {
      read(maxRows) {
        if (reader === undefined) {
          if (next >= blocks.count) return false
          reader = new ArrayReader(decodeRows<T>(blocks.get(next++)), emit)
        }
        if (!reader.read(maxRows)) reader = undefined
        return reader !== undefined || next < blocks.count
      },
      close() {},
    }
  }

  release(): void {
    this.blocks.release()
  }
}

/** Bytes of rows that a partition keeps in memory under MEMORY_AND_DISK, as far as the first ones tell. */
const MEMORY_BYTES = 64 * 1024 * 1024

class RowsThenBytes<T> implements HeldRows<T> {
  private readonly operator: string
  private readonly inMemory: T[] = []
  private spilled: RowsAsBytes<T> | undefined
  private most = Number.POSITIVE_INFINITY

  constructor(operator: string) {
    this.operator = operator
  }

  get length(): number {
    return this.inMemory.length + (this.spilled?.length ?? 0)
  }

  add(row: T): void {
    if (this.inMemory.length < this.most) {
      this.inMemory.push(row)
      if (this.inMemory.length === BLOCK_ROWS) {
        const bytesOfRow = encodeRows(this.operator, this.inMemory).length / BLOCK_ROWS
        this.most = Math.max(BLOCK_ROWS, Math.floor(MEMORY_BYTES / bytesOfRow))
      }
      return
    }
    this.spilled ??= new RowsAsBytes<T>(this.operator, new FileBlocks())
    this.spilled.add(row)
  }

  finish(): void {
    this.spilled?.finish()
  }

  open(emit: Emit<T>): RowReader {
    const first = new ArrayReader(this.inMemory, emit)
    const then = this.spilled?.open(emit)
    let isFirst = true
    return {
      read(maxRows) {
        if (!isFirst) return then?.read(maxRows) ?? false
        isFirst = first.read(maxRows)
        return isFirst || then !== undefined
      },
      close: () => then?.close(),
    }
  }

  release(): void {
    this.spilled?.release()
  }
}
