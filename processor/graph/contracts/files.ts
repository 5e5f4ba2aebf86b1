// Output that lies beside the log, and so cannot be decided together with it: it is put aside before the decision
// and shown after it. What a crash leaves between the two, the next start settles.

import type { BatchStamp } from './rows.ts'

/** A directory that a batch has put aside, whole and durable, and what it is to be called when the batch counts. */
export interface PutAside {
  readonly operatorId: string
  /** Absolute paths. */
  readonly aside: string
  readonly directory: string
}

export interface FilesAside {
  /** What is written, for messages; two outputs must not write the same. */
  readonly target: string
  /** Before the first batch of a run: what earlier runs put aside is shown where its batch counts, else removed. */
  settle(run: FilesRun): Promise<void>
  /** What the batch has put aside: goes with what is staged of it, so that a changed program finds it, too. */
  putAside(batch: BatchStamp): PutAside | undefined
  /** The batch counts: what it put aside is shown. */
  show(batch: BatchStamp): Promise<void>
}

export interface FilesRun {
  /** Job and output: what they put aside is found again by these. */
  readonly appName: string
  readonly operatorId: string
  /** Batches up to this one count; 0: none does. Those before it have been shown, wherever the program wrote then. */
  readonly lastBatchId: number
  readonly lastTimeMs?: number | undefined
  /**
   * What the last of them had put aside, of any output that the program had then; absent: it is not known, and it is
   * what is aside under the name that it would have today.
   */
  readonly putAside?: readonly PutAside[] | undefined
}
