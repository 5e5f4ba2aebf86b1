// When batches happen. A synchronous machine without clock or timer: `apply` takes in what has happened,
// `decide` names the next thing to begin, and beginning it is itself applied. So a simulation can run it
// through any order of events.
//
//   initialized ──started──► active ──stop (graceful)──► draining ──┐
//                              │                                     ├─ nothing in flight ──► stopped
//                              └──stop, failed────────► cancelling ──┘
//
//   grid or data ─plan─► planning (one) ─planned─► queue (bounded) ─run─► running (one) ─finished─►
//
// With a grid, a time whose turn comes while the queue is full is planned late, never skipped: windows
// count on every batch. After downtime the missed times are simply due at once.

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
  | { type: 'finished' }
  | { type: 'failed'; slot: 'planning' | 'running' }
  | { type: 'stopAsked'; graceful: boolean }
  | { type: 'begun'; action: Action }

export type Action =
  | { type: 'plan'; batch: BatchStamp }
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
}

export class BatchMachine {
  phase: Phase = 'initialized'
  planning: BatchStamp | undefined
  running: BatchStamp | undefined
  readonly queue: BatchStamp[] = []
  private readonly intervalMs: number | undefined
  private readonly maxPending: number
  private nextBatchId = 1
  private lastMs = 0
  private nextMs = 0
  private wakeMs: number | undefined
  /** Data may be there that no plan has looked at. */
  private moved = false
  private cancelSent = false

  constructor(options: MachineOptions) {
    this.intervalMs = options.intervalMs
    this.maxPending = options.maxPending
  }

  /** What to begin now, one thing at a time; undefined: nothing until the next event. */
  decide(nowMs: number): Action | undefined {
    const { phase, queue } = this
    if (phase === 'initialized' || phase === 'stopped') return undefined
    if (phase === 'cancelling') {
      if (this.running !== undefined) return this.cancelSent ? undefined : { type: 'cancel' }
      return this.planning === undefined ? { type: 'end' } : undefined
    }
    const next = queue[0]
    if (this.running === undefined && next !== undefined) return { type: 'run', batch: next }
    if (phase === 'draining') {
      const idle = this.running === undefined && this.planning === undefined
      return idle ? { type: 'end' } : undefined
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
        this.moved = true
        return
      case 'woke':
        this.wakeMs = undefined
        return
      case 'moved':
        this.moved = true
        return
      case 'planned':
        this.queue.push(this.took('planning'))
        this.moved ||= event.more
        return
      case 'nothingToPlan':
        // The id was not used: the next plan takes it, so that ids stay without gaps.
        this.nextBatchId = this.took('planning').batchId
        return
      case 'finished':
        this.took('running')
        return
      case 'failed':
        this.took(event.slot)
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
    const room = this.planning === undefined && this.queue.length < this.maxPending
    if (intervalMs === undefined) {
      const idle = this.running === undefined && this.queue.length === 0
      if (!room || !idle || !this.moved) return undefined
      return { type: 'plan', batch: { batchId, timeMs: Math.max(nowMs, this.lastMs + 1) } }
    }
    if (nextMs > nowMs) return this.wakeMs === nextMs ? undefined : { type: 'wake', atMs: nextMs }
    return room ? { type: 'plan', batch: { batchId, timeMs: nextMs } } : undefined
  }

  private begin(action: Action): void {
    switch (action.type) {
      case 'plan':
        this.planning = action.batch
        this.nextBatchId++
        this.lastMs = action.batch.timeMs
        this.nextMs = action.batch.timeMs + (this.intervalMs ?? 0)
        this.moved = false
        return
      case 'run':
        this.running = this.queue.shift()
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

  private took(slot: 'planning' | 'running'): BatchStamp {
    const batch = this[slot]
    if (batch === undefined) throw new Error(`a batch ended ${slot}, but none was ${slot}`)
    this[slot] = undefined
    return batch
  }
}
