// The checkers must bite: each kind of damage done to a good history is found and named. Without this a kill
// test that passes says nothing.

import { describe, expect, test } from 'vitest'
import { type Anomaly, InputHistory, OutputHistory, VisitHistory } from './history.ts'
import { keyOf, lineOf } from './load.ts'

const SEED = 42

interface Row {
  partition: number
  offset: number
  key: string
  value: string
}

/** Two writers taking turns in one partition, ten records each, all acknowledged. */
function goodRows(): Row[] {
  return Array.from({ length: 20 }, (_, offset) => {
    const lane = { partition: 0, producer: offset % 2 }
    const sequence = Math.floor(offset / 2)
    return {
      partition: 0,
      offset,
      key: keyOf(lane.producer, sequence),
      value: lineOf(SEED, lane, sequence),
    }
  })
}

function judge(rows: readonly Row[], ackedOffset = (offset: number): number => offset): string {
  const history = new InputHistory(SEED)
  for (let i = 0; i < 20; i++) {
    const baseOffset = BigInt(ackedOffset(i))
    history.acknowledged({
      partition: 0,
      producer: i % 2,
      firstSequence: Math.floor(i / 2),
      count: 1,
      baseOffset,
    })
  }
  return kindOf(() => {
    for (const { partition, offset, key, value } of rows) history.read(partition, BigInt(offset), key, value)
    history.settle()
  })
}

function kindOf(act: () => void): string {
  try {
    act()
    return 'good'
  } catch (error) {
    return (error as Anomaly).kind
  }
}

const renumber = (rows: readonly Row[]): Row[] => rows.map((row, offset) => ({ ...row, offset }))

describe('the input', () => {
  test.each<[string, string, Row[]]>([
    ['as it was sent', 'good', goodRows()],
    ['a tail that is gone', 'lost', goodRows().slice(0, 18)],
    ['a record gone from the middle', 'lost', renumber(goodRows().filter((_, i) => i !== 7))],
    ['a record twice', 'duplicate', renumber(goodRows().flatMap((row, i) => (i === 5 ? [row, row] : [row])))],
    [
      'a hole in the offsets',
      'gap',
      goodRows().map((row) => (row.offset < 9 ? row : { ...row, offset: row.offset + 1 })),
    ],
    [
      'another text',
      'changed',
      goodRows().map((row) => (row.offset === 3 ? { ...row, value: `${row.value} w1` } : row)),
    ],
    ['a key nobody sent', 'changed', goodRows().map((row) => (row.offset === 3 ? { ...row, key: '' } : row))],
    ['two of a writer changed over', 'lost', renumber(swapped(goodRows(), 4, 6))],
    ['two of different writers changed over', 'moved', renumber(swapped(goodRows(), 4, 5))],
  ])('%s: %s', (_what, kind, rows) => {
    expect(judge(rows)).toBe(kind)
  })

  test('what is acknowledged twice at different offsets is found', () => {
    expect(judge(goodRows(), (offset) => (offset === 11 ? 10 : offset))).toBe('moved')
  })

  test('missing() counts what an acknowledgement promised and the log does not have', () => {
    const history = new InputHistory(SEED)
    history.acknowledged({ partition: 0, producer: 0, firstSequence: 0, count: 5, baseOffset: 0n })
    for (let i = 0; i < 3; i++)
      history.read(0, BigInt(i), keyOf(0, i), lineOf(SEED, { partition: 0, producer: 0 }, i))
    expect(history.missing()).toBe(2)
  })
})

describe('the output', () => {
  const counts = new Map([
    ['a', 5],
    ['b', 3],
  ])
  test.each<[string, string, [string, number][]]>([
    [
      'each total once, the last is the count',
      'good',
      [
        ['a', 2],
        ['b', 3],
        ['a', 5],
      ],
    ],
    [
      'a total twice',
      'repeated',
      [
        ['a', 2],
        ['b', 3],
        ['a', 2],
        ['a', 5],
      ],
    ],
    [
      'a total that goes back',
      'backwards',
      [
        ['a', 5],
        ['b', 3],
        ['a', 2],
      ],
    ],
    [
      'a word counted too often',
      'invented',
      [
        ['a', 6],
        ['b', 3],
      ],
    ],
    [
      'a word nobody wrote',
      'invented',
      [
        ['a', 5],
        ['b', 3],
        ['c', 1],
      ],
    ],
    [
      'a last total that is missing',
      'wrong',
      [
        ['a', 2],
        ['b', 3],
      ],
    ],
    ['a total that is no number', 'wrong', [['a', Number.NaN]]],
  ])('%s: %s', (_what, kind, rows) => {
    const history = new OutputHistory()
    const found = kindOf(() => {
      rows.forEach(([word, total], offset) => history.read(BigInt(offset), word, total))
      history.equals(counts)
    })
    expect(found).toBe(kind)
  })
})

function swapped(rows: Row[], a: number, b: number): Row[] {
  const copy = [...rows]
  copy[a] = rows[b] as Row
  copy[b] = rows[a] as Row
  return copy
}

describe('the judge of visits', () => {
  const judgeVisits = (what: readonly string[], visits = 12): string => {
    const history = new VisitHistory()
    try {
      for (const [offset, each] of what.entries()) history.read(BigInt(offset), 'a', each)
      history.equals(new Map([['a', visits]]))
      return 'good'
    } catch (error) {
      return (error as Anomaly).kind
    }
  }

  test.each([
    { what: ['count 4', 'gone 6', 'count 4'], says: 'good' },
    { what: ['count 4', 'count 8', 'count 12'], says: 'good' },
    { what: ['count 4', 'count 4'], says: 'repeated' },
    { what: ['count 4', 'count 12'], says: 'skipped' },
    { what: ['count 8'], says: 'skipped' },
    { what: ['count 4', 'gone 8'], says: 'skipped' },
    { what: ['count 4', 'gone 3'], says: 'skipped' },
    { what: ['gone 4', 'gone 0'], says: 'skipped' },
    { what: ['gone 3', 'count 4', 'count 8', 'count 12'], says: 'invented' },
    { what: ['count 4', 'gone 5'], says: 'wrong' },
  ])('$what: $says', ({ what, says }) => {
    expect(judgeVisits(what)).toBe(says)
  })
})
