// One batch of mapWithState: the initial state if it is the first, then its records in their order, then the keys
// whose time is up.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { StatePartition } from '../graph/contracts/state.ts'
import { operatorFailed } from '../graph/errors.ts'
import type { Key } from '../graph/key.ts'
import type { KeyPlaces } from '../graph/partitioner.ts'
import { Once, openHeld, owns, type Dataset, type Held, type TaskRunner } from '../rdd/dataset.ts'
import { IteratorReader } from '../rdd/iterator-reader.ts'
import { drainByKey } from '../rdd/by-key.ts'
import { StateHandle, type StateFunction } from './state-spec.ts'
import type { TimeoutIndex, TimeoutIndexes } from './timeout-index.ts'

/** A state, and the time of the batch that touched it last. Replaced, never changed: the batch may not count. */
export type Touched<S> = readonly [S, number]

export interface MapWithStateStep<K, V, S, M> {
  readonly places: KeyPlaces
  readonly mapping: StateFunction<K, V, S, M>
  readonly timeMs: number
  readonly timeoutMs: number | undefined
  /** With a timeout. */
  readonly indexes: TimeoutIndexes<S> | undefined
}

export class MapWithStateDataset<K, V, S, M> implements Dataset<M> {
  readonly keeps = 'always'
  readonly partitions: number
  private readonly once = new Once()
  private records: Dataset<readonly [K, V]> | undefined
  private initial: Dataset<readonly [K, S]> | undefined
  private readonly state: readonly StatePartition<Touched<S>>[]
  private readonly step: MapWithStateStep<K, V, S, M>
  private readonly time: Date
  private readonly handle = new StateHandle<K, S>()
  private readonly indexes: (TimeoutIndex | undefined)[] = []
  private readonly mapped: Held<M>

  constructor(
    records: Dataset<readonly [K, V]> | undefined,
    initial: Dataset<readonly [K, S]> | undefined,
    state: readonly StatePartition<Touched<S>>[],
    step: MapWithStateStep<K, V, S, M>,
  ) {
    this.records = records
    this.initial = initial
    this.state = state
    this.partitions = state.length
    this.step = step
    this.time = new Date(step.timeMs)
    this.mapped = state.map(() => [])
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      const { places, indexes } = this.step
      if (indexes !== undefined) {
        for (const [index, partition] of this.state.entries()) {
          if (!owns(this, index, run.peers)) continue
          this.indexes[index] = await indexes.of(partition, this.step.timeMs, run)
        }
      }
      for (let index = 0; index < this.partitions; index++) {
        if (!owns(this, index, run.peers)) this.mapped[index] = undefined
      }
      if (this.initial !== undefined) {
        await drainByKey(this.initial, places, run, {
          emit: ([key, value]) => this.begin(key, value),
        })
      }
      if (this.records !== undefined) {
        await drainByKey(this.records, places, run, { emit: (record) => this.visit(record) })
      }
      this.initial = this.records = undefined
      await this.timeOut(run)
    })
  }

  open(partition: number, emit: Emit<M>): RowReader {
    return openHeld(this.mapped, partition, emit)
  }

  private begin(key: K, value: S): void {
    const index = this.step.places.partitionOf(key)
    const place = (this.state[index] as StatePartition<Touched<S>>).place(key as Key)
    this.touch(index, place, value, undefined)
  }

  private visit(record: readonly [K, V]): void {
    const { handle } = this
    const key = record[0]
    const index = this.step.places.partitionOf(key)
    const partition = this.state[index] as StatePartition<Touched<S>>
    const place = partition.place(key as Key)
    const before = partition.at(place)
    handle.wrap(key, before?.[0])
    this.call(index, key, record[1])
    if (handle.isRemoved) {
      if (before !== undefined) partition.set(place, undefined)
    } else if (handle.isUpdated || (this.isRead(before) && handle.exists())) {
      this.touch(index, place, handle.get(), before)
    }
  }

  /** To be read counts where there is a timeout, once per batch. */
  private isRead(before: Touched<S> | undefined): boolean {
    return this.step.timeoutMs !== undefined && before?.[1] !== this.step.timeMs
  }

  private touch(index: number, place: number, value: S, before: Touched<S> | undefined): void {
    const { timeMs } = this.step
    const partition = this.state[index] as StatePartition<Touched<S>>
    partition.set(place, [value, timeMs])
    if (before?.[1] !== timeMs) this.indexes[index]?.touched(partition.keyAt(place) as Key)
  }

  private call(index: number, key: K, value: V | undefined): void {
    const { places, mapping } = this.step
    let out: M | undefined
    try {
      out = mapping(key, value, this.handle, this.time)
    } catch (error) {
      throw operatorFailed(places.operator, error)
    }
    if (out !== undefined) (this.mapped[index] as M[]).push(out)
  }

  // Spark looks for them only when it writes a checkpoint of the state, every tenth batch; here the index makes it
  // cheap enough to look in every batch.
  private async timeOut(run: TaskRunner): Promise<void> {
    const { timeMs, timeoutMs } = this.step
    if (timeoutMs === undefined) return
    const thresholdMs = timeMs - timeoutMs
    for (const [index, timeouts] of this.indexes.entries()) {
      if (timeouts === undefined) continue
      const giveUp = ([key, touchedMs]: readonly [Key, number]) => this.giveUp(index, key, touchedMs)
      await run.drain(new IteratorReader(timeouts.takeBefore(thresholdMs), giveUp))
    }
  }

  private giveUp(index: number, key: Key, touchedMs: number): void {
    const partition = this.state[index] as StatePartition<Touched<S>>
    const entry = partition.get(key)
    // It was touched again since, or is gone.
    if (entry?.[1] !== touchedMs) return
    this.handle.wrap(key as K, entry[0], true)
    this.call(index, key as K, undefined)
    partition.remove(key)
  }
}
