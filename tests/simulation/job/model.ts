// What a world's job has to come to, told by the lines alone. It reads each record of the output once, so it can be
// asked after every life: so far nothing twice and nothing that ought not to be; at the end all of it.

import { groupIdOf } from '../../../processor/checkpoint/decision.ts'
import type { ModelLog } from '../../processor/model-log.ts'
import type { SimulatedDisk } from './disk.ts'
import { FOLDERS, keyOf, type Parts, SECOND, SILENCE_MS, SPAN, SUM_MS } from './program.ts'

export const APP = 'sim'

interface Place {
  readonly partition: number
  readonly offset: bigint
}

/** Outputs in which lines of a kind must not show. */
const POISON_IN: Readonly<Record<string, readonly string[]>> = {
  once: ['bad', 'shared'],
  shared: ['bad', 'shared'],
  window: ['bad', 'shared'],
  slow: ['late'],
}

export class Model {
  private readonly log: ModelLog
  private readonly disk: SimulatedDisk
  private readonly parts: Parts
  private readonly produced = new Map<string, Place>()
  private readonly lineAt = new Map<string, string>()
  private readonly read = new Map<string, number>()
  /** By their first word, what the output has. */
  private readonly found = new Map<string, string[]>()
  private readonly written = new Set<string>()
  private readonly dead = new Set<string>()
  private readonly told = new Set<string>()
  private readonly sessions = new Map<string, { count: number; lastMs: number }>()
  private readonly sums = new Sums()
  /** Folders that were looked at, and the lines in them. */
  private readonly known = new Set<object>()
  private readonly shown = new Set<string>()
  private wrong: string | undefined

  constructor(log: ModelLog, disk: SimulatedDisk, parts: Parts) {
    this.log = log
    this.disk = disk
    this.parts = parts
  }

  get lines(): number {
    return this.produced.size
  }

  produce(partition: number, lines: readonly string[]): void {
    let offset = this.log.at('in', partition).endOffset
    for (const line of lines) {
      this.produced.set(line, { partition, offset })
      this.lineAt.set(`${partition}/${offset++}`, line)
    }
    this.log.produce('in', partition, lines)
  }

  /** The job says that it left a record out, in a batch that counts. */
  tell({ partition, offset }: Place): void {
    const place = `${partition}/${offset}`
    const line = this.lineAt.get(place)
    if (line?.startsWith('good') !== false) this.wrong ??= `'${line}' is left out, and no poison`
    if (this.told.has(place)) this.wrong ??= `'${line}' is left out twice`
    this.told.add(place)
  }

  lag(): bigint {
    let lag = 0n
    for (const { partition, stableEndOffset } of this.log.partitions.get('in') ?? []) {
      lag += stableEndOffset - this.groupOffset(partition)
    }
    return lag
  }

  checkSoFar(): void {
    must(this.wrong === undefined, this.wrong ?? '')
    for (const line of this.news('dead')) {
      must(this.parts.poison === 'dead letter', `a dead letter of what is skipped: '${line}'`)
      must(!this.dead.has(line), `a dead letter twice: ${line}`)
      must(!line.startsWith('good'), `'${line}' is no poison`)
      this.dead.add(line)
    }
    for (const record of this.news('out')) this.take(record)
    this.sums.check()
    this.checkFiles()
  }

  /** The job has ended in order: all that counts is shown. */
  checkShown(): void {
    if (!this.parts.files) return
    const shown = [...this.disk.shown(FOLDERS)].flatMap(([, , lines]) => lines() ?? []).filter(isGood)
    const counts = [...this.produced].filter(([line, place]) => isGood(line) && this.counts(place))
    mustBeSame(
      'files',
      shown,
      counts.map(([line]) => line),
    )
  }

  check(): void {
    must(this.lag() === 0n, `at the end ${this.lag()} rows are left`)
    const lines = [...this.produced.keys()]
    const good = lines.filter(isGood)
    const poison = lines.filter((line) => !isGood(line))
    mustBeSame('dead letters', [...this.dead], this.parts.poison === 'skip' ? [] : poison)
    for (const kind of ['once', 'shared']) mustBeSame(kind, this.of(kind).filter(isGood), good)
    if (this.parts.windows) {
      const windows = good.flatMap((line) => Array.from({ length: SPAN }, () => line))
      mustBeSame('windows', this.of('window').filter(isGood), windows)
      mustBeSame('slow windows', this.of('slow').filter(isGood), [...good, ...good])
    }
    if (this.parts.counts) this.checkCounts(good)
    if (this.parts.sessions) {
      const ids = good.map((line) => line.split(' ')[2] as string)
      const touched = this.of('touch').filter((record) => !record.startsWith('late '))
      mustBeSame(
        'records of sessions',
        touched.map((record) => record.split(' ')[1] as string),
        ids,
      )
      const [open] = this.sessions.keys()
      must(open === undefined, `the session of ${open} never ends`)
    }
    this.sums.checkEnd()
    this.checkShown()
  }

  private take(record: string): void {
    const word = record.slice(0, record.indexOf(' '))
    const rest = record.slice(word.length + 1)
    const records = this.found.get(word)
    if (records === undefined) this.found.set(word, [rest])
    else records.push(rest)
    const poison = POISON_IN[word]?.find((kind) => rest.startsWith(kind))
    must(poison === undefined, `'${rest}' shows in ${word}`)
    if (word === 'once') {
      must(!this.written.has(rest), `written twice: ${rest}`)
      this.written.add(rest)
    }
    const fields = rest.split(' ') as [string, string, string, string]
    if (word === 'touch') this.touch(fields[0], Number(fields[2]), Number(fields[3]))
    if (word === 'gone') this.end(fields[0], Number(fields[1]), Number(fields[2]))
    if (word === 'at') this.sums.add(fields[0], Number(fields[2]))
    if (word === 'sum') this.sums.found(fields[0], Number(fields[1]), Number(fields[2]))
  }

  private touch(key: string, count: number, timeMs: number): void {
    const session = this.sessions.get(key) ?? { count: 0, lastMs: timeMs }
    must(timeMs <= endsMs(session), `the session of ${key} was to end at ${endsMs(session)}, not to go on`)
    must(count === ++session.count, `session: ${key} has ${count} records, not ${session.count}`)
    session.lastMs = timeMs
    this.sessions.set(key, session)
  }

  private end(key: string, count: number, timeMs: number): void {
    const session = this.sessions.get(key)
    if (session === undefined) throw new Error(`the session of ${key} ends twice, at ${timeMs}`)
    must(timeMs === endsMs(session), `the session of ${key} ends at ${timeMs}, not at ${endsMs(session)}`)
    must(count === session.count, `session: ${key} ends with ${count} records, not ${session.count}`)
    this.sessions.delete(key)
  }

  private checkFiles(): void {
    for (const [name, folder, linesOf] of this.disk.shown(FOLDERS)) {
      if (this.known.has(folder)) continue
      const lines = linesOf()
      if (lines === undefined) throw new Error(`${name} is shown, and not whole`)
      for (const line of lines) {
        must(!this.shown.has(line), `${name}: '${line}' is shown twice`)
        const place = this.produced.get(line)
        must(place !== undefined && this.counts(place), `'${line}' is shown, and its batch does not count`)
        this.shown.add(line)
      }
      this.known.add(folder)
    }
  }

  private checkCounts(good: readonly string[]): void {
    const counts = new Map(this.of('count').map((record) => record.split(' ') as [string, string]))
    const expected = new Map<string, number>()
    for (const line of good) expected.set(keyOf(line), (expected.get(keyOf(line)) ?? 0) + 1)
    for (const [key, count] of expected) {
      must(Number(counts.get(key)) === count, `${key} was counted ${counts.get(key)} times, not ${count}`)
    }
  }

  private counts({ partition, offset }: Place): boolean {
    return offset < this.groupOffset(partition)
  }

  private groupOffset(partition: number): bigint {
    return this.log.groups.get(groupIdOf(APP))?.get(`in-${partition}`)?.offset ?? 0n
  }

  private of(word: string): string[] {
    return this.found.get(word) ?? []
  }

  private *news(topic: string): Generator<string> {
    const { committed } = this.log.at(topic, 0)
    for (let at = this.read.get(topic) ?? 0; at < committed.length; at++) yield String(committed[at]?.value)
    this.read.set(topic, committed.length)
  }
}

/** What a window's sum is at each time of the grid, of what came when. */
class Sums {
  private readonly came = new Map<number, Map<string, number>>()
  private readonly sums = new Map<number, Map<string, number>>()
  private lastMs = 0
  private checkedMs = 0

  add(key: string, timeMs: number): void {
    const at = this.at(this.came, timeMs)
    at.set(key, (at.get(key) ?? 0) + 1)
  }

  found(key: string, sum: number, timeMs: number): void {
    const at = this.at(this.sums, timeMs)
    must(!at.has(key), `the sum of ${key} is there twice at ${timeMs}`)
    at.set(key, sum)
  }

  /** Batches are seen whole. */
  check(): void {
    for (; this.checkedMs < this.lastMs; this.checkedMs += SECOND) {
      this.checkAt(this.checkedMs + SECOND)
      this.came.delete(this.checkedMs - SUM_MS)
    }
  }

  checkEnd(): void {
    this.check()
    const left = this.expectedAt(this.lastMs + SECOND)
    must(left.size === 0, `the sums end at ${this.lastMs} with keys in them`)
  }

  private checkAt(timeMs: number): void {
    const expected = this.expectedAt(timeMs)
    const found = this.sums.get(timeMs) ?? new Map<string, number>()
    for (const key of new Set([...expected.keys(), ...found.keys()])) {
      // Records that are found to be poison later do not come out again: what became of them before stays.
      if (key === 'late') continue
      must(
        found.get(key) === expected.get(key),
        `the sum of ${key} at ${timeMs} is ${found.get(key)}, not ${expected.get(key)}`,
      )
    }
    this.sums.delete(timeMs)
  }

  private expectedAt(timeMs: number): Map<string, number> {
    const expected = new Map<string, number>()
    for (let at = timeMs - SUM_MS + SECOND; at <= timeMs; at += SECOND) {
      for (const [key, count] of this.came.get(at) ?? []) {
        if (key !== 'late') expected.set(key, (expected.get(key) ?? 0) + count)
      }
    }
    return expected
  }

  private at(of: Map<number, Map<string, number>>, timeMs: number): Map<string, number> {
    if (this.lastMs === 0) this.checkedMs = timeMs - SECOND
    this.lastMs = Math.max(this.lastMs, timeMs)
    let at = of.get(timeMs)
    if (at === undefined) of.set(timeMs, (at = new Map()))
    return at
  }
}

/** A session that is silent for longer than it may be ends in the first batch that sees it. */
function endsMs({ lastMs }: { lastMs: number }): number {
  return lastMs + SILENCE_MS + SECOND
}

function isGood(line: string): boolean {
  return line.startsWith('good')
}

function mustBeSame(what: string, found: readonly string[], expected: readonly string[]): void {
  const [is, ought] = [found.toSorted(), expected.toSorted()]
  const at = ought.findIndex((line, index) => is[index] !== line)
  must(
    is.length === ought.length && at < 0,
    `${what}: ${is.length} of ${ought.length}; '${is[at]}' where '${ought[at]}' ought to be`,
  )
}

export function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what)
}
