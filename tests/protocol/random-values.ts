// Values for any message, from a seed: what may be left out sometimes is, what may be null sometimes is.

import { defaultOf } from '../../broker/protocol/field-rules.ts'
import type { Message } from '../../broker/protocol/message.ts'
import {
  elementOf,
  fieldsOf,
  hasField,
  isNullable,
  type WireType,
  ZERO_UUID,
} from '../../broker/protocol/schema.ts'
import type { Random } from '../world/random.ts'

type Struct = Record<string, unknown>

/** A body to encode in a version; fields that the version lacks are left out. */
export function randomBody(random: Random, message: Message, version: number): Struct {
  return randomStruct(random, message.body, version)
}

function randomStruct(random: Random, type: WireType, version: number): Struct {
  const value: Struct = {}
  for (const field of fieldsOf(type)) {
    if (!hasField(field, version)) continue
    if (field.optional && random.chance(0.2)) continue
    value[field.name] =
      isNullable(field, version) && random.chance(0.2) ? null : randomValue(random, field.type, version)
  }
  return value
}

const texts = ['', 'a', 'orders', 'größe', 'トピック', '🦀', 'x'.repeat(130)]

function randomValue(random: Random, type: WireType, version: number): unknown {
  switch (type.kind) {
    case 'int8':
      return random.between(-128, 127)
    case 'int16':
      return random.between(-32768, 32767)
    case 'uint16':
      return random.between(0, 65535)
    case 'int32':
      return random.pick([0, -1, 1, 2147483647, -2147483648, random.below(100000)])
    case 'uint32':
      return random.between(0, 4294967295)
    case 'int64':
      return random.pick([
        0n,
        -1n,
        0x7fffffffffffffffn,
        -0x8000000000000000n,
        BigInt(random.below(1 << 30)) << 20n,
      ])
    case 'float64':
      return random.next() * 1000
    case 'boolean':
      return random.chance(0.5)
    case 'uuid':
      return random.chance(0.2) ? ZERO_UUID : random.bytes(16).toString('hex')
    case 'string':
      return random.pick(texts)
    case 'bytes':
      return random.bytes(random.below(20))
    case 'records':
      return random.chance(0.1) ? random.bytes(1500) : random.bytes(random.below(40))
    case 'array': {
      const element = elementOf(type)
      return Array.from({ length: random.below(4) }, () => randomValue(random, element, version))
    }
    case 'struct':
      return randomStruct(random, type, version)
  }
}

/** What decoding must give for a body that was encoded: the same, with defaults for what it left out. */
export function completed(type: WireType, value: Struct): Struct {
  return Object.fromEntries(
    fieldsOf(type).map((field) => {
      const given = value[field.name]
      return [field.name, given === undefined ? defaultOf(field) : completedValue(field.type, given)]
    }),
  )
}

function completedValue(type: WireType, value: unknown): unknown {
  if (value === null) return null
  if (type.kind === 'struct') return completed(type, value as Struct)
  if (type.kind === 'array') return (value as unknown[]).map((item) => completedValue(elementOf(type), item))
  return value
}
