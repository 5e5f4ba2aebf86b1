// The stream of a stateful operator: the whole state, batch by batch, and what each batch changed.

import type { StreamNode } from '../graph/node.ts'
import type { DStream } from './dstream.ts'
import type { StreamHost } from './host.ts'
import type { OperatorOptions } from './options.ts'
import { PairDStream } from './pair-dstream.ts'
import type { StateChange } from './state.ts'

/** The whole state of a stateful operator, batch by batch. */
export class StateDStream<K, S> extends PairDStream<K, S> {
  private readonly update: StreamNode<StateChange<K, S>>
  private readonly changed: DStream<StateChange<K, S>>

  constructor(host: StreamHost, whole: StreamNode<readonly [K, S]>, update: StreamNode<StateChange<K, S>>) {
    super(host, whole)
    this.update = update
    this.changed = host.stream(update)
  }

  /** Name under which the checkpoint keeps the state. */
  override get name(): string {
    return this.update.id
  }

  /** Keys whose state this batch set, with the new state. */
  changes(options?: OperatorOptions): PairDStream<K, S> {
    const isSet = (change: StateChange<K, S>): change is readonly [K, S] => change[1] !== undefined
    return this.host.pairs(this.changed.filter(isSet, options).node)
  }

  /** Keys whose state this batch removed. */
  removedKeys(options?: OperatorOptions): DStream<K> {
    return this.changed.filter((change) => change[1] === undefined).map((change) => change[0], options)
  }
}
