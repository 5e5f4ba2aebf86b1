// Files as rows of a batch program: lines, whole texts, records of a fixed length. A file is cut into byte ranges,
// and a line belongs to the range in which it begins, so ranges can be read apart and have every line once.

import fs from 'node:fs'
import path from 'node:path'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { Dataset, TaskRunner } from '../rdd/dataset.ts'
import { LineEnds } from './line-ends.ts'
import { isPacked, UnpackedFiles } from './unpacked-file.ts'

const CHUNK_BYTES = 256 * 1024

/** A line that is longer is none: somebody's binary file, or one without an end. */
const MAX_LINE_BYTES = 64 * 1024 * 1024

export interface FileRange {
  readonly file: string
  readonly from: number
  readonly until: number
}

/** Bytes that are read from their beginning, or a place in them, on. */
export interface ByteSource {
  /** Fills `target`, of 256 KiB, from its start; 0: there is nothing more. */
  read(target: Buffer, position: number): number
  close(): void
}

/** A file, or the files of a directory in the order of their names; names with `_` or `.` before them are left out. */
export function filesOf(location: string | readonly string[]): string[] {
  if (typeof location !== 'string') return location.flatMap(filesOf)
  if (!fs.statSync(location).isDirectory()) return [location]
  const names = fs.readdirSync(location, { withFileTypes: true })
  return names
    .filter((entry) => entry.isFile() && !/^[_.]/.test(entry.name))
    .map(({ name }) => path.join(location, name))
    .sort()
}

/**
 * Lines of text files, UTF-8, that end with `\n`, `\r` or `\r\n`. At least as many partitions, if there are bytes for
 * them; a compressed file is one.
 */
export class TextFileDataset implements Dataset<string> {
  readonly keeps = 'always'
  private readonly ranges: readonly FileRange[]
  private readonly packed: ReadonlySet<string>
  private readonly unpacked = new UnpackedFiles()

  /** Throws TypeError where a file is packed as nobody here can unpack it. */
  constructor(files: readonly string[], minPartitions: number) {
    this.packed = new Set(files.filter(isPacked))
    const sizes = files.map((file) => fs.statSync(file).size)
    const total = sizes.reduce((sum, size) => sum + size, 0)
    const rangeBytes = Math.max(1, Math.ceil(total / minPartitions))
    this.ranges = files.flatMap((file, index) => {
      const size = sizes[index] as number
      return rangesOf(file, size, this.packed.has(file) ? size : rangeBytes)
    })
  }

  get partitions(): number {
    return this.ranges.length
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.unpacked.prepare(this.packed, run)
  }

  open(partition: number, emit: Emit<string>): RowReader {
    const range = this.ranges[partition] as FileRange
    if (!this.packed.has(range.file)) return new LineReader(range, emit)
    return unpackedLines(range.file, this.unpacked, emit)
  }
}

/** Lines of a file that was unpacked. */
export function unpackedLines(file: string, unpacked: UnpackedFiles, emit: Emit<string>): RowReader {
  const { sizeInBytes: until } = unpacked.get(file)
  return new LineReader({ file, from: 0, until }, emit, MAX_LINE_BYTES, unpacked.get(file).open())
}

function rangesOf(file: string, sizeInBytes: number, rangeBytes: number): FileRange[] {
  const ranges: FileRange[] = []
  for (let from = 0; from < sizeInBytes; from += rangeBytes) {
    ranges.push({ file, from, until: Math.min(sizeInBytes, from + rangeBytes) })
  }
  return ranges.length === 0 ? [{ file, from: 0, until: 0 }] : ranges
}

/** Throws where a line is longer than a line may be. */
export class LineReader implements RowReader {
  private readonly emit: Emit<string>
  private readonly until: number
  private readonly bytes: ByteSource
  private readonly chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  private filled = 0
  private at = 0
  private readonly ends = new LineEnds()
  /** File position of chunk[at]. */
  private position: number
  /** What came of a line before this chunk. */
  private begun: Buffer[] = []
  private begunBytes = 0
  private readonly file: string
  private readonly maxLineBytes: number
  private skipsFirst: boolean

  /** `bytes`: default, those of the file. */
  constructor(
    { file, from, until }: FileRange,
    emit: Emit<string>,
    maxLineBytes = MAX_LINE_BYTES,
    bytes: ByteSource = bytesOf(file),
  ) {
    this.emit = emit
    this.file = file
    this.maxLineBytes = maxLineBytes
    this.until = until
    // One byte back: where that ends a line, the first line here begins here.
    this.skipsFirst = from > 0
    this.position = Math.max(0, from - 1)
    this.bytes = bytes
  }

  read(maxRows: number): boolean {
    for (let rows = 0; rows < maxRows; ) {
      // Where the next line begins is not known before.
      if (this.ends.isCut && !this.fill()) return false
      const lineStart = this.position - this.begunBytes
      if (this.begun.length === 0 && lineStart >= this.until && !this.skipsFirst) return false
      if (this.at === this.filled && !this.fill()) {
        if (this.begun.length > 0) this.line(Buffer.alloc(0))
        return false
      }
      const end = this.ends.end(this.at)
      if (end === this.filled) {
        this.begun.push(Buffer.from(this.chunk.subarray(this.at, this.filled)))
        this.begunBytes += this.filled - this.at
        if (this.begunBytes > this.maxLineBytes) {
          throw new RangeError(`${this.file}: a line of more than ${this.maxLineBytes} bytes`)
        }
        this.position += this.filled - this.at
        this.at = this.filled
        continue
      }
      const rest = this.chunk.subarray(this.at, end)
      this.passTo(this.ends.behind(end))
      this.line(rest)
      rows++
    }
    return true
  }

  close(): void {
    this.bytes.close()
  }

  private line(rest: Buffer): void {
    const bytes = this.begun.length === 0 ? rest : Buffer.concat([...this.begun, rest])
    this.begun = []
    this.begunBytes = 0
    if (this.skipsFirst) {
      this.skipsFirst = false
      return
    }
    this.emit(bytes.toString('utf8'))
  }

  private passTo(at: number): void {
    this.position += at - this.at
    this.at = at
  }

  private fill(): boolean {
    this.filled = this.bytes.read(this.chunk, this.position)
    this.at = 0
    this.passTo(this.ends.goOn(this.chunk, this.filled))
    return this.filled > 0
  }
}

function bytesOf(file: string): ByteSource {
  const fd = fs.openSync(file, 'r')
  return {
    read: (target, position) => fs.readSync(fd, target, 0, target.length, position),
    close: () => fs.closeSync(fd),
  }
}

/** Whole files, unpacked, as pairs of path and text: one partition for all of them together is enough. */
export class WholeTextFilesDataset implements Dataset<readonly [string, string]> {
  readonly keeps = 'always'
  readonly partitions: number
  private readonly files: readonly string[]
  private readonly packed: ReadonlySet<string>
  private readonly unpacked = new UnpackedFiles()

  /** Throws TypeError where a file is packed as nobody here can unpack it. */
  constructor(files: readonly string[], partitions: number) {
    this.files = files
    this.packed = new Set(files.filter(isPacked))
    this.partitions = partitions
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.unpacked.prepare(this.packed, run)
  }

  open(partition: number, emit: Emit<readonly [string, string]>): RowReader {
    const files = this.files.filter((_, index) => index % this.partitions === partition)
    const read = () => {
      const file = files.shift()
      if (file !== undefined) emit([file, this.textOf(file)])
      return files.length > 0
    }
    return { read, close() {} }
  }

  private textOf(file: string): string {
    return this.packed.has(file) ? this.unpacked.get(file).bytes().toString() : fs.readFileSync(file, 'utf8')
  }
}

/** Throws TypeError where a record cannot be so long. */
export function checkRecordLength(recordLength: number): void {
  if (Number.isSafeInteger(recordLength) && recordLength > 0) return
  throw new TypeError(`a record's length is a whole number above 0: got ${recordLength}`)
}

/** Files of records of a fixed length. Throws where a file's size is not a multiple of it. */
export class BinaryRecordsDataset implements Dataset<Buffer> {
  readonly keeps = 'always'
  private readonly files: readonly string[]
  private readonly recordLength: number

  constructor(files: readonly string[], recordLength: number) {
    checkRecordLength(recordLength)
    for (const file of files) {
      const { size } = fs.statSync(file)
      if (size % recordLength !== 0) {
        throw new RangeError(`${file} has ${size} bytes, which is no multiple of ${recordLength}`)
      }
    }
    this.files = files
    this.recordLength = recordLength
  }

  get partitions(): number {
    return this.files.length
  }

  prepare(): Promise<void> {
    return Promise.resolve()
  }

  open(partition: number, emit: Emit<Buffer>): RowReader {
    return openRecords(this.files[partition] as string, this.recordLength, emit)
  }
}

/** Records of a fixed length, from a file whose size is a multiple of it. */
export function openRecords(file: string, recordLength: number, emit: Emit<Buffer>): RowReader {
  const fd = fs.openSync(file, 'r')
  let position = 0
  return {
    read(maxRows) {
      const bytes = Buffer.alloc(recordLength * maxRows)
      const filled = fs.readSync(fd, bytes, 0, bytes.length, position)
      position += filled
      for (let at = 0; at + recordLength <= filled; at += recordLength) {
        emit(bytes.subarray(at, at + recordLength))
      }
      return filled === bytes.length
    },
    close: () => fs.closeSync(fd),
  }
}
