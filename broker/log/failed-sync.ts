// A log whose sync has failed says so in its folder. Such a sync is never tried again, because the kernel may count
// the pages that it lost as clean: they can be read until they are evicted, and no sync writes them any more. A
// process that starts meanwhile would find them, sync them to no avail, and promise what the device does not have.
// So it writes all of them once more first.
//
//   sync fails   `sync-failed`, empty, is made, and not synced: as long as lost pages can be read, so can it;
//                where there is no descriptor for it, it is made when the log is closed
//   start        where it is there, what recovery keeps is written again, in its place, and synced
//   sync         the first one that succeeds removes it
//
// After a power cut neither is there; then recovery cuts what is missing.

import { type Storage, type StorageFile, StorageError } from '../storage/storage.ts'
import { SYNC_FAILED_FILE } from './names.ts'

const BLOCK_BYTES = 1024 * 1024

/** False where it cannot be made now. */
export function noteFailedSync(storage: Storage, directory: string): boolean {
  try {
    storage.open(pathIn(directory), { create: true }).close()
    return true
  } catch (error) {
    if (error instanceof StorageError) return false
    throw error
  }
}

export function hasFailedSync(storage: Storage, directory: string): boolean {
  return storage.exists(pathIn(directory))
}

/** Throws StorageError: then it is there still, and a start writes once more what it need not. */
export function forgetFailedSync(storage: Storage, directory: string): void {
  if (hasFailedSync(storage, directory)) storage.removeFile(pathIn(directory))
}

/** Every byte is as it was, and the next sync of the file has all of them to write. Throws StorageError. */
export function writeAgain(file: StorageFile): void {
  const { sizeInBytes } = file
  const block = Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES, sizeInBytes))
  for (let position = 0; position < sizeInBytes; ) {
    const filled = file.read(block, 0, Math.min(block.length, sizeInBytes - position), position)
    if (filled === 0) throw new StorageError(file.path, `ends at byte ${position} of ${sizeInBytes}`)
    file.writeAt(block.subarray(0, filled), position)
    position += filled
  }
}

function pathIn(directory: string): string {
  return `${directory}/${SYNC_FAILED_FILE}`
}
