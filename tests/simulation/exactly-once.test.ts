// Exactly once in simulated worlds: crashes at every step, lost and torn writes, damage, zombies, transactions
// that time out. `LOGMILL_SEEDS=1000` runs the long programme.

import { expect, test } from 'vitest'
import type { Checkpoint } from '../../processor/checkpoint/checkpoint.ts'
import { type Plant, World } from './exactly-once/world.ts'
import { firstFound, surviveAll } from './worlds.ts'

const SEEDS = Number(process.env['LOGMILL_SEEDS'] ?? 100)
/** `LOGMILL_LIVES=80`: more than 200 batches a world. */
const LIVES = Number(process.env['LOGMILL_LIVES'] ?? 15)

/** What must have happened at least once, or the worlds were too quiet to say anything. */
const REACHED = [
  'committed',
  'stopped in order',
  'aborted',
  'timed out',
  'taken over',
  'zombie fenced',
  'computed again',
  'redo record damaged',
  'generation damaged',
  'crashed: plan not written',
  'crashed: plan written',
  'crashed: redo not written',
  'crashed: redo written',
  'crashed: append not asked',
  'crashed: append done',
  'crashed: commitOffsets not asked',
  'crashed: commitOffsets done',
  'crashed: decision not asked',
  'crashed: decision done',
  'crashed: generation not written',
  'crashed: generation written',
  'crashed: trim not written',
  'crashed: trim written',
  'crashed: open done',
  'crashed: committedOffsets done',
]

test(
  `${SEEDS} worlds of ${LIVES} lives write each record once`,
  () => surviveAll(SEEDS, REACHED, (seed, counters) => new World(seed, counters).run(LIVES)),
  15_000 + SEEDS * LIVES * 20,
)

/** Each breaks one promise in the running product, and says how the worlds must notice. */
const plants: Record<string, { plant: Plant; noticed: RegExp }> = {
  'ranges chosen anew when a batch is run again': {
    plant: { recovered: (recovered) => ({ ...recovered, pending: [] }) },
    noticed: /not each input once|I17/,
  },
  'a staged batch that counts before it is decided': {
    plant: {
      checkpoint: (checkpoint) =>
        onJournal(checkpoint, (journal) => {
          const stage = journal.stage.bind(journal)
          journal.stage = (redo, increments) => stage({ ...redo, decidedByStage: true }, increments)
        }),
    },
    noticed: /I17/,
  },
  'a plan that is not synced': {
    plant: {
      checkpoint: (checkpoint) =>
        onJournal(checkpoint, (journal) => {
          const database = journal['database']
          journal.plan = async (plan, manifest) => {
            const { writes } = database
            database.writes = () => {
              const real = writes.call(database)
              return { ...real, write: () => real.write({ sync: false }) }
            }
            const planning = Object.getPrototypeOf(journal).plan.call(journal, plan, manifest)
            database.writes = writes
            await planning
          }
        }),
    },
    noticed: /not each input once|I17|missing/,
  },
  'offsets that are not part of the transaction': {
    plant: {
      checkpoint: (checkpoint) => {
        const begin = checkpoint.begin.bind(checkpoint)
        checkpoint.begin = (plan) => {
          const session = checkpoint['log']?.['session']
          if (session !== undefined) session.commitOffsets = () => Promise.resolve()
          return begin(plan)
        }
      },
    },
    noticed: /I17/,
  },
  'damage that nobody looks for': {
    plant: {
      checkpoint: (checkpoint) => {
        const { generations } = checkpoint as unknown as { generations: { exclude: () => void } }
        generations.exclude = () => {
          throw new Error('used all the same')
        }
      },
    },
    noticed: /used all the same/,
  },
}

type Journal = NonNullable<Checkpoint['journal']>

/** The journal is there only once the protocol has recovered. */
function onJournal(checkpoint: Checkpoint, change: (journal: Journal) => void): void {
  const recover = checkpoint.recover.bind(checkpoint)
  checkpoint.recover = async (job) => {
    const recovered = await recover(job)
    change(checkpoint['journal'] as Journal)
    return recovered
  }
}

test.each(Object.entries(plants))('a planted bug is found: %s', async (_, { plant, noticed }) => {
  expect(await firstFound(50, (seed) => new World(seed, {}, plant).run(LIVES))).toMatch(noticed)
})
