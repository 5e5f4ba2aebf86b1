// The jobs that the bench runs beside Spark's: what they wrote is read and compared before a figure counts.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { buildBatch, buildEndTxnMarker } from '../../../broker/protocol/record-batch/builder.ts'
import { differenceOf, valuesOf } from '../../../tools/bench/spark/answers.ts'

const NOW_MS = 1_700_000_000_000

describe('what is in a partition', () => {
  let directory: string
  beforeEach(() => void (directory = fs.mkdtempSync(path.join(os.tmpdir(), 'logmill-answers-'))))
  afterEach(() => fs.rmSync(directory, { recursive: true }))

  const batchOf = (...values: string[]): Buffer =>
    buildBatch(values.map((value) => ({ timestampMs: NOW_MS, key: null, value: Buffer.from(value) })))

  test('is counted by value over all of its segments, markers of transactions left out', () => {
    const marker = buildEndTxnMarker(7n, 0, true, 0, NOW_MS)
    const write = (name: string, ...batches: Buffer[]) =>
      fs.writeFileSync(path.join(directory, name), Buffer.concat(batches))
    write('00000000000000000000.log', batchOf('a 1', 'b 2'), marker, batchOf('a 1'))
    write('00000000000000000004.log', batchOf('a 1', 'c 3'), marker)
    write('00000000000000000004.index')
    expect([...valuesOf(directory)]).toEqual([
      ['a 1', 3],
      ['b 2', 1],
      ['c 3', 1],
    ])
  })
})

describe('two answers', () => {
  const expected = new Map([
    ['a', 2],
    ['b', 1],
  ])
  test.each([
    [
      'in another order',
      [
        ['b', 1],
        ['a', 2],
      ],
      undefined,
    ],
    [
      'of which one has a value more often',
      [
        ['a', 3],
        ['b', 1],
      ],
      `'a' is there 3 times instead of 2`,
    ],
    ['of which one lacks a value', [['a', 2]], `'b' is there 0 times instead of 1`],
    [
      'of which one has a value more',
      [
        ['a', 2],
        ['b', 1],
        ['c', 1],
      ],
      `'c' is there 1 times instead of 0`,
    ],
  ] as const)('%s', (_, found, difference) => {
    expect(differenceOf(expected, new Map(found))).toBe(difference)
  })

  test('that are both empty agree on nothing', () => {
    expect(differenceOf(new Map(), new Map())).toBe('nothing was written')
  })
})
