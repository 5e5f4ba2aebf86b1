// `.kafka_cleanshutdown`: there while the data directory is closed and all of it is synced. Removed, and
// that synced, before the first write of a new run; its absence means that logs are to be recovered.
// Source: Kafka's CleanShutdownFileHandler.

import type { Storage } from '../storage/storage.ts'
import { CLEAN_SHUTDOWN_FILE } from './names.ts'

const VERSION = 0

/** The last step of a clean stop: everything it vouches for has been synced before. */
export async function markCleanShutdown(storage: Storage, brokerEpoch = -1): Promise<void> {
  await storage.replaceFile(
    CLEAN_SHUTDOWN_FILE,
    Buffer.from(JSON.stringify({ version: VERSION, brokerEpoch })),
  )
}

/** Whether the marker was there and whole; it is gone, durably, when this resolves. */
export async function takeCleanShutdown(storage: Storage): Promise<boolean> {
  const bytes = storage.readFile(CLEAN_SHUTDOWN_FILE)
  if (bytes === undefined) return false
  storage.removeFile(CLEAN_SHUTDOWN_FILE)
  await storage.syncDirectory('')
  return isMarker(bytes)
}

function isMarker(bytes: Buffer): boolean {
  // Before 3.7 Kafka wrote an empty file.
  if (bytes.length === 0) return true
  try {
    const marker = JSON.parse(bytes.toString('utf8')) as { version?: unknown } | null
    return marker?.version === VERSION
  } catch {
    return false
  }
}
