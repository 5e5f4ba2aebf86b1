// A snapshot holds all that the records of a log have made: one of each kind goes through it, and a kind that is new
// must say here what it leaves.

import { expect, test } from 'vitest'
import { type MetadataFact, partitionChange } from '../../broker/controller/facts.ts'
import { MetadataImage } from '../../broker/controller/image.ts'
import { metadataRecords } from '../../broker/protocol/records/metadata.ts'
import { LOG_DIR, throughSnapshot } from './world.ts'

const topicId = '5b9599b05af841438762595ea9eb3d24'

const facts: MetadataFact[] = [
  { type: 'FeatureLevelRecord', name: 'metadata.version', featureLevel: 30 },
  { type: 'FeatureLevelRecord', name: 'transaction.version', featureLevel: 2 },
  ...[1, 2].map(
    (brokerId): MetadataFact => ({
      type: 'RegisterBrokerRecord',
      brokerId,
      isMigratingZkBroker: false,
      incarnationId: LOG_DIR,
      brokerEpoch: BigInt(brokerId),
      endPoints: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9092, securityProtocol: 0 }],
      features: [{ name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 30 }],
      rack: 'here',
      fenced: true,
      inControlledShutdown: false,
      logDirs: [LOG_DIR],
    }),
  ),
  {
    type: 'BrokerRegistrationChangeRecord',
    brokerId: 1,
    brokerEpoch: 1n,
    fenced: -1,
    inControlledShutdown: 1,
    logDirs: [],
  },
  { type: 'TopicRecord', name: 'orders', topicId },
  {
    type: 'PartitionRecord',
    partitionId: 0,
    topicId,
    replicas: [1, 2],
    isr: [1],
    removingReplicas: [2],
    addingReplicas: [1],
    leader: 1,
    leaderRecoveryState: 1,
    leaderEpoch: 4,
    partitionEpoch: 5,
    directories: [LOG_DIR, LOG_DIR],
    eligibleLeaderReplicas: null,
    lastKnownElr: null,
  },
  partitionChange(topicId, 0, { isr: [], leader: -1, eligibleLeaderReplicas: [1], lastKnownElr: [2] }),
  ...[2, 4, 16, 32].map(
    (resourceType): MetadataFact => ({
      type: 'ConfigRecord',
      resourceType,
      resourceName: resourceType === 4 ? '' : 'orders',
      name: 'key',
      value: 'a:b=c',
    }),
  ),
  {
    type: 'ClientQuotaRecord',
    entity: [
      { entityType: 'user', entityName: null },
      { entityType: 'client-id', entityName: 'c' },
    ],
    key: 'producer_byte_rate',
    value: 1.5,
    remove: false,
  },
  { type: 'ProducerIdsRecord', brokerId: 1, brokerEpoch: 1n, nextProducerId: 5000n },
]

/** These undo what others have made, or leave nothing in the image. */
const leavesNothing: readonly MetadataFact['type'][] = [
  'FenceBrokerRecord',
  'UnfenceBrokerRecord',
  'UnregisterBrokerRecord',
  'RemoveTopicRecord',
  'ClearElrRecord',
  'NoOpRecord',
  'RegisterControllerRecord',
  'ZkMigrationStateRecord',
]

test('what each kind of record makes comes through a snapshot', () => {
  const image = new MetadataImage()
  for (const fact of facts) {
    image.apply(fact)
    expect(throughSnapshot(image), fact.type).toEqual(image)
  }
})

test('every kind of record that the image takes is among them', () => {
  const told = new Set([...facts.map(({ type }) => type), ...leavesNothing])
  for (const { name } of metadataRecords) {
    if (told.has(name)) continue
    // Any other is refused by name, before its fields are looked at.
    const fact = { type: name, entity: [] } as unknown as MetadataFact
    expect(() => new MetadataImage().apply(fact), name).toThrow('which is not served')
  }
})
