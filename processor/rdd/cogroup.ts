// The values of several keyed datasets under each key: what joins, windows with an inverse and state
// updates are made of.

import { operatorFailed } from '../graph/errors.ts'
import { checkKey } from '../graph/key.ts'
import type { KeyPlaces } from '../graph/partitioner.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { drainShare, Once, openHeld, type Dataset, type Held, type TaskRunner } from './dataset.ts'
import { IteratorReader } from './iterator-reader.ts'
import { placing, spread, takeAll } from './shuffle.ts'

/** `groups[i]` are the values that parent i has under the key. */
export type Cogrouped<K> = readonly [K, unknown[][]]

/** Reads all parents into one table of groups: with peers, of the keys whose partitions this thread has. */
export async function cogroupTable<K>(
  parents: readonly Dataset<readonly [K, unknown]>[],
  places: KeyPlaces,
  run: TaskRunner,
): Promise<Map<K, [K, unknown[][]]>> {
  const { peers } = run
  const { operator } = places
  const mine = await groupShares(parents, operator, run)
  if (peers === undefined) return mine
  const { rows, place } = placing<[K, unknown[][]]>(places, peers.count)
  await run.drain(new IteratorReader(mine.values(), place))
  const shares = await peers.exchange(operator, rows)
  const table = await keysInOrder(shares, parents.length, run)
  await takeAll(shares, run, ([key, groups]) => {
    const all = (table.get(key) as [K, unknown[][]])[1]
    for (const [index, values] of groups.entries()) {
      const group = all[index] as unknown[]
      for (const value of values) group.push(value)
    }
  })
  return table
}

// As one thread would have met them: all of the first parent's keys, then those that the second adds.
async function keysInOrder<K>(
  shares: readonly [K, unknown[][]][][],
  parents: number,
  run: TaskRunner,
): Promise<Map<K, [K, unknown[][]]>> {
  const first: K[][] = Array.from({ length: parents }, () => [])
  await takeAll(shares, run, ([key, groups]) => {
    ;(first[groups.findIndex((values) => values.length > 0)] as K[]).push(key)
  })
  const table = new Map<K, [K, unknown[][]]>()
  await takeAll(first, run, (key) => {
    if (!table.has(key)) table.set(key, [key, Array.from({ length: parents }, () => [])])
  })
  return table
}

async function groupShares<K>(
  parents: readonly Dataset<readonly [K, unknown]>[],
  operator: string,
  run: TaskRunner,
): Promise<Map<K, [K, unknown[][]]>> {
  const table = new Map<K, [K, unknown[][]]>()
  for (const [index, parent] of parents.entries()) {
    await drainShare(parent, run, (row) => {
      let entry = table.get(row[0])
      if (entry === undefined) {
        try {
          checkKey(row[0], operator)
        } catch (error) {
          throw operatorFailed(operator, error)
        }
        entry = [row[0], parents.map(() => [])]
        table.set(row[0], entry)
      }
      ;(entry[1][index] as unknown[]).push(row[1])
    })
  }
  return table
}

export class CogroupedDataset<K> implements Dataset<Cogrouped<K>> {
  readonly partitions: number
  readonly keeps = 'always'
  private readonly once = new Once()
  private parents: readonly Dataset<readonly [K, unknown]>[]
  private readonly places: KeyPlaces
  private rows: Held<Cogrouped<K>> = []

  constructor(parents: readonly Dataset<readonly [K, unknown]>[], places: KeyPlaces) {
    this.parents = parents
    this.places = places
    this.partitions = places.partitions
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      const table = await cogroupTable(this.parents, this.places, run)
      this.rows = await spread(table, this.places, run)
      this.parents = []
    })
  }

  open(partition: number, emit: Emit<Cogrouped<K>>): RowReader {
    return openHeld<Cogrouped<K>>(this.rows, partition, emit)
  }
}
