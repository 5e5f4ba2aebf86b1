// Keyed state of a job with a checkpoint: it lives in memory, and what a batch changes becomes the batch's
// increments. On disk an operator is a number and a key its bytes, so neither the order of the program's
// operators nor their partition counts matter to what is kept.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { MemoryStatePartition } from '../executor/memory-state.ts'
import { partitionOf, type Key } from '../graph/key.ts'
import type { StateCodec, StateOperator, StatePartition, StateStore } from '../graph/contracts/state.ts'
import { ByteReader, ByteWriter } from './bytes.ts'
import { IncrementsReader, IncrementsWriter } from './increments.ts'
import type { OperatorEntry } from './messages.ts'
import { plainCodec, readKey, writeKey, writePlain } from './plain-data.ts'
import { CheckpointError } from './store.ts'

/** Entries that are turned into bytes before the event loop gets its turn. */
const SLICE_ENTRIES = 2000

interface OperatorState {
  readonly number: number
  readonly operator: StateOperator
  readonly partitions: readonly MemoryStatePartition<unknown>[]
  opened: boolean
}

export interface StagedState {
  readonly increments: Buffer
  readonly operators: readonly OperatorEntry[]
  readonly lastOperatorNumber: number
  readonly dropped: readonly number[]
}

export class KeyedState implements StateStore {
  private readonly byId = new Map<string, OperatorState>()
  private readonly byNumber = new Map<number, OperatorState>()
  private lastNumber: number
  /** Kept on disk, but the program has no such operator: dropped with the next batch. */
  orphans: readonly OperatorEntry[]

  /** Throws CheckpointError where an operator kept another shape of state. */
  constructor(operators: readonly StateOperator[], kept: readonly OperatorEntry[], lastNumber: number) {
    this.lastNumber = lastNumber
    const byId = new Map(kept.map((entry) => [entry.id, entry]))
    for (const operator of operators) {
      const entry = byId.get(operator.id)
      byId.delete(operator.id)
      if (entry !== undefined && entry.shape !== operator.shape) {
        throw new CheckpointError(
          `the state of '${operator.id}' was kept as '${entry.shape}', the program now has '${operator.shape}': ` +
            `give the operator another name, or begin with a new checkpoint`,
        )
      }
      this.add(operator, entry?.number ?? ++this.lastNumber)
    }
    this.orphans = [...byId.values()]
  }

  open<S>(operator: StateOperator<S>): Promise<readonly StatePartition<S>[]> {
    const state = this.byId.get(operator.id)
    if (state === undefined) throw new Error(`state of '${operator.id}' was not announced at recovery`)
    if (state.opened) throw new Error(`state of '${operator.id}' is opened twice`)
    state.opened = true
    return Promise.resolve(state.partitions as readonly StatePartition<S>[])
  }

  /** Takes up a kept value; `value` undefined: removed. Values of operators that are no more are let fall. */
  restore(number: number, keyBytes: Buffer, value: Buffer | undefined): void {
    const state = this.byNumber.get(number)
    if (state === undefined) return
    const key = readKey(new ByteReader(keyBytes))
    const { operator, partitions } = state
    const partition = partitions[partitionOf(key, partitions.length)] as MemoryStatePartition<unknown>
    partition.restore(key, value === undefined ? undefined : decode(operator, key, value))
  }

  /** Applies a staged batch at a restart. */
  async restoreAll(increments: Buffer): Promise<void> {
    const reader = new IncrementsReader(increments)
    for (let count = 1; reader.next(); count++) {
      this.restore(reader.operator, reader.key, reader.value)
      if (count % SLICE_ENTRIES === 0) await nextTurn()
    }
  }

  /** What the batch has changed, in bytes. */
  async stage(): Promise<StagedState> {
    const writer = new IncrementsWriter()
    for (const state of this.byId.values()) await stageOperator(writer, state)
    const dropped = this.orphans.map(({ number }) => number)
    const operators = [...this.byId.values()].map(({ number, operator: { id, shape }, partitions }) => ({
      number,
      id,
      shape,
      keys: partitions.reduce((sum, { size }) => sum + size, 0),
    }))
    return { increments: writer.finish(), operators, lastOperatorNumber: this.lastNumber, dropped }
  }

  /** The batch counts. */
  apply(): void {
    for (const { partitions } of this.byId.values()) for (const partition of partitions) partition.apply()
    this.orphans = []
  }

  drop(): void {
    for (const { partitions } of this.byId.values()) for (const partition of partitions) partition.drop()
  }

  private add(operator: StateOperator, number: number): void {
    const partitions = Array.from({ length: operator.partitions }, () => new MemoryStatePartition<unknown>())
    const state = { number, operator, partitions, opened: false }
    this.byId.set(operator.id, state)
    this.byNumber.set(number, state)
  }
}

async function stageOperator(writer: IncrementsWriter, state: OperatorState): Promise<void> {
  const { number, operator, partitions } = state
  const keyBytes = new ByteWriter(256)
  const valueBytes = new ByteWriter(256)
  let inSlice = 0
  for (const partition of partitions) {
    if (partition.changes === 0) continue
    writer.operator(number, partition.changes)
    for (const [key, value] of partition.changed()) {
      keyBytes.reset()
      writeKey(keyBytes, key)
      writer.key(keyBytes.bytes, keyBytes.end)
      if (value === undefined) {
        writer.removed()
      } else if (operator.codec === undefined) {
        valueBytes.reset()
        writeValue(valueBytes, value, operator, key)
        writer.value(valueBytes.bytes, valueBytes.end)
      } else {
        const encoded = encode(operator.codec, value, operator, key)
        writer.value(encoded, encoded.length)
      }
      if (++inSlice % SLICE_ENTRIES === 0) await nextTurn()
    }
  }
}

function writeValue(bytes: ByteWriter, value: unknown, operator: StateOperator, key: Key): void {
  try {
    writePlain(bytes, value)
  } catch (error) {
    throw failed(operator, key, error)
  }
}

function encode(codec: StateCodec<unknown>, value: unknown, operator: StateOperator, key: Key): Uint8Array {
  try {
    return codec.encode(value)
  } catch (error) {
    throw failed(operator, key, error)
  }
}

function decode(operator: StateOperator, key: Key, bytes: Buffer): unknown {
  try {
    // A codec of the program's may keep what it is given.
    const value = (operator.codec ?? plainCodec).decode(
      operator.codec === undefined ? bytes : Buffer.from(bytes),
    )
    return operator.migrate === undefined ? value : operator.migrate(value)
  } catch (error) {
    throw failed(operator, key, error)
  }
}

function failed({ id }: StateOperator, key: Key, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new CheckpointError(`${id}: state of key '${String(key)}': ${reason}`, { cause })
}
