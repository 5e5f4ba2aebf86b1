// One batch, from its durable plan to its commit. The order is the whole of it: outputs, then state that
// nothing has asked for, then the decision; a throw before the decision leaves no trace.
//
// Batches that run side by side write nothing into topics and keep no state (graph/validate.ts), so only their
// commit has a turn: each waits there for the ones before it.

import type { Clock } from '../../broker/time/clock.ts'
import type { CommitProtocol } from '../graph/contracts/commit.ts'
import type { BatchOutput } from '../graph/contracts/output.ts'
import { CancelledError } from '../graph/errors.ts'
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

/** `turn`: side by side with others; resolves when all batches before this one are committed. */
export async function runBatch(world: BatchWorld, batch: BatchRecord, turn?: Promise<void>): Promise<void> {
  const { graph, protocol, clock, listeners } = world
  const { plan } = batch
  batch.processingStartMs = clock.now()
  listeners.post((listener) => listener.onBatchStarted?.(batch.info))
  graph.begin(plan.timeMs)
  if (turn === undefined) {
    await computeWithin(world, batch)
  } else {
    await compute(world, batch, NO_OUTPUT)
    await hasCome(turn)
    await protocol.begin(plan)
  }
  await protocol.commit(plan)
  graph.release(plan.timeMs)
  batch.processingEndMs = clock.now()
  listeners.post((listener) => listener.onBatchCompleted?.(batch.info))
}

const NO_OUTPUT: BatchOutput = {
  writer: () => Promise.reject(new Error('batches that run side by side cannot write into topics')),
}

/** What the batches before did not come to, this one must not come to either: a restart runs both again. */
async function hasCome(turn: Promise<void>): Promise<void> {
  try {
    await turn
  } catch {
    throw new CancelledError()
  }
}

async function computeWithin(world: BatchWorld, batch: BatchRecord): Promise<void> {
  const { protocol } = world
  const output = await protocol.begin(batch.plan)
  try {
    await compute(world, batch, output)
  } catch (error) {
    await abort(protocol, batch, error)
    throw error
  }
}

async function compute(world: BatchWorld, batch: BatchRecord, output: BatchOutput): Promise<void> {
  const { graph } = world
  const { batchId, timeMs } = batch.plan
  for (const node of graph.outputsAt(timeMs)) {
    await runOutput(world, batch, node, () => node.run({ batchId, timeMs, scope: graph, output }))
  }
  await graph.prepareAt(timeMs)
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
