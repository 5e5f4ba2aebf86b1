// What mapWithState is told (Spark's StateSpec), and the handle through which its function sees a key's state.

import { durationMs, type Duration } from '../graph/duration.ts'
import type { InitialState } from './initial-state.ts'
import type { Partitioner } from '../graph/partitioner.ts'
import type { KeyedStateOptions } from './options.ts'

/** A key's state, while the function is called for it: not to be kept beyond that. */
export interface State<S> {
  exists(): boolean
  /** Throws where there is none. */
  get(): S
  /** undefined where there is none. */
  getOption(): S | undefined
  /** Not after `remove`, and not while timing out. A value changed in place counts only if it is given here. */
  update(state: S): void
  /** Not twice, and not while timing out: what has timed out goes by itself. */
  remove(): void
  isTimingOut(): boolean
}

interface Mapping<K, V, S, M> {
  // A method, so that a stream of narrower rows is still one of wider rows.
  call(key: K, value: V | undefined, state: State<S>, time: Date): M | undefined
}

/**
 * Called once per record, with its value; with `undefined` for a key that has timed out. What it returns is a row of
 * the stream; undefined is none.
 */
export type StateFunction<K, V, S, M> = Mapping<K, V, S, M>['call']

export interface MapWithStateOptions<K, S> extends KeyedStateOptions<K, S> {
  /** Used in the operator's first batch only. */
  readonly initialState?: InitialState<K, S>
  /** A key that had no record for longer is given up. */
  readonly timeout?: Duration
}

/** Spark's way to say it; every method gives a new specification. */
export class StateSpec<K, V, S, M> {
  readonly mapping: StateFunction<K, V, S, M>
  readonly options: MapWithStateOptions<K, S>

  private constructor(mapping: StateFunction<K, V, S, M>, options: MapWithStateOptions<K, S>) {
    this.mapping = mapping
    this.options = options
  }

  static function<K, V, S, M>(mapping: StateFunction<K, V, S, M>): StateSpec<K, V, S, M> {
    return new StateSpec(mapping, {})
  }

  initialState(initialState: InitialState<K, S>): StateSpec<K, V, S, M> {
    return this.with({ initialState })
  }

  numPartitions(numPartitions: number): StateSpec<K, V, S, M> {
    return this.with({ numPartitions, partitioner: undefined })
  }

  partitioner(partitioner: Partitioner<K>): StateSpec<K, V, S, M> {
    return this.with({ partitioner, numPartitions: undefined })
  }

  timeout(idle: Duration): StateSpec<K, V, S, M> {
    durationMs(idle, 'timeout')
    return this.with({ timeout: idle })
  }

  private with(options: MapWithStateOptions<K, S>): StateSpec<K, V, S, M> {
    return new StateSpec(this.mapping, { ...this.options, ...options })
  }
}

/** One handle serves all calls of a partition: no object per record. */
export class StateHandle<K, S> implements State<S> {
  private key!: K
  private value: S | undefined
  private timingOut = false
  isUpdated = false
  isRemoved = false

  /** `value` undefined: no state. */
  wrap(key: K, value: S | undefined, timingOut = false): void {
    this.key = key
    this.value = value
    this.timingOut = timingOut
    this.isUpdated = false
    this.isRemoved = false
  }

  exists(): boolean {
    return this.value !== undefined
  }

  get(): S {
    if (this.value === undefined) throw new Error(`key '${String(this.key)}' has no state`)
    return this.value
  }

  getOption(): S | undefined {
    return this.value
  }

  update(state: S): void {
    if (state === undefined) throw new TypeError('undefined is no state: remove it instead')
    if (this.isRemoved) throw this.refused('updated', 'it has been removed')
    if (this.timingOut) throw this.refused('updated', 'it is timing out')
    this.value = state
    this.isUpdated = true
  }

  remove(): void {
    if (this.timingOut) throw this.refused('removed', 'it is timing out')
    if (this.isRemoved) throw this.refused('removed', 'it has been removed already')
    this.value = undefined
    this.isUpdated = false
    this.isRemoved = true
  }

  isTimingOut(): boolean {
    return this.timingOut
  }

  private refused(what: string, why: string): Error {
    return new Error(`the state of key '${String(this.key)}' cannot be ${what}: ${why}`)
  }
}
