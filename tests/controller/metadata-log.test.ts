// The bytes of the metadata log. The hexadecimal texts were written by a Kafka 4.3.1 node (one combined
// broker and controller, static voters, metadata.version 4.3-IV0) that created a topic `orders` of three
// partitions; they were cut out of its __cluster_metadata-0/00000000000000000000.log.

import { describe, expect, test } from 'vitest'
import { Controller } from '../../broker/controller/controller.ts'
import type { MetadataFact } from '../../broker/controller/facts.ts'
import { decodeFact, encodeFact } from '../../broker/controller/metadata-codec.ts'
import { SingleNodeQuorum } from '../../broker/controller/single-node-quorum.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { FaultyStorage } from '../../broker/storage/faulty-storage.ts'
import { CorruptLogError, type Storage } from '../../broker/storage/storage.ts'
import { MemoryStorage } from '../../broker/storage/memory-storage.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { Random } from '../world/random.ts'
import { contentOf, join, rules, settings, topic } from './world.ts'

const orders = '5b9599b05af841438762595ea9eb3d24'
const directory = '3e3ac99ef882cad72e076ba5459e9d62'

const partitionOfOrders = (partitionId: number): MetadataFact => ({
  type: 'PartitionRecord',
  partitionId,
  topicId: orders,
  replicas: [1],
  isr: [1],
  removingReplicas: [],
  addingReplicas: [],
  leader: 1,
  leaderRecoveryState: 0,
  leaderEpoch: 0,
  partitionEpoch: 0,
  directories: [directory],
  eligibleLeaderReplicas: null,
  lastKnownElr: null,
})

describe('records are framed as Kafka frames them', () => {
  test.each<[string, MetadataFact]>([
    [
      '010c00116d657461646174612e76657273696f6e001e00',
      { type: 'FeatureLevelRecord', name: 'metadata.version', featureLevel: 30 },
    ],
    [
      '0104000401146d696e2e696e73796e632e7265706c69636173023100',
      { type: 'ConfigRecord', resourceType: 4, resourceName: '', name: 'min.insync.replicas', value: '1' },
    ],
    ['01140000', { type: 'NoOpRecord' }],
    [
      '01110000000001000000000000000b010001ff',
      {
        type: 'BrokerRegistrationChangeRecord',
        brokerId: 1,
        brokerEpoch: 11n,
        fenced: -1,
        inControlledShutdown: 0,
        logDirs: [],
      },
    ],
    [
      '010200076f72646572735b9599b05af841438762595ea9eb3d2400',
      { type: 'TopicRecord', name: 'orders', topicId: orders },
    ],
    [
      `01030200000000${orders}02000000010200000001010100000001000000000000000002${directory}00`,
      partitionOfOrders(0),
    ],
    [
      '0109006a0e04449daa4d9b83ccbc7c6803736400',
      { type: 'RemoveTopicRecord', topicId: '6a0e04449daa4d9b83ccbc7c68037364' },
    ],
    [
      '01050200000000193006e1032e4ed8903d21f4a54e8b48040001010104ffffffff0605020000000107050200000001',
      {
        type: 'PartitionChangeRecord',
        partitionId: 0,
        topicId: '193006e1032e4ed8903d21f4a54e8b48',
        isr: [],
        leader: -1,
        replicas: null,
        removingReplicas: null,
        addingReplicas: null,
        leaderRecoveryState: -1,
        directories: null,
        eligibleLeaderReplicas: [1],
        lastKnownElr: [1],
      },
    ],
    [
      '010f0000000001000000000000510f00000000000003e800',
      { type: 'ProducerIdsRecord', brokerId: 1, brokerEpoch: 20751n, nextProducerId: 1000n },
    ],
  ])('%s', (hex, fact) => {
    const bytes = Buffer.from(hex, 'hex')
    expect(decodeFact(bytes, 0, bytes.length)).toEqual(fact)
    expect(encodeFact(fact).toString('hex')).toBe(hex)
  })

  test.each([
    ['a frame of another version', '020c0000'],
    ['an unknown record', '01630000'],
    ['an unknown version', '010c0100'],
    ['a record cut short', '010c00116d6574'],
    ['bytes behind the record', '0114000000'],
    ['nothing', ''],
  ])('%s is refused: silence would fork the image', (_, hex) => {
    const bytes = Buffer.from(hex, 'hex')
    expect(() => decodeFact(bytes, 0, bytes.length)).toThrow()
  })
})

/** The first batch of Kafka's log: LeaderChange, epoch 1, at 1795226266659. */
const kafkaLeaderChange =
  '00000000000000000000004f00000001028d940b9c002000000000000001a1fbd2ec23000001a1fbd2ec23ffffffffffffffffffffffffffff000000013a0000000800000002260000000000010200000001000200000001000000'
/** TopicRecord and three PartitionRecords, at offset 195. */
const kafkaOrders =
  '00000000000000c3000001310000000102a0cf6d4b000000000003000001a1fbd44fe6000001a1fbd44fe6ffffffffffffffffffffffffffff00000004420000000136010200076f72646572735b9599b05af841438762595ea9eb3d2400009001000002018201010302000000005b9599b05af841438762595ea9eb3d24020000000102000000010101000000010000000000000000023e3ac99ef882cad72e076ba5459e9d6200009001000004018201010302000000015b9599b05af841438762595ea9eb3d24020000000102000000010101000000010000000000000000023e3ac99ef882cad72e076ba5459e9d6200009001000006018201010302000000025b9599b05af841438762595ea9eb3d24020000000102000000010101000000010000000000000000023e3ac99ef882cad72e076ba5459e9d620000'

const LOG = '__cluster_metadata-0/00000000000000000000.log'

async function open(storage: Storage, clock = new ManualClock(1795226266659)) {
  const quorum = await SingleNodeQuorum.open({ storage, clock, nodeId: 1 })
  const random = new Random(1)
  const controller = new Controller({
    quorum,
    clock,
    settings: () => settings,
    rules,
    randomBytes: (size) => random.bytes(size),
  })
  await controller.load()
  return { quorum, controller }
}

describe('the log of a quorum of one', () => {
  test('begins with Kafka’s own bytes, and stands beside Kafka’s files', async () => {
    const storage = new MemoryStorage()
    const { quorum } = await open(storage)
    const bytes = storage.readFile(LOG) as Buffer
    expect(bytes.subarray(0, kafkaLeaderChange.length / 2).toString('hex')).toBe(kafkaLeaderChange)
    expect(storage.readFile('__cluster_metadata-0/quorum-state')?.toString()).toBe(
      '{"clusterId":"","leaderId":1,"leaderEpoch":1,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":1}],"data_version":0}',
    )
    expect(storage.readFile('__cluster_metadata-0/leader-epoch-checkpoint')?.toString()).toBe('0\n1\n1 0\n')
    expect(storage.readFile('__cluster_metadata-0/partition.metadata')?.toString()).toContain(
      'AAAAAAAAAAAAAAAAAAAAAQ',
    )
    expect(quorum.committedEnd).toBe(quorum.endOffset)
    await quorum.close()
  })

  test('a topic is one batch, byte for byte as Kafka writes it', async () => {
    const storage = new MemoryStorage()
    const clock = new ManualClock(1795226357734)
    const quorum = await SingleNodeQuorum.open({ storage, clock, nodeId: 1 })
    const before = (storage.readFile(LOG) as Buffer).length
    const facts = [
      { type: 'TopicRecord' as const, name: 'orders', topicId: orders },
      ...[0, 1, 2].map(partitionOfOrders),
    ]
    quorum.append(facts.map(encodeFact))
    const batch = (storage.readFile(LOG) as Buffer).subarray(before)
    // Base offset and epoch lie outside the checksum; all else is equal.
    expect(batch.subarray(16).toString('hex')).toBe(kafkaOrders.slice(32))
    await quorum.close()
  })

  test('a log that Kafka wrote is read', async () => {
    const storage = new MemoryStorage()
    const batch = Buffer.from(kafkaOrders, 'hex')
    batch.writeBigInt64BE(1n, 0)
    storage.makeDirectory('__cluster_metadata-0')
    storage.open(LOG, { create: true }).append([Buffer.from(kafkaLeaderChange, 'hex'), batch])
    const { quorum, controller } = await open(storage)
    expect(controller.image.topic('orders')).toMatchObject({ topicId: orders })
    expect(controller.image.topic('orders')?.partitions.map(({ leader }) => leader)).toEqual([1, 1, 1])
    expect(quorum.epoch).toBe(2)
    await quorum.close()
  })

  test('every start is a new epoch with its own control batch, and finds what was there', async () => {
    const storage = new MemoryStorage()
    const first = await open(storage)
    await join(first.controller, 1)
    await first.controller.submit({
      type: 'createTopics',
      topics: [topic('a'), topic('b')],
      validateOnly: false,
    })
    const content = contentOf(first.controller.image)
    await first.quorum.close()
    const second = await open(storage)
    expect(contentOf(second.controller.image)).toEqual(content)
    expect(second.quorum.epoch).toBe(2)
    expect(storage.readFile('__cluster_metadata-0/leader-epoch-checkpoint')?.toString()).toMatch(
      /^0\n2\n1 0\n2 \d+\n$/,
    )
    await second.quorum.close()
    await expect(first.controller.submit({ type: 'deleteTopics', topics: [] })).rejects.toThrow('closed')
  })

  test('damage below what was synced is an error with file and place, not a shorter log', async () => {
    const storage = new MemoryStorage()
    const { quorum, controller } = await open(storage)
    await join(controller, 1)
    await controller.submit({ type: 'createTopics', topics: [topic('a')], validateOnly: false })
    await quorum.close()
    const file = storage.open(LOG)
    const last = Buffer.alloc(1)
    file.read(last, 0, 1, file.sizeInBytes - 3)
    file.writeAt(Buffer.from([(last[0] as number) ^ 1]), file.sizeInBytes - 3)
    await expect(open(storage)).rejects.toThrow(CorruptLogError)
    await expect(open(storage)).rejects.toThrow(LOG)
  })

  test('a change that finds no room is refused alone; a failed disk ends the quorum', async () => {
    const storage = new FaultyStorage(new Random(1))
    const { quorum, controller } = await open(storage)
    await join(controller, 1)
    const create = (name: string) =>
      controller.submit({ type: 'createTopics', topics: [topic(name)], validateOnly: false })
    storage.failNext('append', 'ENOSPC')
    await expect(create('a')).rejects.toMatchObject({ errorCode: errorCodes.KAFKA_STORAGE_ERROR })
    expect(controller.image.topic('a')).toBeUndefined()
    expect((await create('a'))[0]?.errorCode).toBe(errorCodes.NONE)
    storage.failNext('append', 'EIO')
    await expect(create('b')).rejects.toMatchObject({ errorCode: errorCodes.KAFKA_STORAGE_ERROR })
    await expect(create('c')).rejects.toThrow()
    await quorum.close()
    expect((await open(storage)).controller.image.topic('b')).toBeUndefined()
  })

  test('a quorum of others, or a damaged state file, is not taken over', async () => {
    const storage = new MemoryStorage()
    const path = '__cluster_metadata-0/quorum-state'
    storage.makeDirectory('__cluster_metadata-0')
    const write = (text: string) => storage.replaceFile(path, Buffer.from(text))
    await write(
      '{"leaderId":2,"leaderEpoch":7,"votedId":-1,"currentVoters":[{"voterId":1},{"voterId":2}],"data_version":0}',
    )
    await expect(open(storage)).rejects.toThrow('the quorum is [1, 2], this is node 1 alone')
    for (const broken of [
      '',
      '[]',
      '{"data_version":9}',
      '{"data_version":0,"leaderId":1}',
      '{"data_version":0,"leaderId":1,"leaderEpoch":1,"currentVoters":[null]}',
    ]) {
      await write(broken)
      await expect(open(storage)).rejects.toThrow(CorruptLogError)
    }
    await write(
      '{"leaderId":1,"leaderEpoch":7,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}',
    )
    const { quorum } = await open(storage)
    expect(quorum.epoch).toBe(8)
    await quorum.close()
  })

  test('a change that does not fit into one batch is refused whole', async () => {
    const storage = new MemoryStorage()
    const { quorum, controller } = await open(storage)
    const before = quorum.endOffset
    expect(() => quorum.append(Array.from({ length: 9 }, () => Buffer.alloc(1024 * 1024)))).toThrow(
      'one batch holds 8388608',
    )
    expect(quorum.endOffset).toBe(before)
    expect(controller.image.topicCount).toBe(0)
    await quorum.close()
  })
})
