// Bytes to messages and back: compiles a version's codec on its first use and keeps it. Whoever calls has
// checked the version (`includesVersion`); bytes that do not parse are a MalformedRequestError.

import { compile } from './compile.ts'
import { interpret, type VersionCodec } from './interpret.ts'
import {
  type Api,
  includesVersion,
  isFlexible,
  type Message,
  type MessageInput,
  type MessageOf,
  type RequestInput,
  type RequestOf,
  type ResponseInput,
  type ResponseOf,
} from './message.ts'
import { MalformedRequestError, Reader } from './reader.ts'
import { Writer } from './writer.ts'

const codecs = new WeakMap<Message, (VersionCodec | undefined)[]>()

/** Null until it is known whether the host allows code from strings. */
let mayCompile: boolean | null = null

function codecOf(message: Message, version: number): VersionCodec {
  let versions = codecs.get(message)
  if (versions === undefined) codecs.set(message, (versions = []))
  return (versions[version] ??= makeCodec(message, version))
}

function makeCodec(message: Message, version: number): VersionCodec {
  const [lowest, highest] = message.versions
  if (!includesVersion(message.versions, version)) {
    throw new Error(`${message.name} has no version ${version}, only ${lowest}-${highest}`)
  }
  const flexible = isFlexible(message, version)
  if (mayCompile === false) return interpret(message.body, version, flexible)
  try {
    const codec = compile(message.body, version, flexible)
    mayCompile = true
    return codec
  } catch (error) {
    if (!(error instanceof EvalError)) throw error
    mayCompile = false
    return interpret(message.body, version, flexible)
  }
}

/** Whether codecs are compiled in this process; known after the first message. */
export function compilesCodecs(): boolean {
  return mayCompile === true
}

/** Reads buffer[start, end); `records` are slices of it, all else is copied. */
export function decode<T>(
  message: Message<T>,
  version: number,
  buffer: Buffer,
  start = 0,
  end = buffer.length,
): T {
  const reader = new Reader(buffer, start, end)
  try {
    const value = codecOf(message, version).read(reader) as T
    if (message.trailingBytes === 'refused' && reader.remaining() > 0) {
      reader.fail(`${reader.remaining()} bytes after the last field`)
    }
    return value
  } catch (error) {
    if (!(error instanceof MalformedRequestError)) throw error
    throw new MalformedRequestError(
      `${message.name} version ${version}, byte ${error.position} of ${end - start}: ${error.message}`,
      error.position,
    )
  }
}

/** Appends a message to what a writer holds. */
export function encodeInto<In>(
  writer: Writer,
  message: Message<unknown, In>,
  version: number,
  value: In,
): void {
  try {
    codecOf(message, version).write(writer, value)
  } catch (error) {
    writer.discard()
    throw new Error(`cannot encode ${message.name} version ${version}: ${describe(error)}`, { cause: error })
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function encode<In>(message: Message<unknown, In>, version: number, value: In): Uint8Array[] {
  const writer = new Writer()
  encodeInto(writer, message, version, value)
  return writer.finish()
}

/** The body of a request, without its header. */
export function decodeRequest<A extends Api>(
  api: A,
  version: number,
  buffer: Buffer,
  start = 0,
  end = buffer.length,
): RequestOf<A> {
  return decode(api.request, version, buffer, start, end) as RequestOf<A>
}

export function decodeResponse<A extends Api>(
  api: A,
  version: number,
  buffer: Buffer,
  start = 0,
  end = buffer.length,
): ResponseOf<A> {
  return decode(api.response, version, buffer, start, end) as ResponseOf<A>
}

/** The body of a request as chunks to be sent one after the other; record batches are not copied. */
export function encodeRequest<A extends Api>(api: A, version: number, body: RequestInput<A>): Uint8Array[] {
  return encode(api.request, version, body)
}

/** The body of a response as chunks to be sent one after the other; record batches are not copied. */
export function encodeResponse<A extends Api>(api: A, version: number, body: ResponseInput<A>): Uint8Array[] {
  return encode(api.response, version, body)
}

/** A message of its own (a record's key or value), without the version that some of them are preceded by. */
export function encodeMessage<M extends Message>(
  message: M,
  version: number,
  value: MessageInput<M>,
): Buffer {
  const chunks = encode(message, version, value)
  return chunks.length === 1 && Buffer.isBuffer(chunks[0]) ? chunks[0] : Buffer.concat(chunks)
}

export function decodeMessage<M extends Message>(
  message: M,
  version: number,
  buffer: Buffer,
  start = 0,
  end = buffer.length,
): MessageOf<M> {
  return decode(message, version, buffer, start, end) as MessageOf<M>
}
