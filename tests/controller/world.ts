// One controller over a quorum in memory, with Kafka's configuration rules and seeded chance.

import { expect } from 'vitest'
import type { BrokerRegistration, NewTopic } from '../../broker/controller/commands.ts'
import {
  Controller,
  type ControllerOptions,
  type MetadataChange,
} from '../../broker/controller/controller.ts'
import { MetadataImage } from '../../broker/controller/image.ts'
import { decodeFact, encodeFact } from '../../broker/controller/metadata-codec.ts'
import type { ControllerSettings } from '../../broker/controller/plan-context.ts'
import { factsOf } from '../../broker/controller/snapshot-facts.ts'
import { parseBrokerConfig } from '../../broker/server/config/broker-config.ts'
import { configRules } from '../../broker/server/config/rules.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { Random } from '../world/random.ts'
import { MemoryQuorum } from './memory-quorum.ts'

export const NO_ID = '0'.repeat(32)
export const LOG_DIR = '3e3ac99ef882cad72e076ba5459e9d62'

export const settings: ControllerSettings = {
  numPartitions: 2,
  defaultReplicationFactor: 1,
  deleteTopicEnable: true,
  partitionsPerRequest: 50,
  minInsyncReplicas: 1,
}

export const rules = configRules(() => parseBrokerConfig([]).layers)

export interface World {
  controller: Controller
  quorum: MemoryQuorum
  clock: ManualClock
  published: MetadataChange[]
}

export async function startController(
  quorum = new MemoryQuorum(),
  overrides: Partial<ControllerSettings> = {},
  random = new Random(1),
  features: Readonly<Record<string, number>> = {},
  more: Partial<ControllerOptions> = {},
): Promise<World> {
  const clock = new ManualClock()
  const published: MetadataChange[] = []
  const controller = new Controller({
    quorum,
    clock,
    settings: () => ({ ...settings, ...overrides }),
    rules,
    randomBytes: (size) => random.bytes(size),
    features,
    publish: (change) => void published.push(change),
    snapshotLimits: () => ({ maxBytes: 4000, maxIntervalMs: 0 }),
    ...more,
  })
  await controller.load()
  return { controller, quorum, clock, published }
}

/** Registers and unfences a broker. */
export async function join(controller: Controller, brokerId: number): Promise<BrokerRegistration> {
  const registration = await controller.submit({
    type: 'registerBroker',
    brokerId,
    incarnationId: brokerId.toString(16).padStart(32, 'a'),
    endPoints: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9091 + brokerId, securityProtocol: 0 }],
    features: [],
    rack: null,
    logDirs: [LOG_DIR],
  })
  const { brokerEpoch } = registration
  await controller.submit({ type: 'setBrokerFence', brokerId, brokerEpoch, fenced: false })
  return registration
}

export function topic(name: string, more: Partial<NewTopic> = {}): NewTopic {
  return { name, numPartitions: -1, replicationFactor: -1, assignments: [], configs: [], ...more }
}

/** Everything an image knows, as plain data: two images are equal when this is. */
export function contentOf(image: MetadataImage): unknown {
  return {
    topics: [...image.topics()].map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map((partition) => ({ ...partition })),
      settings: Object.fromEntries(image.settings(2, name)),
      byId: image.topicById(topicId)?.name,
    })),
    brokers: image.brokers(),
    brokerSettings: ['', '1', '2', '3'].map((name) => Object.fromEntries(image.settings(4, name))),
    features: [...image.features()],
    nextProducerId: image.nextProducerId,
  }
}

/** The image that a snapshot of it makes, through the bytes of its records, none of which is there twice. */
export function throughSnapshot(image: MetadataImage): MetadataImage {
  const again = new MetadataImage()
  const told = new Set<string>()
  for (const fact of factsOf(image)) {
    const bytes = encodeFact(fact)
    const key = bytes.toString('hex')
    expect(told, `${fact.type} is told twice`).not.toContain(key)
    told.add(key)
    again.apply(decodeFact(bytes, 0, bytes.length))
  }
  return again
}
