// One batch of a job once more, from its durable plan and the state before it, with its records collected instead
// of written: to see why it did what it did. The same plan over the same state gives the same records.
//
// Records of `toTopic` are collected, files are not written. What the job does in foreachRDD it does again.

import { CheckpointError } from './checkpoint/store.ts'
import { forkCheckpoint } from './checkpoint/fork.ts'
import { OfflineCheckpoint } from './checkpoint/offline.ts'
import type { LogViews } from './ports.ts'
import { CollectingOutput, type CollectedRecord } from './sink/collecting-output.ts'
import type { BatchInfo } from './scheduler/listener.ts'
import { StreamingContext } from './streaming-context.ts'
import type { StreamingContextOptions } from './streaming-context-options.ts'

export interface ReplayOptions {
  /** Directory of the job's checkpoint; it is read, not changed. The job must not run. */
  readonly checkpoint: string
  /** Its plan, and the state of the batch before it, must still be kept: `logmill job inspect` says which are. */
  readonly batchId: number
  /** Where the log is that the batch was read from. */
  readonly logViews: LogViews
  /** Builds the job's streams, as the program does. */
  readonly job: (context: StreamingContext) => void | Promise<void>
  /** An empty directory for the copy that is run from; the caller's to remove. */
  readonly directory: string
  /** Further options of the context that the program sets; with onPoison, so that the same records are left out. */
  readonly options?: Pick<CommonReplayOptions, ReplayedOption>
}

type CommonReplayOptions = StreamingContextOptions
type ReplayedOption =
  | 'parallelism'
  | 'shuffleMemoryInBytes'
  | 'localDir'
  | 'writeLine'
  | 'warn'
  | 'clock'
  | 'onPoison'
  | 'maxPoisonRecordsPerBatch'

export interface ReplayedBatch {
  readonly info: BatchInfo
  readonly records: readonly CollectedRecord[]
}

/** Throws CheckpointError where the batch cannot be had again, BatchError where it fails as it may have failed before. */
export async function replayBatch(replay: ReplayOptions): Promise<ReplayedBatch> {
  const { batchId, directory, job, logViews } = replay
  if (!Number.isSafeInteger(batchId) || batchId < 1) throw new CheckpointError(`there is no batch ${batchId}`)
  const from = await OfflineCheckpoint.open(replay.checkpoint)
  const { appName, intervalMs } = from.manifest
  try {
    await forkCheckpoint(from, directory, { through: batchId - 1, withNextPlan: true })
  } finally {
    await from.close()
  }
  const output = new CollectingOutput(logViews)
  const common = {
    ...replay.options,
    appName,
    checkpoint: directory,
    broker: { logViews, output },
    writesFiles: false,
    startsReceivers: false,
  }
  const context = new StreamingContext(
    intervalMs === undefined ? { ...common, trigger: 'asap' } : { ...common, batchDuration: intervalMs },
  )
  await job(context)
  const replayed = new Promise<ReplayedBatch>((resolve, reject) => {
    context.addStreamingListener({
      onBatchCompleted: (info) => {
        if (info.batchId === batchId) resolve({ info, records: [...output.records] })
      },
    })
    context.awaitTermination().then(() => reject(new Error(`the job ended before batch ${batchId}`)), reject)
  })
  try {
    await context.start()
    return await replayed
  } finally {
    // What follows in the log is none of the replay's business.
    await context.stop()
  }
}
