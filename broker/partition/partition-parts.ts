// What a partition is made of: its log, and the state beside it that recovery has brought level with it.

import type { Log } from '../log/log.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { ProducerState } from './producer-state.ts'
import type { SideFiles } from './side-files.ts'

export interface PartitionParts {
  log: Log
  producers: ProducerState
  epochs: LeaderEpochs
  files: SideFiles
}
