// The machine of one partition of __consumer_offsets: which command is decided where, and how facts and
// notes change the state. A fact alone gives the state of a restart; live traffic adds its note to that.

import { errorCodes } from '../../protocol/errors.ts'
import type { Machine, ProducerStamp, RequestId } from '../machine.ts'
import { describeGroup, listGroups, refuseDelete } from './admin.ts'
import type { GroupConfig } from './config.ts'
import { expire, forgetGroup, forgetPartitions } from './expiry.ts'
import { type Fact, groupOf, type GroupFact, type Note, type OffsetFact } from './facts.ts'
import { type Group, newGroup } from './group.ts'
import { join } from './join.ts'
import { heartbeat, leave, overfull, sessionExpired, sessionRestart } from './membership.ts'
import { type Command, joinRefused, type Reply, syncRefused } from './messages.ts'
import { commitOffsets, commitTxnOffsets, fetchOffsets } from './offset-requests.ts'
import { Offsets } from './offsets.ts'
import { joinPhaseOver, syncPhaseOver } from './rebalance.ts'
import { refuseSync, sync } from './sync.ts'
import { commandOf, EXPIRE_OFFSETS, overfullTimer } from './timers.ts'
import { answer, emptyDecision, type GroupDecision, Turn } from './turn.ts'

type CommandOf<Kind extends Command['kind']> = Extract<Command, { kind: Kind }>

export class GroupMachine implements Machine<Command, Fact, Note, Reply> {
  private readonly groups = new Map<string, Group>()
  private readonly offsets = new Offsets()
  private readonly config: GroupConfig
  private readonly newUuid: () => string

  /** `newUuid` makes member ids; it is the only thing decided by chance. */
  constructor(config: GroupConfig, newUuid: () => string) {
    this.config = config
    this.newUuid = newUuid
  }

  decide(command: Command, requestId: RequestId, nowMs: number): GroupDecision {
    switch (command.kind) {
      case 'join':
        return this.join(command, requestId, nowMs)
      case 'sync':
        return this.sync(command, requestId, nowMs)
      case 'heartbeat':
        return heartbeat(this.groups.get(command.request.groupId), command.request, requestId)
      case 'leave':
        return this.leave(command, requestId, nowMs)
      case 'commit': {
        const group = this.groups.get(command.request.groupId)
        return commitOffsets(group, command.request, requestId, this.config, nowMs)
      }
      case 'txnCommit': {
        const group = this.groups.get(command.request.groupId)
        return commitTxnOffsets(group, command.request, requestId, this.config, nowMs)
      }
      case 'fetch':
        return answer(requestId, fetchOffsets(this.offsets, command.group, command.requireStable))
      case 'describe':
        return answer(requestId, describeGroup(command.groupId, this.groups.get(command.groupId)))
      case 'list':
        return answer(requestId, listGroups(this.groups.values(), command.states, command.types))
      case 'delete':
        return this.delete(command, requestId)
      case 'partitionsDeleted': {
        const { facts, more } = forgetPartitions(command.deleted, this.offsets)
        return { ...answer(requestId, { more }), facts }
      }
      case 'expireOffsets':
        return this.expireOffsets(nowMs)
      case 'sessionExpired':
        return this.change(command.groupId, nowMs, (turn) => sessionExpired(turn, command.memberId))
      case 'joinPhaseOver':
        return this.change(command.groupId, nowMs, joinPhaseOver)
      case 'syncPhaseOver':
        return this.change(command.groupId, nowMs, syncPhaseOver)
      case 'overfull':
        return this.change(command.groupId, nowMs, overfull)
    }
  }

  apply(change: Fact | Note, producer?: ProducerStamp): void {
    switch (change.kind) {
      case 'live':
        this.applyLive(change.group)
        return
      case 'group':
        this.applyGroup(change)
        return
      case 'offset':
        this.applyOffset(change, producer)
    }
  }

  completeTransaction({ producerId }: ProducerStamp, committed: boolean): void {
    this.offsets.completeTransaction(producerId, committed)
  }

  expired(timerKey: string): Command {
    return commandOf(timerKey)
  }

  /** Sessions begin anew: nobody could heartbeat while the shard was loading. */
  timersAfterReplay(): { key: string; afterMs: number | null }[] {
    const timers: { key: string; afterMs: number | null }[] = [
      { key: EXPIRE_OFFSETS, afterMs: this.config.offsetsRetentionCheckIntervalMs },
    ]
    for (const group of this.groups.values()) {
      for (const memberId of group.members.keys()) timers.push(sessionRestart(group, memberId))
      if (group.members.size > this.config.maxSize)
        timers.push({ key: overfullTimer(group.groupId), afterMs: 0 })
    }
    return timers
  }

  /** A group as it is now, for assertions and metrics; not to be changed. */
  group(groupId: string): Group | undefined {
    return this.groups.get(groupId)
  }

  allGroups(): Iterable<Group> {
    return this.groups.values()
  }

  /** All offsets as text, in the order of the log: a replay must give the same. */
  describeOffsets(): { committed: string[]; pending: string[] } {
    return this.offsets.describe()
  }

  private join({ request, context }: CommandOf<'join'>, requestId: RequestId, nowMs: number): GroupDecision {
    const { groupId, memberId } = request
    const known = this.groups.get(groupId)
    if (known === undefined && memberId !== '') {
      return answer(requestId, joinRefused(errorCodes.UNKNOWN_MEMBER_ID, memberId))
    }
    const turn = new Turn(known ?? newGroup(groupId, nowMs), this.config, nowMs)
    const changed = join({ turn, request, context, requestId, newUuid: this.newUuid })
    // A new group is written at once, so that it outlives a restart between join and sync.
    if (changed && known === undefined && !turn.persisted) turn.persistNew()
    return changed ? turn.done() : turn.refused()
  }

  private sync({ request }: CommandOf<'sync'>, requestId: RequestId, nowMs: number): GroupDecision {
    const group = this.groups.get(request.groupId)
    const refusal = refuseSync(group, request)
    if (group === undefined || refusal !== undefined) {
      return answer(requestId, syncRefused(refusal ?? errorCodes.UNKNOWN_MEMBER_ID))
    }
    return this.change(group.groupId, nowMs, (turn) => sync(turn, request, requestId))
  }

  private leave(
    { groupId, members }: CommandOf<'leave'>,
    requestId: RequestId,
    nowMs: number,
  ): GroupDecision {
    if (this.groups.has(groupId))
      return this.change(groupId, nowMs, (turn) => leave(turn, members, requestId))
    const errorCode = errorCodes.UNKNOWN_MEMBER_ID
    return answer(requestId, {
      throttleTimeMs: 0,
      errorCode: errorCodes.NONE,
      members: members.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId, errorCode })),
    })
  }

  private delete({ groupId }: CommandOf<'delete'>, requestId: RequestId): GroupDecision {
    const refusal = refuseDelete(this.groups.get(groupId))
    if (refusal !== undefined) return answer(requestId, { errorCode: refusal })
    return { ...answer(requestId, { errorCode: errorCodes.NONE }), facts: forgetGroup(groupId, this.offsets) }
  }

  private expireOffsets(nowMs: number): GroupDecision {
    const { facts, more } = expire(this.groups.values(), this.offsets, this.config, nowMs)
    const afterMs = more ? 0 : this.config.offsetsRetentionCheckIntervalMs
    return { ...emptyDecision(), facts, timers: [{ key: EXPIRE_OFFSETS, afterMs }] }
  }

  /** Lets `work` change a copy of a group; when it returns false, or there is no group, nothing happens. */
  private change(groupId: string, nowMs: number, work: (turn: Turn) => boolean | void): GroupDecision {
    const group = this.groups.get(groupId)
    if (group === undefined) return emptyDecision()
    const turn = new Turn(group, this.config, nowMs)
    return work(turn) === false ? emptyDecision() : turn.done()
  }

  private applyLive(group: Group): void {
    const { groupId, generationId } = group
    const current = this.groups.get(groupId)?.generationId ?? 0
    // I13: a generation that was given out is never given out again.
    if (generationId < current)
      throw new Error(`group ${groupId} goes from generation ${current} to ${generationId}`)
    this.groups.set(groupId, group)
  }

  private applyGroup({ groupId, value }: GroupFact): void {
    if (value === null) this.groups.delete(groupId)
    else this.groups.set(groupId, groupOf(groupId, value))
  }

  private applyOffset(fact: OffsetFact, producer: ProducerStamp | undefined): void {
    // A group that only ever commits offsets is made by its first one.
    if (fact.value !== null && !this.groups.has(fact.groupId)) {
      this.groups.set(fact.groupId, newGroup(fact.groupId, null))
    }
    this.offsets.apply(fact, producer?.producerId)
  }
}
