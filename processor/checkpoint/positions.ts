// Where a job's inputs stand, moved on by the plans of its batches. Pure.

import type { BatchPlan } from '../graph/contracts/commit.ts'
import type { SourcePosition } from '../graph/contracts/source.ts'
import type { InputPositions } from './messages.ts'

export class Positions {
  private readonly inputs = new Map<string, Map<string, SourcePosition>>()

  constructor(inputs: readonly InputPositions[] = []) {
    for (const { inputId, positions } of inputs) {
      for (const position of positions) this.set(inputId, position)
    }
  }

  /** The ranges of a batch have been read. */
  advance(plan: BatchPlan): void {
    for (const [inputId, ranges] of Object.entries(plan.inputs)) {
      for (const { topic, partition, topicId, until } of ranges) {
        this.set(inputId, { topic, partition, topicId, offset: until })
      }
    }
  }

  all(): InputPositions[] {
    return [...this.inputs].map(([inputId, positions]) => ({ inputId, positions: [...positions.values()] }))
  }

  /** Positions of the partitions in the plan; where it has none, one position all the same. */
  touchedBy(plan: BatchPlan): InputPositions[] {
    const touched = this.all().map(({ inputId, positions }) => {
      const names = new Set((plan.inputs[inputId] ?? []).map(nameOf))
      return { inputId, positions: positions.filter((position) => names.has(nameOf(position))) }
    })
    if (touched.some(({ positions }) => positions.length > 0)) return touched
    const some = this.all().find(({ positions }) => positions.length > 0)
    return some === undefined ? [] : [{ ...some, positions: some.positions.slice(0, 1) }]
  }

  private set(inputId: string, position: SourcePosition): void {
    let positions = this.inputs.get(inputId)
    if (positions === undefined) this.inputs.set(inputId, (positions = new Map()))
    positions.set(nameOf(position), position)
  }
}

function nameOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}-${partition}`
}

export function hasRows({ inputs }: BatchPlan): boolean {
  return Object.values(inputs).some((ranges) => ranges.some(({ from, until }) => until > from))
}
