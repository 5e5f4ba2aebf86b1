// What the scheduler tells about its batches (Spark's StreamingListener and BatchInfo).

import type { ReceiverStatus } from '../graph/contracts/receiver.ts'
import type { LostRows, OffsetRange } from '../graph/contracts/source.ts'
import type { PoisonRecord } from './poison.ts'

export interface InputInfo {
  readonly description: string
  readonly records: number
  readonly ranges: readonly OffsetRange[]
}

export interface OutputOperationInfo {
  readonly batchTime: Date
  /** Place among the job's output operations. */
  readonly id: number
  readonly name: string
  readonly startTimeMs: number
  readonly endTimeMs: number | undefined
  readonly failureReason: string | undefined
}

export interface BatchInfo {
  readonly time: Date
  readonly batchId: number
  /** By the name of the input operator. */
  readonly inputs: Readonly<Record<string, InputInfo>>
  readonly records: number
  /** When the batch was planned and queued. */
  readonly submissionTimeMs: number
  readonly processingStartTimeMs: number | undefined
  readonly processingEndTimeMs: number | undefined
  /** From submission to start. */
  readonly schedulingDelayMs: number | undefined
  /** From start to commit. */
  readonly processingTimeMs: number | undefined
  readonly totalDelayMs: number | undefined
  readonly outputOperations: readonly OutputOperationInfo[]
  /** Records at which a function threw, and which the batch left out; known when it is completed. */
  readonly poisonRecords: readonly PoisonRecord[]
}

/** An input that receives rows by itself (a receiver): how it stands. */
export interface ReceiverInfo extends ReceiverStatus {
  /** Name of the input operator. */
  readonly input: string
}

/** Rows that were deleted before the job has read them; it goes on behind them (`failOnDataLoss: false`). */
export interface DataLossInfo extends LostRows {
  /** Name of the input operator. */
  readonly input: string
}

export interface StreamingListener {
  onStreamingStarted?(timeMs: number): void
  onReceiverStarted?(receiver: ReceiverInfo): void
  onReceiverError?(receiver: ReceiverInfo): void
  onReceiverStopped?(receiver: ReceiverInfo): void
  onDataLoss?(lost: DataLossInfo): void
  onBatchSubmitted?(batch: BatchInfo): void
  onBatchStarted?(batch: BatchInfo): void
  onBatchCompleted?(batch: BatchInfo): void
  onOutputOperationStarted?(operation: OutputOperationInfo): void
  onOutputOperationCompleted?(operation: OutputOperationInfo): void
}

/** Calls every listener; one that throws is reported and disturbs neither the batch nor the others. */
export class ListenerBus {
  private readonly listeners = new Set<StreamingListener>()
  private readonly warn: (message: string) => void

  constructor(warn: (message: string) => void) {
    this.warn = warn
  }

  add(listener: StreamingListener): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  post(call: (listener: StreamingListener) => void): void {
    for (const listener of this.listeners) {
      try {
        call(listener)
      } catch (error) {
        this.warn(`a streaming listener failed: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
}
