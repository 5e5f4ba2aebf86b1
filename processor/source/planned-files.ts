// Files that a plan names, as rows: one row partition each. A file is read as the one that was planned or not at all:
// one that has gone, or was written to since, ends the job with a DataLossError.

import { readFileSync, statSync } from 'node:fs'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { PlannedFile } from '../graph/contracts/source.ts'
import type { Dataset, TaskRunner } from '../rdd/dataset.ts'
import { DataLossError } from './errors.ts'
import { checkRecordLength, LineReader, openRecords, unpackedLines } from './text-file.ts'
import { isPacked, UnpackedFiles } from './unpacked-file.ts'

/** What the rows of a file are. */
export interface FileFormat<T> {
  open(file: PlannedFile, emit: Emit<T>): RowReader
  /** A file whose name says that it is packed; absent: its bytes are read as they are. */
  openUnpacked?(path: string, unpacked: UnpackedFiles, emit: Emit<T>): RowReader
}

/**
 * Lines of UTF-8 text, without their ends (`\n`, `\r` or `\r\n`), also of `.gz`, `.deflate` and `.zst` files. A line of
 * more than 64 MiB ends the job.
 */
export const textLines: FileFormat<string> = {
  openUnpacked: unpackedLines,
  open: ({ path: file, sizeInBytes: until }, emit) => new LineReader({ file, from: 0, until }, emit),
}

/** Records of so many bytes. A file whose size is no multiple of it ends the job. */
export function fixedRecords(recordLength: number): FileFormat<Buffer> {
  checkRecordLength(recordLength)
  return {
    open({ path, sizeInBytes }, emit) {
      if (sizeInBytes % recordLength !== 0) {
        throw new RangeError(`${path} has ${sizeInBytes} bytes, which is no multiple of ${recordLength}`)
      }
      return openRecords(path, recordLength, emit)
    },
  }
}

/** Path and bytes of the whole file, which must fit into memory. */
export const wholeFiles: FileFormat<readonly [string, Buffer]> = {
  open: ({ path }, emit) => ({
    read() {
      emit([path, readFileSync(path)])
      return false
    },
    close() {},
  }),
}

export class FilesDataset<T> implements Dataset<T> {
  readonly keeps = 'always'
  private readonly files: readonly PlannedFile[]
  private readonly format: FileFormat<T>
  private readonly unpacked = new UnpackedFiles()

  constructor(files: readonly PlannedFile[], format: FileFormat<T>) {
    this.files = files
    this.format = format
  }

  get partitions(): number {
    return this.files.length
  }

  async prepare(run: TaskRunner): Promise<void> {
    const packed = this.files.filter((file) => this.isPacked(file))
    for (const file of packed) mustBeAsPlanned(file)
    await this.unpacked.prepare(
      packed.map(({ path }) => path),
      run,
    )
  }

  open(partition: number, emit: Emit<T>): RowReader {
    const file = this.files[partition] as PlannedFile
    mustBeAsPlanned(file)
    const reader = this.isPacked(file)
      ? (this.format.openUnpacked as NonNullable<FileFormat<T>['openUnpacked']>)(
          file.path,
          this.unpacked,
          emit,
        )
      : this.format.open(file, emit)
    return {
      read(maxRows) {
        if (reader.read(maxRows)) return true
        // Also what was written while it was read shows.
        mustBeAsPlanned(file)
        return false
      },
      close: () => reader.close(),
    }
  }

  release(): void {
    this.unpacked.release()
  }

  private isPacked({ path }: PlannedFile): boolean {
    return this.format.openUnpacked !== undefined && isPacked(path)
  }
}

function mustBeAsPlanned({ path, sizeInBytes, modifiedMs }: PlannedFile): void {
  const now = statSync(path, { throwIfNoEntry: false })
  if (now === undefined) throw new DataLossError(`${path} was planned to be read, and is gone`)
  if (now.size === sizeInBytes && now.mtimeMs === modifiedMs) return
  throw new DataLossError(
    `${path} has changed since it was planned: ${sizeInBytes} bytes of ${timeText(modifiedMs)}, now ${now.size} ` +
      `bytes of ${timeText(now.mtimeMs)}; files are to be moved into the directory when they are whole`,
  )
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}
