// Exactly once without a directory: output and offsets are decided in the log, and that is all there is. A
// restart goes on at the group's offsets, with the next batch id; state and windows begin empty. For jobs that
// keep nothing but their place in the log this loses nothing.

import type { BatchPlan, CommitProtocol, JobDescription, Recovered } from '../graph/contracts/commit.ts'
import type { PutAside } from '../graph/contracts/files.ts'
import type { BatchOutput } from '../graph/contracts/output.ts'
import type { RecordPlace } from '../graph/contracts/poison.ts'
import { MemoryStateStore } from '../executor/memory-state.ts'
import type { StateHost, StateStore } from '../graph/contracts/state.ts'
import type { OutputPort } from '../ports.ts'
import { DecisionLog, lastDecided, type MarkedOffset } from './decision.ts'
import { hasRows, Positions } from './positions.ts'
import { CheckpointError } from './store.ts'

export interface LogOnlyOptions {
  readonly output: OutputPort
  /** Default 60 s. */
  readonly transactionTimeoutMs?: number
  /** Told what is wrong but does not end the job; default: standard error. */
  readonly warn?: (message: string) => void
}

/** Stands in the marks for a checkpoint that there is none of. */
const NO_CHECKPOINT = 'none'

export class LogOnly implements CommitProtocol {
  readonly durable = false
  state: StateStore & Pick<StateHost, 'apply' | 'drop'> = new MemoryStateStore()
  private readonly options: LogOnlyOptions
  private log: DecisionLog | undefined
  private positions = new Positions()

  constructor(options: LogOnlyOptions) {
    this.options = options
  }

  placeState(host: StateHost): void {
    this.state = host
  }

  async recover(job: JobDescription): Promise<Recovered | undefined> {
    const { output, transactionTimeoutMs = 60_000, warn = console.warn } = this.options
    this.log = await DecisionLog.open(output, job, transactionTimeoutMs)
    const marks = await this.log.marks()
    const decided = lastDecided(marks, NO_CHECKPOINT, job.appName)
    if (typeof decided !== 'number') {
      throw new CheckpointError(`the job cannot go on without a checkpoint: ${decided.refusal}`)
    }
    if (decided === 0) return undefined
    if (job.operators.length > 0) {
      const names = job.operators.map(({ id }) => `'${id}'`).join(', ')
      warn(
        `the state of ${names} begins empty, though ${decided} batches were committed: the job has no checkpoint`,
      )
    }
    for (const { id, isForeign } of job.inputs) {
      if (isForeign !== true) continue
      warn(
        `${id}: where it was is kept nowhere, for the job has no checkpoint; it begins where it is told to`,
      )
    }
    return this.resumption(job, decided, marks)
  }

  begun(): void {}

  plan(): Promise<void> {
    return Promise.resolve()
  }

  begin(plan: BatchPlan): Promise<BatchOutput> {
    return Promise.resolve(this.openLog.begin(plan))
  }

  async commit(
    plan: BatchPlan,
    _leftOut?: readonly RecordPlace[],
    putAside: readonly PutAside[] = [],
  ): Promise<void> {
    this.positions.advance(plan)
    const log = this.openLog
    const isNews = log.records > 0 || hasRows(plan) || putAside.length > 0
    if (isNews) {
      await log.prepare(plan, this.positions.touchedBy(plan), NO_CHECKPOINT)
      await log.decide()
    } else {
      await log.abort()
    }
    await this.state.apply()
  }

  async abort(): Promise<void> {
    await this.state.drop()
    await this.openLog.abort()
  }

  forget(): void {}

  async close(): Promise<void> {
    await this.log?.close()
    this.log = undefined
  }

  private resumption(job: JobDescription, batchId: number, marks: readonly MarkedOffset[]): Recovered {
    const { intervalMs } = job
    const ours = marks.filter(({ mark }) => mark.checkpointId === NO_CHECKPOINT)
    const positions = ours.map(({ topic, partition, offset, mark: { topicId } }) => ({
      topic,
      partition,
      topicId,
      offset,
    }))
    // A source takes the positions of its own topics.
    const inputs = job.inputs.map(({ id, isForeign }) => [id, isForeign === true ? [] : positions] as const)
    this.positions = new Positions(inputs.map(([inputId]) => ({ inputId, positions })))
    const lastMs = Math.max(...ours.map(({ mark }) => mark.timeMs))
    const timeMs = intervalMs === undefined ? lastMs : Math.floor(lastMs / intervalMs) * intervalMs
    return {
      zeroTimeMs: timeMs,
      intervalMs,
      lastCommitted: { batchId, timeMs },
      lastDecided: { batchId, timeMs: lastMs },
      positions: Object.fromEntries(inputs),
      pending: [],
      history: [],
    }
  }

  private get openLog(): DecisionLog {
    if (this.log === undefined) throw new Error('the job is not open')
    return this.log
  }
}
