// Every served API in every version under damaged frames. LOGMILL_FUZZ_FRAMES frames in all, LOGMILL_SEED picks others.

import { describe, expect, test } from 'vitest'
import { encodeRequestFrame } from '../../broker/protocol/header.ts'
import { heartbeat } from '../../broker/protocol/apis/heartbeat.ts'
import { metadata } from '../../broker/protocol/apis/metadata.ts'
import { Random } from '../world/random.ts'
import { decodingTakes } from './allocation.ts'
import { withExtremes } from './extremes.ts'
import { fuzz, servedApis } from './fuzz.ts'

const FRAMES = Number(process.env.LOGMILL_FUZZ_FRAMES ?? 1_000_000)
const seed = Number(process.env.LOGMILL_SEED ?? 1)

const all = await servedApis()
const framesEach = Math.ceil(FRAMES / all.length)

test.each(all)(
  `$name version $version: ${framesEach} frames`,
  async ({ api, version }) => {
    const { frames } = await fuzz(new Random(seed + api.key * 1000 + version), api, version, framesEach)
    expect(frames).toBe(framesEach)
  },
  600_000,
)

describe('what the fuzzing looks at', () => {
  test('a field is put to each edge of its type, alone', () => {
    const body = { groupId: 'g', generationId: 5, memberId: 'm' }
    const generations = [...withExtremes(heartbeat, 0, body)].map(({ generationId }) => generationId)
    expect(generations).toEqual(expect.arrayContaining([-2147483648, -1, 0, 2147483647, 5]))
  })

  test('a count beyond the bytes that are there makes no elements', () => {
    const frame = Buffer.concat(
      encodeRequestFrame(metadata, 1, { correlationId: 1, clientId: 'c' }, { topics: [{ name: 'a' }] }),
    )
    const whole = frame.subarray(4)
    expect(decodingTakes(whole).elements).toBe(1)
    const count = whole.length - 4 - 3
    whole.writeInt32BE(0x7fffffff, count)
    expect(decodingTakes(whole)).toEqual({ elements: undefined, bufferBytes: 0 })
  })
})
