// Rows of past batches kept as state: what a window stands on that looks back over the stream of a stateful operator.
// Elsewhere a restart computes a window's past again, from plans; state knows only its present, so here the past is
// kept itself. Each batch puts its rows and takes away those that no window reaches any more.
//
//    state ─► kept rows ─► window          key "TIME/PARTITION" → the rows
//
// In the run that made them, windows read them as any held rows; after a restart they come from the state. They are
// copies in either case: a function may change the state that it is given in place, and a window that reaches back
// must not see what a later batch has made of it.

import { plainCodec } from '../checkpoint/plain-data.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { StatePartition } from '../graph/contracts/state.ts'
import { type Graph, standsOnState } from '../graph/graph.ts'
import type { Scope, StreamNode } from '../graph/node.ts'
import { KeyPlaces, type Partitioner, placesOf } from '../graph/partitioner.ts'
import {
  Once,
  openHeld,
  ownerIn,
  ownerOf,
  owns,
  takeAll,
  type Dataset,
  type Held,
  type TaskRunner,
} from '../rdd/dataset.ts'
import { placing } from '../rdd/by-key.ts'
import { PartitionedDataset } from '../rdd/partitioned.ts'
import { StateKeyReader, StateReader } from './state.ts'

/** The parent itself where its past can be computed again; else the node that keeps its rows. */
export function recoverable<T>(graph: Graph, parent: StreamNode<T>): StreamNode<T> {
  if (!standsOnState(parent)) return parent
  const known = graph.nodes.find(({ kind, parents }) => kind === 'keptRows' && parents[0] === parent)
  return (known as StreamNode<T> | undefined) ?? addKeptRows(graph, parent)
}

function addKeptRows<T>(graph: Graph, parent: StreamNode<T>): StreamNode<T> {
  const partitions = graph.parallelism
  const operator = (id: string) => ({ id, shape: 'rows', partitions })
  return graph.add<T>({
    kind: 'keptRows',
    name: `${parent.id}.rows`,
    parents: [parent],
    state: operator,
    recovers: true,
    compute(timeMs, scope, id) {
      const state = scope.state<T[]>(operator(id))
      if (scope.runningMs !== timeMs) return restored(new RestoredRows(state, timeMs), parent, id, scope)
      const rows = scope.rows(parent, timeMs)
      const places = placesOf(operator(id))
      return rows && new KeptRows(rows, state, { places, timeMs, forgetMs: timeMs - scope.rememberMs(id) })
    },
  })
}

/** Where the rows of today lie by a partitioner, those of the past do, too, whatever they lay by. */
function restored<T>(past: Dataset<T>, parent: StreamNode<T>, id: string, scope: Scope): Dataset<T> {
  const { runningMs } = scope
  const today = runningMs === undefined ? undefined : scope.rows(parent, runningMs)
  if (today?.partitioner === undefined) return past
  // What lies by a partitioner is pairs.
  const pairs = past as Dataset<unknown> as Dataset<readonly [unknown, unknown]>
  return new PartitionedDataset(pairs, new KeyPlaces(id, today.partitioner)) as Dataset<unknown> as Dataset<T>
}

interface Keeping {
  readonly places: KeyPlaces
  readonly timeMs: number
  /** Batches at this time and before are no longer reached. */
  readonly forgetMs: number
}

class KeptRows<T> implements Dataset<T> {
  readonly keeps = 'always'
  readonly partitions: number
  readonly partitioner: Partitioner | undefined
  private readonly once = new Once()
  private readonly parent: Dataset<T>
  private readonly state: readonly StatePartition<T[]>[]
  private readonly keeping: Keeping
  private rows: Held<T> = []

  constructor(parent: Dataset<T>, state: readonly StatePartition<T[]>[], keeping: Keeping) {
    this.parent = parent
    this.partitions = parent.partitions
    this.partitioner = parent.partitioner
    this.state = state
    this.keeping = keeping
  }

  owner(partition: number, count: number): number {
    return ownerIn(this.parent, partition, count)
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      await this.parent.prepare(run)
      this.rows = []
      for (let partition = 0; partition < this.partitions; partition++) {
        this.rows.push(owns(this, partition, run.peers) ? await this.read(partition, run) : undefined)
      }
      await this.keep(run)
      await this.forget(run)
    })
  }

  open(partition: number, emit: Emit<T>): RowReader {
    return openHeld(this.rows, partition, emit)
  }

  private async read(partition: number, run: TaskRunner): Promise<T[]> {
    const rows: T[] = []
    await run.drain(this.parent.open(partition, (row) => void rows.push(copyOf(row))))
    return rows
  }

  // The state of a key is with the thread that has its partition, which need not be the one that has the rows.
  private async keep(run: TaskRunner): Promise<void> {
    const { places, timeMs } = this.keeping
    const { peers } = run
    const put = ([key, rows]: readonly [string, T[]]) => {
      const state = this.state[places.partitionOf(key)] as StatePartition<T[]>
      state.put(key, rows)
    }
    const share = peers && placing<readonly [string, T[]]>(places, peers)
    const place = share?.place ?? put
    for (const [partition, rows] of this.rows.entries()) {
      if (rows !== undefined && rows.length > 0) place([`${timeMs}/${partition}`, rows])
    }
    if (share !== undefined) await takeAll(share.exchanging, run, put)
  }

  private async forget(run: TaskRunner): Promise<void> {
    for (const [index, partition] of this.state.entries()) {
      if (run.peers !== undefined && ownerOf(index, this.state.length, run.peers.count) !== run.peers.index)
        continue
      const visit = (key: string) => {
        if (timeOf(key) <= this.keeping.forgetMs) partition.remove(key)
      }
      await run.drain(new StateKeyReader<string>(partition.committed(), visit))
    }
  }
}

/** Rows of a batch before the restart, a row partition for each partition of the state. */
class RestoredRows<T> implements Dataset<T> {
  readonly keeps = 'always'
  readonly partitions: number
  private readonly once = new Once()
  private readonly state: readonly StatePartition<T[]>[]
  private readonly timeMs: number
  private rows: Held<T> = []

  constructor(state: readonly StatePartition<T[]>[], timeMs: number) {
    this.state = state
    this.partitions = state.length
    this.timeMs = timeMs
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      this.rows = this.state.map(() => undefined)
      for (const [index, partition] of this.state.entries()) {
        if (!owns(this, index, run.peers)) continue
        const found: [number, T[]][] = []
        const visit = (key: string, rows: T[]) => {
          if (timeOf(key) === this.timeMs) found.push([Number(key.slice(key.indexOf('/') + 1)), rows])
        }
        await run.drain(new StateReader<string, T[]>(partition.committed(), visit))
        this.rows[index] = found.sort(([a], [b]) => a - b).flatMap(([, rows]) => rows)
      }
    })
  }

  open(partition: number, emit: Emit<T>): RowReader {
    return openHeld(this.rows, partition, emit)
  }
}

/** As it would come back after a restart. What is no plain data (there is no checkpoint then) is held as it is. */
function copyOf<T>(row: T): T {
  if (!isObject(row)) return row
  // Most rows are pairs of what nobody can change.
  if (Array.isArray(row) && !row.some(isObject)) return row.slice() as T
  let bytes: Uint8Array
  try {
    bytes = plainCodec.encode(row)
  } catch (error) {
    if (error instanceof TypeError) return row
    throw error
  }
  return plainCodec.decode(bytes) as T
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function timeOf(key: string): number {
  return Number(key.slice(0, key.indexOf('/')))
}
