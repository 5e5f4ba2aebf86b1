// All rows folded into at most one (count, reduce). Done while preparing; one partition comes out.

import { operatorFailed } from '../graph/errors.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import {
  drainShare,
  exchangeFew,
  Once,
  openHeld,
  ownerIn,
  type Dataset,
  type Held,
  type Peers,
  type TaskRunner,
} from './dataset.ts'

/** Takes every row, then says what comes out: no row, or one. */
export interface Fold<T, U> {
  add(row: T): void
  /** Takes what another thread's fold came to, of rows that come after those taken so far. */
  addResult(result: U): void
  result(): U[]
}

export class AggregateDataset<T, U> implements Dataset<U> {
  readonly partitions = 1
  readonly keeps = 'always'
  private readonly once = new Once()
  private parent: Dataset<T> | undefined
  private readonly start: () => Fold<T, U>
  private rows: Held<U> = []
  private readonly operator: string

  constructor(parent: Dataset<T>, operator: string, start: () => Fold<T, U>) {
    this.parent = parent
    this.operator = operator
    this.start = start
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(
      async () => {
        const fold = this.start()
        await drainShare(this.parent as Dataset<T>, run, (row) => fold.add(row))
        this.rows = [
          run.peers === undefined ? fold.result() : await this.gather(fold.result(), run, run.peers),
        ]
      },
      { in: run, settled: () => void (this.parent = undefined) },
    )
  }

  open(partition: number, emit: Emit<U>): RowReader {
    return openHeld(this.rows, partition, emit)
  }

  // All results come together in the thread that has the one partition.
  private async gather(result: U[], run: TaskRunner, peers: Peers): Promise<U[] | undefined> {
    const owner = ownerIn(this, 0, peers.count)
    const rows = Array.from({ length: peers.count }, (_, index) => (index === owner ? result : []))
    const shares = await exchangeFew(peers, this.operator, rows, run)
    if (owner !== peers.index) return undefined
    const fold = this.start()
    for (const share of shares) for (const each of share) fold.addResult(each)
    return fold.result()
  }
}

/** Counts rows; 0 is a result too. */
export function counting(): Fold<unknown, number> {
  let count = 0
  return {
    add: () => void count++,
    addResult: (more) => void (count += more),
    result: () => [count],
  }
}

/** Reduces rows in the order of their partitions; no rows, no result. */
export function reducing<T>(operator: string, f: (a: T, b: T) => T): Fold<T, T> {
  let held = false
  let value: T
  const add = (row: T) => {
    if (held) {
      try {
        value = f(value, row)
      } catch (error) {
        throw operatorFailed(operator, error)
      }
    } else {
      value = row
      held = true
    }
  }
  return { add, addResult: add, result: () => (held ? [value] : []) }
}
