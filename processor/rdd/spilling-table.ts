// A table of combined values that may outgrow its memory: what it has is then moved to buckets on disk, as often as it
// is full, and each bucket is combined again at the end. As long as it fits, nothing touches the disk.

import type { KeyPlaces } from '../graph/partitioner.ts'
import { keyChecked } from './by-key.ts'
import { type Combining, CombiningTable } from './combining-table.ts'
import { type Adding, type Held, type HeldOrSpilled, ownerOf, type TaskRunner } from './dataset.ts'
import { IteratorReader } from './iterator-reader.ts'
import { KeyedBuckets } from './keyed-buckets.ts'

export interface ShufflePlace {
  readonly places: KeyPlaces
  /** Its rows may be asked for after the batch that made them: it is not of a batch (Dataset of the batch context). */
  readonly outlives: boolean
}

export class SpillingTable<K, C> {
  private readonly place: ShufflePlace
  private readonly run: TaskRunner
  private readonly mergeCombined: ((earlier: C, later: C) => C) | undefined
  private readonly table: CombiningTable<K, C>
  private buckets: KeyedBuckets<K, C> | undefined
  private adding: Combining<never, C> | undefined
  private passesOn = false

  /** Without `mergeCombined`, values go to disk as they are once the table was full. */
  constructor(
    place: ShufflePlace,
    run: TaskRunner,
    mergeCombined: ((earlier: C, later: C) => C) | undefined,
  ) {
    this.place = place
    this.run = run
    this.mergeCombined = mergeCombined
    const { limitInBytes } = run.spills
    this.table = new CombiningTable(
      place.places.operator,
      run.peers === undefined ? limitInBytes : limitInBytes / 2,
      mergeCombined !== undefined,
    )
  }

  /** Takes rows. Several ways of adding may follow one another only where there is `mergeCombined`. */
  adder<V>(combining: Combining<V, C>): Adding<readonly [K, V]> {
    this.adding = combining
    const add = this.table.adder(combining)
    if (this.mergeCombined !== undefined) return { emit: add, pause: this.pause }
    return { emit: (row) => (this.passesOn ? this.passOn(row) : add(row)), pause: this.pause }
  }

  /** Takes entries of other tables. */
  merger(): Adding<[K, C]> {
    if (this.mergeCombined === undefined) throw new Error('there is no way to bring entries together')
    return { emit: this.table.merger(this.mergeCombined), pause: this.pause }
  }

  /** The rows of this thread's partitions; `entries`: all of them, where none had to go to disk. */
  async finish(): Promise<{
    rows: HeldOrSpilled<readonly [K, C]>
    entries: ReadonlyMap<K, readonly [K, C]> | undefined
  }> {
    const { table, buckets, run } = this
    if (buckets === undefined && !table.isFull) {
      const { entries } = table
      return { rows: await spread(entries, this.place.places, run), entries }
    }
    await this.spill(table.takeAll())
    const { mergeCombined } = this
    const combining = this.adding ?? NOTHING_AS_VALUES
    const rows = await this.openBuckets.combine(
      { create: combining.create, merge: combining.merge, ...(mergeCombined && { mergeCombined }) },
      run,
    )
    return { rows, entries: undefined }
  }

  private readonly pause = (): Promise<void> | undefined =>
    this.table.isFull ? this.spill(this.table.takeFull()) : undefined

  private async spill(tables: readonly ReadonlyMap<K, readonly [K, C]>[]): Promise<void> {
    const buckets = this.openBuckets
    const move = ([key, combined]: readonly [K, C]) => buckets.add(key, combined, 'combined')
    for (const table of tables) await this.run.drain(new IteratorReader(table.values(), move))
    this.passesOn = this.mergeCombined === undefined
  }

  private passOn(row: readonly [K, unknown]): void {
    keyChecked(row[0], this.place.places.operator)
    ;(this.buckets as KeyedBuckets<K, C>).add(row[0], row[1], 'values')
  }

  private get openBuckets(): KeyedBuckets<K, C> {
    return (this.buckets ??= this.newBuckets())
  }

  private newBuckets(): KeyedBuckets<K, C> {
    const { places, outlives } = this.place
    const { partitions } = places
    const { peers, spills } = this.run
    const all = Array.from({ length: partitions }, (_, partition) => partition)
    const owned = all.filter(
      (partition) => peers === undefined || ownerOf(partition, partitions, peers.count) === peers.index,
    )
    return new KeyedBuckets({ places, owned, open: () => spills.open(outlives) })
  }
}

const NOTHING_AS_VALUES: Combining<never, never> = {
  create() {
    throw new Error('only entries were added')
  },
  merge() {
    throw new Error('only entries were added')
  },
}

/** Entries of the keys that are this thread's, dealt to their partitions. Throws at one of another thread's. */
async function spread<K, R extends readonly [K, unknown]>(
  table: ReadonlyMap<K, R>,
  places: KeyPlaces,
  run: TaskRunner,
): Promise<Held<R>> {
  const { partitions } = places
  const { peers } = run
  const rows: Held<R> = Array.from({ length: partitions }, (_, partition) =>
    peers === undefined || ownerOf(partition, partitions, peers.count) === peers.index ? [] : undefined,
  )
  const place = (entry: R) => {
    const partition = places.partitionOf(entry[0])
    const held = rows[partition]
    if (held === undefined) throw places.elsewhere(entry[0], partition)
    held.push(entry)
  }
  await run.drain(new IteratorReader(table.values(), place))
  return rows
}
