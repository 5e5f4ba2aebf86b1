// One StreamsGroupHeartbeat of a member that joins or stays. In this order, each step building on what the ones
// before it will write:
//
//   member ─► topology ─► topics ─► group epoch ─► target assignment ─► the member's own next step ─► answer
//
// Kafka: GroupMetadataManager.streamsGroupHeartbeat.

import { errorCodes } from '../../../protocol/errors.ts'
import type { TimerSetting } from '../decision.ts'
import { freshFrom, isStale, type MetadataNote } from '../modern/modern-group.ts'
import type { ShardView } from '../shard-view.ts'
import { assignmentConfigsOf, type StreamsConfig, streamsConfigOf } from './config.ts'
import { configureTopology, type ConfiguredTopology } from './configured-topology.ts'
import { endpointPartitions } from './endpoints.ts'
import type { SoftState, StreamsFact, StreamsNote } from './facts.ts'
import { isReconciledTo, sameMetadata, type StreamsMember } from './member.ts'
import {
  heartbeatAnswer,
  type StreamsClient,
  type StreamsHeartbeatRequest,
  type StreamsHeartbeatResult,
} from './messages.ts'
import { reconcile, UnknownStateError } from './reconcile.ts'
import { Refusal } from './refusal.ts'
import { memberFact, ownedTasks, refuseUnknownTasks, speaker, updatedMember } from './speaker.ts'
import { newStreamsGroup, type StreamsGroup } from './streams-group.ts'
import { targetFor } from './target.ts'
import { type HeldTasks, sameHeldTasks, sameTasks, type TaskIds, taskIdsOf, type Tasks } from './tasks.ts'
import { initialDelayTimer, revocationTimer, sessionTimer } from './timers.ts'
import { InvalidTopologyError, type Status, statusCodes } from './topic-configuration.ts'
import { requiredTopics, sameTopology, type Topology, topologyOf } from './topology.ts'

export interface HeartbeatDecision {
  result: StreamsHeartbeatResult
  facts: StreamsFact[]
  notes: (StreamsNote | MetadataNote)[]
  timers: TimerSetting[]
}

/** `known` is the group, undefined when there is none yet. Throws Refusal. */
export function heartbeat(
  shard: ShardView,
  known: StreamsGroup | undefined,
  request: StreamsHeartbeatRequest,
  client: StreamsClient,
  nowMs: number,
): HeartbeatDecision {
  return new Heartbeat(shard, known, request, client, nowMs).decide()
}

class Heartbeat {
  private readonly shard: ShardView
  private readonly group: StreamsGroup
  private readonly isNewGroup: boolean
  private readonly request: StreamsHeartbeatRequest
  private readonly client: StreamsClient
  private readonly nowMs: number
  private readonly config: StreamsConfig
  private readonly facts: StreamsFact[] = []
  private readonly timers: TimerSetting[] = []
  private readonly statuses: Status[] = []
  private readonly soft: Partial<SoftState> = {}
  private isRefreshed = false

  constructor(
    shard: ShardView,
    known: StreamsGroup | undefined,
    request: StreamsHeartbeatRequest,
    client: StreamsClient,
    nowMs: number,
  ) {
    this.shard = shard
    this.group = known ?? newStreamsGroup(request.groupId)
    this.isNewGroup = known === undefined
    this.request = request
    this.client = client
    this.nowMs = nowMs
    this.config = streamsConfigOf(shard, request.groupId)
  }

  decide(): HeartbeatDecision {
    const { group, request } = this
    const member = speaker(group, request, this.shard.config.streams.maxSize)
    const updated = updatedMember(member, request, this.client)
    let bump = !group.members.has(member.memberId) || !sameMetadata(member, updated)
    if (bump) this.facts.push(memberFact(group.groupId, updated))

    const topology = this.topology(updated)
    const { configured, hash } = this.configured(topology)
    if (hash !== group.metadataHash) bump = true
    const validatedTopologyEpoch = configured.problem === null ? topology.epoch : -1
    if (validatedTopologyEpoch !== group.validatedTopologyEpoch) bump = true
    const assignmentConfigs = assignmentConfigsOf(this.config)
    if (!sameMap(assignmentConfigs, group.assignmentConfigs)) bump = true
    const groupEpoch = bump ? group.groupEpoch + 1 : group.groupEpoch
    if (bump) {
      this.facts.push({
        kind: 'streamsGroup',
        groupId: group.groupId,
        value: { epoch: groupEpoch, metadataHash: hash, validatedTopologyEpoch, assignmentConfigs },
      })
    }

    const delays = this.startInitialDelay()
    const target = targetFor({
      group: delays ? { ...group, soft: { ...group.soft, initialDelay: true } } : group,
      groupEpoch,
      member: updated,
      configured,
      assignmentConfigs,
      assignmentIntervalMs: this.config.assignmentIntervalMs,
      nowMs: this.nowMs,
    })
    this.facts.push(...target.facts)
    if (target.delayed !== null) this.statuses.push(target.delayed)
    const reconciled = this.reconciled(updated, target.tasks, target.epoch)

    this.timers.push({
      key: sessionTimer(group.groupId, member.memberId),
      afterMs: this.config.sessionTimeoutMs,
    })
    if (request.shutdownApplication && group.soft.shutdownRequestedBy === null)
      this.soft.shutdownRequestedBy = member.memberId
    return {
      result: this.answer(member, reconciled, configured),
      facts: this.facts,
      notes: this.notes(groupEpoch),
      timers: this.timers,
    }
  }

  /** The first member's topology is the group's; an older one may run on what it knows, another is refused. */
  private topology(member: StreamsMember): Topology {
    const { groupId, topology: current } = this.group
    const { topology: told } = this.request
    if (current === null) {
      if (told === null) throw new Error(`group ${groupId} has members and no topology`)
      const topology = topologyOf(told)
      this.facts.push({ kind: 'streamsTopology', groupId, value: topology })
      return topology
    }
    if (told !== null && told.epoch >= current.epoch && !sameTopology(topologyOf(told), current))
      throw new Refusal(errorCodes.INVALID_REQUEST, 'Topology updates are not supported yet.')
    if (member.topologyEpoch < current.epoch) {
      this.statuses.push({
        statusCode: statusCodes.STALE_TOPOLOGY,
        statusDetail: `The member's topology epoch ${member.topologyEpoch} is behind the group's topology epoch ${current.epoch}.`,
      })
    }
    return current
  }

  /** The topology held against the topics, anew when one of them has changed. */
  private configured(topology: Topology): { configured: ConfiguredTopology; hash: bigint } {
    const { group } = this
    const before = group.soft.configured
    let hash = group.metadataHash
    if (group.topology !== null && before !== null && !isStale(group, this.nowMs)) {
      refuseUnknownTasks(this.request, before)
      return { configured: before, hash }
    }
    this.isRefreshed = true
    hash = this.shard.topicHashes.ofGroup(requiredTopics(topology), this.shard.metadata)
    const isUnchanged = group.topology !== null && before !== null && hash === group.metadataHash
    const configured = isUnchanged ? before : this.configureAnew(topology)
    this.soft.configured = configured
    refuseUnknownTasks(this.request, configured)
    return { configured, hash }
  }

  private configureAnew(topology: Topology): ConfiguredTopology {
    try {
      return configureTopology(topology, this.existing)
    } catch (error) {
      if (!(error instanceof InvalidTopologyError)) throw error
      throw new Refusal(errorCodes.STREAMS_INVALID_TOPOLOGY, error.message)
    }
  }

  private readonly existing = (topic: string): number | undefined =>
    this.shard.metadata.topic(topic)?.partitionCount

  /** An empty group waits for more members before its first assignment. */
  private startInitialDelay(): boolean {
    const { group, config } = this
    if (group.members.size > 0 || group.soft.initialDelay || config.initialRebalanceDelayMs === 0)
      return false
    this.soft.initialDelay = true
    this.timers.push({ key: initialDelayTimer(group.groupId), afterMs: config.initialRebalanceDelayMs })
    return true
  }

  private reconciled(member: StreamsMember, target: Tasks, targetEpoch: number): StreamsMember {
    if (isReconciledTo(member, targetEpoch)) return member
    const { groupId } = this.group
    const next = this.step(member, target, targetEpoch)
    if (sameAssignment(next, member)) return member
    const { memberId, memberEpoch, previousMemberEpoch, state, assigned, pendingRevocation } = next
    this.facts.push({
      kind: 'streamsAssignment',
      groupId,
      memberId,
      value: { memberEpoch, previousMemberEpoch, state, assigned, pendingRevocation },
    })
    this.timers.push({
      key: revocationTimer(groupId, memberId),
      afterMs: state === 'UnrevokedTasks' ? next.rebalanceTimeoutMs : null,
    })
    return next
  }

  private step(member: StreamsMember, target: Tasks, targetEpoch: number): StreamsMember {
    try {
      return reconcile(member, target, targetEpoch, ownedTasks(this.request), this.group.owners)
    } catch (error) {
      if (!(error instanceof UnknownStateError)) throw error
      throw new Refusal(errorCodes.FENCED_MEMBER_EPOCH, error.message)
    }
  }

  private answer(
    before: StreamsMember,
    after: StreamsMember,
    configured: ConfiguredTopology,
  ): StreamsHeartbeatResult {
    const { group, request } = this
    const isNews = request.memberEpoch === 0 || !sameHeldTasks(before.assigned, after.assigned)
    // An answer that was lost would leave its tasks idle: who says that it has others is told again. (Kafka 4.3 waits
    // for the next rebalance.)
    const isTold = isNews || this.ownsOthersThan(after)
    let { endpointEpoch } = group.soft
    if (isNews && after.userEndpoint !== null) {
      endpointEpoch++
      this.soft.endpointEpoch = endpointEpoch
    }
    const { problem, missingInternalTopics } = configured
    const statuses = problem === null ? this.statuses : [...this.statuses, problem]
    const shutdownRequestedBy = this.soft.shutdownRequestedBy ?? group.soft.shutdownRequestedBy
    if (shutdownRequestedBy !== null) {
      statuses.push({
        statusCode: statusCodes.SHUTDOWN_APPLICATION,
        statusDetail: `Streams group member ${shutdownRequestedBy} encountered a fatal error and requested a shutdown for the entire application.`,
      })
    }
    return heartbeatAnswer(
      {
        memberId: after.memberId,
        memberEpoch: after.memberEpoch,
        heartbeatIntervalMs: this.config.heartbeatIntervalMs,
        status: statuses,
        activeTasks: told(isTold, after.assigned.active),
        standbyTasks: told(isTold, after.assigned.standby),
        warmupTasks: told(isTold, after.assigned.warmup),
        partitionsByUserEndpoint:
          endpointEpoch === request.endpointInformationEpoch
            ? null
            : endpointPartitions(
                new Map(group.members).set(after.memberId, after).values(),
                configured,
                this.existing,
              ),
        // A group that is only now being made does not keep its first: the next heartbeat is told again.
        endpointInformationEpoch: this.isNewGroup ? 0 : endpointEpoch,
      },
      missingInternalTopics,
    )
  }

  private ownsOthersThan({ assigned }: StreamsMember): boolean {
    const owned = ownedTasks(this.request)
    return owned !== null && !sameTasks(owned, assigned)
  }

  private notes(groupEpoch: number): (StreamsNote | MetadataNote)[] {
    const { groupId } = this.group
    // Of a group that is only now being made nothing else is known afterwards, as in Kafka.
    const soft: Partial<SoftState> = this.isNewGroup
      ? { initialDelay: this.soft.initialDelay ?? false }
      : this.soft
    const notes: (StreamsNote | MetadataNote)[] = []
    if (Object.keys(soft).length > 0) notes.push({ kind: 'streamsSoft', groupId, soft })
    if (this.isRefreshed && !this.isNewGroup) {
      notes.push({ kind: 'metadataFreshness', groupId, freshness: freshFrom(this.nowMs, groupEpoch) })
    }
    return notes
  }
}

function told(isTold: boolean, tasks: HeldTasks['active'] | HeldTasks['standby']): TaskIds[] | null {
  return isTold ? taskIdsOf(tasks) : null
}

function sameAssignment(a: StreamsMember, b: StreamsMember): boolean {
  return (
    a.memberEpoch === b.memberEpoch &&
    a.previousMemberEpoch === b.previousMemberEpoch &&
    a.state === b.state &&
    sameHeldTasks(a.assigned, b.assigned) &&
    sameHeldTasks(a.pendingRevocation, b.pendingRevocation)
  )
}

function sameMap(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value)
}
