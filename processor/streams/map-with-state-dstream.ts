// The stream of mapWithState: what its function returned, and beside it the whole state.

import type { StreamNode } from '../graph/node.ts'
import { DStream } from './dstream.ts'
import type { StreamHost } from './host.ts'
import { stateSnapshots } from './map-with-state.ts'
import type { PairDStream } from './pair-dstream.ts'

export class MapWithStateDStream<K, S, M> extends DStream<M> {
  private snapshots: PairDStream<K, S> | undefined

  constructor(host: StreamHost, mapped: StreamNode<M>) {
    super(host, mapped)
  }

  /** All keys with their state, batch by batch. Its rows are read from the state, and good in their own batch only. */
  stateSnapshots(): PairDStream<K, S> {
    this.snapshots ??= this.pairs(stateSnapshots<K, S>(this.node))
    return this.snapshots
  }
}
