// What stands before a body on a connection. Requests carry a header of version 1, or 2 (tagged fields) from
// the API's first flexible version on; the client id keeps its int16 length in both. Responses carry the
// correlation id alone, and from the same version on tagged fields; ApiVersions answers without them for
// ever, because a client reads it before it knows what the broker speaks (KIP-511).

import { apiByKey } from './apis/index.ts'
import { encodeInto } from './codec.ts'
import { type Api, isFlexible, type RequestInput, type ResponseInput } from './message.ts'
import { MalformedRequestError, Reader } from './reader.ts'
import { Writer } from './writer.ts'

const API_VERSIONS_KEY = 18

export interface RequestHeader {
  apiKey: number
  apiVersion: number
  correlationId: number
  /** Null also for an API that is not known: how long its header is cannot be told. */
  clientId: string | null
  /** Undefined if no API has this key. */
  api: Api | undefined
  /** Where the body begins, or -1 for an unknown API. */
  bodyStart: number
}

/** Reads the header of the frame buffer[start, end). Throws MalformedRequestError. */
export function decodeRequestHeader(buffer: Buffer, start = 0, end = buffer.length): RequestHeader {
  const reader = new Reader(buffer, start, end)
  try {
    return readRequestHeader(reader)
  } catch (error) {
    if (!(error instanceof MalformedRequestError)) throw error
    const { position, message } = error
    throw new MalformedRequestError(
      `request header, byte ${position} of ${end - start}: ${message}`,
      position,
    )
  }
}

function readRequestHeader(reader: Reader): RequestHeader {
  const apiKey = reader.int16()
  const apiVersion = reader.int16()
  const correlationId = reader.int32()
  const api = apiByKey(apiKey)
  if (api === undefined) return { apiKey, apiVersion, correlationId, clientId: null, api, bodyStart: -1 }
  const clientId = reader.nullableString(false)
  if (isFlexible(api, apiVersion)) reader.skipTagged()
  return { apiKey, apiVersion, correlationId, clientId, api, bodyStart: reader.position }
}

function writeResponseHeader(writer: Writer, api: Api, version: number, correlationId: number): void {
  writer.int32(correlationId)
  if (hasTaggedResponseHeader(api, version)) writer.unsignedVarint(0)
}

function hasTaggedResponseHeader(api: Api, version: number): boolean {
  return api.key !== API_VERSIONS_KEY && isFlexible(api, version)
}

/** Bytes of a response's header: 4, or 5 with its empty tagged section. */
export function responseHeaderSize(api: Api, version: number): number {
  return hasTaggedResponseHeader(api, version) ? 5 : 4
}

/** Reads a response's header; gives where the body begins. For clients. */
export function decodeResponseHeader(
  api: Api,
  version: number,
  buffer: Buffer,
  start = 0,
  end = buffer.length,
): { correlationId: number; bodyStart: number } {
  const reader = new Reader(buffer, start, end)
  const correlationId = reader.int32()
  if (hasTaggedResponseHeader(api, version)) reader.skipTagged()
  return { correlationId, bodyStart: reader.position }
}

/** A whole response as it goes to the socket: size, header, body. Record batches are not copied. */
export function encodeResponseFrame<A extends Api>(
  api: A,
  version: number,
  correlationId: number,
  body: ResponseInput<A>,
): Uint8Array[] {
  const writer = new Writer()
  writer.int32(0)
  writeResponseHeader(writer, api, version, correlationId)
  encodeInto(writer, api.response, version, body)
  writer.setInt32(0, writer.sizeInBytes() - 4)
  return writer.finish()
}

/** A whole request as it goes to the socket: size, header, body. */
export function encodeRequestFrame<A extends Api>(
  api: A,
  version: number,
  header: { correlationId: number; clientId: string | null },
  body: RequestInput<A>,
): Uint8Array[] {
  const writer = new Writer()
  writer.int32(0)
  writer.int16(api.key)
  writer.int16(version)
  writer.int32(header.correlationId)
  writer.nullableString(false, header.clientId)
  if (isFlexible(api, version)) writer.unsignedVarint(0)
  encodeInto(writer, api.request, version, body)
  writer.setInt32(0, writer.sizeInBytes() - 4)
  return writer.finish()
}
