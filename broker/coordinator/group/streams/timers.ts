// The timers of streams groups, and the command that each becomes when it expires.

import { timerKey } from '../timer-key.ts'
import type { StreamsCommand } from './messages.ts'

const SESSION = 't'
const REVOCATION = 'u'
const INITIAL_DELAY = 'v'

/** A member that is not heard from leaves the group. */
export const sessionTimer = (groupId: string, memberId: string): string =>
  timerKey(SESSION, groupId, memberId)
/** A member that does not give its tasks up in time leaves the group. */
export const revocationTimer = (groupId: string, memberId: string): string =>
  timerKey(REVOCATION, groupId, memberId)
/** The first assignment waits for more members. */
export const initialDelayTimer = (groupId: string): string => timerKey(INITIAL_DELAY, groupId)

export const streamsTimers: Readonly<Record<string, (groupId: string, rest: string) => StreamsCommand>> = {
  [SESSION]: (groupId, memberId) => ({ kind: 'streamsSessionExpired', groupId, memberId }),
  [REVOCATION]: (groupId, memberId) => ({ kind: 'streamsRevocationOver', groupId, memberId }),
  [INITIAL_DELAY]: (groupId) => ({ kind: 'streamsInitialDelayOver', groupId }),
}
