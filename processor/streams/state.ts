// Keyed state that moves on once per batch, whether or not anything reads it. The rows of the update
// itself are what changed; the whole state is a view over the store, read without copying it.

import { operatorFailed } from '../graph/errors.ts'
import type { Key } from '../graph/key.ts'
import type { KeyPlaces } from '../graph/partitioner.ts'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { StateCursor, StatePartition } from '../graph/contracts/state.ts'
import type { Scope } from '../graph/node.ts'
import { cogroup, type Cogrouped } from '../rdd/cogroup.ts'
import { Once, openHeld, owns, type Dataset, type Held, type TaskRunner } from '../rdd/dataset.ts'

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
  private readonly once = new Once()
  private parents: readonly Dataset<readonly [K, unknown]>[]
  private readonly state: readonly StatePartition<S>[]
  private readonly step: StateStep<K, S>
  private readonly changes: Held<StateChange<K, S>>

  constructor(
    parents: readonly Dataset<readonly [K, unknown]>[],
    state: readonly StatePartition<S>[],
    step: StateStep<K, S>,
  ) {
    this.parents = parents
    this.state = state
    this.partitions = state.length
    this.step = step
    this.changes = state.map(() => [])
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      const { places } = this.step
      const { rows, entries } = await cogroup(this.parents, { places, outlives: false }, run)
      this.parents = []
      // Of groups that are on disk, what is remembered is the keys.
      const seen = entries === undefined ? new Set<K>() : undefined
      for (let index = 0; index < this.partitions; index++) {
        if (!owns(this, index, run.peers)) {
          this.changes[index] = undefined
          continue
        }
        const partition = this.state[index] as StatePartition<S>
        const visit = ([key, groups]: Cogrouped<K>) => {
          this.advance(index, key, groups, partition.get(key as Key))
          seen?.add(key)
        }
        await run.drain(openHeld(rows, index, visit))
      }
      if (!this.step.everyKey) return
      const table = (entries ?? seen) as { has(key: K): boolean }
      for (const [index, partition] of this.state.entries()) {
        if (!owns(this, index, run.peers)) continue
        const visit = (key: K, state: S) => {
          if (!table.has(key)) this.advance(index, key, undefined, state)
        }
        await run.drain(new StateReader<K, S>(partition.committed(), visit))
      }
    })
  }

  open(partition: number, emit: Emit<StateChange<K, S>>): RowReader {
    return openHeld(this.changes, partition, emit)
  }

  private advance(index: number, key: K, groups: unknown[][] | undefined, state: S | undefined): void {
    let next: S | undefined
    try {
      next = this.step.next(key, groups, state)
    } catch (error) {
      throw operatorFailed(this.step.places.operator, error)
    }
    if (isUnchanged(state, next, groups !== undefined)) return
    const partition = this.state[index] as StatePartition<S>
    if (next === undefined) partition.remove(key as Key)
    else partition.put(key as Key, next)
    ;(this.changes[index] as StateChange<K, S>[]).push([key, next])
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
  private readonly update: Dataset<unknown>
  private readonly state: readonly StatePartition<X>[]
  private readonly timeMs: number
  private readonly scope: Scope
  private readonly valueOf: (kept: X) => S

  /** `valueOf`: what the program calls the state, of what is kept. */
  constructor(
    update: Dataset<unknown>,
    state: readonly StatePartition<X>[],
    timeMs: number,
    scope: Scope,
    valueOf: (kept: X) => S,
  ) {
    this.update = update
    this.state = state
    this.partitions = state.length
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
