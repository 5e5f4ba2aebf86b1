// `leader-epoch-checkpoint`: at which offset each leader epoch of a partition began.
// Entries `epoch startOffset`, both rising. Source: Kafka's LeaderEpochCheckpointFile.

import { decodeCheckpointLines, encodeCheckpointLines, parseInt32, parseOffset } from './checkpoint-lines.ts'

export interface EpochCheckpointEntry {
  epoch: number
  startOffset: bigint
}

export function encodeEpochCheckpoint(entries: readonly EpochCheckpointEntry[]): Buffer {
  return encodeCheckpointLines(entries.map(({ epoch, startOffset }) => `${epoch} ${startOffset}`))
}

/** undefined where the file is damaged: the batches of the log name their epochs too. */
export function decodeEpochCheckpoint(bytes: Buffer): EpochCheckpointEntry[] | undefined {
  const lines = decodeCheckpointLines(bytes)
  if (lines === undefined) return undefined
  const entries: EpochCheckpointEntry[] = []
  for (const line of lines) {
    const [epochText = '', offsetText = '', ...more] = line.split(' ')
    const epoch = parseInt32(epochText)
    const startOffset = parseOffset(offsetText)
    if (epoch === undefined || startOffset === undefined || more.length > 0) return undefined
    const previous = entries[entries.length - 1]
    if (previous !== undefined && (epoch <= previous.epoch || startOffset < previous.startOffset))
      return undefined
    entries.push({ epoch, startOffset })
  }
  return entries
}
