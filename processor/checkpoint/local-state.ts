// Values of keyed state in this thread's memory, and their way into bytes and back. With peers, a thread has the
// partitions that it owns; of the others it knows how many keys they have.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { inTurns, MemoryStatePartition } from '../executor/memory-state.ts'
import type { Key } from '../graph/key.ts'
import { type KeyPlaces, placesOf } from '../graph/partitioner.ts'
import type {
  KeptPlace,
  StagedValues,
  StateCursor,
  StateHost,
  StateOperator,
  StatePartition,
} from '../graph/contracts/state.ts'
import { ownerOf } from '../rdd/dataset.ts'
import { ByteReader, type ByteWriter } from './bytes.ts'
import { IncrementsReader, IncrementsWriter } from './increments.ts'
import { readKey, readPlain, writeKey, writePlain } from './plain-data.ts'
import { CheckpointError } from './store.ts'

/** Entries that are turned into bytes before the event loop gets its turn. */
const SLICE_ENTRIES = 2000

interface OperatorState {
  readonly operator: StateOperator
  readonly places: KeyPlaces
  number: number
  /** Until a batch counts: what was restored is of this version, and the batch stages all of it. */
  migratesFrom: number | undefined
  /** Of this thread's partitions; others' are undefined. */
  partitions: (MemoryStatePartition<unknown> | undefined)[]
  readonly elsewhere: ElsewherePartition[]
  opened: boolean
}

export class LocalState implements StateHost {
  private readonly byId = new Map<string, OperatorState>()
  private readonly byNumber = new Map<number, OperatorState>()
  private readonly peers: { index: number; count: number } | undefined

  constructor(operators: readonly StateOperator[], peers?: { index: number; count: number }) {
    this.peers = peers
    for (const [number, operator] of operators.entries()) {
      const state: OperatorState = {
        operator,
        places: placesOf(operator),
        number,
        migratesFrom: undefined,
        partitions: [],
        elsewhere: [],
        opened: false,
      }
      this.byId.set(operator.id, state)
    }
    this.reset(new Map(operators.map(({ id }, number) => [id, { number }])))
  }

  open<S>(operator: StateOperator<S>): Promise<readonly StatePartition<S>[]> {
    const state = this.byId.get(operator.id)
    if (state === undefined) throw new Error(`state of '${operator.id}' was not announced at recovery`)
    if (state.opened) throw new Error(`state of '${operator.id}' is opened twice`)
    state.opened = true
    const partitions = state.partitions.map((here, index) => {
      if (here !== undefined) return here
      return (state.elsewhere[index] ??= new ElsewherePartition(operator.id, index))
    })
    return Promise.resolve(partitions as readonly StatePartition<unknown>[] as readonly StatePartition<S>[])
  }

  reset(places: ReadonlyMap<string, KeptPlace>): void {
    this.byNumber.clear()
    for (const [id, state] of this.byId) {
      const { number, migratesFrom } = places.get(id) as KeptPlace
      state.number = number
      state.migratesFrom = migratesFrom
      this.byNumber.set(state.number, state)
      state.partitions = Array.from({ length: state.operator.partitions }, (_, index) =>
        this.has(index, state.operator.partitions) ? new MemoryStatePartition<unknown>() : undefined,
      )
    }
  }

  restore(number: number, chunk: Buffer): void {
    const state = this.byNumber.get(number)
    if (state === undefined) return
    const entry = new IncrementsReader(chunk)
    const field = new ByteReader(chunk)
    while (entry.next()) {
      const key = readKey(field.within(entry.keyFrom, entry.keyUntil))
      const index = state.places.partitionOf(key)
      const partition = state.partitions[index]
      if (partition === undefined) throw state.places.elsewhere(key, index)
      partition.restore(key, entry.isRemoved ? undefined : decode(state, key, entry, field))
    }
  }

  /** Takes up chunks as `stage` writes them. */
  async restoreAll(chunks: readonly Buffer[]): Promise<void> {
    for (const chunk of chunks) {
      this.restore(new IncrementsReader(chunk).operator, chunk)
      await nextTurn()
    }
  }

  restored(): Promise<void> {
    return Promise.resolve()
  }

  async stage(): Promise<StagedValues> {
    const writer = new IncrementsWriter()
    const keys = new Map<string, number>()
    for (const [id, state] of this.byId) {
      await stageOperator(writer, state)
      keys.set(
        id,
        state.partitions.reduce((sum, partition) => sum + (partition?.size ?? 0), 0),
      )
    }
    return { increments: writer.finish(), keys }
  }

  apply(): Promise<void> {
    return inTurns(this.applying())
  }

  drop(): Promise<void> {
    return inTurns(this.dropping())
  }

  /** As `apply` and `drop`, in one go: for threads in which nothing waits. */
  applyNow(): void {
    for (const walk of this.applying()) for (const _ of walk);
  }

  dropNow(): void {
    for (const walk of this.dropping()) for (const _ of walk);
  }

  private applying(): Iterable<undefined>[] {
    for (const state of this.byId.values()) state.migratesFrom = undefined
    return this.own().map((partition) => partition.apply())
  }

  private dropping(): Iterable<undefined>[] {
    return this.own().map((partition) => partition.drop())
  }

  private own(): MemoryStatePartition<unknown>[] {
    const all = [...this.byId.values()].flatMap(({ partitions }) => partitions)
    return all.filter((partition) => partition !== undefined)
  }

  /** Keys of each of this thread's partitions, by operator; 0 for others'. */
  sizes(): Map<string, number[]> {
    const sizes = [...this.byId].map(
      ([id, { partitions }]) => [id, partitions.map((partition) => partition?.size ?? 0)] as const,
    )
    return new Map(sizes)
  }

  /** Keys of the partitions that are elsewhere. */
  tell(sizes: ReadonlyMap<string, readonly number[]>): void {
    for (const [id, ofPartitions] of sizes) {
      for (const partition of this.byId.get(id)?.elsewhere ?? []) {
        if (partition !== undefined) partition.size = ofPartitions[partition.index] ?? 0
      }
    }
  }

  private has(index: number, partitions: number): boolean {
    const { peers } = this
    return peers === undefined || ownerOf(index, partitions, peers.count) === peers.index
  }
}

/** A partition whose values another thread has. */
export class ElsewherePartition implements StatePartition<never> {
  size = 0
  readonly index: number
  private readonly operator: string

  constructor(operator: string, index: number) {
    this.operator = operator
    this.index = index
  }

  get end(): never {
    throw this.elsewhere()
  }

  get(): never {
    throw this.elsewhere()
  }

  place(): never {
    throw this.elsewhere()
  }

  keyAt(): never {
    throw this.elsewhere()
  }

  at(): never {
    throw this.elsewhere()
  }

  own(value: never): never {
    return value
  }

  committedAt(): never {
    throw this.elsewhere()
  }

  set(): never {
    throw this.elsewhere()
  }

  put(): never {
    throw this.elsewhere()
  }

  remove(): never {
    throw this.elsewhere()
  }

  committed(): StateCursor<never> {
    throw this.elsewhere()
  }

  current(): StateCursor<never> {
    throw this.elsewhere()
  }

  private elsewhere(): Error {
    return new Error(`state partition ${this.index} of '${this.operator}' is another worker's`)
  }
}

async function stageOperator(writer: IncrementsWriter, state: OperatorState): Promise<void> {
  const { number, operator, partitions } = state
  let inSlice = 0
  for (const partition of partitions) {
    if (partition === undefined) continue
    // What is staged whole lies under a new number: a key that was removed was never there.
    const staged = state.migratesFrom === undefined ? partition.changes() : partition.current()
    writer.operator(number)
    while (staged.next()) {
      const { key, value } = staged
      writeKey(writer.beginKey(), key)
      writer.endKey()
      if (value === undefined) {
        writer.removed()
      } else {
        encode(writer.beginValue(), value, operator, key)
        writer.endValue()
      }
      if (++inSlice % SLICE_ENTRIES === 0) await nextTurn()
    }
  }
}

function encode(bytes: ByteWriter, value: unknown, operator: StateOperator, key: Key): void {
  try {
    if (operator.codec === undefined) writePlain(bytes, value)
    else bytes.raw(operator.codec.encode(value))
  } catch (error) {
    throw failed(operator, key, error)
  }
}

function decode(
  { operator, migratesFrom }: OperatorState,
  key: Key,
  entry: IncrementsReader,
  field: ByteReader,
): unknown {
  const { codec } = operator
  try {
    const value =
      codec === undefined
        ? readPlain(field.within(entry.valueFrom, entry.until))
        : // It may keep what it is given.
          codec.decode(Buffer.from(entry.value as Buffer))
    const kept = migratesFrom === undefined ? value : operator.migrate?.(value, migratesFrom)
    // In memory the key would be gone, and on disk there.
    if (kept === undefined) {
      throw new TypeError(
        `${migratesFrom === undefined ? 'decode' : 'migrate'} gave undefined, which is no state`,
      )
    }
    return kept
  } catch (error) {
    throw failed(operator, key, error)
  }
}

function failed({ id }: StateOperator, key: Key, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new CheckpointError(`${id}: state of key '${String(key)}': ${reason}`, { cause })
}
