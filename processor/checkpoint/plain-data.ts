// State values and keys as bytes: plain data, told apart by one byte each. What is not plain (functions,
// instances of classes) is refused by name, since it would come back as something else.
//
//    0 null | 1 undefined | 2 false | 3 true | 4 varint | 5 float64 | 6 bigint, hexadecimal text
//    7 text, UTF-8 | 8 text, UTF-16 (with lone surrogates) | 9 bytes | 10 array: count, values
//    11 object: count, (name, value)* | 12 Map: count, (key, value)* | 13 Set: count, values | 14 Date: float64

import type { Key } from '../graph/key.ts'
import type { StateCodec } from '../graph/contracts/state.ts'
import { ByteReader, ByteWriter } from './bytes.ts'
import { DamagedError } from './store.ts'

const DEEPEST = 100
/** Up to here a text is quicker written unit by unit, if it is ASCII. */
const SHORT_TEXT = 40
/** Half a character: UTF-8 has no bytes for it, and would make two such keys one. */
const LONE_SURROGATE = /\p{Surrogate}/u

/** Writes plain data. Throws TypeError naming what is not plain. */
export function writePlain(writer: ByteWriter, value: unknown, depth = 0): void {
  switch (typeof value) {
    case 'string':
      return writeText(writer, value)
    case 'number':
      return writeNumber(writer, value)
    case 'boolean':
      return writer.byte(value ? 3 : 2)
    case 'undefined':
      return writer.byte(1)
    case 'bigint':
      writer.byte(6)
      return writer.text(value.toString(16))
    case 'object':
      return value === null ? writer.byte(0) : writeObject(writer, value, depth)
    default:
      throw new TypeError(`a ${typeof value} cannot be kept as state; give the operator a codec`)
  }
}

function writeText(writer: ByteWriter, text: string): void {
  if (text.length <= SHORT_TEXT && writer.ascii(7, text)) return
  if (!LONE_SURROGATE.test(text)) {
    writer.byte(7)
    writer.text(text)
  } else {
    writer.byte(8)
    writer.blob(Buffer.from(text, 'utf16le'))
  }
}

function writeNumber(writer: ByteWriter, value: number): void {
  if (value === (value | 0) && !Object.is(value, -0)) {
    writer.byte(4)
    writer.varint(value)
  } else {
    writer.byte(5)
    writer.float(value)
  }
}

function writeObject(writer: ByteWriter, value: object, depth: number): void {
  if (depth >= DEEPEST) {
    throw new TypeError(`state nested more than ${DEEPEST} deep, or within itself, cannot be kept`)
  }
  if (Array.isArray(value)) {
    writer.byte(10)
    writer.varint(value.length)
    for (let i = 0; i < value.length; i++) writePlain(writer, value[i], depth + 1)
  } else if (value instanceof Uint8Array) {
    writer.byte(9)
    writer.blob(value)
  } else if (value instanceof Map) {
    writer.byte(12)
    writer.varint(value.size)
    for (const [key, part] of value) {
      writePlain(writer, key, depth + 1)
      writePlain(writer, part, depth + 1)
    }
  } else if (value instanceof Set) {
    writer.byte(13)
    writer.varint(value.size)
    for (const part of value) writePlain(writer, part, depth + 1)
  } else if (value instanceof Date) {
    writer.byte(14)
    writer.float(value.getTime())
  } else {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) {
      const name = value.constructor?.name ?? 'an object'
      throw new TypeError(`${name} is no plain data and cannot be kept as state; give the operator a codec`)
    }
    const names = Object.keys(value)
    writer.byte(11)
    writer.varint(names.length)
    for (const name of names) {
      writeText(writer, name)
      writePlain(writer, (value as Record<string, unknown>)[name], depth + 1)
    }
  }
}

/** Reads what writePlain wrote; bytes come back as Buffer. Throws DamagedError. */
export function readPlain(reader: ByteReader): unknown {
  const tag = reader.byte()
  switch (tag) {
    case 0:
      return null
    case 1:
      return undefined
    case 2:
      return false
    case 3:
      return true
    case 4:
      return reader.varint()
    case 5:
      return reader.float()
    case 6:
      return readBigInt(reader.text())
    case 7:
      return reader.text()
    case 8:
      return reader.blob().toString('utf16le')
    case 9:
      return reader.blob()
    case 10:
      return Array.from({ length: reader.count(1) }, () => readPlain(reader))
    case 11:
      return readObject(reader)
    case 12:
      return new Map(Array.from({ length: reader.count(2) }, () => [readPlain(reader), readPlain(reader)]))
    case 13:
      return new Set(Array.from({ length: reader.count(1) }, () => readPlain(reader)))
    case 14:
      return new Date(reader.float())
    default:
      throw new DamagedError(`no kind of value has the number ${tag}`)
  }
}

function readBigInt(hexadecimal: string): bigint {
  const digits = hexadecimal.startsWith('-') ? hexadecimal.slice(1) : hexadecimal
  if (!/^[0-9a-f]+$/.test(digits)) throw new DamagedError(`'${hexadecimal}' is no bigint`)
  const magnitude = BigInt(`0x${digits}`)
  return digits === hexadecimal ? magnitude : -magnitude
}

function readObject(reader: ByteReader): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (let left = reader.count(2); left > 0; left--) {
    const name = readPlain(reader)
    if (typeof name !== 'string') throw new DamagedError(`an object has a ${typeof name} for a name`)
    const value = readPlain(reader)
    // An own property also where the name is __proto__.
    if (name === '__proto__') Object.defineProperty(result, name, { value, enumerable: true, writable: true })
    else result[name] = value
  }
  return result
}

/** Equal keys have equal bytes: 0 and -0 are one key, and so are all NaN, as in Map. */
export function writeKey(writer: ByteWriter, key: Key): void {
  if (typeof key !== 'number') writePlain(writer, key)
  else if (Number.isNaN(key)) writePlain(writer, Number.NaN)
  else writePlain(writer, key === 0 ? 0 : key)
}

export function readKey(reader: ByteReader): Key {
  const key = readPlain(reader)
  switch (typeof key) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return key
    default:
      if (key === null) return null
      throw new DamagedError(`a key is a ${typeof key}`)
  }
}

/** What keeps an operator's state where it has no codec of its own. */
export const plainCodec: StateCodec<unknown> = {
  encode(value) {
    const writer = new ByteWriter(64)
    writePlain(writer, value)
    return writer.copy()
  },
  decode(bytes) {
    return readPlain(new ByteReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)))
  },
}
