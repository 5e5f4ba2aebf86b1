// CRC-32C (Castagnoli), the checksum of record batches and of Kafka's snapshot files. Own slicing-by-16
// code takes start and end, because a Buffer.subarray costs as much as sixty checksummed bytes; the
// native @node-rs/crc32 takes over where its longer call is repaid, and may be absent.
import { createRequire } from 'node:module'

type NativeCrc32c = (input: Uint8Array, initialState?: number) => number

const POLYNOMIAL = 0x82f63b78
const SLICES = 16

/** Bytes from which the native function is quicker, its subarray included (measured on Node 20). */
const NATIVE_FROM_BYTES = 384

const tables = makeTables()
let native: NativeCrc32c | null | undefined

function makeTables(): Int32Array {
  const table = new Int32Array(SLICES * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    table[byte] = crc
  }
  for (let at = 256; at < SLICES * 256; at++) {
    const previous = table[at - 256] as number
    table[at] = (previous >>> 8) ^ (table[previous & 0xff] as number)
  }
  return table
}

/** Looked for once, at the first long input: loading it costs more than a short checksum. */
function loadNative(): NativeCrc32c | null {
  try {
    const loaded = createRequire(import.meta.url)('@node-rs/crc32') as { crc32c?: NativeCrc32c }
    return typeof loaded.crc32c === 'function' ? loaded.crc32c : null
  } catch {
    return null
  }
}

/** The checksum of [start, end), as an unsigned 32-bit number. `"123456789"` gives 0xE3069283. */
export function crc32c(buffer: Uint8Array, start = 0, end: number = buffer.length): number {
  if (end - start >= NATIVE_FROM_BYTES) {
    if (native === undefined) native = loadNative()
    if (native !== null) {
      const whole = start === 0 && end === buffer.length
      return native(whole ? buffer : new Uint8Array(buffer.buffer, buffer.byteOffset + start, end - start))
    }
  }
  return crc32cPlain(buffer, start, end)
}

/** The same in plain JavaScript, sixteen bytes a step. */
export function crc32cPlain(buffer: Uint8Array, start = 0, end: number = buffer.length): number {
  if (start < 0 || end > buffer.length || start > end) {
    throw new RangeError(`crc32c of [${start}, ${end}) in ${buffer.length} bytes`)
  }
  const t = tables
  let crc = -1
  let at = start
  for (const last = end - 16; at <= last; at += 16) {
    crc =
      (t[3840 + ((buffer[at] as number) ^ (crc & 0xff))] as number) ^
      (t[3584 + ((buffer[at + 1] as number) ^ ((crc >>> 8) & 0xff))] as number) ^
      (t[3328 + ((buffer[at + 2] as number) ^ ((crc >>> 16) & 0xff))] as number) ^
      (t[3072 + ((buffer[at + 3] as number) ^ (crc >>> 24))] as number) ^
      (t[2816 + (buffer[at + 4] as number)] as number) ^
      (t[2560 + (buffer[at + 5] as number)] as number) ^
      (t[2304 + (buffer[at + 6] as number)] as number) ^
      (t[2048 + (buffer[at + 7] as number)] as number) ^
      (t[1792 + (buffer[at + 8] as number)] as number) ^
      (t[1536 + (buffer[at + 9] as number)] as number) ^
      (t[1280 + (buffer[at + 10] as number)] as number) ^
      (t[1024 + (buffer[at + 11] as number)] as number) ^
      (t[768 + (buffer[at + 12] as number)] as number) ^
      (t[512 + (buffer[at + 13] as number)] as number) ^
      (t[256 + (buffer[at + 14] as number)] as number) ^
      (t[buffer[at + 15] as number] as number)
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ (t[((buffer[at] as number) ^ crc) & 0xff] as number)
  return ~crc >>> 0
}
