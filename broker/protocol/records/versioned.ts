// Messages behind an int16: the version of a coordinator record's value, the kind of its key, the version of a
// consumer's subscription.

import { decode, encodeInto } from '../codec.ts'
import { includesVersion, type Message, type MessageInput, type MessageOf } from '../message.ts'
import { MalformedRequestError, Reader } from '../reader.ts'
import { Writer } from '../writer.ts'

const PREFIX_SIZE = 2

export function encodeVersioned<M extends Message>(
  message: M,
  version: number,
  value: MessageInput<M>,
): Buffer {
  const writer = new Writer()
  writer.int16(version)
  encodeInto(writer, message, version, value)
  return Buffer.concat(writer.finish())
}

/** The int16 before a message: look at it to know which message follows. */
export function versionPrefix(buffer: Buffer, start = 0, end = buffer.length): number {
  return new Reader(buffer, start, end).int16()
}

/**
 * Reads an int16 version and the message behind it. A version above the highest is read as the highest
 * where newer versions only append (`trailingBytes`), else it is a MalformedRequestError.
 */
export function decodeVersioned<M extends Message>(
  message: M,
  buffer: Buffer,
  start = 0,
  end = buffer.length,
): { version: number; value: MessageOf<M> } {
  const version = versionPrefix(buffer, start, end)
  const [, highest] = message.versions
  const readAs = message.trailingBytes === 'ignored' ? Math.min(version, highest) : version
  if (!includesVersion(message.versions, readAs)) {
    throw new MalformedRequestError(`${message.name} has no version ${version}`, 0)
  }
  return { version, value: decode(message, readAs, buffer, start + PREFIX_SIZE, end) as MessageOf<M> }
}
