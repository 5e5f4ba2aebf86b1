// The values of several keyed datasets under each key: what joins, windows with an inverse and state
// updates are made of.

import { operatorFailed } from '../graph/errors.ts'
import { checkKey } from '../graph/key.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { ArrayReader } from './array-reader.ts'
import { drainAll, Once, type Dataset, type TaskRunner } from './dataset.ts'
import { spread } from './shuffle.ts'

/** `groups[i]` are the values that parent i has under the key. */
export type Cogrouped<K> = readonly [K, unknown[][]]

/** Reads all parents into one table of groups. */
export async function cogroupTable<K>(
  parents: readonly Dataset<readonly [K, unknown]>[],
  operator: string,
  run: TaskRunner,
): Promise<Map<K, [K, unknown[][]]>> {
  const table = new Map<K, [K, unknown[][]]>()
  for (const [index, parent] of parents.entries()) {
    await drainAll(parent, run, (row) => {
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
  private readonly operator: string
  private rows: [K, unknown[][]][][] = []

  constructor(parents: readonly Dataset<readonly [K, unknown]>[], operator: string, partitions: number) {
    this.parents = parents
    this.operator = operator
    this.partitions = partitions
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      const table = await cogroupTable(this.parents, this.operator, run)
      this.rows = await spread(table, this.partitions, run)
      this.parents = []
    })
  }

  open(partition: number, emit: Emit<Cogrouped<K>>): RowReader {
    return new ArrayReader<Cogrouped<K>>(this.rows[partition] as [K, unknown[][]][], emit)
  }
}
