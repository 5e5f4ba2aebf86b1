// The job's operators and the data sets they have yielded. Grows until `start`, then is frozen; yields one
// data set per node and time however often it is asked (Spark's getOrCompute), and lets go of it once no
// operator can ask again.

import type { TaskRunner, Dataset } from '../rdd/dataset.ts'
import { type RddContext, rddContext } from '../rdd/rdd-context.ts'
import type { StorageLevel } from '../rdd/storage-level.ts'
import { CachedDataset, persisted } from '../rdd/stored.ts'
import type { StateOperator, StatePartition, StateStore } from './contracts/state.ts'
import type { FilesAside } from './contracts/files.ts'
import { GraphError, operatorFailed } from './errors.ts'
import type { RecordPlace } from './contracts/poison.ts'
import type { InputDriver, OutputBatch, OutputNode, OutputPlace, Scope, StreamNode } from './node.ts'
import type { Partitioner } from './partitioner.ts'
import { rememberDurations } from './remember.ts'
import { isReadLater, isValidTime } from './time.ts'
import { problemsOf } from './validate.ts'

/** What an operator says of itself; the graph fills in the rest. */
export interface NodeSpec<T> {
  kind: string
  name?: string | undefined
  /** What to be named after without a name: the kind, unless something outlives changes to the program better. */
  namedAfter?: string
  parents: readonly StreamNode<unknown>[]
  /** Default: the slide of the first parent, or the batch interval. */
  slideMs?: number
  reachMs?: number
  windowMs?: number
  /** How long its batches are remembered at least. */
  rememberMs?: number
  input?: InputDriver
  /** Made from the node's final id. */
  state?: (id: string) => StateOperator
  recovers?: boolean
  /** Of an operator that brings rows together by key. */
  partitioner?: Partitioner
  compute: (timeMs: number, scope: Scope, id: string) => Dataset<T> | undefined
}

export interface GraphOptions {
  /** undefined: as-soon-as-data. */
  intervalMs: number | undefined
  run: TaskRunner
  /** Partitions of shuffles and state that do not say their own number. */
  parallelism: number
}

/** A node's data sets by time; undefined: it has none then. */
type Yielded = Map<number, Dataset<unknown> | undefined>

export class Graph implements Scope {
  readonly intervalMs: number | undefined
  readonly parallelism: number
  readonly run: TaskRunner
  readonly nodes: StreamNode<unknown>[] = []
  readonly outputs: OutputNode[] = []
  private readonly kinds = new Map<string, number>()
  private readonly children = new Map<StreamNode<unknown>, StreamNode<unknown>[]>()
  private readonly consumers = new Map<StreamNode<unknown>, number>()
  private readonly states = new Map<string, readonly StatePartition<unknown>[]>()
  runningMs: number | undefined
  private readonly persisted = new Map<StreamNode<unknown>, StorageLevel>()
  private remember = new Map<StreamNode<unknown>, number>()
  private rememberAtLeastMs = 0
  private frozen = false
  private zeroMs = 0
  /** Time of the last batch that began. */
  private lastMs = 0
  private uncachedMs: number | undefined
  /** Batches of which a record was left out later than in their own, by time, and the time of the batch that did. */
  readonly leftOutLater = new Map<number, number>()
  /** Times at which a batch took place: at any other time no node has a data set. */
  private readonly times = new Set<number>()
  private readonly yielded = new Map<StreamNode<unknown>, Yielded>()
  /** Data sets of earlier times that this run of the batch has made: after a restart, or where a record was left out. */
  private madeAnew: [byTime: Yielded, timeMs: number][] = []

  constructor(options: GraphOptions) {
    this.intervalMs = options.intervalMs
    this.run = options.run
    this.parallelism = options.parallelism
  }

  add<T>(spec: NodeSpec<T>): StreamNode<T> {
    for (const parent of spec.parents) {
      if (!this.nodes.includes(parent)) throw new TypeError(`'${parent.id}' is a stream of another context`)
    }
    const id = this.nameOf(spec.kind, spec.name, spec.namedAfter)
    const slideMs = spec.slideMs ?? spec.parents[0]?.slideMs ?? this.intervalMs ?? 0
    const node: StreamNode<T> = {
      id,
      kind: spec.kind,
      parents: spec.parents,
      slideMs,
      reachMs: spec.reachMs ?? 0,
      rememberMs: spec.rememberMs ?? 0,
      windowMs: spec.windowMs,
      state: spec.state?.(id),
      recovers: spec.recovers ?? false,
      partitioner: spec.partitioner,
      isNamed: spec.name !== undefined,
      input: spec.input,
      compute: (timeMs, scope) => spec.compute(timeMs, scope, id),
    }
    this.nodes.push(node)
    spec.input?.named?.(id)
    for (const parent of spec.parents) this.consumedBy(parent, node)
    return node
  }

  /** Its name. */
  addOutput(
    kind: string,
    name: string | undefined,
    parent: StreamNode<unknown>,
    run: (batch: OutputBatch, id: string) => Promise<void>,
    place: OutputPlace = 'driver',
    files?: FilesAside,
  ): string {
    const id = this.nameOf(kind, name)
    this.outputs.push({ id, kind, place, parent, files, run: (batch) => run(batch, id) })
    this.consumedBy(parent, undefined)
    return id
  }

  /**
   * Computed rows are held while their data set is. For a window that is its parent's matter (as in Spark): its
   * windows share the parent's rows, and holding each window would hold them many times.
   */
  persist(node: StreamNode<unknown>, level: StorageLevel): void {
    this.mustGrow(`change the storage level of ${node.id}`)
    const [parent] = node.parents
    if (node.kind === 'window' && parent !== undefined) this.persist(parent, level)
    else if (level === 'NONE') this.persisted.delete(node)
    else this.persisted.set(node, level)
  }

  /** Data sets stay reachable at least this long (StreamingContext.remember). */
  rememberAtLeast(ms: number): void {
    this.mustGrow('remember')
    this.rememberAtLeastMs = Math.max(this.rememberAtLeastMs, ms)
  }

  /** Checks the graph and closes it to change. Throws GraphError with everything that is wrong. */
  freeze(run: { durable: boolean; sideBySide?: boolean }): void {
    this.mustGrow('start')
    const problems = problemsOf({ ...this.shape(), sideBySide: false, ...run })
    if (problems.length > 0) throw new GraphError(problems)
    this.remember = rememberDurations(this.nodes, this.rememberAtLeastMs)
    this.frozen = true
  }

  /** After `freeze`: the grid's zero, and the state that operators go on from. */
  async open(zeroMs: number, store: StateStore): Promise<void> {
    this.zeroMs = zeroMs
    for (const { state } of this.nodes) {
      if (state !== undefined) this.states.set(state.id, await store.open(state))
    }
  }

  get inputs(): { id: string; driver: InputDriver }[] {
    return this.nodes.flatMap(({ id, input }) => (input === undefined ? [] : [{ id, driver: input }]))
  }

  get stateOperators(): StateOperator[] {
    return this.nodes.flatMap(({ state }) => state ?? [])
  }

  /** The state that operators go on from is there. */
  get isOpen(): boolean {
    return this.states.size > 0
  }

  get hasWindows(): boolean {
    return this.nodes.some((node) => node.windowMs !== undefined)
  }

  /** A batch takes place, or took place before a restart, at this time. */
  addTime(timeMs: number): void {
    this.times.add(timeMs)
  }

  /** The batch planned for this time begins to run. */
  begin(timeMs: number): void {
    this.runningMs = timeMs
    this.lastMs = timeMs
    this.madeAnew = []
    this.run.spills.begin(timeMs)
  }

  rows<T>(node: StreamNode<T>, timeMs: number): Dataset<T> | undefined {
    if (!this.times.has(timeMs) || !this.isValid(node, timeMs)) return undefined
    let byTime = this.yielded.get(node)
    if (byTime === undefined) this.yielded.set(node, (byTime = new Map()))
    // Only this graph fills the map, and under a node of T it puts that node's data sets.
    if (byTime.has(timeMs)) return byTime.get(timeMs) as Dataset<T> | undefined
    const dataset = this.computeAt(node, timeMs)
    byTime.set(timeMs, dataset)
    if (timeMs !== this.runningMs) this.madeAnew.push([byTime, timeMs])
    return dataset
  }

  slice<T>(node: StreamNode<T>, afterMs: number, untilMs: number): Dataset<T>[] {
    const stepMs = node.slideMs
    if (stepMs === 0) throw new Error(`${node.id}: slices need a time grid`)
    const found: Dataset<T>[] = []
    const fromMs = this.zeroMs + (Math.floor(Math.max(0, afterMs - this.zeroMs) / stepMs) + 1) * stepMs
    for (let timeMs = fromMs; timeMs <= untilMs; timeMs += stepMs) {
      const dataset = this.rows(node, timeMs)
      if (dataset !== undefined) found.push(dataset)
    }
    return found
  }

  /**
   * Data sets at the node's times from one to the other, both included and both floored to its slide, as far as
   * they are remembered. Of the batch that runs now and those before it.
   */
  remembered<T>(node: StreamNode<T>, fromMs: number, toMs: number): Dataset<T>[] {
    if (!this.frozen) throw new Error(`${node.id}: slice() before the job has started`)
    const { lastMs } = this
    const slideMs = Math.max(1, node.slideMs)
    const floor = (timeMs: number) => this.zeroMs + Math.floor((timeMs - this.zeroMs) / slideMs) * slideMs
    const rememberMs = Math.max(1, this.remember.get(node) as number)
    const afterMs = Math.max(floor(fromMs) - 1, lastMs - rememberMs, this.zeroMs)
    const untilMs = Math.min(floor(toMs), lastMs)
    const times = [...this.times].filter((timeMs) => timeMs > afterMs && timeMs <= untilMs)
    times.sort((a, b) => a - b)
    return times.flatMap((timeMs) => this.rows(node, timeMs) ?? [])
  }

  timeBefore(timeMs: number, slideMs: number): number | undefined {
    let latest: number | undefined
    for (const time of this.times) {
      if (time >= timeMs || !isValidTime(time, this.zeroMs, slideMs)) continue
      if (latest === undefined || time > latest) latest = time
    }
    return latest
  }

  state<S>(operator: StateOperator<S>): readonly StatePartition<S>[] {
    const partitions = this.states.get(operator.id)
    if (partitions === undefined) throw new Error(`${operator.id}: its state was never opened`)
    return partitions as readonly StatePartition<S>[]
  }

  rememberMs(id: string): number {
    const node = this.nodes.find((each) => each.id === id)
    if (node === undefined) throw new Error(`there is no operator '${id}'`)
    return this.remember.get(node) ?? 0
  }

  /** `outlives`: the RDDs are of no batch. */
  rddContext(scope: string, outlives = false): RddContext {
    return rddContext({ run: this.run, parallelism: this.parallelism, scope, outlives })
  }

  /** Rows of an input that were planned elsewhere. */
  supply<T>(node: StreamNode<T>, timeMs: number, dataset: Dataset<T>): void {
    let byTime = this.yielded.get(node)
    if (byTime === undefined) this.yielded.set(node, (byTime = new Map()))
    byTime.set(timeMs, dataset)
  }

  /** Batch times up to this one that data sets can be asked for. */
  timesUntil(timeMs: number): number[] {
    return [...this.times].filter((time) => time <= timeMs).sort((a, b) => a - b)
  }

  /** Output operations that run at this time: those whose stream has a data set then. */
  outputsAt(timeMs: number): OutputNode[] {
    return this.outputs.filter((output) => this.rows(output.parent, timeMs) !== undefined)
  }

  /** State moves on in every batch, and what later windows read is computed in its own batch. */
  async prepareAt(timeMs: number): Promise<void> {
    for (const node of this.nodes) {
      if (node.state === undefined && !this.isReadLater(node, timeMs)) continue
      await this.rows(node, timeMs)?.prepare(this.run)
    }
  }

  /**
   * The batch at `timeMs` is to run again: what it has computed is thrown away, of earlier times too. A worker may have
   * finished a shuffle that another was cancelled in: if the one kept it, only the other would exchange rows for it again.
   * `uncached`: in the next run rows come from their records each time, however many operators read them, so that a
   * failure can be told its record.
   */
  discard(timeMs: number, uncached: boolean): void {
    for (const byTime of this.yielded.values()) letGo(byTime, timeMs)
    for (const [byTime, time] of this.madeAnew) letGo(byTime, time)
    this.madeAnew = []
    this.uncachedMs = uncached ? timeMs : undefined
  }

  /**
   * The running batch, and all that follow, leave the record out. Where an earlier batch has it, what was computed from
   * its rows is computed anew when it is asked for, as a restart would; what state was made of them stays.
   */
  leaveOut(place: RecordPlace): void {
    const node = this.nodes.find(({ id }) => id === place.inputId)
    if (node?.input?.leaveOut === undefined) throw new Error(`${place.inputId} cannot leave records out`)
    const runningMs = this.runningMs as number
    for (const timeMs of node.input.leaveOut(place)) {
      if (timeMs >= runningMs) continue
      this.wasLeftOut(timeMs, runningMs)
      for (const below of this.computedFrom(node)) {
        const byTime = this.yielded.get(below)
        // Windows of other times may hold these rows as well. Not released: whoever keeps them may still read them.
        for (const time of byTime?.keys() ?? []) if (time >= timeMs) byTime?.delete(time)
      }
    }
  }

  /** A record of the batch at `timeMs` is left out since the batch at `atMs`. */
  wasLeftOut(timeMs: number, atMs: number): void {
    this.leftOutLater.set(timeMs, Math.max(atMs, this.leftOutLater.get(timeMs) ?? atMs))
  }

  leftOutSince(afterMs: number, untilMs: number, sinceMs: number): boolean {
    return [...this.leftOutLater].some(
      ([timeMs, atMs]) => timeMs > afterMs && timeMs <= untilMs && atMs > sinceMs,
    )
  }

  /** Nodes below it whose rows of past batches can be computed again. */
  private computedFrom(node: StreamNode<unknown>): Set<StreamNode<unknown>> {
    const found = new Set<StreamNode<unknown>>()
    const visit = (parent: StreamNode<unknown>) => {
      for (const child of this.children.get(parent) ?? []) {
        if (found.has(child) || child.recovers || standsOnState(child)) continue
        found.add(child)
        visit(child)
      }
    }
    visit(node)
    return found
  }

  /** After the batch at `timeMs`: drops what nothing can ask for again. Returns the times that inputs let go. */
  release(timeMs: number): void {
    this.runningMs = undefined
    let longestMs = 0
    for (const node of this.nodes) {
      const rememberMs = this.remember.get(node) as number
      longestMs = Math.max(longestMs, rememberMs)
      const byTime = this.yielded.get(node)
      for (const time of byTime?.keys() ?? []) if (time <= timeMs - rememberMs) letGo(byTime, time)
      if (node.input !== undefined) {
        for (const time of this.times) if (time <= timeMs - rememberMs) node.input.release(time)
      }
    }
    for (const time of this.times) if (time <= timeMs - longestMs) this.times.delete(time)
    for (const time of this.leftOutLater.keys()) if (!this.times.has(time)) this.leftOutLater.delete(time)
    this.run.spills.keepOnly(this.times)
  }

  /** The job has ended: nothing asks again. */
  close(): void {
    for (const byTime of this.yielded.values()) for (const time of byTime.keys()) letGo(byTime, time)
    this.run.spills.keepOnly(new Set())
  }

  /** A batch time at or before this one is needed by nothing once the batch at `timeMs` is committed. */
  forgottenUntil(timeMs: number): number {
    return timeMs - Math.max(0, ...this.remember.values())
  }

  /** How many data sets are held: for tests of release. */
  get held(): number {
    return [...this.yielded.values()].reduce((sum, byTime) => sum + byTime.size, 0)
  }

  // Every batch is one for streams that slide by the interval, also a batch planned on an earlier run's grid.
  private isValid(node: StreamNode<unknown>, timeMs: number): boolean {
    return node.slideMs === (this.intervalMs ?? 0) || isValidTime(timeMs, this.zeroMs, node.slideMs)
  }

  private computeAt<T>(node: StreamNode<T>, timeMs: number): Dataset<T> | undefined {
    let dataset: Dataset<T> | undefined
    try {
      dataset = node.compute(timeMs, this)
    } catch (error) {
      throw operatorFailed(node.id, error)
    }
    if (dataset === undefined || timeMs === this.uncachedMs) return dataset
    const level = this.persisted.get(node)
    if (level !== undefined) return persisted(dataset, level, node.id)
    if (dataset.keeps === 'always') return dataset
    const again = (this.consumers.get(node) ?? 0) > 1 && dataset.keeps === 'no'
    return again || this.isReadLater(node, timeMs) ? new CachedDataset(dataset) : dataset
  }

  private isReadLater(node: StreamNode<unknown>, timeMs: number): boolean {
    return (this.children.get(node) ?? []).some((child) =>
      isReadLater(timeMs, this.zeroMs, child.slideMs, child.reachMs),
    )
  }

  private consumedBy(parent: StreamNode<unknown>, child: StreamNode<unknown> | undefined): void {
    this.consumers.set(parent, (this.consumers.get(parent) ?? 0) + 1)
    if (child !== undefined) this.children.set(parent, [...(this.children.get(parent) ?? []), child])
  }

  // Numbered within its kind, so that adding a map does not rename an updateStateByKey.
  private nameOf(kind: string, name: string | undefined, namedAfter?: string): string {
    this.mustGrow(`add ${name ?? kind}`)
    if (name !== undefined) return name
    const base = namedAfter ?? kind
    const number = (this.kinds.get(base) ?? 0) + 1
    this.kinds.set(base, number)
    return namedAfter !== undefined && number === 1 ? base : `${base}-${number}`
  }

  private shape() {
    return { nodes: this.nodes, outputs: this.outputs, intervalMs: this.intervalMs }
  }

  private mustGrow(what: string): void {
    if (this.frozen) throw new Error(`cannot ${what}: the graph is frozen once the job has started`)
  }
}

/** Its rows of past batches cannot be computed again: state knows only its present. */
export function standsOnState(stream: StreamNode<unknown>): boolean {
  const seen = new Set<StreamNode<unknown>>([stream])
  for (const { state, recovers, parents } of seen) {
    if (recovers) continue
    if (state !== undefined) return true
    for (const parent of parents) seen.add(parent)
  }
  return false
}

function letGo(byTime: Yielded | undefined, timeMs: number): void {
  byTime?.get(timeMs)?.release?.()
  byTime?.delete(timeMs)
}
