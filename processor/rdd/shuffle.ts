// Rows brought together by key. Each key's values are combined as they arrive (Spark's map-side combine):
// all input partitions of a thread share one table, so what is moved is one entry per key, never the rows,
// and only those entries are placed in their partition. Rows come out in the order keys were first seen.

import { operatorFailed } from '../graph/errors.ts'
import { checkKey } from '../graph/key.ts'
import type { KeyPlaces } from '../graph/partitioner.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { ArrayReader } from './array-reader.ts'
import { IteratorReader } from './iterator-reader.ts'
import {
  drainShare,
  Once,
  openHeld,
  ownerOf,
  type Dataset,
  type Held,
  type Peers,
  type TaskRunner,
} from './dataset.ts'

export interface Combiner<V, C> {
  create(value: V): C
  /** May change and return `combined`. */
  merge(combined: C, value: V): C
  /**
   * Brings together what two threads have combined, the earlier rows' first; may change and return it. Without
   * it, rows go to their key's thread as they are.
   */
  mergeCombined?(earlier: C, later: C): C
}

export class ShuffledDataset<K, V, C> implements Dataset<readonly [K, C]> {
  readonly partitions: number
  readonly keeps = 'always'
  private readonly once = new Once()
  private parent: Dataset<readonly [K, V]> | undefined
  private readonly places: KeyPlaces
  private readonly combiner: Combiner<V, C>
  private rows: Held<readonly [K, C]> = []

  constructor(parent: Dataset<readonly [K, V]>, places: KeyPlaces, combiner: Combiner<V, C>) {
    this.parent = parent
    this.places = places
    this.partitions = places.partitions
    this.combiner = combiner
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      this.rows = await this.shuffle(this.parent as Dataset<readonly [K, V]>, run)
      this.parent = undefined
    })
  }

  private async shuffle(parent: Dataset<readonly [K, V]>, run: TaskRunner): Promise<Held<[K, C]>> {
    const { places, combiner } = this
    const { peers } = run
    const table = new Map<K, [K, C]>()
    if (peers === undefined) {
      await drainShare(parent, run, this.adder(table))
    } else if (combiner.mergeCombined === undefined) {
      await drainByKey(parent, places, run, this.adder(table))
    } else {
      const mine = new Map<K, [K, C]>()
      await drainShare(parent, run, this.adder(mine))
      const { rows, place } = placing<[K, C]>(places, peers.count)
      await run.drain(new IteratorReader(mine.values(), place))
      await takeAll(await peers.exchange(places.operator, rows), run, this.merger(table))
    }
    return await spread(table, places, run)
  }

  open(partition: number, emit: Emit<readonly [K, C]>): RowReader {
    return openHeld<readonly [K, C]>(this.rows, partition, emit)
  }

  // An entry is the row that will come out: found once, changed in place, no second look-up to store it.
  private adder(table: Map<K, [K, C]>): Emit<readonly [K, V]> {
    const { combiner } = this
    const { operator } = this.places
    return (row) => {
      const key = row[0]
      const entry = table.get(key)
      try {
        if (entry !== undefined) {
          entry[1] = combiner.merge(entry[1], row[1])
        } else {
          checkKey(key, operator)
          table.set(key, [key, combiner.create(row[1])])
        }
      } catch (error) {
        throw operatorFailed(operator, error)
      }
    }
  }

  private merger(table: Map<K, [K, C]>): Emit<[K, C]> {
    const { combiner } = this
    const { operator } = this.places
    return (entry) => {
      const known = table.get(entry[0])
      if (known === undefined) {
        table.set(entry[0], entry)
        return
      }
      try {
        known[1] = (combiner.mergeCombined as NonNullable<Combiner<V, C>['mergeCombined']>)(
          known[1],
          entry[1],
        )
      } catch (error) {
        throw operatorFailed(operator, error)
      }
    }
  }
}

/**
 * Prepares the dataset and pushes its rows to where their keys are, with keys checked: of those whose partitions this
 * thread has, in the order of the rows.
 */
export async function drainByKey<R extends readonly [unknown, unknown]>(
  dataset: Dataset<R>,
  places: KeyPlaces,
  run: TaskRunner,
  emit: Emit<R>,
): Promise<void> {
  const { peers } = run
  const { operator } = places
  if (peers !== undefined) {
    const { rows, place } = placing<R>(places, peers.count)
    await drainShare(dataset, run, place)
    await takeAll(await peers.exchange(operator, rows), run, emit)
    return
  }
  await drainShare(dataset, run, (row) => {
    try {
      checkKey(row[0], operator)
    } catch (error) {
      throw operatorFailed(operator, error)
    }
    emit(row)
  })
}

/** Entries of the keys that are this thread's, dealt to their partitions. */
export async function spread<K, R extends readonly [K, unknown]>(
  table: Map<K, R>,
  places: KeyPlaces,
  run: TaskRunner,
): Promise<Held<R>> {
  const { rows, deal } = dealing<R>(places, run.peers)
  await run.drain(new IteratorReader(table.values(), deal))
  return rows
}

/** Takes rows of this thread's keys, each into its key's partition. Throws at a row of another thread's. */
export function dealing<R extends readonly [unknown, unknown]>(
  places: KeyPlaces,
  peers: Peers | undefined,
): { rows: Held<R>; deal: Emit<R> } {
  const { partitions } = places
  const rows: Held<R> = Array.from({ length: partitions }, (_, partition) =>
    peers === undefined || ownerOf(partition, partitions, peers.count) === peers.index ? [] : undefined,
  )
  const deal = (row: R) => {
    const partition = places.partitionOf(row[0])
    const held = rows[partition]
    if (held === undefined) throw places.elsewhere(row[0], partition)
    held.push(row)
  }
  return { rows, deal }
}

/** Rows dealt to the threads that have their keys' partitions. */
export function placing<R extends readonly [unknown, unknown]>(
  places: KeyPlaces,
  count: number,
): { rows: R[][]; place: Emit<R> } {
  const { operator, partitions } = places
  const rows: R[][] = Array.from({ length: count }, () => [])
  const place = (row: R) => {
    const key = row[0]
    try {
      checkKey(key, operator)
    } catch (error) {
      throw operatorFailed(operator, error)
    }
    ;(rows[ownerOf(places.partitionOf(key), partitions, count)] as R[]).push(row)
  }
  return { rows, place }
}

/** Pushes what each thread had for this one, in their order. */
export async function takeAll<R>(shares: readonly R[][], run: TaskRunner, emit: Emit<R>): Promise<void> {
  for (const share of shares) await run.drain(new ArrayReader(share, emit))
}

export function reduceCombiner<V>(f: (a: V, b: V) => V): Combiner<V, V> {
  return { create: (value) => value, merge: f, mergeCombined: f }
}

export function groupCombiner<V>(): Combiner<V, V[]> {
  return {
    create: (value) => [value],
    merge(values, value) {
      values.push(value)
      return values
    },
    mergeCombined(earlier, later) {
      for (const value of later) earlier.push(value)
      return earlier
    },
  }
}

export function countCombiner(): Combiner<unknown, number> {
  return { create: () => 1, merge: (count) => count + 1, mergeCombined: (a, b) => a + b }
}
