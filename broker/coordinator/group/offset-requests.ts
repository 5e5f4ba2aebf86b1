// OffsetCommit, TxnOffsetCommit and OffsetFetch, for topics by name (the handlers translate topic ids and
// know which topics exist). A transactional offset is pending until its producer's marker: whoever asks
// for stable offsets hears UNSTABLE_OFFSET_COMMIT meanwhile (KIP-447).

import { errorCodes } from '../../protocol/errors.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { RequestId } from '../machine.ts'
import type { GroupConfig } from './config.ts'
import { answer, type GroupDecision } from './decision.ts'
import type { Fact } from './facts.ts'
import type { Committer, Group, PartitionCheck } from './group-kind.ts'
import { kindOf } from './kinds.ts'
import type {
  OffsetCommitRequest,
  OffsetCommitResponse,
  OffsetDeleteRequest,
  OffsetFetchGroup,
  OffsetFetchGroupResult,
  TxnOffsetCommitRequest,
  TxnOffsetCommitResponse,
} from './messages.ts'
import { commitRefused, txnCommitRefused } from './refusals.ts'
import type { ShardView } from './shard-view.ts'

type FetchedPartition = OffsetFetchGroupResult['topics'][number]['partitions'][number]

export function commitOffsets(
  shard: ShardView,
  request: OffsetCommitRequest,
  apiVersion: number,
  requestId: RequestId,
  nowMs: number,
): GroupDecision {
  const { config } = shard
  const { groupId, memberId, retentionTimeMs } = request
  const group = shard.group(groupId)
  const check = refuseCommit(group, { ...request, apiVersion }, false)
  if (typeof check === 'number') return answer(requestId, commitRefused(request, check))
  // A time beyond what a number holds is for ever; the sum must still be an int64 in the record.
  const expireTimestampMs =
    retentionTimeMs < 0n ? null : Math.min(nowMs + Number(retentionTimeMs), Number.MAX_SAFE_INTEGER)
  const facts: Fact[] = []
  const topics: OffsetCommitResponse['topics'] = []
  for (const { name, topicId, partitions } of request.topics) {
    const answered = []
    for (const partition of partitions) {
      const errorCode = checkMetadata(partition.committedMetadata, config)
      if (errorCode === errorCodes.NONE) {
        // A member that is behind: one partition that it no longer has refuses the whole request.
        const stale = check?.(topicId, partition.partitionIndex, name)
        if (stale !== undefined) return answer(requestId, commitRefused(request, stale))
        facts.push(offsetFact(groupId, name, partition, nowMs, expireTimestampMs))
      }
      answered.push({ partitionIndex: partition.partitionIndex, errorCode })
    }
    topics.push({ name, topicId, partitions: answered })
  }
  const decision = answer(requestId, { throttleTimeMs: 0, topics })
  decision.facts = facts
  if (group !== undefined) decision.timers.push(...kindOf(group).sessionsOnCommit(group, memberId))
  return decision
}

export function commitTxnOffsets(
  shard: ShardView,
  request: TxnOffsetCommitRequest,
  apiVersion: number,
  requestId: RequestId,
  nowMs: number,
): GroupDecision {
  const { config, metadata } = shard
  const { groupId, producerId, producerEpoch, generationId: generationIdOrMemberEpoch } = request
  const refused = (errorCode: number): GroupDecision =>
    answer(requestId, txnCommitRefused(request, withoutMemberEpochs(errorCode)))
  const committer = { ...request, generationIdOrMemberEpoch, apiVersion }
  const check = refuseCommit(shard.group(groupId), committer, true)
  if (typeof check === 'number') return refused(check)
  const facts: Fact[] = []
  const topics: TxnOffsetCommitResponse['topics'] = []
  for (const { name, partitions } of request.topics) {
    const topicId = metadata.topic(name)?.topicId
    if (check !== undefined && topicId === undefined) return refused(errorCodes.ILLEGAL_GENERATION)
    const answered = []
    for (const partition of partitions) {
      const errorCode = checkMetadata(partition.committedMetadata, config)
      if (errorCode === errorCodes.NONE) {
        const stale = topicId === undefined ? undefined : check?.(topicId, partition.partitionIndex, name)
        if (stale !== undefined) return refused(stale)
        facts.push(offsetFact(groupId, name, partition, nowMs, null))
      }
      answered.push({ partitionIndex: partition.partitionIndex, errorCode })
    }
    topics.push({ name, partitions: answered })
  }
  const decision = answer(requestId, { throttleTimeMs: 0, topics })
  decision.facts = facts
  decision.producer = { producerId, producerEpoch }
  return decision
}

function refuseCommit(
  group: Group | undefined,
  committer: Committer,
  transactional: boolean,
): number | PartitionCheck | undefined {
  if (group !== undefined) return kindOf(group).refuseCommit(group, committer, transactional)
  // Only commits without a generation make a group.
  if (committer.generationIdOrMemberEpoch < 0) return undefined
  return transactional ? errorCodes.ILLEGAL_GENERATION : errorCodes.GROUP_ID_NOT_FOUND
}

/** TxnOffsetCommit's clients only know generations. */
function withoutMemberEpochs(errorCode: number): number {
  return errorCode === errorCodes.STALE_MEMBER_EPOCH ? errorCodes.ILLEGAL_GENERATION : errorCode
}

/** A group that does not exist has no offsets: that is an answer, not an error. */
export function fetchOffsets(
  { offsets, ...shard }: Pick<ShardView, 'offsets' | 'group'>,
  { groupId, topics, memberId, memberEpoch }: OffsetFetchGroup,
  requireStable: boolean,
): OffsetFetchGroupResult {
  const group = shard.group(groupId)
  const refusal = group === undefined ? undefined : kindOf(group).refuseFetch(group, memberId, memberEpoch)
  // A group of a kind that keeps no offsets is as good as none.
  const keepsNone = refusal === errorCodes.GROUP_ID_NOT_FOUND
  if (refusal !== undefined && !keepsNone) return { groupId, topics: [], errorCode: refusal }
  const fetched = (name: string, partitionIndex: number): FetchedPartition => {
    const value = keepsNone ? undefined : offsets.get(groupId, name, partitionIndex)
    const unstable = !keepsNone && requireStable && offsets.hasPending(groupId, name, partitionIndex)
    return {
      partitionIndex,
      committedOffset: unstable ? -1n : (value?.offset ?? -1n),
      committedLeaderEpoch: unstable ? -1 : (value?.leaderEpoch ?? -1),
      metadata: unstable ? '' : (value?.metadata ?? ''),
      errorCode: unstable ? errorCodes.UNSTABLE_OFFSET_COMMIT : errorCodes.NONE,
    }
  }
  if (topics !== null) {
    return {
      groupId,
      errorCode: errorCodes.NONE,
      topics: topics.map(({ name, topicId, partitionIndexes }) => ({
        name,
        topicId,
        partitions: partitionIndexes.map((partition) => fetched(name, partition)),
      })),
    }
  }
  const byTopic = new Map<string, FetchedPartition[]>()
  for (const { topic, partition } of keepsNone ? [] : offsets.ofGroup(groupId)) {
    const partitions = byTopic.get(topic)
    if (partitions === undefined) byTopic.set(topic, [fetched(topic, partition)])
    else partitions.push(fetched(topic, partition))
  }
  // The handler, which knows the topics, fills in their ids for v10.
  const all = [...byTopic].map(([name, partitions]) => ({ name, topicId: ZERO_UUID, partitions }))
  return { groupId, errorCode: errorCodes.NONE, topics: all }
}

/** Offsets of topics that a member subscribes to stay; those of open transactions go, too. */
export function deleteOffsets(
  { offsets, ...shard }: Pick<ShardView, 'offsets' | 'group'>,
  { groupId, topics }: OffsetDeleteRequest,
  requestId: RequestId,
): GroupDecision {
  const refused = (errorCode: number): GroupDecision =>
    answer(requestId, { errorCode, throttleTimeMs: 0, topics: [] })
  const group = shard.group(groupId)
  if (group === undefined) return refused(errorCodes.GROUP_ID_NOT_FOUND)
  const kind = kindOf(group)
  const refusal = kind.refuseOffsetDelete(group)
  if (refusal !== undefined) return refused(refusal)
  const facts: Fact[] = []
  const answered = topics.map(({ name, partitions }) => {
    const isKept = kind.isSubscribedTo(group, name)
    const errorCode = isKept ? errorCodes.GROUP_SUBSCRIBED_TO_TOPIC : errorCodes.NONE
    for (const { partitionIndex: partition } of partitions) {
      const isThere =
        offsets.get(groupId, name, partition) !== undefined || offsets.hasPending(groupId, name, partition)
      if (!isKept && isThere) facts.push({ kind: 'offset', groupId, topic: name, partition, value: null })
    }
    return { name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })) }
  })
  const decision = answer(requestId, { errorCode: errorCodes.NONE, throttleTimeMs: 0, topics: answered })
  decision.facts = facts
  return decision
}

interface CommittedPartition {
  partitionIndex: number
  committedOffset: bigint
  committedLeaderEpoch: number
  committedMetadata: string | null
}

function checkMetadata(metadata: string | null, config: GroupConfig): number {
  const tooLarge = metadata !== null && metadata.length > config.offsetMetadataMaxSize
  return tooLarge ? errorCodes.OFFSET_METADATA_TOO_LARGE : errorCodes.NONE
}

function offsetFact(
  groupId: string,
  topic: string,
  partition: CommittedPartition,
  nowMs: number,
  expireTimestampMs: number | null,
): Fact {
  return {
    kind: 'offset',
    groupId,
    topic,
    partition: partition.partitionIndex,
    value: {
      offset: partition.committedOffset,
      leaderEpoch: partition.committedLeaderEpoch,
      metadata: partition.committedMetadata ?? '',
      commitTimestampMs: nowMs,
      expireTimestampMs,
    },
  }
}
