// Which keys were touched when: keys by the time of the batch that touched them, oldest first. What has timed out is
// found at the front, so a batch pays for the keys that it touches and for those that go, not for all.
//
//    1000 ─ [a, c]     2000 ─ [b]     4000 ─ [a]          a was touched at 1000 and again at 4000
//
// A key is not taken out where it stood when it is touched again: the state says when that was last, and who takes the
// key at 1000 sees that it is too early. When most of what stands here is of that kind, the index is made anew of the
// state. For the same reason a batch that does not count leaves nothing behind that would have to be taken back.

import type { Key } from '../graph/key.ts'
import type { StatePartition } from '../graph/contracts/state.ts'
import type { TaskRunner } from '../rdd/dataset.ts'
import { StateReader } from './state.ts'

/** Entries that nobody minds. */
const FEW = 4096

export class TimeoutIndex {
  private buckets = new Map<number, Key[]>()
  private entries = 0
  private batchMs: number | undefined
  /** That the batch at `batchMs` has taken. */
  private taken: (readonly [number, Key[]])[] = []

  /** Takes up a key in any order; `sort` follows. */
  add(key: Key, touchedMs: number): void {
    this.entries++
    const bucket = this.buckets.get(touchedMs)
    if (bucket === undefined) this.buckets.set(touchedMs, [key])
    else bucket.push(key)
  }

  sort(): void {
    this.buckets = new Map([...this.buckets].sort(([a], [b]) => a - b))
  }

  /** Times rise from batch to batch; the same time again is the same batch again, the last one did not count. */
  begin(batchMs: number): void {
    if (this.batchMs === batchMs) {
      this.entries -= this.buckets.get(batchMs)?.length ?? 0
      this.buckets.delete(batchMs)
      for (const [touchedMs, keys] of this.taken) {
        this.buckets.set(touchedMs, keys)
        this.entries += keys.length
      }
      this.sort()
    }
    this.batchMs = batchMs
    this.taken = []
  }

  /** By the batch that has begun, which had not touched it before. */
  touched(key: Key): void {
    this.add(key, this.batchMs as number)
  }

  /** Most of it says nothing: `keys` have state. */
  isMostlyPast(keys: number): boolean {
    return this.entries > 2 * keys + FEW
  }

  /** Keys that were touched before `thresholdMs`, and when, oldest first: they are no longer in the index. */
  *takeBefore(thresholdMs: number): Generator<readonly [Key, number], undefined, undefined> {
    for (const [touchedMs, keys] of this.buckets) {
      if (touchedMs >= thresholdMs) return undefined
      this.buckets.delete(touchedMs)
      this.entries -= keys.length
      this.taken.push([touchedMs, keys])
      for (const key of keys) yield [key, touchedMs]
    }
    return undefined
  }
}

/** An operator's indexes, made of the state of a partition when it is first asked for: once per start of the job. */
export class TimeoutIndexes<S> {
  private readonly indexes = new WeakMap<StatePartition<readonly [S, number]>, TimeoutIndex>()

  /** For the batch at this time, which has touched nothing yet. */
  async of(
    partition: StatePartition<readonly [S, number]>,
    batchMs: number,
    run: TaskRunner,
  ): Promise<TimeoutIndex> {
    let index = this.indexes.get(partition)
    if (index === undefined || index.isMostlyPast(partition.size)) {
      index = new TimeoutIndex()
      const made = index
      const add = (key: Key, [, touchedMs]: readonly [S, number]) => made.add(key, touchedMs)
      await run.drain(new StateReader(partition.committed(), add))
      made.sort()
      this.indexes.set(partition, made)
    }
    index.begin(batchMs)
    return index
  }
}
