// The form of a metadata record: a message whose every version is flexible, with the number of its type.

import { defineMessage, type Message } from '../message.ts'
import type { Decoded, Input, Shape, VersionRange } from '../schema.ts'

export interface MetadataRecordDefinition<
  out Name extends string = string,
  out Value = unknown,
  out In = unknown,
> extends Message<Value, In> {
  readonly name: Name
  readonly recordType: number
}

export function defineRecord<const Name extends string, S extends Shape>(
  recordType: number,
  name: Name,
  versions: VersionRange,
  fields: S,
): MetadataRecordDefinition<Name, Decoded<S>, Input<S>> {
  return { ...defineMessage({ name, versions, flexibleFrom: 0, fields }), name, recordType }
}
