// What must hold for every message in every version, whatever the values and whatever the bytes: values
// survive the wire, short or damaged bytes are a MalformedRequestError and nothing else, memory follows the
// size of the bytes, and the compiled codec does what the interpreter does.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { apis } from '../../broker/protocol/apis/index.ts'
import { compile } from '../../broker/protocol/compile.ts'
import { interpret, type VersionCodec } from '../../broker/protocol/interpret.ts'
import { isFlexible, type Message } from '../../broker/protocol/message.ts'
import { MalformedRequestError, Reader } from '../../broker/protocol/reader.ts'
import { ZERO_UUID } from '../../broker/protocol/schema.ts'
import { Writer } from '../../broker/protocol/writer.ts'
import { Random } from '../world/random.ts'
import { messages } from './all-messages.ts'
import { completed, randomBody } from './random-values.ts'

const all = [...apis.flatMap((api): Message[] => [api.request, api.response]), ...messages]

interface Subject {
  message: Message
  version: number
  compiled: VersionCodec
  interpreted: VersionCodec
}

const subjects: Subject[] = all.flatMap((message) => {
  const [lowest, highest] = message.versions
  return Array.from({ length: highest - lowest + 1 }, (_, i) => {
    const version = lowest + i
    const flexible = isFlexible(message, version)
    return {
      message,
      version,
      compiled: compile(message.body, version, flexible),
      interpreted: interpret(message.body, version, flexible),
    }
  })
})

function write(codec: VersionCodec, value: unknown): Buffer {
  const writer = new Writer()
  codec.write(writer, value)
  return Buffer.concat(writer.finish())
}

type Outcome = { value: unknown; position: number } | { refused: string; position: number }

/** Anything but a value or a MalformedRequestError fails the test that asks. */
function read(codec: VersionCodec, bytes: Buffer): Outcome {
  const reader = new Reader(bytes, 0, bytes.length)
  try {
    return { value: codec.read(reader), position: reader.position }
  } catch (error) {
    if (!(error instanceof MalformedRequestError)) throw error
    return { refused: error.message, position: error.position }
  }
}

/** How many elements, characters and bytes a value holds; what stands for an absent uuid is shared. */
function weight(value: unknown): number {
  if (value === ZERO_UUID) return 0
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value.length
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + 1 + weight(item), 0)
  if (typeof value === 'object' && value !== null) {
    return Object.values(value).reduce((sum: number, item) => sum + weight(item), 0)
  }
  return 0
}

describe('every message in every version', () => {
  const stackTraceLimit = Error.stackTraceLimit
  // Some hundred thousand refusals follow; nobody reads their stacks.
  beforeAll(() => void (Error.stackTraceLimit = 0))
  afterAll(() => void (Error.stackTraceLimit = stackTraceLimit))

  test('round-trips, and both codecs write the same bytes', () => {
    for (const seed of [1, 2, 3]) {
      const random = new Random(seed)
      for (const { message, version, compiled, interpreted } of subjects) {
        const what = `${message.name} version ${version}, seed ${seed}`
        const body = randomBody(random, message, version)
        const bytes = write(compiled, body)
        expect(write(interpreted, body).equals(bytes), what).toBe(true)
        const expected = { value: completed(message.body, body), position: bytes.length }
        expect(read(compiled, bytes), what).toEqual(expected)
        expect(read(interpreted, bytes), what).toEqual(expected)
      }
    }
  })

  test('cut short anywhere is refused', () => {
    const random = new Random(4)
    for (const { message, version, compiled, interpreted } of subjects) {
      const bytes = write(compiled, randomBody(random, message, version)).subarray(0, 400)
      for (let length = 0; length < Math.min(bytes.length, 399); length++) {
        const cut = bytes.subarray(0, length)
        const outcome = read(compiled, cut)
        if (!('refused' in outcome)) {
          throw new Error(
            `${message.name} version ${version}, seed 4: ${length} of ${bytes.length} bytes were enough`,
          )
        }
        if (length % 8 === 0) expect(read(interpreted, cut)).toEqual(outcome)
      }
    }
  })

  test('with damaged bytes is a value no larger than the bytes, or refused; the codecs agree', () => {
    let refused = 0
    let taken = 0
    for (const seed of [5, 6]) {
      const random = new Random(seed)
      for (const { message, version, compiled, interpreted } of subjects) {
        const bytes = write(compiled, randomBody(random, message, version))
        if (bytes.length === 0) continue
        for (let i = 0; i < 8; i++) {
          const damaged = Buffer.from(bytes)
          for (let n = random.between(1, 3); n > 0; n--) {
            damaged[random.below(damaged.length)] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)])
          }
          const what = `${message.name} version ${version}, seed ${seed}: ${damaged.toString('hex')}`
          const outcome = read(compiled, damaged)
          expect(read(interpreted, damaged), what).toEqual(outcome)
          if ('refused' in outcome) refused++
          else {
            taken++
            // A uuid's 16 bytes are 32 characters.
            expect(weight(outcome.value), what).toBeLessThanOrEqual(2 * damaged.length)
          }
        }
      }
    }
    expect(refused, 'damage that is noticed').toBeGreaterThan(1000)
    expect(taken, 'damage that changes values only').toBeGreaterThan(1000)
  })
})
