// The rules of the wire, one by one, through both codecs.

import { afterEach, describe, expect, test, vi } from 'vitest'
import { apis } from '../../broker/protocol/apis/index.ts'
import { fetch } from '../../broker/protocol/apis/fetch.ts'
import { heartbeat } from '../../broker/protocol/apis/heartbeat.ts'
import { metadata } from '../../broker/protocol/apis/metadata.ts'
import { offsetCommit } from '../../broker/protocol/apis/offset-commit.ts'
import {
  compilesCodecs,
  decode,
  decodeRequest,
  encodeRequest,
  encodeResponse,
} from '../../broker/protocol/codec.ts'
import { compile } from '../../broker/protocol/compile.ts'
import { interpret } from '../../broker/protocol/interpret.ts'
import { defineMessage } from '../../broker/protocol/message.ts'
import { MalformedRequestError, Reader } from '../../broker/protocol/reader.ts'
import {
  array,
  bytes,
  f,
  int8,
  int16,
  int32,
  int64,
  nullable,
  nullableArray,
  nullableString,
  string,
  struct,
  uuid,
} from '../../broker/protocol/schema.ts'
import { Writer } from '../../broker/protocol/writer.ts'

/** A message with one field of each kind of rule; versions 0-1 fixed, 2 flexible. */
const sample = defineMessage({
  name: 'Sample',
  versions: [0, 2],
  flexibleFrom: 2,
  fields: {
    id: f(int32),
    epoch: f(int32, { since: 1, default: -1 }),
    hint: f(string, { since: 1, ignorable: true }),
    name: f(string, { nullableSince: 1 }),
    note: f(nullableString, { since: 2, tag: 0, default: null }),
    leader: f(struct({ id: f(int32, { default: -1 }) }), { since: 2, tag: 1 }),
    cursor: f(nullable(struct({ at: f(int64) })), { since: 2, default: null }),
    data: f(nullable(struct({ at: f(int8) })), { since: 2, tag: 5, default: null }),
  },
})

const codecs = [
  { how: 'compiled', make: compile },
  { how: 'interpreted', make: interpret },
]

describe.each(codecs)('$how', ({ make }) => {
  function encode(version: number, value: unknown): string {
    const writer = new Writer()
    make(sample.body, version, version >= 2).write(writer, value)
    return Buffer.concat(writer.finish()).toString('hex')
  }

  function decodeHex(version: number, hex: string): unknown {
    const wire = Buffer.from(hex.replace(/\s/g, ''), 'hex')
    return make(sample.body, version, version >= 2).read(new Reader(wire, 0, wire.length))
  }

  test('what a version cannot say is refused, unless it is the default or ignorable', () => {
    expect(encode(0, { id: 1, name: '' })).toBe('000000010000')
    expect(encode(0, { id: 1, name: '', epoch: -1 })).toBe('000000010000')
    expect(encode(0, { id: 1, name: '', hint: 'dropped' })).toBe('000000010000')
    expect(() => encode(0, { id: 1, name: '', epoch: 0 })).toThrow('epoch is set, which version 0 cannot say')
    expect(() => encode(1, { id: 1, name: '', leader: { id: 0 } })).toThrow('leader is set')
    expect(encode(1, { id: 1, name: '', leader: { id: -1 } })).toBe('00000001ffffffff00000000')
    expect(() => encode(1, { id: 1, name: '', note: '' }), 'empty is not null').toThrow('note is set')
  })

  test('a required field must be there, and null only where the version knows it', () => {
    expect(() => encode(0, { name: '' })).toThrow('id is missing')
    expect(() => encode(0, { id: 1, name: null })).toThrow('name is null, which version 0 cannot say')
    expect(encode(1, { id: 1, name: null })).toBe('00000001ffffffff0000ffff')
    expect(() => encode(2, { id: 1, name: '', leader: null })).toThrow('leader is null')
    expect(() => encode(2, { id: 1, name: '', epoch: null })).toThrow('epoch is null')
  })

  test('numbers outside their type are refused, not cut', () => {
    expect(() => encode(0, { id: 2 ** 31, name: '' })).toThrow(RangeError)
    expect(() => encode(0, { id: 1, name: 'x'.repeat(32768) })).toThrow('32768')
  })

  test('fields that the version lacks are read as their defaults', () => {
    expect(decodeHex(0, '00000001 0001 78')).toEqual({
      id: 1,
      epoch: -1,
      hint: '',
      name: 'x',
      note: null,
      leader: { id: -1 },
      cursor: null,
      data: null,
    })
  })

  const untagged = '00000001 ffffffff 01 02 78 ff'

  test('tagged fields are written in order of their tags, and only when they say something', () => {
    expect(encode(2, { id: 1, name: 'x' })).toBe('00000001ffffffff010278ff00')
    expect(encode(2, { id: 1, name: 'x', data: { at: 7 }, leader: { id: 2 }, note: 'n' })).toBe(
      // 3 fields: tag 0 "n"; tag 1 {2, no tags}; tag 5 {present, 7, no tags}
      '00000001ffffffff010278ff 03 00 02 026e 01 05 0000000200 05 03 010700'.replaceAll(' ', ''),
    )
  })

  test('a tagged field of 127 bytes and more has a size of two bytes', () => {
    for (const length of [100, 125, 126, 127, 128, 300]) {
      const value = { id: 1, name: 'x', note: 'n'.repeat(length), leader: { id: 9 } }
      expect(decodeHex(2, encode(2, value))).toMatchObject(value)
    }
  })

  test('unknown tags are skipped, between known ones too', () => {
    expect(decodeHex(2, `${untagged} 03 01 05 0000000900 04 02 aabb 7f 00`)).toMatchObject({
      leader: { id: 9 },
    })
  })

  test.each([
    ['twice', '02 01 05 0000000900 01 05 0000000900'],
    ['out of order', '02 04 00 01 05 0000000900'],
    ['longer than what is left', '01 04 05 0000'],
    ['longer than its size', '01 01 04 0000000900'],
    ['shorter than its size', '01 01 06 000000090000'],
    ['more than there is room for', 'ffffffff0f'],
  ])('a tag %s is refused', (_, tags) => {
    expect(() => decodeHex(2, `${untagged} ${tags}`)).toThrow(MalformedRequestError)
  })
})

describe('lengths and counts are checked before anything is made for them', () => {
  const lists = defineMessage({
    name: 'Lists',
    versions: [0, 1],
    flexibleFrom: 1,
    fields: { ids: f(array(uuid)), more: f(nullableArray({ a: f(int16), b: f(bytes) })) },
  })

  test.each([
    ['a count of 2^31 - 1', 0, '7fffffff'],
    ['a count below -1', 0, 'fffffffe'],
    ['a null that may not be', 0, 'ffffffff'],
    ['a compact null that may not be', 1, '00'],
    ['two uuids in 31 bytes', 0, `00000002${'00'.repeat(31)}`],
    ['structs of 6 bytes in 5', 0, '00000000 00000001 0000000000'],
    ['a compact count of 2^32 - 1', 1, 'ffffffff0f'],
    ['a varint of six bytes', 1, '808080808000'],
    ['a varint above 32 bits', 1, 'ffffffff1f'],
    ['bytes longer than what is left', 0, '00000000 00000001 0000 00000001'],
    ['bytes of length -1', 0, '00000000 00000001 0000 ffffffff'],
  ])('%s', (_, version, hex) => {
    const wire = Buffer.from(hex.replaceAll(' ', ''), 'hex')
    expect(() => decode(lists, version, wire)).toThrow(MalformedRequestError)
    const interpreted = interpret(lists.body, version, version >= 1)
    expect(() => interpreted.read(new Reader(wire, 0, wire.length))).toThrow(MalformedRequestError)
  })

  test('the refusal says which message, which version and where', () => {
    const cut = Buffer.from('00036770', 'hex')
    expect(() => decodeRequest(heartbeat, 0, cut)).toThrow(
      'HeartbeatRequest version 0, byte 2 of 4: a length of 3 with 2 bytes left',
    )
  })

  test('nothing beyond the end given is read, whatever the buffer holds', () => {
    const [whole] = encodeRequest(heartbeat, 4, { groupId: 'g', generationId: 1, memberId: 'm' })
    const inside = Buffer.concat([Buffer.from('xx'), whole ?? Buffer.alloc(0), Buffer.from('more')])
    const end = 2 + (whole?.length ?? 0)
    expect(decodeRequest(heartbeat, 4, inside, 2, end).memberId).toBe('m')
    expect(() => decodeRequest(heartbeat, 4, inside, 2, end - 1)).toThrow(MalformedRequestError)
  })

  test('a definition whose elements take no bytes is a mistake of ours', () => {
    expect(() => compile(struct({ nothing: f(array({})) }), 0, false)).toThrow('takes no bytes')
  })
})

describe('chunks', () => {
  const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 0n, abortedTransactions: null }

  test('large record batches go out as they are, small ones are copied', () => {
    const large = Buffer.alloc(5000, 1)
    const small = Buffer.alloc(10, 2)
    const partitions = [large, small, large].map((records) => ({ ...partition, records }))
    const chunks = encodeResponse(fetch, 12, { errorCode: 0, responses: [{ topic: 't', partitions }] })
    expect(chunks.length).toBe(5)
    expect(chunks.filter((chunk) => chunk === large).length).toBe(2)
    const whole = Buffer.concat(chunks)
    expect(decode(fetch.response, 12, whole).responses[0]?.partitions.map((p) => p.records?.length)).toEqual([
      5000, 10, 5000,
    ])
  })

  test('records may themselves come in pieces', () => {
    const records = [Buffer.from('abc'), Buffer.alloc(2000, 3)]
    const body = { errorCode: 0, responses: [{ topic: 't', partitions: [{ ...partition, records }] }] }
    const whole = Buffer.concat(encodeResponse(fetch, 4, body))
    expect(decode(fetch.response, 4, whole).responses[0]?.partitions[0]?.records).toEqual(
      Buffer.concat(records),
    )
  })

  test('a message larger than the working buffer, and the next one, are whole', () => {
    const topics = Array.from({ length: 20000 }, (_, i) => ({ name: `topic-${i}` }))
    const wire = Buffer.concat(encodeRequest(metadata, 9, { topics }))
    expect(decodeRequest(metadata, 9, wire).topics?.at(-1)?.name).toBe('topic-19999')
    expect(Buffer.concat(encodeRequest(metadata, 9, { topics: [] })).toString('hex')).toBe('0101000000')
  })

  test('the working buffer may grow in the middle of anything', () => {
    const partition = (i: number) => ({
      partitionIndex: i,
      committedOffset: BigInt(i) << 32n,
      committedLeaderEpoch: -i - 2,
      committedMetadata: i % 3 === 0 ? null : i % 3 === 1 ? 'ö' : 'n'.repeat(50),
    })
    const topics = [{ name: 't', partitions: Array.from({ length: 2500 }, (_, i) => partition(i)) }]
    for (const version of [7, 8]) {
      for (let shift = 0; shift < 150; shift++) {
        const body = { groupId: 'g'.repeat(shift), memberId: '', topics }
        const [wire] = encodeRequest(offsetCommit, version, body)
        const decoded = decodeRequest(offsetCommit, version, wire as Buffer)
        const differs = decoded.topics[0]?.partitions.find(
          (found, i) =>
            found.partitionIndex !== i ||
            found.committedOffset !== BigInt(i) << 32n ||
            found.committedLeaderEpoch !== -i - 2 ||
            found.committedMetadata !== partition(i).committedMetadata,
        )
        expect(differs, `version ${version}, shift ${shift}`).toBe(undefined)
      }
    }
  })

  test('a refused body leaves nothing behind for the next', () => {
    expect(() => encodeResponse(heartbeat, 0, { errorCode: 70000 })).toThrow('HeartbeatResponse version 0')
    expect(Buffer.concat(encodeResponse(heartbeat, 0, { errorCode: 1 })).toString('hex')).toBe('0001')
  })
})

describe('where the host forbids code from strings', () => {
  afterEach(() => void vi.unstubAllGlobals())

  test('the interpreter takes over', async () => {
    vi.resetModules()
    const fresh = await import('../../broker/protocol/codec.ts')
    vi.stubGlobal(
      'Function',
      class {
        constructor() {
          throw new EvalError('Code generation from strings disallowed for this context')
        }
      },
    )
    const chunks = fresh.encodeRequest(heartbeat, 4, { groupId: 'g', generationId: 1, memberId: 'm' })
    expect(fresh.decodeRequest(heartbeat, 4, Buffer.concat(chunks)).groupId).toBe('g')
    expect(fresh.compilesCodecs()).toBe(false)
  })

  test('and does not where it is allowed', () => {
    encodeResponse(heartbeat, 0, { errorCode: 0 })
    expect(compilesCodecs()).toBe(true)
  })
})

describe('definitions', () => {
  test('keys and names are distinct, ranges are ranges', () => {
    expect(new Set(apis.map((api) => api.key)).size).toBe(apis.length)
    expect(new Set(apis.map((api) => api.name)).size).toBe(apis.length)
    for (const { versions, servedVersions, name } of apis) {
      expect(versions[0], name).toBeLessThanOrEqual(versions[1])
      expect(servedVersions[0], name).toBeGreaterThanOrEqual(versions[0])
      expect(servedVersions[1], name).toBeLessThanOrEqual(versions[1])
    }
  })

  test('a default of the wrong type and a tag used twice are refused', () => {
    expect(() => struct({ a: f(int64, { default: -1 }) })).toThrow('-1 is no default for the int64 field a')
    expect(() => struct({ a: f(string, { default: null }) })).toThrow('null is no default')
    expect(() => struct({ a: f(int8, { tag: 1 }), b: f(int8, { tag: 1 }) })).toThrow('not distinct')
  })

  test('a version that does not exist is a mistake of the caller', () => {
    expect(() => decodeRequest(heartbeat, 5, Buffer.alloc(0))).toThrow('no version 5, only 0-4')
  })
})
