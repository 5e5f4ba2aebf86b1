// The files of one segment by their names: the log, the indexes beside it, and how all of them go.

import type { Storage } from '../storage/storage.ts'
import {
  DELETED_SUFFIX,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  SNAPSHOT_SUFFIX,
  segmentFileName,
  TIME_INDEX_SUFFIX,
  TXN_INDEX_SUFFIX,
} from './names.ts'
import { OffsetIndex } from './offset-index.ts'
import { SegmentIndex } from './segment-index.ts'
import { TimeIndex } from './time-index.ts'

const SUFFIXES = [LOG_SUFFIX, OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, SNAPSHOT_SUFFIX]

export interface SegmentPlace {
  storage: Storage
  /** The partition's folder. */
  directory: string
  baseOffset: bigint
  createdMs: number
  indexIntervalBytes: number
  gapsAllowed: boolean
  /** Takes what removes a segment's files for good; left out, it is done at once. */
  removeLater?: (remove: () => void) => void
}

export class SegmentFiles {
  /** Index files that were written and not yet synced. */
  unsynced: string[] = []
  private readonly place: SegmentPlace

  constructor(place: SegmentPlace) {
    this.place = place
  }

  pathOf(suffix: string): string {
    return `${this.place.directory}/${segmentFileName(this.place.baseOffset, suffix)}`
  }

  noteUnsynced(suffix: string): void {
    const path = this.pathOf(suffix)
    if (!this.unsynced.includes(path)) this.unsynced.push(path)
  }

  /** What the index files say of a log of that size; undefined where one is missing, or cannot be of such a log. */
  readIndex(logSizeInBytes: number): SegmentIndex | undefined {
    const { storage, baseOffset } = this.place
    const offsetBytes = storage.readFile(this.pathOf(OFFSET_INDEX_SUFFIX))
    const timeBytes = storage.readFile(this.pathOf(TIME_INDEX_SUFFIX))
    const offsets = offsetBytes && OffsetIndex.decode(offsetBytes, logSizeInBytes)
    const times = timeBytes && TimeIndex.decode(timeBytes)
    return offsets && times && new SegmentIndex(baseOffset, offsets, times)
  }

  writeIndex(index: SegmentIndex): void {
    const { storage } = this.place
    index.finish()
    storage.replaceFileUnsynced(this.pathOf(OFFSET_INDEX_SUFFIX), index.offsets.encode())
    storage.replaceFileUnsynced(this.pathOf(TIME_INDEX_SUFFIX), index.times.encode())
    this.noteUnsynced(OFFSET_INDEX_SUFFIX)
    this.noteUnsynced(TIME_INDEX_SUFFIX)
  }

  /** Whether the index files are what `index` would write. */
  have(index: SegmentIndex): boolean {
    const { storage } = this.place
    index.finish()
    const offsets = storage.readFile(this.pathOf(OFFSET_INDEX_SUFFIX))
    const times = storage.readFile(this.pathOf(TIME_INDEX_SUFFIX))
    return offsets?.equals(index.offsets.encode()) === true && times?.equals(index.times.encode()) === true
  }

  /** They can be read by whoever has them open, and are not there any more for anybody else. */
  markDeleted(): void {
    const { storage } = this.place
    for (const suffix of SUFFIXES) {
      const path = this.pathOf(suffix)
      if (storage.exists(path)) storage.rename(path, path + DELETED_SUFFIX)
    }
  }

  /** What was marked goes for good: now, or later. */
  remove(): void {
    const { storage, removeLater } = this.place
    const remove = (): void => {
      for (const suffix of SUFFIXES) {
        const path = this.pathOf(suffix) + DELETED_SUFFIX
        // The whole folder may have gone meanwhile.
        if (storage.exists(path)) storage.removeFile(path)
      }
    }
    if (removeLater === undefined) remove()
    else removeLater(remove)
  }
}
