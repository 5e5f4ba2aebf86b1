// Changes of settings, one story each; codes and texts as a Kafka 4.3.1 node gave them.

import { beforeEach, describe, expect, test } from 'vitest'
import { CONFIG_OPERATIONS, type SetConfigs } from '../../broker/controller/commands.ts'
import { join, startController, topic, type World } from './world.ts'

const { SET, DELETE, APPEND, SUBTRACT } = CONFIG_OPERATIONS
const TOPIC = 2
const BROKER = 4

let world: World

beforeEach(async () => {
  world = await startController()
  await join(world.controller, 1)
  await world.controller.submit({ type: 'createTopics', topics: [topic('orders')], validateOnly: false })
})

type Change = [name: string, configOperation: number, value: string | null]
const resource = (resourceType: number, resourceName: string, ...changes: Change[]) => ({
  resourceType,
  resourceName,
  configs: changes.map(([name, configOperation, value]) => ({ name, configOperation, value })),
})

const submit = (resources: SetConfigs['resources'], validateOnly = false) =>
  world.controller.submit({ type: 'setConfigs', resources, validateOnly })

const settingsOf = (type: number, name: string) =>
  Object.fromEntries(world.controller.image.settings(type, name))

describe('one change after the other on a topic', () => {
  const change = async (...changes: Change[]) => {
    const [outcome] = await submit([resource(TOPIC, 'orders', ...changes)])
    expect(outcome).toMatchObject({ errorCode: 0, errorMessage: null })
    return settingsOf(TOPIC, 'orders')
  }

  test('set, delete, append to the default, subtract down to nothing', async () => {
    expect(await change(['retention.ms', SET, '5000'])).toEqual({ 'retention.ms': '5000' })
    expect(await change(['cleanup.policy', APPEND, 'compact'])).toMatchObject({
      'cleanup.policy': 'delete,compact',
    })
    expect(await change(['cleanup.policy', APPEND, 'compact'])).toMatchObject({
      'cleanup.policy': 'delete,compact',
    })
    expect(await change(['cleanup.policy', SUBTRACT, 'delete'])).toMatchObject({
      'cleanup.policy': 'compact',
    })
    expect(await change(['cleanup.policy', SUBTRACT, 'delete'])).toMatchObject({
      'cleanup.policy': 'compact',
    })
    expect(await change(['cleanup.policy', SUBTRACT, 'compact'])).toMatchObject({ 'cleanup.policy': '' })
    expect(await change(['retention.ms', DELETE, null], ['cleanup.policy', DELETE, null])).toEqual({})
    expect(await change(['nope', DELETE, null])).toEqual({})
  })

  test('nothing is written that does not change', async () => {
    await change(['retention.ms', SET, '5000'])
    const before = world.quorum.endOffset
    await change(['retention.ms', SET, '5000'], ['segment.ms', DELETE, null])
    expect(world.quorum.endOffset).toBe(before)
  })

  test('replacing all takes away what is not named', async () => {
    await change(['retention.ms', SET, '5000'], ['segment.ms', SET, '6000'])
    await submit([{ ...resource(TOPIC, 'orders', ['segment.ms', SET, '7000']), replaceAll: true }])
    expect(settingsOf(TOPIC, 'orders')).toEqual({ 'segment.ms': '7000' })
  })

  test('validating changes nothing', async () => {
    const outcomes = await submit([resource(TOPIC, 'orders', ['retention.ms', SET, '5000'])], true)
    expect(outcomes).toMatchObject([{ errorCode: 0 }])
    expect(settingsOf(TOPIC, 'orders')).toEqual({})
  })
})

describe('refused', () => {
  test.each<[string, SetConfigs['resources'][number], number, string]>([
    [
      'append to a number',
      resource(TOPIC, 'orders', ['retention.ms', APPEND, '5']),
      40,
      "Can't APPEND to key retention.ms because its type is not LIST.",
    ],
    [
      'subtract from a number',
      resource(TOPIC, 'orders', ['retention.ms', SUBTRACT, '5']),
      40,
      "Can't SUBTRACT to key retention.ms because its type is not LIST.",
    ],
    [
      'a key twice',
      resource(TOPIC, 'orders', ['retention.ms', SET, '5'], ['retention.ms', DELETE, null]),
      42,
      'Error due to duplicate config keys',
    ],
    ['an unknown key', resource(TOPIC, 'orders', ['nope', SET, '5']), 40, 'Unknown topic config name: nope'],
    [
      'a wrong value',
      resource(TOPIC, 'orders', ['retention.ms', SET, 'x']),
      40,
      'Invalid value x for configuration retention.ms: Not a number of type LONG',
    ],
    [
      'no value',
      resource(TOPIC, 'orders', ['retention.ms', SET, null]),
      42,
      'Null value not supported for : retention.ms',
    ],
    [
      'an unknown operation',
      resource(TOPIC, 'orders', ['retention.ms', 9, '5']),
      42,
      'Unknown operation 9 for retention.ms',
    ],
    [
      'an unknown topic',
      resource(TOPIC, 'nonesuch', ['retention.ms', SET, '5']),
      3,
      "The topic 'nonesuch' does not exist.",
    ],
    [
      'an impossible topic',
      resource(TOPIC, 'a b', ['retention.ms', SET, '5']),
      17,
      "Topic name is invalid: 'a b' contains",
    ],
    [
      'all topics at once',
      resource(TOPIC, '', ['retention.ms', SET, '5']),
      42,
      'Default topic resources are not allowed.',
    ],
    [
      'what a broker reads once',
      resource(BROKER, '1', ['num.partitions', SET, '5']),
      42,
      'Cannot update these configs dynamically: [num.partitions]',
    ],
    [
      'a broker’s wrong value',
      resource(BROKER, '1', ['log.retention.ms', SET, 'x']),
      42,
      'Invalid value x for configuration log.retention.ms: Not a number of type LONG',
    ],
    [
      'one broker’s key for all',
      resource(BROKER, '', ['listeners', SET, 'PLAINTEXT://:1']),
      42,
      'Cannot update these configs at default cluster level, broker id must be specified: [listeners]',
    ],
    [
      'a secret',
      resource(BROKER, '1', ['ssl.keystore.password', SET, 'hunter2']),
      42,
      'These security configs can be dynamically updated only per-listener using the listener prefix: [ssl.keystore.password]',
    ],
    [
      'listeners that cannot be',
      resource(BROKER, '1', ['listeners', SET, 'SSL://:1']),
      42,
      'SSL is SSL, which is not served yet',
    ],
    [
      'a broker nobody knows',
      resource(BROKER, '9', ['log.retention.ms', SET, '5']),
      42,
      'No broker with id 9 found.',
    ],
    [
      'a broker that is no number',
      resource(BROKER, 'x', ['log.retention.ms', SET, '5']),
      42,
      'No broker with id x found.',
    ],
    [
      'a resource of another kind',
      resource(3, 'm', ['interval.ms', SET, '5']),
      42,
      'Unexpected resource type 3.',
    ],
  ])('%s', async (_, asked, errorCode, message) => {
    const before = world.quorum.endOffset
    const { resourceType, resourceName } = asked
    const outcomes = await submit([asked])
    expect(outcomes).toMatchObject([{ resourceType, resourceName, errorCode }])
    expect(outcomes[0]?.errorMessage).toContain(message)
    expect(world.quorum.endOffset).toBe(before)
  })

  test('one resource does not spoil the other, a repeated one is refused each time', async () => {
    await world.controller.submit({ type: 'createTopics', topics: [topic('other')], validateOnly: false })
    const outcomes = await submit([
      resource(TOPIC, 'orders', ['retention.ms', SET, '5']),
      resource(TOPIC, 'nonesuch', ['retention.ms', SET, '5']),
      resource(TOPIC, 'other', ['retention.ms', SET, '5']),
      resource(TOPIC, 'other', ['retention.ms', SET, '6']),
    ])
    expect(outcomes.map(({ errorCode }) => errorCode)).toEqual([0, 3, 42, 42])
    expect(settingsOf(TOPIC, 'orders')).toEqual({ 'retention.ms': '5' })
    expect(settingsOf(TOPIC, 'other')).toEqual({})
  })

  test('a resource’s good changes are not kept without its bad ones', async () => {
    await submit([resource(TOPIC, 'orders', ['retention.ms', SET, '5'], ['segment.ms', SET, 'x'])])
    expect(settingsOf(TOPIC, 'orders')).toEqual({})
  })
})

test('brokers have settings for one and for all', async () => {
  const outcomes = await submit([
    resource(
      BROKER,
      '1',
      ['log.retention.ms', SET, '70000'],
      ['plugin.key', SET, 'kept: a plugin may read it'],
    ),
    resource(BROKER, '', ['log.retention.ms', SET, '80000']),
  ])
  expect(outcomes.map(({ errorCode }) => errorCode)).toEqual([0, 0])
  expect(settingsOf(BROKER, '1')).toMatchObject({ 'log.retention.ms': '70000' })
  expect(settingsOf(BROKER, '')).toEqual({ 'log.retention.ms': '80000' })
})
