// Frames that were valid and have been damaged a little, of every served API in every version: the parser is
// passed more often than with noise, and what lies behind it must take what it is given. The broker may answer
// with an error or close the connection; it may not fall over, nor say anything but why it closed.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { apis } from '../../broker/protocol/apis/index.ts'
import { metadata } from '../../broker/protocol/apis/metadata.ts'
import { encodeRequestFrame } from '../../broker/protocol/header.ts'
import type { Api } from '../../broker/protocol/message.ts'
import { REFUSALS } from '../fuzz/fuzz.ts'
import { Random } from '../world/random.ts'
import { ConnectionClosedError, type WireClient } from '../world/wire-client.ts'
import { mutated, plausibleBody } from './mutate.ts'
import { World } from './world.ts'

const MUTATIONS_PER_VERSION = Number(process.env.LOGMILL_MUTATIONS ?? 16)
const seed = Number(process.env.LOGMILL_SEED ?? 1)

let world: World
let topicId: string
beforeAll(async () => {
  world = await World.start({ config: { 'socket.request.max.bytes': 2_000_000 } })
  await world.createTopic('orders', 2)
  await using client = await world.connect()
  const { topics } = await client.request(metadata, 12, {
    topics: [{ name: 'orders' }],
    allowAutoTopicCreation: false,
  })
  topicId = topics[0]?.topicId ?? ''
})
afterAll(() => world[Symbol.asyncDispose]())

/** Sends on a connection of its own and waits until the broker has dealt with it. */
async function treat(bytes: Uint8Array, other: WireClient): Promise<void> {
  await using client = await world.connect()
  client.write(bytes)
  client.end()
  await client.closed
  // A reply on another connection: the broker is not stuck on the first one.
  await other.request(metadata, 1, { topics: [] })
}

describe.each(apis.map((api) => ({ api: api as Api, name: api.name })))('$name', ({ api }) => {
  const [lowest, highest] = api.servedVersions
  test.each(Array.from({ length: highest - lowest + 1 }, (_, i) => lowest + i))(
    'version %i',
    async (version) => {
      const random = new Random(seed + api.key * 1000 + version)
      const facts = { topicId, topics: ['orders'] }
      const already = world.lines.length
      await using other = await world.connect()
      for (let i = 0; i < MUTATIONS_PER_VERSION; i++) {
        const header = { correlationId: i, clientId: random.pick([null, '', 'mutant']) }
        const body = plausibleBody(random, api, version, facts)
        const whole = Buffer.concat(encodeRequestFrame(api, version, header, body as never))
        try {
          // The first as it is: what is random but valid must be dealt with too.
          await treat(i === 0 ? whole : mutated(random, whole), other)
        } catch (error) {
          if (!(error instanceof ConnectionClosedError)) throw error
          throw new Error(`seed ${seed}: the broker left another client at mutation ${i}`, { cause: error })
        }
      }
      const said = world.lines.slice(already)
      expect(
        said.filter((line) => line.startsWith('error')),
        `seed ${seed}`,
      ).toEqual([])
      const reasons = said.flatMap((line) => /closed: (.*)/.exec(line)?.[1] ?? [])
      expect(
        reasons.filter((reason) => !REFUSALS.some((pattern) => pattern.test(reason))),
        `seed ${seed}`,
      ).toEqual([])
    },
  )
})

test('after all of that the broker serves and holds no more memory than before', async () => {
  await world.expectServing()
  const { rss } = process.memoryUsage()
  expect(rss).toBeLessThan(1.5e9)
})
