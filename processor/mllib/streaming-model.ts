// A model that streams train and that rows of streams are put to: Spark's trainOn and predictOn, whatever the algorithm.
// The model is a job's state. What a batch makes of it becomes durable with the batch, counts if the batch does, and is
// what a restart goes on with.
//
//   home: the model before the batch, with the state (every batch)
//    |
//   view: the same for a stream's times (their slides may differ)
//    |
//   training: the model after the batch's rows ---- view ---- predictions, where predictOn comes after trainOn

import type { StateOperator, StatePartition } from '../graph/contracts/state.ts'
import type { Graph } from '../graph/graph.ts'
import type { Scope, StreamNode } from '../graph/node.ts'
import { drainAll } from '../rdd/dataset.ts'
import type { DStream } from '../streams/dstream.ts'
import type { OperatorOptions } from '../streams/options.ts'
import { rowsOf } from '../streams/outputs.ts'
import type { PairDStream } from '../streams/pair-dstream.ts'
import { inItsOwnBatch } from '../streams/state.ts'
import {
  committedModel,
  type Learner,
  ModelAfter,
  ModelBefore,
  PredictedDataset,
  type SharedModel,
} from './shared-model.ts'

export interface ModelOptions {
  /** The checkpoint finds the model by it. */
  readonly name?: string | undefined
}

interface Place {
  readonly graph: Graph
  readonly home: StreamNode<unknown>
}

export abstract class StreamingModel<T, R, P, M> {
  private readonly kind: string
  private readonly name: string | undefined
  private readonly learner: Learner<T, M>
  private place: Place | undefined
  private training: StreamNode<unknown> | undefined
  /** Of the batch that runs. */
  private running: { readonly model: M } | undefined
  private committed: { readonly model: M } | undefined

  /** `kind`: Spark's name of the algorithm, which errors tell where the program gives none. */
  protected constructor(kind: string, { name }: ModelOptions, learner: Learner<T, M>) {
    this.kind = kind
    this.name = name
    this.learner = learner
  }

  /**
   * Every batch of the stream moves the model on. An output operation, as in Spark: a job needs no other. Once for a
   * model; more streams are trained on as their union.
   */
  trainOn<V extends T>(data: DStream<V>): void {
    const { learner } = this
    const { graph, home } = this.placeIn(data)
    if (this.training !== undefined) {
      throw new Error(`${home.id}: trainOn was called already; train on the union of the streams`)
    }
    const before = this.view(data, home)
    const training = graph.add<unknown>({
      kind: 'training',
      name: `${home.id}.training`,
      parents: [data.node, before],
      compute(timeMs, scope, id) {
        inItsOwnBatch(id, timeMs, scope)
        const rows = scope.rows(data.node, timeMs)
        if (rows === undefined) return undefined
        return new ModelAfter<T, M>(
          home.id,
          stateOf(home, scope),
          learner,
          modelOf(before, timeMs, scope),
          rows,
        )
      },
    })
    this.training = training
    graph.addOutput('trainOn', `${home.id}.trainOn`, training, async (batch) => {
      await drainAll(rowsOf(training, batch), batch.scope.run, (kept) => {
        this.running = { model: learner.restore(kept) }
      })
    })
    data.context.addStreamingListener({ onBatchCompleted: () => void (this.committed = this.running) })
  }

  /**
   * What the model says of each row. Called after `trainOn`: the model that the same batch's rows have trained already;
   * called before it: the model of the batches before, which has not seen them.
   */
  predictOn<V extends R>(data: DStream<V>, options?: OperatorOptions): DStream<P> {
    const predict = (model: M, row: R) => this.predictWith(model, row)
    return data.host.stream(this.predicted(data, 'predictOn', predict, options))
  }

  /** As `predictOn`, of the values of pairs. */
  predictOnValues<K, V extends R>(data: PairDStream<K, V>, options?: OperatorOptions): PairDStream<K, P> {
    const predict = (model: M, [key, row]: readonly [K, R]) => [key, this.predictWith(model, row)] as const
    return data.host.pairs(this.predicted(data, 'predictOnValues', predict, options, true))
  }

  /**
   * As of the last batch that counts, for the thread that the job was started from. With executors it is known again
   * after a restart when the first batch has counted; until then this throws.
   */
  latestModel(): M {
    const { place, learner } = this
    if (this.committed !== undefined) return this.committed.model
    if (place === undefined || !place.graph.isOpen) return learner.initial
    return committedModel(place.home.id, stateOf(place.home, place.graph), learner)
  }

  protected abstract predictWith(model: M, row: R): P

  private predicted<I, O>(
    data: DStream<I>,
    kind: string,
    predict: (model: M, row: I) => O,
    options: OperatorOptions | undefined,
    keepsKeys = false,
  ): StreamNode<O> {
    const { graph, home } = this.placeIn(data)
    const model = this.view(data, this.training ?? home)
    return graph.add({
      kind,
      name: options?.name,
      parents: [data.node, model],
      compute(timeMs, scope, id) {
        const rows = scope.rows(data.node, timeMs)
        return (
          rows && new PredictedDataset(rows, modelOf<M>(model, timeMs, scope), id, predict, { keepsKeys })
        )
      },
    })
  }

  private placeIn({ host: { graph } }: DStream<unknown>): Place {
    const { learner } = this
    this.place ??= {
      graph,
      home: graph.add<unknown>({
        kind: this.kind,
        name: this.name,
        parents: [],
        state: (id): StateOperator => ({ id, shape: `model ${this.kind}`, partitions: 1 }),
        compute(timeMs, scope, id) {
          inItsOwnBatch(id, timeMs, scope)
          const [state] = scope.state({ id, shape: '', partitions: 1 })
          return new ModelBefore(id, state as StatePartition<unknown>, learner)
        },
      }),
    }
    return this.place
  }

  /** The model at the times of `data`: where there was no training then, as it was before. */
  private view(data: DStream<unknown>, of: StreamNode<unknown>): StreamNode<unknown> {
    const { graph, home } = this.placeIn(data)
    return graph.add<unknown>({
      kind: `${this.kind}.model`,
      parents: [of],
      slideMs: data.node.slideMs,
      compute: (timeMs, scope) => scope.rows(of, timeMs) ?? scope.rows(home, timeMs),
    })
  }
}

/** What nodes of this file have as their data sets. */
function modelOf<M>(node: StreamNode<unknown>, timeMs: number, scope: Scope): SharedModel<M> {
  return scope.rows(node, timeMs) as SharedModel<M>
}

function stateOf({ state }: StreamNode<unknown>, scope: Scope): StatePartition<unknown> {
  return scope.state(state as StateOperator)[0] as StatePartition<unknown>
}
