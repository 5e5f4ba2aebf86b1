// Sequence rules of a partition in simulated worlds (I9): `LOGMILL_SEEDS=10000` runs the long programme,
// `LOGMILL_COUNTERS=1` prints what happened.

import { expect, test } from 'vitest'
import { objection, type Plant, planted } from '../world/plant.ts'
import { Random } from '../world/random.ts'
import { newCounters, World } from './idempotence/world.ts'

const SEEDS = Number(process.env['LOGMILL_SEEDS'] ?? 200)
const EVENTS = 1_000

test(
  `${SEEDS} worlds of ${EVENTS} events keep every record once`,
  () => {
    const counters = newCounters()
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        new World(new Random(seed), counters).run(EVENTS)
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        })
      }
    }
    if (process.env['LOGMILL_COUNTERS'] !== undefined) console.log(counters)
    for (const [what, count] of Object.entries(counters)) expect(count, what).toBeGreaterThan(0)
  },
  15_000 + SEEDS * 100,
)

const partition = 'broker/partition'

const plants: Record<string, Plant & { noticed: RegExp }> = {
  'a retry that is not known again': {
    file: `${partition}/producer-state.ts`,
    line: "if (kept !== undefined) return { kind: 'duplicate', kept }",
    becomes: '',
    noticed: /I9: .* is due, and refused/,
  },
  'a gap that is let in': {
    file: `${partition}/producer-state.ts`,
    line: 'if (!followsSequence(last, baseSequence)) {',
    becomes: 'if (!followsSequence(last, baseSequence) && baseSequence <= last) {',
    noticed: /I9: .* is taken, due is/,
  },
  'a zombie that is let in': {
    file: `${partition}/producer-state.ts`,
    line: 'if (producerEpoch < entry.producerEpoch) return staleEpoch(batch, entry)',
    becomes: '',
    noticed: /I10: .* is taken after a later epoch|I9/,
  },
  'batches of the epoch before that count for the next': {
    file: `${partition}/producer-state.ts`,
    line: '      entry.batches = []\n',
    becomes: '',
    noticed: /I9/,
  },
  'fewer batches kept than a client may have unanswered': {
    file: `${partition}/producer-entry.ts`,
    line: 'export const KEPT_BATCHES = 5',
    becomes: 'export const KEPT_BATCHES = 3',
    noticed: /I9: .* is due, and refused/,
  },
  'batches before the snapshot that are not recalled': {
    file: `${partition}/producer-state.ts`,
    line: 'entry.batches.splice(-1, 0, recalled)',
    becomes: 'void recalled',
    noticed: /I9: .* is due, and refused/,
  },
  'a duplicate that is told another offset': {
    file: `${partition}/producer-state.ts`,
    line: '      lastOffset: baseOffset + BigInt(batch.lastOffsetDelta),\n      offsetDelta',
    becomes: '      lastOffset: baseOffset,\n      offsetDelta',
    noticed: /I9: .* is taken for what stands at/,
  },
  'a sequence that is off by one after the largest': {
    file: `${partition}/sequence.ts`,
    line: 'increment - (LARGEST_SEQUENCE - sequence) - 1',
    becomes: 'increment - (LARGEST_SEQUENCE - sequence)',
    noticed: /I9/,
  },
  'a batch that overtakes one that was put off': {
    file: `${partition}/producer-state.ts`,
    line: 'baseSequence > putOff.sequence',
    becomes: 'baseSequence > putOff.sequence + 1_000',
    noticed: /I9: .* is taken, due is/,
  },
  'a producer of version 2 that comes from nowhere': {
    file: `${partition}/producer-state.ts`,
    line: 'startsAtZero && baseSequence !== 0',
    becomes: 'startsAtZero && baseSequence < 0',
    noticed: /I9: .* is taken, due is/,
  },
}

test.each(Object.entries(plants))('a planted bug is found: %s', async (_, { noticed, ...plant }) => {
  const module = './idempotence/world.ts'
  const copy = await planted<typeof import('./idempotence/world.ts')>(import.meta.dirname, module, plant)
  const run = (seed: number): void => new copy.World(new Random(seed), copy.newCounters()).run(EVENTS)
  expect(await objection(100, run)).toMatch(noticed)
})
