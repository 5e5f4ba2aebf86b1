// A source with offsets as an input of the graph: every batch has its ranges, one row partition each, and
// the log itself holds the rows for as long as an operator can ask for them.

import type { PoisonPolicy, RecordPlace } from '../graph/contracts/poison.ts'
import type {
  LostRows,
  OffsetRange,
  Source,
  SourcePosition,
  SourceRecord,
} from '../graph/contracts/source.ts'
import type { NodeSpec } from '../graph/graph.ts'
import type { InputDriver, InputPlan } from '../graph/node.ts'
import type { OperatorOptions } from './options.ts'
import { SourceDataset } from '../rdd/source-dataset.ts'

export class DirectInput<T> implements InputDriver {
  readonly durable = true
  readonly description: string
  readonly onPoison: PoisonPolicy
  readonly isForeign: boolean
  private inputId = ''
  private readonly source: Source<T>
  private readonly planned = new Map<number, SourceDataset<T>>()

  constructor(source: Source<T>, onPoison: PoisonPolicy, isForeign: boolean) {
    this.source = source
    this.isForeign = isForeign
    this.onPoison = onPoison
    if (typeof onPoison === 'object' && source.record === undefined) {
      throw new TypeError(`${source.description}: its records cannot be had again for a dead letter topic`)
    }
    this.description = source.description
  }

  async start(positions: readonly SourcePosition[]): Promise<void> {
    await this.source.start(positions)
  }

  async plan(timeMs: number, intervalMs: number | undefined, maxRows?: number): Promise<InputPlan> {
    const { ranges, more } = await this.source.plan({ timeMs, intervalMs, maxRows })
    return { ...this.keep(timeMs, ranges), more }
  }

  restore(timeMs: number, ranges: readonly OffsetRange[]): InputPlan {
    return this.keep(timeMs, this.source.restore(ranges))
  }

  onDataLoss(callback: (lost: LostRows) => void): void {
    this.source.onDataLoss?.(callback)
  }

  rows(timeMs: number): SourceDataset<T> | undefined {
    return this.planned.get(timeMs)
  }

  named(id: string): void {
    this.inputId = id
  }

  leaveOut(place: RecordPlace): number[] {
    return [...this.planned].flatMap(([timeMs, rows]) => (rows.leaveOut(place) ? timeMs : []))
  }

  record(place: RecordPlace): SourceRecord | undefined {
    for (const rows of this.planned.values()) {
      const range = rows.rangeOf(place)
      if (range !== undefined) return this.source.record?.(range, place.offset)
    }
    return undefined
  }

  release(timeMs: number): void {
    const rows = this.planned.get(timeMs)
    if (rows === undefined) return
    this.planned.delete(timeMs)
    this.source.release(rows.ranges)
  }

  onAdvance(callback: () => void): () => void {
    return this.source.onAdvance(callback)
  }

  async stop(): Promise<void> {
    for (const timeMs of this.planned.keys()) this.release(timeMs)
    await this.source.stop()
  }

  private keep(timeMs: number, ranges: readonly OffsetRange[]): InputPlan {
    for (const { topic, partition, from, until } of ranges) {
      if (until < from)
        throw new Error(`range of ${topic}-${partition} ends at ${until}, before its start ${from}`)
    }
    this.planned.set(timeMs, new SourceDataset(this.source, ranges, this.inputId))
    const records = ranges.reduce((sum, { from, until }) => sum + Number(until - from), 0)
    return { ranges, records, more: false }
  }
}

export function directStream<T>(
  source: Source<T>,
  options: OperatorOptions & { readonly onPoison?: PoisonPolicy; readonly isForeign?: boolean } = {},
): NodeSpec<T> {
  const { name, onPoison = 'fatal', isForeign = false } = options
  const input = new DirectInput(source, onPoison, isForeign)
  return {
    kind: 'directStream',
    name,
    // Its offsets are found again by this name, so it should not depend on the place in the program.
    namedAfter: source.description,
    parents: [],
    input,
    compute: (timeMs) => input.rows(timeMs),
  }
}
