// The model in a batch: as it was before, or as the batch's rows have made it. It is the one value of a state of one
// key, in one thread; every thread is given it, so predictions are made where the rows are.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { StateCursor, StatePartition } from '../graph/contracts/state.ts'
import { operatorFailed } from '../graph/errors.ts'
import {
  exchangeFew,
  Once,
  openHeld,
  ownerOf,
  type Dataset,
  type Peers,
  type TaskRunner,
} from '../rdd/dataset.ts'
import { NarrowDataset, mapPipe, type Pipe } from '../rdd/narrow.ts'
import type { PartitionWiseOptions } from '../rdd/partition-wise.ts'
import { TrainingRows } from './training-rows.ts'

/** What an algorithm does, in a batch and between batches. */
export interface Learner<T, M> {
  /** The model before any batch. */
  readonly initial: M
  /** As plain data, for the checkpoint and other threads. */
  keep(model: M): unknown
  /** Throws where what was kept does not fit the program. */
  restore(kept: unknown): M
  /** Another model, or the same object where the batch changes nothing. Deterministic. */
  train(model: M, rows: TrainingRows<T>): Promise<M>
}

/** The key of the one value. */
const MODEL = null

/** One row, the model as plain data, in the first thread; after `prepare` every thread has the model itself. */
export abstract class SharedModel<M> implements Dataset<unknown> {
  readonly partitions = 1
  readonly keeps = 'always'
  protected readonly learner: Learner<never, M>
  private readonly once = new Once()
  private held: { readonly model: M } | undefined
  /** The one partition is this thread's. */
  private owned = true

  constructor(learner: Learner<never, M>) {
    this.learner = learner
  }

  get model(): M {
    if (this.held === undefined) throw new Error('the model is read before it is there')
    return this.held.model
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(async () => {
      this.owned = run.peers === undefined || ownerOf(0, 1, run.peers.count) === run.peers.index
      this.held = { model: await this.compute(run, this.owned) }
    })
  }

  open(partition: number, emit: Emit<unknown>): RowReader {
    return openHeld([this.owned ? [this.learner.keep(this.model)] : undefined], partition, emit)
  }

  protected abstract compute(run: TaskRunner, owned: boolean): Promise<M>
}

/** As it was when the batch began. */
export class ModelBefore<M> extends SharedModel<M> {
  private readonly operator: string
  private readonly state: StatePartition<unknown>

  constructor(operator: string, state: StatePartition<unknown>, learner: Learner<never, M>) {
    super(learner)
    this.operator = operator
    this.state = state
  }

  protected async compute(run: TaskRunner, owned: boolean): Promise<M> {
    const { operator, learner } = this
    const kept = owned ? this.state.get(MODEL) : undefined
    return restored(
      operator,
      learner,
      run.peers === undefined ? kept : await this.shared(kept, run, run.peers),
    )
  }

  private async shared(kept: unknown, run: TaskRunner, peers: Peers): Promise<unknown> {
    const mine = kept === undefined ? [] : [kept]
    const shares = await exchangeFew(peers, this.operator, Array<unknown[]>(peers.count).fill(mine), run)
    return shares.flat()[0]
  }
}

/** As the batch's rows have made it. */
export class ModelAfter<T, M> extends SharedModel<M> {
  private readonly operator: string
  private readonly state: StatePartition<unknown>
  private readonly training: Learner<T, M>
  private readonly before: SharedModel<M>
  private readonly rows: Dataset<T>

  constructor(
    operator: string,
    state: StatePartition<unknown>,
    learner: Learner<T, M>,
    before: SharedModel<M>,
    rows: Dataset<T>,
  ) {
    super(learner)
    this.operator = operator
    this.state = state
    this.training = learner
    this.before = before
    this.rows = rows
  }

  protected async compute(run: TaskRunner, owned: boolean): Promise<M> {
    const { before, rows, training, operator } = this
    await before.prepare(run)
    await rows.prepare(run)
    const model = await training.train(before.model, new TrainingRows(rows, operator, run))
    if (owned && model !== before.model) this.state.put(MODEL, training.keep(model))
    return model
  }
}

/** Rows, each with what a model makes of it. */
export class PredictedDataset<T, U, M> extends NarrowDataset<T, U> {
  private readonly model: SharedModel<M>

  constructor(
    rows: Dataset<T>,
    model: SharedModel<M>,
    operator: string,
    predict: (model: M, row: T) => U,
    options?: PartitionWiseOptions,
  ) {
    const pipe: Pipe<T, U> = (emit) => {
      const current = model.model
      return mapPipe<T, U>(operator, (row) => predict(current, row))(emit)
    }
    super(rows, pipe, options)
    this.model = model
  }

  override async prepare(run: TaskRunner): Promise<void> {
    await super.prepare(run)
    await this.model.prepare(run)
  }
}

/** As of the last batch that counts. Throws where a worker has it. */
export function committedModel<M>(
  operator: string,
  state: StatePartition<unknown>,
  learner: Learner<never, M>,
): M {
  let cursor: StateCursor<unknown>
  try {
    cursor = state.committed()
  } catch (cause) {
    throw new Error(`${operator}: a worker has the model; it is known here when a batch has counted`, {
      cause,
    })
  }
  return restored(operator, learner, cursor.next() ? cursor.value : undefined)
}

function restored<M>(operator: string, learner: Learner<never, M>, kept: unknown): M {
  if (kept === undefined) return learner.initial
  try {
    return learner.restore(kept)
  } catch (error) {
    throw operatorFailed(operator, error)
  }
}
