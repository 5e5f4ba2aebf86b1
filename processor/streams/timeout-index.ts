// Which keys were touched when: keys by the time of the batch that touched them last, oldest first. What has timed
// out is found at the front, so a batch pays for the keys that it touches and for those that go, not for all.
//
//    1000 ─ {a, c}     2000 ─ {}     3000 ─ {b}          touch(a, 1000, 4000): a moves to the end
//
// It is made of the state and agrees with it: what a batch has moved is moved back when the batch runs again.

import type { Key } from '../graph/key.ts'
import type { StatePartition } from '../graph/contracts/state.ts'
import type { TaskRunner } from '../rdd/dataset.ts'
import { StateReader } from './state.ts'

interface Move {
  readonly key: Key
  readonly fromMs: number | undefined
  readonly toMs: number | undefined
}

export class TimeoutIndex {
  private buckets = new Map<number, Set<Key>>()
  private batchMs: number | undefined
  /** Of the batch at `batchMs`. */
  private moves: Move[] = []

  /** Takes up a key in any order; `sort` follows. */
  add(key: Key, touchedMs: number): void {
    const bucket = this.buckets.get(touchedMs)
    if (bucket === undefined) this.buckets.set(touchedMs, new Set([key]))
    else bucket.add(key)
  }

  sort(): void {
    this.buckets = new Map([...this.buckets].sort(([a], [b]) => a - b))
  }

  /** Times rise from batch to batch; the same time again is the same batch again, the last one did not count. */
  begin(batchMs: number): void {
    if (this.batchMs === batchMs) this.undo()
    this.batchMs = batchMs
    this.moves = []
  }

  /** `beforeMs`: the batch that touched the key before; undefined: it is new. */
  touch(key: Key, beforeMs: number | undefined, nowMs: number): void {
    if (beforeMs !== nowMs) this.move({ key, fromMs: beforeMs, toMs: nowMs })
  }

  forget(key: Key, touchedMs: number): void {
    this.move({ key, fromMs: touchedMs, toMs: undefined })
  }

  /** Keys last touched before `thresholdMs`, oldest first: they are no longer in the index. */
  *takeBefore(thresholdMs: number): Generator<Key, undefined, undefined> {
    for (const [touchedMs, keys] of this.buckets) {
      if (touchedMs >= thresholdMs) return undefined
      for (const key of keys) {
        this.moves.push({ key, fromMs: touchedMs, toMs: undefined })
        yield key
      }
      this.buckets.delete(touchedMs)
    }
    return undefined
  }

  private move(move: Move): void {
    this.moves.push(move)
    const { key, fromMs, toMs } = move
    if (fromMs !== undefined) this.buckets.get(fromMs)?.delete(key)
    if (toMs !== undefined) this.add(key, toMs)
  }

  private undo(): void {
    for (const { key, fromMs, toMs } of this.moves.toReversed()) {
      if (toMs !== undefined) this.buckets.get(toMs)?.delete(key)
      if (fromMs !== undefined) this.add(key, fromMs)
    }
    this.sort()
  }
}

/** An operator's indexes, made of the state of a partition when it is first asked for: once per start of the job. */
export class TimeoutIndexes<S> {
  private readonly indexes = new WeakMap<StatePartition<readonly [S, number]>, TimeoutIndex>()

  async of(partition: StatePartition<readonly [S, number]>, run: TaskRunner): Promise<TimeoutIndex> {
    const known = this.indexes.get(partition)
    if (known !== undefined) return known
    const index = new TimeoutIndex()
    const add = (key: Key, [, touchedMs]: readonly [S, number]) => index.add(key, touchedMs)
    await run.drain(new StateReader(partition.committed(), add))
    index.sort()
    this.indexes.set(partition, index)
    return index
  }
}
