// Keyed state without a disk: what jobs without a checkpoint use, and what tests count on. Values lie by the places of
// their keys, those of the running batch; beside them is what the batch has changed, and what was there before. So a
// batch counts as soon as that list is let go, and to drop one is to walk back over it.
//
//    place     0    1    2    3           changed  2  0
//    values    a'   b    c'   d           before   c  a          mark[2] = 0, mark[0] = 1
//
// A place is changed where its mark says where it stands in `changed`: nothing has to be unmarked.

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Key } from '../graph/key.ts'
import type { StateCursor, StateOperator, StatePartition, StateStore } from '../graph/contracts/state.ts'
import { Paged, PagedInts } from '../rdd/paged.ts'
import { KeyTable } from './key-table.ts'

/** Steps of a walk before the event loop may have its turn. */
const SLICE = 4096
/** Holes are closed where they are more than this, and more than the keys. */
const FEW_HOLES = 4096

export class MemoryStatePartition<S> implements StatePartition<S> {
  private places = new KeyTable()
  /** undefined: no value. A key that has none when the batch ends is gone. */
  private values = new Paged<S | undefined>()
  private marks = new PagedInts()
  private changed = new PagedInts()
  private before = new Paged<S | undefined>()
  private currentKeys = 0
  private committedKeys = 0

  get size(): number {
    return this.currentKeys
  }

  get end(): number {
    return this.places.end
  }

  get(key: Key): S | undefined {
    const place = this.places.find(key)
    return place === -1 ? undefined : this.values.get(place)
  }

  put(key: Key, value: S): void {
    this.set(this.place(key), value)
  }

  remove(key: Key): void {
    const place = this.places.find(key)
    if (place !== -1) this.set(place, undefined)
  }

  place(key: Key): number {
    const place = this.places.place(key)
    if (place === this.values.length) {
      this.values.push(undefined)
      this.marks.push(this.changed.push(place))
      this.before.push(undefined)
    }
    return place
  }

  keyAt(place: number): Key | undefined {
    return this.places.at(place)
  }

  at(place: number): S | undefined {
    return this.values.get(place)
  }

  set(place: number, value: S | undefined): void {
    const { values } = this
    const current = values.get(place)
    if (current === undefined) this.currentKeys += value === undefined ? 0 : 1
    else if (value === undefined) this.currentKeys--
    if (!this.isChanged(place)) {
      this.marks.set(place, this.changed.push(place))
      this.before.push(current)
    }
    values.set(place, value)
  }

  own(value: S): S {
    return value
  }

  committedAt(place: number): S | undefined {
    return this.isChanged(place) ? this.before.get(this.marks.get(place)) : this.values.get(place)
  }

  committed(): StateCursor<S> {
    return new PlaceCursor(this, this.end, (place) => this.committedAt(place))
  }

  current(): StateCursor<S> {
    return new PlaceCursor(this, this.end, (place) => this.at(place))
  }

  /** What the batch has changed so far: for a store that keeps increments. undefined: removed. */
  changes(): StateCursor<S | undefined> {
    return new ChangesCursor(this, this.changed, this.before)
  }

  /** Takes up a committed value from outside (undefined: removed), before the first batch. */
  restore(key: Key, value: S | undefined): void {
    const place = value === undefined ? this.places.find(key) : this.places.place(key)
    if (place === -1) return
    if (place === this.values.length) {
      this.values.push(value)
      this.marks.push(0)
      this.committedKeys = ++this.currentKeys
      return
    }
    this.values.set(place, value)
    if (value !== undefined) return
    this.places.remove(place)
    this.committedKeys = --this.currentKeys
  }

  /**
   * The batch counts: its changes are the committed values at once. What is to be walked through gives the keys that
   * are gone free; no batch may begin before it has ended.
   */
  apply(): Iterable<undefined> {
    const { changed } = this
    this.forgetChanges()
    this.committedKeys = this.currentKeys
    return this.places.size === this.currentKeys ? NO_STEPS : this.sweep(changed)
  }

  /** The batch does not count, once what it gives has been walked through. */
  *drop(): Generator<undefined, undefined, undefined> {
    const { changed, before, values, places } = this
    this.forgetChanges()
    this.currentKeys = this.committedKeys
    for (let index = 0; index < changed.length; index++) {
      const place = changed.get(index)
      const value = before.get(index)
      values.set(place, value)
      if (value === undefined) places.remove(place)
      if ((index + 1) % SLICE === 0) yield undefined
    }
    yield* this.compact()
    return undefined
  }

  private *sweep(changed: PagedInts): Generator<undefined, undefined, undefined> {
    for (let index = 0; index < changed.length; index++) {
      const place = changed.get(index)
      if (this.values.get(place) === undefined) this.places.remove(place)
      if ((index + 1) % SLICE === 0) yield undefined
    }
    yield* this.compact()
    return undefined
  }

  /** In the order of the keys, and to be seen only when it is done. */
  private *compact(): Generator<undefined, undefined, undefined> {
    const holes = this.end - this.places.size
    if (holes <= FEW_HOLES || holes <= this.places.size) return undefined
    const places = new KeyTable()
    const values = new Paged<S | undefined>()
    const marks = new PagedInts()
    for (let place = 0; place < this.end; place++) {
      const key = this.keyAt(place)
      if (key !== undefined) {
        places.place(key)
        values.push(this.at(place))
        marks.push(0)
      }
      if ((place + 1) % SLICE === 0) yield undefined
    }
    this.places = places
    this.values = values
    this.marks = marks
    return undefined
  }

  private isChanged(place: number): boolean {
    const mark = this.marks.get(place)
    return mark < this.changed.length && this.changed.get(mark) === place
  }

  private forgetChanges(): void {
    this.changed = new PagedInts()
    this.before = new Paged<S | undefined>()
  }
}

const NO_STEPS: Iterable<undefined> = []

/** Places that are made while it walks are behind its end. */
class PlaceCursor<S> implements StateCursor<S> {
  key: Key = null
  // Read only after next() said true, as the interface asks.
  value = undefined as S
  private readonly partition: MemoryStatePartition<S>
  private readonly end: number
  private readonly valueAt: (place: number) => S | undefined
  private place = -1

  constructor(partition: MemoryStatePartition<S>, end: number, valueAt: (place: number) => S | undefined) {
    this.partition = partition
    this.end = end
    this.valueAt = valueAt
  }

  next(): boolean {
    while (++this.place < this.end) {
      const value = this.valueAt(this.place)
      if (value === undefined) continue
      this.key = this.partition.keyAt(this.place) as Key
      this.value = value
      return true
    }
    return false
  }
}

class ChangesCursor<S> implements StateCursor<S | undefined> {
  key: Key = null
  value: S | undefined
  private readonly partition: MemoryStatePartition<S>
  private readonly changed: PagedInts
  private readonly before: Paged<S | undefined>
  private index = -1

  constructor(partition: MemoryStatePartition<S>, changed: PagedInts, before: Paged<S | undefined>) {
    this.partition = partition
    this.changed = changed
    this.before = before
  }

  next(): boolean {
    const { partition, changed } = this
    while (++this.index < changed.length) {
      const place = changed.get(this.index)
      this.value = partition.at(place)
      // Of a key that came and went within the batch nobody has heard.
      if (this.value === undefined && this.before.get(this.index) === undefined) continue
      this.key = partition.keyAt(place) as Key
      return true
    }
    return false
  }
}

export class MemoryStateStore implements StateStore {
  private readonly operators = new Map<string, MemoryStatePartition<unknown>[]>()
  private readonly views = new Map<string, (kept: unknown) => unknown>()

  /** What is committed of an operator's state. Throws where it has none. */
  entries(operatorId: string): Map<Key, unknown> {
    const partitions = this.operators.get(operatorId)
    if (partitions === undefined) {
      const names = [...this.operators.keys()].map((name) => `'${name}'`).join(', ')
      throw new Error(`no operator '${operatorId}' keeps state; these do: ${names === '' ? 'none' : names}`)
    }
    const shownAs = this.views.get(operatorId) ?? ((kept: unknown) => kept)
    const entries = new Map<Key, unknown>()
    for (const partition of partitions) {
      for (const cursor = partition.committed(); cursor.next(); )
        entries.set(cursor.key, shownAs(cursor.value))
    }
    return entries
  }

  open<S>(operator: StateOperator<S>): Promise<readonly StatePartition<S>[]> {
    if (this.operators.has(operator.id)) throw new Error(`state of '${operator.id}' is opened twice`)
    const partitions = Array.from({ length: operator.partitions }, () => new MemoryStatePartition<S>())
    this.operators.set(operator.id, partitions as unknown as MemoryStatePartition<unknown>[])
    if (operator.shownAs !== undefined) {
      this.views.set(operator.id, operator.shownAs as (kept: unknown) => unknown)
    }
    return Promise.resolve(partitions)
  }

  apply(): Promise<void> {
    return inTurns(this.all().map((partition) => partition.apply()))
  }

  drop(): Promise<void> {
    return inTurns(this.all().map((partition) => partition.drop()))
  }

  private all(): MemoryStatePartition<unknown>[] {
    return [...this.operators.values()].flat()
  }
}

/** Walks through them, with turns of the event loop between the steps. */
export async function inTurns(walks: readonly Iterable<undefined>[]): Promise<void> {
  for (const walk of walks) {
    for (const _ of walk) await nextTurn()
  }
}
