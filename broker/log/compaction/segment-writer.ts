// Writes what is left of a group of segments into one new segment: the `.cleaned` files of its base offset, with
// the indexes Kafka would write. Nothing reads them before they are swapped in.

import { batchSizeInBytes, maxTimestampOf } from '../../protocol/record-batch/header.ts'
import type { StorageFile } from '../../storage/storage.ts'
import {
  CLEANED_SUFFIX,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  segmentFileName,
  TIME_INDEX_SUFFIX,
  TXN_INDEX_SUFFIX,
} from '../names.ts'
import type { SegmentPlace } from '../segment-files.ts'
import { SegmentIndex } from '../segment-index.ts'
import type { AbortedTransaction } from '../txn-index.ts'
import { encodeAbortedTransaction } from '../txn-index.ts'
import { dropCleaned } from './swap.ts'

export class SegmentWriter {
  readonly place: SegmentPlace
  readonly index: SegmentIndex
  readonly aborted: AbortedTransaction[] = []
  /** Largest timestamp of the first batch. */
  firstTimestamp: bigint | undefined
  private readonly file: StorageFile
  private position = 0
  private pending: Buffer[] = []

  /** What an earlier attempt left goes. Throws StorageError. */
  constructor(place: SegmentPlace) {
    this.place = place
    dropCleaned(place.storage, place.directory, place.baseOffset)
    this.index = new SegmentIndex(place.baseOffset)
    this.file = this.create(LOG_SUFFIX)
  }

  get sizeInBytes(): number {
    return this.position
  }

  /** `batch` must stay as it is until flush(). */
  append(batch: Buffer): void {
    if (batch.length !== batchSizeInBytes(batch, 0)) {
      throw new Error(`${this.file.path}: a batch of ${batchSizeInBytes(batch, 0)} bytes in ${batch.length}`)
    }
    this.firstTimestamp ??= maxTimestampOf(batch, 0)
    this.index.addBatch(batch, 0, this.position, this.place.indexIntervalBytes)
    this.position += batch.length
    this.pending.push(batch)
  }

  addAborted(transaction: AbortedTransaction): void {
    this.aborted.push(transaction)
  }

  /** One write of what was appended. Throws StorageError. */
  flush(): void {
    if (this.pending.length > 0) this.file.append(this.pending)
    this.pending = []
  }

  /** Indexes too; resolves when bytes and names are on the device, and the files are closed. */
  async finish(): Promise<void> {
    this.flush()
    this.index.finish()
    await this.file.sync()
    this.file.close()
    await this.writeFile(OFFSET_INDEX_SUFFIX, this.index.offsets.encode())
    await this.writeFile(TIME_INDEX_SUFFIX, this.index.times.encode())
    if (this.aborted.length > 0) {
      await this.writeFile(TXN_INDEX_SUFFIX, Buffer.concat(this.aborted.map(encodeAbortedTransaction)))
    }
    // A crash that kept a renaming but not every name before it would let a start take part of the files for all.
    await this.place.storage.syncDirectory(this.place.directory)
  }

  /** Nothing is left of it. Throws StorageError. */
  discard(): void {
    this.file.close()
    dropCleaned(this.place.storage, this.place.directory, this.place.baseOffset)
  }

  private async writeFile(suffix: string, bytes: Buffer): Promise<void> {
    const file = this.create(suffix)
    try {
      if (bytes.length > 0) file.append([bytes])
      await file.sync()
    } finally {
      file.close()
    }
  }

  private create(suffix: string): StorageFile {
    const { storage, directory, baseOffset } = this.place
    return storage.open(`${directory}/${segmentFileName(baseOffset, suffix)}${CLEANED_SUFFIX}`, {
      create: true,
    })
  }
}
