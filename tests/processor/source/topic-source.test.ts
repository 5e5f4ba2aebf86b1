// Topics as rows: which ranges are planned, what is kept, what is read, and what ends the job.

import { beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { CorruptRecordError } from '../../../broker/protocol/record-batch/failures.ts'
import type { OffsetRange } from '../../../processor/graph/contracts/source.ts'
import { DataLossError } from '../../../processor/source/errors.ts'
import {
  rawRecords,
  textPairs,
  textValues,
  wholeRecords,
  type RowKind,
} from '../../../processor/source/row-kind.ts'
import { valueContains } from '../../../processor/source/raw-record.ts'
import { TopicSource, type TopicSourceOptions } from '../../../processor/source/topic-source.ts'
import { ModelLog } from '../model-log.ts'

let log: ModelLog
let clock: ManualClock

beforeEach(() => {
  log = new ModelLog()
  clock = new ManualClock()
})

const LIMITS = { timeMs: 0, intervalMs: 1000, maxRows: undefined }

function newSource<T>(rows: RowKind<T>, options: Partial<TopicSourceOptions<T>> = {}): TopicSource<T> {
  return new TopicSource({ views: log, topics: 'in', rows, startingOffsets: 'earliest', clock, ...options })
}

function rowsOf<T>(source: TopicSource<T>, ranges: readonly OffsetRange[], slice = 3): T[] {
  const rows: T[] = []
  for (const range of ranges) {
    const reader = source.rows(range, (row) => rows.push(row))
    while (reader.read(slice));
    reader.close()
  }
  return rows
}

/** Plans once and reads what was planned. */
function next<T>(source: TopicSource<T>, limits = LIMITS): T[] {
  return rowsOf(source, source.plan(limits).ranges)
}

const spans = (ranges: readonly OffsetRange[]) =>
  ranges.map(({ topic, partition, from, until }) => `${topic}-${partition} ${from}..${until}`)

test('rows of all partitions up to the stable end, each once', () => {
  log.createTopic('in', 2)
  log.produce('in', 0, ['a', 'b'])
  log.produce('in', 1, ['c'], 'gzip')
  const source = newSource(textValues)
  source.start([])
  expect(next(source)).toEqual(['a', 'b', 'c'])
  expect(next(source)).toEqual([])
  log.produce('in', 0, ['d'])
  expect(next(source)).toEqual(['d'])
})

test('a range that begins and ends inside a batch has just its rows, however often it is read', () => {
  log.createTopic('in', 1)
  for (const codec of ['none', 'lz4', 'zstd', 'snappy'] as const)
    log.produce('in', 0, ['0', '1', '2', '3'], codec)
  const source = newSource(wholeRecords)
  source.start([])
  source.plan(LIMITS)
  const range = { topic: 'in', partition: 0, topicId: log.at('in', 0).topicId, from: 2n, until: 13n }
  for (const slice of [1, 2, 100]) {
    expect(rowsOf(source, [range], slice).map(({ offset }) => offset)).toEqual(
      Array.from({ length: 11 }, (_, index) => BigInt(index + 2)),
    )
  }
})

test('aborted and open transactions, and their markers, give no rows', async () => {
  log.createTopic('in', 1)
  const write = async (value: string, end: 'commit' | 'abort' | 'leave') => {
    const session = await log.open(`txn-${value}`)
    const other = new ModelLog()
    other.createTopic('x', 1)
    other.produce('x', 0, [value])
    await session.append('in', 0, other.at('x', 0).batches[0] as Buffer)
    if (end !== 'leave') await session[end]()
  }
  await write('yes', 'commit')
  await write('no', 'abort')
  log.produce('in', 0, ['plain'])
  await write('again', 'commit')
  await write('open', 'leave')
  log.produce('in', 0, ['behind the open one'])
  const source = newSource(textValues)
  source.start([])
  expect(next(source)).toEqual(['yes', 'plain', 'again'])
})

test('key, value, headers, timestamps and nulls come as they were written', () => {
  log.createTopic('in', 1)
  const headers = [
    { key: 'h', value: Buffer.from('1') },
    { key: 'h', value: null },
  ]
  log.produce('in', 0, [
    { timestampMs: 7, key: Buffer.from('k'), value: Buffer.from('v'), headers },
    { timestampMs: 8, key: null, value: null },
  ])
  const whole = newSource(wholeRecords)
  whole.start([])
  expect(next(whole)).toEqual([
    {
      topic: 'in',
      partition: 0,
      offset: 0n,
      timestampMs: 7,
      key: Buffer.from('k'),
      value: Buffer.from('v'),
      headers: [
        ['h', Buffer.from('1')],
        ['h', null],
      ],
    },
    { topic: 'in', partition: 0, offset: 1n, timestampMs: 8, key: null, value: null, headers: [] },
  ])
  const pairs = newSource(textPairs)
  pairs.start([])
  expect(next(pairs)).toEqual([
    ['k', 'v'],
    [null, null],
  ])
})

test('text that is not ASCII, or no UTF-8 at all, comes as the decoder has it', () => {
  log.createTopic('in', 1)
  log.produce('in', 0, ['grün', '日本', '😀', { value: Buffer.from([0x61, 0xff]) }, ''])
  const source = newSource(textValues)
  source.start([])
  expect(next(source)).toEqual(['grün', '日本', '😀', 'a\ufffd', ''])
})

test('a filter over raw records finds what includes() finds, across batches and blocks', () => {
  log.createTopic('in', 1)
  const values: string[] = []
  for (let batch = 0; batch < 40; batch++) {
    const some = Array.from({ length: 1 + (batch % 3) }, (_, i) => {
      const value = `${'x'.repeat((batch * 37 + i * 11) % 90)}${(batch + i) % 4 === 0 ? 'needle' : 'need'}`
      return batch % 7 === 3 ? 'lene' : value
    })
    values.push(...some)
    // A key that holds the needle must not count, nor a needle that two records make together.
    log.produce(
      'in',
      0,
      some.map((value) => ({ key: Buffer.from('needle'), value: Buffer.from(value) })),
      batch % 5 === 0 ? 'gzip' : 'none',
    )
  }
  const isWanted = valueContains('needle')
  const source = newSource({
    open: (range, cursor, emit) =>
      rawRecords.open(range, cursor, (record) => {
        if (isWanted(record)) emit(record.text())
      }),
  } satisfies RowKind<string>)
  source.start([])
  const { ranges } = source.plan(LIMITS)
  expect(rowsOf(source, ranges)).toEqual(values.filter((value) => value.includes('needle')))
  // One record at a time: every read is a new block.
  const [range] = ranges as [OffsetRange]
  const single = values.map((_, i) => ({ ...range, from: BigInt(i), until: BigInt(i + 1) }))
  expect(rowsOf(source, single)).toEqual(values.filter((value) => value.includes('needle')))
})

test('a batch larger than the block is read all the same', () => {
  log.createTopic('in', 1)
  log.produce('in', 0, ['small', 'x'.repeat(2_000_000)])
  log.produce('in', 0, ['behind'])
  const source = newSource(textValues)
  source.start([])
  expect(next(source).map(({ length }) => length)).toEqual([5, 2_000_000, 6])
})

test('a damaged batch ends the read with topic, partition and offset', () => {
  log.createTopic('in', 1)
  log.produce('in', 0, ['good'])
  log.produce('in', 0, ['bad'])
  const batch = log.at('in', 0).batches[1] as Buffer
  batch[batch.length - 2] = (batch[batch.length - 2] as number) ^ 1
  const source = newSource(textValues)
  source.start([])
  const { ranges } = source.plan(LIMITS)
  expect(() => rowsOf(source, ranges)).toThrow(CorruptRecordError)
  expect(() => rowsOf(source, ranges)).toThrow(/in-0 at offset 1: the checksum is wrong/)
})

test('limits: per partition and second, and per batch shared out by lag, never none', () => {
  log.createTopic('in', 3)
  log.produce('in', 0, Array.from({ length: 90 }, String))
  log.produce('in', 1, Array.from({ length: 9 }, String))
  log.produce('in', 2, ['one'])
  const source = newSource(textValues, { maxRowsPerBatch: 20, maxRatePerPartition: 15 })
  source.start([])
  const first = source.plan(LIMITS)
  expect(spans(first.ranges)).toEqual(['in-0 0..15', 'in-1 0..1', 'in-2 0..1'])
  expect(first.more).toBe(true)
  const half = source.plan({ ...LIMITS, intervalMs: 500, maxRows: 1000 })
  expect(spans(half.ranges)).toEqual(['in-0 15..22', 'in-1 1..2'])
})

test('starts where it is told: latest, explicit, or where earlier batches ended', () => {
  log.createTopic('in', 2)
  log.produce('in', 0, ['a', 'b', 'c'])
  log.produce('in', 1, ['d'])
  const latest = newSource(textValues, { startingOffsets: 'latest' })
  latest.start([])
  expect(next(latest)).toEqual([])
  const explicit = newSource(textValues, { startingOffsets: { in: { 0: 2n } } })
  explicit.start([])
  expect(next(explicit)).toEqual(['c', 'd'])
  const { topicId } = log.at('in', 0)
  const resumed = newSource(textValues, { startingOffsets: 'latest' })
  resumed.start([{ topic: 'in', partition: 0, topicId, offset: 1n }])
  expect(next(resumed), 'a partition that came while the job was down is read from its start').toEqual([
    'b',
    'c',
    'd',
  ])
  const beyond = newSource(textValues, { startingOffsets: { in: { 0: 99n } } })
  expect(() => beyond.start([])).toThrow(/startingOffsets wants in-0 from 99, the log has 0 to 3/)
})

test('-1 and -2 among explicit offsets are the latest and the earliest', () => {
  log.createTopic('in', 2)
  log.produce('in', 0, ['a', 'b'])
  log.produce('in', 1, ['c', 'd'])
  const source = newSource(textValues, { startingOffsets: { in: { 0: -1n, 1: -2n } } })
  source.start([])
  expect(next(source)).toEqual(['c', 'd'])
})

test('starts at a time, for all partitions or each of its own; what is later than every record ends the job', () => {
  log.createTopic('in', 2)
  for (const partition of [0, 1]) {
    log.produce(
      'in',
      partition,
      [100, 200, 300].map((timestampMs) => ({
        timestampMs,
        value: Buffer.from(`${partition}@${timestampMs}`),
      })),
    )
  }
  const started = (options: Partial<TopicSourceOptions<string>>) => {
    const source = newSource(textValues, { startingOffsets: 'latest', ...options })
    source.start([])
    return next(source)
  }
  expect(started({ startingTimestamp: 200 })).toEqual(['0@200', '0@300', '1@200', '1@300'])
  expect(started({ startingTimestamp: new Date(201) })).toEqual(['0@300', '1@300'])
  expect(started({ startingOffsetsByTimestamp: { in: { 1: 300 } } })).toEqual([
    '0@100',
    '0@200',
    '0@300',
    '1@300',
  ])
  expect(() => started({ startingTimestamp: 301 })).toThrow(/in-0 has no record at or after 1970/)
  expect(started({ startingTimestamp: 301, startingOffsetsByTimestampStrategy: 'latest' })).toEqual([])
  expect(() => started({ startingTimestamp: Number.NaN })).toThrow(/whole milliseconds/)
})

test('a pattern takes the topics whose whole name it matches, also those that come later and after a restart', async () => {
  log.createTopic('logs-a', 1)
  log.createTopic('old-logs-a', 1)
  log.produce('logs-a', 0, ['a'])
  log.produce('old-logs-a', 0, ['not this one'])
  const source = newSource(textValues, { topics: { subscribePattern: 'logs-.*' } })
  let advanced = 0
  source.onAdvance(() => advanced++)
  source.start([])
  expect(next(source)).toEqual(['a'])
  log.createTopic('logs-b', 1)
  log.produce('logs-b', 0, ['b'])
  await clock.advance(1000)
  expect(advanced).toBe(1)
  expect(next(source)).toEqual(['b'])
  source.stop()

  log.createTopic('logs-c', 1)
  log.produce('logs-c', 0, ['c'])
  const again = newSource(textValues, { topics: { subscribePattern: 'logs-.*' }, startingOffsets: 'latest' })
  const position = (topic: string, offset: bigint) => ({
    topic,
    partition: 0,
    topicId: log.at(topic, 0).topicId,
    offset,
  })
  again.start([position('logs-a', 0n), position('logs-b', 1n), position('old-logs-a', 0n)])
  expect(next(again)).toEqual(['a', 'c'])
  again.stop()
})

test('a pattern that is none is refused, and one that would take for ever elsewhere is matched at once', () => {
  expect(() => newSource(textValues, { topics: { subscribePattern: '(' } })).toThrow(
    /no regular expression of RE2/,
  )
  log.createTopic('a'.repeat(200), 1)
  const source = newSource(textValues, { topics: { subscribePattern: '(a+)+b' } })
  source.start([])
  expect(next(source)).toEqual([])
  source.stop()
})

test('assigned partitions alone are read, also those that do not exist yet', async () => {
  log.createTopic('in', 2)
  log.produce('in', 0, ['not this one'])
  log.produce('in', 1, ['a'])
  const source = newSource(textValues, { topics: { assign: { in: [1, 2] } } })
  expect(source.description).toBe('in-1,in-2')
  let advanced = 0
  source.onAdvance(() => advanced++)
  source.start([])
  expect(next(source)).toEqual(['a'])
  await clock.advance(1000)
  expect(advanced).toBe(0)
  log.addPartition('in')
  log.produce('in', 2, ['b'])
  await clock.advance(1000)
  expect(advanced).toBe(1)
  expect(next(source)).toEqual(['b'])
  source.stop()
  expect(() => newSource(textValues, { topics: { assign: { in: [-1] } } })).toThrow(/has no partition -1/)
})

test('partitions of a first plan are named even without rows, until a plan with rows was made', () => {
  log.createTopic('in', 2)
  const source = newSource(textValues, { startingOffsets: 'latest' })
  source.start([])
  expect(spans(source.plan(LIMITS).ranges)).toEqual(['in-0 0..0', 'in-1 0..0'])
  log.produce('in', 0, ['a'])
  expect(spans(source.plan(LIMITS).ranges)).toEqual(['in-0 0..1', 'in-1 0..0'])
  log.produce('in', 0, ['b'])
  expect(spans(source.plan(LIMITS).ranges)).toEqual(['in-0 1..2'])
})

test('topics and partitions that come while the job runs are found, and read from their start', async () => {
  const source = newSource(textValues, { topics: ['in', 'later'], startingOffsets: 'latest' })
  let advanced = 0
  source.onAdvance(() => advanced++)
  source.start([])
  expect(source.plan(LIMITS).ranges).toEqual([])
  log.createTopic('later', 1)
  log.produce('later', 0, ['first'])
  await clock.advance(1000)
  expect(advanced).toBe(1)
  expect(next(source)).toEqual(['first'])
  log.addPartition('later')
  log.produce('later', 1, ['second'])
  await clock.advance(1000)
  expect(advanced).toBe(2)
  expect(next(source)).toEqual(['second'])
  source.stop()
  expect(clock.timersSet).toBe(0)
})

test('what is planned or restored stays pinned until it is released', () => {
  log.createTopic('in', 1)
  log.produce('in', 0, ['a', 'b'])
  const source = newSource(textValues)
  source.start([])
  const { ranges } = source.plan(LIMITS)
  source.restore(ranges)
  expect(log.at('in', 0).pins).toBe(2)
  source.release(ranges)
  source.release(ranges)
  expect(log.at('in', 0).pins).toBe(0)
  expect(() => source.release(ranges)).toThrow(/is released, but not held/)
  source.restore(ranges)
  source.stop()
  expect(log.at('in', 0).pins).toBe(0)
})

test('rows that are gone need not end the job: it is told of them, and goes on from what is there', () => {
  const [partition] = log.createTopic('in', 1)
  log.produce('in', 0, ['a', 'b', 'c', 'd'])
  const { topicId } = log.at('in', 0)
  const source = newSource(textValues, { failOnDataLoss: false })
  const lost: string[] = []
  source.onDataLoss((rows) => lost.push(...spans([{ ...rows, topicId }])))
  partition?.deleteBefore(2n)
  source.start([{ topic: 'in', partition: 0, topicId, offset: 1n }])
  const range = { topic: 'in', partition: 0, topicId, from: 0n, until: 3n }
  const gone = { ...range, until: 1n }
  const left = source.restore([range, gone, { ...range, from: 2n }])
  expect(spans(left)).toEqual(['in-0 2..3', 'in-0 1..1', 'in-0 2..3'])
  expect(rowsOf(source, left)).toEqual(['c', 'c'])
  expect(lost.splice(0)).toEqual(['in-0 0..2', 'in-0 0..1'])
  source.release(left)
  expect(log.at('in', 0).pins).toBe(0)
  expect(next(source)).toEqual(['c', 'd'])
  expect(lost.splice(0)).toEqual(['in-0 1..2'])
  expect(next(source)).toEqual([])
  expect(lost).toEqual([])
  // More than rows is never lost silently.
  expect(() => source.restore([{ ...range, until: 9n }])).toThrow(/the plan has rows 0 to 9, the log 2 to 4/)
  log.createTopic('in', 1)
  expect(() => source.plan(LIMITS)).toThrow(/topic 'in' was deleted and made again/)
})

test('rows that are gone, and topics that are not the same any more, end the job', () => {
  const [partition] = log.createTopic('in', 1)
  log.produce('in', 0, ['a', 'b', 'c'])
  const { topicId } = log.at('in', 0)
  const at = (offset: bigint) => ({ topic: 'in', partition: 0, topicId, offset })
  const started = (offset: bigint) => {
    const source = newSource(textValues)
    source.start([at(offset)])
    return source
  }
  partition?.deleteBefore(2n)
  expect(() => started(1n).plan(LIMITS)).toThrow(DataLossError)
  expect(() => started(1n).plan(LIMITS)).toThrow(/rows 1 to 2 were deleted before they were read/)
  expect(() => started(9n).plan(LIMITS)).toThrow(/ends at 3, but the job has read it up to 9/)
  const range = { topic: 'in', partition: 0, topicId, from: 0n, until: 3n }
  expect(() => started(2n).restore([range])).toThrow(/in-0: rows 0 to 2 are in the plan, the log has 2 to 3/)
  expect(log.at('in', 0).pins).toBe(0)
  const running = started(3n)
  log.createTopic('in', 1)
  expect(() => running.plan(LIMITS)).toThrow(/topic 'in' was deleted and made again/)
  expect(() => started(0n)).toThrow(/topic 'in' was deleted and made again/)
  log.partitions.delete('in')
  expect(() => running.plan(LIMITS)).toThrow(/in-0 does not exist any more/)
})
