// Rows on their way to where their keys are: to the thread that has the key's partition.

import { operatorFailed } from '../graph/errors.ts'
import { checkKey } from '../graph/key.ts'
import type { KeyPlaces } from '../graph/partitioner.ts'
import type { Emit } from '../graph/contracts/rows.ts'
import { type Combining, CombiningTable } from './combining-table.ts'
import {
  type Adding,
  drainShare,
  type Exchanging,
  ownerOf,
  type Dataset,
  type Peers,
  takeAll,
  type TaskRunner,
} from './dataset.ts'
import { IteratorReader } from './iterator-reader.ts'

/**
 * Prepares the dataset and pushes its rows, combined as far as this thread and those before it have them, to where
 * their keys are: with peers, of those whose partitions this thread has, in the threads' order.
 */
export async function drainCombined<K, V, C>(
  dataset: Dataset<readonly [K, V]>,
  places: KeyPlaces,
  { run, peers }: { readonly run: TaskRunner; readonly peers: Peers },
  combiner: Combining<V, C>,
  into: Adding<[K, C]>,
): Promise<void> {
  const { exchanging, place } = placing<[K, C]>(places, peers)
  const mine = new CombiningTable<K, C>(places.operator, run.spills.limitInBytes / 2, true)
  const handOver = async (tables: readonly ReadonlyMap<K, [K, C]>[]) => {
    for (const table of tables) await run.drain(new IteratorReader(table.values(), place))
  }
  const pause = () => (mine.isFull ? handOver(mine.takeFull()) : undefined)
  await drainShare(dataset, run, mine.adder(combiner), pause)
  await handOver(mine.takeAll())
  await takeAll(exchanging, run, into.emit, into.pause)
}

/**
 * Prepares the dataset and pushes its rows to where their keys are, with keys checked: of those whose partitions this
 * thread has, in the order of the rows.
 */
export async function drainByKey<R extends readonly [unknown, unknown]>(
  dataset: Dataset<R>,
  places: KeyPlaces,
  run: TaskRunner,
  { emit, pause }: Adding<R>,
): Promise<void> {
  const { peers } = run
  if (peers === undefined) {
    const checked = (row: R) => {
      keyChecked(row[0], places.operator)
      emit(row)
    }
    return await drainShare(dataset, run, checked, pause)
  }
  const { exchanging, place } = placing<R>(places, peers)
  await drainShare(dataset, run, place)
  await takeAll(exchanging, run, emit, pause)
}

/** Rows on their way to the threads that have their keys' partitions. */
export function placing<R extends readonly [unknown, unknown]>(
  places: KeyPlaces,
  peers: Peers,
): { exchanging: Exchanging<R>; place: Emit<R> } {
  const { operator, partitions } = places
  const exchanging = peers.begin<R>(operator)
  const place = (row: R) => {
    const key = row[0]
    keyChecked(key, operator)
    exchanging.give(ownerOf(places.partitionOf(key), partitions, peers.count), row)
  }
  return { exchanging, place }
}

/** Throws OperatorError. */
export function keyChecked(key: unknown, operator: string): void {
  try {
    checkKey(key, operator)
  } catch (error) {
    throw operatorFailed(operator, error)
  }
}
