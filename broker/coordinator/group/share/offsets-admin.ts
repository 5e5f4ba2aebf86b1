// What an admin client does to the offsets of a share group that has no members: set them, delete them, delete the
// group. Each writes first what is about to happen. Kafka: GroupMetadataManager.alterShareGroupOffsets,
// sharePartitionsEligibleForOffsetDeletion, shareGroupBuildPartitionDeleteRequest.

import { errorCodes, errorText } from '../../../protocol/errors.ts'
import { ZERO_UUID } from '../../../protocol/schema.ts'
import { Refused } from '../modern/refused.ts'
import type { MetadataView, TopicView } from '../metadata-view.ts'
import type { ShardView } from '../shard-view.ts'
import type { ShareFact } from './facts.ts'
import { initializing, type KeptTopic, NONE_KEPT, union } from './kept-topics.ts'
import type {
  AlterShareOffsetsRequest,
  AlterShareOffsetsResponse,
  DeleteShareOffsetsRequest,
  ShareAlterResult,
  ShareDeleteResult,
} from './messages.ts'
import { newShareGroup, type ShareGroup } from './share-group.ts'

type AlteredTopic = AlterShareOffsetsResponse['responses'][number]

const UNKNOWN = errorCodes.UNKNOWN_TOPIC_OR_PARTITION

/** `known` undefined: the group is made by it. Throws Refused. */
export function alterOffsets(
  { metadata }: ShardView,
  known: ShareGroup | undefined,
  { groupId, topics }: AlterShareOffsetsRequest,
  nowMs: number,
): { result: ShareAlterResult; facts: ShareFact[] } {
  const group = known ?? newShareGroup(groupId)
  refuseMembers(group)
  const responses: AlteredTopic[] = []
  const started = new Map<string, { name: string; startOffsets: Map<number, bigint> }>()
  for (const { topicName, partitions } of topics) {
    const topic = metadata.topic(topicName)
    const exists = (partition: number): boolean =>
      topic !== undefined && partition >= 0 && partition < topic.partitionCount
    responses.push({
      topicName,
      topicId: topic?.topicId ?? ZERO_UUID,
      partitions: partitions.map(({ partitionIndex }) =>
        exists(partitionIndex)
          ? { partitionIndex, errorCode: errorCodes.NONE, errorMessage: null }
          : { partitionIndex, errorCode: UNKNOWN, errorMessage: errorText(UNKNOWN) },
      ),
    })
    if (topic === undefined) continue
    const startOffsets = partitions
      .filter(({ partitionIndex }) => exists(partitionIndex))
      .map(({ partitionIndex, startOffset }): [number, bigint] => [partitionIndex, startOffset])
    started.set(topic.topicId, { name: topicName, startOffsets: new Map(startOffsets) })
  }
  const kept = new Map(
    [...started].map(([topicId, { name, startOffsets }]): [string, KeptTopic] => [
      topicId,
      { name, partitions: new Set(startOffsets.keys()) },
    ]),
  )
  const response = { throttleTimeMs: 0, errorCode: errorCodes.NONE, errorMessage: null, responses }
  if (kept.size === 0) return { result: { response, toInitialize: null }, facts: [] }
  const value = initializing(group.keptTopics, kept, nowMs)
  return {
    result: { response, toInitialize: { stateEpoch: group.groupEpoch, topics: started } },
    facts: [{ kind: 'shareKeptTopics', groupId, value }],
  }
}

/** Throws Refused. */
export function deleteOffsets(
  { metadata }: ShardView,
  group: ShareGroup,
  { groupId, topics }: DeleteShareOffsetsRequest,
): { result: ShareDeleteResult; facts: ShareFact[] } {
  refuseMembers(group)
  const toDelete = new Map<string, KeptTopic>()
  const refused: ShareDeleteResult['refused'] = []
  const kept = group.keptTopics
  if (kept === null)
    return { result: { errorCode: errorCodes.NONE, errorMessage: null, toDelete, refused }, facts: [] }
  const initialized = new Map(kept.initialized)
  const deleting = new Map(kept.deleting)
  for (const { topicName } of topics) {
    const topic = metadata.topic(topicName)
    const known =
      topic === undefined ? undefined : (initialized.get(topic.topicId) ?? inDeletion(topic, deleting))
    if (topic === undefined || known === undefined) {
      const errorMessage =
        topic === undefined ? errorText(UNKNOWN) : 'There is no offset information to delete.'
      refused.push({ topicName, topicId: ZERO_UUID, errorCode: UNKNOWN, errorMessage })
      continue
    }
    toDelete.set(topic.topicId, known)
    initialized.delete(topic.topicId)
    deleting.set(topic.topicId, topicName)
  }
  const result = { errorCode: errorCodes.NONE, errorMessage: null, toDelete, refused }
  if (toDelete.size === 0) return { result, facts: [] }
  return { result, facts: [{ kind: 'shareKeptTopics', groupId, value: { ...kept, initialized, deleting } }] }
}

/** All that is kept for a group that is about to be deleted. Throws Refused. */
export function beginDelete(
  { metadata }: ShardView,
  group: ShareGroup,
): { result: ShareDeleteResult; facts: ShareFact[] } {
  refuseMembers(group)
  const nothing = { errorCode: errorCodes.NONE, errorMessage: null, refused: [] }
  if (group.keptTopics === null) return { result: { ...nothing, toDelete: new Map() }, facts: [] }
  const { initialized, initializing: beingMade, deleting } = group.keptTopics
  // States of topics that are gone are nobody's to delete any more.
  const known = [...union(initialized, beingMade)].filter(([topicId]) => metadata.topicById(topicId))
  const toDelete = union(new Map(known), again(deleting, metadata))
  const value = {
    ...NONE_KEPT,
    deleting: new Map([...toDelete].map(([topicId, { name }]) => [topicId, name])),
  }
  const fact: ShareFact = { kind: 'shareKeptTopics', groupId: group.groupId, value }
  return { result: { ...nothing, toDelete }, facts: [fact] }
}

/** Deletions that were begun and not ended, of topics that still exist. */
function again(deleting: ReadonlyMap<string, string>, metadata: MetadataView): Map<string, KeptTopic> {
  return new Map(
    [...deleting.keys()].flatMap((topicId): [string, KeptTopic][] => {
      const topic = metadata.topicById(topicId)
      return topic === undefined ? [] : [[topicId, allOf(topic)]]
    }),
  )
}

function inDeletion(topic: TopicView, deleting: ReadonlyMap<string, string>): KeptTopic | undefined {
  return deleting.has(topic.topicId) ? allOf(topic) : undefined
}

function allOf({ name, partitionCount }: TopicView): KeptTopic {
  return { name, partitions: new Set(Array.from({ length: partitionCount }, (_, index) => index)) }
}

function refuseMembers({ members }: ShareGroup): void {
  if (members.size > 0) throw new Refused(errorCodes.NON_EMPTY_GROUP, errorText(errorCodes.NON_EMPTY_GROUP))
}
