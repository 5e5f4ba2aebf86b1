// The arithmetic and the tables of the bench: what is printed must follow from what was measured.

import { describe, expect, test } from 'vitest'
import { bars } from '../../../tools/bench/bars.ts'
import {
  type Bar,
  type Figure,
  formatNumber,
  percentile,
  ratioOf,
  verdictOf,
} from '../../../tools/bench/figure.ts'
import { json, markdown, type Run, tableText, WHOLE } from '../../../tools/bench/report.ts'
import { alternate, summarize } from '../../../tools/bench/rounds.ts'
import { NEEDLE, textLines } from '../../../tools/bench/text.ts'

const figure = (changed: Partial<Figure>): Figure => ({
  suite: 'append',
  name: 'small records',
  unit: 'MB/s',
  better: 'more',
  value: 300,
  ...changed,
})

describe('a figure', () => {
  test('is its reference times the ratio', () => {
    expect(ratioOf(figure({ reference: { name: 'plain', value: 400 } }))).toBe(0.75)
    expect(ratioOf(figure({}))).toBeUndefined()
    expect(ratioOf(figure({ reference: { name: 'plain', value: 0 } }))).toBeUndefined()
  })

  test('meets a bar on its value, the bound included, or does not', () => {
    const bar = { text: '', of: 'value', atMost: 300 } as const
    expect(verdictOf(figure({ bar }))).toBe('met')
    expect(verdictOf(figure({ bar, value: 300.1 }))).toBe('not met')
    expect(verdictOf(figure({ bar: { text: '', of: 'value', atLeast: 301 } }))).toBe('not met')
    expect(verdictOf(figure({}))).toBe('no bar')
  })

  test('meets a bar on its ratio only where there is a reference', () => {
    const bar = { text: '', of: 'ratio', atLeast: 0.5 } as const
    expect(verdictOf(figure({ bar, reference: { name: 'plain', value: 600 } }))).toBe('met')
    expect(verdictOf(figure({ bar, reference: { name: 'plain', value: 601 } }))).toBe('not met')
    expect(verdictOf(figure({ bar }))).toBe('no reference')
  })

  test('every bar of the design has a bound and words', () => {
    for (const [name, bar] of Object.entries<Bar>(bars)) {
      expect(bar.text, name).not.toBe('')
      expect(bar.atLeast ?? bar.atMost, name).toBeTypeOf('number')
    }
  })
})

test('numbers have three digits that count', () => {
  expect([0, 0.01234, 4.5678, 78.94, 789.4, 12_345, 1_234_567].map(formatNumber)).toEqual([
    '0',
    '0.0123',
    '4.57',
    '78.9',
    '789',
    '12,300',
    '1,230,000',
  ])
})

test('percentiles are values that were measured', () => {
  const values = [5, 1, 4, 2, 3]
  expect(percentile(values, 0.5)).toBe(3)
  expect(percentile(values, 0.99)).toBe(5)
  expect(percentile(values, 0.01)).toBe(1)
  expect(() => percentile([], 0.5)).toThrow('no values')
  expect(() => percentile(values, 0)).toThrow('share 0')
})

describe('rounds', () => {
  test('take turns, and the first turn of each is not counted', async () => {
    const turns: string[] = []
    const contestant = (name: string) => () => {
      turns.push(name)
      return 1
    }
    const measured = await alternate(
      { plain: contestant('plain'), ours: contestant('ours') },
      { rounds: 3, turnMs: 0 },
    )
    expect(turns.join(' ')).toBe('plain ours plain ours plain ours plain ours')
    expect(measured.ours.best).toBeGreaterThanOrEqual(measured.ours.median)
  })

  test('are judged by the best, and tell how far the median was from it', () => {
    expect(summarize([80, 100, 60])).toEqual({ best: 100, median: 80, noise: 0.2 })
  })
})

test('the text is the same in every run, of the wanted length, with the needle in one line of a hundred', () => {
  const [a, b] = [textLines(100), textLines(100)]
  const lines = Array.from({ length: 1000 }, () => a())
  expect(lines).toEqual(Array.from({ length: 1000 }, () => b()))
  expect(new Set(lines.map((line) => line.length))).toEqual(new Set([100]))
  expect(lines.filter((line) => line.includes(NEEDLE))).toHaveLength(10)
})

describe('a run', () => {
  const run: Run = {
    date: '2030-01-02T03:04:05.000Z',
    quick: false,
    machine: {
      commit: 'abc',
      isModified: false,
      cpu: 'some cpu',
      cores: 2,
      memoryGb: 8,
      system: 'Linux',
      node: 'v20.19.0',
      loadBefore: 0,
    },
    outcomes: [
      figure({
        reference: { name: 'plain', value: 400 },
        noise: 0.051,
        bar: bars.fsyncAgainstOs,
        note: 'warm',
      }),
      { suite: 'client', name: 'kfake', reason: 'there is no go' },
    ],
  }

  test('is printed with value, reference, ratio, noise, bar and verdict', () => {
    const [head, row] = tableText(run).split('\n')
    expect(head).toMatch(/^what +value +reference +ratio +noise +bar/)
    expect(row?.split(/ {2,}/)).toEqual([
      'append: small records',
      '300 MB/s',
      '400 (plain)',
      '0.75x',
      '5 %',
      'fsync >= 50 % of os',
      'met',
    ])
    expect(tableText(run)).toContain('skipped client: kfake: there is no go')
  })

  test('is kept as Markdown and as JSON with the machine and what was skipped', () => {
    const text = markdown(run, WHOLE)
    expect(text.split('\n')[0]).toBe('# Benchmark')
    expect(text).toContain('Made by `npm run bench`.')
    expect(text).toContain('2030-01-02 03:04 UTC, commit abc, some cpu, 2 cores, 8 GB')
    expect(text).toContain('| append: small records | 300 MB/s | 400 (plain) | 0.75x | 5 % |')
    expect(text).toContain('- client: kfake: there is no go')
    const kept = JSON.parse(json(run)) as { outcomes: Record<string, unknown>[] }
    expect(kept.outcomes[0]).toMatchObject({ value: 300, ratio: 0.75, verdict: 'met' })
    expect(kept.outcomes[1]).toEqual(run.outcomes[1])
  })
})
