// Whole jobs in simulated worlds: crashes at every step, poison records everywhere, stops of both kinds.
// `LOGMILL_SEEDS=1000` runs the long programme.

import { expect, test } from 'vitest'
import { type Plant, World } from './job/world.ts'
import { firstFound, surviveAll } from './worlds.ts'

const SEEDS = Number(process.env['LOGMILL_SEEDS'] ?? 25)
const LIVES = 8

/** What must have happened at least once, or the worlds were too quiet to say anything. */
const REACHED = [
  'committed',
  'crashed',
  'stopped',
  'stopped gracefully',
  'lives with batches',
  'partitioner of its own',
  'poison of its batch',
  'poison of an earlier batch',
  'several poison records in a batch',
  'crash: plan written',
  'crash: redo written',
  'crash: append after',
  'crash: abort before',
  'crash: abort after',
  'crash: commit before',
  'crash: commit after',
]

test(
  `${SEEDS} worlds of ${LIVES} lives: each record once, in each of its windows, or put aside once`,
  () => surviveAll(SEEDS, REACHED, (seed, counters) => new World(seed, counters).run(LIVES)),
  15_000 + SEEDS * 1000,
)

/** Each breaks one promise in the running product, and says how the worlds must notice. */
const plants: Record<string, { plant: Plant; noticed: RegExp }> = {
  'poison records that are forgotten with their batch': {
    plant: {
      checkpoint: (checkpoint) => {
        const commit = checkpoint.commit.bind(checkpoint)
        checkpoint.commit = (plan) => commit(plan)
      },
    },
    noticed: /a dead letter twice|shows in window/,
  },
  'state that is given out itself, not a copy of it': {
    plant: {
      context: (context) => {
        const { options } = context['job'] as unknown as { options: { plainCodec: unknown } }
        options.plainCodec = { encode: (value: unknown) => value, decode: (value: unknown) => value }
      },
    },
    noticed: /was counted/,
  },
  'a run whose output is not aborted': {
    plant: {
      checkpoint: (checkpoint) => {
        checkpoint.abort = async () => await checkpoint['keyed']?.drop()
      },
    },
    noticed: /written twice|a dead letter twice/,
  },
  'a run whose state is kept': {
    plant: {
      checkpoint: (checkpoint) => {
        checkpoint.abort = async () => await checkpoint['log']?.abort()
      },
    },
    noticed: /was counted/,
  },
}

test.each(Object.entries(plants))('a planted bug is found: %s', async (_, { plant, noticed }) => {
  expect(await firstFound(30, (seed) => new World(seed, {}, plant).run(LIVES))).toMatch(noticed)
})
