// What a partition is made of: its log, and the state beside it that recovery has brought level with it; and
// what all partitions of a directory share.

import type { Log } from '../log/log.ts'
import type { GroupCommit } from '../storage/group-commit.ts'
import type { Clock } from '../time/clock.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { Partition } from './partition.ts'
import type { ProducerState } from './producer-state.ts'
import type { SideFiles } from './side-files.ts'

export interface PartitionParts {
  log: Log
  producers: ProducerState
  epochs: LeaderEpochs
  files: SideFiles
}

export interface PartitionContext {
  clock: Clock
  /** Shared by all partitions of a data directory; its failure has to call fail() on each of them. */
  commit: GroupCommit
  /** In [0, 1): for segment.jitter.ms. */
  random?: () => number
  /** Called once, when a failure of storage has taken the partition offline. */
  onOffline?: (partition: Partition, reason: Error) => void
  /** Called for the first append that found no room, and again after one that did. */
  onRefusing?: (partition: Partition, reason: Error) => void
}
