// Our definitions against Kafka's own schemas (4.3.0; the records' from a 4.0 snapshot), field by field: name,
// order, type, versions, tag, default, nullability, ignorable, flexible versions. The schemas are reference
// data beside the repository (../shared/kafka-messages); without them the test is skipped.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { apis } from '../../broker/protocol/apis/index.ts'
import { defaultOf } from '../../broker/protocol/field-rules.ts'
import type { Message } from '../../broker/protocol/message.ts'
import { metadataRecords } from '../../broker/protocol/records/metadata.ts'
import { elementOf, fieldsOf, hasField, isNullable, type WireType } from '../../broker/protocol/schema.ts'
import { messages } from './all-messages.ts'

const root = join(import.meta.dirname, '../../../shared/kafka-messages')
const known = existsSync(root)

interface TheirField {
  name: string
  type: string
  versions?: string
  nullableVersions?: string
  taggedVersions?: string
  tag?: number | string
  default?: string | number | boolean
  ignorable?: boolean
  fields?: TheirField[]
}

interface TheirMessage {
  apiKey?: number
  name: string
  validVersions: string
  flexibleVersions: string
  latestVersionUnstable?: boolean
  fields: TheirField[]
  commonStructs?: { name: string; fields: TheirField[] }[]
}

function schemasIn(folder: string): [string, TheirMessage][] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
    .map((entry) => {
      const text = readFileSync(join(entry.parentPath, entry.name), 'utf8')
      const schema = JSON.parse(text.replace(/("(?:[^"\\]|\\.)*")|\/\/.*$/gm, '$1')) as TheirMessage
      return [schema.name, schema]
    })
}

// Later entries win: what 4.3 has is compared with 4.3.
const schemas = new Map(known ? [...schemasIn(join(root, 'records')), ...schemasIn(join(root, '4.3'))] : [])

const LAST = 32767

function rangeOf(text: string | undefined): [number, number] | null {
  if (text === undefined || text === 'none') return null
  if (text.endsWith('+')) return [Number(text.slice(0, -1)), LAST]
  const [from, to] = text.split('-')
  return [Number(from), Number(to ?? from)]
}

function contains(range: [number, number] | null, version: number): boolean {
  return range !== null && version >= range[0] && version <= range[1]
}

function versionsOf(message: Message): number[] {
  const [lowest, highest] = message.versions
  return Array.from({ length: highest - lowest + 1 }, (_, i) => lowest + i)
}

/** A field's place in one version, in words, so that a difference shows as one. */
interface Line {
  path: string
  type: string
  nullable: boolean
  tag: number | undefined
  default: unknown
}

function ourLines(type: WireType, version: number, path = ''): Line[] {
  return fieldsOf(type).flatMap((field) => {
    if (!hasField(field, version)) return []
    const isArray = field.type.kind === 'array'
    const inner = isArray ? elementOf(field.type) : field.type
    const here = `${path}${field.name}`
    const value = defaultOf(field)
    return [
      {
        path: here,
        type: `${isArray ? '[]' : ''}${inner.kind}`,
        nullable: isNullable(field, version),
        tag: field.tag,
        default: typeof value === 'object' && value !== null ? 'empty' : value,
      },
      ...(inner.kind === 'struct' ? ourLines(inner, version, `${here}.`) : []),
    ]
  })
}

const ourNameOf: Record<string, string> = { bool: 'boolean' }
const plain = /^(u?int\d+|float64|bool|uuid|string|bytes|records)$/

function theirLines(message: TheirMessage, version: number, fields = message.fields, path = ''): Line[] {
  return fields.flatMap((field) => {
    // A field of tagged versions only says nothing else (TransactionLogValue).
    if (!contains(rangeOf(field.versions ?? field.taggedVersions), version)) return []
    const isArray = field.type.startsWith('[]')
    const element = isArray ? field.type.slice(2) : field.type
    const isStruct = !plain.test(element)
    const here = `${path}${lowerFirst(field.name)}`
    const kind = isStruct ? 'struct' : (ourNameOf[element] ?? element)
    const inner = field.fields ?? message.commonStructs?.find((struct) => struct.name === element)?.fields
    if (isStruct && inner === undefined) throw new Error(`${message.name} has no struct ${element}`)
    return [
      {
        path: here,
        type: `${isArray ? '[]' : ''}${kind}`,
        nullable: kind === 'records' || contains(rangeOf(field.nullableVersions), version),
        tag: contains(rangeOf(field.taggedVersions), version) ? Number(field.tag) : undefined,
        default: isArray ? arrayDefault(field) : theirDefault(field, kind),
      },
      ...(isStruct ? theirLines(message, version, inner, `${here}.`) : []),
    ]
  })
}

function arrayDefault(field: TheirField): unknown {
  return field.default === 'null' ? null : 'empty'
}

function theirDefault(field: TheirField, kind: string): unknown {
  const text = field.default === undefined ? '' : String(field.default)
  if (text === 'null') return null
  switch (kind) {
    case 'int64':
      return BigInt(text === '' ? 0 : text)
    case 'boolean':
      return text === 'true'
    case 'string':
      return text
    case 'uuid':
      return '0'.repeat(32)
    case 'records':
      return null
    case 'bytes':
    case 'struct':
      return 'empty'
    default:
      return Number(text)
  }
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1)
}

/** Every field's path and whether dropping it is allowed; only for fields that some version of ours lacks. */
function ourIgnorables(type: WireType, versions: number[], path = ''): [string, boolean][] {
  return fieldsOf(type).flatMap((field): [string, boolean][] => {
    const inner = field.type.kind === 'array' ? elementOf(field.type) : field.type
    const here = `${path}${field.name}`
    const within = versions.filter((version) => hasField(field, version))
    return [
      ...(within.length < versions.length ? [[here, field.ignorable] as [string, boolean]] : []),
      ...(inner.kind === 'struct' ? ourIgnorables(inner, within, `${here}.`) : []),
    ]
  })
}

function theirIgnorables(
  message: TheirMessage,
  versions: number[],
  fields = message.fields,
  path = '',
): [string, boolean][] {
  return fields.flatMap((field): [string, boolean][] => {
    const element = field.type.replace('[]', '')
    const inner = field.fields ?? message.commonStructs?.find((struct) => struct.name === element)?.fields
    const here = `${path}${lowerFirst(field.name)}`
    const range = rangeOf(field.versions ?? field.taggedVersions)
    const within = versions.filter((version) => contains(range, version))
    return [
      ...(within.length < versions.length ? [[here, field.ignorable === true] as [string, boolean]] : []),
      ...(inner === undefined ? [] : theirIgnorables(message, within, inner, `${here}.`)),
    ]
  })
}

// Known differences. The records' schemas at hand are of 4.0; 4.3 has these besides, and a log that it wrote
// must be readable. What the later versions add are tagged fields, which are skipped.
const laterVersions: Record<string, [number, number]> = {
  RegisterBrokerRecord: [0, 4],
  BrokerRegistrationChangeRecord: [0, 3],
}
const laterRecords = new Set([
  'ClearElrRecord',
  // The metadata hash (4.1), the assignment's time and epochs (4.3), server-side expressions (4.0).
  'ConsumerGroupMetadataValue',
  'ConsumerGroupTargetAssignmentMetadataValue',
  'ConsumerGroupCurrentMemberAssignmentValue',
  'ConsumerGroupRegularExpressionKey',
  'ConsumerGroupRegularExpressionValue',
])

function compare(message: Message): void {
  const theirs = schemas.get(message.name)
  if (theirs === undefined) throw new Error(`Kafka has no message ${message.name}`)
  expect(message.versions, 'versions').toEqual(laterVersions[message.name] ?? rangeOf(theirs.validVersions))
  expect(message.flexibleFrom, 'flexible versions').toBe(rangeOf(theirs.flexibleVersions)?.[0] ?? null)
  const versions = versionsOf(message)
  for (const version of versions) {
    expect(ourLines(message.body, version), `version ${version}`).toEqual(theirLines(theirs, version))
  }
  expect(ourIgnorables(message.body, versions), 'ignorable').toEqual(theirIgnorables(theirs, versions))
}

describe.skipIf(!known)('definitions are Kafka 4.3 (skipped without ../shared/kafka-messages)', () => {
  test.each(apis.map((api) => ({ name: api.name, api })))('$name', ({ name, api }) => {
    compare(api.request)
    compare(api.response)
    const theirs = schemas.get(`${name}Request`)
    expect(api.key).toBe(theirs?.apiKey)
    const [lowest, highest] = api.versions
    expect(api.servedVersions).toEqual([
      lowest,
      theirs?.latestVersionUnstable === true ? highest - 1 : highest,
    ])
    // The one deliberate difference, KAFKA-18659: see produce.ts.
    expect(api.advertisedVersions).toEqual(name === 'Produce' ? [0, 13] : api.servedVersions)
  })

  // Streams and share groups are younger than the snapshot: their records are held against a real Kafka's bytes.
  const inSnapshot = ({ name }: { name: string }) =>
    !laterRecords.has(name) && !/^(StreamsGroup|ShareGroup|ShareSnapshot|ShareUpdate)/.test(name)

  test.each(messages.filter(inSnapshot).map((message) => ({ name: message.name, message })))(
    '$name',
    ({ message }) => {
      compare(message)
    },
  )

  test.each(metadataRecords.filter(inSnapshot).map((record) => ({ name: record.name, record })))(
    'type of $name',
    ({ name, record }) => {
      expect(record.recordType).toBe(schemas.get(name)?.apiKey)
    },
  )

  test('no metadata record is missing', () => {
    const types = schemasIn(join(root, 'records/metadata')).map(([, schema]) => schema.apiKey)
    expect(new Set(metadataRecords.filter(inSnapshot).map((record) => record.recordType))).toEqual(
      new Set(types),
    )
  })
})
