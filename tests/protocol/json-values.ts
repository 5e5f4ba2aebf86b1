// Reads the JSON form that Kafka's tools give messages (bytes and uuids as base64) into our values.

import { elementOf, fieldsOf, type WireType } from '../../broker/protocol/schema.ts'

/** A struct; fields that the JSON leaves out stay left out. */
export function fromJson(type: WireType, json: Record<string, unknown>): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  const fields = new Map(fieldsOf(type).map((field) => [field.name, field]))
  for (const [name, item] of Object.entries(json)) {
    const field = fields.get(name)
    if (field === undefined) throw new Error(`${name} is none of ${[...fields.keys()].join(', ')}`)
    value[name] = valueFromJson(field.type, item)
  }
  return value
}

function valueFromJson(type: WireType, json: unknown): unknown {
  if (json === null) return null
  switch (type.kind) {
    case 'int64':
      return BigInt(json as number | string)
    case 'uuid':
      return Buffer.from(json as string, 'base64url').toString('hex')
    case 'bytes':
    case 'records':
      return Buffer.from(json as string, 'base64')
    case 'array':
      return (json as unknown[]).map((item) => valueFromJson(elementOf(type), item))
    case 'struct':
      return fromJson(type, json as Record<string, unknown>)
    default:
      return json
  }
}
