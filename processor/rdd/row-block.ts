// Rows as bytes, for their way between threads and for where they are held as bytes: the engine's own structured
// clone, after a look at what it would silently change. An instance of a class would come back without its methods,
// so it is refused by name.

import { deserialize, serialize } from 'node:v8'
import { failedAtNoRecord } from '../graph/errors.ts'

/** Rows of one block: a few hundred kilobytes for ordinary rows. */
export const BLOCK_ROWS = 8192

const DEEPEST = 100

/** Throws OperatorError naming the operator whose row is no plain data. */
export function encodeRows(operator: string, rows: readonly unknown[]): Buffer {
  try {
    for (const row of rows) checkPlain(row, 0)
    return serialize(rows)
  } catch (error) {
    throw failedAtNoRecord(operator, error)
  }
}

export function decodeRows<T>(bytes: Uint8Array): T[] {
  return deserialize(bytes) as T[]
}

function checkPlain(value: unknown, depth: number): void {
  if (typeof value === 'function' || typeof value === 'symbol') throw notPlain(`a ${typeof value}`)
  if (typeof value !== 'object' || value === null) return
  if (depth > DEEPEST) throw new TypeError(`a row nested more than ${DEEPEST} deep cannot be kept as bytes`)
  if (Array.isArray(value)) {
    for (const part of value) checkPlain(part, depth + 1)
    return
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) {
    for (const name in value) checkPlain((value as Record<string, unknown>)[name], depth + 1)
  } else if (value instanceof Map) {
    for (const [key, part] of value) {
      checkPlain(key, depth + 1)
      checkPlain(part, depth + 1)
    }
  } else if (value instanceof Set) {
    for (const part of value) checkPlain(part, depth + 1)
  } else if (!(ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Date)) {
    throw notPlain(`an instance of ${value.constructor?.name ?? 'a class'}`)
  }
}

function notPlain(what: string): TypeError {
  return new TypeError(
    `${what} cannot be kept as bytes, nor go from one worker to another: make plain data of it first (text, numbers, arrays, objects, bytes)`,
  )
}
