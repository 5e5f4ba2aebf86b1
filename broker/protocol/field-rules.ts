// What a version makes of a field: its default, whether a value is the default, the fewest bytes it takes.
// Compiled codec and interpreter both ask here, so that they can differ in walking only.

import {
  elementOf,
  fieldsOf,
  hasField,
  isNullable,
  type NamedField,
  type WireType,
  ZERO_UUID,
} from './schema.ts'

const NO_BYTES = Buffer.alloc(0)

/** The value of a field that is not there; arrays and structs are fresh each time. */
export function defaultOf(field: NamedField): unknown {
  return field.default !== undefined ? field.default : emptyOf(field.type)
}

function emptyOf(type: WireType): unknown {
  switch (type.kind) {
    case 'int64':
      return 0n
    case 'boolean':
      return false
    case 'uuid':
      return ZERO_UUID
    case 'string':
      return ''
    case 'bytes':
      return NO_BYTES
    case 'records':
      return null
    case 'array':
      return []
    case 'struct':
      return Object.fromEntries(fieldsOf(type).map((field) => [field.name, defaultOf(field)]))
    default:
      return 0
  }
}

/** Whether a value (or its absence) means the same as the field's default; arrays have no default but [] or null. */
export function isDefault(field: NamedField, value: unknown): boolean {
  if (value === undefined || value === field.default) return true
  if (value === null || field.default === null) return value === defaultOf(field)
  switch (field.type.kind) {
    case 'array':
    case 'bytes':
      return (value as ArrayLike<unknown>).length === 0
    case 'struct':
      return fieldsOf(field.type).every((inner) =>
        isDefault(inner, (value as Record<string, unknown>)[inner.name]),
      )
    default:
      return value === defaultOf(field)
  }
}

/** The fewest bytes that a value of the type takes: what a count of elements is checked against. */
function minSizeOf(type: WireType, version: number, flexible: boolean, nullable = type.nullable): number {
  switch (type.kind) {
    case 'int8':
    case 'boolean':
      return 1
    case 'int16':
    case 'uint16':
      return 2
    case 'int32':
    case 'uint32':
      return 4
    case 'int64':
    case 'float64':
      return 8
    case 'uuid':
      return 16
    case 'string':
      return flexible ? 1 : 2
    case 'bytes':
    case 'records':
    case 'array':
      return flexible ? 1 : 4
    case 'struct': {
      if (nullable) return 1
      let size = flexible ? 1 : 0
      for (const field of fieldsOf(type)) {
        if (field.tag !== undefined || !hasField(field, version)) continue
        size += minSizeOf(field.type, version, flexible, isNullable(field, version))
      }
      return size
    }
  }
}

/** As `minSizeOf`, for elements: an element of no bytes would let a count be as large as it likes. */
export function minElementSizeOf(array: WireType, version: number, flexible: boolean): number {
  const size = minSizeOf(elementOf(array), version, flexible)
  if (size === 0) throw new Error(`an array's element takes no bytes in version ${version}`)
  return size
}

// Refusals of a body to encode. They are mistakes of ours, hence plain errors.

export function refuseMissing(field: string): never {
  throw new Error(`${field} is missing`)
}

export function refuseNull(field: string, version: number): never {
  throw new Error(`${field} is null, which version ${version} cannot say`)
}

/** Kafka's rule: what a version cannot say must not be dropped unless the field is ignorable. */
export function refuseAbsent(field: string, version: number): never {
  throw new Error(`${field} is set, which version ${version} cannot say`)
}
