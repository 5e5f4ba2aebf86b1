// One batch, from its durable plan to its commit. The order is the whole of it: outputs, then state that
// nothing has asked for, then the decision, then files are shown; a throw before the decision leaves no trace.
//
// Batches that run side by side write nothing into topics and keep no state (graph/validate.ts), so only their
// commit has a turn: each waits there for the ones before it. Their output operations run side by side too.

import type { Clock } from '../../broker/time/clock.ts'
import type { CommitProtocol } from '../graph/contracts/commit.ts'
import type { BatchOutput, OutputRecord } from '../graph/contracts/output.ts'
import { comparePlaces, placeText, type PoisonPolicy, type RecordPlace } from '../graph/contracts/poison.ts'
import { CancelledError } from '../graph/errors.ts'
import type { Graph } from '../graph/graph.ts'
import type { OutputNode } from '../graph/node.ts'
import type { BatchRecord } from './batch-record.ts'
import { deadLetter } from './dead-letter.ts'
import type { Execution } from './execution.ts'
import type { ListenerBus, OutputOperationInfo } from './listener.ts'
import type { OutputSlots } from './output-slots.ts'
import { PoisonRecords, type NextRun } from './poison.ts'

export interface BatchWorld {
  readonly appName: string
  readonly graph: Graph
  readonly execution: Execution
  readonly protocol: CommitProtocol
  readonly clock: Clock
  readonly listeners: ListenerBus
  /** By the name of the input. */
  readonly onPoison: ReadonlyMap<string, PoisonPolicy>
  readonly maxPoisonRecordsPerBatch: number
  /** Of batches that run side by side. */
  readonly slots: OutputSlots
}

/** `turn`: side by side with others; resolves when all batches before this one are committed. */
export async function runBatch(world: BatchWorld, batch: BatchRecord, turn?: Promise<void>): Promise<void> {
  const { execution, protocol, clock, listeners } = world
  const { plan } = batch
  batch.processingStartMs = clock.now()
  listeners.post((listener) => listener.onBatchStarted?.(batch.info))
  if (turn === undefined) {
    await runUntilClean(world, batch)
  } else {
    await computeSideBySide(world, batch)
    await hasCome(turn)
    await protocol.begin(plan)
  }
  const putAside = world.graph.outputs.flatMap(({ files }) => files?.putAside(plan) ?? [])
  await protocol.commit(plan, batch.poison, putAside)
  for (const { files } of world.graph.outputs) await files?.show(plan)
  execution.committed(plan)
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

/** Runs the batch, and again without each poison record that a run finds, until one run comes to its end. */
async function runUntilClean(world: BatchWorld, batch: BatchRecord): Promise<void> {
  const { execution, graph, protocol, onPoison, maxPoisonRecordsPerBatch } = world
  const sinks = graph.outputs.filter(({ kind }) => kind === 'foreachRDD').map(({ id }) => id)
  const poison = new PoisonRecords(onPoison, maxPoisonRecordsPerBatch, new Set(sinks))
  const letters: DeadLetter[] = []
  for (;;) {
    const output = await protocol.begin(batch.plan)
    try {
      await writeDeadLetters(output, letters)
      await compute(world, batch, output)
      batch.poison = poison.found
      return
    } catch (error) {
      await abort(protocol, batch, error)
      batch.operations.length = 0
      if (await execution.restored(error)) {
        // New workers know nothing of it.
        if (poison.uncached) execution.discard(batch.plan, [], true)
        continue
      }
      const next = poison.after(error)
      if (next.type === 'none') throw next.error
      if (next.type === 'leaveOut') leaveOut(world, next, letters)
      execution.discard(batch.plan, next.type === 'leaveOut' ? [next.record] : [], poison.uncached)
    }
  }
}

interface DeadLetter {
  readonly place: RecordPlace
  readonly topic: string
  readonly record: OutputRecord
}

function leaveOut(
  { graph, appName }: BatchWorld,
  { record: poison, policy }: NextRun & { type: 'leaveOut' },
  letters: DeadLetter[],
): void {
  const { inputId } = poison
  const driver = graph.inputs.find(({ id }) => id === inputId)?.driver
  if (policy !== 'skip') {
    const original = driver?.record?.(poison)
    if (original === undefined)
      throw new Error(`${placeText(poison)}: the record cannot be read for a dead letter`)
    letters.push({
      place: poison,
      topic: policy.deadLetterTopic,
      record: deadLetter(original, poison, appName),
    })
  }
  graph.leaveOut(poison)
}

// In the order of the log: with workers it is chance which of two records is met first.
async function writeDeadLetters(output: BatchOutput, letters: readonly DeadLetter[]): Promise<void> {
  const sorted = letters.toSorted((a, b) => comparePlaces(a.place, b.place))
  for (const topic of new Set(sorted.map((letter) => letter.topic))) {
    const of = sorted.filter((letter) => letter.topic === topic)
    const writer = await output.writer((of[0] as DeadLetter).place.inputId, topic)
    for (const { record } of of) {
      writer.write(record)
      if (writer.isFull) await writer.flush()
    }
    await writer.flush()
  }
}

async function compute(world: BatchWorld, batch: BatchRecord, output: BatchOutput): Promise<void> {
  const { execution } = world
  const { plan } = batch
  for (const node of await execution.begin(plan)) {
    await runOutput(world, batch, node, () => execution.run(node, plan, output))
  }
  await execution.finish(plan)
}

/** As `compute`, its outputs as many at a time as there are slots. All have come to an end when it rejects. */
async function computeSideBySide(world: BatchWorld, batch: BatchRecord): Promise<void> {
  const { execution, slots } = world
  const { plan } = batch
  const nodes = await execution.begin(plan)
  let failure: { readonly error: unknown } | undefined
  const run = async (node: OutputNode) => {
    if (failure !== undefined) return
    try {
      await runOutput(world, batch, node, () => execution.run(node, plan, NO_OUTPUT))
    } catch (error) {
      failure ??= { error }
    }
  }
  await Promise.all(nodes.map((node) => slots.run(() => run(node))))
  if (failure !== undefined) throw failure.error
  await execution.finish(plan)
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
