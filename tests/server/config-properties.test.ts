import { describe, expect, test } from 'vitest'
import {
  parseProperties,
  parseSetting,
  settingsFromEnvironment,
} from '../../broker/server/config/properties.ts'

const pairs = (text: string) => parseProperties(text, 'f').map(({ key, value }) => [key, value])

describe('a properties file is read as Java reads it', () => {
  test.each<[string, [string, string][]]>([
    ['a=b', [['a', 'b']]],
    ['a = b ', [['a', 'b ']]],
    ['a:b', [['a', 'b']]],
    ['a b', [['a', 'b']]],
    ['a\t:\t b', [['a', 'b']]],
    ['a==b', [['a', '=b']]],
    ['a', [['a', '']]],
    ['a=', [['a', '']]],
    ['  a=b', [['a', 'b']]],
    ['# c\n! d\na=b', [['a', 'b']]],
    ['a=b # not a comment', [['a', 'b # not a comment']]],
    ['a=b\\\n   c', [['a', 'bc']]],
    [
      'a=b\\\\\nc=d',
      [
        ['a', 'b\\'],
        ['c', 'd'],
      ],
    ],
    ['a=b\\', [['a', 'b']]],
    ['# c\\\na=b', [['a', 'b']]],
    ['a\\=b=c', [['a=b', 'c']]],
    ['a\\ b=c', [['a b', 'c']]],
    ['a=\\u0041\\t\\q', [['a', 'A\tq']]],
    [
      'a=1\r\nb=2\rc=3',
      [
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
      ],
    ],
    ['\n\n', []],
  ])('%j', (text, expected) => {
    expect(pairs(text)).toEqual(expected)
  })

  test('a setting knows its line, also after a continued one', () => {
    const settings = parseProperties('# one\na=b\\\nc\n\nd=e', 'server.properties')
    expect(settings.map(({ origin }) => origin)).toEqual([
      'server.properties line 2',
      'server.properties line 5',
    ])
  })

  test('half a unicode escape is an error that names the line', () => {
    expect(() => parseProperties('a=b\nc=\\u12', 'f')).toThrow(
      'f line 2: \\u must be followed by four hex digits',
    )
  })
})

test('--set takes the first = as the end of the key', () => {
  expect(parseSetting('a.b=c=d')).toEqual({ key: 'a.b', value: 'c=d', origin: '--set' })
  expect(parseSetting('a=')).toMatchObject({ key: 'a', value: '' })
  for (const wrong of ['a', '=b', '']) expect(() => parseSetting(wrong)).toThrow('not key=value')
})

test('the environment is read as Kafka’s container image reads it', () => {
  const settings = settingsFromEnvironment({
    KAFKA_LOG_RETENTION_MS: '5',
    KAFKA_A__B___C: 'x',
    LOGMILL_DURABILITY: 'os',
    KAFKA_HEAP_OPTS: '-Xmx1g',
    KAFKA_BOOTSTRAP_SERVERS: 'localhost:1',
    PATH: '/bin',
    KAFKA_UNSET: undefined,
  })
  expect(settings).toEqual([
    { key: 'a_b-c', value: 'x', origin: 'environment variable KAFKA_A__B___C' },
    { key: 'log.retention.ms', value: '5', origin: 'environment variable KAFKA_LOG_RETENTION_MS' },
    { key: 'logmill.durability', value: 'os', origin: 'environment variable LOGMILL_DURABILITY' },
  ])
})
