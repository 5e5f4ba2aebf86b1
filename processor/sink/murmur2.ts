// The hash by which Kafka's producers choose a key's partition (murmur2 with seed 0x9747b28c, Kafka's
// Utils.murmur2 and BuiltInPartitioner): records that we write lie beside those that any other client wrote.

const SEED = 0x9747b28c
const M = 0x5bd1e995
const R = 24

/** Signed 32-bit hash of the bytes in [start, end). */
export function murmur2(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  const length = end - start
  let h = SEED ^ length
  let at = start
  for (; at + 4 <= end; at += 4) {
    let k =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    k = Math.imul(k, M)
    k = Math.imul(k ^ (k >>> R), M)
    h = Math.imul(h, M) ^ k
  }
  const rest = end - at
  if (rest > 0) {
    if (rest > 2) h ^= (bytes[at + 2] as number) << 16
    if (rest > 1) h ^= (bytes[at + 1] as number) << 8
    h = Math.imul(h ^ (bytes[at] as number), M)
  }
  h = Math.imul(h ^ (h >>> 13), M)
  return (h ^ (h >>> 15)) | 0
}

/** Kafka's default partition of a key: the hash without its sign bit, modulo the partitions. */
export function partitionOfKey(bytes: Uint8Array, start: number, end: number, partitions: number): number {
  return (murmur2(bytes, start, end) & 0x7fffffff) % partitions
}
