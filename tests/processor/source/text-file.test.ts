// Files as rows: every line once, however a file is cut.

import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BatchContext } from '../../../processor/batch-context.ts'
import { textValues } from '../../../processor/source/row-kind.ts'
import { ModelLog } from '../model-log.ts'
import { Random, seeds } from '../../world/random.ts'

let directory: string
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(tmpdir(), 'logmill-text-'))
})
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }))

const context = new BatchContext()
const write = (name: string, bytes: string | Buffer) => {
  const file = path.join(directory, name)
  fs.writeFileSync(file, bytes)
  return file
}

test.each(seeds(1, 60))('lines of a file cut into ranges, whatever ends them, seed %i', async (seed) => {
  const random = new Random(seed)
  const endings = random.chance(0.5) ? ['\n', '\r', '\r\n'] : [random.pick(['\n', '\r', '\r\n'])]
  let text = ''
  for (let lines = random.below(40); lines > 0; lines--) {
    text += 'äb\u{1F600}'.repeat(random.below(8)) + random.pick(endings)
  }
  if (random.chance(0.5)) text += 'last'
  const file = write('lines.txt', text)
  // What is behind the last ending is a line, unless it is empty.
  const expected = text.split(/\r\n|\n|\r/)
  if (expected.at(-1) === '') expected.pop()
  for (const partitions of [1, 2, 3, 7, 50]) {
    const rdd = context.textFile(file, partitions)
    expect(await rdd.collect(), `seed ${seed}, ${partitions} partitions`).toEqual(expected)
  }
})

test('a line ending that is cut by what is read at once', async () => {
  for (const before of [256 * 1024 - 1, 256 * 1024 - 2, 256 * 1024]) {
    const file = write('cut.txt', `${'x'.repeat(before)}\r\nshort\r\r\n\nend\r`)
    for (const partitions of [1, 2, 3]) {
      const lines = await context.textFile(file, partitions).collect()
      expect(lines.map(({ length }) => length)).toEqual([before, 5, 0, 0, 3])
    }
  }
})

test('a line longer than what is read at once', async () => {
  const long = 'x'.repeat(700_000)
  const file = write('long.txt', `${long}\nshort\n${long}`)
  for (const partitions of [1, 2, 5]) {
    expect((await context.textFile(file, partitions).collect()).map(({ length }) => length)).toEqual([
      700_000, 5, 700_000,
    ])
  }
})

test('the files of a directory, in order, without those that are being written', async () => {
  write('b.txt', 'three\n')
  write('a.txt', 'one\ntwo\n')
  write('_SUCCESS', '')
  write('.part', 'hidden\n')
  expect(await context.textFile(directory).collect()).toEqual(['one', 'two', 'three'])
  expect(await context.wholeTextFiles(directory, 2).collectAsMap()).toEqual(
    new Map([
      [path.join(directory, 'a.txt'), 'one\ntwo\n'],
      [path.join(directory, 'b.txt'), 'three\n'],
    ]),
  )
  expect(() => context.textFile(path.join(directory, 'missing'))).toThrow(/ENOENT/)
})

test('records of a fixed length', async () => {
  const file = write('records', Buffer.from([1, 2, 3, 4, 5, 6]))
  expect((await context.binaryRecords(file, 2).collect()).map((record) => [...record])).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ])
  expect(() => context.binaryRecords(file, 4)).toThrow(/has 6 bytes, which is no multiple of 4/)
})

test('a range of a topic is what was committed when it was asked for', async () => {
  const log = new ModelLog()
  log.createTopic('lines', 2)
  log.produce('lines', 0, ['a', 'b', 'c'])
  log.produce('lines', 1, ['d'])
  using batch = new BatchContext({ broker: { logViews: log } })
  const all = batch.topic('lines', textValues)
  const some = batch.topic('lines', textValues, [{ partition: 0, from: 1n, until: 2n }])
  log.produce('lines', 0, ['late'])
  expect(await all.collect()).toEqual(['a', 'b', 'c', 'd'])
  expect(await all.collect()).toEqual(['a', 'b', 'c', 'd'])
  expect(await some.collect()).toEqual(['b'])
  expect(() => batch.topic('nothing', textValues)).toThrow(/there is no topic 'nothing'/)
  expect(() => batch.topic('lines', textValues, [{ partition: 7 }])).toThrow(/no partition 7/)
})
