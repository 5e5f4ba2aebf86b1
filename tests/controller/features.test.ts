// Feature levels: what a new log begins with, what an update may do, and what is there after a restart.

import { describe, expect, test } from 'vitest'
import { newClusterLevels } from '../../broker/controller/features.ts'
import { encodeFact } from '../../broker/controller/metadata-codec.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { Random } from '../world/random.ts'
import { MemoryQuorum } from './memory-quorum.ts'
import { join, startController, topic } from './world.ts'

const ELR = 'eligible.leader.replicas.version'
const UPGRADE = 1
const SAFE_DOWNGRADE = 2
const UNSAFE_DOWNGRADE = 3
const BROKER = 4

const start = (features: Readonly<Record<string, number>> = newClusterLevels, quorum = new MemoryQuorum()) =>
  startController(quorum, {}, new Random(1), features)

const update = (name: string, level: number, upgradeType = UPGRADE, validateOnly = false) => ({
  type: 'updateFeatures' as const,
  updates: [{ name, level, upgradeType }],
  validateOnly,
})

const because = (text: string) => ({
  errorCode: errorCodes.INVALID_UPDATE_VERSION,
  errorMessage: `The update failed for all features since the following feature had an error: ${text}`,
})

describe('levels', () => {
  test('a new log begins with every level that is served, and with what they need', async () => {
    const { controller } = await start()
    expect(Object.fromEntries(controller.image.features())).toEqual(newClusterLevels)
    expect([...controller.image.settings(BROKER, '')]).toEqual([['min.insync.replicas', '1']])
  })

  test('a log from before a feature has no level of it until somebody upgrades', async () => {
    const quorum = new MemoryQuorum()
    await start({}, quorum)
    const { controller } = await start(newClusterLevels, quorum)
    expect([...controller.image.features()]).toEqual([['metadata.version', 30]])
    const before = controller.imageOffset
    expect(await controller.submit(update(ELR, 1))).toMatchObject({ errorCode: 0 })
    expect(controller.image.featureLevel(ELR)).toBe(1)
    expect(controller.imageOffset).toBeGreaterThan(before)
    const again = await start(newClusterLevels, quorum)
    expect(again.controller.image.featureLevel(ELR)).toBe(1)
    expect(again.controller.imageOffset).toBeGreaterThanOrEqual(controller.imageOffset)
  })

  test('a log of a higher level than is served is not opened', async () => {
    const quorum = new MemoryQuorum()
    quorum.append([
      encodeFact({ type: 'FeatureLevelRecord', name: 'metadata.version', featureLevel: 30 }),
      encodeFact({ type: 'FeatureLevelRecord', name: ELR, featureLevel: 9 }),
    ])
    await expect(start(newClusterLevels, quorum)).rejects.toThrow(`${ELR} 9, served are 0 to 1`)
  })
})

describe('an update', () => {
  test('is refused beyond what is served, with the range', async () => {
    const { controller } = await start()
    expect(await controller.submit(update(ELR, 2))).toEqual(
      because(`Invalid update version 2 for feature ${ELR}. Local controller 1 only supports versions 0-1`),
    )
    expect(await controller.submit(update('no.such', 1))).toEqual(
      because(
        'Invalid update version 1 for feature no.such. Local controller 1 does not support this feature.',
      ),
    )
    expect(await controller.submit(update('no.such', 0))).toEqual(
      because('Invalid update version 0 for feature no.such. Feature no.such not found.'),
    )
    expect(await controller.submit(update(ELR, -1))).toEqual(
      because(`Invalid update version -1 for feature ${ELR}. A feature version cannot be less than 0.`),
    )
    expect(await controller.submit(update(ELR, 1, 7))).toEqual(
      because(
        `Invalid update version 1 for feature ${ELR}. The controller does not support the given upgrade type.`,
      ),
    )
  })

  test('goes down only when it is called a downgrade, and a downgrade never up', async () => {
    const { controller } = await start()
    expect(await controller.submit(update(ELR, 0))).toMatchObject({
      errorCode: errorCodes.INVALID_UPDATE_VERSION,
      errorMessage: expect.stringContaining('either safe or unsafe downgrade') as string,
    })
    expect(await controller.submit(update(ELR, 0, SAFE_DOWNGRADE))).toMatchObject({ errorCode: 0 })
    expect(controller.image.features().has(ELR)).toBe(false)
    expect(await controller.submit(update(ELR, 1, UNSAFE_DOWNGRADE))).toMatchObject({
      errorMessage: expect.stringContaining("Can't downgrade to a newer version.") as string,
    })
    expect(await controller.submit(update(ELR, 1))).toMatchObject({ errorCode: 0 })
  })

  test('metadata.version goes up, and down only where no record has changed', async () => {
    const quorum = new MemoryQuorum()
    quorum.append([encodeFact({ type: 'FeatureLevelRecord', name: 'metadata.version', featureLevel: 29 })])
    const { controller } = await start(newClusterLevels, quorum)
    expect(await controller.submit(update('metadata.version', 24, SAFE_DOWNGRADE))).toMatchObject({
      errorCode: 0,
    })
    expect(await controller.submit(update('metadata.version', 22, SAFE_DOWNGRADE))).toEqual(
      because(
        'Unsupported metadata.version downgrade from 24 to 22. Refusing to perform the requested downgrade because it might delete metadata information.',
      ),
    )
    expect(await controller.submit(update('metadata.version', 22, UNSAFE_DOWNGRADE))).toEqual(
      because(
        'Unsupported metadata.version downgrade from 24 to 22. Unsafe metadata downgrade is not supported in this version.',
      ),
    )
    expect(await controller.submit(update('metadata.version', 30))).toMatchObject({ errorCode: 0 })
  })

  test('a dry run changes nothing, and one bad update spoils all', async () => {
    const { controller, quorum } = await start()
    const end = quorum.endOffset
    expect(await controller.submit(update(ELR, 0, SAFE_DOWNGRADE, true))).toMatchObject({ errorCode: 0 })
    const both = {
      type: 'updateFeatures' as const,
      updates: [
        { name: ELR, level: 0, upgradeType: SAFE_DOWNGRADE },
        { name: 'metadata.version', level: 99, upgradeType: UPGRADE },
      ],
      validateOnly: false,
    }
    expect(await controller.submit(both)).toMatchObject({ errorCode: errorCodes.INVALID_UPDATE_VERSION })
    expect(quorum.endOffset).toBe(end)
    expect(controller.image.featureLevel(ELR)).toBe(1)
  })
})

describe('eligible leaders (KIP-966)', () => {
  const fence = (brokerId: number, brokerEpoch: bigint, fenced: boolean) => ({
    type: 'setBrokerFence' as const,
    brokerId,
    brokerEpoch,
    fenced,
  })

  test('the last replica that goes stays eligible, and leads again when it is back', async () => {
    const { controller } = await start()
    const { brokerEpoch } = await join(controller, 1)
    await controller.submit({ type: 'createTopics', topics: [topic('a')], validateOnly: false })
    await controller.submit(fence(1, brokerEpoch, true))
    expect(controller.image.partition('a', 0)).toMatchObject({
      isr: [],
      leader: -1,
      eligibleLeaderReplicas: [1],
    })
    await join(controller, 1)
    expect(controller.image.partition('a', 0)).toMatchObject({
      isr: [1],
      leader: 1,
      leaderEpoch: 2,
      eligibleLeaderReplicas: [],
    })
  })

  test('min.insync.replicas cannot leave the cluster, nor be a broker’s own; a change clears who is eligible', async () => {
    const { controller } = await start()
    await join(controller, 1)
    const change = async (resourceName: string, configOperation: number, value: string | null) => {
      const [outcome] = await controller.submit({
        type: 'setConfigs',
        resources: [
          {
            resourceType: BROKER,
            resourceName,
            configs: [{ name: 'min.insync.replicas', configOperation, value }],
          },
        ],
        validateOnly: false,
      })
      return outcome
    }
    const SET = 0
    const DELETE = 1
    expect(await change('', DELETE, null)).toMatchObject({
      errorCode: errorCodes.INVALID_CONFIG,
      errorMessage: 'Cluster-level min.insync.replicas cannot be removed while ELR is enabled.',
    })
    expect(await change('1', SET, '2')).toMatchObject({
      errorCode: errorCodes.INVALID_CONFIG,
      errorMessage: 'Broker-level min.insync.replicas cannot be altered while ELR is enabled.',
    })
    expect(await change('', SET, '2')).toMatchObject({ errorCode: 0 })
    expect(controller.image.settings(BROKER, '').get('min.insync.replicas')).toBe('2')
  })
})
