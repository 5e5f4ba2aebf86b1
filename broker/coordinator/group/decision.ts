// What a group shard decides: the runtime's Decision over this shard's facts, notes and replies.

import type { Decision, RequestId } from '../machine.ts'
import type { Fact, Note } from './facts.ts'
import type { Reply } from './messages.ts'

export type GroupDecision = Decision<Fact, Note, Reply>
export type TimerSetting = GroupDecision['timers'][number]

export function emptyDecision(): GroupDecision {
  return { facts: [], notes: [], replies: [], timers: [] }
}

/** A decision that only answers. */
export function answer(to: RequestId, body: Reply): GroupDecision {
  return { facts: [], notes: [], replies: [{ to, body }], timers: [] }
}
