// When batches happen. A synchronous machine without clock or timer: `apply` takes in what has happened,
// `decide` names the next thing to begin, and beginning it is itself applied. So a simulation can run it
// through any order of events.
//
//   initialized ──started──► active ──stop (graceful)──► draining ──┐
//                              │                           │         ├─ nothing in flight ──► stopped
//                              └──stop, failed────────► cancelling ──┘
//
//   grid or data ─plan─► planning (one) ─planned─► queue (bounded) ─run─► running (so many) ─finished─►
//
// With a grid, a time whose turn comes while the queue is full is planned late, never skipped: windows
// count on every batch. After downtime the missed times are simply due at once. A graceful stop takes what
// has arrived into one last batch, ahead of its time: nobody waits for the grid any more. What limits cut off stays
// where it is.

import type { BatchStamp } from '../graph/contracts/rows.ts'

export type Event =
  | {
      type: 'started'
      /** Durable plans of an earlier run, to be run first. */
      pending: readonly BatchStamp[]
      nextBatchId: number
      /** The time after which the next batch may lie (asap), and the next grid time (interval). */
      lastMs: number
      nextMs: number
    }
  | { type: 'woke' }
  | { type: 'moved' }
  | { type: 'planned'; more: boolean }
  | { type: 'nothingToPlan' }
  | { type: 'finished'; batchId: number }
  | { type: 'failed'; batchId: number }
  | { type: 'stopAsked'; graceful: boolean }
  | { type: 'begun'; action: Action }

export type Action =
  /** `mayBeEmpty` false: a plan without rows is thrown away ('nothingToPlan'). */
  | { type: 'plan'; batch: BatchStamp; mayBeEmpty: boolean }
  | { type: 'run'; batch: BatchStamp }
  | { type: 'wake'; atMs: number }
  | { type: 'cancel' }
  | { type: 'end' }

export type Phase = 'initialized' | 'active' | 'draining' | 'cancelling' | 'stopped'

export interface MachineOptions {
  /** undefined: as-soon-as-data. */
  intervalMs: number | undefined
  /** Planned batches that may wait, the running one not counted. */
  maxPending: number
  /** Batches that may run side by side; default 1. */
  maxRunning?: number
}

/** Records carry their batch's time, and Kafka refuses those further ahead (message.timestamp.after.max.ms). */
const AHEAD_AT_MOST_MS = 3_600_000

export class BatchMachine {
  phase: Phase = 'initialized'
  planning: BatchStamp | undefined
  /** By rising batch id. */
  readonly running: BatchStamp[] = []
  readonly queue: BatchStamp[] = []
  private readonly intervalMs: number | undefined
  private readonly maxPending: number
  private readonly maxRunning: number
  private nextBatchId = 1
  private lastMs = 0
  private nextMs = 0
  private wakeMs: number | undefined
  /** Rows may have come that no plan has looked at. */
  private arrived = false
  /** The last plan left rows: a limit cut them off. */
  private more = false
  private lastPlanned = false
  private cancelSent = false

  constructor(options: MachineOptions) {
    this.intervalMs = options.intervalMs
    this.maxPending = options.maxPending
    this.maxRunning = options.maxRunning ?? 1
  }

  /** What to begin now, one thing at a time; undefined: nothing until the next event. */
  decide(nowMs: number): Action | undefined {
    const { phase, queue } = this
    if (phase === 'initialized' || phase === 'stopped') return undefined
    if (phase === 'cancelling') {
      if (this.running.length > 0) return this.cancelSent ? undefined : { type: 'cancel' }
      return this.planning === undefined ? { type: 'end' } : undefined
    }
    const next = queue[0]
    if (this.running.length < this.maxRunning && next !== undefined) return { type: 'run', batch: next }
    if (phase === 'draining') {
      const isNear = this.intervalMs === undefined || this.nextMs <= nowMs + AHEAD_AT_MOST_MS
      if (this.arrived && !this.lastPlanned && this.hasRoom && isNear) return this.planArrived(nowMs)
      return this.isIdle ? { type: 'end' } : undefined
    }
    return this.planNext(nowMs)
  }

  apply(event: Event): void {
    switch (event.type) {
      case 'started':
        this.phase = 'active'
        this.queue.push(...event.pending)
        this.nextBatchId = event.nextBatchId
        this.lastMs = event.lastMs
        this.nextMs = event.nextMs
        this.arrived = true
        return
      case 'woke':
        this.wakeMs = undefined
        return
      case 'moved':
        this.arrived = true
        return
      case 'planned':
        this.queue.push(this.planned())
        this.more = event.more
        return
      case 'nothingToPlan':
        // The id was not used: the next plan takes it, so that ids stay without gaps.
        this.nextBatchId = this.planned().batchId
        return
      case 'finished':
        this.ran(event.batchId)
        return
      case 'failed':
        if (this.planning?.batchId === event.batchId) this.planned()
        else this.ran(event.batchId)
        this.phase = 'cancelling'
        return
      case 'stopAsked':
        if (this.phase === 'initialized') this.phase = 'draining'
        else if (this.phase === 'active' || (this.phase === 'draining' && !event.graceful)) {
          this.phase = event.graceful ? 'draining' : 'cancelling'
        }
        return
      case 'begun':
        this.begin(event.action)
    }
  }

  private planNext(nowMs: number): Action | undefined {
    const { intervalMs, nextMs, nextBatchId: batchId } = this
    if (intervalMs === undefined)
      return this.hasRoom && (this.arrived || this.more) ? this.planArrived(nowMs) : undefined
    if (nextMs > nowMs) return this.wakeMs === nextMs ? undefined : { type: 'wake', atMs: nextMs }
    return this.hasRoom ? { type: 'plan', batch: { batchId, timeMs: nextMs }, mayBeEmpty: true } : undefined
  }

  /** What has arrived, whatever the time. */
  private planArrived(nowMs: number): Action {
    const timeMs = this.intervalMs === undefined ? Math.max(nowMs, this.lastMs + 1) : this.nextMs
    return { type: 'plan', batch: { batchId: this.nextBatchId, timeMs }, mayBeEmpty: false }
  }

  // Without a grid nothing is planned ahead: rows that come meanwhile make the next batch larger, not later.
  private get hasRoom(): boolean {
    if (this.planning !== undefined) return false
    if (this.intervalMs !== undefined) return this.queue.length < this.maxPending
    return this.queue.length === 0 && this.running.length < this.maxRunning
  }

  private get isIdle(): boolean {
    return this.running.length === 0 && this.planning === undefined && this.queue.length === 0
  }

  private begin(action: Action): void {
    switch (action.type) {
      case 'plan':
        this.planning = action.batch
        this.nextBatchId++
        this.lastMs = action.batch.timeMs
        this.nextMs = action.batch.timeMs + (this.intervalMs ?? 0)
        this.arrived = false
        this.more = false
        this.lastPlanned = this.phase === 'draining'
        return
      case 'run':
        this.queue.shift()
        this.running.push(action.batch)
        return
      case 'wake':
        this.wakeMs = action.atMs
        return
      case 'cancel':
        this.cancelSent = true
        return
      case 'end':
        this.phase = 'stopped'
    }
  }

  private planned(): BatchStamp {
    const batch = this.planning
    if (batch === undefined) throw new Error('a plan has come, but none was being made')
    this.planning = undefined
    return batch
  }

  private ran(batchId: number): void {
    const index = this.running.findIndex((batch) => batch.batchId === batchId)
    if (index < 0) throw new Error(`batch ${batchId} has ended, but was not running`)
    this.running.splice(index, 1)
  }
}
