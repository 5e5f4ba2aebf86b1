// The new values of a batch, by the places of their keys in the state: a record costs one search, in the state itself,
// and no table beside it. That is so while they fit into memory; what outgrows it is grouped as any shuffle is.

import { operatorFailed } from '../graph/errors.ts'
import { checkKey, type Key } from '../graph/key.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { StatePartition } from '../graph/contracts/state.ts'
import { appended, intoGroup, type Cogrouped } from '../rdd/cogroup.ts'
import { type Adding, type Dataset, drainShare, type HeldOrSpilled, type TaskRunner } from '../rdd/dataset.ts'
import { ArrayReader } from '../rdd/array-reader.ts'
import { SampledSize, sizeOf } from '../rdd/size-of.ts'
import { SpillingTable, type ShufflePlace } from '../rdd/spilling-table.ts'

/** Of a key that has new values. */
const KEY_BYTES = 64

/** Of one partition. Keys have numbers, from 0 in the order in which they came. */
export class KeyGroups {
  readonly places: number[] = []
  private readonly partition: StatePartition<unknown>
  private readonly parents: number
  /** By number, and by parent. */
  private readonly groups: unknown[][][] = []
  /** By place. Counts only where `places` says the same. */
  private numbers: Int32Array

  constructor(partition: StatePartition<unknown>, parents: number) {
    this.partition = partition
    this.parents = parents
    this.numbers = new Int32Array(partition.end)
  }

  /** Returns how many values of the parent the key has then. */
  add(key: Key, parent: number, value: unknown): number {
    const place = this.partition.place(key)
    if (place < this.numbers.length) {
      const number = this.numbers[place] as number
      if (this.places[number] === place)
        return ((this.groups[number] as unknown[][])[parent] as unknown[]).push(value)
    } else {
      const larger = new Int32Array(Math.max(1024, 2 * place))
      larger.set(this.numbers)
      this.numbers = larger
    }
    this.numbers[place] = this.places.length
    this.places.push(place)
    this.groups.push(
      // As literals: arrays that are pushed to have room for many more.
      this.parents === 1
        ? [[value]]
        : Array.from({ length: this.parents }, (_, index) => (index === parent ? [value] : [])),
    )
    return 1
  }

  /** Hands over each key's place and values. */
  read(visit: (place: number, groups: unknown[][]) => void): RowReader {
    let number = 0
    return new ArrayReader(this.places, (place) => visit(place, this.groups[number++] as unknown[][]))
  }

  /** The same by their keys. */
  entries<K>(emit: Emit<[K, unknown[][]]>): RowReader {
    return this.read((place, groups) => emit([this.partition.keyAt(place) as K, groups]))
  }
}

/** By partition. */
export type Gathered<K> =
  | { readonly groups: readonly KeyGroups[] }
  | { readonly rows: HeldOrSpilled<Cogrouped<K>> }

/** Reads all parents, in a thread that has all partitions. */
export async function gather<K>(
  parents: readonly Dataset<readonly [K, unknown]>[],
  state: readonly StatePartition<unknown>[],
  place: ShufflePlace,
  run: TaskRunner,
): Promise<Gathered<K>> {
  const { places } = place
  const groups = state.map((partition) => new KeyGroups(partition, parents.length))
  const size = new SampledSize()
  let table: SpillingTable<K, unknown[][]> | undefined
  const moveToTable = async () => {
    const made = new SpillingTable<K, unknown[][]>(place, run, appended)
    const { emit, pause } = made.merger()
    for (const each of groups) await run.drain(each.entries<K>(emit), pause)
    table = made
    groups.length = 0
  }
  for (const [parent, dataset] of parents.entries()) {
    let adding: Adding<readonly [K, unknown]> | undefined
    const add: Emit<readonly [K, unknown]> = (row) => {
      const [key, value] = row
      if (table !== undefined) {
        adding ??= table.adder(intoGroup(parent, () => parents.map((): unknown[] => [])))
        return adding.emit(row)
      }
      try {
        checkKey(key, places.operator)
      } catch (error) {
        throw operatorFailed(places.operator, error)
      }
      const values = (groups[places.partitionOf(key)] as KeyGroups).add(key, parent, value)
      if (size.isDue()) size.add((values === 1 ? KEY_BYTES + sizeOf(key) : 0) + sizeOf(value))
    }
    const pause = () => {
      if (table !== undefined) return adding?.pause?.()
      return size.bytes > run.spills.limitInBytes ? moveToTable() : undefined
    }
    await drainShare(dataset, run, add, pause)
  }
  return table === undefined ? { groups } : { rows: (await table.finish()).rows }
}
