// One batch's rows as an algorithm trains on them: partition by partition, each in the thread that has it. What the
// partitions come to is brought to all threads in the order of the partitions, so that each computes the same model, to
// the last bit, on any number of threads.

import type { RowReader } from '../graph/contracts/rows.ts'
import { operatorFailed } from '../graph/errors.ts'
import { exchangeFew, owns, type Dataset, type TaskRunner } from '../rdd/dataset.ts'

/** What a partition came to. */
export type Part<R> = readonly [partition: number, result: R]

export class TrainingRows<T> {
  readonly operator: string
  private readonly rows: Dataset<T>
  private readonly run: TaskRunner

  /** `rows` are prepared. */
  constructor(rows: Dataset<T>, operator: string, run: TaskRunner) {
    this.rows = rows
    this.operator = operator
    this.run = run
  }

  /** Reads the partitions of this thread, each into a value of its own. What `add` throws is its row's fault. */
  async read<A extends { add(row: T): void }>(start: () => A): Promise<Part<A>[]> {
    const { rows, operator, run } = this
    const parts: Part<A>[] = []
    for (let partition = 0; partition < rows.partitions; partition++) {
      if (!owns(rows, partition, run.peers)) continue
      const into = start()
      const add = (row: T) => {
        try {
          into.add(row)
        } catch (error) {
          throw operatorFailed(operator, error)
        }
      }
      await run.drain(rows.open(partition, add))
      parts.push([partition, into])
    }
    return parts
  }

  /** Work that takes long, in slices. */
  pass(reader: RowReader): Promise<void> {
    return this.run.drain(reader)
  }

  /** Of all partitions, in their order. All threads must call it at the same point; results must be plain data. */
  async all<R>(parts: readonly Part<R>[]): Promise<R[]> {
    const { peers } = this.run
    if (peers === undefined) return parts.map(([, result]) => result)
    const toAll = Array<readonly Part<R>[]>(peers.count).fill(parts)
    const shares = await exchangeFew(peers, this.operator, toAll, this.run)
    const inOrder = shares.flat().toSorted(([a], [b]) => a - b)
    return inOrder.map(([, result]) => result)
  }
}
