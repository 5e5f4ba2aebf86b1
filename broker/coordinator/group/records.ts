// Facts of a group shard as Kafka's records in __consumer_offsets, in the versions that Kafka 4.3 writes. The
// offsets are here, the rest is each kind of group's own:
//
//   key                          value                 version written
//   1  OffsetCommitKey           OffsetCommitValue     3, or 1 with a retention time of its own
//   2  classic, 3-8 and 16 consumer, 9-15 share, 17-23 streams groups: records.ts of their folders
//
// All versions are read (0 of OffsetCommitKey, too). Any other key throws: the shard cannot carry a
// group that it does not understand, and to forget it silently would hand its partitions out anew.

import type { MessageOf } from '../../protocol/message.ts'
import { offsetCommitKey, offsetCommitValue } from '../../protocol/records/group.ts'
import { decodeVersioned, encodeVersioned, versionPrefix } from '../../protocol/records/versioned.ts'
import type { FactCodec } from '../machine.ts'
import type { Fact, OffsetFact, OffsetRecord } from './facts.ts'
import type { EncodedRecord } from './group-kind.ts'
import { kindOfChange, kindOfRecord } from './kinds.ts'

const OFFSET_KEY = 1
const OFFSET_VALUE_VERSION = 3
const OFFSET_VALUE_VERSION_WITH_EXPIRY = 1

export const groupRecords: FactCodec<Fact> = {
  encode(fact) {
    return fact.kind === 'offset' ? encodeOffset(fact) : kindOfChange(fact.kind).encode(fact)
  },

  decode(key, value) {
    const keyBytes = asBuffer(key)
    const valueBytes = value === null ? null : asBuffer(value)
    const recordType = versionPrefix(keyBytes)
    if (recordType === 0 || recordType === OFFSET_KEY) return decodeOffset(keyBytes, valueBytes)
    const kind = kindOfRecord(recordType)
    if (kind !== undefined) return kind.decode(recordType, keyBytes, valueBytes)
    throw new Error(`__consumer_offsets holds a record of kind ${recordType}, which only newer groups write`)
  },
}

function encodeOffset({ groupId, topic, partition, value }: OffsetFact): EncodedRecord {
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

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
