import { describe, expect, test } from 'vitest'
import { parseBrokerConfig } from '../../broker/server/config/broker-config.ts'
import { brokerKeyByName, brokerKeys } from '../../broker/server/config/broker-keys.ts'
import { parseValue } from '../../broker/server/config/config-def.ts'
import { topicKeys } from '../../broker/server/config/topic-keys.ts'
import { type Setting, parseProperties } from '../../broker/server/config/properties.ts'

const set = (...lines: string[]): Setting[] => parseProperties(lines.join('\n'), 'server.properties')
const parse = (...lines: string[]) => parseBrokerConfig(set(...lines))

describe('the tables of keys', () => {
  test('every default is a value that its own key accepts', () => {
    for (const definition of [...brokerKeyByName.values(), ...Object.values(topicKeys)]) {
      if (definition.default !== null)
        expect(() => parseValue(definition, definition.default as string)).not.toThrow()
    }
  })

  test('no key stands in two tables', () => {
    const served = Object.values(brokerKeys).map(({ name }) => name)
    expect(new Set(served).size).toBe(served.length)
    expect(brokerKeyByName.size).toBeGreaterThan(300)
  })

  test('every field of the typed objects is its key in camel case, without logmill’s prefix', () => {
    for (const [field, { name }] of [...Object.entries(brokerKeys), ...Object.entries(topicKeys)]) {
      const letters = name.replace(/^logmill\./, '')
      expect(field).toBe(letters.replace(/\.([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()))
    }
  })
})

describe('defaults', () => {
  const { config, warnings } = parse()

  test('are Kafka’s, in numbers', () => {
    expect(warnings).toEqual([])
    expect(config).toMatchObject({
      nodeId: 1,
      numPartitions: 1,
      autoCreateTopicsEnable: true,
      offsetsRetentionMinutes: 10080,
      offsetsTopicNumPartitions: 50,
      transactionMaxTimeoutMs: 900000,
      groupInitialRebalanceDelayMs: 3000,
      socketRequestMaxBytes: 104857600,
      durability: 'fsync',
      dataDirectory: './.logmill',
      advertisedListeners: null,
      listeners: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9092, securityProtocol: 'PLAINTEXT' }],
    })
  })

  test('of a topic come from the broker’s, hours turned into ms', () => {
    expect(config.topicDefaults).toMatchObject({
      retentionMs: 604800000,
      segmentMs: 604800000,
      segmentJitterMs: 0,
      segmentBytes: 1073741824,
      cleanupPolicy: 'delete',
      maxMessageBytes: 1048588,
      flushMessages: Number.MAX_SAFE_INTEGER,
      messageTimestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
      compressionType: 'producer',
    })
    // "For ever" would mean that durability interval never syncs.
    expect(config.topicDefaults.flushMs).toBe(config.flushIntervalMs)
  })
})

describe('topic defaults follow the broker’s keys', () => {
  test.each<[string[], object]>([
    [['log.retention.hours=2'], { retentionMs: 7200000 }],
    [['log.retention.hours=2', 'log.retention.minutes=3'], { retentionMs: 180000 }],
    [['log.retention.hours=2', 'log.retention.minutes=3', 'log.retention.ms=4'], { retentionMs: 4 }],
    [['log.retention.ms=-7'], { retentionMs: -1 }],
    [['log.retention.hours=-1'], { retentionMs: -1 }],
    [['log.roll.hours=1', 'log.roll.ms=9'], { segmentMs: 9 }],
    [['log.roll.jitter.hours=1'], { segmentJitterMs: 3600000 }],
    [['log.flush.scheduler.interval.ms=50'], { flushMs: 50 }],
    [['log.flush.scheduler.interval.ms=50', 'log.flush.interval.ms=60'], { flushMs: 60 }],
    [['log.cleanup.policy=compact, delete'], { cleanupPolicy: 'compact,delete' }],
    [['log.cleanup.policy='], { cleanupPolicy: 'delete', retentionMs: -1, retentionBytes: -1 }],
    [['message.max.bytes=5', 'compression.type=zstd'], { maxMessageBytes: 5, compressionType: 'zstd' }],
    [['logmill.durability=os'], { durability: 'os' }],
  ])('%j', (lines, expected) => {
    expect(parse(...lines).config.topicDefaults).toMatchObject(expected)
  })
})

describe('sources and warnings', () => {
  test('the last source of a key wins', () => {
    const settings = [...set('num.partitions=3'), { key: 'num.partitions', value: '5', origin: '--set' }]
    expect(parseBrokerConfig(settings).config.numPartitions).toBe(5)
  })

  test('an unknown key is named, with the nearest known one', () => {
    expect(parse('log.retention.hour=1', 'wholly.other.thing.altogether=2').warnings).toEqual([
      'server.properties line 1: unknown key log.retention.hour, ignored; did you mean log.retention.hours?',
      'server.properties line 2: unknown key wholly.other.thing.altogether, ignored',
    ])
  })

  test('a key of Kafka’s that nothing reads is named with the reason', () => {
    const { warnings } = parse('num.io.threads=9', 'ssl.keystore.location=/k')
    expect(warnings).toEqual([
      "server.properties line 1: num.io.threads has no effect. A key of Kafka's without effect in logmill: nothing in logmill corresponds to it.",
      "server.properties line 2: ssl.keystore.location has no effect. A key of Kafka's without effect in logmill: there is no TLS, SASL or authorizer yet.",
    ])
  })

  test('node.id and broker.id are one', () => {
    expect(parse('node.id=7').config.nodeId).toBe(7)
    expect(parse('broker.id=8').config.nodeId).toBe(8)
    const both = parse('node.id=7', 'broker.id=8')
    expect(both.config.nodeId).toBe(7)
    expect(both.warnings).toEqual(['broker.id 8 has no effect: node.id is 7'])
  })
})

describe('wrong values', () => {
  test.each<[string, string]>([
    ['num.partitions=0', 'Invalid value 0 for configuration num.partitions: Value must be at least 1'],
    ['num.partitions=x', 'Invalid value x for configuration num.partitions: Not a number of type INT'],
    ['num.partitions=2147483648', 'Not a number of type INT'],
    ['num.partitions=1.5', 'Not a number of type INT'],
    ['log.retention.ms=9223372036854775808', 'Not a number of type LONG'],
    [`log.retention.ms=${'9'.repeat(5000)}`, 'Not a number of type LONG'],
    ['log.preallocate=yes', 'Expected value to be either true or false'],
    [
      'log.cleaner.min.cleanable.ratio=2',
      'Invalid value 2.0 for configuration log.cleaner.min.cleanable.ratio: Value must be no more than 1',
    ],
    ['log.cleanup.policy=foo', 'String must be one of: compact, delete'],
    ['compression.type=ZSTD', 'String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer'],
    ['compression.gzip.level=0', 'Value must be between 1 and 9 or equal to -1'],
    ['logmill.durability=maybe', 'String must be one of: fsync, interval, os, memory'],
    ['listeners=PLAINTEXT//x:1', 'not NAME://host:port'],
    ['listeners=PLAINTEXT://x:70000', 'there is no port 70000'],
    ['listeners=FOO://x:1', 'listener.security.protocol.map does not say what FOO is'],
    ['listeners=SSL://x:1', 'SSL is SSL, which is not served yet'],
    ['listeners=PLAINTEXT://x:1,PLAINTEXT://x:2', 'the name PLAINTEXT is used twice'],
    ['listeners=CONTROLLER://x:1', 'no listener for clients'],
    ['listeners=', 'no listener for clients'],
    ['advertised.listeners=PLAINTEXT://0.0.0.0:1', 'clients cannot connect to the address "0.0.0.0"'],
    ['advertised.listeners=PLAINTEXT://x:0', 'port 0 cannot be advertised'],
    ['advertised.listeners=SSL://x:1', 'no listener SSL'],
    ['listener.security.protocol.map=A:B', 'not NAME:PROTOCOL'],
    ['inter.broker.listener.name=IN', 'no listener IN'],
    ['log.dirs=a,b', '2 directories, one is served'],
    ['log.dirs=', 'no data directory'],
  ])('%s', (line, message) => {
    expect(() => parse(line)).toThrow(message)
  })

  test('all of them are told at once, each with its place', () => {
    expect(() => parse('num.partitions=0', 'log.preallocate=maybe')).toThrow(
      /server\.properties line 1: Invalid value 0.*\nserver\.properties line 2: Invalid value maybe/,
    )
  })

  test('a password that is refused is not shown', () => {
    expect(() => parse('ssl.key.password=secret')).not.toThrow()
  })
})

test('listeners: IPv6, several names, one of the controller', () => {
  const { config, warnings } = parse(
    'listeners=PLAINTEXT://[::1]:9092,HOST://:0,CONTROLLER://127.0.0.1:9093',
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,HOST:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'advertised.listeners=HOST://example.org:29092',
    'log.dir=/a',
    'log.dirs=/b',
  )
  expect(config.listeners).toEqual([
    { name: 'PLAINTEXT', host: '::1', port: 9092, securityProtocol: 'PLAINTEXT' },
    { name: 'HOST', host: '', port: 0, securityProtocol: 'PLAINTEXT' },
  ])
  expect(config.advertisedListeners).toEqual([
    { name: 'HOST', host: 'example.org', port: 29092, securityProtocol: 'PLAINTEXT' },
  ])
  expect(config.dataDirectory).toBe('/b')
  expect(warnings).toEqual(['listeners: CONTROLLER is not opened, the controller quorum is this one node'])
})
