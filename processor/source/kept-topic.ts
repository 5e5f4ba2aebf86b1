// The name of the topic that a receiver's rows are kept in. It is also its transactional id, so two streams, of one job
// or of two, must never have the same: they would fence each other, and read each other's rows.

import { createHash } from 'node:crypto'

/**
 * `logmill-receiver-APP-STREAM` where that can only be said of these two: the application's name has no dash, and
 * neither has a letter that no topic's name can have, or a dot, which Kafka takes for `_`. Otherwise such letters become
 * `_`, and a hash of both names follows.
 */
export function keptTopicOf(appName: string, stream: string): string {
  const plain = `logmill-receiver-${appName}-${stream}`
  if (/^\w+$/.test(appName) && /^[\w-]+$/.test(stream)) return plain
  const hash = createHash('sha256')
    .update(JSON.stringify([appName, stream]))
    .digest('hex')
    .slice(0, 12)
  return `${plain.replaceAll(/[^\w-]/g, '_')}-${hash}`
}
