// The command that each timer of a group shard becomes when it expires. The letter of its key (`timer-key.ts`)
// says which kind of group it belongs to.

import { kindOfTimer } from './kinds.ts'
import type { Command } from './messages.ts'

export const EXPIRE_OFFSETS = 'x'

export function commandOf(key: string): Command {
  if (key === EXPIRE_OFFSETS) return { kind: 'expireOffsets' }
  const letter = key.slice(0, 1)
  const colon = key.indexOf(':')
  const idStart = colon + 1
  const idEnd = idStart + Number(key.slice(1, colon))
  const command = kindOfTimer(letter).timers[letter]
  if (command === undefined) throw new Error(`no timer is called ${key}`)
  return command(key.slice(idStart, idEnd), key.slice(idEnd))
}
