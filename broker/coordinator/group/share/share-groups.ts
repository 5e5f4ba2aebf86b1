// Share groups as the handlers see them: bodies in, bodies out. What concerns states has three steps, each safe before
// the next: the group's shard writes what is about to happen, the share coordinator does it, the shard writes that it
// is done. Whatever is interrupted is done again by the next heartbeat, or the next request. Kafka:
// GroupCoordinatorService.

import { errorCodes, errorText } from '../../../protocol/errors.ts'
import { ZERO_UUID } from '../../../protocol/schema.ts'
import type { MetadataView } from '../metadata-view.ts'
import type { RequestContext } from '../messages.ts'
import { describeShareRefused } from './describe.ts'
import type { KeptTopic } from './kept-topics.ts'
import {
  alterRefused,
  type AlterShareOffsetsRequest,
  type AlterShareOffsetsResponse,
  type DeleteShareOffsetsRequest,
  type DeleteShareOffsetsResponse,
  deleteRefused,
  type DescribedShareGroup,
  type DescribedShareOffsets,
  type DescribeShareOffsetsGroup,
  heartbeatRefused,
  type ShareAlterResult,
  type ShareCommand,
  type ShareDeleteResult,
  type ShareHeartbeatRequest,
  type ShareHeartbeatResponse,
  type ShareHeartbeatResult,
  type ShareReply,
  type ToInitialize,
} from './messages.ts'
import type { KeeperOutcome, StateKeeper } from './state-keeper.ts'

export interface ShareGroupsOptions {
  /** The group's shard; a number is its refusal. */
  ask: (groupId: string, command: ShareCommand) => Promise<ShareReply | number>
  keeper: StateKeeper
  metadata: MetadataView
  onWarning: (message: string) => void
}

type DescribedTopic = DescribedShareOffsets['topics'][number]

export class ShareGroups {
  private readonly options: ShareGroupsOptions

  constructor(options: ShareGroupsOptions) {
    this.options = options
  }

  /** States of new topics are made beside the answer: their partitions come with a later heartbeat. */
  async heartbeat(
    request: ShareHeartbeatRequest,
    { clientId, clientHost }: RequestContext,
  ): Promise<ShareHeartbeatResponse> {
    const problem = heartbeatProblem(request)
    if (problem !== undefined) return heartbeatRefused(errorCodes.INVALID_REQUEST, problem).response
    const client = { clientId: clientId ?? '', clientHost }
    const { groupId } = request
    const { response, toInitialize } = await this.ask<ShareHeartbeatResult>(
      groupId,
      { kind: 'shareHeartbeat', request, client },
      (errorCode) => heartbeatRefused(errorCode, errorText(errorCode)),
    )
    if (toInitialize !== null) {
      this.initialize(groupId, toInitialize).then(
        (outcomes) => {
          const failed = [...outcomes.values()].find(({ errorCode }) => errorCode !== errorCodes.NONE)
          if (failed !== undefined)
            this.warn(`states of ${groupId} are not kept yet: error ${failed.errorCode}`)
        },
        (error: unknown) => this.warn(`states of ${groupId} are not kept yet: ${String(error)}`),
      )
    }
    return response
  }

  describe(groupIds: readonly string[]): Promise<DescribedShareGroup[]> {
    return Promise.all(
      groupIds.map(async (groupId) => {
        const refused = (errorCode: number): DescribedShareGroup =>
          describeShareRefused(groupId, errorCode, null)
        if (groupId === '') return refused(errorCodes.INVALID_GROUP_ID)
        return this.ask<DescribedShareGroup>(groupId, { kind: 'shareDescribe', groupId }, refused)
      }),
    )
  }

  /** Of the partitions that are asked for, or of all that are kept. */
  async describeOffsets({ groupId, topics }: DescribeShareOffsetsGroup): Promise<DescribedShareOffsets> {
    const described = (found: DescribedTopic[]): DescribedShareOffsets => ({
      groupId,
      topics: found,
      errorCode: errorCodes.NONE,
      errorMessage: null,
    })
    const { metadata } = this.options
    if (topics !== null) {
      const known = topics.filter(({ topicName }) => metadata.topic(topicName) !== undefined)
      const found = known.map(({ topicName, partitions }) =>
        this.describeTopic(groupId, topicName, partitions),
      )
      const unknown = topics.filter(({ topicName }) => metadata.topic(topicName) === undefined)
      return described([...(await Promise.all(found)), ...unknown.map(unknownTopic)])
    }
    const reply = await this.options.ask(groupId, { kind: 'shareKept', groupId })
    if (typeof reply === 'number')
      return { groupId, topics: [], errorCode: reply, errorMessage: errorText(reply) }
    const kept = [...(reply as { kept: ReadonlyMap<string, KeptTopic> }).kept]
    const found = kept.flatMap(([topicId, { partitions }]) => {
      const name = metadata.topicById(topicId)?.name
      return name === undefined ? [] : [this.describeTopic(groupId, name, [...partitions])]
    })
    return described(await Promise.all(found))
  }

  async alterOffsets(request: AlterShareOffsetsRequest): Promise<AlterShareOffsetsResponse> {
    const { groupId } = request
    if (groupId === '') return alterRefused(errorCodes.INVALID_GROUP_ID, invalidGroupId).response
    const { response, toInitialize } = await this.ask<ShareAlterResult>(
      groupId,
      { kind: 'shareAlterOffsets', request },
      (errorCode) => alterRefused(errorCode, errorText(errorCode)),
    )
    if (toInitialize === null) return response
    const outcomes = await this.initialize(groupId, toInitialize)
    return {
      ...response,
      responses: response.responses.map((topic) => ({
        ...topic,
        partitions: topic.partitions.map((partition) => ({
          ...partition,
          ...outcomes.get(partitionName(topic.topicId, partition.partitionIndex)),
        })),
      })),
    }
  }

  async deleteOffsets(request: DeleteShareOffsetsRequest): Promise<DeleteShareOffsetsResponse> {
    const { groupId } = request
    if (groupId === '') return deleteAnswer(deleteRefused(errorCodes.INVALID_GROUP_ID, invalidGroupId), [])
    const result = await this.ask<ShareDeleteResult>(
      groupId,
      { kind: 'shareDeleteOffsets', request },
      (errorCode) => deleteRefused(errorCode, errorText(errorCode)),
    )
    if (result.errorCode !== errorCodes.NONE || result.toDelete.size === 0) return deleteAnswer(result, [])
    const outcomes = await this.deleteStates(groupId, result.toDelete)
    return deleteAnswer(
      result,
      [...outcomes].map(([topicId, { errorCode, errorMessage }]) => ({
        topicName: result.toDelete.get(topicId)?.name ?? '',
        topicId,
        errorCode,
        errorMessage,
      })),
    )
  }

  /** Before a group is deleted its states are: NONE for those that have none, and for groups of other kinds. */
  async deleteStatesOf(groupId: string): Promise<number> {
    const result = await this.ask<ShareDeleteResult>(
      groupId,
      { kind: 'shareBeginDelete', groupId },
      (errorCode) => deleteRefused(errorCode, null),
    )
    if (result.errorCode !== errorCodes.NONE) return result.errorCode
    const outcomes = await this.deleteStates(groupId, result.toDelete)
    const failed = [...outcomes.values()].find(({ errorCode }) => errorCode !== errorCodes.NONE)
    return failed?.errorCode ?? errorCodes.NONE
  }

  /** What became of each partition; what is kept now is kept, whatever became of the others. */
  private async initialize(
    groupId: string,
    { stateEpoch, topics }: ToInitialize,
  ): Promise<Map<string, KeeperOutcome>> {
    const { keeper, ask } = this.options
    const outcomes = new Map<string, KeeperOutcome>()
    await Promise.all(
      [...topics].flatMap(([topicId, { startOffsets }]) =>
        [...startOffsets].map(async ([partition, startOffset]) => {
          const key = { groupId, topicId, partition }
          outcomes.set(
            partitionName(topicId, partition),
            await keeper.initialize(key, stateEpoch, startOffset),
          )
        }),
      ),
    )
    const those = (isKept: boolean): Map<string, KeptTopic> => {
      const isAmong = (topicId: string, partition: number): boolean => {
        const errorCode = outcomes.get(partitionName(topicId, partition))?.errorCode
        return (errorCode === errorCodes.NONE) === isKept
      }
      return new Map(
        [...topics].flatMap(([topicId, { name, startOffsets }]): [string, KeptTopic][] => {
          const partitions = [...startOffsets.keys()].filter((partition) => isAmong(topicId, partition))
          return partitions.length === 0 ? [] : [[topicId, { name, partitions: new Set(partitions) }]]
        }),
      )
    }
    const [kept, notKept] = [those(true), those(false)]
    if (notKept.size > 0) await ask(groupId, { kind: 'shareNotInitialized', groupId, topics: notKept })
    const reply = kept.size > 0 ? await ask(groupId, { kind: 'shareInitialized', groupId, topics: kept }) : {}
    if (typeof reply !== 'number') return outcomes
    const unwritten = { errorCode: reply, errorMessage: errorText(reply) }
    return new Map(
      [...outcomes].map(([name, outcome]) => [name, outcome.errorCode === 0 ? unwritten : outcome]),
    )
  }

  /** By topic id: NONE, or why one of its partitions was refused. */
  private async deleteStates(
    groupId: string,
    topics: ReadonlyMap<string, KeptTopic>,
  ): Promise<Map<string, KeeperOutcome>> {
    const { keeper, ask } = this.options
    const outcomes = new Map<string, KeeperOutcome>()
    await Promise.all(
      [...topics].map(async ([topicId, { partitions }]) => {
        const all = await Promise.all(
          [...partitions].map((partition) => keeper.delete({ groupId, topicId, partition })),
        )
        const failed = all.find(({ errorCode }) => errorCode !== errorCodes.NONE)
        outcomes.set(topicId, failed ?? { errorCode: errorCodes.NONE, errorMessage: null })
      }),
    )
    const gone = [...outcomes].filter(([, { errorCode }]) => errorCode === errorCodes.NONE)
    if (gone.length > 0) {
      const topicIds = new Set(gone.map(([topicId]) => topicId))
      const reply = await ask(groupId, { kind: 'shareDeleted', groupId, topicIds })
      if (typeof reply === 'number')
        this.warn(`states of ${groupId} are deleted, which is not written: ${reply}`)
    }
    return outcomes
  }

  private async describeTopic(
    groupId: string,
    topicName: string,
    partitions: readonly number[],
  ): Promise<DescribedTopic> {
    const { keeper, metadata } = this.options
    const topicId = metadata.topic(topicName)?.topicId ?? ZERO_UUID
    const described = partitions.map(
      async (partitionIndex): Promise<DescribedTopic['partitions'][number]> => {
        const key = { groupId, topicId, partition: partitionIndex }
        const { errorCode, startOffset, leaderEpoch, deliveryCompleteCount } = await keeper.summary(key)
        const isKnown = errorCode === errorCodes.NONE
        const partition = {
          partitionIndex,
          startOffset: isKnown ? startOffset : -1n,
          leaderEpoch: isKnown ? leaderEpoch : 0,
          lag: -1n,
          errorCode: errorCodes.NONE,
          errorMessage: null,
        }
        if (!isKnown || startOffset < 0n || deliveryCompleteCount < 0) return partition
        const latest = keeper.latestOffset(topicName, partitionIndex)
        if (latest === undefined) return partition
        return { ...partition, lag: latest - startOffset - BigInt(deliveryCompleteCount) }
      },
    )
    return { topicName, topicId, partitions: await Promise.all(described) }
  }

  private async ask<Body extends ShareReply>(
    groupId: string,
    command: ShareCommand,
    refused: (errorCode: number) => Body,
  ): Promise<Body> {
    const reply = await this.options.ask(groupId, command)
    return typeof reply === 'number' ? refused(reply) : (reply as Body)
  }

  private warn(message: string): void {
    this.options.onWarning(message)
  }
}

const partitionName = (topicId: string, partition: number): string => `${topicId}-${partition}`
const invalidGroupId = errorText(errorCodes.INVALID_GROUP_ID)

function heartbeatProblem(request: ShareHeartbeatRequest): string | undefined {
  const { memberId, groupId, rackId, memberEpoch, subscribedTopicNames } = request
  if (memberId.trim() === '') return "MemberId can't be empty."
  if (groupId.trim() === '') return "GroupId can't be empty."
  if (rackId !== null && rackId.trim() === '') return "RackId can't be empty."
  if (memberEpoch === 0 && (subscribedTopicNames === null || subscribedTopicNames.length === 0))
    return 'SubscribedTopicNames must be set in first request.'
  return memberEpoch < -1 ? 'MemberEpoch is invalid.' : undefined
}

function unknownTopic({
  topicName,
  partitions,
}: {
  topicName: string
  partitions: readonly number[]
}): DescribedTopic {
  return {
    topicName,
    topicId: ZERO_UUID,
    partitions: partitions.map((partitionIndex) => ({
      partitionIndex,
      startOffset: -1n,
      leaderEpoch: 0,
      lag: -1n,
      errorCode: errorCodes.NONE,
      errorMessage: null,
    })),
  }
}

function deleteAnswer(
  { errorCode, errorMessage, refused }: ShareDeleteResult,
  deleted: DeleteShareOffsetsResponse['responses'],
): DeleteShareOffsetsResponse {
  const responses = errorCode === errorCodes.NONE ? [...refused, ...deleted] : []
  return { throttleTimeMs: 0, errorCode, errorMessage, responses }
}
