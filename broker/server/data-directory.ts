// A data directory's identity: whose cluster it belongs to, and that it belongs to this node. Written once,
// checked at every start, so that a directory of another cluster is refused instead of being mixed in.

import { randomBytes } from 'node:crypto'
import { decodeMetaProperties, encodeMetaProperties, type MetaProperties } from '../log/meta-properties.ts'
import { META_PROPERTIES_FILE } from '../log/names.ts'
import { type Storage, StorageError } from '../storage/storage.ts'

/** 16 random bytes in Kafka's text form: 22 characters, not beginning with a dash. */
export function randomKafkaUuid(): string {
  for (;;) {
    const text = randomBytes(16).toString('base64url')
    if (!text.startsWith('-')) return text
  }
}

/** Reads meta.properties, or writes it for a new directory. Throws StorageError for one that is not ours. */
export async function identify(storage: Storage, nodeId: number): Promise<MetaProperties> {
  const bytes = storage.readFile(META_PROPERTIES_FILE)
  if (bytes === undefined) {
    const made = { clusterId: randomKafkaUuid(), nodeId, directoryId: randomKafkaUuid() }
    await storage.replaceFile(META_PROPERTIES_FILE, encodeMetaProperties(made))
    return made
  }
  const found = decodeMetaProperties(bytes)
  if (typeof found === 'string') throw new StorageError(META_PROPERTIES_FILE, found)
  if (found.nodeId !== nodeId) {
    throw new StorageError(
      META_PROPERTIES_FILE,
      `the directory belongs to node ${found.nodeId}, this is node ${nodeId}`,
    )
  }
  return found
}
