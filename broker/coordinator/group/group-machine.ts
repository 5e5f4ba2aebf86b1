// The machine of one partition of __consumer_offsets: it holds groups of all kinds and their offsets, and gives
// every command, fact, note and timer to the kind that it belongs to (`kinds.ts`). What concerns offsets or
// groups of any kind is decided here.

import { errorCodes } from '../../protocol/errors.ts'
import type { Machine, ProducerStamp, RequestId } from '../machine.ts'
import { describeGroup, listGroups, refuseDelete } from './admin.ts'
import { classicKind } from './classic/classic-kind.ts'
import { type ClassicGroup, newGroup } from './classic/group.ts'
import { decideForClassicMember } from './consumer/classic-members.ts'
import { ConsumerGroup } from './consumer/consumer-group.ts'
import { answer, emptyDecision, type GroupDecision, type TimerSetting } from './decision.ts'
import { expire, forgetGroup, forgetPartitions } from './expiry.ts'
import type { Fact, Note, OffsetFact } from './facts.ts'
import type { Group } from './group-kind.ts'
import { kindOf, kindOfChange, kindOfCommand } from './kinds.ts'
import type { Command, Reply } from './messages.ts'
import { metadataChanged } from './metadata-change.ts'
import { isModern, type MetadataNote } from './modern/modern-group.ts'
import { TopicHashes } from './modern/topic-hash.ts'
import { commitOffsets, commitTxnOffsets, deleteOffsets, fetchOffsets } from './offset-requests.ts'
import { Offsets } from './offsets.ts'
import type { ShardPorts, ShardView } from './shard-view.ts'
import { commandOf, EXPIRE_OFFSETS } from './timers.ts'

export class GroupMachine implements Machine<Command, Fact, Note, Reply> {
  private readonly groups = new Map<string, Group>()
  private readonly offsets = new Offsets()
  private readonly topicHashes = new TopicHashes()
  private readonly ports: ShardPorts
  private readonly view: ShardView

  constructor(ports: ShardPorts) {
    this.ports = ports
    this.view = {
      config: ports.config,
      metadata: ports.metadata,
      features: ports.features,
      groupConfigs: ports.groupConfigs,
      newUuid: () => ports.newUuid(),
      topicsCreatedAt: () => ports.topicsCreatedAt(),
      topicHashes: this.topicHashes,
      group: (groupId) => this.groups.get(groupId),
      groups: () => this.groups.values(),
      offsets: this.offsets,
    }
  }

  decide(command: Command, requestId: RequestId, nowMs: number): GroupDecision {
    const { view } = this
    switch (command.kind) {
      case 'commit':
        return commitOffsets(view, command.request, command.apiVersion, requestId, nowMs)
      case 'txnCommit':
        return commitTxnOffsets(view, command.request, command.apiVersion, requestId, nowMs)
      case 'fetch':
        return answer(requestId, fetchOffsets(view, command.group, command.requireStable))
      case 'offsetDelete':
        return deleteOffsets(view, command.request, requestId)
      case 'describe':
        return answer(requestId, describeGroup(command.groupId, this.groups.get(command.groupId)))
      case 'list':
        return answer(requestId, listGroups(this.groups.values(), command.states, command.types))
      case 'delete':
        return this.delete(command.groupId, requestId)
      case 'partitionsDeleted': {
        const { facts, more } = forgetPartitions(command.deleted, this.offsets)
        return { ...answer(requestId, { more }), facts }
      }
      case 'metadataChanged':
        this.topicHashes.forget(command.topics)
        return {
          ...answer(requestId, { more: false }),
          notes: metadataChanged(this.groups.values(), command.topics),
        }
      case 'expireOffsets':
        return this.expireOffsets(nowMs)
      case 'join':
      case 'sync':
      case 'heartbeat':
      case 'leave': {
        const group = this.groups.get(command.kind === 'leave' ? command.groupId : command.request.groupId)
        if (command.kind === 'join' && group !== undefined && givesWayToClassic(group))
          return joinInPlaceOf(view, group, command, requestId, nowMs)
        return group instanceof ConsumerGroup
          ? decideForClassicMember(view, group, command, requestId, nowMs)
          : classicKind.decide(view, command, requestId, nowMs)
      }
      default:
        return kindOfCommand(command.kind).decide(view, command, requestId, nowMs)
    }
  }

  apply(change: Fact | Note, producer?: ProducerStamp): void {
    if (change.kind === 'offset') this.applyOffset(change, producer)
    else if (change.kind === 'metadataFreshness') this.applyFreshness(change)
    else this.applyToGroup(change)
  }

  completeTransaction({ producerId }: ProducerStamp, committed: boolean): void {
    this.offsets.completeTransaction(producerId, committed)
  }

  expired(timerKey: string): Command {
    return commandOf(timerKey)
  }

  timersAfterReplay(): TimerSetting[] {
    const afterMs = this.ports.config.offsetsRetentionCheckIntervalMs
    const timers: TimerSetting[] = [{ key: EXPIRE_OFFSETS, afterMs }]
    for (const group of this.groups.values())
      timers.push(...kindOf(group).timersAfterReplay(this.view, group))
    return timers
  }

  /** A classic group as it is now, for assertions and metrics; not to be changed. */
  group(groupId: string): ClassicGroup | undefined {
    const group = this.groups.get(groupId)
    return group?.type === 'classic' ? (group as ClassicGroup) : undefined
  }

  /** Groups of all kinds as they are now; not to be changed. */
  allGroups(): Iterable<Group> {
    return this.groups.values()
  }

  /** All offsets as text, in the order of the log: a replay must give the same. */
  describeOffsets(): { committed: string[]; pending: string[] } {
    return this.offsets.describe()
  }

  private delete(groupId: string, requestId: RequestId): GroupDecision {
    const group = this.groups.get(groupId)
    const refusal = refuseDelete(group)
    if (group === undefined || refusal !== undefined)
      return answer(requestId, { errorCode: refusal ?? errorCodes.GROUP_ID_NOT_FOUND })
    return { ...answer(requestId, { errorCode: errorCodes.NONE }), ...forgetGroup(group, this.offsets) }
  }

  private expireOffsets(nowMs: number): GroupDecision {
    const { config } = this.ports
    // What expires is gone for good: a clock that was set wrong must not be enough for it.
    const earliestMs = this.ports.earliestMs === undefined ? nowMs : this.ports.earliestMs()
    if (earliestMs === undefined) {
      const timer = { key: EXPIRE_OFFSETS, afterMs: config.offsetsRetentionCheckIntervalMs }
      return { ...emptyDecision(), timers: [timer] }
    }
    const { facts, timers, more } = expire(this.groups.values(), this.offsets, config, earliestMs)
    const afterMs = more ? 0 : config.offsetsRetentionCheckIntervalMs
    return { ...emptyDecision(), facts, timers: [...timers, { key: EXPIRE_OFFSETS, afterMs }] }
  }

  private applyToGroup(change: Exclude<Fact | Note, OffsetFact | MetadataNote>): void {
    const groupId = change.kind === 'live' ? change.group.groupId : change.groupId
    const kind = kindOfChange(change.kind)
    const current = this.groups.get(groupId)
    const own = current?.type === kind.type ? current : undefined
    const next = kind.apply(own, change, groupId)
    if (next !== undefined) {
      if (current !== undefined && own === undefined && !isSimple(current)) {
        throw new Error(`group ${groupId} is a ${current.type} group and cannot take ${change.kind}`)
      }
      this.groups.set(groupId, next)
    } else if (own !== undefined) {
      this.groups.delete(groupId)
    }
  }

  private applyFreshness({ groupId, freshness }: MetadataNote): void {
    const group = this.groups.get(groupId)
    if (group !== undefined && isModern(group)) group.freshness = freshness
  }

  private applyOffset(fact: OffsetFact, producer: ProducerStamp | undefined): void {
    // A group that only ever commits offsets is made by its first one.
    if (fact.value !== null && !this.groups.has(fact.groupId)) {
      this.groups.set(fact.groupId, newGroup(fact.groupId, null))
    }
    this.offsets.apply(fact, producer?.producerId)
  }
}

/** An empty group of the new protocols: the first classic member makes a classic one of it, and its offsets stay. */
function givesWayToClassic(group: Group): boolean {
  return (group.type === 'consumer' || group.type === 'streams') && kindOf(group).isEmpty(group)
}

/** A join that is refused changes nothing. Kafka: maybeDeleteEmptyConsumerGroup, maybeDeleteEmptyStreamsGroup. */
function joinInPlaceOf(
  view: ShardView,
  former: Group,
  command: Extract<Command, { kind: 'join' }>,
  requestId: RequestId,
  nowMs: number,
): GroupDecision {
  const joined = classicKind.decide({ ...view, group: () => undefined }, command, requestId, nowMs)
  if (joined.facts.length === 0) return joined
  const gone = kindOf(former).forget(former)
  return {
    ...joined,
    facts: [...gone.facts, ...joined.facts],
    timers: [...gone.timers, ...joined.timers],
  }
}

/** A group that nothing but offsets stands behind: it gives way to whatever group is made under its name. */
function isSimple(group: Group): boolean {
  if (group.type !== 'classic') return false
  const { protocolType, state } = group as ClassicGroup
  return protocolType === null && state === 'Empty'
}
