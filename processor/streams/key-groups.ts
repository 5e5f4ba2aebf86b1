// The new values of a batch, by the places of their keys in the state: a record costs one search, in the state itself,
// and no table beside it. That is so while they fit into memory; what outgrows it is grouped as any shuffle is.

import { operatorFailed } from '../graph/errors.ts'
import { checkKey, type Key } from '../graph/key.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { StatePartition } from '../graph/contracts/state.ts'
import { appended, intoGroup, type Cogrouped } from '../rdd/cogroup.ts'
import { type Adding, type Dataset, drainShare, type HeldOrSpilled, type TaskRunner } from '../rdd/dataset.ts'
import { Paged, PagedInts } from '../rdd/paged.ts'
import { SampledSize, sizeOf } from '../rdd/size-of.ts'
import { SpillingTable, type ShufflePlace } from '../rdd/spilling-table.ts'

/** Of a key that has new values. */
const KEY_BYTES = 64

/** Instead of the index of a value. */
const NONE = -1

/**
 * Of one partition. Keys have numbers, from 0 in the order in which they came. Values lie in the order in which they
 * came, each with the one before it of its key and parent, and groups are made when they are read: nothing but numbers
 * lives on from a record until then.
 *
 *    values      v0  v1  v2  v3          lastOf     2  1  3      for each number and parent
 *    before       -   -   0   -
 */
export class KeyGroups {
  private readonly places = new PagedInts()
  private readonly partition: StatePartition<unknown>
  private readonly parents: number
  private readonly values = new Paged<unknown>()
  private readonly before = new PagedInts()
  private readonly lastOf = new PagedInts()
  /** By place. Counts only where `places` says the same. */
  private numbers: Int32Array

  constructor(partition: StatePartition<unknown>, parents: number) {
    this.partition = partition
    this.parents = parents
    this.numbers = new Int32Array(partition.end)
  }

  /** Whether it is the key's first value of the parent. */
  add(key: Key, parent: number, value: unknown): boolean {
    const group = this.numberOf(this.partition.place(key)) * this.parents + parent
    const before = this.lastOf.get(group)
    this.lastOf.set(group, this.values.push(value))
    this.before.push(before)
    return before === NONE
  }

  /** Hands over each key's place and values. */
  read(visit: (place: number, groups: unknown[][]) => void): RowReader {
    const { places } = this
    let number = 0
    return {
      read: (maxRows) => {
        const end = Math.min(places.length, number + maxRows)
        for (; number < end; number++) visit(places.get(number), this.groupsOf(number))
        return end < places.length
      },
      close() {},
    }
  }

  /** The same by their keys. */
  entries<K>(emit: Emit<[K, unknown[][]]>): RowReader {
    return this.read((place, groups) => emit([this.partition.keyAt(place) as K, groups]))
  }

  private numberOf(place: number): number {
    const { places } = this
    if (place < this.numbers.length) {
      const number = this.numbers[place] as number
      if (number < places.length && places.get(number) === place) return number
    } else {
      const larger = new Int32Array(Math.max(1024, 2 * place))
      larger.set(this.numbers)
      this.numbers = larger
    }
    for (let parent = 0; parent < this.parents; parent++) this.lastOf.push(NONE)
    return (this.numbers[place] = places.push(place))
  }

  private groupsOf(number: number): unknown[][] {
    const first = number * this.parents
    // Literals: arrays that are pushed to have room for many more.
    const groups = [this.valuesUpTo(this.lastOf.get(first))]
    for (let parent = 1; parent < this.parents; parent++) {
      groups.push(this.valuesUpTo(this.lastOf.get(first + parent)))
    }
    return groups
  }

  private valuesUpTo(last: number): unknown[] {
    if (last === NONE) return []
    const { values, before } = this
    const found = [values.get(last)]
    for (let at = before.get(last); at !== NONE; at = before.get(at)) found.push(values.get(at))
    return found.length === 1 ? found : found.reverse()
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
      const isFirst = (groups[places.partitionOf(key)] as KeyGroups).add(key, parent, value)
      if (size.isDue()) size.add((isFirst ? KEY_BYTES + sizeOf(key) : 0) + sizeOf(value))
    }
    const pause = () => {
      if (table !== undefined) return adding?.pause?.()
      return size.bytes > run.spills.limitInBytes ? moveToTable() : undefined
    }
    await drainShare(dataset, run, add, pause)
  }
  return table === undefined ? { groups } : { rows: (await table.finish()).rows }
}
