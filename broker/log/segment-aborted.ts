// The transaction index of one segment: its file, and what it says once that is asked for. It carries no
// checksum, so every entry must have its abort marker in the segment; anything else is damage that readers
// must not see.

import type { Storage } from '../storage/storage.ts'
import { CorruptLogError } from '../storage/storage.ts'
import type { AbortedTransaction } from './txn-index.ts'
import { decodeTxnIndex, encodeAbortedTransaction, TXN_INDEX_ENTRY_BYTES } from './txn-index.ts'

export interface AbortedPlace {
  storage: Storage
  path: string
  baseOffset: bigint
  /** Offset after the segment's last batch, as of now. */
  endOffset: () => bigint
  /** Whether the segment has the marker of an entry. */
  isMarker: (entry: AbortedTransaction) => boolean
  /** The file was written and is not synced. */
  onWritten: () => void
}

export class SegmentAborted {
  private readonly place: AbortedPlace
  private entries: AbortedTransaction[] | undefined

  /** `entries`: what the file says, where that is known. */
  constructor(place: AbortedPlace, entries?: readonly AbortedTransaction[]) {
    this.place = place
    if (entries !== undefined) this.entries = [...entries]
  }

  /** In order of their markers. Throws CorruptLogError. */
  all(): readonly AbortedTransaction[] {
    this.entries ??= this.load()
    return this.entries
  }

  /** Adds those that overlap [fromOffset, untilOffset) to `found`, without a look at what ended before. */
  findOverlapping(fromOffset: bigint, untilOffset: bigint, found: AbortedTransaction[]): void {
    const entries = this.all()
    let low = 0
    let high = entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((entries[middle] as AbortedTransaction).lastOffset < fromOffset) low = middle + 1
      else high = middle
    }
    for (let i = low; i < entries.length; i++) {
      const entry = entries[i] as AbortedTransaction
      if (entry.firstOffset < untilOffset) found.push(entry)
    }
  }

  /** True where the file may be new. Adding the same marker again does nothing. */
  add(entry: AbortedTransaction): boolean {
    const known = this.all()
    const last = known[known.length - 1]
    if (last !== undefined && entry.lastOffset <= last.lastOffset) {
      if (known.some((other) => other.lastOffset === entry.lastOffset)) return false
      // Replay found one that the file had lost.
      this.replace([...known, entry].sort((a, b) => (a.lastOffset < b.lastOffset ? -1 : 1)))
      return true
    }
    // An attempt that failed may have left an empty file whose name was never synced.
    const isNew = known.length === 0
    this.inFile((file) => file.append([encodeAbortedTransaction(entry)]))
    this.entries?.push(entry)
    this.place.onWritten()
    return isNew
  }

  /**
   * Adds an entry together with its marker, which `writeMarker` writes: both are there afterwards, or neither.
   * True where the file may be new.
   */
  addWith(entry: AbortedTransaction, writeMarker: () => void): boolean {
    const isNew = this.all().length === 0
    // Also of an entry that is taken back: it must not come back in a power cut.
    this.place.onWritten()
    // Through one handle: to take the entry back nothing may be wanted that could have run out.
    this.inFile((file) => {
      const sizeInBytes = file.sizeInBytes
      file.append([encodeAbortedTransaction(entry)])
      try {
        writeMarker()
      } catch (error) {
        file.truncate(sizeInBytes)
        throw error
      }
    })
    this.entries?.push(entry)
    return isNew
  }

  /** The segment was cut: entries whose markers are gone go. */
  cutAt(endOffset: bigint): void {
    const kept = this.all().filter((entry) => entry.lastOffset < endOffset)
    if (kept.length !== this.all().length) this.replace(kept)
  }

  /** After an unclean stop: what the file says is not known to be whole, and replay adds it again. */
  reset(): void {
    if (this.place.storage.exists(this.place.path)) this.replace([])
    this.entries = []
  }

  private load(): AbortedTransaction[] {
    const { storage, path, baseOffset, endOffset, isMarker } = this.place
    const bytes = storage.readFile(path)
    if (bytes === undefined || bytes.length === 0) return []
    const { entries, damage } = decodeTxnIndex(bytes, baseOffset, endOffset())
    if (damage !== undefined) throw new CorruptLogError(path, damage.position, damage.message)
    for (const [i, entry] of entries.entries()) {
      if (isMarker(entry)) continue
      throw new CorruptLogError(
        path,
        i * TXN_INDEX_ENTRY_BYTES,
        `no marker of producer ${entry.producerId} at offset ${entry.lastOffset}`,
      )
    }
    return entries
  }

  private replace(entries: AbortedTransaction[]): void {
    const { storage, path, onWritten } = this.place
    storage.replaceFileUnsynced(path, Buffer.concat(entries.map(encodeAbortedTransaction)))
    this.entries = entries
    onWritten()
  }

  private inFile(act: (file: ReturnType<Storage['open']>) => void): void {
    const file = this.place.storage.open(this.place.path, { create: true })
    try {
      act(file)
    } finally {
      file.close()
    }
  }
}
