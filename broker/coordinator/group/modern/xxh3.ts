// XXH3, 64 bits, seed 0: the hash that Kafka takes of subscribed topics (KIP-1101). It stands in the log, so it
// must be this one, bit for bit. Written after the published algorithm (xxhash specification, XXH3 section);
// BigInt is quick enough for what is hashed once a topic changes.

const MASK = (1n << 64n) - 1n
const LOW_32 = 0xffffffffn
const PRIME_32_1 = 0x9e3779b1n
const PRIME_32_2 = 0x85ebca77n
const PRIME_32_3 = 0xc2b2ae3dn
const PRIME_64_1 = 0x9e3779b185ebca87n
const PRIME_64_2 = 0xc2b2ae3d27d4eb4fn
const PRIME_64_3 = 0x165667b19e3779f9n
const PRIME_64_4 = 0x85ebca77c2b2ae63n
const PRIME_64_5 = 0x27d4eb2f165667c5n
const PRIME_MX_1 = 0x165667919e3779f9n
const PRIME_MX_2 = 0x9fb21c651e98df25n

/** The specification's default secret. */
const SECRET = Buffer.from(
  'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f' +
    'cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c' +
    '3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8' +
    'a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364' +
    'eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e' +
    '2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e',
  'hex',
)

const STRIPE = 64
const STRIPES_PER_BLOCK = (SECRET.length - STRIPE) / 8
const BLOCK = STRIPE * STRIPES_PER_BLOCK

/** The hash as a signed 64-bit number, as Java has it. */
export function xxh3(input: Buffer): bigint {
  return BigInt.asIntN(64, unsigned(input))
}

function unsigned(input: Buffer): bigint {
  const { length } = input
  if (length <= 16) return upTo16(input)
  if (length <= 128) return upTo128(input)
  return length <= 240 ? upTo240(input) : long(input)
}

function upTo16(input: Buffer): bigint {
  const { length } = input
  if (length > 8) {
    const low = input.readBigUInt64LE(0) ^ secret(24) ^ secret(32)
    const high = input.readBigUInt64LE(length - 8) ^ secret(40) ^ secret(48)
    return avalanche((BigInt(length) + swap(low) + high + foldedProduct(low, high)) & MASK)
  }
  if (length >= 4) {
    const mixed = BigInt(input.readUInt32LE(length - 4)) + (BigInt(input.readUInt32LE(0)) << 32n)
    let hash = mixed ^ secret(8) ^ secret(16)
    hash ^= rotate(hash, 49n) ^ rotate(hash, 24n)
    hash = (hash * PRIME_MX_2) & MASK
    hash ^= (hash >> 35n) + BigInt(length)
    hash = (hash * PRIME_MX_2) & MASK
    return hash ^ (hash >> 28n)
  }
  if (length === 0) return avalanche64(secret(56) ^ secret(64))
  const [first, middle, last] = [input[0], input[length >> 1], input[length - 1]] as [number, number, number]
  const combined = (BigInt(first) << 16n) | (BigInt(middle) << 24n) | BigInt(last) | (BigInt(length) << 8n)
  return avalanche64(combined ^ BigInt((SECRET.readUInt32LE(0) ^ SECRET.readUInt32LE(4)) >>> 0))
}

function upTo128(input: Buffer): bigint {
  const { length } = input
  let sum = BigInt(length) * PRIME_64_1
  const pairs = length > 96 ? 4 : length > 64 ? 3 : length > 32 ? 2 : 1
  for (let i = 0; i < pairs; i++) {
    sum += mixed(input, 16 * i, 32 * i) + mixed(input, length - 16 * (i + 1), 32 * i + 16)
  }
  return avalanche(sum & MASK)
}

function upTo240(input: Buffer): bigint {
  const { length } = input
  let sum = BigInt(length) * PRIME_64_1
  for (let i = 0; i < 8; i++) sum += mixed(input, 16 * i, 16 * i)
  sum = avalanche(sum & MASK)
  for (let i = 8; i < Math.floor(length / 16); i++) sum += mixed(input, 16 * i, 16 * (i - 8) + 3)
  return avalanche((sum + mixed(input, length - 16, 136 - 17)) & MASK)
}

function long(input: Buffer): bigint {
  const { length } = input
  const lanes = [
    PRIME_32_3,
    PRIME_64_1,
    PRIME_64_2,
    PRIME_64_3,
    PRIME_64_4,
    PRIME_32_2,
    PRIME_64_5,
    PRIME_32_1,
  ]
  const blocks = Math.floor((length - 1) / BLOCK)
  for (let block = 0; block < blocks; block++) {
    for (let stripe = 0; stripe < STRIPES_PER_BLOCK; stripe++)
      accumulate(lanes, input, block * BLOCK + stripe * STRIPE, stripe * 8)
    scramble(lanes)
  }
  const stripes = Math.floor((length - 1 - blocks * BLOCK) / STRIPE)
  for (let stripe = 0; stripe < stripes; stripe++)
    accumulate(lanes, input, blocks * BLOCK + stripe * STRIPE, stripe * 8)
  accumulate(lanes, input, length - STRIPE, SECRET.length - STRIPE - 7)
  let sum = BigInt(length) * PRIME_64_1
  for (let i = 0; i < 4; i++) {
    const [even, odd] = [lanes[2 * i] as bigint, lanes[2 * i + 1] as bigint]
    sum += foldedProduct(even ^ secret(11 + 16 * i), odd ^ secret(11 + 16 * i + 8))
  }
  return avalanche(sum & MASK)
}

function accumulate(lanes: bigint[], input: Buffer, at: number, secretAt: number): void {
  for (let i = 0; i < 8; i++) {
    const data = input.readBigUInt64LE(at + 8 * i)
    const keyed = data ^ secret(secretAt + 8 * i)
    lanes[i ^ 1] = ((lanes[i ^ 1] as bigint) + data) & MASK
    lanes[i] = ((lanes[i] as bigint) + (keyed & LOW_32) * (keyed >> 32n)) & MASK
  }
}

function scramble(lanes: bigint[]): void {
  for (let i = 0; i < 8; i++) {
    const lane = lanes[i] as bigint
    lanes[i] = ((lane ^ (lane >> 47n) ^ secret(SECRET.length - STRIPE + 8 * i)) * PRIME_32_1) & MASK
  }
}

function mixed(input: Buffer, at: number, secretAt: number): bigint {
  const low = input.readBigUInt64LE(at) ^ secret(secretAt)
  return foldedProduct(low, input.readBigUInt64LE(at + 8) ^ secret(secretAt + 8))
}

function foldedProduct(a: bigint, b: bigint): bigint {
  const product = a * b
  return (product & MASK) ^ (product >> 64n)
}

function avalanche(hash: bigint): bigint {
  const mixedOnce = ((hash ^ (hash >> 37n)) * PRIME_MX_1) & MASK
  return mixedOnce ^ (mixedOnce >> 32n)
}

function avalanche64(hash: bigint): bigint {
  let value = ((hash ^ (hash >> 33n)) * PRIME_64_2) & MASK
  value = ((value ^ (value >> 29n)) * PRIME_64_3) & MASK
  return value ^ (value >> 32n)
}

function secret(at: number): bigint {
  return SECRET.readBigUInt64LE(at)
}

function rotate(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & MASK
}

function swap(value: bigint): bigint {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return bytes.readBigUInt64BE(0)
}
