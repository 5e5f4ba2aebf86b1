// The values of several keyed datasets under each key: what joins, windows with an inverse and state
// updates are made of.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { KeyPlaces, Partitioner } from '../graph/partitioner.ts'
import { drainCombined } from './by-key.ts'
import type { Combining } from './combining-table.ts'
import { drainShare, type HeldOrSpilled, Once, openHeld, type Dataset, type TaskRunner } from './dataset.ts'
import { placesKnown } from './range-partitioner.ts'
import { groupCombiner, type ShuffleOptions } from './shuffle.ts'
import { SpillingTable, type ShufflePlace } from './spilling-table.ts'

/** `groups[i]` are the values that parent i has under the key. */
export type Cogrouped<K> = readonly [K, unknown[][]]

type Keyed<K> = Dataset<readonly [K, unknown]>

export interface Cogroups<K> {
  /** In this thread's partitions, in the order in which one thread would have met them: the first parent's keys first. */
  readonly rows: HeldOrSpilled<Cogrouped<K>>
  /** The same by key, unless they had to go to disk. */
  readonly entries: ReadonlyMap<K, Cogrouped<K>> | undefined
}

/** Reads all parents: with peers, of the keys whose partitions this thread has. */
export async function cogroup<K>(
  parents: readonly Keyed<K>[],
  place: ShufflePlace,
  run: TaskRunner,
): Promise<Cogroups<K>> {
  const table = new SpillingTable<K, unknown[][]>(place, run, appended)
  const { peers } = run
  for (const [index, parent] of parents.entries()) {
    const empty = () => parents.map((): unknown[] => [])
    if (peers === undefined) {
      const { emit, pause } = table.adder(intoGroup(index, empty))
      await drainShare(parent, run, emit, pause)
    } else {
      const into = table.adder(intoGroups(index, empty))
      await drainCombined(parent, place.places, { run, peers }, groupCombiner<unknown>(), into)
    }
  }
  return await table.finish()
}

/** Adds a value of parent `index`. */
export function intoGroup(index: number, empty: () => unknown[][]): Combining<unknown, unknown[][]> {
  const merge = (groups: unknown[][], value: unknown) => {
    ;(groups[index] as unknown[]).push(value)
    return groups
  }
  return { create: (value) => merge(empty(), value), merge }
}

function intoGroups(index: number, empty: () => unknown[][]): Combining<unknown[], unknown[][]> {
  const merge = (groups: unknown[][], values: unknown[]) => {
    const group = groups[index] as unknown[]
    for (const value of values) group.push(value)
    return groups
  }
  return { create: (values) => merge(empty(), values), merge }
}

export function appended(earlier: unknown[][], later: unknown[][]): unknown[][] {
  for (const [index, values] of later.entries()) {
    const group = earlier[index] as unknown[]
    for (const value of values) group.push(value)
  }
  return earlier
}

export class CogroupedDataset<K> implements Dataset<Cogrouped<K>> {
  readonly partitions: number
  readonly keeps = 'always'
  readonly partitioner: Partitioner
  private readonly places: KeyPlaces
  private readonly outlives: boolean
  private readonly once = new Once()
  private parents: readonly Keyed<K>[]
  private rows: HeldOrSpilled<Cogrouped<K>> = []

  constructor(parents: readonly Keyed<K>[], places: KeyPlaces, { outlives = false }: ShuffleOptions = {}) {
    this.parents = parents
    this.places = places
    this.partitions = places.partitions
    this.partitioner = places.partitioner
    this.outlives = outlives
  }

  prepare(run: TaskRunner): Promise<void> {
    const { places, outlives } = this
    return this.once.run(
      async () => {
        await placesKnown(places, run)
        this.rows = (await cogroup(this.parents, { places, outlives }, run)).rows
      },
      { in: run, settled: () => void (this.parents = []) },
    )
  }

  open(partition: number, emit: Emit<Cogrouped<K>>): RowReader {
    return openHeld<Cogrouped<K>>(this.rows, partition, emit)
  }
}
