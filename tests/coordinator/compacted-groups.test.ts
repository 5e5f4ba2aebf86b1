// Groups of every kind in one log that the cleaner goes through while it grows: whoever loads it has the same groups as
// one who read every record. Their records are those that whole lives of such groups have left, faults included
// (tests/simulation), mixed at random.

import { expect, test } from 'vitest'
import { GroupCoordinator } from '../../broker/coordinator/group/group-coordinator.ts'
import { GroupMachine } from '../../broker/coordinator/group/group-machine.ts'
import { groupRecords } from '../../broker/coordinator/group/records.ts'
import type * as body from '../../broker/coordinator/group/share/messages.ts'
import type { PartitionShardLog } from '../../broker/coordinator/partition-shard-log.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { ConsumerGroupWorld, newCounters as consumerCounters } from '../simulation/consumer-group/world.ts'
import { GroupWorld, newCounters as classicCounters } from '../simulation/group-world.ts'
import { StreamsWorld } from '../simulation/streams/world.ts'
import { groupPorts, topicsOf } from '../world/group-ports.ts'
import { type MemoryBatch, MemoryShardLog } from '../world/memory-shard-log.ts'
import { Random, seeds } from '../world/random.ts'
import { ShardWorld } from './compacted-world.ts'

const EVENTS = 250
/** The group of the classic world whose offsets are committed by nobody's members. */
const OFFSETS_ONLY = 'simple'

class GroupsWorld extends ShardWorld {
  protected readonly topic = '__consumer_offsets'
  /** Has read every record, in the order in which they were written. */
  readonly reader = new GroupMachine(groupPorts())
  private log!: PartitionShardLog

  protected load(log: PartitionShardLog): Promise<void> {
    this.log = log
    return Promise.resolve()
  }

  protected unload(): void {}

  async write(batch: MemoryBatch): Promise<void> {
    if ('marker' in batch) {
      const marker = { ...batch.marker, commit: batch.committed, coordinatorEpoch: 0 }
      const { errorCode, lastOffset } = this.partition.appendMarker({ ...marker, nowMs: this.clock.now() })
      expect(errorCode).toBe(0)
      await this.partition.whenCommitted(lastOffset)
      this.reader.completeTransaction(batch.marker, batch.committed)
    } else {
      const { lastOffset } = this.log.append(batch.records, batch.producer)
      await this.partition.whenCommitted(lastOffset)
      for (const { key, value } of batch.records)
        this.reader.apply(groupRecords.decode(key, value), batch.producer)
    }
  }

  async loaded(): Promise<GroupMachine> {
    const machine = new GroupMachine(groupPorts())
    await this.log.replay({
      record: (key, value, producer) => machine.apply(groupRecords.decode(key, value), producer),
      marker: (producer, committed) => machine.completeTransaction(producer, committed),
    })
    return machine
  }
}

/** Members that come, change what they want, and go; states that are made, given up and deleted. */
async function sharers(seed: number): Promise<MemoryBatch[]> {
  const random = new Random(seed)
  const log = new MemoryShardLog()
  const metadata = topicsOf({ orders: 3, logs: 2, audit: 1 })
  const coordinator = new GroupCoordinator({
    ...groupPorts({ metadata }),
    clock: new ManualClock(),
    partitionCount: 1,
  })
  await coordinator.openShard(0, log)
  const epochs = new Map<string, number>()
  const groupId = 'sharers'
  const heartbeat = async (memberId: string, more: Partial<body.ShareHeartbeatRequest>): Promise<void> => {
    const request = {
      groupId,
      memberId,
      memberEpoch: epochs.get(memberId) ?? 0,
      rackId: null,
      subscribedTopicNames: null,
      ...more,
    }
    const client = { clientId: memberId, clientHost: '/127.0.0.1' }
    const result = (await coordinator.share(groupId, {
      kind: 'shareHeartbeat',
      request,
      client,
    })) as body.ShareHeartbeatResult
    const { errorCode, memberEpoch } = result.response
    expect(errorCode).toBe(0)
    if (memberEpoch < 0) epochs.delete(memberId)
    else epochs.set(memberId, memberEpoch)
    if (result.toInitialize === null) return
    const kind = random.chance(0.8) ? 'shareInitialized' : 'shareNotInitialized'
    const topics = Array.from(result.toInitialize.topics, ([topicId, { name, startOffsets }]) => {
      return [topicId, { name, partitions: new Set(startOffsets.keys()) }] as const
    })
    await coordinator.share(groupId, { kind, groupId, topics: new Map(topics) })
  }
  for (let i = 0; i < EVENTS; i++) {
    const memberId = `m${random.below(5)}`
    const subscribedTopicNames = ['orders', 'logs', 'audit'].filter(() => random.chance(0.5))
    if (!epochs.has(memberId)) await heartbeat(memberId, { subscribedTopicNames })
    else if (random.chance(0.3)) await heartbeat(memberId, { memberEpoch: -1 })
    else await heartbeat(memberId, random.chance(0.3) ? { subscribedTopicNames } : {})
    if (epochs.size > 0 || random.chance(0.3)) continue
    const result = await coordinator.share(groupId, { kind: 'shareBeginDelete', groupId })
    if (typeof result === 'number' || !('toDelete' in result)) continue
    await coordinator.share(groupId, {
      kind: 'shareDeleted',
      groupId,
      topicIds: new Set(result.toDelete.keys()),
    })
    await coordinator.deleteGroups({ groupsNames: [groupId] })
  }
  coordinator.close()
  return log.batches
}

/** Producers of two lives are not the same ones. */
function ofLife(batches: readonly MemoryBatch[], life: number): MemoryBatch[] {
  const renamed = <T extends { producerId: bigint } | undefined>(producer: T): T =>
    producer && { ...producer, producerId: producer.producerId + BigInt(life) * 1000n }
  return batches.map((batch) =>
    'marker' in batch
      ? { ...batch, marker: renamed(batch.marker) }
      : { ...batch, producer: renamed(batch.producer) },
  )
}

async function lives(seed: number): Promise<MemoryBatch[][]> {
  const consumers = new ConsumerGroupWorld(seed, consumerCounters())
  const classic = new GroupWorld(seed, classicCounters())
  const streams = new StreamsWorld(seed)
  for (const world of [consumers, classic, streams]) await world.run(EVENTS)
  const all = [consumers.log.batches, classic.log.batches, streams.log.batches, await sharers(seed)]
  return all.map(ofLife)
}

/**
 * All that comes from the log, as text. A group that nothing but offsets stands behind has no record of its own: when
 * they have gone, the reader still knows its name and a loader does not, as with Kafka.
 */
function stateOf(machine: GroupMachine): string[] {
  const { committed, pending } = machine.describeOffsets()
  const groups = Array.from(machine.allGroups())
    .filter(({ groupId }) => groupId !== OFFSETS_ONLY)
    .map((group) => JSON.stringify(group, plainly))
  return [...groups, ...committed, ...pending].sort()
}

function plainly(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Map) return [...value].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
  if (value instanceof Set)
    return [...(value as Set<unknown>)].sort((a, b) => (String(a) < String(b) ? -1 : 1))
  const isPlain = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isPlain ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value
}

test.each(seeds(1, 6))('groups of every kind, seed %i', async (seed) => {
  const random = new Random(seed)
  const histories = await lives(seed)
  const world = new GroupsWorld(seed)
  await world.open()
  const kinds = new Set<string>()
  while (histories.some((batches) => batches.length > 0)) {
    const left = histories.filter((batches) => batches.length > 0)
    await world.write(random.pick(left).shift() as MemoryBatch)
    for (const { type } of world.reader.allGroups()) kinds.add(type)
    if (random.chance(0.02)) await world.compact()
    if (random.chance(0.01)) {
      expect(stateOf(await world.loaded()), `seed ${seed}`).toEqual(stateOf(world.reader))
    }
    if (random.chance(0.005)) await world.restart()
  }
  expect([...kinds].sort()).toEqual(['classic', 'consumer', 'share', 'streams'])
  expect(world.removedBytes).toBeGreaterThan(5000)
  await world.restart()
  expect(stateOf(await world.loaded())).toEqual(stateOf(world.reader))
  await world.close()
})
