// Facts as Kafka's records, byte for byte (layouts from Kafka's schemas of the keys and values, written out
// by hand), and the older versions that a directory of Kafka's may hold.

import { describe, expect, test } from 'vitest'
import type { GroupRecord } from '../../../broker/coordinator/group/classic/facts.ts'
import type { Fact } from '../../../broker/coordinator/group/facts.ts'
import { groupRecords } from '../../../broker/coordinator/group/records.ts'
import { MalformedRequestError } from '../../../broker/protocol/reader.ts'

const hex = (...parts: string[]): Buffer => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex')

const offsetKey = hex('0001', '0002 6772', '0001 74', '00000002')
const groupKey = hex('0002', '0002 6772')

const offset = (value: object | null): Fact =>
  ({ kind: 'offset', groupId: 'gr', topic: 't', partition: 2, value }) as Fact

const record: GroupRecord = {
  protocolType: 'consumer',
  generationId: 7,
  protocolName: 'range',
  leaderId: 'm',
  stateTimestampMs: 1_700_000_000_000,
  members: [
    {
      memberId: 'm',
      groupInstanceId: 'i',
      clientId: 'c',
      clientHost: '/h',
      rebalanceTimeoutMs: 60_000,
      sessionTimeoutMs: 10_000,
      subscription: Buffer.from([1, 2]),
      assignment: Buffer.from([3]),
    },
  ],
}

const written: [string, Fact, Buffer, Buffer | null][] = [
  [
    'a committed offset, version 3',
    offset({
      offset: 258n,
      leaderEpoch: 4,
      metadata: 'md',
      commitTimestampMs: 1_700_000_000_000,
      expireTimestampMs: null,
    }),
    offsetKey,
    hex('0003', '0000000000000102', '00000004', '0002 6d64', '0000018bcfe56800'),
  ],
  [
    'a committed offset with its own retention, version 1',
    offset({
      offset: 258n,
      leaderEpoch: -1,
      metadata: '',
      commitTimestampMs: 1_700_000_000_000,
      expireTimestampMs: 1_700_000_000_001,
    }),
    offsetKey,
    hex('0001', '0000000000000102', '0000', '0000018bcfe56800', '0000018bcfe56801'),
  ],
  ['a forgotten offset', offset(null), offsetKey, null],
  [
    'a stable group, version 3',
    { kind: 'group', groupId: 'gr', value: record },
    groupKey,
    hex(
      '0003',
      '0008 636f6e73756d6572',
      '00000007',
      '0005 72616e6765',
      '0001 6d',
      '0000018bcfe56800',
      '00000001',
      '0001 6d',
      '0001 69',
      '0001 63',
      '0002 2f68',
      '0000ea60',
      '00002710',
      '00000002 0102',
      '00000001 03',
    ),
  ],
  [
    'a new group',
    {
      kind: 'group',
      groupId: 'gr',
      value: {
        protocolType: '',
        generationId: 0,
        protocolName: null,
        leaderId: null,
        stateTimestampMs: 1_700_000_000_000,
        members: [],
      },
    },
    groupKey,
    hex('0003', '0000', '00000000', 'ffff', 'ffff', '0000018bcfe56800', '00000000'),
  ],
  ['a forgotten group', { kind: 'group', groupId: 'gr', value: null }, groupKey, null],
]

test.each(written)('%s', (_, fact, key, value) => {
  const encoded = groupRecords.encode(fact)
  expect(Buffer.from(encoded.key).toString('hex')).toBe(key.toString('hex'))
  expect(encoded.value === null ? null : Buffer.from(encoded.value).toString('hex')).toBe(
    value === null ? null : value.toString('hex'),
  )
  expect(groupRecords.decode(key, value)).toEqual(fact)
})

describe('older and newer versions are read', () => {
  const common = {
    offset: 258n,
    leaderEpoch: -1,
    metadata: '',
    commitTimestampMs: 1,
    expireTimestampMs: null,
  }
  test.each([
    ['0', hex('0000', '0000000000000102', '0000', '0000000000000001'), common],
    [
      '1 without a retention',
      hex('0001', '0000000000000102', '0000', '0000000000000001', 'ffffffffffffffff'),
      common,
    ],
    ['2', hex('0002', '0000000000000102', '0000', '0000000000000001'), common],
    [
      '4, with a tagged field that we do not know',
      hex('0004', '0000000000000102', '00000004', '01', '0000000000000001', '01 00 02 abcd'),
      { ...common, leaderEpoch: 4 },
    ],
  ])('OffsetCommitValue %s', (_, value, expected) => {
    expect(groupRecords.decode(offsetKey, value)).toEqual(offset(expected))
  })

  test('OffsetCommitKey 0', () => {
    const key = Buffer.from(offsetKey)
    key.writeInt16BE(0)
    expect(groupRecords.decode(key, null)).toEqual(offset(null))
  })

  test('GroupMetadataValue 0: no rebalance timeout, no state timestamp, no instance id', () => {
    const member = ['0001 6d', '0001 63', '0002 2f68', '00002710', '00000002 0102', '00000001 03']
    const value = hex('0000', '0001 63', '00000007', '0001 72', '0001 6d', '00000001', ...member)
    expect(groupRecords.decode(groupKey, value)).toMatchObject({
      value: {
        stateTimestampMs: null,
        members: [{ groupInstanceId: null, rebalanceTimeoutMs: -1, sessionTimeoutMs: 10_000 }],
      },
    })
  })
})

describe('what cannot be understood throws', () => {
  test.each([24, 60, 99, -1])('a key of kind %i', (kind) => {
    const key = Buffer.from(groupKey)
    key.writeInt16BE(kind)
    expect(() => groupRecords.decode(key, null)).toThrow(`kind ${kind}`)
  })

  test('a version to come', () => {
    expect(() => groupRecords.decode(offsetKey, hex('0005', '0000'))).toThrow(MalformedRequestError)
  })

  test.each(written)('%s, cut at any byte', (_, __, key, value) => {
    for (let end = 0; end < key.length; end++) {
      expect(() => groupRecords.decode(key.subarray(0, end), value), `key of ${end}`).toThrow(
        MalformedRequestError,
      )
    }
    for (let end = 0; end < (value?.length ?? 0); end++) {
      const cut = value?.subarray(0, end) ?? null
      expect(() => groupRecords.decode(key, cut), `value of ${end}`).toThrow(MalformedRequestError)
    }
  })
})
