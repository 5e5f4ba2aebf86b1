// The timers of consumer groups. Sessions are for every member; a member with partitions to give up has its
// rebalance timeout for it, and a classic member as long to join again and to sync.

import { timerKey } from '../timer-key.ts'
import type { ConsumerCommand } from './messages.ts'

export const sessionTimer = (groupId: string, memberId: string): string => timerKey('c', groupId, memberId)
export const revocationTimer = (groupId: string, memberId: string): string => timerKey('r', groupId, memberId)
export const rejoinTimer = (groupId: string, memberId: string): string => timerKey('p', groupId, memberId)
export const syncTimer = (groupId: string, memberId: string): string => timerKey('q', groupId, memberId)
export const regexTimer = (groupId: string): string => timerKey('z', groupId)

export const consumerTimers: Record<string, (groupId: string, rest: string) => ConsumerCommand> = {
  c: (groupId, memberId) => ({ kind: 'consumerSessionExpired', groupId, memberId }),
  r: (groupId, memberId) => ({ kind: 'consumerRevocationOverdue', groupId, memberId }),
  p: (groupId, memberId) => ({ kind: 'consumerRejoinOverdue', groupId, memberId }),
  q: (groupId, memberId) => ({ kind: 'consumerSyncOverdue', groupId, memberId }),
  z: (groupId) => ({ kind: 'consumerResolveRegexes', groupId }),
}

/** Everything that may still run for a member that goes. */
export function timersOf(groupId: string, memberId: string): string[] {
  return [sessionTimer, revocationTimer, rejoinTimer, syncTimer].map((timer) => timer(groupId, memberId))
}
