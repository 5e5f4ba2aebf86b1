// A streams group as it is now. Everything but the soft state comes from the log; `apply.ts` is the only place that
// changes it. Kafka: StreamsGroup.

import type { SoftState } from './facts.ts'
import { isReconciledTo, type StreamsMember } from './member.ts'
import { Owners } from './owners.ts'
import type { Tasks } from './tasks.ts'
import type { Topology } from './topology.ts'
import { type ModernGroup, STALE } from '../modern/modern-group.ts'

export interface StreamsGroup extends ModernGroup {
  readonly type: 'streams'
  validatedTopologyEpoch: number
  assignmentTimestampMs: number
  assignmentConfigs: ReadonlyMap<string, string>
  topology: Topology | null
  readonly members: Map<string, StreamsMember>
  /** Of the tasks, by what the members have: made of them, never told. */
  readonly owners: Owners
  readonly targets: Map<string, Tasks>
  soft: SoftState
}

export type StreamsGroupState = 'Empty' | 'NotReady' | 'Assigning' | 'Reconciling' | 'Stable'

/** Of a group that was never written: the first bump makes epoch 2. */
const FIRST_EPOCH = 1
/** Of a group whose target assignment was forgotten: it may be forgotten too. */
export const NO_ASSIGNMENT_EPOCH = -1

export const NEW_SOFT_STATE: SoftState = {
  configured: null,
  initialDelay: false,
  shutdownRequestedBy: null,
  endpointEpoch: 0,
}

export function newStreamsGroup(groupId: string): StreamsGroup {
  return {
    type: 'streams',
    groupId,
    groupEpoch: FIRST_EPOCH,
    metadataHash: 0n,
    validatedTopologyEpoch: 0,
    assignmentEpoch: FIRST_EPOCH,
    assignmentTimestampMs: 0,
    assignmentConfigs: new Map(),
    topology: null,
    members: new Map(),
    owners: new Owners(),
    targets: new Map(),
    freshness: STALE,
    soft: NEW_SOFT_STATE,
  }
}

export function stateOf(group: StreamsGroup): StreamsGroupState {
  if (group.members.size === 0) return 'Empty'
  if (group.topology?.epoch !== group.validatedTopologyEpoch) return 'NotReady'
  if (group.groupEpoch > group.assignmentEpoch) return 'Assigning'
  for (const member of group.members.values())
    if (!isReconciledTo(member, group.assignmentEpoch)) return 'Reconciling'
  return 'Stable'
}
