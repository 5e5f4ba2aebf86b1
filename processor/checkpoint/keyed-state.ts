// What a checkpoint knows of keyed state: its operators, by the numbers under which they are on disk, and the shape of
// what they keep. The values are with a host: in this thread, or with the workers. On disk an operator is a number
// and a key its bytes, so neither the order of the program's operators nor their partition counts matter.

import type {
  KeptPlace,
  StateHost,
  StateOperator,
  StatePartition,
  StateStore,
} from '../graph/contracts/state.ts'
import { IncrementsReader } from './increments.ts'
import type { OperatorEntry } from './messages.ts'
import { CheckpointError } from './store.ts'

export interface StagedState {
  readonly increments: readonly Buffer[]
  readonly operators: readonly OperatorEntry[]
  readonly lastOperatorNumber: number
  readonly dropped: readonly number[]
}

export class KeyedState implements StateStore {
  private readonly host: StateHost
  private readonly entries: { number: number; operator: StateOperator }[] = []
  /** Numbers under which an older version of a schema is kept, and the operators' new ones. */
  private readonly replaced = new Map<number, number>()
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
    const places = new Map<string, KeptPlace>()
    for (const operator of operators) {
      const entry = byId.get(operator.id)
      byId.delete(operator.id)
      if (entry !== undefined && entry.shape !== operator.shape) {
        throw new CheckpointError(
          `the state of '${operator.id}' was kept as '${entry.shape}', the program now has '${operator.shape}': ` +
            `give the operator another name, or begin with a new checkpoint`,
        )
      }
      places.set(operator.id, this.placeOf(operator, entry))
    }
    this.orphans = [...byId.values()]
    host.reset(places)
  }

  open<S>(operator: StateOperator<S>): Promise<readonly StatePartition<S>[]> {
    return this.host.open(operator)
  }

  /** Takes up a chunk of kept values. Those of operators that are no more are let fall. */
  restore(chunk: Buffer): void {
    const { operator } = new IncrementsReader(chunk)
    this.host.restore(this.replaced.get(operator) ?? operator, chunk)
  }

  /** To be awaited before more is restored. */
  room(): Promise<void> | undefined {
    return this.host.room?.()
  }

  /** Resolves when all that was restored is in place. */
  restored(): Promise<void> {
    return this.host.restored()
  }

  /** What the batch has changed, in bytes. */
  async stage(): Promise<StagedState> {
    const { increments, keys } = await this.host.stage()
    const operators = this.entries.map(({ number, operator: { id, shape, version = 1 } }) => ({
      number,
      id,
      shape,
      version,
      keys: keys.get(id) ?? 0,
    }))
    const dropped = [...this.orphans.map(({ number }) => number), ...this.replaced.keys()]
    return { increments, operators, lastOperatorNumber: this.lastNumber, dropped }
  }

  /** The batch counts. */
  async apply(): Promise<void> {
    this.orphans = []
    this.replaced.clear()
    await this.host.apply()
  }

  drop(): Promise<void> {
    return this.host.drop()
  }

  // Values of another version get a number of their own, so that what lies under one is always of one version, and a
  // start between two versions never meets a mixture: the old number is dropped with the batch that stages the new.
  private placeOf(operator: StateOperator, entry: OperatorEntry | undefined): KeptPlace {
    const { id, version = 1, migrate } = operator
    const isKept = entry !== undefined && entry.version === version
    const number = isKept ? entry.number : ++this.lastNumber
    this.entries.push({ number, operator })
    if (entry === undefined || isKept) return { number }
    if (entry.version > version || migrate === undefined) {
      throw new CheckpointError(
        `the state of '${id}' was kept in version ${entry.version}, the program has version ${version}` +
          (entry.version > version ? ': a newer program wrote it' : ' and no migrate for it'),
      )
    }
    this.replaced.set(entry.number, number)
    return { number, migratesFrom: entry.version }
  }
}
