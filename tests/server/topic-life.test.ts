// Committed metadata is made real on this node: what Metadata tells clients is what the partition goes by.

import { expect, test } from 'vitest'
import { BrokerNode } from '../../broker/server/broker-node.ts'
import { quietLogger } from '../../broker/server/broker-options.ts'
import { BrokerSettings } from '../../broker/server/broker-settings.ts'
import { parseBrokerConfig } from '../../broker/server/config/broker-config.ts'
import { MemoryStorage } from '../../broker/storage/memory-storage.ts'
import { systemClock } from '../../broker/time/system-clock.ts'

const start = (storage: MemoryStorage) =>
  BrokerNode.start({
    storage,
    isVolatile: false,
    settings: new BrokerSettings(
      parseBrokerConfig([{ key: 'listeners', value: 'PLAINTEXT://127.0.0.1:0', origin: 'test' }]),
    ),
    clock: systemClock,
    logger: quietLogger,
  })

test('after a restart the partition has the leader epoch that clients are told', async () => {
  const storage = new MemoryStorage()
  const first = await start(storage)
  await first.ensureTopic('orders')
  expect(first.partition('orders', 0)?.leaderEpoch).toBe(0)
  await first.stop()
  const second = await start(storage)
  const told = second.controller.image.partition('orders', 0)
  expect(told?.leader).toBe(1)
  expect(told?.leaderEpoch).toBeGreaterThan(0)
  // A client that fetches with a newer epoch than the partition's is told UNKNOWN_LEADER_EPOCH for ever.
  expect(second.partition('orders', 0)?.leaderEpoch).toBe(told?.leaderEpoch)
  await second.stop()
})

test('a stop marks the directory as clean, so that the next start need not read the logs', async () => {
  const storage = new MemoryStorage()
  const first = await start(storage)
  await first.ensureTopic('orders')
  await first.stop()
  expect(storage.exists('.kafka_cleanshutdown')).toBe(true)
})
