// Keyed state without a disk: what jobs without a checkpoint use, and what tests count on. A batch's
// changes lie over the committed values until they are applied, so a failed batch leaves no trace.

import type { Key } from '../graph/key.ts'
import type { StateCursor, StateOperator, StatePartition, StateStore } from '../graph/contracts/state.ts'

const REMOVED = Symbol('removed')

export class MemoryStatePartition<S> implements StatePartition<S> {
  private readonly values = new Map<Key, S>()
  private readonly pending = new Map<Key, S | typeof REMOVED>()

  /** Walks the batch's changes: asked for once per batch, so that put and remove need not look first. */
  get size(): number {
    let size = this.values.size
    for (const [key, value] of this.pending) {
      if (value === REMOVED) size -= this.values.has(key) ? 1 : 0
      else size += this.values.has(key) ? 0 : 1
    }
    return size
  }

  get(key: Key): S | undefined {
    const changed = this.pending.get(key)
    if (changed === undefined) return this.values.get(key)
    return changed === REMOVED ? undefined : changed
  }

  put(key: Key, value: S): void {
    this.pending.set(key, value)
  }

  remove(key: Key): void {
    this.pending.set(key, REMOVED)
  }

  committed(): StateCursor<S> {
    return new MapCursor(this.values.entries())
  }

  current(): StateCursor<S> {
    if (this.pending.size === 0) return this.committed()
    return new MapCursor(this.merged())
  }

  /** Keys that the batch has changed so far. */
  get changes(): number {
    return this.pending.size
  }

  /** What the batch has changed so far: for a store that keeps increments. undefined: removed. */
  *changed(): Generator<readonly [Key, S | undefined], undefined, undefined> {
    for (const [key, value] of this.pending) yield [key, value === REMOVED ? undefined : value]
    return undefined
  }

  /** Takes up a committed value from outside (undefined: removed), before the first batch. */
  restore(key: Key, value: S | undefined): void {
    if (value === undefined) this.values.delete(key)
    else this.values.set(key, value)
  }

  /** The batch counts: its changes become the committed values. */
  apply(): void {
    for (const [key, value] of this.pending) {
      if (value === REMOVED) this.values.delete(key)
      else this.values.set(key, value)
    }
    this.drop()
  }

  /** The batch does not count. */
  drop(): void {
    this.pending.clear()
  }

  private *merged(): Generator<[Key, S], undefined, undefined> {
    for (const entry of this.values) {
      const changed = this.pending.get(entry[0])
      if (changed === undefined) yield entry
      else if (changed !== REMOVED) yield [entry[0], changed]
    }
    for (const [key, value] of this.pending) {
      if (value !== REMOVED && !this.values.has(key)) yield [key, value]
    }
    return undefined
  }
}

class MapCursor<S> implements StateCursor<S> {
  key: Key = null
  // Read only after next() said true, as the interface asks.
  value = undefined as S
  private readonly entries: Iterator<[Key, S]>

  constructor(entries: Iterator<[Key, S]>) {
    this.entries = entries
  }

  next(): boolean {
    const step = this.entries.next()
    if (step.done === true) return false
    ;[this.key, this.value] = step.value
    return true
  }
}

export class MemoryStateStore implements StateStore {
  private readonly operators = new Map<string, MemoryStatePartition<unknown>[]>()

  open<S>(operator: StateOperator<S>): Promise<readonly StatePartition<S>[]> {
    if (this.operators.has(operator.id)) throw new Error(`state of '${operator.id}' is opened twice`)
    const partitions = Array.from({ length: operator.partitions }, () => new MemoryStatePartition<S>())
    this.operators.set(operator.id, partitions as unknown as MemoryStatePartition<unknown>[])
    return Promise.resolve(partitions)
  }

  apply(): void {
    for (const partitions of this.operators.values()) for (const partition of partitions) partition.apply()
  }

  drop(): void {
    for (const partitions of this.operators.values()) for (const partition of partitions) partition.drop()
  }
}
