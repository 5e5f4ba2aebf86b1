// The plain codec: walks the schema for every message. It is the oracle that the compiled codec is tested
// against, and takes over where the host forbids code from strings.

import {
  defaultOf,
  isDefault,
  minElementSizeOf,
  refuseAbsent,
  refuseMissing,
  refuseNull,
} from './field-rules.ts'
import type { Reader } from './reader.ts'
import { elementOf, fieldsOf, hasField, isNullable, type NamedField, type WireType } from './schema.ts'
import type { Writer } from './writer.ts'

type Struct = Record<string, unknown>

/** Reader and writer of one message in one version. */
export interface VersionCodec {
  read(reader: Reader): unknown
  write(writer: Writer, value: unknown): void
}

export function interpret(body: WireType, version: number, flexible: boolean): VersionCodec {
  return {
    read: (reader) => new Walk(version, flexible).readStruct(reader, body),
    write: (writer, value) => new Walk(version, flexible).writeStruct(writer, body, value as Struct),
  }
}

class Walk {
  private readonly version: number
  private readonly flexible: boolean

  constructor(version: number, flexible: boolean) {
    this.version = version
    this.flexible = flexible
  }

  readStruct(reader: Reader, type: WireType): Struct {
    const value: Struct = {}
    for (const field of fieldsOf(type)) {
      value[field.name] =
        this.has(field) && field.tag === undefined
          ? this.read(reader, field.type, isNullable(field, this.version))
          : defaultOf(field)
    }
    if (this.flexible) this.readTagged(reader, type, value)
    return value
  }

  private readTagged(reader: Reader, type: WireType, value: Struct): void {
    const count = reader.taggedCount()
    for (let i = 0, tag = -1; i < count; i++) {
      tag = reader.tag(tag)
      const end = reader.taggedEnd()
      const field = fieldsOf(type).find((candidate) => candidate.tag === tag && this.has(candidate))
      if (field === undefined) {
        reader.position = end
      } else {
        value[field.name] = this.read(reader, field.type, isNullable(field, this.version))
        reader.checkTaggedEnd(end)
      }
    }
  }

  private read(reader: Reader, type: WireType, nullable: boolean): unknown {
    switch (type.kind) {
      case 'string':
        return nullable ? reader.nullableString(this.flexible) : reader.string(this.flexible)
      case 'bytes':
        return nullable ? reader.nullableBytes(this.flexible) : reader.bytes(this.flexible)
      case 'records':
        return reader.records(this.flexible)
      case 'array': {
        const size = minElementSizeOf(type, this.version, this.flexible)
        const count = reader.count(this.flexible, nullable, size)
        if (count < 0) return null
        const values: unknown[] = []
        const element = elementOf(type)
        for (let i = 0; i < count; i++) values.push(this.read(reader, element, element.nullable))
        return values
      }
      case 'struct':
        return nullable && !reader.structIsPresent() ? null : this.readStruct(reader, type)
      default:
        return reader[type.kind]()
    }
  }

  writeStruct(writer: Writer, type: WireType, value: Struct): void {
    const tagged: NamedField[] = []
    for (const field of fieldsOf(type)) {
      const given = value[field.name]
      if (given === undefined && !field.optional) refuseMissing(field.name)
      if (!this.has(field)) {
        if (!field.ignorable && !isDefault(field, given)) refuseAbsent(field.name, this.version)
      } else if (field.tag === undefined) {
        this.write(writer, field, given === undefined ? defaultOf(field) : given)
      } else if (!isDefault(field, given)) {
        tagged.push(field)
      }
    }
    if (!this.flexible) return
    writer.unsignedVarint(tagged.length)
    for (const field of tagged.sort((a, b) => (a.tag ?? 0) - (b.tag ?? 0))) {
      writer.unsignedVarint(field.tag ?? 0)
      const at = writer.beginSized()
      this.write(writer, field, value[field.name])
      writer.endSized(at)
    }
  }

  private write(writer: Writer, field: NamedField, value: unknown): void {
    const nullable = isNullable(field, this.version)
    if (value === null && !nullable) refuseNull(field.name, this.version)
    this.writeValue(writer, field.type, value, nullable)
  }

  private writeValue(writer: Writer, type: WireType, value: unknown, nullable: boolean): void {
    switch (type.kind) {
      case 'int64':
        return writer.int64(value as bigint)
      case 'boolean':
        return writer.boolean(value as boolean)
      case 'uuid':
        return writer.uuid(value as string)
      case 'string':
        return writer.nullableString(this.flexible, value as string | null)
      case 'bytes':
        return writer.nullableBytes(this.flexible, value as Uint8Array | null)
      case 'records':
        return writer.records(this.flexible, value as Uint8Array | null)
      case 'array': {
        if (value === null) return writer.count(this.flexible, -1)
        const values = value as readonly unknown[]
        const element = elementOf(type)
        writer.count(this.flexible, values.length)
        for (const item of values) this.writeValue(writer, element, item, element.nullable)
        return
      }
      case 'struct':
        if (nullable) writer.structIsPresent(value !== null)
        if (value !== null) this.writeStruct(writer, type, value as Struct)
        return
      default:
        return writer[type.kind](value as number)
    }
  }

  private has(field: NamedField): boolean {
    return hasField(field, this.version)
  }
}
