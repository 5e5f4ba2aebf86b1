// Keys and their hash. Keys are compared as Map compares them: by value for the types below; anything
// else is refused by name, because two equal-looking objects would be two keys. The hash is stable across
// runs and machines, since all threads place keys by it (partitioner.ts).

export type Key = string | number | bigint | boolean | null

/** Throws where a key cannot be compared by value. `operator` names the culprit for the message. */
export function checkKey(key: unknown, operator: string): asserts key is Key {
  switch (typeof key) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return
    default:
      if (key === null) return
      throw new TypeError(
        `${operator}: a key must be a string, number, bigint, boolean or null, not ${describe(key)}; ` +
          `turn it into a string first (bytes: key.toString('latin1'))`,
      )
  }
}

function describe(key: unknown): string {
  if (typeof key !== 'object' || key === null) return typeof key
  return key.constructor?.name ?? 'object'
}

/** 32-bit hash, never negative. -0 and 0 are one key, and so are all NaN, as in Map. */
export function hashKey(key: Key): number {
  switch (typeof key) {
    case 'string':
      return hashText(key)
    case 'number':
      return hashNumber(key)
    case 'bigint':
      return hashText(key.toString(16)) ^ 1
    case 'boolean':
      return key ? 1231 : 1237
    default:
      return 0
  }
}

/** Which of `partitions` the hash of a key says. */
export function partitionOf(key: Key, partitions: number): number {
  return partitions === 1 ? 0 : hashKey(key) % partitions
}

// FNV-1a over UTF-16 code units, finished with murmur3's mixer: FNV alone leaves the low bits of short
// keys poorly spread, and it is the low bits that choose a partition.
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mix(hash)
}

const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)

function hashNumber(value: number): number {
  if (Number.isInteger(value) && Math.abs(value) <= 0x7fffffff) return mix(value | 0)
  // NaN has many bit patterns: one is written.
  float[0] = Number.isNaN(value) ? Number.NaN : value
  return mix((words[0] as number) ^ Math.imul(words[1] as number, 0x9e3779b1))
}

function mix(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 1
}
