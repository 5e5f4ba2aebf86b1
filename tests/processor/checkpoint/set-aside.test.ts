// createOnError: a checkpoint that cannot be read is put aside and the job begins anew, and one that can be read is not.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LevelStore } from '../../../processor/checkpoint/level-store.ts'
import { CheckpointError } from '../../../processor/checkpoint/store.ts'
import { textValues } from '../../../processor/source/row-kind.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import { ModelLog } from '../model-log.ts'

let folder: string
let directory: string
let log: ModelLog
let warnings: string[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'logmill-aside-'))
  directory = join(folder, 'job')
  log = new ModelLog()
  log.createTopic('words', 1)
  log.createTopic('counts', 1)
  warnings = []
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

function wordCount(createOnError: boolean | undefined, appName = 'count'): StreamingContext {
  const create = () => {
    const context = new StreamingContext({
      appName,
      trigger: 'asap',
      broker: { logViews: log, output: log },
      warn: (message) => void warnings.push(message),
    })
    context
      .createDirectStream('words', textValues, { startingOffsets: 'earliest' })
      .mapToPair((word) => [word, 1])
      .updateStateByKey<number>((ones, total = 0) => total + ones.length, { name: 'total' })
      .changes()
      .toTopic('counts', ([word, total]) => ({ key: word, value: `${word} ${total}` }))
    return context
  }
  return createOnError === undefined
    ? StreamingContext.getOrCreate(directory, create)
    : StreamingContext.getOrCreate(directory, create, { createOnError })
}

const shown = () => log.values('counts').map(String)

/** Until so many counts are in the topic. */
async function runs(context: StreamingContext, counts: number): Promise<void> {
  let failure: { error: unknown } | undefined
  context.awaitTermination().catch((error: unknown) => (failure = { error }))
  await context.start()
  while (shown().length < counts) {
    if (failure !== undefined) throw failure.error
    await new Promise((resolve) => setImmediate(resolve))
  }
  await context.stop({ graceful: true })
}

const damages: [string, () => void][] = [
  ['a journal that is damaged', () => writeFileSync(join(directory, 'journal', 'CURRENT'), 'nonsense')],
  [
    'both generations damaged',
    () => {
      for (const name of ['state-0', 'state-1']) {
        if (existsSync(join(directory, name))) writeFileSync(join(directory, name, 'CURRENT'), 'nonsense')
      }
    },
  ],
]

test.each(damages)('%s: told at start, or put aside, and the job begins anew', async (_, damage) => {
  log.produce('words', 0, ['a'])
  await runs(wordCount(true), 1)
  damage()
  await expect(wordCount(undefined).start()).rejects.toThrow(CheckpointError)
  await expect(wordCount(false).start()).rejects.toThrow(CheckpointError)
  expect(readdirSync(folder)).toEqual(['job'])
  expect(warnings.filter((warning) => warning.includes('anew'))).toEqual([])
  log.produce('words', 0, ['a'])
  // As a new job does: from where it is told to begin, with no state.
  await runs(wordCount(true), 2)
  expect(shown()).toEqual(['a 1', 'a 2'])
  const [aside] = readdirSync(folder).filter((name) => name !== 'job')
  expect(aside).toMatch(/^job\.unreadable-\d+$/)
  expect(warnings.at(-1)).toMatch(/^the job begins anew: .* was put aside as .*unreadable-\d+: /)
  // From here on it is a checkpoint as any other.
  log.produce('words', 0, ['a', 'b'])
  await runs(wordCount(undefined), 4)
  expect(shown().slice(2).sort()).toEqual(['a 3', 'b 1'])
})

test('a journal that was lost is no empty directory', async () => {
  log.produce('words', 0, ['a'])
  await runs(wordCount(true), 1)
  rmSync(join(directory, 'journal'), { recursive: true })
  await runs(wordCount(true), 2)
  expect(shown()).toEqual(['a 1', 'a 1'])
  expect(warnings).toEqual([expect.stringMatching(/begins anew.*its journal was lost/)])
})

test('an empty journal beside state is one that was lost', async () => {
  log.produce('words', 0, ['a'])
  await runs(wordCount(true), 1)
  writeFileSync(join(directory, 'state-0', 'CURRENT'), 'nonsense')
  rmSync(join(directory, 'journal'), { recursive: true })
  await (await new LevelStore(directory).open('journal')).close()
  await expect(wordCount(undefined).start()).rejects.toThrow(/its journal is empty/)
  await runs(wordCount(true), 2)
  expect(shown()).toEqual(['a 1', 'a 1'])
  expect(warnings.at(-1)).toMatch(/begins anew.*its journal is empty/)
})

test('one that stands by what the log has decided since is gone on from, though the plan of that batch is damaged', async () => {
  log.produce('words', 0, ['a'])
  await runs(wordCount(true), 1)
  log.step = (step, when) => {
    if (step === 'commit' && when === 'after') throw new Error('power cut')
  }
  log.produce('words', 0, ['a'])
  await expect(runs(wordCount(true), 3)).rejects.toThrow(/power cut/)
  log.step = () => {}
  const journal = await new LevelStore(directory).open('journal')
  for await (const block of journal.entries(Buffer.from('p'), Buffer.from('q'))) {
    const writes = journal.writes()
    writes.put(block.at(-1)?.[0] as Buffer, Buffer.from('nonsense'))
    await writes.write({ sync: true })
  }
  await journal.close()
  log.produce('words', 0, ['a'])
  await runs(wordCount(true), 3)
  expect(shown()).toEqual(['a 1', 'a 2', 'a 3'])
  expect(readdirSync(folder)).toEqual(['job'])
})

test('one that has taken the place of another is refused as any, once it has decided batches and the job ran elsewhere', async () => {
  log.produce('words', 0, ['a'])
  await runs(wordCount(true), 1)
  damages[0]?.[1]()
  await runs(wordCount(true), 2)
  const elsewhere = join(folder, 'elsewhere')
  renameSync(directory, elsewhere)
  log.groups.clear()
  log.produce('words', 0, ['b'])
  await runs(wordCount(undefined), 4)
  renameSync(directory, join(folder, 'later'))
  renameSync(elsewhere, directory)
  await expect(wordCount(true).start()).rejects.toThrow(/decided batch \d+ of job 'count' for checkpoint/)
  expect(shown()).toEqual(['a 1', 'a 1', 'a 1', 'b 1'])
})

test('one that can be read is gone on from, also where a generation is damaged', async () => {
  log.produce('words', 0, ['a'])
  await runs(wordCount(true), 1)
  writeFileSync(join(directory, 'state-0', 'CURRENT'), 'nonsense')
  log.produce('words', 0, ['a'])
  await runs(wordCount(true), 2)
  expect(shown()).toEqual(['a 1', 'a 2'])
  expect(readdirSync(folder)).toEqual(['job'])
})

test('what is not unreadable is refused all the same: in use, of another job, elsewhere', async () => {
  log.produce('words', 0, ['a'])
  const first = wordCount(true)
  await first.start()
  await expect(wordCount(true).start()).rejects.toThrow(/is in use by another/)
  while (shown().length < 1) await new Promise((resolve) => setImmediate(resolve))
  await first.stop({ graceful: true })
  await expect(wordCount(true, 'other').start()).rejects.toThrow(/is the checkpoint of job 'count'/)
  // An empty directory has taken no checkpoint's place: the batches that the log has are another one's.
  renameSync(directory, join(folder, 'elsewhere'))
  await expect(wordCount(true).start()).rejects.toThrow(/this directory is empty/)
  expect(readdirSync(folder).sort()).toEqual(['elsewhere', 'job'])
})

test('a crash while it is put aside is made good by the next start', async () => {
  log.produce('words', 0, ['a'])
  await runs(wordCount(true), 1)
  damages[0]?.[1]()
  // It has come as far as the first rename.
  renameSync(directory, `${directory}.unreadable-1`)
  mkdirSync(`${directory}.anew`)
  writeFileSync(join(`${directory}.anew`, 'begun-anew'), '{}\n')
  log.produce('words', 0, ['b'])
  await runs(wordCount(true), 3)
  expect(shown().slice(1).sort()).toEqual(['a 1', 'b 1'])
})
