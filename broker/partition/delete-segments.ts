// Old segments go, and with them the only record of what their producers did: so a segment goes only
// when a durable snapshot at its end knows that. Without this a crash could bring the next segment back
// alone, and a transaction that began in the one before would seem to begin later.

import type { Log } from '../log/log.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { SideFiles } from './side-files.ts'

export interface SegmentOwner {
  log: Log
  files: SideFiles
  epochs: LeaderEpochs
}

/**
 * Removes whole segments below `bound` that no pin holds; returns how many. Snapshots and epochs follow.
 * What is not covered by a durable snapshot stays until a later call.
 */
export function deleteSegments(
  { log, files, epochs }: SegmentOwner,
  bound: bigint,
  isVolatile: boolean,
): number {
  const remembered = isVolatile ? bound : files.newestDurableSnapshot(bound)
  const removed = remembered === undefined ? 0 : log.deleteSegmentsBelow(remembered)
  const first = log.describeSegments()[0]?.baseOffset ?? 0n
  files.pruneSnapshots((offset) => offset >= first)
  if (epochs.truncateFromStart(log.logStartOffset)) files.writeEpochs(epochs)
  return removed
}
