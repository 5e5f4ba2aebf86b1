// What has versions: requests and responses (an Api), and messages that are kept in records or sent
// inside other messages (a Message). Ranges of versions live here, apart from the fields.

import { type Decoded, type Input, type Shape, struct, type VersionRange, type WireType } from './schema.ts'

/** One encodable thing: a request, a response, or a message of its own. */
export interface Message<out Value = unknown, out In = unknown> {
  /** Kafka's name of it, for error texts: `HeartbeatRequest`, `OffsetCommitValue`. */
  readonly name: string
  readonly versions: VersionRange
  /** First version with compact lengths and tagged fields; `null` if none has. */
  readonly flexibleFrom: number | null
  readonly body: WireType<Value, In>
  /** Bytes after the last field: refused, or left alone where newer versions may append (KIP-429). */
  readonly trailingBytes: 'refused' | 'ignored'
}

export interface Api<
  out Name extends string = string,
  out Req = unknown,
  out ReqIn = unknown,
  out Res = unknown,
  out ResIn = unknown,
> {
  readonly key: number
  readonly name: Name
  /** What the codec can parse. */
  readonly versions: VersionRange
  /** What a broker of this release answers: `versions` without those still marked unstable. */
  readonly servedVersions: VersionRange
  /** What ApiVersions says; wider than served only for Produce (KAFKA-18659). */
  readonly advertisedVersions: VersionRange
  readonly flexibleFrom: number | null
  readonly request: Message<Req, ReqIn>
  readonly response: Message<Res, ResIn>
}

/** A decoded request: every field present. */
export type RequestOf<A> = A extends { request: Message<infer T> } ? T : never
/** A decoded response: every field present. */
export type ResponseOf<A> = A extends { response: Message<infer T> } ? T : never
/** A request to encode: fields with a default may be left out. */
export type RequestInput<A> = A extends { request: Message<unknown, infer T> } ? T : never
/** A response to encode: fields with a default may be left out. */
export type ResponseInput<A> = A extends { response: Message<unknown, infer T> } ? T : never
/** A decoded message, and one to encode. */
export type MessageOf<M> = M extends Message<infer T> ? T : never
export type MessageInput<M> = M extends Message<unknown, infer T> ? T : never

export function defineApi<const Name extends string, Req extends Shape, Res extends Shape>(definition: {
  key: number
  name: Name
  versions: VersionRange
  flexibleFrom: number | null
  /** If not `versions`. */
  servedVersions?: VersionRange
  /** If not `servedVersions`. */
  advertisedVersions?: VersionRange
  request: Req
  response: Res
}): Api<Name, Decoded<Req>, Input<Req>, Decoded<Res>, Input<Res>> {
  const { key, name, versions, flexibleFrom } = definition
  const servedVersions = definition.servedVersions ?? versions
  return {
    key,
    name,
    versions,
    servedVersions,
    advertisedVersions: definition.advertisedVersions ?? servedVersions,
    flexibleFrom,
    // A request or response may be longer than we know: Kafka does not look at what follows the body.
    request: {
      name: `${name}Request`,
      versions,
      flexibleFrom,
      body: struct(definition.request),
      trailingBytes: 'ignored',
    },
    response: {
      name: `${name}Response`,
      versions,
      flexibleFrom,
      body: struct(definition.response),
      trailingBytes: 'ignored',
    },
  }
}

export function defineMessage<S extends Shape>(definition: {
  name: string
  versions: VersionRange
  flexibleFrom: number | null
  fields: S
  trailingBytes?: 'refused' | 'ignored'
}): Message<Decoded<S>, Input<S>> {
  const { name, versions, flexibleFrom } = definition
  return {
    name,
    versions,
    flexibleFrom,
    body: struct(definition.fields),
    trailingBytes: definition.trailingBytes ?? 'refused',
  }
}

export function isFlexible(of: { flexibleFrom: number | null }, version: number): boolean {
  return of.flexibleFrom !== null && version >= of.flexibleFrom
}

export function includesVersion([lowest, highest]: VersionRange, version: number): boolean {
  return version >= lowest && version <= highest
}
