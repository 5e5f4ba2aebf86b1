// A value on disk with a checksum before it, of itself and of its key: one that stands under another key shows too.
//
//    crc32c u32 | value

import { crc32c } from '../../broker/protocol/record-batch/crc32c.ts'
import { DamagedError } from './store.ts'

const HEAD_BYTES = 4

export function sealed(key: Buffer, value: Buffer): Buffer {
  const bytes = Buffer.allocUnsafeSlow(HEAD_BYTES + value.length)
  value.copy(bytes, HEAD_BYTES)
  bytes.writeUInt32BE(checksum(key, bytes), 0)
  return bytes
}

/** A view of the value. Throws DamagedError. */
export function opened(key: Buffer, bytes: Buffer, what: string): Buffer {
  if (bytes.length < HEAD_BYTES || bytes.readUInt32BE(0) !== checksum(key, bytes)) {
    throw new DamagedError(`${what} is damaged (${bytes.length} bytes, wrong checksum)`)
  }
  return bytes.subarray(HEAD_BYTES)
}

function checksum(key: Buffer, bytes: Buffer): number {
  return (crc32c(key) ^ Math.imul(crc32c(bytes, HEAD_BYTES), 0x9e3779b1)) >>> 0
}
