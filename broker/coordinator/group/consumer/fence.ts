// Members that go: they left, or their time was up. When only classic members stay, the group may become a classic
// one again. Kafka: consumerGroupFenceMembers.

import type { GroupDecision } from '../decision.ts'
import type { ConsumerMember } from './member.ts'
import { downgrade, mayDowngrade } from './migration.ts'
import type { ConsumerTurn } from './turn.ts'

export function fenceMembers(turn: ConsumerTurn, leaving: readonly ConsumerMember[]): GroupDecision {
  if (leaving.length === 0) return turn.done()
  const gone = new Set(leaving.map(({ memberId }) => memberId))
  const staying = [...turn.group.members.values()].filter(({ memberId }) => !gone.has(memberId))
  if (mayDowngrade(turn, staying)) downgrade(turn, staying, true)
  else turn.removeMembers(leaving)
  return turn.done()
}
