// Operators that know only their own batch.

import { expect, test } from 'vitest'
import { table } from './tables.ts'

const numbers = [[1, 2, 3], [], [4]]

test('map, filter and flatMap give a data set for every batch, empty ones too', async () => {
  expect(await table(numbers, (s) => s.map((n) => n * 10))).toEqual({ 1: [10, 20, 30], 2: [], 3: [40] })
  expect(await table(numbers, (s) => s.filter((n) => n % 2 === 0))).toEqual({ 1: [2], 2: [], 3: [4] })
  expect(await table(numbers, (s) => s.flatMap((n) => Array(n).fill(n)))).toEqual({
    1: [1, 2, 2, 3, 3, 3],
    2: [],
    3: [4, 4, 4, 4],
  })
})

test('flatMap takes any iterable', async () => {
  const spread = await table([['ab', 'c']], (s) => s.flatMap((text) => text))
  expect(spread).toEqual({ 1: ['a', 'b', 'c'] })
})

test('word count, the first program', async () => {
  const counts = await table([['a b a', 'c'], [], ['b b']], (s) =>
    s
      .flatMap((line) => line.split(' '))
      .mapToPair((word) => [word, 1])
      .reduceByKey((a, b) => a + b),
  )
  expect(counts).toEqual({
    1: [
      ['a', 2],
      ['b', 1],
      ['c', 1],
    ],
    2: [],
    3: [['b', 2]],
  })
})
