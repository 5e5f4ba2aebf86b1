// Requests that a client might send, and damage done to them: bits, lengths, counts, pieces lost, doubled or
// put elsewhere. Everything from one seeded generator.

import type { Api } from '../../broker/protocol/message.ts'
import { buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import { CODECS } from '../../broker/protocol/record-batch/header.ts'
import { randomBody } from '../protocol/random-values.ts'
import type { Random } from '../world/random.ts'

export interface Facts {
  topics: readonly string[]
  topicId: string
}

type Value = Record<string, unknown>

/** A random body of which many fields name what is there, so that a request comes further than "unknown topic". */
export function plausibleBody(random: Random, api: Api, version: number, facts: Facts): Value {
  return fill(random, randomBody(random, api.request, version), facts) as Value
}

function fill(random: Random, value: unknown, facts: Facts): unknown {
  if (Array.isArray(value)) return value.map((element) => fill(random, element, facts))
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value
  return Object.fromEntries(
    Object.entries(value as Value).map(([name, field]) => [
      name,
      random.chance(0.2) ? field : likely(random, name, fill(random, field, facts), facts),
    ]),
  )
}

function likely(random: Random, name: string, value: unknown, facts: Facts): unknown {
  if (/^(topic|name|topicName)$/.test(name) && typeof value === 'string') return random.pick(facts.topics)
  if (name === 'topicId') return facts.topicId
  if (/^(partition|partitionIndex|index)$/.test(name) && typeof value === 'number') return random.below(2)
  if (name === 'acks') return random.between(-1, 1)
  if (/^(fetchOffset|offset)$/.test(name) && typeof value === 'bigint') return BigInt(random.below(3))
  if (/(Ms|Bytes)$/.test(name) && typeof value === 'number') return random.pick([0, 1, 6000, 1_000_000])
  if (name === 'groupId' && typeof value === 'string') return random.pick(['group', 'other'])
  if (name === 'transactionalId' && typeof value === 'string') return 'tx'
  if (name === 'protocolType') return 'consumer'
  if (name === 'memberId') return ''
  if (name === 'records') return records(random)
  return value
}

function records(random: Random): Buffer {
  const count = random.between(1, 5)
  return buildBatch(
    Array.from({ length: count }, (_, i) => ({
      timestampMs: 1_700_000_000_000 + i,
      key: random.chance(0.5) ? null : random.bytes(3),
      value: random.bytes(random.below(50)),
      ...(random.chance(0.3) ? { headers: [{ key: 'h', value: random.bytes(3) }] } : {}),
    })),
    {
      codec: random.pick(CODECS),
      ...(random.chance(0.3) ? { producerId: 1n, producerEpoch: 0, baseSequence: random.below(3) } : {}),
      isTransactional: random.chance(0.1),
    },
  )
}

const EXTREME = [-1, 0, 1, 127, 128, 255, 0x7fff, 0x8000, 0x7fffffff, -0x80000000]

/** A damaged copy. Its size field is right again afterwards, except when it is what was damaged. */
export function mutated(random: Random, frame: Buffer): Buffer {
  let bytes: Buffer = Buffer.from(frame)
  for (let left = random.between(1, 3); left > 0; left--) bytes = mutateOnce(random, bytes)
  if (bytes.length >= 4 && random.chance(0.95)) bytes.writeInt32BE(bytes.length - 4)
  return bytes
}

function mutateOnce(random: Random, bytes: Buffer): Buffer {
  const length = bytes.length
  if (length < 5) return random.bytes(12)
  // The first four bytes are the size, the next eight key, version and correlation id: mostly left alone.
  const at = Math.min(
    random.chance(0.9) ? random.between(12, Math.max(12, length - 1)) : random.below(length),
    length - 1,
  )
  switch (random.below(8)) {
    case 0:
      bytes[at] = (bytes[at] as number) ^ (1 << random.below(8))
      return bytes
    case 1:
      bytes[at] = random.below(256)
      return bytes
    case 2:
      if (at + 2 <= length) bytes.writeInt16BE((random.pick(EXTREME) << 16) >> 16, at)
      return bytes
    case 3:
      if (at + 4 <= length) bytes.writeInt32BE(random.pick(EXTREME), at)
      return bytes
    case 4:
      return bytes.subarray(0, at)
    case 5:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(random.between(1, 8)), bytes.subarray(at)])
    case 6: {
      const end = Math.min(length, at + random.between(1, 12))
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at, end), bytes.subarray(end)])
    }
    default: {
      const end = Math.min(length, at + random.between(1, 12))
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)])
    }
  }
}
