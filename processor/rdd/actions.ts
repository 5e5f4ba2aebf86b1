// What asks for rows: every action runs the dataset and hands back values of the program. Spark's names; where there
// are no rows, an action that has no answer then gives undefined instead of throwing, unless it says so.

import { OperatorError, operatorFailed } from '../graph/errors.ts'
import { checkKey, type Key } from '../graph/key.ts'
import { compressed, type Compression, type FileFormat, objects, textLines } from '../sink/file-format.ts'
import { saveRows } from '../sink/part-files.ts'
import { rowText } from '../sink/row-text.ts'
import { reducing } from './aggregate.ts'
import { drainAll, type Dataset } from './dataset.ts'
import { DistinctCount } from './distinct-count.ts'
import { mapPipe, NarrowDataset } from './narrow.ts'
import { chanceOf } from './random.ts'
import type { RddContext } from './rdd-context.ts'
import { Smallest } from './smallest.ts'
import { type Compare, naturally } from './order.ts'
import { bucketOf, checkBounds, evenBounds, type Histogram, Statistics } from './statistics.ts'

const ROWS_AT_A_TIME = 256

export abstract class RddActions<T> implements AsyncIterable<T> {
  protected readonly context: RddContext
  protected current: Dataset<T>

  constructor(dataset: Dataset<T>, context: RddContext) {
    this.current = dataset
    this.context = context
  }

  /** What the engine reads; not part of the public API. */
  get dataset(): Dataset<T> {
    return this.current
  }

  /** How many row partitions there are. */
  get partitions(): number {
    return this.dataset.partitions
  }

  async collect(): Promise<T[]> {
    const rows: T[] = []
    await this.each((row) => void rows.push(row))
    return rows
  }

  /** The first rows, in the order of the partitions; reads no more than it needs to. */
  async take(count: number): Promise<T[]> {
    const rows: T[] = []
    const { dataset, context } = this
    await dataset.prepare(context.run)
    for (let partition = 0; partition < dataset.partitions && rows.length < count; partition++) {
      const reader = dataset.open(partition, (row) => {
        if (rows.length < count) rows.push(row)
      })
      await context.run.drain(reader, undefined, () => rows.length >= count)
    }
    return rows
  }

  /** Throws without rows. */
  async first(): Promise<T> {
    const rows = await this.take(1)
    if (rows.length === 0) throw new Error(`${this.context.scope}: first() of an empty RDD`)
    return rows[0] as T
  }

  async isEmpty(): Promise<boolean> {
    return (await this.take(1)).length === 0
  }

  /** The last `count` rows of the order, the last one first; only as many are held. */
  async top(count: number, compare: Compare<T> = naturally): Promise<T[]> {
    return await this.takeOrdered(count, (a, b) => compare(b, a))
  }

  /** The first `count` rows of the order, in order; only as many are held. */
  async takeOrdered(count: number, compare: Compare<T> = naturally): Promise<T[]> {
    const smallest = new Smallest(count, compare)
    await this.each((row) => smallest.add(row), 'takeOrdered')
    return smallest.rows()
  }

  /** `count` rows by chance, the same ones for the same seed; without replacement fewer where there are fewer. */
  async takeSample(withReplacement: boolean, count: number, seed = 0): Promise<T[]> {
    const chance = chanceOf(seed, 0)
    if (withReplacement) {
      const rows = await this.collect()
      const draws = rows.length === 0 ? 0 : count
      return Array.from({ length: draws }, () => rows[Math.floor(chance() * rows.length)] as T)
    }
    // Vitter's reservoir: each row takes a place with the probability that it should have one.
    const kept: T[] = []
    let seen = 0
    await this.each((row) => {
      seen++
      if (kept.length < count) kept.push(row)
      else {
        const place = Math.floor(chance() * seen)
        if (place < count) kept[place] = row
      }
    })
    return kept
  }

  async count(): Promise<number> {
    let count = 0
    await this.each(() => void count++)
    return count
  }

  /** Rows must be what keys can be. */
  async countByValue(): Promise<Map<T, number>> {
    const counts = new Map<T, number>()
    await this.eachKey('countByValue', (row) => counts.set(row, (counts.get(row) ?? 0) + 1))
    return counts
  }

  /** How many different rows, about: see distinct-count.ts. */
  async countApproxDistinct(relativeSD = 0.05): Promise<number> {
    const counted = new DistinctCount(relativeSD)
    await this.eachKey('countApproxDistinct', (row) => counted.add(row as Key))
    return counted.estimate()
  }

  /** undefined where there are no rows. */
  async reduce(f: (a: T, b: T) => T): Promise<T | undefined> {
    const fold = reducing(this.name('reduce'), f)
    await this.each((row) => fold.add(row))
    return fold.result()[0]
  }

  /** As reduce: there is one process, and no tree to reduce along. */
  treeReduce(f: (a: T, b: T) => T): Promise<T | undefined> {
    return this.reduce(f)
  }

  fold(zero: T, f: (a: T, b: T) => T): Promise<T> {
    return this.aggregate(zero, f, f)
  }

  /**
   * Rows are brought into a value a partition by `add`, and those together by `combine`. Each partition begins with
   * `zero`: a value that is changed in place must be given as a function that makes one.
   */
  async aggregate<U>(
    zero: U | (() => U),
    add: (into: U, row: T) => U,
    combine: (a: U, b: U) => U,
  ): Promise<U> {
    const begin = () => (typeof zero === 'function' ? (zero as () => U)() : zero)
    const { dataset, context } = this
    await dataset.prepare(context.run)
    let all = begin()
    const operator = this.name('aggregate')
    for (let partition = 0; partition < dataset.partitions; partition++) {
      let part = begin()
      const reader = dataset.open(partition, (row) => (part = guarded(operator, () => add(part, row))))
      await context.run.drain(reader)
      all = guarded(operator, () => combine(all, part))
    }
    return all
  }

  treeAggregate<U>(zero: U | (() => U), add: (into: U, row: T) => U, combine: (a: U, b: U) => U): Promise<U> {
    return this.aggregate(zero, add, combine)
  }

  /** The largest row; undefined where there are none. */
  async max(compare: Compare<T> = naturally): Promise<T | undefined> {
    return (await this.top(1, compare))[0]
  }

  async min(compare: Compare<T> = naturally): Promise<T | undefined> {
    return (await this.takeOrdered(1, compare))[0]
  }

  /** Rows must be numbers, as for sum, mean and histogram. */
  async stats(): Promise<Statistics> {
    const statistics = new Statistics()
    await this.eachNumber('stats', (value) => statistics.add(value))
    return statistics
  }

  async sum(): Promise<number> {
    let sum = 0
    await this.eachNumber('sum', (value) => (sum += value))
    return sum
  }

  /** NaN without rows. */
  async mean(): Promise<number> {
    const { count, mean } = await this.stats()
    return count === 0 ? Number.NaN : mean
  }

  /** In as many buckets of the same width, or between bounds that rise. */
  async histogram(buckets: number | readonly number[]): Promise<Histogram> {
    const bounds = typeof buckets === 'number' ? evenBounds(await this.stats(), buckets) : buckets
    checkBounds(bounds)
    const counts = Array<number>(bounds.length - 1).fill(0)
    await this.eachNumber('histogram', (value) => {
      const bucket = bucketOf(value, bounds)
      if (bucket >= 0) counts[bucket] = (counts[bucket] as number) + 1
    })
    return { bounds, counts }
  }

  /** `f` must not be async: nothing would wait for it. Rows to be awaited are taken by `for await`. */
  async foreach(f: (row: T) => void): Promise<void> {
    const name = this.name('foreach')
    const called = new NarrowDataset(this.dataset, mapPipe<T, unknown>(name, f))
    await drainAll(called, this.context.run, (result) => {
      if (result instanceof Promise)
        throw new OperatorError(name, new TypeError('its function is async; use for await'))
    })
  }

  /** `f` gets each partition's rows as one array, and is awaited. */
  async foreachPartition(f: (rows: T[], partition: number) => void | Promise<void>): Promise<void> {
    const { dataset, context } = this
    await dataset.prepare(context.run)
    for (let partition = 0; partition < dataset.partitions; partition++) {
      const rows: T[] = []
      await context.run.drain(dataset.open(partition, (row) => void rows.push(row)))
      try {
        await f(rows, partition)
      } catch (error) {
        throw operatorFailed(this.name('foreachPartition'), error)
      }
    }
  }

  /** Rows one after the other, as by `for await`. */
  toLocalIterator(): AsyncIterator<T> {
    return this[Symbol.asyncIterator]()
  }

  /** Rows one after the other, some hundreds of them in memory at a time. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    const { dataset, context } = this
    await dataset.prepare(context.run)
    for (let partition = 0; partition < dataset.partitions; partition++) {
      let rows: T[] = []
      const reader = dataset.open(partition, (row) => void rows.push(row))
      let more = true
      const slice = {
        read: () => (more = reader.read(ROWS_AT_A_TIME)),
        waiting: () => reader.waiting?.(),
        close: () => {},
      }
      try {
        while (more) {
          await context.run.drain(slice, undefined, () => rows.length > 0)
          const ready = rows
          rows = []
          yield* ready
        }
      } finally {
        reader.close()
      }
    }
  }

  protected name(kind: string): string {
    return `${this.context.scope}.${kind}`
  }

  /**
   * A directory with a text file for each partition and a line for each row; it shows whole. Throws where something is
   * there already. In a streaming job files are the matter of the stream's saveAsTextFiles: this would be run again.
   */
  saveAsTextFile(path: string, { compression }: { readonly compression?: Compression } = {}): Promise<void> {
    return this.save(path, 'saveAsTextFile', compressed(textLines<T>(rowText), compression))
  }

  /** As `saveAsTextFile`, with rows of plain data, for BatchContext.objectFile. */
  saveAsObjectFile(path: string): Promise<void> {
    return this.save(path, 'saveAsObjectFile', objects)
  }

  private save<E>(path: string, kind: string, format: FileFormat<T, E>): Promise<void> {
    const encoded = new NarrowDataset(this.dataset, mapPipe(this.name(kind), format.encode))
    return saveRows(path, encoded, this.context.run, format)
  }

  /** Pushes every row; with `kind`, what `f` throws is that action's failure. */
  protected async each(f: (row: T) => void, kind?: string): Promise<void> {
    if (kind === undefined) return await drainAll(this.dataset, this.context.run, f)
    const operator = this.name(kind)
    await drainAll(this.dataset, this.context.run, (row) => guarded(operator, () => f(row)))
  }

  protected eachKey(kind: string, f: (row: T) => void): Promise<void> {
    const operator = this.name(kind)
    return this.each((row) => {
      checkKey(row, operator)
      f(row)
    }, kind)
  }

  private eachNumber(kind: string, f: (value: number) => void): Promise<void> {
    return this.each((row) => {
      if (typeof row !== 'number') throw new TypeError(`a row is a ${typeof row}, not a number`)
      f(row)
    }, kind)
  }
}

function guarded<R>(operator: string, act: () => R): R {
  try {
    return act()
  } catch (error) {
    throw operatorFailed(operator, error)
  }
}
