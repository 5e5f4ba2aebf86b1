// Records of the metadata log, __cluster_metadata: brokers, topics, partitions, configs, features, producer
// ids, and the brackets around what takes several batches (KIP-868). A record's value is framed as KRaft
// frames it: three unsigned varints (frame version 1, record type, record version), then the message.

import { decode, encodeInto } from '../codec.ts'
import { includesVersion, type MessageInput, type MessageOf } from '../message.ts'
import { MalformedRequestError, Reader } from '../reader.ts'
import {
  array,
  boolean,
  f,
  int8,
  int16,
  int32,
  int64,
  nullableArray,
  nullableString,
  string,
  uint16,
  uuid,
} from '../schema.ts'
import { Writer } from '../writer.ts'
import { defineRecord, type MetadataRecordDefinition } from './metadata-record.ts'
import { securityRecords } from './metadata-security.ts'

const FRAME_VERSION = 1

const endPoints = array({ name: f(string), host: f(string), port: f(uint16), securityProtocol: f(int16) })
const features = array({ name: f(string), minSupportedVersion: f(int16), maxSupportedVersion: f(int16) })

/** Version 4 adds the cordoned directories (KIP-1066) as a tagged field, which is skipped. */
export const registerBrokerRecord = defineRecord(0, 'RegisterBrokerRecord', [0, 4], {
  brokerId: f(int32),
  isMigratingZkBroker: f(boolean, { since: 2, default: false }),
  incarnationId: f(uuid),
  brokerEpoch: f(int64),
  endPoints: f(endPoints),
  features: f(features),
  rack: f(nullableString),
  fenced: f(boolean, { default: true }),
  inControlledShutdown: f(boolean, { since: 1, default: false }),
  logDirs: f(array(uuid), { since: 3, tag: 0 }),
})

export const unregisterBrokerRecord = defineRecord(1, 'UnregisterBrokerRecord', [0, 0], {
  brokerId: f(int32),
  brokerEpoch: f(int64),
})

export const topicRecord = defineRecord(2, 'TopicRecord', [0, 0], {
  name: f(string),
  topicId: f(uuid),
})

export const partitionRecord = defineRecord(3, 'PartitionRecord', [0, 2], {
  partitionId: f(int32, { default: -1 }),
  topicId: f(uuid),
  replicas: f(array(int32)),
  isr: f(array(int32)),
  removingReplicas: f(array(int32)),
  addingReplicas: f(array(int32)),
  leader: f(int32, { default: -1 }),
  leaderRecoveryState: f(int8, { tag: 0, default: 0 }),
  leaderEpoch: f(int32, { default: -1 }),
  partitionEpoch: f(int32, { default: -1 }),
  directories: f(array(uuid), { since: 1 }),
  eligibleLeaderReplicas: f(nullableArray(int32), { since: 2, tag: 1, default: null }),
  lastKnownElr: f(nullableArray(int32), { since: 2, tag: 2, default: null }),
})

export const configRecord = defineRecord(4, 'ConfigRecord', [0, 0], {
  resourceType: f(int8),
  resourceName: f(string),
  name: f(string),
  /** Null: the config is gone. */
  value: f(nullableString),
})

/** What is left out stays as it was; leader -2 means unchanged. */
export const partitionChangeRecord = defineRecord(5, 'PartitionChangeRecord', [0, 2], {
  partitionId: f(int32, { default: -1 }),
  topicId: f(uuid),
  isr: f(nullableArray(int32), { tag: 0, default: null }),
  leader: f(int32, { tag: 1, default: -2 }),
  replicas: f(nullableArray(int32), { tag: 2, default: null }),
  removingReplicas: f(nullableArray(int32), { tag: 3, default: null }),
  addingReplicas: f(nullableArray(int32), { tag: 4, default: null }),
  leaderRecoveryState: f(int8, { tag: 5, default: -1 }),
  directories: f(nullableArray(uuid), { since: 1, tag: 8, default: null }),
  eligibleLeaderReplicas: f(nullableArray(int32), { since: 2, tag: 6, default: null }),
  lastKnownElr: f(nullableArray(int32), { since: 2, tag: 7, default: null }),
})

export const fenceBrokerRecord = defineRecord(7, 'FenceBrokerRecord', [0, 0], {
  id: f(int32),
  epoch: f(int64),
})

export const unfenceBrokerRecord = defineRecord(8, 'UnfenceBrokerRecord', [0, 0], {
  id: f(int32),
  epoch: f(int64),
})

export const removeTopicRecord = defineRecord(9, 'RemoveTopicRecord', [0, 0], { topicId: f(uuid) })

export const featureLevelRecord = defineRecord(12, 'FeatureLevelRecord', [0, 0], {
  name: f(string),
  featureLevel: f(int16),
})

export const producerIdsRecord = defineRecord(15, 'ProducerIdsRecord', [0, 0], {
  brokerId: f(int32),
  brokerEpoch: f(int64, { default: -1n }),
  /** The first id of the next block. */
  nextProducerId: f(int64),
})

/**
 * `fenced`: -1 unfenced, 0 unchanged, 1 fenced; `inControlledShutdown`: 0 unchanged, 1 now so. Version 3 adds
 * the cordoned directories (KIP-1066) as a tagged field, which is skipped.
 */
export const brokerRegistrationChangeRecord = defineRecord(17, 'BrokerRegistrationChangeRecord', [0, 3], {
  brokerId: f(int32),
  brokerEpoch: f(int64),
  fenced: f(int8, { tag: 0 }),
  inControlledShutdown: f(int8, { since: 1, tag: 1 }),
  logDirs: f(array(uuid), { since: 2, tag: 2 }),
})

export const noOpRecord = defineRecord(20, 'NoOpRecord', [0, 0], {})

export const zkMigrationStateRecord = defineRecord(21, 'ZkMigrationStateRecord', [0, 0], {
  zkMigrationState: f(int8),
})

export const beginTransactionRecord = defineRecord(23, 'BeginTransactionRecord', [0, 0], {
  name: f(nullableString, { tag: 0, default: null }),
})

export const endTransactionRecord = defineRecord(24, 'EndTransactionRecord', [0, 0], {})

export const abortTransactionRecord = defineRecord(25, 'AbortTransactionRecord', [0, 0], {
  reason: f(nullableString, { tag: 0, default: null }),
})

export const registerControllerRecord = defineRecord(27, 'RegisterControllerRecord', [0, 0], {
  controllerId: f(int32),
  incarnationId: f(uuid),
  zkMigrationReady: f(boolean),
  endPoints: f(endPoints),
  features: f(features),
})

/** Forgets the eligible leader replicas of a topic, or of all for an empty name (KIP-966). */
export const clearElrRecord = defineRecord(28, 'ClearElrRecord', [0, 0], { topicName: f(string) })

export const metadataRecords = [
  registerBrokerRecord,
  unregisterBrokerRecord,
  topicRecord,
  partitionRecord,
  configRecord,
  partitionChangeRecord,
  fenceBrokerRecord,
  unfenceBrokerRecord,
  removeTopicRecord,
  featureLevelRecord,
  producerIdsRecord,
  brokerRegistrationChangeRecord,
  noOpRecord,
  zkMigrationStateRecord,
  beginTransactionRecord,
  endTransactionRecord,
  abortTransactionRecord,
  registerControllerRecord,
  clearElrRecord,
  ...securityRecords,
] as const

type Definition = (typeof metadataRecords)[number]

/** A decoded record: `name` tells which, and with it the type of `value`. */
export type MetadataRecord = {
  [D in Definition as D['name']]: { name: D['name']; version: number; value: MessageOf<D> }
}[Definition['name']]

const byType = new Map<number, MetadataRecordDefinition>(
  metadataRecords.map((definition) => [definition.recordType, definition]),
)

/** A record's value as it stands in the metadata log. */
export function encodeMetadataRecord<D extends MetadataRecordDefinition>(
  definition: D,
  version: number,
  value: MessageInput<D>,
): Buffer {
  const writer = new Writer()
  writer.unsignedVarint(FRAME_VERSION)
  writer.unsignedVarint(definition.recordType)
  writer.unsignedVarint(version)
  encodeInto(writer, definition, version, value)
  return Buffer.concat(writer.finish())
}

/**
 * Reads a record's value from the metadata log. A type or version that is not known is a
 * MalformedRequestError too: to skip it would give an image that differs from the other nodes'.
 */
export function decodeMetadataRecord(buffer: Buffer, start = 0, end = buffer.length): MetadataRecord {
  const reader = new Reader(buffer, start, end)
  const frameVersion = reader.unsignedVarint()
  if (frameVersion !== FRAME_VERSION) reader.fail(`a metadata record in frame version ${frameVersion}`)
  const recordType = reader.unsignedVarint()
  const version = reader.unsignedVarint()
  const definition = byType.get(recordType)
  if (definition === undefined) return reader.fail(`a metadata record of the unknown type ${recordType}`)
  if (!includesVersion(definition.versions, version)) {
    throw new MalformedRequestError(`${definition.name} has no version ${version}`, reader.position - start)
  }
  const value = decode(definition, version, buffer, reader.position, end)
  return { name: definition.name, version, value } as MetadataRecord
}
