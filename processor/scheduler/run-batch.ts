// One batch, from its durable plan to its commit. The order is the whole of it: outputs, then state that
// nothing has asked for, then the decision; a throw before the decision leaves no trace.

import type { Clock } from '../../broker/time/clock.ts'
import type { CommitProtocol } from '../graph/contracts/commit.ts'
import type { Graph } from '../graph/graph.ts'
import type { OutputNode } from '../graph/node.ts'
import type { BatchRecord } from './batch-record.ts'
import type { ListenerBus, OutputOperationInfo } from './listener.ts'

export interface BatchWorld {
  readonly graph: Graph
  readonly protocol: CommitProtocol
  readonly clock: Clock
  readonly listeners: ListenerBus
}

export async function runBatch(world: BatchWorld, batch: BatchRecord): Promise<void> {
  const { graph, protocol, clock, listeners } = world
  const { plan } = batch
  batch.processingStartMs = clock.now()
  listeners.post((listener) => listener.onBatchStarted?.(batch.info))
  graph.begin(plan.timeMs)
  const output = await protocol.begin(plan)
  try {
    for (const node of graph.outputsAt(plan.timeMs)) {
      await runOutput(world, batch, node, () => node.run({ ...stampOf(plan), scope: graph, output }))
    }
    await graph.prepareAt(plan.timeMs)
  } catch (error) {
    await abort(protocol, batch, error)
    throw error
  }
  await protocol.commit(plan)
  graph.release(plan.timeMs)
  batch.processingEndMs = clock.now()
  listeners.post((listener) => listener.onBatchCompleted?.(batch.info))
}

async function runOutput(
  { graph, clock, listeners }: BatchWorld,
  batch: BatchRecord,
  node: OutputNode,
  run: () => Promise<void>,
): Promise<void> {
  const started: OutputOperationInfo = {
    batchTime: new Date(batch.plan.timeMs),
    id: graph.outputs.indexOf(node),
    name: node.id,
    startTimeMs: clock.now(),
    endTimeMs: undefined,
    failureReason: undefined,
  }
  listeners.post((listener) => listener.onOutputOperationStarted?.(started))
  const complete = (failureReason: string | undefined) => {
    const completed = { ...started, endTimeMs: clock.now(), failureReason }
    batch.operations.push(completed)
    listeners.post((listener) => listener.onOutputOperationCompleted?.(completed))
  }
  try {
    await run()
  } catch (error) {
    complete(error instanceof Error ? error.message : String(error))
    throw error
  }
  complete(undefined)
}

// The batch's own error is what the user must see; one from the abort is told along with it.
async function abort(protocol: CommitProtocol, batch: BatchRecord, error: unknown): Promise<void> {
  try {
    await protocol.abort(batch.plan)
  } catch (second) {
    throw new AggregateError([error, second], `${String(error)}; and aborting it failed: ${String(second)}`)
  }
}

function stampOf({ batchId, timeMs }: { batchId: number; timeMs: number }) {
  return { batchId, timeMs }
}
