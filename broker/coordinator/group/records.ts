// Facts of a group shard as Kafka's records in __consumer_offsets, in the versions that Kafka 4.3 writes:
//
//   key                          value                 version written
//   1  OffsetCommitKey           OffsetCommitValue     3, or 1 with a retention time of its own
//   2  GroupMetadataKey          GroupMetadataValue    3
//
// All versions are read (0 of OffsetCommitKey, too). Any other key throws: the shard cannot carry a
// group that it does not understand, and to forget it silently would hand its partitions out anew.

import type { MessageInput, MessageOf } from '../../protocol/message.ts'
import {
  groupMetadataKey,
  groupMetadataValue,
  offsetCommitKey,
  offsetCommitValue,
} from '../../protocol/records/group.ts'
import { decodeVersioned, encodeVersioned, versionPrefix } from '../../protocol/records/versioned.ts'
import type { FactCodec } from '../machine.ts'
import type { Fact, GroupFact, GroupRecord, OffsetFact, OffsetRecord } from './facts.ts'

const OFFSET_KEY = 1
const GROUP_KEY = 2
const OFFSET_VALUE_VERSION = 3
const OFFSET_VALUE_VERSION_WITH_EXPIRY = 1
const GROUP_VALUE_VERSION = 3

export const groupRecords: FactCodec<Fact> = {
  encode(fact) {
    return fact.kind === 'offset' ? encodeOffset(fact) : encodeGroup(fact)
  },

  decode(key, value) {
    const keyBytes = asBuffer(key)
    const valueBytes = value === null ? null : asBuffer(value)
    const kind = versionPrefix(keyBytes)
    if (kind === 0 || kind === OFFSET_KEY) return decodeOffset(keyBytes, valueBytes)
    if (kind === GROUP_KEY) return decodeGroup(keyBytes, valueBytes)
    throw new Error(`__consumer_offsets holds a record of kind ${kind}, which only newer groups write`)
  },
}

function encodeOffset({ groupId, topic, partition, value }: OffsetFact): {
  key: Buffer
  value: Buffer | null
} {
  const key = encodeVersioned(offsetCommitKey, OFFSET_KEY, { group: groupId, topic, partition })
  if (value === null) return { key, value: null }
  const { offset, leaderEpoch, metadata, commitTimestampMs, expireTimestampMs } = value
  const version = expireTimestampMs === null ? OFFSET_VALUE_VERSION : OFFSET_VALUE_VERSION_WITH_EXPIRY
  const encoded = encodeVersioned(offsetCommitValue, version, {
    offset,
    leaderEpoch,
    metadata,
    commitTimestamp: BigInt(commitTimestampMs),
    expireTimestamp: BigInt(expireTimestampMs ?? -1),
  })
  return { key, value: encoded }
}

function decodeOffset(key: Buffer, value: Buffer | null): OffsetFact {
  const { group, topic, partition } = decodeVersioned(offsetCommitKey, key).value
  return {
    kind: 'offset',
    groupId: group,
    topic,
    partition,
    value: value === null ? null : offsetRecord(decodeVersioned(offsetCommitValue, value).value),
  }
}

function offsetRecord(value: MessageOf<typeof offsetCommitValue>): OffsetRecord {
  return {
    offset: value.offset,
    leaderEpoch: value.leaderEpoch,
    metadata: value.metadata,
    commitTimestampMs: Number(value.commitTimestamp),
    expireTimestampMs: value.expireTimestamp < 0n ? null : Number(value.expireTimestamp),
  }
}

function encodeGroup({ groupId, value }: GroupFact): { key: Buffer; value: Buffer | null } {
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

function decodeGroup(key: Buffer, value: Buffer | null): GroupFact {
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

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
