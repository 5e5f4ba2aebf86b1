// Whole jobs in simulated worlds: crashes at every step of the batch, the commit, the files and the recovery, poison
// records everywhere, stops of both kinds. The long programme: `LOGMILL_SEEDS=10000 LOGMILL_BATCHES=200`.

import { expect, test } from 'vitest'
import type { Checkpoint } from '../../processor/checkpoint/checkpoint.ts'
import type { TopicWriter } from '../../processor/graph/contracts/output.ts'
import type { ModelLog } from '../processor/model-log.ts'
import { objection, type Plant as PlantedLine, planted } from '../world/plant.ts'
import { type Plant, POINTS, World } from './job/world.ts'
import { surviveAll } from './worlds.ts'

const SEEDS = Number(process.env['LOGMILL_SEEDS'] ?? 100)
const BATCHES = Number(process.env['LOGMILL_BATCHES'] ?? 0)
const LIVES = 10
const programme = BATCHES > 0 ? { batches: BATCHES } : { lives: LIVES }

/** What must have happened at least once, or the worlds were too quiet to say anything. */
const REACHED = [
  'committed',
  'crashed',
  'stopped',
  'stopped gracefully',
  'lives with batches',
  'rescaled',
  'partitioner of its own',
  'poison of its batch',
  'poison of an earlier batch',
  'several poison records in a batch',
  'with poison: skip',
  'with poison: dead letter',
  ...['counts', 'windows', 'sessions', 'sums', 'files'].flatMap((part) => [
    `with ${part}: true`,
    `with ${part}: false`,
  ]),
  ...POINTS.map((point) => `crash: ${point}`),
]

test(
  `${SEEDS} worlds: each record once, in each of its windows, sessions and files, or put aside once`,
  () => surviveAll(SEEDS, REACHED, (seed, counters) => new World(seed, counters).run(programme)),
  15_000 + SEEDS * (1000 + BATCHES * 50),
)

/** Each breaks one promise in the running product, and says how the worlds must notice. */
const plants: Record<string, { plant: Plant; noticed: RegExp }> = {
  'poison records that are forgotten with their batch': {
    plant: { parts: { poison: 'dead letter', windows: true }, checkpoint: forgetLeftOut },
    noticed: /a dead letter twice|shows in window|left out twice/,
  },
  'skipped records that are forgotten with their batch': {
    plant: { parts: { poison: 'skip', windows: true }, checkpoint: forgetLeftOut },
    noticed: /left out twice/,
  },
  'a dead letter outside of the transaction': {
    plant: {
      parts: { poison: 'dead letter' },
      checkpoint: (checkpoint, log) => {
        const begin = checkpoint.begin.bind(checkpoint)
        checkpoint.begin = async (plan) => {
          const output = await begin(plan)
          if (output.discards === true) return output
          const writer = output.writer.bind(output)
          output.writer = async (operatorId, topic) =>
            topic === 'dead' ? outside(log) : await writer(operatorId, topic)
          return output
        }
      },
    },
    noticed: /a dead letter twice/,
  },
  'state that is given out itself, not a copy of it': {
    plant: {
      parts: { counts: true },
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
    noticed: /written twice|shows in|a dead letter twice/,
  },
  'a run whose state is kept': {
    plant: {
      parts: { counts: true, sessions: false, sums: false },
      checkpoint: (checkpoint) => {
        checkpoint.abort = async () => await checkpoint['log']?.abort()
      },
    },
    noticed: /was counted/,
  },
}

function forgetLeftOut(checkpoint: Checkpoint): void {
  const commit = checkpoint.commit.bind(checkpoint)
  checkpoint.commit = (plan, _, putAside) => commit(plan, [], putAside)
}

function outside(log: ModelLog): TopicWriter {
  return {
    write: ({ value }) => log.produce('dead', 0, [{ value: value as Buffer }]),
    isFull: false,
    flush: () => Promise.resolve(),
  }
}

test.each(Object.entries(plants))('a planted bug is found: %s', async (_, { plant, noticed }) => {
  expect(await objection(40, (seed) => new World(seed, {}, plant).run({ lives: LIVES }))).toMatch(noticed)
})

/** Lines of the product that become others. */
const lines: Record<string, { line: PlantedLine; parts: Plant['parts']; noticed: RegExp }> = {
  'the time of the last touch is not kept': {
    line: {
      file: 'processor/streams/map-with-state-dataset.ts',
      line: 'partition.set(place, [value, timeMs])',
      becomes: 'partition.set(place, [value, before?.[1] ?? timeMs])',
    },
    parts: { sessions: true },
    noticed: /session|times out and has no state/,
  },
  'what a run has taken from the index of timeouts is not put back': {
    line: {
      file: 'processor/streams/timeout-index.ts',
      line: 'this.buckets.set(touchedMs, keys)\n        this.entries += keys.length',
      becomes: 'this.entries += keys.length',
    },
    parts: { sessions: true },
    noticed: /session/,
  },
  'a key that has timed out keeps its state': {
    line: {
      file: 'processor/streams/map-with-state-dataset.ts',
      line: 'this.call(index, key as K, undefined)\n    partition.remove(key)',
      becomes: 'this.call(index, key as K, undefined)',
    },
    parts: { sessions: true },
    noticed: /session/,
  },
  'files that are shown before the decision': {
    line: {
      file: 'processor/sink/batch-files.ts',
      line: 'await writeParts(aside, rows, executor, this.format, this.files)',
      becomes:
        'await writeParts(aside, rows, executor, this.format, this.files); await showDirectory({ aside, directory }, this.files)',
    },
    parts: { files: true },
    noticed: /its batch does not count/,
  },
  'a file whose bytes are not synced': {
    line: {
      file: 'processor/sink/part-files.ts',
      line: 'await this.file.sync()',
      becomes: '',
    },
    parts: { files: true },
    noticed: /^files/,
  },
  'names of files that are not synced before the decision': {
    line: {
      file: 'processor/sink/part-files.ts',
      line: 'await syncFoldersDown(files, dirname(resolve(first)), dirname(resolve(directory)))',
      becomes: '',
    },
    parts: { files: true },
    noticed: /^files/,
  },
  'files of a run that did not count are shown, once its batch does': {
    line: {
      file: 'processor/sink/batch-files.ts',
      line: 'if (isOld !== undefined || Number(batchId) > lastBatchId) {',
      becomes: `if (isOld === undefined && Number(batchId) <= lastBatchId) {
          await showDirectory({ aside: join(folder, name), directory: join(folder, base) }, this.files)
        } else {`,
    },
    parts: { files: true },
    noticed: /is shown twice|are not whole/,
  },
  'files of a batch that counts are not shown by the next start': {
    line: {
      file: 'processor/sink/batch-files.ts',
      line: 'for (const entry of ours) await showDirectory(entry, this.files)',
      becomes: '',
    },
    parts: { files: true },
    noticed: /^files/,
  },
  'plans that a moving window still needs are let go of': {
    line: {
      file: 'processor/streams/inverse-window.ts',
      line: 'reachMs: windowMs + slideMs',
      becomes: 'reachMs: slideMs',
    },
    parts: { sums: true, windows: false },
    noticed: /the sum of|leave the window|no longer/,
  },
  'keys that stay in the partition that they had': {
    line: {
      file: 'processor/checkpoint/local-state.ts',
      line: 'const index = state.places.partitionOf(key)',
      becomes: 'const index = (state.places.partitionOf(key) + 1) % state.partitions.length',
    },
    parts: { sums: true },
    noticed: /was counted|session|the sum of|leave the window/,
  },
}

test.each(Object.entries(lines))('a planted line is found: %s', async (_, { line, parts, noticed }) => {
  const copy = await planted<typeof import('./job/world.ts')>(import.meta.dirname, './job/world.ts', line)
  const plant = parts === undefined ? {} : { parts }
  expect(await objection(40, (seed) => new copy.World(seed, {}, plant).run({ lives: LIVES }))).toMatch(
    noticed,
  )
})
