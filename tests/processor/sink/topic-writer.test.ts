// Records on their way into a topic: where they go, in which batches, and that a rerun does the same.

import { expect, test } from 'vitest'
import { readBatchHeader } from '../../../broker/protocol/record-batch/header.ts'
import { TransactionOutput } from '../../../processor/sink/batch-output.ts'
import { murmur2, partitionOfKey } from '../../../processor/sink/murmur2.ts'
import type { OutputRecord } from '../../../processor/graph/contracts/output.ts'
import { rawRecords } from '../../../processor/source/row-kind.ts'
import { TopicSource } from '../../../processor/source/topic-source.ts'
import { ModelLog } from '../model-log.ts'

// Kafka's own values (UtilsTest.testMurmur2).
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('murmur2 of %s', (text, hash) => {
  expect(murmur2(Buffer.from(text))).toBe(hash)
  expect(murmur2(Buffer.from(`xx${text}yy`), 2, 2 + text.length)).toBe(hash)
})

test('a negative hash has a partition', () => {
  const key = Buffer.from('21')
  expect(partitionOfKey(key, 0, key.length, 3)).toBe((-973932308 & 0x7fffffff) % 3)
})

const BATCH = { batchId: 4, timeMs: 1234 }

async function write(records: readonly OutputRecord[], partitions = 3, batch = BATCH): Promise<ModelLog> {
  const log = new ModelLog()
  log.createTopic('out', partitions)
  const session = await log.open('id')
  session.begin()
  const output = new TransactionOutput(log, session, batch)
  const writer = await output.writer('op', 'out')
  for (const record of records) {
    writer.write(record)
    if (writer.isFull) await writer.flush()
  }
  await writer.flush()
  await output.finish()
  await session.commit()
  expect(output.records).toBe(records.length)
  return log
}

const contents = (log: ModelLog) =>
  log.partitions
    .get('out')
    ?.map(({ committed }) => committed.map(({ key, value, timestampMs }) => ({ key, value, timestampMs })))

test('keys go where Kafka puts them, named partitions win, times default to the batch time', async () => {
  const log = await write([
    { key: 'foobar', value: '1' },
    { key: Buffer.from('foobar'), value: Buffer.from('2'), timestampMs: 9 },
    { key: 'foobar', value: null, partition: 1 },
  ])
  const home = (-790332482 & 0x7fffffff) % 3
  expect(home).not.toBe(1)
  expect(contents(log)?.[home]).toEqual([
    { key: 'foobar', value: '1', timestampMs: 1234 },
    { key: 'foobar', value: '2', timestampMs: 9 },
  ])
  expect(contents(log)?.[1]).toEqual([{ key: 'foobar', value: null, timestampMs: 1234 }])
  await expect(write([{ value: 'x', partition: 3 }])).rejects.toThrow(
    /partition 3 of topic 'out', which has 3/,
  )
})

test('records without a key are spread evenly, and the same way in every rerun', async () => {
  const records = Array.from({ length: 3000 }, (_, i) => ({ value: `${i} ${'x'.repeat(100)}` }))
  const log = await write(records)
  const sizes = contents(log)?.map(({ length }) => length) ?? []
  for (const size of sizes) expect(size).toBeGreaterThan(800)
  expect(contents(await write(records))).toEqual(contents(log))
  // The next batch begins with the next partition, so that small batches are spread, too.
  const small = [await write([{ value: 'a' }]), await write([{ value: 'a' }], 3, { batchId: 5, timeMs: 0 })]
  expect(small.map((each) => contents(each)?.findIndex(({ length }) => length > 0))).toEqual([1, 2])
})

test('headers, empty and long fields, and text of every kind arrive as they were', async () => {
  const values = ['', 'grün 日本 😀', 'x'.repeat(100_000), 'end']
  const log = await write(
    values.map((value) => ({ key: value, value })),
    1,
  )
  expect(log.values('out')).toEqual(values)
  const headers = [
    ['a', Buffer.from('1')],
    ['ä', null],
  ] as const
  const withHeaders = await write([{ key: 'k', value: 'v', headers }], 1)
  const source = new TopicSource({
    views: withHeaders,
    topics: 'out',
    rows: rawRecords,
    startingOffsets: 'earliest',
  })
  source.start([])
  const [range] = source.plan({ timeMs: 0, intervalMs: undefined, maxRows: undefined }).ranges
  if (range === undefined) throw new Error('nothing was written')
  const seen: unknown[] = []
  const reader = source.rows(range, ({ key, headers: found }) => seen.push([String(key), found]))
  reader.read(10)
  reader.close()
  source.stop()
  expect(seen).toEqual([
    [
      'k',
      [
        ['a', Buffer.from('1')],
        ['ä', null],
      ],
    ],
  ])
})

test('batches stay below half a mebibyte, but for a record that is larger itself', async () => {
  const values = Array.from({ length: 30 }, () => 'x'.repeat(100_000))
  const log = await write([...values.map((value) => ({ value })), { value: 'y'.repeat(700_000) }], 1)
  const sizes = log
    .at('out', 0)
    .batches.map((batch) => readBatchHeader(batch, 0))
    .filter(({ isControl }) => !isControl)
    .map(({ sizeInBytes }) => sizeInBytes)
  expect(sizes.filter((size) => size > 512 * 1024)).toEqual([sizes.at(-1)])
  expect(sizes.length).toBe(7)
  expect(log.values('out').length).toBe(31)
})

test('raw records pass from log to log, keys, nulls, headers and times with them', async () => {
  const input = new ModelLog()
  input.createTopic('in', 1)
  input.produce('in', 0, [
    { timestampMs: 5, key: Buffer.from('foobar'), value: Buffer.from('v') },
    { timestampMs: 6, key: null, value: null },
    { timestampMs: 7, key: Buffer.from('k'), value: Buffer.from('h'), headers: [{ key: 'a', value: null }] },
  ])
  const source = new TopicSource({
    views: input,
    topics: 'in',
    rows: rawRecords,
    startingOffsets: 'earliest',
  })
  source.start([])
  const log = new ModelLog()
  log.createTopic('out', 1)
  const session = await log.open('id')
  const output = new TransactionOutput(log, session, BATCH)
  const writer = await output.writer('op', 'out')
  for (const range of source.plan({ timeMs: 0, intervalMs: undefined, maxRows: undefined }).ranges) {
    const reader = source.rows(range, (record) => writer.write(record))
    while (reader.read(2));
    reader.close()
  }
  source.stop()
  await output.finish()
  await session.commit()
  expect(contents(log)?.[0]).toEqual([
    { key: 'foobar', value: 'v', timestampMs: 5 },
    { key: null, value: null, timestampMs: 6 },
    { key: 'k', value: 'h', timestampMs: 7 },
  ])
})

test('an append that fails fails the batch, at the next write or at the end', async () => {
  const log = new ModelLog()
  log.createTopic('out', 1)
  const session = await log.open('id')
  await log.open('id')
  const output = new TransactionOutput(log, session, BATCH)
  const writer = await output.writer('op', 'out')
  writer.write({ value: 'x' })
  await writer.flush()
  await expect(output.finish()).rejects.toThrow(/taken by another instance/)
  expect(writer.isFull).toBe(true)
  await expect(writer.flush()).rejects.toThrow(/taken by another instance/)
})
