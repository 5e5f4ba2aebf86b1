// Exactly once in simulated worlds: crashes at every step, lost and torn writes, damage, zombies, transactions
// that time out. The long programme: `LOGMILL_SEEDS=10000 LOGMILL_BATCHES=200`.

import { expect, test } from 'vitest'
import type { Checkpoint } from '../../processor/checkpoint/checkpoint.ts'
import { objection, type Plant as PlantedLine, planted } from '../world/plant.ts'
import { type Plant, POINTS, World } from './exactly-once/world.ts'
import { surviveAll } from './worlds.ts'

const SEEDS = Number(process.env['LOGMILL_SEEDS'] ?? 100)
const BATCHES = Number(process.env['LOGMILL_BATCHES'] ?? 0)
const programme = BATCHES > 0 ? { batches: BATCHES } : { lives: 15 }

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
  'rescaled',
  'both generations damaged',
  ...POINTS.map((point) => `crash: ${point}`),
]

test(
  `${SEEDS} worlds write each record once`,
  () => surviveAll(SEEDS, REACHED, (seed, counters) => new World(seed, counters).run(programme)),
  15_000 + SEEDS * (300 + BATCHES * 20),
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
            return await planning
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
  expect(await objection(50, (seed) => new World(seed, {}, plant).run({ lives: 15 }))).toMatch(noticed)
})

/** Lines of the product that become others. */
const lines: Record<string, { line: PlantedLine; noticed: RegExp }> = {
  'keys that stay in the partition that they had': {
    line: {
      file: 'processor/checkpoint/local-state.ts',
      line: 'const index = state.places.partitionOf(key)',
      becomes: 'const index = (state.places.partitionOf(key) + 1) % state.partitions.length',
    },
    noticed: /I17/,
  },
  'damage that is read as if it were none': {
    line: {
      file: 'processor/checkpoint/messages.ts',
      line: 'bytes.length < HEAD_BYTES || bytes.readUInt32BE(0) !== crc32c(bytes, 4)',
      becomes: 'bytes.length < HEAD_BYTES',
    },
    noticed: /both generations are damaged, and recovery says nothing|I17|refused/,
  },
}

test.each(Object.entries(lines))('a planted line is found: %s', async (_, { line, noticed }) => {
  const copy = await planted<typeof import('./exactly-once/world.ts')>(
    import.meta.dirname,
    './exactly-once/world.ts',
    line,
  )
  expect(await objection(30, (seed) => new copy.World(seed, {}).run({ lives: 15 }))).toMatch(noticed)
})
