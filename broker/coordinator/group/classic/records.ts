// GroupMetadataKey and GroupMetadataValue, the records of classic groups. Value versions 0-4 are read, 3 is
// written, as Kafka 4.3 writes.

import type { MessageInput, MessageOf } from '../../../protocol/message.ts'
import { groupMetadataKey, groupMetadataValue } from '../../../protocol/records/group.ts'
import { decodeVersioned, encodeVersioned } from '../../../protocol/records/versioned.ts'
import type { EncodedRecord } from '../group-kind.ts'
import type { GroupFact, GroupRecord } from './facts.ts'

export const GROUP_KEY = 2
const GROUP_VALUE_VERSION = 3

export function encodeGroup({ groupId, value }: GroupFact): EncodedRecord {
  const key = encodeVersioned(groupMetadataKey, GROUP_KEY, { group: groupId })
  if (value === null) return { key, value: null }
  return { key, value: encodeVersioned(groupMetadataValue, GROUP_VALUE_VERSION, groupValue(value)) }
}

function groupValue(record: GroupRecord): MessageInput<typeof groupMetadataValue> {
  return {
    protocolType: record.protocolType,
    generation: record.generationId,
    protocol: record.protocolName,
    leader: record.leaderId,
    currentStateTimestamp: BigInt(record.stateTimestampMs ?? -1),
    members: record.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeout: member.rebalanceTimeoutMs,
      sessionTimeout: member.sessionTimeoutMs,
      subscription: member.subscription,
      assignment: member.assignment,
    })),
  }
}

export function decodeGroup(key: Buffer, value: Buffer | null): GroupFact {
  const { group } = decodeVersioned(groupMetadataKey, key).value
  const record = value === null ? null : groupRecord(decodeVersioned(groupMetadataValue, value).value)
  return { kind: 'group', groupId: group, value: record }
}

function groupRecord(value: MessageOf<typeof groupMetadataValue>): GroupRecord {
  return {
    protocolType: value.protocolType,
    generationId: value.generation,
    protocolName: value.protocol,
    leaderId: value.leader,
    stateTimestampMs: value.currentStateTimestamp < 0n ? null : Number(value.currentStateTimestamp),
    members: value.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeoutMs: member.rebalanceTimeout,
      sessionTimeoutMs: member.sessionTimeout,
      subscription: member.subscription,
      assignment: member.assignment,
    })),
  }
}
