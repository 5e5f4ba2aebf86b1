// How a message is written down: a TypeScript value that holds for all of its versions, from which the
// codec of each version and the types are inferred. The model is Kafka's (one message, ranges and tags
// on its fields, "ignorable", defaults); the names of fields are the protocol's with a small first letter.
//
//   groupInstanceId: f(string, { since: 3, nullableSince: 3, default: null })
//
// Decoded values have every field (a field that the version lacks has its default). A body to encode may
// leave out every field that states a default, is tagged, is ignorable, or that only some versions have.

export type VersionRange = readonly [lowest: number, highest: number]

type Kind =
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'float64'
  | 'boolean'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records'
  | 'array'
  | 'struct'

/** A type of the wire. `Value` is what decoding gives, `Input` what encoding takes. */
export interface WireType<out Value = unknown, out Input = unknown> {
  readonly kind: Kind
  /** Null in every version; a field may instead say from which version on (`nullableSince`). */
  readonly nullable: boolean
  /** Of an array. */
  readonly element?: WireType
  /** Of a struct, in the order of the wire. */
  readonly fields?: readonly NamedField[]
  // Types only, never set.
  readonly valueType?: Value
  readonly inputType?: Input
}

export interface FieldOptions {
  /** First version that has the field (0 if left out). */
  since?: number
  /** Last version that has the field (no end if left out). */
  until?: number
  /** Tag number: the field travels in the tagged section, and only when it differs from its default. */
  tag?: number
  /** Used by versions without the field, and for a body that leaves it out. */
  default?: string | number | bigint | boolean | null
  /** A version without the field drops the value silently; otherwise a non-default value is refused. */
  ignorable?: boolean
  nullableSince?: number
  nullableUntil?: number
}

export interface Field<out Value = unknown, out Input = unknown, out Optional extends boolean = boolean> {
  readonly type: WireType<Value, Input>
  readonly options: FieldOptions
  readonly optional: Optional
}

export type Shape = Readonly<Record<string, Field>>

/** A field with its place: what the codecs walk. */
export interface NamedField {
  readonly name: string
  readonly type: WireType
  readonly since: number
  readonly until: number
  readonly tag: number | undefined
  readonly default: string | number | bigint | boolean | null | undefined
  readonly ignorable: boolean
  readonly nullableSince: number
  readonly nullableUntil: number
  readonly optional: boolean
}

type Flat<T> = { [K in keyof T]: T[K] }
type OptionalKeys<S extends Shape> = {
  [K in keyof S]: S[K] extends Field<unknown, unknown, true> ? K : never
}[keyof S]

export type Decoded<S extends Shape> = { [K in keyof S]: S[K] extends Field<infer T> ? T : never }
export type Input<S extends Shape> = Flat<
  { [K in Exclude<keyof S, OptionalKeys<S>>]: S[K] extends Field<unknown, infer T> ? T : never } & {
    [K in OptionalKeys<S>]?: S[K] extends Field<unknown, infer T> ? T : never
  }
>

type NullOf<O> = O extends { nullableSince: number } ? null : never
type IsOptional<O> = O extends
  | { default: string | number | bigint | boolean | null }
  | { tag: number }
  | { since: number }
  | { until: number }
  | { ignorable: true }
  ? true
  : false

const LAST_VERSION = 32767

function primitive<Value, Input = Value>(kind: Kind): WireType<Value, Input> {
  return { kind, nullable: false }
}

export const int8 = primitive<number>('int8')
export const int16 = primitive<number>('int16')
export const uint16 = primitive<number>('uint16')
export const int32 = primitive<number>('int32')
export const uint32 = primitive<number>('uint32')
export const int64 = primitive<bigint>('int64')
export const float64 = primitive<number>('float64')
export const boolean = primitive<boolean>('boolean')
/** 32 lowercase hexadecimal digits; `ZERO_UUID` stands for "none". */
export const uuid = primitive<string>('uuid')
export const string = primitive<string>('string')
/** Decoded as a copy: it may be kept. */
export const bytes = primitive<Buffer, Uint8Array>('bytes')
/** Record batches: decoded as a slice of the frame, encoded without copying; always nullable. */
export const records: WireType<Buffer | null, Uint8Array | readonly Uint8Array[] | null> = {
  kind: 'records',
  nullable: true,
}

export const nullableString = nullable(string)
export const nullableBytes = nullable(bytes)

export const ZERO_UUID = '00000000000000000000000000000000'

export function nullable<T, In>(type: WireType<T, In>): WireType<T | null, In | null> {
  return { ...type, nullable: true } as WireType<T | null, In | null>
}

/** An array of a type, or of structs given by their shape. */
export function array<S extends Shape>(shape: S): WireType<Decoded<S>[], readonly Input<S>[]>
export function array<T, In>(element: WireType<T, In>): WireType<T[], readonly In[]>
export function array(element: WireType | Shape): WireType {
  return { kind: 'array', nullable: false, element: isWireType(element) ? element : struct(element) }
}

export function nullableArray<S extends Shape>(
  shape: S,
): WireType<Decoded<S>[] | null, readonly Input<S>[] | null>
export function nullableArray<T, In>(element: WireType<T, In>): WireType<T[] | null, readonly In[] | null>
export function nullableArray(element: WireType | Shape): WireType {
  return nullable(isWireType(element) ? array(element) : array(element))
}

export function struct<S extends Shape>(shape: S): WireType<Decoded<S>, Input<S>> {
  const fields = Object.entries(shape).map(([name, field]) => named(name, field))
  const tags = fields.flatMap((field) => (field.tag === undefined ? [] : [field.tag]))
  if (new Set(tags).size !== tags.length) throw new Error(`tags ${tags.join(', ')} are not distinct`)
  return { kind: 'struct', nullable: false, fields }
}

/** A field; see `FieldOptions`. A default is checked against the type when the message is defined. */
export function f<T, In>(type: WireType<T, In>): Field<T, In, false>
export function f<T, In, const O extends FieldOptions>(
  type: WireType<T, In>,
  options: O,
): Field<T | NullOf<O>, In | NullOf<O>, IsOptional<O>>
export function f(type: WireType, options: FieldOptions = {}): Field {
  const { tag, since, until, ignorable } = options
  return {
    type,
    options,
    optional:
      options.default !== undefined ||
      tag !== undefined ||
      since !== undefined ||
      until !== undefined ||
      ignorable === true,
  }
}

function isWireType(value: WireType | Shape): value is WireType {
  return typeof value.kind === 'string'
}

function named(name: string, { type, options, optional }: Field): NamedField {
  const field: NamedField = {
    name,
    type,
    since: options.since ?? 0,
    until: options.until ?? LAST_VERSION,
    tag: options.tag,
    default: options.default,
    ignorable: options.ignorable ?? false,
    nullableSince: type.nullable ? 0 : (options.nullableSince ?? LAST_VERSION + 1),
    nullableUntil: options.nullableUntil ?? LAST_VERSION,
    optional,
  }
  checkDefault(field)
  return field
}

const defaultTypeOf: Record<Kind, string> = {
  int8: 'number',
  int16: 'number',
  uint16: 'number',
  int32: 'number',
  uint32: 'number',
  int64: 'bigint',
  float64: 'number',
  boolean: 'boolean',
  uuid: 'string',
  string: 'string',
  bytes: 'none',
  records: 'none',
  array: 'none',
  struct: 'none',
}

function checkDefault({ name, type, default: value, nullableSince }: NamedField): void {
  if (value === undefined) return
  if (value === null ? nullableSince <= LAST_VERSION : typeof value === defaultTypeOf[type.kind]) return
  throw new Error(`${String(value)} is no default for the ${type.kind} field ${name}`)
}

export function hasField(field: NamedField, version: number): boolean {
  return version >= field.since && version <= field.until
}

export function isNullable(field: NamedField, version: number): boolean {
  return version >= field.nullableSince && version <= field.nullableUntil
}

/** The fields of a struct, for the codecs. */
export function fieldsOf(type: WireType): readonly NamedField[] {
  if (type.fields === undefined) throw new Error(`a ${type.kind} has no fields`)
  return type.fields
}

export function elementOf(type: WireType): WireType {
  if (type.element === undefined) throw new Error(`a ${type.kind} has no elements`)
  return type.element
}
