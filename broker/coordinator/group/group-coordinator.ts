// The group coordinator as the handlers see it: bodies in, bodies out. It checks what needs no state, asks the shard of
// the group (group-shards.ts), and is the one edge where refusals become error codes in a reply.
// Topics go by name here: handlers translate ids, check that topics exist, and authorize.

import { errorCodes, errorText } from '../../protocol/errors.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { ShardLog } from '../shard-log.ts'
import { joinRefused, syncRefused } from './classic/answers.ts'
import { describeConsumerRefused } from './consumer/describe.ts'
import { checkHeartbeat } from './consumer/heartbeat.ts'
import { consumerHeartbeatRefused } from './consumer/answers.ts'
import { type GroupCoordinatorOptions, GroupShards } from './group-shards.ts'
import type * as body from './messages.ts'
import { Refused } from './modern/refused.ts'
import { commitRefused, describeRefused, fetchRefused, txnCommitRefused } from './refusals.ts'
import { describeStreamsRefused } from './streams/describe.ts'
import { heartbeatRefused } from './streams/messages.ts'
import { refuseHeartbeat } from './streams/validate.ts'

export class GroupCoordinator {
  private readonly options: GroupCoordinatorOptions
  private readonly shards: GroupShards

  constructor(options: GroupCoordinatorOptions) {
    this.options = options
    this.shards = new GroupShards(options)
  }

  /** The partition of __consumer_offsets that keeps a group. */
  partitionFor(groupId: string): number {
    return this.shards.partitionFor(groupId)
  }

  /** See GroupShards.open. */
  openShard(partition: number, log: ShardLog): Promise<void> {
    return this.shards.open(partition, log)
  }

  /** See GroupShards.closeShard. */
  closeShard(partition: number): void {
    this.shards.closeShard(partition)
  }

  close(): void {
    this.shards.close()
  }

  async joinGroup(
    request: body.JoinGroupRequest,
    context: body.RequestContext,
  ): Promise<body.JoinGroupResponse> {
    const { groupId, memberId, sessionTimeoutMs } = request
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.options.config
    const refused = (errorCode: number): body.JoinGroupResponse => joinRefused(errorCode, memberId)
    const response = await this.ask<body.JoinGroupResponse>(
      groupId,
      { kind: 'join', request, context },
      refused,
      groupId === ''
        ? errorCodes.INVALID_GROUP_ID
        : sessionTimeoutMs < minSessionTimeoutMs || sessionTimeoutMs > maxSessionTimeoutMs
          ? errorCodes.INVALID_SESSION_TIMEOUT
          : undefined,
    )
    // Null only since v7.
    return context.apiVersion < 7 && response.protocolName === null
      ? { ...response, protocolName: '' }
      : response
  }

  syncGroup(request: body.SyncGroupRequest, context: body.RequestContext): Promise<body.SyncGroupResponse> {
    const { groupId, protocolType, protocolName } = request
    const unsaid = context.apiVersion >= 5 && (protocolType === null || protocolName === null)
    const refusal =
      groupId === ''
        ? errorCodes.INVALID_GROUP_ID
        : unsaid
          ? errorCodes.INCONSISTENT_GROUP_PROTOCOL
          : undefined
    return this.ask<body.SyncGroupResponse>(groupId, { kind: 'sync', request }, syncRefused, refusal)
  }

  heartbeat(request: body.HeartbeatRequest): Promise<body.HeartbeatResponse> {
    // While the shard loads nobody's session can end: the member may go on.
    const refused = (errorCode: number): body.HeartbeatResponse => ({
      throttleTimeMs: 0,
      errorCode: errorCode === errorCodes.COORDINATOR_LOAD_IN_PROGRESS ? errorCodes.NONE : errorCode,
    })
    const { groupId } = request
    return this.ask<body.HeartbeatResponse>(
      groupId,
      { kind: 'heartbeat', request },
      refused,
      emptyId(groupId),
    )
  }

  async leaveGroup(
    request: body.LeaveGroupRequest,
    context: body.RequestContext,
  ): Promise<body.LeaveGroupResponse> {
    const { groupId } = request
    const single = context.apiVersion < 3
    const members = single
      ? [{ memberId: request.memberId, groupInstanceId: null, reason: null }]
      : request.members
    const refused = (errorCode: number): body.LeaveGroupResponse => ({
      throttleTimeMs: 0,
      errorCode,
      members: [],
    })
    const command = { kind: 'leave', groupId, members } as const
    const response = await this.ask<body.LeaveGroupResponse>(groupId, command, refused, emptyId(groupId))
    if (!single) return response
    return { ...response, errorCode: response.members[0]?.errorCode ?? response.errorCode, members: [] }
  }

  async consumerGroupHeartbeat(
    request: body.ConsumerHeartbeatRequest,
    context: body.RequestContext,
  ): Promise<body.ConsumerHeartbeatResponse> {
    if (!this.servesConsumerGroups)
      return consumerHeartbeatRefused(
        errorCodes.UNSUPPORTED_VERSION,
        errorText(errorCodes.UNSUPPORTED_VERSION),
      )
    try {
      checkHeartbeat(request, context.apiVersion, this.options.config.consumer.assignors)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      return consumerHeartbeatRefused(error.errorCode, error.message)
    }
    const command = { kind: 'consumerHeartbeat', request, context } as const
    return this.ask<body.ConsumerHeartbeatResponse>(request.groupId, command, (errorCode) =>
      consumerHeartbeatRefused(errorCode, errorText(errorCode)),
    )
  }

  async consumerGroupDescribe(request: body.ConsumerDescribeRequest): Promise<body.ConsumerDescribeResponse> {
    const groups = await Promise.all(
      request.groupIds.map(async (groupId) => {
        const refused = (errorCode: number): body.DescribedConsumerGroup =>
          describeConsumerRefused(groupId, errorCode, null)
        if (!this.servesConsumerGroups) return refused(errorCodes.UNSUPPORTED_VERSION)
        const command = { kind: 'consumerDescribe', groupId } as const
        return this.ask<body.DescribedConsumerGroup>(groupId, command, refused, emptyId(groupId))
      }),
    )
    return { throttleTimeMs: 0, groups }
  }

  /** An empty group id is allowed here, as it is in Kafka: very old consumers used it. */
  offsetCommit(
    request: body.OffsetCommitRequest,
    { apiVersion }: Pick<body.RequestContext, 'apiVersion'>,
  ): Promise<body.OffsetCommitResponse> {
    const command = { kind: 'commit', request, apiVersion } as const
    return this.ask<body.OffsetCommitResponse>(request.groupId, command, (errorCode) =>
      commitRefused(request, errorCode),
    )
  }

  txnOffsetCommit(
    request: body.TxnOffsetCommitRequest,
    { apiVersion }: Pick<body.RequestContext, 'apiVersion'>,
  ): Promise<body.TxnOffsetCommitResponse> {
    const refused = (errorCode: number): body.TxnOffsetCommitResponse => txnCommitRefused(request, errorCode)
    const { groupId } = request
    const command = { kind: 'txnCommit', request, apiVersion } as const
    return this.ask<body.TxnOffsetCommitResponse>(groupId, command, refused, emptyId(groupId))
  }

  async offsetFetch(
    request: body.OffsetFetchRequest,
    context: body.RequestContext,
  ): Promise<body.OffsetFetchResponse> {
    const { requireStable } = request
    if (context.apiVersion >= 8) {
      const groups = await Promise.all(request.groups.map((group) => this.fetchGroup(group, requireStable)))
      return { throttleTimeMs: 0, topics: [], errorCode: errorCodes.NONE, groups }
    }
    const topics = request.topics?.map((topic) => ({ ...topic, topicId: ZERO_UUID })) ?? null
    const asked = { groupId: request.groupId, memberId: null, memberEpoch: -1, topics }
    const group = await this.fetchGroup(asked, requireStable)
    // v1 has no error of its own: each partition carries it.
    const perPartition = context.apiVersion < 2 && group.errorCode !== errorCodes.NONE
    return {
      throttleTimeMs: 0,
      topics: perPartition ? fetchRefused(topics ?? [], group.errorCode) : group.topics,
      errorCode: group.errorCode,
      groups: [],
    }
  }

  offsetDelete(request: body.OffsetDeleteRequest): Promise<body.OffsetDeleteResponse> {
    const refused = (errorCode: number): body.OffsetDeleteResponse => ({
      errorCode,
      throttleTimeMs: 0,
      topics: [],
    })
    const { groupId } = request
    const command = { kind: 'offsetDelete', request } as const
    return this.ask<body.OffsetDeleteResponse>(groupId, command, refused, emptyId(groupId))
  }

  async describeGroups(
    request: body.DescribeGroupsRequest,
    context: body.RequestContext,
  ): Promise<body.DescribeGroupsResponse> {
    const groups = await Promise.all(
      request.groups.map(async (groupId): Promise<body.DescribedGroup> => {
        const refused = (errorCode: number): body.DescribedGroup => describeRefused(groupId, errorCode)
        const group = await this.ask<body.DescribedGroup>(groupId, { kind: 'describe', groupId }, refused)
        const unknown = group.errorCode === errorCodes.GROUP_ID_NOT_FOUND
        // Before v6 (KIP-1043) an unknown group is a Dead one, without an error.
        return unknown && context.apiVersion < 6
          ? { ...group, errorCode: errorCodes.NONE, errorMessage: null }
          : group
      }),
    )
    return { throttleTimeMs: 0, groups }
  }

  async listGroups(request: body.ListGroupsRequest): Promise<body.ListGroupsResponse> {
    const states = new Set(request.statesFilter.map((state) => state.toLowerCase()))
    const types = new Set(request.typesFilter.map((type) => type.toLowerCase()))
    if (this.shards.isClosed)
      return { throttleTimeMs: 0, errorCode: errorCodes.COORDINATOR_NOT_AVAILABLE, groups: [] }
    const lists = await this.shards.askAll({ kind: 'list', states, types })
    const groups: body.ListedGroup[] = []
    for (const list of lists) {
      // A shard that has just gone elsewhere is listed there.
      if (typeof list === 'number') {
        if (list !== errorCodes.NOT_COORDINATOR) return { throttleTimeMs: 0, errorCode: list, groups: [] }
      } else groups.push(...(list as body.ListedGroup[]))
    }
    return { throttleTimeMs: 0, errorCode: errorCodes.NONE, groups }
  }

  async streamsGroupHeartbeat(
    request: body.StreamsHeartbeatRequest,
    { clientId, clientHost }: body.RequestContext,
  ): Promise<body.StreamsHeartbeatResult> {
    const refusal = refuseHeartbeat(request)
    if (refusal !== undefined) return heartbeatRefused(refusal.errorCode, refusal.message)
    const client = { clientId: clientId ?? '', clientHost }
    return this.ask<body.StreamsHeartbeatResult>(
      request.groupId,
      { kind: 'streamsHeartbeat', request, client },
      (errorCode) => heartbeatRefused(errorCode, null),
    )
  }

  streamsGroupDescribe(groupIds: readonly string[]): Promise<body.DescribedStreamsGroup[]> {
    return Promise.all(
      groupIds.map((groupId) =>
        this.ask<body.DescribedStreamsGroup>(
          groupId,
          { kind: 'streamsDescribe', groupId },
          (errorCode) => describeStreamsRefused(groupId, errorCode, null),
          emptyId(groupId),
        ),
      ),
    )
  }

  /** Of `ShareGroups`, which asks more than one coordinator; a number is the refusal. */
  async share(groupId: string, command: body.ShareCommand): Promise<body.ShareReply | number> {
    return (await this.shards.ask(groupId, command)) as body.ShareReply | number
  }

  /** Topics were deleted: share groups forget which of their states were kept. */
  async shareTopicsDeleted(topicIds: ReadonlySet<string>): Promise<void> {
    await this.shards.askAll({ kind: 'shareTopicsDeleted', topicIds })
  }

  async deleteGroups(request: body.DeleteGroupsRequest): Promise<body.DeleteGroupsResponse> {
    const results = await Promise.all(
      [...new Set(request.groupsNames)].map(async (groupId) => {
        const refused = (errorCode: number): { errorCode: number } => ({ errorCode })
        const { errorCode } = await this.ask<{ errorCode: number }>(
          groupId,
          { kind: 'delete', groupId },
          refused,
        )
        return { groupId, errorCode }
      }),
    )
    return { throttleTimeMs: 0, results }
  }

  /**
   * Topics were deleted: all groups forget what they committed for them. Rejects with CoordinatorError
   * when a shard's log refuses; then it is to be tried again, or the offsets stay until they expire.
   */
  async partitionsDeleted(deleted: readonly body.TopicPartitions[]): Promise<void> {
    await Promise.all(
      this.shards.all.map(async (shard) => {
        // What does not fit in one batch follows in the next.
        let more = true
        while (more)
          ({ more } = (await shard.submit({ kind: 'partitionsDeleted', deleted })) as { more: boolean })
      }),
    )
  }

  /**
   * Topics were made, changed or deleted: groups that subscribe to them look at the metadata with their next
   * heartbeat. A shard that is loading needs no notice, all its groups look anyway.
   */
  async metadataChanged(topics: readonly string[], created = false): Promise<void> {
    if (created) this.shards.topicsCreated()
    await this.shards.askAll({ kind: 'metadataChanged', topics })
  }

  private get servesConsumerGroups(): boolean {
    const { config, features } = this.options
    return config.consumer.enabled && features.level('group.version') >= 1
  }

  private fetchGroup(
    group: body.OffsetFetchGroup,
    requireStable: boolean,
  ): Promise<body.OffsetFetchGroupResult> {
    const { groupId } = group
    const refused = (errorCode: number): body.OffsetFetchGroupResult => ({ groupId, topics: [], errorCode })
    return this.ask<body.OffsetFetchGroupResult>(groupId, { kind: 'fetch', group, requireStable }, refused)
  }

  /** Asks the group's shard; `refused` makes the reply out of an error code. Bugs reject. */
  private async ask<Body extends body.Reply>(
    groupId: string,
    command: body.Command,
    refused: (errorCode: number) => Body,
    refusal?: number,
  ): Promise<Body> {
    if (refusal !== undefined && !this.shards.isClosed) return refused(refusal)
    const reply = await this.shards.ask(groupId, command)
    return typeof reply === 'number' ? refused(reply) : (reply as Body)
  }
}

function emptyId(groupId: string): number | undefined {
  return groupId === '' ? errorCodes.INVALID_GROUP_ID : undefined
}
