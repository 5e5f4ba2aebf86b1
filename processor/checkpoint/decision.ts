// The log's side of a commit: the job's transactional id, its group, and the batch number that the metadata of
// committed offsets carries. That number, committed with the output in one transaction, is the decision.

import type { JobDescription } from '../graph/contracts/commit.ts'
import type { BatchStamp } from '../graph/contracts/rows.ts'
import { TransactionOutput } from '../sink/batch-output.ts'
import type { CommittedOffset, OutputPort, OutputSession } from '../ports.ts'
import type { InputPositions } from './messages.ts'

/** Shown by every Kafka tool: the job's progress and lag. */
export function groupIdOf(appName: string): string {
  return `logmill-job-${appName}`
}

export function transactionalIdOf(appName: string): string {
  return `logmill-job-${appName}`
}

type DecidedJob = Pick<JobDescription, 'appName' | 'inputs'>

/** Has no records: groups of jobs without input topics in this log commit an offset of it. */
const CARRIER_TOPIC = 'logmill-decisions'

/** What a committed offset's metadata says of the batch that committed it. */
export interface DecisionMark {
  readonly batchId: number
  readonly timeMs: number
  readonly topicId: string
  readonly checkpointId: string
}

export function markText({ batchId, timeMs, topicId, checkpointId }: DecisionMark): string {
  return `logmill 1 batch ${batchId} time ${timeMs} topic ${topicId} checkpoint ${checkpointId}`
}

/** undefined: somebody else committed this offset. */
export function readMark(metadata: string): DecisionMark | undefined {
  const parts = /^logmill 1 batch (\d{1,15}) time (\d{1,15}) topic (\S*) checkpoint (\S+)$/.exec(metadata)
  if (parts === null) return undefined
  const [, batchId, timeMs, topicId = '', checkpointId = ''] = parts
  return { batchId: Number(batchId), timeMs: Number(timeMs), topicId, checkpointId }
}

export interface MarkedOffset extends CommittedOffset {
  readonly mark: DecisionMark
}

export class DecisionLog {
  private readonly port: OutputPort
  private readonly session: OutputSession
  private readonly groupId: string
  /** Inputs whose positions are not the log's to keep. */
  private readonly foreign: ReadonlySet<string>
  private output: TransactionOutput | undefined

  private constructor(port: OutputPort, session: OutputSession, { appName, inputs }: DecidedJob) {
    this.port = port
    this.session = session
    this.groupId = groupIdOf(appName)
    this.foreign = new Set(inputs.filter(({ isForeign }) => isForeign === true).map(({ id }) => id))
  }

  /** Fences the job's earlier instance and aborts what it left open: nothing it does counts from here on. */
  static async open(port: OutputPort, job: DecidedJob, transactionTimeoutMs: number): Promise<DecisionLog> {
    const session = await port.open(transactionalIdOf(job.appName), transactionTimeoutMs)
    return new DecisionLog(port, session, job)
  }

  /** What the job's batches committed last, by partition. */
  async marks(): Promise<MarkedOffset[]> {
    const offsets = await this.session.committedOffsets(this.groupId)
    return offsets.flatMap((offset) => {
      const mark = readMark(offset.metadata)
      return mark === undefined ? [] : { ...offset, mark }
    })
  }

  begin(batch: BatchStamp): TransactionOutput {
    this.session.begin()
    this.output = new TransactionOutput(this.port, this.session, batch)
    return this.output
  }

  /** Records that the running batch has written. */
  get records(): number {
    return this.output?.records ?? 0
  }

  /** Output and offsets are in the transaction, durable, and not yet decided. */
  async prepare(batch: BatchStamp, moved: readonly InputPositions[], checkpointId: string): Promise<void> {
    const own = moved.filter(({ inputId }) => !this.foreign.has(inputId))
    const offsets = offsetsOf(batch, own, checkpointId)
    if (offsets.length === 0) offsets.push(await this.carrier(batch, checkpointId))
    // Side by side, for each needs a sync of its own. Where output has failed, that is the reason to tell.
    const committing = this.session.commitOffsets(this.groupId, offsets)
    committing.catch(() => undefined)
    await this.output?.finish()
    await committing
  }

  /** Where no offset of an input could carry the decision, one of a topic that is there for nothing else does. */
  private async carrier({ batchId, timeMs }: BatchStamp, checkpointId: string): Promise<CommittedOffset> {
    await this.port.ensureTopic(CARRIER_TOPIC)
    const metadata = markText({ batchId, timeMs, topicId: '', checkpointId })
    return { topic: CARRIER_TOPIC, partition: 0, offset: 0n, metadata }
  }

  /** The decision. */
  decide(): Promise<void> {
    this.output = undefined
    return this.session.commit()
  }

  async abort(): Promise<void> {
    const { output } = this
    this.output = undefined
    // What is under way must not come to rest in the transaction that the next run begins.
    await output?.abandoned()
    await this.session.abort()
  }

  close(): Promise<void> {
    return this.session.close()
  }
}

/**
 * The last batch that the log decided for this checkpoint, 0 for none; or why that cannot be told.
 * `checkpointId` undefined: the job has none yet.
 */
export function lastDecided(
  marks: readonly MarkedOffset[],
  checkpointId: string | undefined,
  appName: string,
): number | { refusal: string } {
  const ours = marks.filter(({ mark }) => mark.checkpointId === checkpointId)
  if (ours.length > 0) return Math.max(...ours.map(({ mark }) => mark.batchId))
  const [foreign] = marks
  if (foreign === undefined) return 0
  const { batchId, checkpointId: other } = foreign.mark
  return {
    refusal:
      `the log decided batch ${batchId} of job '${appName}' for checkpoint ${other}, ` +
      `${checkpointId === undefined ? 'and this directory is empty' : `and this is ${checkpointId}`}. ` +
      `Use the directory of that checkpoint; or, to begin anew, delete group '${groupIdOf(appName)}' or give the job another name`,
  }
}

/** Where inputs share a partition, the group shows the one that is behind. */
function offsetsOf(
  { batchId, timeMs }: BatchStamp,
  inputs: readonly InputPositions[],
  checkpointId: string,
): CommittedOffset[] {
  const offsets = new Map<string, CommittedOffset>()
  for (const { positions } of inputs) {
    for (const { topic, partition, topicId, offset } of positions) {
      const known = offsets.get(`${topic}-${partition}`)
      if (known !== undefined && known.offset <= offset) continue
      const metadata = markText({ batchId, timeMs, topicId, checkpointId })
      offsets.set(`${topic}-${partition}`, { topic, partition, offset, metadata })
    }
  }
  return [...offsets.values()]
}
