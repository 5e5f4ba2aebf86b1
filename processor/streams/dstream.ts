// Streams as programs are written with them. Every method adds one operator (or a known composition of
// operators) to the graph and hands back the stream of its rows; nothing runs until the context starts.
// Functions are synchronous: rows flow through fused passes. What must wait belongs into foreachRDD.

import type { OutputRecord } from '../graph/contracts/output.ts'
import { durationMs, type Duration } from '../graph/duration.ts'
import type { NodeSpec } from '../graph/graph.ts'
import type { StreamNode } from '../graph/node.ts'
import { filterPipe } from '../rdd/narrow.ts'
import { PairRDD, type RDDOf } from '../rdd/pair-rdd.ts'
import type { RDD } from '../rdd/rdd.ts'
import { countCombiner } from '../rdd/shuffle.ts'
import { checkStorageLevel, type StorageLevel } from '../rdd/storage-level.ts'
import type { StreamingContext } from '../streaming-context.ts'
import { count, reduce } from './aggregate.ts'
import { filter } from './filter.ts'
import { flatMap } from './flat-map.ts'
import type { StreamHost } from './host.ts'
import { map } from './map.ts'
import { mapPartitions, type PartitionsOptions } from './map-partitions.ts'
import type { KeyedStateOptions, OperatorOptions, ShuffleOptions, StateOptions } from './options.ts'
import { narrow } from './narrow.ts'
import { foreachRDD, print, toTopic } from './outputs.ts'
import type { PairDStream } from './pair-dstream.ts'
import { repartition } from './repartition.ts'
import {
  saveAsObjectFiles,
  saveAsTextFiles,
  type FileOptions,
  type TextFileOptions,
} from './save-as-files.ts'
import type { StateDStream } from './state-dstream.ts'
import { transform } from './transform.ts'
import { union } from './union.ts'
import { window, type WindowLengths } from './window.ts'

export class DStream<T> {
  /** The operator whose rows these are; not part of the public API. */
  readonly node: StreamNode<T>
  /** What the operators of a job are added to; not part of the public API. */
  readonly host: StreamHost

  constructor(host: StreamHost, node: StreamNode<T>) {
    this.host = host
    this.node = node
  }

  get name(): string {
    return this.node.id
  }

  /** The context whose job this stream is of. */
  get context(): StreamingContext {
    return this.host.context
  }

  map<U>(f: (row: T) => U, options?: OperatorOptions): DStream<U> {
    return this.stream(map(this.node, f, options?.name))
  }

  flatMap<U>(f: (row: T) => Iterable<U>, options?: OperatorOptions): DStream<U> {
    return this.stream(flatMap(this.node, f, options?.name))
  }

  filter<U extends T>(f: (row: T) => row is U, options?: OperatorOptions): DStream<U>
  filter(f: (row: T) => boolean, options?: OperatorOptions): DStream<T>
  filter(f: (row: T) => boolean, options?: OperatorOptions): DStream<T> {
    return this.stream(filter(this.node, f, options?.name))
  }

  /** `f` gets a partition's rows as one array. */
  mapPartitions<U>(f: (rows: T[]) => Iterable<U>, options?: PartitionsOptions): DStream<U> {
    return this.stream(mapPartitions('mapPartitions', this.node, f, options))
  }

  /** As `mapPartitions`, yielding pairs. */
  mapPartitionsToPair<K, V>(
    f: (rows: T[]) => Iterable<readonly [K, V]>,
    options?: PartitionsOptions,
  ): PairDStream<K, V> {
    return this.pairs(mapPartitions('mapPartitionsToPair', this.node, f, options))
  }

  /** Each partition's rows as one row. */
  glom(options?: OperatorOptions): DStream<T[]> {
    return this.stream(mapPartitions('glom', this.node, (rows: T[]) => [rows], options))
  }

  /** The same rows, dealt out evenly to so many partitions. */
  repartition(numPartitions: number, options?: OperatorOptions): DStream<T> {
    return this.stream(repartition(this.node, numPartitions, options?.name))
  }

  /** All streams must have the same slide. */
  union(...others: DStream<T>[]): DStream<T> {
    return this.stream(union([this.node, ...others.map((other) => other.node)]))
  }

  /** One row per batch: how many rows it has, 0 included. */
  count(options?: OperatorOptions): DStream<number> {
    return this.stream(count(this.node, options?.name))
  }

  /** One row per batch, none for a batch without rows. */
  reduce(f: (a: T, b: T) => T, options?: OperatorOptions): DStream<T> {
    return this.stream(reduce(this.node, f, options?.name))
  }

  countByValue(options?: ShuffleOptions<T>): PairDStream<T, number> {
    const keyed = this.mapToPair((row) => [row, null])
    return keyed.combined('countByValue', countCombiner(), options)
  }

  mapToPair<K, V>(f: (row: T) => readonly [K, V], options?: OperatorOptions): PairDStream<K, V> {
    return this.pairs(map(this.node, f, options?.name, 'mapToPair'))
  }

  /** `f` runs once per batch, on that batch's RDD. */
  transform<U>(f: (rdd: RDDOf<T>, time: Date) => RDD<U>, options?: OperatorOptions): DStream<U> {
    return this.stream(transform([this.node], ([rdd], time) => f(rdd as RDDOf<T>, time), options?.name))
  }

  /** As `transform`, yielding pairs. */
  transformToPair<K, V>(
    f: (rdd: RDDOf<T>, time: Date) => RDD<readonly [K, V]>,
    options?: OperatorOptions,
  ): PairDStream<K, V> {
    return this.pairs(transform([this.node], ([rdd], time) => f(rdd as RDDOf<T>, time), options?.name))
  }

  /** `f` runs once per batch, on that batch's RDDs of both streams, which must have the same slide. */
  transformWith<W, U>(
    other: DStream<W>,
    f: (rdd: RDDOf<T>, otherRdd: RDDOf<W>, time: Date) => RDD<U>,
    options?: OperatorOptions,
  ): DStream<U> {
    return this.stream(this.transformed(other, f, options))
  }

  /** As `transformWith`, yielding pairs. */
  transformWithToPair<W, K, V>(
    other: DStream<W>,
    f: (rdd: RDDOf<T>, otherRdd: RDDOf<W>, time: Date) => RDD<readonly [K, V]>,
    options?: OperatorOptions,
  ): PairDStream<K, V> {
    return this.pairs(this.transformed(other, f, options))
  }

  /** Rows of the batches in (t − length, t], every `slide` (default: this stream's own). */
  window(length: Duration, slide?: Duration, options?: OperatorOptions): DStream<T> {
    return this.stream(window(this.host.graph, this.node, this.lengths(length, slide), options?.name))
  }

  /** How many rows the window has; nothing before the first row, and 0 when all of them have left. */
  countByWindow(length: Duration, slide?: Duration, options?: StateOptions<number>): DStream<number> {
    const add = (a: number, b: number) => a + b
    const hasRows = (id: string) => filterPipe(id, (rows: number) => rows > 0)
    // Of a kind of its own: filters of the program are named by their number, and rows are kept under their names.
    const counts = narrow('countedRows', this.count().node, undefined, hasRows, { keepsKeys: true })
    return this.stream(counts).reduceByWindow(add, length, slide, (a, b) => a - b, options)
  }

  /** How often each row is in the window; rows that left are no more told. Kept as state. */
  countByValueAndWindow(
    length: Duration,
    slide?: Duration,
    options?: KeyedStateOptions<T, number>,
  ): StateDStream<T, number> {
    const add = (a: number, b: number) => a + b
    const subtract = (a: number, b: number) => a - b
    const filter = (_: T, times: number) => times !== 0
    const pairs = this.mapToPair<T, number>((row) => [row, 1])
    return pairs.reduceByKeyAndWindow(add, length, slide, subtract, { ...options, filter })
  }

  /** With `inverse`, windows are moved on by what comes and leaves instead of reduced anew. */
  reduceByWindow(
    f: (a: T, b: T) => T,
    length: Duration,
    slide?: Duration,
    inverse?: (a: T, b: T) => T,
    options?: StateOptions<T>,
  ): DStream<T> {
    if (inverse === undefined) return this.reduce(f).window(length, slide).reduce(f, options)
    return this.mapToPair<null, T>((row) => [null, row])
      .reduceByKeyAndWindow(f, length, slide, inverse, { ...options, numPartitions: 1 })
      .map((row) => row[1])
  }

  /**
   * Holds computed rows for as long as the stream remembers its batches, so that nothing is computed again; NONE takes
   * it back. Of a window, its parent's rows are held. Rows that two operators read, or a window, are held anyway.
   */
  persist(level: StorageLevel = 'MEMORY_ONLY_SER'): this {
    checkStorageLevel(level)
    this.host.graph.persist(this.node, level)
    return this
  }

  cache(): this {
    return this.persist()
  }

  /**
   * This stream's RDDs from one batch time to another, both included and both floored to its slide: of batches that
   * it still remembers, up to the one that runs. For use within a batch (`transform`, `foreachRDD`).
   */
  slice(from: Date, to: Date): RDDOf<T>[] {
    const { graph } = this.host
    const context = graph.rddContext(`${this.name}.slice`)
    const node = this.node as StreamNode<readonly [unknown, unknown]>
    const datasets = graph.remembered(node, from.getTime(), to.getTime())
    // A PairRDD is an RDD with more methods; RDDOf says whether they may be used.
    return datasets.map((dataset) => new PairRDD(dataset, context) as unknown as RDDOf<T>)
  }

  /** Runs `f` on every batch's RDD; the batch waits for it, and fails with it. */
  foreachRDD(
    f: (rdd: RDDOf<T>, time: Date, batchId: number) => void | Promise<void>,
    options?: OperatorOptions,
  ): void {
    const run = foreachRDD<unknown, unknown>(
      this.node as StreamNode<readonly [unknown, unknown]>,
      (rdd, ...rest) => f(rdd as RDDOf<T>, ...rest),
    )
    this.host.graph.addOutput('foreachRDD', options?.name, this.node, run)
  }

  /** Writes the first rows of every batch, ten unless told. */
  print(rows = 10, options?: OperatorOptions): void {
    this.host.graph.addOutput('print', options?.name, this.node, print(this.node, rows, this.host.writeLine))
  }

  /** Writes records into a topic, as part of the batch's one transaction. */
  toTopic(topic: string, toRecord: (row: T) => OutputRecord, options?: OperatorOptions): void {
    const run = toTopic(this.node, topic, toRecord)
    this.host.graph.addOutput('toTopic', options?.name, this.node, run, 'workers')
  }

  /**
   * A directory per batch, `prefix-TIME_MS[.suffix]`, with a line per row and a file per row partition. It shows once
   * the batch counts, whole, whatever crashes meanwhile.
   */
  saveAsTextFiles(prefix: string, options: TextFileOptions = {}): void {
    saveAsTextFiles(this.host, this.node, prefix, options)
  }

  /** As `saveAsTextFiles`, with rows of plain data, for BatchContext.objectFile. */
  saveAsObjectFiles(prefix: string, options: FileOptions = {}): void {
    saveAsObjectFiles(this.host, this.node, prefix, options)
  }

  protected lengths(length: Duration, slide: Duration | undefined): WindowLengths {
    const windowMs = durationMs(length, 'window length')
    return { windowMs, slideMs: slide === undefined ? this.node.slideMs : durationMs(slide, 'window slide') }
  }

  protected stream<U>(spec: NodeSpec<U>): DStream<U> {
    return this.host.stream(this.host.graph.add(spec))
  }

  protected pairs<K, V>(spec: NodeSpec<readonly [K, V]>): PairDStream<K, V> {
    return this.host.pairs(this.host.graph.add(spec))
  }

  private transformed<W, U>(
    other: DStream<W>,
    f: (rdd: RDDOf<T>, otherRdd: RDDOf<W>, time: Date) => RDD<U>,
    options?: OperatorOptions,
  ): NodeSpec<U> {
    return transform(
      [this.node, other.node],
      ([rdd, otherRdd], time) => f(rdd as RDDOf<T>, otherRdd as RDDOf<W>, time),
      options?.name,
    )
  }
}
