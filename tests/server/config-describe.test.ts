// What DescribeConfigs says, key by key, as a Kafka 4.3.1 node said it of the same settings.

import { describe, expect, test } from 'vitest'
import {
  type BrokerLayers,
  parseBrokerConfig,
  resolveBrokerConfig,
} from '../../broker/server/config/broker-config.ts'
import {
  describeBrokerConfigs,
  describeDefaultBrokerConfigs,
  describeTopicConfigs,
} from '../../broker/server/config/describe.ts'
import { parseProperties } from '../../broker/server/config/properties.ts'

const ALL = { keys: null, includeSynonyms: true, includeDocumentation: false }
const DYNAMIC_TOPIC = 1
const DYNAMIC_BROKER = 2
const DYNAMIC_DEFAULT = 3
const STATIC = 4
const DEFAULT = 5

const layers: BrokerLayers = {
  ...parseBrokerConfig(parseProperties('node.id=1\nlog.retention.hours=100\nnum.partitions=2', 'f')).layers,
  dynamicBroker: new Map([
    ['log.retention.ms', '70000'],
    ['foo.bar', '5'],
  ]),
  dynamicDefault: new Map([
    ['log.retention.ms', '80000'],
    ['min.insync.replicas', '1'],
  ]),
}

const topicEntry = (settings: Record<string, string>, name: string, of: BrokerLayers = layers) => {
  const map = new Map(Object.entries(settings))
  return describeTopicConfigs(map, of, resolveBrokerConfig(of).topicDefaultTexts, ALL).find(
    (entry) => entry.name === name,
  )
}
const brokerEntry = (name: string) => describeBrokerConfigs(layers, ALL).find((entry) => entry.name === name)

describe('a topic', () => {
  test('its own setting comes first, then every layer of the broker’s', () => {
    expect(topicEntry({ 'retention.ms': '1000' }, 'retention.ms')).toEqual({
      name: 'retention.ms',
      value: '1000',
      readOnly: false,
      configSource: DYNAMIC_TOPIC,
      isSensitive: false,
      configType: 5,
      documentation: null,
      synonyms: [
        { name: 'retention.ms', value: '1000', source: DYNAMIC_TOPIC },
        { name: 'log.retention.ms', value: '70000', source: DYNAMIC_BROKER },
        { name: 'log.retention.ms', value: '80000', source: DYNAMIC_DEFAULT },
        { name: 'log.retention.hours', value: '100', source: STATIC },
        { name: 'log.retention.hours', value: '168', source: DEFAULT },
      ],
    })
  })

  test('without one the broker’s counts, and is named as the source', () => {
    expect(topicEntry({}, 'retention.ms')).toMatchObject({ value: '70000', configSource: DYNAMIC_BROKER })
    expect(topicEntry({}, 'min.insync.replicas')).toMatchObject({ value: '1', configSource: DYNAMIC_DEFAULT })
  })

  test('a default that only a key of another unit gives shows its value, and no synonym', () => {
    expect(topicEntry({}, 'segment.ms')).toMatchObject({
      value: '604800000',
      configSource: DEFAULT,
      synonyms: [],
    })
    expect(topicEntry({}, 'flush.ms')).toMatchObject({
      value: '9223372036854775807',
      configSource: DEFAULT,
      synonyms: [],
    })
    const onlyHours = parseBrokerConfig(parseProperties('log.retention.hours=100', 'f')).layers
    expect(topicEntry({}, 'retention.ms', onlyHours)).toMatchObject({
      value: '360000000',
      configSource: DEFAULT,
      synonyms: [],
    })
  })

  test.each<[Record<string, string>, string, string, number]>([
    [{ 'index.interval.bytes': ' 77 ' }, 'index.interval.bytes', '77', 3],
    [{ preallocate: 'TRUE' }, 'preallocate', 'true', 1],
    [{ 'cleanup.policy': 'compact, delete' }, 'cleanup.policy', 'compact,delete', 7],
    [{ 'cleanup.policy': '' }, 'cleanup.policy', '', 7],
    [{ 'min.cleanable.dirty.ratio': '1' }, 'min.cleanable.dirty.ratio', '1.0', 6],
    [{}, 'min.cleanable.dirty.ratio', '0.5', 6],
    [{}, 'compression.type', 'producer', 2],
    [{}, 'logmill.durability', 'fsync', 2],
  ])('%j shows %s as %s', (settings, name, value, configType) => {
    expect(topicEntry(settings, name)).toMatchObject({ value, configType })
  })

  test('every key of Kafka’s is there, and logmill’s one', () => {
    const names = describeTopicConfigs(
      new Map(),
      layers,
      resolveBrokerConfig(layers).topicDefaultTexts,
      ALL,
    ).map(({ name }) => name)
    expect(names).toHaveLength(34)
    expect(names.filter((name) => name.startsWith('logmill.'))).toEqual(['logmill.durability'])
  })
})

describe('a broker', () => {
  test('static keys are read-only, those that may change are not', () => {
    expect(brokerEntry('num.partitions')).toMatchObject({ value: '2', readOnly: true, configSource: STATIC })
    expect(brokerEntry('log.retention.bytes')).toMatchObject({
      value: '-1',
      readOnly: false,
      configSource: DEFAULT,
    })
    expect(brokerEntry('listeners')).toMatchObject({ readOnly: false })
  })

  test('a key begins its synonyms with its own name', () => {
    expect(brokerEntry('log.retention.hours')).toMatchObject({
      value: '100',
      configSource: STATIC,
      synonyms: [
        { name: 'log.retention.hours', value: '100', source: STATIC },
        { name: 'log.retention.hours', value: '168', source: DEFAULT },
      ],
    })
    expect(brokerEntry('log.retention.minutes')).toMatchObject({
      value: null,
      configSource: DEFAULT,
      synonyms: [],
    })
    expect(brokerEntry('broker.id')).toMatchObject({
      value: '1',
      configSource: STATIC,
      synonyms: [
        { name: 'broker.id', value: '1', source: STATIC },
        { name: 'broker.id', value: '-1', source: DEFAULT },
      ],
    })
  })

  test('secrets and unknown keys are shown without their values', () => {
    const secret: BrokerLayers = {
      ...layers,
      dynamicBroker: new Map([
        ['ssl.keystore.password', 'hunter2'],
        ['foo.bar', '5'],
      ]),
    }
    const entries = describeBrokerConfigs(secret, ALL)
    expect(JSON.stringify(entries).includes('hunter2')).toBe(false)
    expect(entries.find(({ name }) => name === 'ssl.keystore.password')).toMatchObject({
      value: null,
      isSensitive: true,
      configType: 9,
      synonyms: [{ name: 'ssl.keystore.password', value: null, source: DYNAMIC_BROKER }],
    })
    expect(entries.find(({ name }) => name === 'foo.bar')).toEqual({
      name: 'foo.bar',
      value: null,
      readOnly: true,
      configSource: DYNAMIC_BROKER,
      isSensitive: true,
      configType: 0,
      documentation: null,
      synonyms: [{ name: 'foo.bar', value: null, source: DYNAMIC_BROKER }],
    })
  })

  test('the default of all brokers is what was set for them, and nothing else', () => {
    expect(
      describeDefaultBrokerConfigs(layers.dynamicDefault, ALL)
        .map(({ name, value, configSource }) => [name, value, configSource])
        .sort((a, b) => String(a[0]).localeCompare(String(b[0]))),
    ).toEqual([
      ['log.retention.ms', '80000', DYNAMIC_DEFAULT],
      ['min.insync.replicas', '1', DYNAMIC_DEFAULT],
    ])
  })

  test('only the keys that are asked for, with text only when it is', () => {
    const options = {
      keys: ['node.id', 'nope', 'foo.bar'],
      includeSynonyms: false,
      includeDocumentation: true,
    }
    const entries = describeBrokerConfigs(layers, options)
    expect(entries.map(({ name }) => name)).toEqual(['node.id', 'foo.bar'])
    expect(entries[0]?.synonyms).toEqual([])
    expect(entries[0]?.documentation).toContain('Identifies this node')
  })
})
