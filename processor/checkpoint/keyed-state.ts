// What a checkpoint knows of keyed state: its operators, by the numbers under which they are on disk, and the shape of
// what they keep. The values are with a host: in this thread, or with the workers. On disk an operator is a number
// and a key its bytes, so neither the order of the program's operators nor their partition counts matter.

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { StateHost, StateOperator, StatePartition, StateStore } from '../graph/contracts/state.ts'
import { IncrementsReader } from './increments.ts'
import type { OperatorEntry } from './messages.ts'
import { CheckpointError } from './store.ts'

/** Entries that are taken up before the event loop gets its turn. */
const SLICE_ENTRIES = 2000

export interface StagedState {
  readonly increments: Buffer
  readonly operators: readonly OperatorEntry[]
  readonly lastOperatorNumber: number
  readonly dropped: readonly number[]
}

export class KeyedState implements StateStore {
  private readonly host: StateHost
  private readonly entries: { number: number; operator: StateOperator }[] = []
  private lastNumber: number
  /** Kept on disk, but the program has no such operator: dropped with the next batch. */
  orphans: readonly OperatorEntry[]

  /** Empties the host. Throws CheckpointError where an operator kept another shape of state. */
  constructor(
    operators: readonly StateOperator[],
    kept: readonly OperatorEntry[],
    lastNumber: number,
    host: StateHost,
  ) {
    this.host = host
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
      this.entries.push({ number: entry?.number ?? ++this.lastNumber, operator })
    }
    this.orphans = [...byId.values()]
    host.reset(new Map(this.entries.map(({ number, operator }) => [operator.id, number])))
  }

  open<S>(operator: StateOperator<S>): Promise<readonly StatePartition<S>[]> {
    return this.host.open(operator)
  }

  /** Takes up a kept value; `value` undefined: removed. Values of operators that are no more are let fall. */
  restore(number: number, key: Buffer, value: Buffer | undefined): void {
    this.host.restore(number, key, value)
  }

  /** Applies a staged batch at a restart. */
  async restoreAll(increments: Buffer): Promise<void> {
    const reader = new IncrementsReader(increments)
    for (let count = 1; reader.next(); count++) {
      this.host.restore(reader.operator, reader.key, reader.value)
      if (count % SLICE_ENTRIES === 0) await nextTurn()
    }
  }

  /** Resolves when all that was restored is in place. */
  restored(): Promise<void> {
    return this.host.restored()
  }

  /** What the batch has changed, in bytes. */
  async stage(): Promise<StagedState> {
    const { increments, keys } = await this.host.stage()
    const operators = this.entries.map(({ number, operator: { id, shape } }) => ({
      number,
      id,
      shape,
      keys: keys.get(id) ?? 0,
    }))
    const dropped = this.orphans.map(({ number }) => number)
    return { increments, operators, lastOperatorNumber: this.lastNumber, dropped }
  }

  /** The batch counts. */
  apply(): void {
    this.host.apply()
    this.orphans = []
  }

  drop(): void {
    this.host.drop()
  }
}
