// Random commands, commits, refused appends and crashes that lose the uncommitted tail, from one seed. After
// every step the controller's image equals a replay of what is committed, and no promise is broken.

import { afterAll, expect, test } from 'vitest'
import type { MetadataCommand, NewTopicOutcome } from '../../broker/controller/commands.ts'
import { QuorumError } from '../../broker/controller/quorum.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { Random, seeds } from '../world/random.ts'
import { MemoryQuorum } from './memory-quorum.ts'
import { contentOf, join, startController, throughSnapshot, topic, type World } from './world.ts'

const counts = {
  created: 0,
  deleted: 0,
  refused: 0,
  crashes: 0,
  lostTails: 0,
  failedAppends: 0,
  producerBlocks: 0,
  startsFromSnapshot: 0,
}

afterAll(() => {
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(0)
})

const NAMES = ['a', 'b.c', 'b_c', 'orders', '?', '__consumer_offsets']
const KEYS = ['retention.ms', 'cleanup.policy', 'nope', 'segment.bytes']
const VALUES = ['1000', 'compact', '-1', '2000000', null]

function randomCommand(random: Random, world: World, brokerEpoch: bigint): MetadataCommand {
  const { image } = world.controller
  const name = random.pick(NAMES)
  switch (random.below(7)) {
    case 0:
      return {
        type: 'createTopics',
        topics: [
          topic(name, {
            numPartitions: random.between(-1, 4),
            replicationFactor: random.pick([-1, -1, 1, 2, 3]),
            configs: random.chance(0.3) ? [{ name: random.pick(KEYS), value: random.pick(VALUES) }] : [],
          }),
          topic(random.pick(NAMES)),
        ],
        validateOnly: random.chance(0.1),
      }
    case 1:
      return {
        type: 'deleteTopics',
        topics: [
          random.chance(0.5)
            ? { name, topicId: '0'.repeat(32) }
            : { name: null, topicId: image.topic(name)?.topicId ?? random.bytes(16).toString('hex') },
        ],
      }
    case 2:
      return {
        type: 'createPartitions',
        topics: [{ name, count: random.between(0, 8), assignments: null }],
        validateOnly: random.chance(0.1),
      }
    case 3:
      return {
        type: 'setConfigs',
        resources: [
          {
            resourceType: random.pick([2, 2, 4]),
            resourceName: random.pick([name, '', '1']),
            configs: [
              { name: random.pick(KEYS), configOperation: random.below(5), value: random.pick(VALUES) },
            ],
            replaceAll: false,
          },
        ],
        validateOnly: false,
      }
    case 4:
      return {
        type: 'alterClientQuotas',
        entries: [
          {
            entity: random.pick([
              [{ entityType: 'user', entityName: 'u' }],
              [
                { entityType: 'client-id', entityName: null },
                { entityType: 'user', entityName: 'u' },
              ],
              [{ entityType: 'ip', entityName: '10.0.0.1' }],
              [{ entityType: 'user', entityName: '' }],
            ]),
            ops: [
              {
                key: random.pick(['producer_byte_rate', 'connection_creation_rate']),
                value: random.between(0, 2),
                remove: random.chance(0.4),
              },
            ],
          },
        ],
        validateOnly: random.chance(0.1),
      }
    case 5:
      return { type: 'nextProducerIds', brokerId: 1, brokerEpoch }
    default:
      return { type: 'setBrokerFence', brokerId: 1, brokerEpoch, fenced: random.chance(0.3) }
  }
}

async function replayOf(quorum: MemoryQuorum): Promise<unknown> {
  const copy = new MemoryQuorum()
  let records = 0n
  for (const batch of quorum.batches) {
    if (records >= quorum.committedEnd) break
    copy.batches.push(batch)
    records += BigInt(batch.length)
  }
  return contentOf((await startController(copy)).controller.image)
}

test.each(seeds(1, 40))('the image is what is committed, seed %i', async (seed) => {
  const random = new Random(seed)
  let world = await startController(new MemoryQuorum(), {}, random)
  let { brokerEpoch } = await join(world.controller, 1)
  world.quorum.commitsAtOnce = false
  const idsGiven = new Set<string>()
  let producerIdsGiven = -1n
  for (let step = 0; step < 90; step++) {
    const { controller, quorum } = world
    if (random.chance(0.1)) {
      quorum.failNext = new QuorumError(errorCodes.KAFKA_STORAGE_ERROR, 'no room')
      counts.failedAppends++
    }
    const command = randomCommand(random, world, brokerEpoch)
    // Answers and refusals are looked at when they come, if they come at all.
    controller.submit(command).then(
      (reply) => {
        if (command.type === 'createTopics') {
          for (const { errorCode, topicId } of reply as NewTopicOutcome[]) {
            if (errorCode !== 0) counts.refused++
            else if (!command.validateOnly) {
              expect(idsGiven.has(topicId), `seed ${seed}: id ${topicId} given twice`).toBe(false)
              idsGiven.add(topicId)
              counts.created++
            }
          }
        }
        if (command.type === 'deleteTopics') counts.deleted++
        if (command.type === 'nextProducerIds' && 'firstProducerId' in reply && reply.errorCode === 0) {
          expect(reply.firstProducerId, `seed ${seed}`).toBeGreaterThan(producerIdsGiven)
          producerIdsGiven = reply.firstProducerId + 999n
          counts.producerBlocks++
        }
      },
      (error) => expect(error, `seed ${seed} step ${step}`).toBeInstanceOf(QuorumError),
    )
    if (random.chance(0.6)) quorum.commitAll()
    await new Promise((resolve) => setImmediate(resolve))
    expect(contentOf(controller.image), `seed ${seed} step ${step}`).toEqual(await replayOf(quorum))
    if (random.chance(0.1))
      expect(throughSnapshot(controller.image), `seed ${seed} step ${step}`).toEqual(controller.image)
    if (random.chance(0.05)) {
      counts.crashes++
      if (quorum.committedEnd < quorum.endOffset) counts.lostTails++
      if (quorum.snapshotEnd > 0n) counts.startsFromSnapshot++
      world = await startController(quorum.crash(random.below(2)), {}, random)
      ;({ brokerEpoch } = await join(world.controller, 1))
      world.quorum.commitsAtOnce = false
    }
  }
  // Everything that was promised is there: a topic by each id that exists, each id under one name.
  for (const { topicId, name } of world.controller.image.topics()) {
    expect(world.controller.image.topicById(topicId)?.name).toBe(name)
  }
})
