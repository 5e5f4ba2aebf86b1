// The timer of share groups: a member that is not heard from leaves the group.

import { timerKey } from '../timer-key.ts'
import type { ShareCommand } from './messages.ts'

const SESSION = 'h'

export const sessionTimer = (groupId: string, memberId: string): string =>
  timerKey(SESSION, groupId, memberId)

export const shareTimers: Readonly<Record<string, (groupId: string, rest: string) => ShareCommand>> = {
  [SESSION]: (groupId, memberId) => ({ kind: 'shareSessionExpired', groupId, memberId }),
}
