// Keyed state that moves on once per batch, whether or not anything reads it. The rows of the update
// itself are what changed; the whole state is a view over the store, read without copying it.

import { operatorFailed } from '../graph/errors.ts'
import type { Key } from '../graph/key.ts'
import type { KeyPlaces, Partitioner } from '../graph/partitioner.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { StateCursor, StateOperator, StatePartition } from '../graph/contracts/state.ts'
import type { Scope } from '../graph/node.ts'
import { cogroup } from '../rdd/cogroup.ts'
import { heldElsewhere, Once, openHeld, owns, type Dataset, type TaskRunner } from '../rdd/dataset.ts'
import { Paged } from '../rdd/paged.ts'
import { gather, type Gathered, type KeyGroups } from './key-groups.ts'

/** A key and its new state; undefined: the key was removed. */
export type StateChange<K, S> = readonly [K, S | undefined]

export interface StateStep<K, S> {
  readonly places: KeyPlaces
  /** Keys without new values are visited too. */
  readonly everyKey: boolean
  /** `groups[i]`: the key's values from parent i; undefined when there are none at all. */
  next(key: K, groups: unknown[][] | undefined, state: S | undefined): S | undefined
}

export class StateUpdateDataset<K, S> implements Dataset<StateChange<K, S>> {
  readonly keeps = 'always'
  readonly partitions: number
  readonly partitioner: Partitioner
  private readonly once = new Once()
  private parents: readonly Dataset<readonly [K, unknown]>[]
  private readonly state: readonly StatePartition<S>[]
  private readonly step: StateStep<K, S>
  /** Of the partitions that this thread has. */
  private readonly changes: (Changes<K, S> | undefined)[]

  constructor(
    parents: readonly Dataset<readonly [K, unknown]>[],
    state: readonly StatePartition<S>[],
    step: StateStep<K, S>,
  ) {
    this.parents = parents
    this.state = state
    this.partitions = state.length
    this.partitioner = step.places.partitioner
    this.step = step
    this.changes = state.map(() => undefined)
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      const { step, state } = this
      const place = { places: step.places, outlives: false }
      const gathered: Gathered<K> =
        run.peers === undefined
          ? await gather(this.parents, state, place, run)
          : await cogroup(this.parents, place, run)
      this.parents = []
      for (const [index, partition] of state.entries()) {
        if (!owns(this, index, run.peers)) continue
        const changes: Changes<K, S> = { keys: new Paged(), values: new Paged() }
        this.changes[index] = changes
        const moving = new MovingOn<K, S>(partition, step, changes)
        await run.drain(
          'groups' in gathered
            ? (gathered.groups[index] as KeyGroups).read((at, groups) => moving.take(at, groups))
            : openHeld(gathered.rows, index, ([key, groups]) =>
                moving.take(partition.place(key as Key), groups),
              ),
        )
        if (step.everyKey) await run.drain(moving)
      }
    })
  }

  open(partition: number, emit: Emit<StateChange<K, S>>): RowReader {
    const changes = this.changes[partition]
    if (changes === undefined) throw heldElsewhere(partition, this.partitions)
    return new ChangesReader(changes, emit)
  }
}

/** In the order in which they were made. Two lists: a row is made of them when it is read. */
interface Changes<K, S> {
  readonly keys: Paged<K>
  readonly values: Paged<S | undefined>
}

class ChangesReader<K, S> implements RowReader {
  private at = 0
  private readonly changes: Changes<K, S>
  private readonly emit: Emit<StateChange<K, S>>

  constructor(changes: Changes<K, S>, emit: Emit<StateChange<K, S>>) {
    this.changes = changes
    this.emit = emit
  }

  read(maxRows: number): boolean {
    const { keys, values } = this.changes
    const end = Math.min(keys.length, this.at + maxRows)
    for (; this.at < end; this.at++) this.emit([keys.get(this.at), values.get(this.at)])
    return end < keys.length
  }

  close(): void {}
}

/** Moves a partition's state on: the keys that have new values are taken, then it is a reader of all others. */
class MovingOn<K, S> implements RowReader {
  private readonly partition: StatePartition<S>
  private readonly step: StateStep<K, S>
  private readonly changes: Changes<K, S>
  /** By place, of those that there were: 1 where the key has new values. */
  private readonly taken: Uint8Array
  private place = 0

  constructor(partition: StatePartition<S>, step: StateStep<K, S>, changes: Changes<K, S>) {
    this.partition = partition
    this.step = step
    this.changes = changes
    this.taken = new Uint8Array(step.everyKey ? partition.end : 0)
  }

  take(place: number, groups: unknown[][]): void {
    const { partition, taken } = this
    if (place < taken.length) taken[place] = 1
    this.advance(place, groups, partition.at(place))
  }

  read(maxRows: number): boolean {
    const { partition, taken } = this
    const end = Math.min(taken.length, this.place + maxRows)
    for (; this.place < end; this.place++) {
      if (taken[this.place] === 1) continue
      const state = partition.at(this.place)
      if (state !== undefined) this.advance(this.place, undefined, state)
    }
    return end < taken.length
  }

  close(): void {}

  private advance(place: number, groups: unknown[][] | undefined, state: S | undefined): void {
    const { partition, step, changes } = this
    const key = partition.keyAt(place) as K
    let next: S | undefined
    try {
      next = step.next(key, groups, state)
    } catch (error) {
      throw operatorFailed(step.places.operator, error)
    }
    if (isUnchanged(state, next, groups !== undefined)) return
    partition.set(place, next)
    changes.keys.push(key)
    changes.values.push(next)
  }
}

/**
 * Throws where state would be moved on by a batch that is not running: its past is not kept, so rows that were made
 * of it are there only while they are held.
 */
export function inItsOwnBatch(operator: string, timeMs: number, scope: Scope): void {
  if (scope.runningMs === timeMs) return
  throw new Error(
    `${operator}: its rows of time ${timeMs} are no longer held, and state knows only its present`,
  )
}

// The same object handed back after new values may have been changed in place, so it counts as changed;
// without new values it does not, or every batch would write the whole state.
export function isUnchanged(before: unknown, after: unknown, hadValues: boolean): boolean {
  return Object.is(before, after) && (!hadValues || typeof after !== 'object' || after === null)
}

export class StateReader<K, S> implements RowReader {
  private readonly cursor: StateCursor<S>
  private readonly visit: (key: K, state: S) => void

  constructor(cursor: StateCursor<S>, visit: (key: K, state: S) => void) {
    this.cursor = cursor
    this.visit = visit
  }

  read(maxRows: number): boolean {
    for (let i = 0; i < maxRows; i++) {
      if (!this.cursor.next()) return false
      this.visit(this.cursor.key as K, this.cursor.value)
    }
    return true
  }

  close(): void {}
}

/** Asks for no value. */
export class StateKeyReader<K> implements RowReader {
  private readonly cursor: StateCursor<unknown>
  private readonly visit: (key: K) => void

  constructor(cursor: StateCursor<unknown>, visit: (key: K) => void) {
    this.cursor = cursor
    this.visit = visit
  }

  read(maxRows: number): boolean {
    for (let i = 0; i < maxRows; i++) {
      if (!this.cursor.next()) return false
      this.visit(this.cursor.key as K)
    }
    return true
  }

  close(): void {}
}

/** All keys with their state after a batch's update. Good only while that batch runs. */
export class WholeStateDataset<K, X, S = X> implements Dataset<readonly [K, S]> {
  readonly keeps = 'batch'
  readonly partitions: number
  readonly partitioner: Partitioner | undefined
  private readonly update: Dataset<unknown>
  private readonly state: readonly StatePartition<X>[]
  private readonly timeMs: number
  private readonly scope: Scope
  private readonly valueOf: (kept: X) => S

  /** `valueOf`: what the program calls the state, of what is kept. */
  constructor(
    update: Dataset<unknown>,
    operator: StateOperator<X>,
    timeMs: number,
    scope: Scope,
    valueOf: (kept: X) => S,
  ) {
    this.update = update
    this.state = scope.state(operator)
    this.partitions = this.state.length
    this.partitioner = operator.partitioner
    this.timeMs = timeMs
    this.scope = scope
    this.valueOf = valueOf
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.update.prepare(run)
  }

  open(partition: number, emit: Emit<readonly [K, S]>): RowReader {
    if (this.scope.runningMs !== this.timeMs) {
      throw new Error(
        `the state of time ${this.timeMs} is read at time ${this.scope.runningMs}: read it in its own batch`,
      )
    }
    const { valueOf } = this
    const cursor = (this.state[partition] as StatePartition<X>).current()
    return new StateReader<K, X>(cursor, (key, kept) => emit([key, valueOf(kept)]))
  }
}
