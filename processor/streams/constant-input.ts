// The same rows in every batch (Spark's ConstantInputDStream): for tests, and for what is joined with each batch. They
// are part of the program, so a restart has them again.

import type { NodeSpec } from '../graph/graph.ts'
import type { InputDriver, InputPlan } from '../graph/node.ts'
import { checkPartitions } from '../graph/partitioner.ts'
import { ArrayDataset, sliceRows } from '../rdd/stored.ts'
import type { OperatorOptions } from './options.ts'

class ConstantInput<T> implements InputDriver {
  readonly durable = true
  readonly description = 'constantStream'
  readonly rows: ArrayDataset<T>

  constructor(rows: readonly T[], numPartitions: number) {
    this.rows = new ArrayDataset(sliceRows([...rows], numPartitions))
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  // Rows that are always there are no reason for a batch, and none of its records.
  plan(): Promise<InputPlan> {
    return Promise.resolve({ ranges: [], records: 0, more: false })
  }

  restore(): InputPlan {
    return { ranges: [], records: 0, more: false }
  }

  release(): void {}

  onAdvance(): () => void {
    return () => {}
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }
}

export function constantStream<T>(
  rows: readonly T[],
  options: OperatorOptions & { readonly numPartitions?: number } = {},
): NodeSpec<T> {
  const { name, numPartitions = 1 } = options
  checkPartitions(name ?? 'constantStream', numPartitions)
  const input = new ConstantInput(rows, numPartitions)
  return { kind: 'constantStream', name, parents: [], input, compute: () => input.rows }
}
