// mapWithState: a function called once per record, with the state of the record's key. Only keys that come, or time
// out, cost anything; a batch's rows are what the function returned.
//
// A value of the state is kept with the time of the batch that touched it last, so that a timeout counts on over a
// restart. With a timeout, to be read is to be touched.

import type { Graph, NodeSpec } from '../graph/graph.ts'
import { durationMs } from '../graph/duration.ts'
import type { StateCodec, StateOperator } from '../graph/contracts/state.ts'
import type { StreamNode } from '../graph/node.ts'
import { stateBasis } from './initial-state.ts'
import { MapWithStateDataset, type Touched } from './map-with-state-dataset.ts'
import { statePartitionerFor } from './options.ts'
import { WholeStateDataset } from './state.ts'
import type { MapWithStateOptions, StateFunction } from './state-spec.ts'
import { TimeoutIndexes } from './timeout-index.ts'

export function mapWithState<K, V, S, M>(
  graph: Graph,
  parent: StreamNode<readonly [K, V]>,
  mapping: StateFunction<K, V, S, M>,
  options: MapWithStateOptions<K, S>,
): NodeSpec<M> {
  const { timeout, name } = options
  const timeoutMs = timeout === undefined ? undefined : durationMs(timeout, 'timeout')
  const partitioner = statePartitionerFor(graph, 'mapWithState', options)
  const operator = (id: string): StateOperator<Touched<S>> => ({
    id,
    shape: 'mapWithState',
    partitions: partitioner.numPartitions,
    partitioner,
    shownAs: ([value]) => value,
    ...(options.codec && { codec: touchedCodec(options.codec) }),
    ...(options.version && { version: options.version }),
    ...(options.migrate && { migrate: migrateTouched(options.migrate) }),
  })
  const basis = stateBasis<K, S, Touched<S>>(graph, parent, operator, options)
  const indexes = timeoutMs === undefined ? undefined : new TimeoutIndexes<S>()
  return {
    kind: 'mapWithState',
    name,
    parents: basis.parents,
    state: operator as (id: string) => StateOperator,
    compute(timeMs, scope, id) {
      const { state, places, beginning } = basis.at(timeMs, scope, id)
      const step = { places, mapping, timeMs, timeoutMs, indexes }
      return new MapWithStateDataset<K, V, S, M>(scope.rows(parent, timeMs), beginning, state, step)
    },
  }
}

/** All keys and their state, beside the node whose rows are what the function returned. */
export function stateSnapshots<K, S>(mapped: StreamNode<unknown>): NodeSpec<readonly [K, S]> {
  return {
    kind: 'stateSnapshots',
    name: `${mapped.id}.snapshots`,
    parents: [mapped],
    compute(timeMs, scope) {
      const rows = scope.rows(mapped, timeMs)
      if (rows === undefined) return undefined
      const operator = mapped.state as StateOperator<Touched<S>>
      return new WholeStateDataset<K, Touched<S>, S>(rows, operator, timeMs, scope, ([value]) => value)
    },
  }
}

/** The time before the bytes of the program's own codec. */
function touchedCodec<S>(codec: StateCodec<S>): StateCodec<Touched<S>> {
  return {
    encode([value, touchedMs]) {
      const encoded = codec.encode(value)
      const bytes = Buffer.allocUnsafe(8 + encoded.length)
      bytes.writeDoubleBE(touchedMs, 0)
      bytes.set(encoded, 8)
      return bytes
    },
    decode(bytes) {
      const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      return touched(codec.decode(bytes.subarray(8)), view.readDoubleBE(0), 'decode')
    },
  }
}

function migrateTouched<S>(
  migrate: (old: unknown, fromVersion: number) => S,
): (old: unknown, fromVersion: number) => Touched<S> {
  return (old, fromVersion) => {
    const [value, touchedMs] = old as Touched<unknown>
    return touched(migrate(value, fromVersion), touchedMs, 'migrate')
  }
}

/** To `mapWithState` a key whose value is undefined would have no state, and to the checkpoint it would have one. */
function touched<S>(value: S, touchedMs: number, by: string): Touched<S> {
  if (value === undefined) throw new TypeError(`${by} gave undefined, which is no state`)
  return [value, touchedMs]
}
