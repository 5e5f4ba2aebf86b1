// What the job has put out, read on from where a reader was: both topics as a read_committed consumer sees them, and
// the directories of its batches as anyone sees them who lists the folder.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { readLog, type ReadOptions, type Visit } from '../world/read-log.ts'
import type { WireClient } from '../world/wire-client.ts'
import { Anomaly, type InputHistory, OutputHistory, VisitHistory } from './history.ts'
import { OUTPUT_PARTITIONS, OUTPUT_TOPIC, VISITS_TOPIC } from './load.ts'

/** Where the job's batches lie: beside its log and its checkpoint. */
export function filesPrefix(dataDir: string): string {
  return join(dataDir, 'word-count-files', 'totals')
}

/** Reads partitions on from where it was. */
export class TopicReader {
  private readonly next = new Map<string, bigint>()

  async readOn(client: WireClient, of: Omit<ReadOptions, 'fromOffset'>, visit: Visit): Promise<void> {
    const name = `${of.topic}-${of.partition}`
    const fromOffset = this.next.get(name) ?? 0n
    const end = await readLog(client, { ...of, fromOffset }, (offset, key, value) => {
      visit(offset, key, value)
      this.next.set(name, offset + 1n)
    })
    this.next.set(name, end)
  }
}

export class Outputs {
  readonly totals = new OutputHistory()
  readonly files = new OutputHistory()
  readonly visits = new VisitHistory()
  private readonly prefix: string | undefined
  private readonly reader = new TopicReader()
  private lastBatchMs = 0

  /** Without a directory there are no files. */
  constructor(dataDir: string | undefined) {
    this.prefix = dataDir === undefined ? undefined : filesPrefix(dataDir)
  }

  async read(client: WireClient): Promise<void> {
    if (this.prefix !== undefined) this.readFiles(this.prefix)
    for (let partition = 0; partition < OUTPUT_PARTITIONS; partition++) {
      const of = { partition, isolation: 'read_committed' as const }
      await this.reader.readOn(client, { ...of, topic: OUTPUT_TOPIC }, (offset, key, value) =>
        this.totals.read(offset, String(key), Number(value)),
      )
      await this.reader.readOn(client, { ...of, topic: VISITS_TOPIC }, (offset, key, value) =>
        this.visits.read(offset, String(key), String(value)),
      )
    }
  }

  /** `input` was read after the outputs. */
  within({ counts, visits }: InputHistory): void {
    this.totals.within(counts)
    this.files.within(counts)
    this.visits.within(visits)
  }

  /** When all that the job had to do is done. */
  equals({ counts, visits }: InputHistory): void {
    this.totals.equals(counts)
    this.visits.equals(visits)
    if (this.prefix === undefined) return
    this.files.equals(counts)
    for (const [word, print] of this.totals.prints)
      if (this.files.prints.get(word) !== print)
        throw new Anomaly('wrong', `'${word}' went through other totals in the files than in the topic`)
  }

  /**
   * All that the input asks for has been read. Each output is asked by itself: the markers of one transaction are
   * written partition by partition, and a reader sees the end of one before that of another.
   */
  hasAll({ counts, visits }: InputHistory): boolean {
    const words = [...counts.values()].reduce((sum, count) => sum + count, 0)
    return this.sum() >= words && this.visits.hasAll(visits)
  }

  /** Words that both topic and files have counted. */
  sum(): number {
    if (this.prefix === undefined) return this.totals.sum()
    return Math.min(this.totals.sum(), this.files.sum())
  }

  private readFiles(prefix: string): void {
    const folder = dirname(prefix)
    if (!existsSync(folder)) return
    const begin = `${basename(prefix)}-`
    const times = readdirSync(folder)
      .filter((name) => name.startsWith(begin))
      .map((name) => Number(name.slice(begin.length)))
      .filter((timeMs) => timeMs > this.lastBatchMs)
    for (const timeMs of times.sort((a, b) => a - b)) {
      this.readBatch(`${prefix}-${timeMs}`, timeMs)
      this.lastBatchMs = timeMs
    }
  }

  private readBatch(directory: string, timeMs: number): void {
    const parts = readdirSync(directory).sort()
    if (!parts.includes('_SUCCESS')) throw new Anomaly('lost', `${directory} is shown before it is whole`)
    // All that is read, then all that is checked: a read that fails half way, with the disk cut off, is done again.
    const texts = parts
      .filter((name) => name.startsWith('part-'))
      .map((part) => ({ part, text: readFileSync(join(directory, part), 'utf8') }))
    for (const { part, text } of texts) {
      const lines = text.split('\n')
      if (lines.pop() !== '') throw new Anomaly('lost', `${directory}/${part} ends within a row`)
      for (const line of lines) {
        const [, word = '', total] = /^\((\w+),(\d+)\)$/.exec(line) ?? []
        this.files.read(BigInt(timeMs), word, Number(total))
      }
    }
  }
}
