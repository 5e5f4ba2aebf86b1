// The share coordinator over a log in memory: epochs fence, whole states are written now and then, and what lies before
// them may go.

import { expect, test } from 'vitest'
import {
  coordinatorKey,
  parseCoordinatorKey,
  ShareCoordinator,
} from '../../../broker/coordinator/share/share-coordinator.ts'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { MemoryShardLog } from '../../world/memory-shard-log.ts'

const topicId = '0123456789abcdef0123456789abcdef'
const key = (partition: number) => ({ groupId: 'g', topicId, partition })
const PRUNE_MS = 60_000

async function kept(log = new MemoryShardLog(), clock = new ManualClock(1_000), isThere = () => true) {
  const redundant: bigint[] = []
  const coordinator = new ShareCoordinator({
    clock,
    statePartitionCount: 1,
    writeTimeoutMs: 5_000,
    pruneIntervalMs: PRUNE_MS,
    partitionCount: (id) => (id === topicId && isThere() ? 2 : undefined),
    config: { snapshotUpdateRecordsPerSnapshot: 3, coldPartitionSnapshotIntervalMs: 300_000 },
    onRedundant: (_, offset) => void redundant.push(offset),
  })
  await coordinator.openShard(0, log)
  const initialize = (partition: number) =>
    coordinator.ask({ kind: 'initialize', key: key(partition), stateEpoch: 1, startOffset: 0n })
  const write = (partition: number, from: number, to: number, epochs = { stateEpoch: 1, leaderEpoch: 5 }) =>
    coordinator.ask({
      kind: 'write',
      key: key(partition),
      ...epochs,
      startOffset: 0n,
      deliveryCompleteCount: 0,
      batches: [{ firstOffset: BigInt(from), lastOffset: BigInt(to), deliveryState: 2, deliveryCount: 1 }],
    })
  const read = (partition: number, leaderEpoch = -1) =>
    coordinator.ask({ kind: 'read', key: key(partition), leaderEpoch })
  return { coordinator, log, clock, redundant, initialize, write, read }
}

test('states outlive the coordinator, and who is behind is fenced', async () => {
  const { log, initialize, write, read } = await kept()
  expect(await read(0)).toMatchObject({ kind: 'refused', errorCode: errorCodes.INVALID_REQUEST })
  await initialize(0)
  await read(0, 5)
  for (let i = 0; i < 9; i++) await write(0, i * 2, i * 2)
  const fenced = { stateEpoch: 1, leaderEpoch: 4 }
  expect(await write(0, 0, 0, fenced)).toMatchObject({ errorCode: errorCodes.FENCED_LEADER_EPOCH })
  const old = { stateEpoch: 0, leaderEpoch: 5 }
  expect(await write(0, 0, 0, old)).toMatchObject({ errorCode: errorCodes.FENCED_STATE_EPOCH })
  log.crash()
  const again = await kept(log)
  expect(await again.read(0, 4)).toMatchObject({ errorCode: errorCodes.FENCED_LEADER_EPOCH })
  const reply = await again.read(0)
  expect(reply.kind === 'state' && reply.state.batches.map(({ firstOffset }) => Number(firstOffset))).toEqual(
    [0, 2, 4, 6, 8, 10, 12, 14, 16],
  )
})

test('what lies before the oldest whole state that is needed may go', async () => {
  const { clock, redundant, initialize, write, log } = await kept()
  await initialize(0) // record 0
  await initialize(1) // 1
  for (let i = 0; i < 8; i++) await write(0, i, i) // 2 to 9, whole at 5 and 9
  await clock.advance(PRUNE_MS)
  expect(redundant).toEqual([1n])
  for (let i = 0; i < 4; i++) await write(1, i, i) // 10 to 13, whole at 13
  await clock.advance(PRUNE_MS)
  expect(redundant).toEqual([1n, 9n])
  // What is not safe yet replaces nothing.
  log.autoSync = false
  for (let i = 0; i < 8; i++) void write(0, i, i).catch(() => {})
  await clock.advance(PRUNE_MS)
  expect(redundant).toEqual([1n, 9n])
})

test('states of a deleted topic are forgotten', async () => {
  const { coordinator, initialize, read } = await kept()
  await initialize(0)
  await coordinator.topicsDeleted(new Set([topicId]))
  expect(await read(0)).toMatchObject({ kind: 'refused' })
})

test('a share partition is named as Kafka names it', () => {
  const named = { groupId: 'a:b', topicId, partition: 7 }
  expect(coordinatorKey(named)).toBe('a:b:ASNFZ4mrze8BI0VniavN7w:7')
  expect(parseCoordinatorKey(coordinatorKey(named))).toEqual(named)
  expect(['nonsense', 'g:x:0', 'g:ASNFZ4mrze8BI0VniavN7w:-1'].map(parseCoordinatorKey)).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})

test('states of a topic that is gone are forgotten in the end, though nobody said so', async () => {
  let isThere = true
  const { log, clock, initialize } = await kept(undefined, undefined, () => isThere)
  for (const partition of [0, 1]) await initialize(partition)
  isThere = false
  await clock.advance(300_000)
  const again = await kept(log, clock)
  expect(await again.read(0)).toMatchObject({ errorCode: errorCodes.INVALID_REQUEST })
  expect(await again.read(1)).toMatchObject({ errorCode: errorCodes.INVALID_REQUEST })
})
