// A worker at work: its copy of the graph, its share of each batch. It decides nothing; the driver says which batch
// begins, which output runs, and what counts.

import type { MessagePort } from 'node:worker_threads'
import { LocalState } from '../../checkpoint/local-state.ts'
import { plainCodec } from '../../checkpoint/plain-data.ts'
import { CancelledError } from '../../graph/errors.ts'
import { liesByOf } from '../../graph/lies-by.ts'
import type { Graph } from '../../graph/graph.ts'
import type { StreamNode } from '../../graph/node.ts'
import { ownerIn } from '../../rdd/dataset.ts'
import { SpillSpace } from '../../rdd/spill-space.ts'
import { ArrayDataset } from '../../rdd/stored.ts'
import { isolated } from '../../scheduler/isolated-state.ts'
import type { Accumulator } from '../../rdd/shared.ts'
import { ShippedLogs } from '../../source/shipped-logs.ts'
import { StreamingContext } from '../../streaming-context.ts'
import type { CallingThreadExecutor } from '../calling-thread.ts'
import type { DriverCalls, RunningOutput, ShippedTime, WorkerCalls, WorkerStart } from './calls.ts'
import { Exchange } from './exchange.ts'
import { shapeOf } from './graph-shape.ts'
import { Link } from './link.ts'
import { loadJob } from './load-job.ts'
import { decodeRows } from '../../rdd/row-block.ts'
import { RowReaders } from './row-readers.ts'
import { WorkerOutput } from './worker-output.ts'

/** No broker runs in this thread: messages may wait for as long. */
const SLICE_MS = 10

class BuildOnlyContext extends StreamingContext {
  override start(): Promise<void> {
    throw new Error("a job's module builds the graph; it is started by whoever made the context")
  }
}

export function serve(port: MessagePort, start: WorkerStart): void {
  const { index, ports, job, parameters, context } = start
  const spills = new SpillSpace(start.spills)
  const exchange = new Exchange(index, ports, spills)
  const logs = new ShippedLogs()
  const { intervalMs, ...options } = context
  const ssc = new BuildOnlyContext({
    ...options,
    ...(intervalMs === undefined ? { trigger: 'asap' } : { batchDuration: intervalMs }),
    broker: { logViews: logs, output: noOutput },
    executor: { sliceMs: SLICE_MS, peers: exchange, spills },
  })
  const { graph } = ssc
  const executor = graph.run as CallingThreadExecutor
  let state: LocalState | undefined
  let restoring: Promise<void> = Promise.resolve()
  let batch: { batchId: number; timeMs: number } = { batchId: 0, timeMs: 0 }
  const stateOf = (): LocalState => {
    if (state === undefined) throw new Error('the graph is not built')
    return state
  }
  const rowsOf = (output: number) => {
    const node = graph.outputs[output]
    const rows = node && graph.rows(node.parent, batch.timeMs)
    if (rows === undefined) throw new Error(`output ${output} has no rows at time ${batch.timeMs}`)
    return rows
  }
  const readers = new RowReaders(executor)
  const tellAdded = () => {
    const totals = takeTotals(ssc.sparkContext.accumulators)
    if (totals.length > 0) link.note('added', { totals })
  }

  const calls: WorkerCalls = {
    async build({ durable }) {
      await loadJob(job, parameters, ssc)
      graph.freeze({ durable })
      state = new LocalState(graph.stateOperators, exchange)
      return shapeOf(graph)
    },
    async start({ zeroMs, runsAgain }) {
      await graph.open(zeroMs, runsAgain ? isolated(stateOf(), plainCodec) : stateOf())
    },
    begin({ run, batchId, timeMs, times, sizes, leftOut }) {
      batch = { batchId, timeMs }
      exchange.begins(run)
      executor.begin()
      readers.closeAll()
      stateOf().tell(sizes)
      for (const time of times) supply(graph, logs, time)
      for (const [ofMs, atMs] of leftOut) graph.wasLeftOut(ofMs, atMs)
      graph.begin(timeMs)
      return graph.outputsAt(timeMs).map((node): RunningOutput => {
        const place = graph.outputs.indexOf(node)
        const rows = rowsOf(place)
        const owners = Array.from({ length: rows.partitions }, (_, partition) =>
          ownerIn(rows, partition, exchange.count),
        )
        return { index: place, owners, liesBy: liesByOf(graph.nodes, rows) }
      })
    },
    async output({ index: place }) {
      const node = graph.outputs[place]
      if (node === undefined) throw new Error(`there is no output ${place}`)
      const output = new WorkerOutput(link, batch)
      outputs.add(output)
      try {
        await node.run({ ...batch, scope: graph, output })
      } finally {
        outputs.delete(output)
      }
      tellAdded()
    },
    async prepare({ index: place }) {
      await rowsOf(place).prepare(executor)
      tellAdded()
    },
    open({ reader, index: place, partition }) {
      const { id } = graph.outputs[place] as { id: string }
      readers.open(reader, id, rowsOf(place), partition)
    },
    async read({ reader }) {
      const rows = await readers.read(reader)
      tellAdded()
      return rows
    },
    close: ({ reader }) => readers.close(reader),
    async finish({ stage }) {
      await graph.prepareAt(batch.timeMs)
      tellAdded()
      const sizes = stateOf().sizes()
      if (!stage) return { increments: [], sizes }
      return { increments: (await stateOf().stage()).increments, sizes }
    },
    committed({ timeMs, forget }) {
      exchange.ends(true)
      graph.release(timeMs)
      for (const time of forget) logs.forget(time)
    },
    discard({ timeMs, found, uncached }) {
      for (const place of found) graph.leaveOut(place)
      exchange.ends(false)
      graph.discard(timeMs, uncached)
    },
    cancel() {
      executor.cancel()
      exchange.fail(new CancelledError())
      for (const output of outputs) output.fail(new CancelledError())
    },
    taken({ bytes }) {
      for (const output of outputs) output.taken(bytes)
    },
    resetState({ places }) {
      // What is being taken up was of a generation that turned out to be damaged: it comes to its end first, or its
      // values would be among those of the next.
      restoring = restoring.catch(() => {}).then(() => stateOf().reset(places))
      restoring.catch(() => {})
    },
    restoreState({ increments }) {
      const chunks = increments.map(({ buffer, byteOffset, length }) =>
        Buffer.from(buffer, byteOffset, length),
      )
      restoring = restoring.then(() => stateOf().restoreAll(chunks))
      // `restored` tells.
      return restoring.catch(() => {})
    },
    async restored() {
      await restoring
      return stateOf().sizes()
    },
    applyState: () => stateOf().applyNow(),
    dropState: () => stateOf().dropNow(),
  }
  const outputs = new Set<WorkerOutput>()
  const link = new Link<DriverCalls>(port, calls, (error) => {
    // Nobody waits for it: the thread dies of it, and the driver is told why.
    setImmediate(() => {
      throw error
    })
  })
}

/** What they have gathered, which is theirs no more. */
function takeTotals(accumulators: readonly Accumulator<unknown, unknown>[]): (readonly [number, unknown])[] {
  const totals: (readonly [number, unknown])[] = []
  for (const [place, accumulator] of accumulators.entries()) {
    if (accumulator.isZero) continue
    totals.push([place, accumulator.value])
    accumulator.reset()
  }
  return totals
}

const noOutput = {
  open: () => Promise.reject(new Error('a worker has no transactions of its own')),
  ensureTopic: () => Promise.reject(new Error('a worker makes no topics')),
}

/** The rows of all inputs at a batch's time, or at an earlier one that a window reaches back to. */
function supply(graph: Graph, logs: ShippedLogs, { timeMs, inputs }: ShippedTime): void {
  graph.addTime(timeMs)
  const nodes = graph.nodes.filter((node) => node.input !== undefined)
  for (const [index, shipped] of inputs.entries()) {
    const node = nodes[index] as StreamNode<unknown>
    if (shipped.type === 'ranges') {
      logs.take(timeMs, shipped.ranges)
      node.input?.restore(timeMs, shipped.ranges)
    } else if (shipped.type === 'rows') {
      const rows = shipped.partitions.map((blocks) =>
        blocks.flatMap((block) => decodeRows<unknown>(new Uint8Array(block))),
      )
      graph.supply(node, timeMs, new ArrayDataset(rows))
    }
  }
}
