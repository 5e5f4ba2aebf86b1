// Keyed rows on disk, dealt out by the hash of their keys to so many buckets that each of them fits into memory when it
// is combined. In and out rows have the place at which their key was first seen, so they come out in that order:
//
//    rows ─► buckets, as they come ─► one bucket after the other combined ─► partitions, their buckets read as one
//
// What must fit is a bucket's keys with their values: a 64th of all, or less.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { operatorFailed } from '../graph/errors.ts'
import { hashKey, type Key } from '../graph/key.ts'
import type { KeyPlaces } from '../graph/partitioner.ts'
import type { Combining } from './combining-table.ts'
import type { HeldOrSpilled, TaskRunner } from './dataset.ts'
import { attempt, BlockCutter } from './held-rows.ts'
import { decodeRows, encodeRows } from './row-block.ts'
import type { SpilledBlock, SpillFile } from './spill-file.ts'

/** Of all partitions that a thread has, together. */
const BUCKETS = 64

/** A row, and the place at which its key was first seen. */
type Placed = readonly [place: number, key: unknown, value: unknown]

/** What has been combined already, or values as they came. */
type Kind = 'combined' | 'values'

interface KindOfBlock extends SpilledBlock {
  readonly kind: Kind
}

/** One bucket's rows in a file, in the order of their places. */
class Bucket {
  readonly blocks: KindOfBlock[] = []
  private readonly operator: string
  private readonly file: SpillFile
  private readonly gathered = new BlockCutter<Placed>()
  private kind: Kind = 'combined'

  constructor(operator: string, file: SpillFile) {
    this.operator = operator
    this.file = file
  }

  add(placed: Placed, kind: Kind): void {
    if (kind !== this.kind) this.cut()
    this.kind = kind
    if (this.gathered.add(placed)) this.cut()
  }

  cut(): void {
    const rows = this.gathered.take()
    if (rows.length === 0) return
    const bytes = encodeRows(this.operator, rows)
    this.blocks.push({ kind: this.kind, ...attempt(this.operator, () => this.file.append(bytes)) })
  }

  read(block: SpilledBlock): Placed[] {
    return decodeRows<Placed>(attempt(this.operator, () => this.file.read(block)))
  }
}

export interface BucketsOptions {
  readonly places: KeyPlaces
  /** Those of this thread. */
  readonly owned: readonly number[]
  readonly open: () => SpillFile
}

export interface CombiningAgain<V, C> extends Combining<V, C> {
  readonly mergeCombined?: (earlier: C, later: C) => C
}

export class KeyedBuckets<K, C> {
  private readonly options: BucketsOptions
  private readonly perPartition: number
  private readonly file: SpillFile
  /** By partition. */
  private readonly buckets: Bucket[][] = []
  private places = 0

  /** Throws OperatorError where there can be no file. */
  constructor(options: BucketsOptions) {
    this.options = options
    this.perPartition = Math.ceil(BUCKETS / Math.max(1, options.owned.length))
    this.file = attempt(options.places.operator, options.open)
    for (const partition of options.owned) this.buckets[partition] = this.emptyBuckets(this.file)
  }

  /** A row of this thread's partitions. */
  add(key: K, value: unknown, kind: Kind): void {
    const { places } = this.options
    const partition = places.partitionOf(key)
    const of = this.buckets[partition]
    if (of === undefined) throw places.elsewhere(key, partition)
    // The rest of the hash: what chooses the partition is the same for all of its keys.
    const bucket = Math.floor(hashKey(key as Key) / places.partitions) % this.perPartition
    ;(of[bucket] as Bucket).add([this.places++, key, value], kind)
  }

  /** After the last row; `mergeCombined` is asked for only where something was combined before it came. */
  async combine<V>(
    combining: CombiningAgain<V, C>,
    run: TaskRunner,
  ): Promise<HeldOrSpilled<readonly [K, C]>> {
    const { places, open } = this.options
    const combined = attempt(places.operator, open)
    const result: (CombinedPartition<K, C> | undefined)[] = Array.from({ length: places.partitions })
    for (const partition of this.options.owned) {
      const buckets = this.emptyBuckets(combined)
      for (const [index, bucket] of (this.buckets[partition] as Bucket[]).entries()) {
        bucket.cut()
        await this.combineBucket(bucket, buckets[index] as Bucket, combining, run)
      }
      result[partition] = new CombinedPartition<K, C>(buckets)
    }
    this.file.close()
    return result
  }

  private async combineBucket<V>(
    from: Bucket,
    to: Bucket,
    combining: CombiningAgain<V, C>,
    run: TaskRunner,
  ): Promise<void> {
    const { operator } = this.options.places
    const table = new Map<K, { readonly place: number; combined: C }>()
    const take = (kind: Kind, [place, key, value]: Placed) => {
      const known = table.get(key as K)
      try {
        if (kind === 'values') {
          if (known === undefined) table.set(key as K, { place, combined: combining.create(value as V) })
          else known.combined = combining.merge(known.combined, value as V)
        } else if (known === undefined) {
          table.set(key as K, { place, combined: value as C })
        } else {
          const { mergeCombined } = combining
          if (mergeCombined === undefined) throw new Error('what was combined cannot be brought together')
          known.combined = mergeCombined(known.combined, value as C)
        }
      } catch (error) {
        throw operatorFailed(operator, error)
      }
    }
    await run.drain(new BucketReader(from, take))
    const entries = table.entries()
    await run.drain({
      read(maxRows) {
        for (let i = 0; i < maxRows; i++) {
          const step = entries.next()
          if (step.done === true) return false
          const [key, { place, combined }] = step.value
          to.add([place, key, combined], 'combined')
        }
        return true
      },
      close() {},
    })
    to.cut()
  }

  private emptyBuckets(file: SpillFile): Bucket[] {
    return Array.from({ length: this.perPartition }, () => new Bucket(this.options.places.operator, file))
  }
}

/** Reads one bucket, a block at a time. */
class BucketReader implements RowReader {
  private readonly bucket: Bucket
  private readonly take: (kind: Kind, placed: Placed) => void
  private block = 0
  private rows: readonly Placed[] = []
  private at = 0

  constructor(bucket: Bucket, take: (kind: Kind, placed: Placed) => void) {
    this.bucket = bucket
    this.take = take
  }

  /** undefined: there is no further one. */
  peek(): Placed | undefined {
    while (this.at === this.rows.length) {
      const block = this.bucket.blocks[this.block]
      if (block === undefined) return undefined
      this.rows = this.bucket.read(block)
      this.block++
      this.at = 0
    }
    return this.rows[this.at]
  }

  skip(): void {
    this.at++
  }

  read(maxRows: number): boolean {
    for (let i = 0; i < maxRows; i++) {
      const placed = this.peek()
      if (placed === undefined) return false
      this.take((this.bucket.blocks[this.block - 1] as KindOfBlock).kind, placed)
      this.at++
    }
    return true
  }

  close(): void {}
}

/** The buckets of a partition, read side by side: the key that was first seen comes first. */
class CombinedPartition<K, C> {
  private readonly buckets: readonly Bucket[]

  constructor(buckets: readonly Bucket[]) {
    this.buckets = buckets.filter(({ blocks }) => blocks.length > 0)
  }

  open(emit: Emit<readonly [K, C]>): RowReader {
    const readers = this.buckets.map((bucket) => new BucketReader(bucket, () => {}))
    return {
      read(maxRows) {
        for (let i = 0; i < maxRows; i++) {
          let first: BucketReader | undefined
          let row: Placed | undefined
          for (const reader of readers) {
            const placed = reader.peek()
            if (placed === undefined || (row !== undefined && placed[0] > row[0])) continue
            first = reader
            row = placed
          }
          if (first === undefined || row === undefined) return false
          first.skip()
          emit([row[1] as K, row[2] as C])
        }
        return true
      },
      close() {},
    }
  }
}
