// The names of a group shard's timers, and the command that each becomes when it expires. The length of
// the group id stands in the key, so any id can be in it:  s5:ordersconsumer-1-uuid

import type { Command } from './messages.ts'

export const EXPIRE_OFFSETS = 'x'

export const sessionTimer = (groupId: string, memberId: string): string =>
  `s${groupId.length}:${groupId}${memberId}`
export const joinPhaseTimer = (groupId: string): string => `j${groupId.length}:${groupId}`
export const syncPhaseTimer = (groupId: string): string => `y${groupId.length}:${groupId}`
export const overfullTimer = (groupId: string): string => `o${groupId.length}:${groupId}`

export function commandOf(timerKey: string): Command {
  if (timerKey === EXPIRE_OFFSETS) return { kind: 'expireOffsets' }
  const colon = timerKey.indexOf(':')
  const idStart = colon + 1
  const idEnd = idStart + Number(timerKey.slice(1, colon))
  const groupId = timerKey.slice(idStart, idEnd)
  switch (timerKey[0]) {
    case 's':
      return { kind: 'sessionExpired', groupId, memberId: timerKey.slice(idEnd) }
    case 'j':
      return { kind: 'joinPhaseOver', groupId }
    case 'y':
      return { kind: 'syncPhaseOver', groupId }
    case 'o':
      return { kind: 'overfull', groupId }
    default:
      throw new Error(`no timer is called ${timerKey}`)
  }
}
