// updateStateByKey in its widest form: a function over all entries of a partition, which gives the partition's whole
// new state, under the same keys or others. Keys that it does not give have no state any more.

import type { Graph, NodeSpec } from '../graph/graph.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { StateOperator, StatePartition } from '../graph/contracts/state.ts'
import { operatorFailed } from '../graph/errors.ts'
import { checkKey, type Key } from '../graph/key.ts'
import type { StreamNode } from '../graph/node.ts'
import type { KeyPlaces, Partitioner } from '../graph/partitioner.ts'
import { placing } from '../rdd/by-key.ts'
import { cogroup, type Cogrouped } from '../rdd/cogroup.ts'
import {
  type HeldOrSpilled,
  Once,
  openHeld,
  owns,
  takeAll,
  type Dataset,
  type Held,
  type TaskRunner,
} from '../rdd/dataset.ts'
import { IteratorReader } from '../rdd/iterator-reader.ts'
import { stateBasis } from './initial-state.ts'
import { isUnchanged, StateKeyReader, type StateChange } from './state.ts'
import { NO_VALUES, stateOperator, type UpdateOptions } from './update-state-by-key.ts'

/** A key, its new values, and its state; undefined: it has none yet. */
export type StateEntry<K, V, S> = readonly [K, readonly V[], S | undefined]

/**
 * Called once per partition and batch, with an entry for every key that has new values or state, to be walked once.
 * No key may be given twice.
 */
export type IteratorUpdateFunction<K, V, S> = (
  entries: Iterable<StateEntry<K, V, S>>,
  time: Date,
) => Iterable<readonly [K, S]>

export function updateStateByIterator<K, V, S>(
  graph: Graph,
  parent: StreamNode<readonly [K, V]>,
  f: IteratorUpdateFunction<K, V, S>,
  options: UpdateOptions<K, S>,
): NodeSpec<StateChange<K, S>> {
  const operator = stateOperator(graph, 'updateStateByIterator', 'update', options)
  const basis = stateBasis<K, S, S>(graph, parent, operator, options)
  return {
    kind: 'updateStateByIterator',
    name: options.name,
    parents: basis.parents,
    state: operator as (id: string) => StateOperator,
    compute(timeMs, scope, id) {
      const { state, places, beginning } = basis.at(timeMs, scope, id)
      const rows = scope.rows(parent, timeMs)
      return new IteratorUpdateDataset<K, V, S>(places, [rows, beginning], state, f, timeMs)
    },
  }
}

type Keyed<K> = Dataset<readonly [K, unknown]>

class IteratorUpdateDataset<K, V, S> implements Dataset<StateChange<K, S>> {
  readonly keeps = 'always'
  readonly partitions: number
  readonly partitioner: Partitioner
  private readonly once = new Once()
  private readonly places: KeyPlaces
  private parents: readonly (Keyed<K> | undefined)[]
  private readonly state: readonly StatePartition<S>[]
  private readonly f: IteratorUpdateFunction<K, V, S>
  private readonly timeMs: number
  private readonly changes: Held<StateChange<K, S>>
  private given = new Set<Key>()
  /** Objects that the function has without new values, and has not given back: where batches may run again, copies. */
  private readonly lent = new Map<K, S>()

  constructor(
    places: KeyPlaces,
    parents: readonly (Keyed<K> | undefined)[],
    state: readonly StatePartition<S>[],
    f: IteratorUpdateFunction<K, V, S>,
    timeMs: number,
  ) {
    this.places = places
    this.parents = parents
    this.state = state
    this.partitions = state.length
    this.partitioner = places.partitioner
    this.f = f
    this.timeMs = timeMs
    this.changes = state.map(() => [])
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      const present = this.parents.map((parent) => parent ?? nothing<K>())
      const { peers } = run
      const { rows } = await cogroup(present, { places: this.places, outlives: false }, run)
      this.parents = []
      // Read before the function gives anything: what it gives for one partition may lie in another.
      const before = new Map<K, S | undefined>()
      for (const index of this.state.keys()) {
        if (!owns(this, index, peers)) continue
        await run.drain(openHeld(rows, index, ([key]: Cogrouped<K>) => this.look(index, key, before)))
      }
      const take = ([key, value]: readonly [K, S]) => this.take(key, value, before)
      const time = new Date(this.timeMs)
      // What it gives may be another thread's to keep.
      const share = peers && placing<readonly [K, S]>(this.places, peers)
      for (const [index, partition] of this.state.entries()) {
        if (!owns(this, index, peers)) continue
        const entries = entriesOf<K, V, S>(() => eachOf(rows, index), before, partition, this.lent)
        const given = this.attempt(() => this.f(entries, time)[Symbol.iterator]())
        const next = { next: () => this.attempt(() => given.next()) }
        const give = share?.place ?? take
        await run.drain(new IteratorReader(next, (row) => void (this.isHandedBack(row) || give(row))))
      }
      if (share !== undefined) await takeAll(share.exchanging, run, take)
      await this.removeOthers(run)
      this.given = new Set()
      this.lent.clear()
    })
  }

  open(partition: number, emit: Emit<StateChange<K, S>>): RowReader {
    return openHeld(this.changes, partition, emit)
  }

  private look(index: number, key: K, before: Map<K, S | undefined>): void {
    before.set(key, (this.state[index] as StatePartition<S>).get(key as Key))
  }

  /**
   * An object that the function was lent comes back: no change. It is told here, where it is the same object; on its
   * way through a file, or to another thread, it would become another one.
   */
  private isHandedBack([key, value]: readonly [K, S]): boolean {
    const lent = this.lent.get(key)
    if (lent === undefined || lent !== value) return false
    this.lent.delete(key)
    this.mustBeNew(key)
    return true
  }

  private mustBeNew(key: K): void {
    if (this.given.has(key as Key)) {
      throw operatorFailed(this.places.operator, new Error(`its function gave key '${String(key)}' twice`))
    }
    this.given.add(key as Key)
  }

  private take(key: K, value: S, before: ReadonlyMap<K, unknown>): void {
    this.attempt(() => checkKey(key, this.places.operator))
    this.mustBeNew(key)
    const index = this.places.partitionOf(key)
    const partition = this.state[index] as StatePartition<S>
    if (isUnchanged(partition.get(key as Key), value, before.has(key))) return
    partition.put(key as Key, value)
    ;(this.changes[index] as StateChange<K, S>[]).push([key, value])
  }

  private async removeOthers(run: TaskRunner): Promise<void> {
    for (const [index, partition] of this.state.entries()) {
      if (!owns(this, index, run.peers)) {
        this.changes[index] = undefined
        continue
      }
      const visit = (key: K) => {
        if (this.given.has(key as Key)) return
        partition.remove(key as Key)
        ;(this.changes[index] as StateChange<K, S>[]).push([key, undefined])
      }
      await run.drain(new StateKeyReader<K>(partition.committed(), visit))
    }
  }

  private attempt<R>(f: () => R): R {
    try {
      return f()
    } catch (error) {
      throw operatorFailed(this.places.operator, error)
    }
  }
}

// States are those before the batch, whatever the function has given meanwhile.
function* entriesOf<K, V, S>(
  groups: () => Iterable<Cogrouped<K>>,
  before: ReadonlyMap<K, S | undefined>,
  partition: StatePartition<S>,
  lent: Map<K, S>,
): Generator<StateEntry<K, V, S>, undefined, undefined> {
  for (const [key, [values, initial]] of groups()) {
    yield [key, values as V[], before.get(key) ?? (initial?.[0] as S | undefined)]
  }
  for (const cursor = partition.committed(); cursor.next(); ) {
    const key = cursor.key as K
    if (before.has(key)) continue
    const { value } = cursor
    if (typeof value === 'object' && value !== null) lent.set(key, value)
    yield [key, NO_VALUES, value]
  }
  return undefined
}

/** Rows of those on disk are asked for some at a time. */
function* eachOf<T>(rows: HeldOrSpilled<T>, partition: number): Generator<T, undefined, undefined> {
  let some: T[] = []
  const reader = openHeld(rows, partition, (row) => void some.push(row))
  for (let more = true; more; some = []) {
    more = reader.read(SOME)
    yield* some
  }
  reader.close()
  return undefined
}

const SOME = 256

function nothing<K>(): Keyed<K> {
  return {
    partitions: 0,
    keeps: 'always',
    prepare: () => Promise.resolve(),
    open() {
      throw new Error('there is nothing to open')
    },
  }
}
