// Runs a batch on the thread that called it, in slices: after at most a few milliseconds the event loop
// gets its turn, so that produce and fetch of the same process go on while a batch computes.
//
// Slices are counted in rows and their size follows the time that the last ones took: rows differ by a
// thousandfold in cost, and asking for the time at every row would cost more than a cheap row does.

import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { CancelledError } from '../graph/errors.ts'
import type { RowReader } from '../graph/contracts/rows.ts'
import type { Peers, TaskRunner } from '../rdd/dataset.ts'
import { SpillSpace } from '../rdd/spill-space.ts'

export interface ExecutorOptions {
  /** Milliseconds on any steady scale. */
  monotonicMs?: () => number
  /** Resolves after the event loop has gone round once. */
  yieldToLoop?: () => Promise<void>
  /** how long the loop may be held; default 2. */
  sliceMs?: number
  /** The other threads of the same batch. */
  peers?: Peers
  /** Where rows of shuffles go that memory shall not hold. */
  spills?: SpillSpace
}

/** How many times longer the next slice may be: the first row says little about the rest. */
const GROWTH = 4
const LONGEST_SLICE_ROWS = 4096

export class CallingThreadExecutor implements TaskRunner {
  readonly peers: Peers | undefined
  readonly spills: SpillSpace
  private readonly monotonicMs: () => number
  private readonly yieldToLoop: () => Promise<void>
  private readonly sliceMs: number
  private heldSinceMs: number
  private cancelled = false

  constructor(options: ExecutorOptions = {}) {
    this.monotonicMs = options.monotonicMs ?? (() => performance.now())
    this.yieldToLoop = options.yieldToLoop ?? (() => nextTurn())
    this.sliceMs = options.sliceMs ?? 2
    this.peers = options.peers
    this.spills = options.spills ?? new SpillSpace()
    this.heldSinceMs = this.monotonicMs()
  }

  /** A batch begins: the loop has just had its turn. */
  begin(): void {
    this.cancelled = false
    this.heldSinceMs = this.monotonicMs()
  }

  /** Ends the running batch at its next slice with CancelledError. */
  cancel(): void {
    this.cancelled = true
  }

  async drain(
    reader: RowReader,
    pause?: () => Promise<void> | undefined,
    enough?: () => boolean,
  ): Promise<void> {
    try {
      let rows = 1
      let beganMs = this.monotonicMs()
      for (;;) {
        if (this.cancelled) throw new CancelledError()
        const more = reader.read(rows)
        const waiting = pause?.() ?? (more ? reader.waiting?.() : undefined)
        if (waiting !== undefined) {
          await waiting
          this.heldSinceMs = this.monotonicMs()
        }
        if (!more || enough?.() === true) return
        const nowMs = this.monotonicMs()
        rows = nextSliceRows(rows, nowMs - beganMs, this.sliceMs)
        beganMs = nowMs
        if (nowMs - this.heldSinceMs >= this.sliceMs * 0.8) {
          await this.yieldToLoop()
          this.heldSinceMs = beganMs = this.monotonicMs()
        }
      }
    } finally {
      reader.close()
    }
  }
}

/** Aims at a tenth of what the loop may be held. */
function nextSliceRows(rows: number, tookMs: number, sliceMs: number): number {
  const aimed = tookMs > 0 ? Math.floor((rows * sliceMs) / 10 / tookMs) : LONGEST_SLICE_ROWS
  return Math.max(1, Math.min(aimed, rows * GROWTH, LONGEST_SLICE_ROWS))
}
