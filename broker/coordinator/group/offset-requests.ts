// OffsetCommit, TxnOffsetCommit and OffsetFetch, for topics by name (the handlers translate topic ids and
// know which topics exist). A transactional offset is pending until its producer's marker: whoever asks
// for stable offsets hears UNSTABLE_OFFSET_COMMIT meanwhile (KIP-447).

import { errorCodes } from '../../protocol/errors.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { RequestId } from '../machine.ts'
import type { GroupConfig } from './config.ts'
import type { Fact } from './facts.ts'
import type { Group } from './group.ts'
import { sessionRestart } from './membership.ts'
import type {
  OffsetCommitRequest,
  OffsetFetchGroup,
  OffsetFetchGroupResult,
  TxnOffsetCommitRequest,
} from './messages.ts'
import type { Offsets } from './offsets.ts'
import { answer, type GroupDecision } from './turn.ts'
import { refuseCommit } from './validate.ts'

type FetchedPartition = OffsetFetchGroupResult['topics'][number]['partitions'][number]

export function commitOffsets(
  group: Group | undefined,
  request: OffsetCommitRequest,
  requestId: RequestId,
  config: GroupConfig,
  nowMs: number,
): GroupDecision {
  const { groupId, memberId, groupInstanceId, retentionTimeMs } = request
  const generationId = request.generationIdOrMemberEpoch
  const refusal = refuseCommit(group, { memberId, groupInstanceId, generationId }, false)
  // A time beyond what a number holds is for ever; the sum must still be an int64 in the record.
  const expireTimestampMs =
    retentionTimeMs < 0n ? null : Math.min(nowMs + Number(retentionTimeMs), Number.MAX_SAFE_INTEGER)
  const facts: Fact[] = []
  const topics = request.topics.map(({ name, topicId, partitions }) => ({
    name,
    topicId,
    partitions: partitions.map((partition) => {
      const errorCode = refusal ?? checkMetadata(partition.committedMetadata, config)
      if (errorCode === errorCodes.NONE) {
        facts.push(offsetFact(groupId, name, partition, nowMs, expireTimestampMs))
      }
      return { partitionIndex: partition.partitionIndex, errorCode }
    }),
  }))
  const decision = answer(requestId, { throttleTimeMs: 0, topics })
  decision.facts = facts
  // Who commits is alive.
  if (refusal === undefined && group !== undefined && group.members.has(memberId)) {
    decision.timers.push(sessionRestart(group, memberId))
  }
  return decision
}

export function commitTxnOffsets(
  group: Group | undefined,
  request: TxnOffsetCommitRequest,
  requestId: RequestId,
  config: GroupConfig,
  nowMs: number,
): GroupDecision {
  const { groupId, producerId, producerEpoch } = request
  const refusal = refuseCommit(group, request, true)
  const facts: Fact[] = []
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((partition) => {
      const errorCode = refusal ?? checkMetadata(partition.committedMetadata, config)
      if (errorCode === errorCodes.NONE) facts.push(offsetFact(groupId, name, partition, nowMs, null))
      return { partitionIndex: partition.partitionIndex, errorCode }
    }),
  }))
  const decision = answer(requestId, { throttleTimeMs: 0, topics })
  decision.facts = facts
  decision.producer = { producerId, producerEpoch }
  return decision
}

/** A group that does not exist has no offsets: that is an answer, not an error. */
export function fetchOffsets(
  offsets: Offsets,
  { groupId, topics }: OffsetFetchGroup,
  requireStable: boolean,
): OffsetFetchGroupResult {
  const fetched = (name: string, partitionIndex: number): FetchedPartition => {
    const value = offsets.get(groupId, name, partitionIndex)
    const unstable = requireStable && offsets.hasPending(groupId, name, partitionIndex)
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
  for (const { topic, partition } of offsets.ofGroup(groupId)) {
    const partitions = byTopic.get(topic)
    if (partitions === undefined) byTopic.set(topic, [fetched(topic, partition)])
    else partitions.push(fetched(topic, partition))
  }
  // The handler, which knows the topics, fills in their ids for v10.
  const all = [...byTopic].map(([name, partitions]) => ({ name, topicId: ZERO_UUID, partitions }))
  return { groupId, errorCode: errorCodes.NONE, topics: all }
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
