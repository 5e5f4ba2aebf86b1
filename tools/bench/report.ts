// A run as text for the terminal, as Markdown and as JSON. What was skipped stands in all of them.

import {
  type Figure,
  formatNumber,
  isSkipped,
  type Outcome,
  ratioOf,
  type Skipped,
  verdictOf,
} from './figure.ts'
import type { Machine } from './machine.ts'

export interface Run {
  /** ISO 8601. */
  date: string
  quick: boolean
  machine: Machine
  outcomes: Outcome[]
}

/** What stands above a table that is kept. */
export interface Told {
  readonly title: string
  /** Paragraphs: what a reader has to know of all the figures. */
  readonly about: readonly string[]
}

export const WHOLE: Told = {
  title: 'Benchmark',
  about: [
    'Each figure is the best of several short rounds, taken in turn with its reference; noise is how far the\n' +
      'median round was from the best. Ratio is value ÷ reference. Made by `npm run bench`.',
  ],
}

const COLUMNS = ['what', 'value', 'reference', 'ratio', 'noise', 'bar', ''] as const

export function figuresOf(run: Run): Figure[] {
  return run.outcomes.filter((outcome): outcome is Figure => !isSkipped(outcome))
}

function skippedOf(run: Run): Skipped[] {
  return run.outcomes.filter(isSkipped)
}

function cells(figure: Figure): string[] {
  const { reference, noise, unit } = figure
  const ratio = ratioOf(figure)
  const verdict = verdictOf(figure)
  return [
    `${figure.suite}: ${figure.name}`,
    `${formatNumber(figure.value)} ${unit}`,
    reference === undefined ? '' : `${formatNumber(reference.value)} (${reference.name})`,
    ratio === undefined ? '' : `${formatNumber(ratio)}x`,
    noise === undefined ? '' : `${Math.round(noise * 100)} %`,
    figure.bar?.text ?? '',
    verdict === 'no bar' ? '' : verdict,
  ]
}

export function machineLine({ machine, date, quick }: Run): string {
  const { commit, isModified, cpu, cores, memoryGb, system, node, loadBefore } = machine
  const changed = isModified ? ' with uncommitted changes' : ''
  return `${date.slice(0, 16).replace('T', ' ')} UTC, commit ${commit}${changed}, ${cpu}, ${cores} cores, ${memoryGb} GB, ${system}, node ${node}, load before ${loadBefore}${quick ? ', quick' : ''}`
}

/** Aligned columns, as wide as they need to be. */
export function tableText(run: Run): string {
  const rows = [[...COLUMNS], ...figuresOf(run).map(cells)]
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const lines = rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const notes = figuresOf(run).flatMap(({ suite, name, note }) =>
    note === undefined ? [] : `${suite}: ${name}: ${note}`,
  )
  const skipped = skippedOf(run).map(({ suite, name, reason }) => `skipped ${suite}: ${name}: ${reason}`)
  return [...lines, ...notes, ...skipped].join('\n')
}

export function markdown(run: Run, { title, about }: Told): string {
  const escape = (cell: string): string => cell.replaceAll('|', '\\|')
  const row = (entries: readonly string[]): string => `| ${entries.map(escape).join(' | ')} |`
  const figures = figuresOf(run)
  const notes = figures.flatMap(({ suite, name, note }) =>
    note === undefined ? [] : `- ${suite}: ${name}: ${note}`,
  )
  const skipped = skippedOf(run).map(({ suite, name, reason }) => `- ${suite}: ${name}: ${reason}`)
  return [
    `# ${title}`,
    '',
    machineLine(run),
    '',
    ...about.flatMap((paragraph) => [paragraph, '']),
    row(COLUMNS),
    row(COLUMNS.map(() => '---')),
    ...figures.map((figure) => row(cells(figure))),
    ...(notes.length === 0 ? [] : ['', 'Notes', '', ...notes]),
    ...(skipped.length === 0 ? [] : ['', 'Not measured here', '', ...skipped]),
    '',
  ].join('\n')
}

export function json(run: Run): string {
  const outcomes = run.outcomes.map((outcome) =>
    isSkipped(outcome)
      ? outcome
      : { ...outcome, ratio: ratioOf(outcome) ?? null, verdict: verdictOf(outcome) },
  )
  return `${JSON.stringify({ ...run, outcomes }, null, 2)}\n`
}
