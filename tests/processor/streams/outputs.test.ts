// The ends of streams: foreachRDD, print, toTopic.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { BatchContext } from '../../../processor/batch-context.ts'
import { finish, newWorld, SECOND, START, start, type World } from './tables.ts'

test('print shows the first rows under the batch time, and that there are more', async () => {
  const world = newWorld()
  world.context
    .queueStream([['a', 'b', 'c']])
    .mapToPair((word) => [word, { n: 1n }])
    .print(2)
  await start(world)
  await world.clock.advance(SECOND)
  await finish(world)
  const rule = '-------------------------------------------'
  expect(world.lines).toEqual([
    rule,
    `Time: ${START + SECOND} ms`,
    rule,
    '(a,{"n":"1"})',
    '(b,{"n":"1"})',
    '...',
    '',
  ])
})

test('foreachRDD is awaited, gets time and batch id, and outputs run in the order of the program', async () => {
  const world = newWorld()
  const log: string[] = []
  const stream = world.context.queueStream([[1], [2]])
  stream.foreachRDD(async (rdd, time, batchId) => {
    await Promise.resolve()
    log.push(`first ${batchId} ${(time.getTime() - START) / SECOND} ${await rdd.count()}`)
  })
  stream.foreachRDD((_, __, batchId) => void log.push(`second ${batchId}`))
  await start(world)
  await world.clock.advance(2 * SECOND)
  await finish(world)
  expect(log).toEqual(['first 1 1 1', 'second 1', 'first 2 2 1', 'second 2'])
})

test('foreachRDD is not called where the stream has no data set', async () => {
  const world = newWorld()
  const times: number[] = []
  world.context
    .queueStream([[1]])
    .window('2s', '2s')
    .foreachRDD((_, time) => void times.push((time.getTime() - START) / SECOND))
  await start(world)
  await world.clock.advance(5 * SECOND)
  await finish(world)
  expect(times).toEqual([2, 4])
})

test('toTopic writes records of committed batches, stamped with the batch time', async () => {
  const world = newWorld()
  world.context
    .queueStream([['a', 'b'], [], ['c']])
    .toTopic('words', (word) => ({ key: word, value: word.toUpperCase() }))
  await start(world)
  await world.clock.advance(3 * SECOND)
  await finish(world)
  expect(world.commit.records('words')).toEqual([
    { key: 'a', value: 'A', timestampMs: START + SECOND },
    { key: 'b', value: 'B', timestampMs: START + SECOND },
    { key: 'c', value: 'C', timestampMs: START + 3 * SECOND },
  ])
})

test('a batch that fails leaves no record, however much it had written', async () => {
  const world = newWorld()
  const stream = world.context.queueStream([[1], [2, 3]])
  stream.toTopic('out', (n) => ({ value: String(n) }))
  stream.foreachRDD(
    async (rdd) => {
      if ((await rdd.count()) > 1) throw new Error('sink is down')
    },
    { name: 'sink' },
  )
  await start(world)
  await world.clock.advance(3 * SECOND)
  await expect(world.context.awaitTermination()).rejects.toThrow('sink: sink is down')
  expect(world.commit.records('out').map(({ value }) => value)).toEqual(['1'])
  expect(world.context.getState()).toBe('STOPPED')
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'logmill-outputs-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Batches that write files take more than one turn of the loop. */
async function runBatches(world: World, batches: number): Promise<void> {
  let done = 0
  world.context.addStreamingListener({ onBatchCompleted: () => void done++ })
  let ended: { error: unknown } | undefined
  world.context.awaitTermination().catch((error: unknown) => (ended = { error }))
  await start(world)
  for (let batch = 1; batch <= batches; batch++) {
    world.clock.tick(SECOND)
    while (done < batch) {
      if (ended !== undefined) throw ended.error
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await finish(world)
}

test('saveAsTextFiles: a directory a batch, a line a row, a file a partition; nothing where there is no data set', async () => {
  const folder = newFolder()
  const world = newWorld()
  const words = world.context.queueStream([['a', 'b'], [], ['c', 'd']], { numPartitions: 2 })
  words.mapToPair((word) => [word, { n: 1n }]).saveAsTextFiles(join(folder, 'pairs'))
  words.window('2s', '2s').saveAsTextFiles(join(folder, 'deep', 'words'), { suffix: 'txt' })
  await runBatches(world, 3)
  const [first, second, third] = [1, 2, 3].map((batch) => START + batch * SECOND)
  expect(readdirSync(folder).sort()).toEqual(['deep', `pairs-${first}`, `pairs-${second}`, `pairs-${third}`])
  expect(readdirSync(join(folder, 'deep'))).toEqual([`words-${second}.txt`])
  const text = (...path: string[]) => readFileSync(join(folder, ...path), 'utf8')
  expect(readdirSync(join(folder, `pairs-${first}`)).sort()).toEqual(['_SUCCESS', 'part-00000', 'part-00001'])
  expect(text(`pairs-${first}`, 'part-00000')).toBe('(a,{"n":"1"})\n')
  expect(text(`pairs-${second}`, 'part-00000')).toBe('')
  expect(text('deep', `words-${second}.txt`, 'part-00001')).toBe('b\n')
})

test('saveAsObjectFiles keeps rows as values', async () => {
  const folder = newFolder()
  const world = newWorld()
  world.context
    .queueStream([['a', 'b', 'a']])
    .countByValue()
    .saveAsObjectFiles(join(folder, 'counts'))
  await runBatches(world, 1)
  const rows = await new BatchContext().objectFile(join(folder, `counts-${START + SECOND}`)).collect()
  expect(rows).toEqual([
    ['a', 2],
    ['b', 1],
  ])
})

test('a batch that fails after its files were written shows none', async () => {
  const folder = newFolder()
  const world = newWorld()
  const stream = world.context.queueStream([[1], [2]])
  stream.saveAsTextFiles(join(folder, 'n'))
  stream.foreachRDD(async (rdd) => {
    if ((await rdd.first()) === 2) throw new Error('sink is down')
  })
  await expect(runBatches(world, 2)).rejects.toThrow('sink is down')
  expect(readdirSync(folder).filter((name) => !name.startsWith('.'))).toEqual([`n-${START + SECOND}`])
})

test('a row that is no plain data is no row of an object file, and two outputs do not write the same files', async () => {
  const folder = newFolder()
  const world = newWorld()
  world.context.queueStream([[() => 1]]).saveAsObjectFiles(join(folder, 'functions'), { name: 'objects' })
  await expect(runBatches(world, 1)).rejects.toThrow(/objects: .*function/)
  const second = newWorld()
  const stream = second.context.queueStream([[1]])
  stream.saveAsTextFiles(join(folder, 'n'))
  stream.saveAsObjectFiles(join(folder, 'n'))
  await expect(start(second)).rejects.toThrow(
    /saveAsTextFiles-1 and saveAsObjectFiles-1 both write files to .*n-TIME_MS/,
  )
  expect(() => stream.saveAsTextFiles('')).toThrow('saveAsTextFiles: the prefix is empty')
  expect(() => stream.saveAsTextFiles('n', { suffix: 'a/b' })).toThrow('has a slash')
})

test('writesFiles: false computes the rows of files and writes none', async () => {
  const folder = newFolder()
  const world = newWorld({ writesFiles: false })
  const seen: number[] = []
  world.context
    .queueStream([[1, 2]])
    .map((n) => seen.push(n))
    .saveAsTextFiles(join(folder, 'n'))
  await runBatches(world, 1)
  expect(seen).toEqual([1, 2])
  expect(readdirSync(folder)).toEqual([])
})
