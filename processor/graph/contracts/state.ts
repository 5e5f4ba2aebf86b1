// Keyed state as operators see it. It lives in memory; a store makes it durable by increments. Operators
// say what changed, the commit protocol decides when that change counts.

import type { Key } from '../key.ts'
import type { Partitioner } from '../partitioner.ts'

/** How one state value becomes bytes. Without one, the store's own default serves plain data. `undefined` is no state. */
export interface StateCodec<S> {
  encode(value: S): Uint8Array
  decode(bytes: Uint8Array): S
}

/** Codecs of operators of different value types stand in one list: the store never looks inside. */
export interface StateOperator<S = unknown> {
  /** The operator's name: state is found again by it, never by code or position in the program. */
  readonly id: string
  /** Row partitions of the operator. Durable state must not depend on them, nor on what says which keys they have. */
  readonly partitions: number
  /** Of so many partitions; absent: the stable hash. */
  readonly partitioner?: Partitioner
  /** What the state means (`update`, `window 30000/1000`). A store that kept another shape refuses by name. */
  readonly shape: string
  readonly codec?: StateCodec<S>
  /** Version of the values' schema, from 1; default 1. */
  readonly version?: number
  /** Turns a value that was kept in an older version into today's form. Needed where the version is raised. */
  readonly migrate?: (old: unknown, fromVersion: number) => S
  /** What the program calls the state, where the operator keeps more with it; for those who show it. */
  readonly shownAs?: (kept: S) => unknown
}

/** Walks entries without an object per entry: `while (cursor.next()) use(cursor.key, cursor.value)`. */
export interface StateCursor<S> {
  readonly key: Key
  readonly value: S
  next(): boolean
}

/** State of one operator and partition. Reads see this batch's own changes, except `committed`. */
export interface StatePartition<S> {
  readonly size: number
  get(key: Key): S | undefined
  /** `undefined` is not a value: remove instead. */
  put(key: Key, value: S): void
  remove(key: Key): void
  /**
   * The key's place, which is its own while the batch runs: below `end`, rising in the order in which keys came. To
   * read and to set by place costs no search. A key that has none gets one, without a value.
   */
  place(key: Key): number
  readonly end: number
  /** undefined where the place has no key any more. */
  keyAt(place: number): Key | undefined
  at(place: number): S | undefined
  /** `undefined`: removed. */
  set(place: number, value: S | undefined): void
  /** A value that comes from elsewhere, such that a function may change it as it may one that is got here. */
  own(value: S): S
  /** As it stood when the batch began: what lies before `at`. */
  committedAt(place: number): S | undefined
  /** As it stood when the batch began: changes made meanwhile do not show, and may be made. */
  committed(): StateCursor<S>
  /** As it stands now. Nothing may be put or removed until the walk ends. */
  current(): StateCursor<S>
}

export interface StateStore {
  /** Once per operator, after recovery and before the first batch. The result has `operator.partitions` entries. */
  open<S>(operator: StateOperator<S>): Promise<readonly StatePartition<S>[]>
}

/** What a batch has changed, as chunks of bytes (checkpoint/increments.ts), and how many keys each operator has then. */
export interface StagedValues {
  readonly increments: readonly Buffer[]
  readonly keys: ReadonlyMap<string, number>
}

/** Where an operator's values are kept, and which version of its schema they were kept in. */
export interface KeptPlace {
  readonly number: number
  /** Other than the operator's: each value goes through `migrate`, and the next batch stages all of them. */
  readonly migratesFrom?: number
}

/** The values of all operators of a job, as a commit protocol handles them, wherever they are. */
export interface StateHost extends StateStore {
  /** Begins anew and empty. In bytes, operators go by these numbers. */
  reset(places: ReadonlyMap<string, KeptPlace>): void
  /** Takes up a chunk of an operator's kept values (checkpoint/increments.ts). Its bytes may be used again then. */
  restore(number: number, chunk: Buffer): void
  /** As much is on its way that it is to be awaited before more is restored; undefined, or absent: there is room. */
  room?(): Promise<void> | undefined
  /** Resolves when all that was restored is in place; rejects with what could not be taken up. */
  restored(): Promise<void>
  stage(): Promise<StagedValues>
  /** The batch counts, from the call on; the next one may begin when it resolves. */
  apply(): Promise<void>
  /** The batch does not count; the next one may begin when it resolves. */
  drop(): Promise<void>
}
