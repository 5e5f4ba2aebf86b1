// Facts of streams groups against what Kafka 4.3.1 wrote while it was asked tests/vectors/questions/streams-groups.ts
// (tests/vectors/record-records.ts): read, written again to the byte, and replayed into the groups that they tell of.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { applyStreams } from '../../../../broker/coordinator/group/streams/apply.ts'
import { describeStreams } from '../../../../broker/coordinator/group/streams/describe.ts'
import { decodeStreams, encodeStreams } from '../../../../broker/coordinator/group/streams/records.ts'
import type { StreamsGroup } from '../../../../broker/coordinator/group/streams/streams-group.ts'

const file = join(import.meta.dirname, '../../../vectors/records/streams-groups.json')
const records = (JSON.parse(readFileSync(file, 'utf8')) as [string, string | null][]).map(
  ([key, value]): [Buffer, Buffer | null] => [
    Buffer.from(key, 'hex'),
    value === null ? null : Buffer.from(value, 'hex'),
  ],
)
const decoded = records.map(([key, value]) => decodeStreams(key.readInt16BE(0), key, value))

describe('the records of a real Kafka', () => {
  test('are of every kind, with and without a value', () => {
    const kinds = (fits: (value: unknown) => boolean) =>
      [...new Set(decoded.filter(({ value }) => fits(value)).map(({ kind }) => kind))].sort()
    const all = [
      'streamsAssignment',
      'streamsGroup',
      'streamsMember',
      'streamsTarget',
      'streamsTargetEpoch',
      'streamsTopology',
    ]
    expect(kinds((value) => value !== null)).toEqual(all)
    expect(kinds((value) => value === null)).toEqual(all)
  })

  test('are written again to the byte', () => {
    for (const [i, [key, value]] of records.entries()) {
      const ours = encodeStreams(decoded[i] as (typeof decoded)[number])
      expect(ours.key.toString('hex'), `key ${i}`).toBe(key.toString('hex'))
      expect(ours.value?.toString('hex'), `value ${i}`).toBe(value?.toString('hex'))
    }
  })

  test('make the groups that they tell of', () => {
    const groups = new Map<string, StreamsGroup>()
    for (const fact of decoded) {
      const group = applyStreams(groups.get(fact.groupId), fact)
      if (group === undefined) groups.delete(fact.groupId)
      else groups.set(fact.groupId, group)
    }
    expect([...groups.keys()].sort()).toEqual(['kept-twice', 'lacking', 'makes', 'unfit', 'waits'])
    expect(describeStreams(groups.get('kept-twice') as StreamsGroup)).toMatchObject({
      groupState: 'Reconciling',
      groupEpoch: 3,
      members: [
        {
          memberId: 'one',
          memberEpoch: 2,
          rackId: 'rack',
          userEndpoint: { host: 'app.example', port: 8080 },
        },
        {
          memberId: 'two',
          assignment: { activeTasks: [], standbyTasks: [{ subtopologyId: '0', partitions: [0] }] },
        },
      ],
    })
  })

  test('of a kind that streams groups do not write are refused', () => {
    expect(() => decodeStreams(18, Buffer.alloc(2), null)).toThrow(/no record of type 18/)
  })
})
