// One decision about one group while it is being made: a copy of the group to change, and the facts,
// replies and timers that come of it. Nothing outside the copy changes before the runtime applies it.

import type { RequestId } from '../../machine.ts'
import { errorCodes } from '../../../protocol/errors.ts'
import type { GroupConfig } from '../config.ts'
import { emptyDecision, type GroupDecision } from '../decision.ts'
import type { Reply } from '../messages.ts'
import { recordOf } from './facts.ts'
import {
  copyOf,
  type ClassicGroup,
  type GroupState,
  type Member,
  mayEnter,
  memberOf,
  newGroup,
} from './group.ts'
import { joinRefused, syncRefused } from './answers.ts'
import type { JoinGroupResponse, SyncGroupResponse } from './messages.ts'
import { sessionTimer } from './timers.ts'

export class Turn {
  readonly group: ClassicGroup
  readonly config: GroupConfig
  readonly nowMs: number
  private readonly decision = emptyDecision()

  constructor(group: ClassicGroup, config: GroupConfig, nowMs: number) {
    this.group = copyOf(group)
    this.config = config
    this.nowMs = nowMs
  }

  /** The decision, with the changed copy as its note. */
  done(): GroupDecision {
    this.decision.notes.push({ kind: 'live', group: this.group })
    return this.decision
  }

  /** The decision, of which only the answer counts: the group stays as it was. */
  refused(): GroupDecision {
    return { ...emptyDecision(), replies: this.decision.replies }
  }

  reply(to: RequestId, body: Reply): void {
    this.decision.replies.push({ to, body })
  }

  timer(key: string, afterMs: number | null): void {
    this.decision.timers.push({ key, afterMs })
  }

  restartSession(member: Member, afterMs: number = member.sessionTimeoutMs): void {
    this.timer(sessionTimer(this.group.groupId, member.memberId), afterMs)
  }

  endSession(memberId: string): void {
    this.timer(sessionTimer(this.group.groupId, memberId), null)
  }

  /** Writes the group as it now stands. */
  persist(): void {
    const { state, groupId } = this.group
    if (state !== 'Empty' && state !== 'Stable')
      throw new Error(`group ${groupId} is not kept in state ${state}`)
    this.decision.facts.push({ kind: 'group', groupId, value: recordOf(this.group) })
  }

  /** Writes that the group exists, and no more: its first members are not in the log before they sync. */
  persistNew(): void {
    const { groupId } = this.group
    this.decision.facts.push({ kind: 'group', groupId, value: recordOf(newGroup(groupId, this.nowMs)) })
  }

  get persisted(): boolean {
    return this.decision.facts.length > 0
  }

  enter(state: GroupState): void {
    const { group } = this
    if (!mayEnter(group.state, state)) {
      throw new Error(`group ${group.groupId} cannot go from ${group.state} to ${state}`)
    }
    group.previousState = group.state
    group.state = state
    group.stateTimestampMs = this.nowMs
  }

  add(member: Member): void {
    const { group } = this
    if (group.members.has(member.memberId))
      throw new Error(`member ${member.memberId} is in the group already`)
    if (member.groupInstanceId !== null) {
      if (group.staticMembers.has(member.groupInstanceId)) {
        throw new Error(`instance ${member.groupInstanceId} has a member already`)
      }
      group.staticMembers.set(member.groupInstanceId, member.memberId)
    }
    group.leaderId ??= member.memberId
    group.members.set(member.memberId, member)
    group.pendingJoinMembers.delete(member.memberId)
  }

  update(memberId: string, changes: Partial<Omit<Member, 'memberId' | 'groupInstanceId'>>): Member {
    const member = { ...memberOf(this.group, memberId), ...changes }
    this.group.members.set(memberId, member)
    return member
  }

  /** Takes a member or pending member out; whoever waits in its name hears `errorCode`. */
  remove(memberId: string, errorCode: number = errorCodes.UNKNOWN_MEMBER_ID): void {
    const { group } = this
    const member = group.members.get(memberId)
    if (member !== undefined) {
      this.answerJoin(memberId, joinRefused(errorCode, ''))
      this.answerSync(memberId, syncRefused(errorCode))
      group.members.delete(memberId)
      const { groupInstanceId } = member
      if (groupInstanceId !== null && group.staticMembers.get(groupInstanceId) === memberId) {
        group.staticMembers.delete(groupInstanceId)
      }
    }
    if (group.leaderId === memberId) group.leaderId = group.members.keys().next().value ?? null
    group.pendingJoinMembers.delete(memberId)
    group.pendingSyncMembers.delete(memberId)
    this.endSession(memberId)
  }

  /** Answers the member's waiting JoinGroup, if there is one. */
  answerJoin(memberId: string, body: JoinGroupResponse): boolean {
    const { awaitingJoin } = memberOf(this.group, memberId)
    if (awaitingJoin === null) return false
    this.reply(awaitingJoin, body)
    this.update(memberId, { awaitingJoin: null })
    return true
  }

  /** Answers the member's waiting SyncGroup, if there is one. */
  answerSync(memberId: string, body: SyncGroupResponse): boolean {
    const { awaitingSync } = memberOf(this.group, memberId)
    if (awaitingSync === null) return false
    this.reply(awaitingSync, body)
    this.update(memberId, { awaitingSync: null })
    return true
  }

  /** The member's JoinGroup waits from now on; one that waited before was given up by its client. */
  awaitJoin(memberId: string, requestId: RequestId): void {
    this.answerJoin(memberId, joinRefused(errorCodes.REBALANCE_IN_PROGRESS, memberId))
    this.update(memberId, { awaitingJoin: requestId })
  }

  awaitSync(memberId: string, requestId: RequestId): void {
    this.answerSync(memberId, syncRefused(errorCodes.REBALANCE_IN_PROGRESS))
    this.update(memberId, { awaitingSync: requestId })
  }
}
