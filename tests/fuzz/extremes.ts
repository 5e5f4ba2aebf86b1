// Every request field out of range: a body again and again, each time with one field at an edge of its type.

import { isNullable, elementOf, fieldsOf, hasField, type WireType } from '../../broker/protocol/schema.ts'
import type { Api } from '../../broker/protocol/message.ts'

type Struct = Record<string, unknown>

const INT = {
  int8: [-128, -1, 0, 127],
  int16: [-32768, -2, -1, 0, 1, 32767],
  uint16: [0, 65535],
  int32: [-2147483648, -2, -1, 0, 1, 2147483647],
  uint32: [0, 4294967295],
  int64: [-0x8000000000000000n, -2n, -1n, 0n, 1n, 0x7fffffffffffffffn],
} as const

const ODD_TEXTS = [
  '',
  '.',
  '..',
  '../../etc',
  'a/b',
  '\0',
  'ß',
  '🦀'.repeat(60),
  'x'.repeat(250),
  '__consumer_offsets',
]

function extremesOf(type: WireType, value: unknown): readonly unknown[] {
  switch (type.kind) {
    case 'string':
      return ODD_TEXTS
    case 'bytes':
      return [Buffer.alloc(0), Buffer.alloc(1, 0xff), Buffer.alloc(70, 0x80)]
    case 'records':
      return [Buffer.alloc(0), Buffer.alloc(61), Buffer.alloc(200, 0xff)]
    case 'boolean':
      return [true, false]
    case 'uuid':
      return ['0'.repeat(32), 'f'.repeat(32)]
    case 'float64':
      return [NaN, Infinity, -Infinity, -1, 0]
    case 'array': {
      const [first] = value as unknown[]
      return first === undefined ? [[]] : [[], [first, first], Array.from({ length: 300 }, () => first)]
    }
    case 'struct':
      return []
    default:
      return INT[type.kind]
  }
}

/** Bodies that differ from `body` in one field each, that field being at an edge. Nested fields, too. */
export function* withExtremes(api: Api, version: number, body: Struct): Generator<Struct> {
  yield* structExtremes(api.request.body, version, body)
}

function* structExtremes(type: WireType, version: number, value: Struct): Generator<Struct> {
  for (const field of fieldsOf(type)) {
    const { name } = field
    const given = value[name]
    if (!hasField(field, version)) continue
    if (isNullable(field, version)) yield { ...value, [name]: null }
    if (given === undefined || given === null) continue
    for (const extreme of extremesOf(field.type, given)) yield { ...value, [name]: extreme }
    for (const inner of inside(field.type, version, given)) yield { ...value, [name]: inner }
  }
}

function* inside(type: WireType, version: number, value: unknown): Generator<unknown> {
  if (type.kind === 'struct') yield* structExtremes(type, version, value as Struct)
  if (type.kind !== 'array') return
  const [first, ...rest] = value as unknown[]
  const element = elementOf(type)
  if (first === undefined || first === null) return
  const others = element.kind === 'struct' ? inside(element, version, first) : extremesOf(element, first)
  for (const other of others) yield [other, ...rest]
}
