// One batch on its way through the scheduler, and the BatchInfo it looks like from outside.

import type { BatchPlan } from '../graph/contracts/commit.ts'
import type { BatchInfo, InputInfo, OutputOperationInfo } from './listener.ts'
import type { PoisonRecord } from './poison.ts'

export class BatchRecord {
  readonly plan: BatchPlan
  processingStartMs: number | undefined
  processingEndMs: number | undefined
  readonly operations: OutputOperationInfo[] = []
  /** Records that were left out of it. */
  poison: readonly PoisonRecord[] = []
  private readonly inputs: Readonly<Record<string, InputInfo>>
  private readonly submissionMs: number

  constructor(plan: BatchPlan, inputs: Readonly<Record<string, InputInfo>>, submissionMs: number) {
    this.plan = plan
    this.inputs = inputs
    this.submissionMs = submissionMs
  }

  get info(): BatchInfo {
    const { processingStartMs: start, processingEndMs: end, submissionMs } = this
    return {
      time: new Date(this.plan.timeMs),
      batchId: this.plan.batchId,
      inputs: this.inputs,
      records: Object.values(this.inputs).reduce((sum, { records }) => sum + records, 0),
      submissionTimeMs: submissionMs,
      processingStartTimeMs: start,
      processingEndTimeMs: end,
      schedulingDelayMs: start === undefined ? undefined : start - submissionMs,
      processingTimeMs: start === undefined || end === undefined ? undefined : end - start,
      totalDelayMs: end === undefined ? undefined : end - submissionMs,
      outputOperations: this.operations.toSorted((a, b) => a.id - b.id),
      poisonRecords: this.poison,
    }
  }
}
