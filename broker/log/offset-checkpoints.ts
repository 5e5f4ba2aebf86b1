// `recovery-point-`, `log-start-offset-` and `replication-offset-checkpoint` at the data directory's root:
// one offset per partition. Entries `topic partition offset`. Source: Kafka's OffsetCheckpointFile.

import { decodeCheckpointLines, encodeCheckpointLines, parseInt32, parseOffset } from './checkpoint-lines.ts'

export interface OffsetCheckpointEntry {
  topic: string
  partition: number
  offset: bigint
}

export function encodeOffsetCheckpoint(entries: readonly OffsetCheckpointEntry[]): Buffer {
  return encodeCheckpointLines(
    entries.map(({ topic, partition, offset }) => `${topic} ${partition} ${offset}`),
  )
}

/** undefined where the file is damaged, a partition named twice included. */
export function decodeOffsetCheckpoint(bytes: Buffer): OffsetCheckpointEntry[] | undefined {
  const lines = decodeCheckpointLines(bytes)
  if (lines === undefined) return undefined
  const entries: OffsetCheckpointEntry[] = []
  const seen = new Set<string>()
  for (const line of lines) {
    const [topic = '', partitionText = '', offsetText = '', ...more] = line.split(' ')
    const partition = parseInt32(partitionText)
    const offset = parseOffset(offsetText)
    if (topic === '' || partition === undefined || offset === undefined || more.length > 0) return undefined
    const key = `${topic}-${partition}`
    if (seen.has(key)) return undefined
    seen.add(key)
    entries.push({ topic, partition, offset })
  }
  return entries
}
