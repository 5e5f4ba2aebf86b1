// Exactly once, with a checkpoint directory: the log decides, the checkpoint follows.
//
//    plan n ─ synced ─► rows, state in memory, records into the transaction
//           ─► redo record n, synced ┐
//           ─► records and offsets   ┴─► EndTxn(commit): the decision ─► state counts
//
// A restart takes the transactional id first, which fences the earlier instance and aborts what it left open,
// then asks the group's offsets for the last batch decided, and settles the rest (settle.ts).

import { randomUUID } from 'node:crypto'
import type { BatchPlan, CommitProtocol, JobDescription, Recovered } from '../graph/contracts/commit.ts'
import type { BatchOutput } from '../graph/contracts/output.ts'
import type { PutAside } from '../graph/contracts/files.ts'
import type { RecordPlace } from '../graph/contracts/poison.ts'
import type { OffsetRange } from '../graph/contracts/source.ts'
import type { StateHost, StateStore } from '../graph/contracts/state.ts'
import type { OutputPort } from '../ports.ts'
import { discardingOutput, refusingOutput } from '../sink/batch-output.ts'
import { DecisionLog, lastDecided } from './decision.ts'
import { Generations, type GenerationLimits } from './generations.ts'
import type { Generation } from './generation.ts'
import { Journal, type JournalContent } from './journal.ts'
import { KeyedState } from './keyed-state.ts'
import { LevelStore } from './level-store.ts'
import { LocalState } from './local-state.ts'
import type { LeftOutRecord, Manifest, Redo, Standing } from './messages.ts'
import { hasRows, Positions } from './positions.ts'
import { hasBegunAnew } from './set-aside.ts'
import { journalLost, knownLogDecision, settle, type Settled } from './settle.ts'
import { CheckpointError, DamagedError, type CheckpointStore } from './store.ts'

export interface CheckpointOptions {
  /** Where the checkpoint lies; one job's alone. */
  readonly directory: string
  /** Where `toTopic` writes and batches are decided. Without it a batch is decided by being staged. */
  readonly output?: OutputPort
  /** After which the broker aborts a batch that hangs; default 60 s, as Kafka's producers have it. */
  readonly transactionTimeoutMs?: number
  /** When state on disk is moved on; see generations.ts. */
  readonly generationLimits?: Partial<GenerationLimits>
  /** Told what is wrong but does not end the job; default: standard error. */
  readonly warn?: (message: string) => void
  /** Default: LevelDB in the directory. */
  readonly store?: CheckpointStore
}

/** An idle job commits its offsets again after as much batch time: groups without commits expire. */
const DECIDE_AT_LEAST_EVERY_MS = 3_600_000

export class Checkpoint implements CommitProtocol {
  readonly durable = true
  private readonly options: CheckpointOptions
  private readonly store: CheckpointStore
  private readonly warn: (message: string) => void
  private readonly generations: Generations
  private journal: Journal | undefined
  private log: DecisionLog | undefined
  private host: StateHost | undefined
  private keyed: KeyedState | undefined
  private job: JobDescription | undefined
  private positions = new Positions()
  private manifest: Manifest | undefined
  private manifestIsNew = false
  private intervalMs: number | undefined
  /** The last batch that counts; its successor is the only one that may be staged. */
  private recoveredKeys: ReadonlyMap<string, number> = new Map()
  private lastBatchId = 0
  private decidedThrough = 0
  private logDecided = 0
  private logDecidedTimeMs = 0
  private forgottenThrough = 0
  private leftOut: readonly LeftOutRecord[] = []
  /** Of the last batch that an earlier run has decided. */
  private putAside: readonly PutAside[] = []
  private lastTimeMs = 0
  private noting: Promise<void> = Promise.resolve()

  constructor(options: CheckpointOptions) {
    this.options = options
    this.store = options.store ?? new LevelStore(options.directory)
    this.warn = options.warn ?? ((message) => console.warn(message))
    this.generations = new Generations(this.store, options.generationLimits ?? {}, this.warn)
  }

  /** The operators' state; before `recover` there is none. */
  get state(): StateStore {
    return this.keyedState
  }

  placeState(host: StateHost): void {
    this.host = host
  }

  async recover(job: JobDescription): Promise<Recovered | undefined> {
    this.job = job
    const { output, transactionTimeoutMs = 60_000 } = this.options
    this.intervalMs = job.intervalMs
    // The lock before the fence: a second process on the same directory must not fence the first.
    const journal = new Journal(await this.damageRefused(() => this.store.open('journal')))
    this.journal = journal
    await this.generations.open()
    if (output !== undefined) this.log = await DecisionLog.open(output, job, transactionTimeoutMs)
    const content = await this.damageRefused(() => journal.load())
    const { manifest } = content
    const lost = manifest === undefined ? journalLost(this.standings) : undefined
    if (lost !== undefined) throw this.refused(lost)
    if (manifest !== undefined && manifest.appName !== job.appName) {
      throw this.refused(`it is the checkpoint of job '${manifest.appName}', not of '${job.appName}'`)
    }
    const logDecided = await this.logDecision(this.log, content, job)
    const settled = await this.loadState(job, content, logDecided)
    await journal.drop(settled.drop, settled.decidedThrough)
    await this.generations.remake(settled.remake, settled.generation)
    this.generations.lookAtOther(settled.generation)
    this.manifest = manifest ?? this.newManifest(job)
    return manifest && this.recovered(manifest, content, settled)
  }

  async reload(): Promise<void> {
    const { job, lastBatchId } = this
    if (job === undefined) throw new Error('the checkpoint is reloaded before recovery')
    const damaged: number[] = []
    for (;;) {
      const newest = await this.generations.newest()
      const { generation, index } = newest
      const missing = lastBatchId - generation.standing.batchId
      const apply = Array.from({ length: missing }, (_, i) => generation.standing.batchId + 1 + i)
      try {
        await this.load(job, generation, { apply })
        await this.generations.remake(damaged, index)
        return
      } catch (error) {
        if (!(error instanceof DamagedError)) throw error
        this.generations.exclude(index, error)
        damaged.push(index)
      }
    }
  }

  begun(zeroTimeMs: number): void {
    const manifest = this.manifest
    if (manifest === undefined) throw new Error('the job has begun before it was recovered')
    this.manifest = { ...manifest, zeroTimeMs }
    this.manifestIsNew = true
  }

  async plan(plan: BatchPlan): Promise<void> {
    const { manifest, intervalMs } = this
    if (manifest !== undefined && !this.manifestIsNew && manifest.intervalMs !== intervalMs) {
      // The grid has another width from this batch on.
      this.manifest = { ...manifest, zeroTimeMs: plan.timeMs - (intervalMs ?? 0), intervalMs }
      this.manifestIsNew = true
    }
    this.generations.wrote(await this.openJournal.plan(plan, this.manifestIsNew ? this.manifest : undefined))
    this.manifestIsNew = false
  }

  begin(plan: BatchPlan): Promise<BatchOutput> {
    if (plan.batchId !== this.lastBatchId + 1) {
      throw new Error(`batch ${plan.batchId} begins, but batch ${this.lastBatchId} was the last that counts`)
    }
    if (this.isDecided(plan)) return Promise.resolve(discardingOutput)
    return Promise.resolve(this.log?.begin(plan) ?? refusingOutput)
  }

  async commit(
    plan: BatchPlan,
    leftOut: readonly RecordPlace[] = [],
    putAside: readonly PutAside[] = [],
  ): Promise<void> {
    const { batchId, timeMs } = plan
    const { log, manifest } = this
    if (manifest === undefined) throw new Error(`batch ${batchId} commits before recovery`)
    this.positions.advance(plan)
    this.keepLeftOut(batchId, leftOut)
    const asksLog =
      log !== undefined && !this.isDecided(plan) && (putAside.length > 0 || this.needsLog(plan, log))
    const { increments, ...staged } = await this.keyedState.stage()
    const redo: Redo = {
      ...staged,
      chunks: increments.length,
      sizeInBytes: increments.reduce((sum, { length }) => sum + length, 0),
      batchId,
      timeMs,
      positions: this.positions.all(),
      logDecided: this.logDecided,
      logDecidedTimeMs: this.logDecidedTimeMs,
      forgottenThrough: this.forgottenThrough,
      leftOut: this.leftOut,
      putAside,
      // Also where the batch was decided so before, and is computed again for its state.
      decidedByStage: log === undefined || (!asksLog && batchId > this.logDecided),
    }
    const stage = async () => this.generations.wrote(await this.openJournal.stage(redo, increments))
    if (asksLog) {
      const moved = this.positions.touchedBy(plan)
      const { checkpointId } = manifest
      // Neither waits for the other, the decision for both.
      await allDone([stage(), log.prepare(plan, moved, checkpointId)])
      await log.decide()
      this.logDecided = batchId
      this.logDecidedTimeMs = timeMs
    } else {
      if (!this.isDecided(plan)) await log?.abort()
      await stage()
    }
    this.lastBatchId = batchId
    await this.keyedState.apply()
    await this.generations.decided(batchId, this.openJournal, () => this.trim())
  }

  async abort(plan: BatchPlan): Promise<void> {
    await this.keyedState.drop()
    if (!this.isDecided(plan)) await this.log?.abort()
  }

  forget(throughBatchId: number): void {
    this.forgottenThrough = Math.max(this.forgottenThrough, throughBatchId)
    // A note that is not written spares nobody anything; a disk that fails shows at the next plan.
    this.noting = this.noting.then(() => this.keepNote(false)).catch(() => {})
  }

  async close(): Promise<void> {
    const failures: unknown[] = []
    const attempt = async (act: (() => Promise<void>) | undefined) => {
      try {
        await act?.()
      } catch (error) {
        failures.push(error)
      }
    }
    const { log, journal } = this
    await attempt(log && (() => log.close()))
    await this.noting
    if (journal !== undefined && this.lastBatchId > 0) await attempt(() => this.keepNote(true))
    await attempt(() => this.generations.close())
    await attempt(journal && (() => journal.close()))
    this.journal = undefined
    if (failures.length > 0) throw failures[0]
  }

  private async logDecision(
    log: DecisionLog | undefined,
    content: JournalContent,
    { appName }: JobDescription,
  ): Promise<number | undefined> {
    const decided = log && lastDecided(await log.marks(), content.manifest?.checkpointId, appName)
    if (decided === undefined || typeof decided === 'number') return decided
    // Once it has had a decision of its own in the log, those of another one are later.
    const known = knownLogDecision({ ...content, generations: this.standings })
    if (known === 0 && hasBegunAnew(this.options.directory)) return 0
    throw this.refused(decided.refusal)
  }

  private async loadState(
    job: JobDescription,
    { plans, redos, note }: JournalContent,
    logDecided: number | undefined,
  ): Promise<Settled> {
    for (;;) {
      const settled = settle({ generations: this.standings, redos, plans, note, logDecided })
      if ('refusal' in settled) throw this.refused(settled.refusal)
      const generation = this.generations.all[settled.generation] as Generation
      try {
        const standing = await this.load(job, generation, settled)
        this.goOnFrom(standing, settled)
        return settled
      } catch (error) {
        if (!(error instanceof DamagedError)) throw error
        this.generations.exclude(settled.generation, error)
      }
    }
  }

  private async load(
    job: JobDescription,
    generation: Generation,
    { apply }: Pick<Settled, 'apply'>,
  ): Promise<Standing> {
    const journal = this.openJournal
    const last = apply.at(-1)
    const standing: Standing = last === undefined ? generation.standing : await journal.redo(last)
    const host = (this.host ??= new LocalState(job.operators))
    const keyed = new KeyedState(job.operators, standing.operators, standing.lastOperatorNumber, host)
    await generation.load(
      (chunk) => keyed.restore(chunk),
      () => keyed.room(),
    )
    // One after the other: each may be large, and there may be many.
    let bytes = 0
    for (const batchId of apply) {
      const { redo, sizeInBytes } = await journal.staged(batchId)
      bytes += sizeInBytes
      for await (const chunk of journal.increments(redo)) {
        keyed.restore(chunk)
        await keyed.room()
      }
    }
    this.generations.found(bytes)
    await keyed.restored()
    this.keyed = keyed
    return standing
  }

  private goOnFrom(standing: Standing, settled: Settled): void {
    const { orphans } = this.keyedState
    if (orphans.length > 0) {
      const names = orphans.map(({ id, keys }) => `'${id}' (${keys} keys)`).join(', ')
      this.warn(`the program has no operator ${names} any more: its state is dropped with the next batch`)
    }
    this.recoveredKeys = new Map(standing.operators.map(({ id, keys }) => [id, keys]))
    this.positions = new Positions(standing.positions)
    this.lastBatchId = settled.stateThrough
    this.decidedThrough = settled.decidedThrough
    this.logDecided = settled.logDecided
    this.logDecidedTimeMs = standing.logDecidedTimeMs
    this.forgottenThrough = settled.forgottenThrough
    this.leftOut = standing.leftOut
    this.putAside = standing.putAside
    this.lastTimeMs = standing.timeMs
  }

  private recovered(manifest: Manifest, content: JournalContent, settled: Settled): Recovered {
    const { zeroTimeMs, intervalMs } = manifest
    const plans = new Map(content.plans.map((plan) => [plan.batchId, plan as BatchPlan]))
    const planOf = (batchId: number) => plans.get(batchId) as BatchPlan
    if (settled.stateThrough < settled.decidedThrough) {
      this.warn(
        `the log decided batch ${settled.decidedThrough}, the checkpoint's state ends with batch ${settled.stateThrough}: ` +
          `the batches between are computed again, without output`,
      )
    }
    const last = { batchId: settled.stateThrough, timeMs: this.lastTimeMs }
    const positions = this.positions.all().map(({ inputId, positions: of }) => [inputId, of] as const)
    return {
      zeroTimeMs,
      intervalMs,
      lastCommitted: last.batchId > 0 ? last : undefined,
      positions: Object.fromEntries(positions),
      pending: settled.pending.map(planOf),
      ...this.outputsOf(content, settled, planOf),
      history: settled.history.map((batchId) => withoutLeftOut(planOf(batchId), this.leftOut)),
      leftOutLater: this.leftOutLater(settled.history.map(planOf), plans),
      keys: this.recoveredKeys,
    }
  }

  private leftOutLater(
    history: readonly BatchPlan[],
    plans: ReadonlyMap<number, BatchPlan>,
  ): Map<number, number> {
    const later = new Map<number, number>()
    for (const plan of history) {
      const found = this.leftOut.filter((record) => record.batchId > plan.batchId && hasRecord(plan, record))
      if (found.length === 0) continue
      const last = Math.max(...found.map(({ batchId }) => batchId))
      later.set(plan.timeMs, plans.get(last)?.timeMs ?? this.lastTimeMs)
    }
    return later
  }

  /** The last batch that counts, and what it had put aside: where its state does not count, as it stands apart. */
  private outputsOf(
    { redos }: JournalContent,
    { stateThrough, decidedThrough }: Settled,
    planOf: (batchId: number) => BatchPlan,
  ): Pick<Recovered, 'lastDecided' | 'putAside'> {
    if (decidedThrough === stateThrough) return { putAside: this.putAside }
    const { batchId, timeMs } = planOf(decidedThrough)
    const found = redos.find((redo) => redo.batchId === decidedThrough)
    const staged = found !== undefined && 'damaged' in found ? found.staged : found
    return { lastDecided: { batchId, timeMs }, ...(staged && { putAside: staged.putAside }) }
  }

  // A batch can only have found records of its own plan or of earlier ones: once it is forgotten, so are they.
  private keepLeftOut(batchId: number, found: readonly RecordPlace[]): void {
    const kept = this.leftOut.filter((record) => record.batchId > this.forgottenThrough)
    const added = found.map(({ inputId, topic, topicId, partition, offset }) => ({
      inputId,
      topic,
      topicId,
      partition,
      offset,
      batchId,
    }))
    this.leftOut = [...kept, ...added]
  }

  private newManifest({ appName, intervalMs }: JobDescription): Manifest {
    return { checkpointId: randomUUID(), appName, zeroTimeMs: 0, intervalMs }
  }

  /** The log has decided it in an earlier run: only its state is missing. */
  private isDecided({ batchId }: BatchPlan): boolean {
    return batchId <= this.decidedThrough
  }

  /**
   * A batch without records and new offsets shows nowhere: staging it is enough. (Files show: an instance whose place was
   * taken must not put its own in the place of its successor's.)
   */
  private needsLog(plan: BatchPlan, log: DecisionLog): boolean {
    if (log.records > 0 || hasRows(plan)) return true
    return this.logDecided > 0 && plan.timeMs - this.logDecidedTimeMs >= DECIDE_AT_LEAST_EVERY_MS
  }

  private async trim(): Promise<void> {
    const through = this.generations.settledThrough
    await this.openJournal.trim(through, this.generations.forgottenThrough)
  }

  private async keepNote(sync: boolean): Promise<void> {
    const { lastBatchId: atBatchId, forgottenThrough, logDecided } = this
    await this.journal?.keep({ atBatchId, forgottenThrough, logDecided }, sync)
  }

  /** Of its generations; undefined where damaged. */
  private get standings(): (Standing | undefined)[] {
    return this.generations.all.map((generation) => generation?.standing)
  }

  private get keyedState(): KeyedState {
    if (this.keyed === undefined) throw new Error('the checkpoint has no state before recovery')
    return this.keyed
  }

  private get openJournal(): Journal {
    if (this.journal === undefined) throw new Error('the checkpoint is not open')
    return this.journal
  }

  private async damageRefused<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      throw error instanceof DamagedError ? this.refused(error.message, error) : error
    }
  }

  private refused(why: string, cause?: unknown): CheckpointError {
    return new CheckpointError(`the job cannot go on from checkpoint ${this.store.location}: ${why}`, {
      cause,
    })
  }
}

/** The plan, with what is left out said in its ranges. */
function withoutLeftOut(plan: BatchPlan, records: readonly LeftOutRecord[]): BatchPlan {
  if (records.length === 0) return plan
  const inputs = Object.entries(plan.inputs).map(([inputId, ranges]) => {
    const of = records.filter((record) => record.inputId === inputId)
    return [inputId, ranges.map((range) => rangeWithout(range, of))] as const
  })
  return { ...plan, inputs: Object.fromEntries(inputs) }
}

function rangeWithout(range: OffsetRange, records: readonly LeftOutRecord[]): OffsetRange {
  const leftOut = records.filter((record) => isWithin(range, record)).map(({ offset }) => offset)
  return leftOut.length === 0 ? range : { ...range, leftOut }
}

function hasRecord({ inputs }: BatchPlan, record: LeftOutRecord): boolean {
  return (inputs[record.inputId] ?? []).some((range) => isWithin(range, record))
}

function isWithin(range: OffsetRange, record: LeftOutRecord): boolean {
  const { topic, topicId, partition, offset } = record
  return (
    range.topic === topic &&
    range.topicId === topicId &&
    range.partition === partition &&
    range.from <= offset &&
    offset < range.until
  )
}

/** Waits for all, also where one fails; throws the first failure. */
async function allDone(doing: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(doing)
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}
