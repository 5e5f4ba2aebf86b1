// The timers of classic groups: sessions, and the two phases of a rebalance.

import type { ClassicCommand } from './messages.ts'
import { timerKey } from '../timer-key.ts'

export const sessionTimer = (groupId: string, memberId: string): string => timerKey('s', groupId, memberId)
export const joinPhaseTimer = (groupId: string): string => timerKey('j', groupId)
export const syncPhaseTimer = (groupId: string): string => timerKey('y', groupId)
export const overfullTimer = (groupId: string): string => timerKey('o', groupId)

export const classicTimers: Record<string, (groupId: string, rest: string) => ClassicCommand> = {
  s: (groupId, memberId) => ({ kind: 'sessionExpired', groupId, memberId }),
  j: (groupId) => ({ kind: 'joinPhaseOver', groupId }),
  y: (groupId) => ({ kind: 'syncPhaseOver', groupId }),
  o: (groupId) => ({ kind: 'overfull', groupId }),
}
