// Old segments go, and with them the only record of what their producers did: so a segment goes only
// when a durable snapshot at its end knows that. Without this a crash could bring the next segment back
// alone, and a transaction that began in the one before would seem to begin later.

import type { PartitionParts } from './partition-parts.ts'

/**
 * Removes whole segments below `bound` that no pin holds; returns how many. Snapshots and epochs follow.
 * What is not covered by a durable snapshot stays until a later call.
 */
export function deleteSegments(
  { log, files, epochs }: Pick<PartitionParts, 'log' | 'files' | 'epochs'>,
  bound: bigint,
  isVolatile: boolean,
): number {
  const remembered = isVolatile ? bound : files.recoverableFrom(bound, log.describeSegments())
  const removed = remembered === undefined ? 0 : log.deleteSegmentsBelow(remembered)
  const first = log.describeSegments()[0]?.baseOffset ?? 0n
  files.pruneSnapshots((offset) => offset >= first)
  if (epochs.truncateFromStart(log.logStartOffset)) files.writeEpochs(epochs)
  return removed
}
