// A batch's input on its way to the workers: the ranges of a source that can be read anywhere, or, of any other
// input, the rows themselves, read here and shared by all.

import type { Graph } from '../../graph/graph.ts'
import type { StreamNode } from '../../graph/node.ts'
import type { Dataset, TaskRunner } from '../../rdd/dataset.ts'
import { SourceDataset } from '../../rdd/source-dataset.ts'
import type { ShippedInput, ShippedTime } from './calls.ts'
import { BLOCK_ROWS, encodeRows } from '../../rdd/row-block.ts'

export interface Shipment {
  readonly shipped: ShippedTime
  /** Lets go of the bytes: no worker reads them any more. */
  release(): void
}

export async function ship(graph: Graph, timeMs: number, run: TaskRunner): Promise<Shipment> {
  const releases: (() => void)[] = []
  const release = () => {
    for (const each of releases.splice(0)) each()
  }
  try {
    const inputs: ShippedInput[] = []
    for (const node of graph.nodes) {
      if (node.input !== undefined) inputs.push(await shipInput(graph, node, timeMs, run, releases))
    }
    return { shipped: { timeMs, inputs }, release }
  } catch (error) {
    release()
    throw error
  }
}

async function shipInput(
  graph: Graph,
  node: StreamNode<unknown>,
  timeMs: number,
  run: TaskRunner,
  releases: (() => void)[],
): Promise<ShippedInput> {
  const rows = graph.rows(node, timeMs)
  if (rows === undefined) return { type: 'none' }
  if (!(rows instanceof SourceDataset) || rows.source.ship === undefined) {
    return { type: 'rows', partitions: await blocksOf(rows, node.id, run) }
  }
  const { source, ranges } = rows as SourceDataset<unknown>
  const shippedRanges = []
  for (const range of ranges) {
    const { shipped, release } = await (source.ship as NonNullable<typeof source.ship>).call(source, range)
    releases.push(release)
    shippedRanges.push(shipped)
  }
  return { type: 'ranges', ranges: shippedRanges }
}

async function blocksOf(
  dataset: Dataset<unknown>,
  operator: string,
  run: TaskRunner,
): Promise<SharedArrayBuffer[][]> {
  await dataset.prepare(run)
  const partitions: SharedArrayBuffer[][] = []
  for (let partition = 0; partition < dataset.partitions; partition++) {
    const blocks: SharedArrayBuffer[] = []
    let rows: unknown[] = []
    const cut = () => {
      blocks.push(shared(encodeRows(operator, rows)))
      rows = []
    }
    const take = (row: unknown) => {
      rows.push(row)
      if (rows.length >= BLOCK_ROWS) cut()
    }
    await run.drain(dataset.open(partition, take))
    if (rows.length > 0) cut()
    partitions.push(blocks)
  }
  return partitions
}

function shared(bytes: Buffer): SharedArrayBuffer {
  const block = new SharedArrayBuffer(bytes.length)
  new Uint8Array(block).set(bytes)
  return block
}
