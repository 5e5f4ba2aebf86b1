// Where the streams of one job come together: their graph, and the makers of stream classes. The classes reach
// each other through it, so that each can stand in a file of its own.

import type { Graph } from '../graph/graph.ts'
import type { StreamNode } from '../graph/node.ts'
import type { FileSystem } from '../sink/file-system.ts'
import type { StreamingContext } from '../streaming-context.ts'
import { DStream } from './dstream.ts'
import { MapWithStateDStream } from './map-with-state-dstream.ts'
import { PairDStream } from './pair-dstream.ts'
import { StateDStream } from './state-dstream.ts'
import type { StateChange } from './state.ts'
import { wholeState } from './update-state-by-key.ts'

export interface StreamHost {
  readonly context: StreamingContext
  readonly graph: Graph
  readonly writeLine: (line: string) => void
  /** false: files of batches are not written. */
  readonly writesFiles: boolean
  readonly fileSystem: FileSystem
  stream<T>(node: StreamNode<T>): DStream<T>
  pairs<K, V>(node: StreamNode<readonly [K, V]>): PairDStream<K, V>
  /** The whole state of an operator whose rows are what each batch changed. */
  state<K, S>(update: StreamNode<StateChange<K, S>>): StateDStream<K, S>
  mappedWithState<K, S, M>(mapped: StreamNode<M>): MapWithStateDStream<K, S, M>
}

export function streamHost(
  context: StreamingContext,
  {
    graph,
    writeLine,
    writesFiles,
    fileSystem,
  }: Pick<StreamHost, 'graph' | 'writeLine' | 'writesFiles' | 'fileSystem'>,
): StreamHost {
  const host: StreamHost = {
    context,
    graph,
    writeLine,
    writesFiles,
    fileSystem,
    stream: (node) => new DStream(host, node),
    pairs: (node) => new PairDStream(host, node),
    mappedWithState: (mapped) => new MapWithStateDStream(host, mapped),
    state: (update) => new StateDStream(host, graph.add(wholeState(update)), update),
  }
  return host
}
