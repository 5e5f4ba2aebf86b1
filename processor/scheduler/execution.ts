// Where a batch's operators run: in this thread, or with workers. The scheduler says when and in which order; what
// it asks for here is done when the promise resolves.

import type { CallingThreadExecutor } from '../executor/calling-thread.ts'
import type { BatchPlan, CommitProtocol } from '../graph/contracts/commit.ts'
import type { BatchOutput } from '../graph/contracts/output.ts'
import type { RecordPlace } from '../graph/contracts/poison.ts'
import type { Graph } from '../graph/graph.ts'
import { asTold } from '../graph/lies-by.ts'
import type { OutputNode, OutputScope, StreamNode } from '../graph/node.ts'
import type { Dataset } from '../rdd/dataset.ts'

export interface Execution {
  /** The graph is frozen, nothing recovered: makes ready what runs it. Throws GraphError where it cannot. */
  open(protocol: CommitProtocol): Promise<void>
  /** Recovered, the state in its place. `runsAgain`: batches may run again without their poison records. */
  start(zeroMs: number, runsAgain: boolean): Promise<void>
  /** A batch is to run: an earlier `cancel` does not mean it. At once. */
  mayRun(): void
  /** The outputs that run in this batch. */
  begin(plan: BatchPlan): Promise<readonly OutputNode[]>
  run(node: OutputNode, plan: BatchPlan, output: BatchOutput): Promise<void>
  /** State moves on in every batch, and what later batches read is computed. */
  finish(plan: BatchPlan): Promise<void>
  committed(plan: BatchPlan): void
  /** What the batch has computed is thrown away: it runs again, without these records (Graph.discard). */
  discard(plan: BatchPlan, leftOut: readonly RecordPlace[], uncached: boolean): void
  /** The batch has failed and was aborted: whether what broke was made good, so that it can run again as it is. */
  restored(error: unknown): Promise<boolean>
  /** Ends the running batch with CancelledError, soon. */
  cancel(): void
  close(): Promise<void>
}

export class CallingThreadExecution implements Execution {
  private readonly graph: Graph
  private readonly executor: CallingThreadExecutor

  constructor(graph: Graph, executor: CallingThreadExecutor) {
    this.graph = graph
    this.executor = executor
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  mayRun(): void {
    this.executor.begin()
  }

  // What throws here must reject.
  begin({ timeMs }: BatchPlan): Promise<readonly OutputNode[]> {
    return new Promise((resolve) => {
      this.graph.begin(timeMs)
      resolve(this.graph.outputsAt(timeMs))
    })
  }

  async run(node: OutputNode, { batchId, timeMs }: BatchPlan, output: BatchOutput): Promise<void> {
    const scope = node.place === 'driver' ? this.driverScope() : this.graph
    await node.run({ batchId, timeMs, scope, output })
  }

  async finish({ timeMs }: BatchPlan): Promise<void> {
    await this.graph.prepareAt(timeMs)
  }

  committed({ timeMs }: BatchPlan): void {
    this.graph.release(timeMs)
  }

  discard({ timeMs }: BatchPlan, _leftOut: readonly RecordPlace[], uncached: boolean): void {
    this.graph.discard(timeMs, uncached)
  }

  restored(): Promise<boolean> {
    return Promise.resolve(false)
  }

  cancel(): void {
    this.executor.cancel()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** A function that runs in the driver always is told the same of its rows as if they came from workers. */
  private driverScope(): OutputScope {
    const { graph } = this
    return {
      run: graph.run,
      rows: <T>(node: StreamNode<T>, timeMs: number): Dataset<T> | undefined => {
        const rows = graph.rows(node, timeMs)
        return rows && asTold(graph.nodes, rows)
      },
      rddContext: (scope) => graph.rddContext(scope),
    }
  }
}
