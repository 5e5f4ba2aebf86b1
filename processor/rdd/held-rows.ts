// Rows that are held, in memory or as bytes. Bytes are cut into blocks by size: a block is made rows again at once.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { failedAtNoRecord } from '../graph/errors.ts'
import { ArrayReader } from './array-reader.ts'
import { decodeRows, encodeRows } from './row-block.ts'
import { SampledSize, sizeOf } from './size-of.ts'
import type { SpilledBlock, SpillFile } from './spill-file.ts'

/** Rows of one partition: added one by one, then read as often as asked. */
export interface HeldRows<T> {
  readonly length: number
  add(row: T): void
  /** After the last row. */
  finish(): void
  open(emit: Emit<T>): RowReader
  /** Gives back what is not memory of the heap. Nothing is read after it. */
  release(): void
}

export class RowsInMemory<T> implements HeldRows<T> {
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

/** Of rows in memory, as estimated: little enough that a block's rows are soon made again. */
const BLOCK_BYTES = 256 * 1024

/** Gathers rows until they are a block's worth. */
export class BlockCutter<T> {
  rows: T[] = []
  private readonly size = new SampledSize(8)

  /** True: the block is to be taken. */
  add(row: T): boolean {
    this.rows.push(row)
    if (this.size.isDue()) this.size.add(sizeOf(row))
    return this.size.bytes >= BLOCK_BYTES
  }

  take(): T[] {
    const { rows } = this
    this.rows = []
    this.size.reset()
    return rows
  }
}

export interface Blocks {
  readonly count: number
  add(bytes: Buffer): void
  get(index: number): Buffer
  release(): void
}

export class MemoryBlocks implements Blocks {
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

/** The file is made when there is something to write. */
export class FileBlocks implements Blocks {
  private readonly open: () => SpillFile
  private readonly places: SpilledBlock[] = []
  private file: SpillFile | undefined

  constructor(open: () => SpillFile) {
    this.open = open
  }

  get count(): number {
    return this.places.length
  }

  add(bytes: Buffer): void {
    this.file ??= this.open()
    this.places.push(this.file.append(bytes))
  }

  get(index: number): Buffer {
    return (this.file as SpillFile).read(this.places[index] as SpilledBlock)
  }

  release(): void {
    this.file?.close()
  }
}

/** The first ones in memory, those that have no room there in a file. */
export class MemoryThenFileBlocks implements Blocks {
  private readonly inMemory = new MemoryBlocks()
  private readonly inFile: FileBlocks
  private left: number

  constructor(limitInBytes: number, open: () => SpillFile) {
    this.left = limitInBytes
    this.inFile = new FileBlocks(open)
  }

  get count(): number {
    return this.inMemory.count + this.inFile.count
  }

  add(bytes: Buffer): void {
    if (this.left < bytes.length) this.left = 0
    this.left -= Math.min(this.left, bytes.length)
    if (this.left > 0) this.inMemory.add(bytes)
    else this.inFile.add(bytes)
  }

  get(index: number): Buffer {
    const { count } = this.inMemory
    return index < count ? this.inMemory.get(index) : this.inFile.get(index - count)
  }

  release(): void {
    this.inMemory.release()
    this.inFile.release()
  }
}

/** `operator` is named where a row is no plain data, or the disk fails. */
export class RowsAsBytes<T> implements HeldRows<T> {
  length = 0
  private readonly operator: string
  private readonly blocks: Blocks
  private readonly gathered = new BlockCutter<T>()

  constructor(operator: string, blocks: Blocks) {
    this.operator = operator
    this.blocks = blocks
  }

  add(row: T): void {
    this.length++
    if (this.gathered.add(row)) this.finish()
  }

  finish(): void {
    const rows = this.gathered.take()
    if (rows.length === 0) return
    const bytes = encodeRows(this.operator, rows)
    attempt(this.operator, () => this.blocks.add(bytes))
  }

  open(emit: Emit<T>): RowReader {
    return new BlocksReader(this.operator, this.blocks, emit)
  }

  release(): void {
    this.blocks.release()
  }
}

export class BlocksReader<T> implements RowReader {
  private readonly operator: string
  private readonly blocks: Blocks
  private readonly emit: Emit<T>
  private next = 0
  private reader: ArrayReader<T> | undefined

  constructor(operator: string, blocks: Blocks, emit: Emit<T>) {
    this.operator = operator
    this.blocks = blocks
    this.emit = emit
  }

  read(maxRows: number): boolean {
    const { blocks } = this
    if (this.reader === undefined) {
      if (this.next >= blocks.count) return false
      const bytes = attempt(this.operator, () => blocks.get(this.next++))
      this.reader = new ArrayReader(decodeRows<T>(bytes), this.emit)
    }
    if (!this.reader.read(maxRows)) this.reader = undefined
    return this.reader !== undefined || this.next < blocks.count
  }

  close(): void {}
}

/** Memory that several may use up together. */
export class MemoryBudget {
  private readonly size = new SampledSize()
  private readonly limitInBytes: number

  constructor(limitInBytes: number) {
    this.limitInBytes = limitInBytes
  }

  get isSpent(): boolean {
    return this.size.bytes >= this.limitInBytes
  }

  add(row: unknown): void {
    if (this.size.isDue()) this.size.add(sizeOf(row))
  }
}

/** The first rows in memory, as bytes those for which the budget has nothing left. */
export class RowsThenBytes<T> implements HeldRows<T> {
  private readonly operator: string
  private readonly budget: MemoryBudget
  private readonly blocks: () => Blocks
  private readonly inMemory: T[] = []
  private rest: RowsAsBytes<T> | undefined

  constructor(operator: string, budget: MemoryBudget, blocks: () => Blocks) {
    this.operator = operator
    this.budget = budget
    this.blocks = blocks
  }

  get length(): number {
    return this.inMemory.length + (this.rest?.length ?? 0)
  }

  add(row: T): void {
    if (this.rest === undefined && !this.budget.isSpent) {
      this.inMemory.push(row)
      this.budget.add(row)
      return
    }
    this.rest ??= new RowsAsBytes<T>(this.operator, this.blocks())
    this.rest.add(row)
  }

  finish(): void {
    this.rest?.finish()
  }

  open(emit: Emit<T>): RowReader {
    const first = new ArrayReader(this.inMemory, emit)
    const then = this.rest?.open(emit)
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
    this.rest?.release()
  }
}

/** A disk that fails is no record's fault. */
export function attempt<R>(operator: string, f: () => R): R {
  try {
    return f()
  } catch (error) {
    throw failedAtNoRecord(operator, error)
  }
}
