// State that an operator begins with: rows of its first batch, and of no other. That it has begun is state too, kept
// beside the operator's own, so a restart does not begin again, and keys that were removed since do not come back.

import type { Graph, NodeSpec } from '../graph/graph.ts'
import type { StateOperator, StatePartition } from '../graph/contracts/state.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { Scope, StreamNode } from '../graph/node.ts'
import { type KeyPlaces, placesOf } from '../graph/partitioner.ts'
import { Once, ownerOf, type Dataset, type Keeps, type TaskRunner } from '../rdd/dataset.ts'
import { mapPipe, NarrowDataset } from '../rdd/narrow.ts'
import { PartitionWiseDataset } from '../rdd/partition-wise.ts'
import type { RDD } from '../rdd/rdd.ts'
import { ArrayDataset } from '../rdd/stored.ts'
import { inItsOwnBatch } from './state.ts'

/** Keys must not repeat. Read once, in the first batch. */
export type InitialState<K, S> = RDD<readonly [K, S]> | Iterable<readonly [K, S]>

/** The key of the one entry that says so. */
const BEGUN = null

/** Adds the node, of the same slide as `parent`, whose state it stands beside. */
function addInitialState<K, S>(
  graph: Graph,
  parent: StreamNode<unknown>,
  initial: InitialState<K, S>,
  name: string | undefined,
): StreamNode<readonly [K, S]> {
  const operator = (id: string) => ({ id, shape: 'initial', partitions: 1 })
  // Until it has counted: the first batch may run again, and what it is made of can be walked perhaps only once.
  let rows: Dataset<readonly [K, S]> | undefined
  const spec: NodeSpec<readonly [K, S]> = {
    kind: 'initialState',
    name: name === undefined ? undefined : `${name}.initial`,
    parents: [parent],
    state: operator,
    compute(timeMs, scope, id) {
      inItsOwnBatch(id, timeMs, scope)
      const [begun] = scope.state<true>(operator(id)) as [StatePartition<true>]
      if (begun.size === 0) return new BeginningDataset((rows ??= datasetOf(initial)), begun)
      rows = undefined
      return new ArrayDataset<readonly [K, S]>([])
    },
  }
  return graph.add(spec)
}

/** What an operator on keyed state stands on in a batch: its state, and what it begins with while it has none. */
export interface StateBasis<K, S, V> {
  /** Parents of the operator's node. */
  readonly parents: readonly StreamNode<unknown>[]
  /** Throws outside of the batch that runs. */
  at(
    timeMs: number,
    scope: Scope,
    id: string,
  ): {
    state: readonly StatePartition<V>[]
    places: KeyPlaces
    beginning: Dataset<readonly [K, S]> | undefined
  }
}

/** `operator` gives the operator's state by the node's name; `initialState` adds a node beside it. */
export function stateBasis<K, S, V>(
  graph: Graph,
  parent: StreamNode<unknown>,
  operator: (id: string) => StateOperator<V>,
  { initialState, name }: { readonly initialState?: InitialState<K, S>; readonly name?: string },
): StateBasis<K, S, V> {
  const initial = initialState && addInitialState(graph, parent, initialState, name)
  return {
    parents: initial === undefined ? [parent] : [parent, initial],
    at(timeMs, scope, id) {
      inItsOwnBatch(id, timeMs, scope)
      const state = scope.state(operator(id))
      const isFirst = state.every(({ size }) => size === 0)
      const places = placesOf(operator(id))
      const rows = initial && isFirst ? scope.rows(initial, timeMs) : undefined
      return { state, places, beginning: rows && own(id, rows, state) }
    },
  }
}

/** Functions may change what they are given, and the rows are read again where the batch runs again. */
function own<K, S>(
  operator: string,
  rows: Dataset<readonly [K, S]>,
  [partition]: readonly StatePartition<unknown>[],
): Dataset<readonly [K, S]> {
  const owned = ([key, value]: readonly [K, S]) => [key, partition?.own(value) as S] as const
  return new NarrowDataset(rows, mapPipe(operator, owned))
}

class BeginningDataset<T> extends PartitionWiseDataset<T, T> {
  private readonly once = new Once()
  private readonly begun: StatePartition<true>

  constructor(rows: Dataset<T>, begun: StatePartition<true>) {
    super(rows)
    this.begun = begun
  }

  override get keeps(): Keeps {
    return this.parent.keeps
  }

  override prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      await super.prepare(run)
      // The one partition that says so is one thread's.
      const { peers } = run
      if (peers === undefined || ownerOf(0, 1, peers.count) === peers.index) this.begun.put(BEGUN, true)
    })
  }

  open(partition: number, emit: Emit<T>): RowReader {
    return this.parent.open(partition, emit)
  }
}

function datasetOf<K, S>(initial: InitialState<K, S>): Dataset<readonly [K, S]> {
  return Symbol.iterator in initial ? new ArrayDataset([[...initial]]) : initial.dataset
}
