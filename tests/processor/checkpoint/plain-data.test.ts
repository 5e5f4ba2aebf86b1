// State values and keys as bytes: what comes back, what is refused, and that damage is never believed.

import { expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../../../processor/checkpoint/bytes.ts'
import { plainCodec, readKey, writeKey } from '../../../processor/checkpoint/plain-data.ts'
import { DamagedError } from '../../../processor/checkpoint/store.ts'
import type { Key } from '../../../processor/graph/key.ts'
import { Random, seeds } from '../../world/random.ts'

const roundTrip = (value: unknown) => plainCodec.decode(plainCodec.encode(value))

test.each([
  null,
  undefined,
  true,
  false,
  0,
  -0,
  1,
  -1,
  2 ** 31 - 1,
  -(2 ** 31),
  2 ** 31,
  0.1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  0n,
  -255n,
  2n ** 100n,
  '',
  'grün 日本 😀',
  'half \ud83d',
  Buffer.from([0, 255]),
  [1, [2, undefined]],
  { a: 1, ['__proto__']: 2, 'half \udc00': null },
  new Map<unknown, unknown>([
    [{ k: 1 }, 'v'],
    ['x', new Set([1n])],
  ]),
  new Date(1234),
])('%s comes back', (value) => {
  expect(roundTrip(value)).toStrictEqual(value)
})

test('what would come back as something else is refused by name', () => {
  class Total {}
  expect(() => roundTrip(new Total())).toThrow(/Total is no plain data/)
  expect(() => roundTrip(new Float64Array(1))).toThrow(/Float64Array is no plain data/)
  expect(() => roundTrip(() => 1)).toThrow(/a function cannot be kept/)
  expect(() => roundTrip([Symbol('s')])).toThrow(/a symbol cannot be kept/)
  const itself: unknown[] = []
  itself.push(itself)
  expect(() => roundTrip(itself)).toThrow(/nested more than 100 deep, or within itself/)
})

function keyBytes(key: Key): string {
  const writer = new ByteWriter(4)
  writeKey(writer, key)
  expect(readKey(new ByteReader(writer.copy()))).toEqual(key === 0 ? 0 : key)
  return writer.copy().toString('hex')
}

test('keys that Map takes for one have the same bytes, all others do not', () => {
  const keys: Key[] = [
    '',
    'a',
    'half \ud83d',
    'half \ufffd',
    '1',
    1,
    1n,
    1.5,
    true,
    false,
    null,
    2 ** 40,
    Number.NaN,
    0,
  ]
  expect(new Set(keys.map(keyBytes)).size).toBe(keys.length)
  expect(keyBytes(-0)).toBe(keyBytes(0))
})

test.each(seeds(1, 20))(
  'cut or changed bytes give a value or DamagedError, nothing else: seed %i',
  (seed) => {
    const random = new Random(seed)
    const value = { list: [1, 'two', 3n, Buffer.from('four')], map: new Map([['five', new Date(6)]]), n: 1.5 }
    const bytes = Buffer.from(plainCodec.encode(value))
    for (let round = 0; round < 200; round++) {
      const damaged = Buffer.from(bytes.subarray(0, random.between(0, bytes.length)))
      if (damaged.length > 0) damaged[random.below(damaged.length)] = random.below(256)
      try {
        plainCodec.decode(damaged)
      } catch (error) {
        expect(error).toBeInstanceOf(DamagedError)
      }
    }
  },
)
