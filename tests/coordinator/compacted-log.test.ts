// Coordinators over logs that the cleaner has been through: a restart loads the state that was there before.

import { expect, test } from 'vitest'
import { GroupCoordinator } from '../../broker/coordinator/group/group-coordinator.ts'
import { defaultTransactionConfig } from '../../broker/coordinator/transaction/config.ts'
import { TransactionCoordinator } from '../../broker/coordinator/transaction/transaction-coordinator.ts'
import type { PartitionShardLog } from '../../broker/coordinator/partition-shard-log.ts'
import { errorCodes, errorName } from '../../broker/protocol/errors.ts'
import { groupPorts } from '../world/group-ports.ts'
import { seeds } from '../world/random.ts'
import { ShardWorld } from './compacted-world.ts'
import { TestWriter } from './transaction/fixture.ts'

const GROUPS = ['billing', 'shipping', 'audit']
const PRODUCERS = [5n, 6n]
const TRANSACTIONAL_IDS = ['copy', 'count', 'join', 'grep']

class GroupWorld extends ShardWorld {
  protected readonly topic = '__consumer_offsets'
  private coordinator!: GroupCoordinator

  protected async load(log: PartitionShardLog): Promise<void> {
    this.coordinator = new GroupCoordinator({ ...groupPorts(), clock: this.clock, partitionCount: 1 })
    await this.coordinator.openShard(0, log)
  }

  protected unload(): void {
    this.coordinator.close()
  }

  async commit(producerId?: bigint): Promise<void> {
    const { random } = this
    const request = {
      groupId: random.pick(GROUPS),
      memberId: '',
      groupInstanceId: null,
      topics: [
        {
          name: 'orders',
          topicId: '',
          partitions: [
            {
              partitionIndex: random.below(3),
              committedOffset: BigInt(random.below(1000)),
              committedLeaderEpoch: -1,
              committedMetadata: 'm'.repeat(random.below(60)),
            },
          ],
        },
      ],
    }
    const { topics } =
      producerId === undefined
        ? await this.coordinator.offsetCommit(
            { ...request, generationIdOrMemberEpoch: -1, retentionTimeMs: -1n },
            { apiVersion: 8 },
          )
        : await this.coordinator.txnOffsetCommit(
            { ...request, producerId, producerEpoch: 1, transactionalId: 't', generationId: -1 },
            { apiVersion: 3 },
          )
    expect(topics[0]?.partitions[0]?.errorCode).toBe(0)
  }

  async endTransaction(producerId: bigint): Promise<void> {
    const commit = this.random.chance(0.6)
    const nowMs = this.clock.now()
    const marker = { producerId, producerEpoch: 1, commit, coordinatorEpoch: 0, nowMs }
    const { lastOffset } = this.partition.appendMarker(marker)
    await this.partition.whenCommitted(lastOffset)
  }

  async deleteGroup(): Promise<void> {
    await this.coordinator.deleteGroups({ groupsNames: [this.random.pick(GROUPS)] })
  }

  /** What every group would be told of its offsets, those in open transactions included. */
  async offsets(): Promise<string[]> {
    const lines: string[] = []
    for (const requireStable of [true, false]) {
      for (const groupId of GROUPS) {
        const { topics } = await this.coordinator.offsetFetch(
          { groupId, topics: [{ name: 'orders', partitionIndexes: [0, 1, 2] }], groups: [], requireStable },
          { apiVersion: 7, clientId: null, clientHost: '' },
        )
        for (const { partitionIndex, committedOffset, metadata, errorCode } of topics[0]?.partitions ?? []) {
          lines.push(`${groupId} ${partitionIndex} ${committedOffset} ${metadata} ${errorCode}`)
        }
      }
    }
    return lines
  }
}

class TransactionWorld extends ShardWorld {
  protected readonly topic = '__transaction_state'
  private readonly writer = new TestWriter()
  private coordinator!: TransactionCoordinator
  private lastProducerId = 999n

  protected async load(log: PartitionShardLog): Promise<void> {
    this.coordinator = new TransactionCoordinator({
      config: {
        ...defaultTransactionConfig,
        transactionStateLogNumPartitions: 1,
        transactionMaxTimeoutMs: 1e9,
      },
      clock: this.clock,
      markerWriter: this.writer,
      producerIds: {
        next: () => Promise.resolve(++this.lastProducerId),
        spare: () => ++this.lastProducerId,
      },
      partitionExists: () => true,
    })
    await this.coordinator.load(0, log)
  }

  protected unload(): void {
    this.coordinator.close()
  }

  /** A producer takes the id over and has a transaction, which it ends, or leaves open. */
  async transact(): Promise<void> {
    const { random, coordinator } = this
    const transactionalId = random.pick(TRANSACTIONAL_IDS)
    const anew = { producerId: -1n, producerEpoch: -1, enable2Pc: false, keepPreparedTxn: false }
    const init = { transactionalId, transactionTimeoutMs: 600_000_000, ...anew }
    const { errorCode, producerId, producerEpoch } = await coordinator.initProducerId(init, 5)
    // The transaction that was left open is being aborted: the producer would ask again.
    if (errorCode === errorCodes.CONCURRENT_TRANSACTIONS) return
    expect(errorName(errorCode)).toBe('NONE')
    await coordinator.addPartitionsToTxn(
      {
        transactions: [],
        v3AndBelowTransactionalId: transactionalId,
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: producerEpoch,
        v3AndBelowTopics: [{ name: 'orders', partitions: [random.below(5)] }],
      },
      3,
    )
    if (random.chance(0.2)) return
    const committed = random.chance(0.5)
    await coordinator.endTxn({ transactionalId, producerId, producerEpoch, committed }, 4)
  }

  /** What every id would be told, once nothing is under way. */
  async states(): Promise<unknown> {
    await this.clock.advance(0)
    const { transactionStates } = await this.coordinator.describeTransactions({
      transactionalIds: TRANSACTIONAL_IDS,
    })
    return transactionStates
  }
}

test.each(seeds(1, 6))('committed offsets, plain and of transactions, seed %i', async (seed) => {
  const world = new GroupWorld(seed)
  const { random } = world
  await world.open()
  let groupsDeleted = 0
  for (let step = 0; step < 400; step++) {
    const kind = random.below(100)
    if (kind < 45) await world.commit()
    else if (kind < 65) await world.commit(random.pick(PRODUCERS))
    else if (kind < 82) await world.endTransaction(random.pick(PRODUCERS))
    else if (kind < 87) groupsDeleted += (await world.deleteGroup(), 1)
    else if (kind < 92) world.clock.tick(random.below(60_000))
    else if (kind < 97) await world.compact()
    else {
      const before = await world.offsets()
      await world.compact()
      expect(await world.offsets()).toEqual(before)
      await world.restart()
      expect(await world.offsets(), `seed ${seed} step ${step}`).toEqual(before)
    }
  }
  expect(groupsDeleted).toBeGreaterThan(0)
  expect(world.removedBytes).toBeGreaterThan(10_000)
  await world.close()
})

test.each(seeds(11, 14))('the state of transactional ids, seed %i', async (seed) => {
  const world = new TransactionWorld(seed)
  const { random } = world
  await world.open()
  for (let step = 0; step < 200; step++) {
    const kind = random.below(100)
    if (kind < 85) await world.transact()
    else if (kind < 95) await world.compact()
    else {
      const before = await world.states()
      await world.compact()
      expect(await world.states()).toEqual(before)
      await world.restart()
      expect(await world.states(), `seed ${seed} step ${step}`).toEqual(before)
    }
  }
  expect(world.removedBytes).toBeGreaterThan(10_000)
  await world.close()
})
