// How a waiting fetch hears that one of its partitions has moved, or can move no more (deleted, offline): a
// call back, never a poll. Also over when its time is, or when the broker stops.

import type { Partition } from '../partition/partition.ts'
import type { Clock, Timer } from '../time/clock.ts'

export class AdvanceSignal {
  private readonly unsubscribe: (() => void)[]
  private readonly timer: Timer
  private readonly stopping: AbortSignal
  private readonly onStopping = (): void => this.end()
  /** Something has moved: whoever waits looks again. */
  readonly poke = (): void => {
    this.moved = true
    this.wake?.()
  }
  private moved = false
  private over = false
  private wake: (() => void) | undefined

  /** `others`: what else there is to be called back by. */
  constructor(
    partitions: readonly Partition[],
    clock: Clock,
    maxWaitMs: number,
    stopping: AbortSignal,
    others: readonly ((moved: () => void) => () => void)[] = [],
  ) {
    this.stopping = stopping
    this.unsubscribe = [
      ...partitions.flatMap((partition) => [partition.onAdvance(this.poke), partition.onEnd(this.poke)]),
      ...others.map((subscribe) => subscribe(this.poke)),
    ]
    this.timer = clock.setTimer(maxWaitMs, () => this.end())
    if (stopping.aborted) this.over = true
    else stopping.addEventListener('abort', this.onStopping)
  }

  /** True when there is no more waiting to do. */
  get isOver(): boolean {
    return this.over
  }

  /** Resolves at the next advance, or at once if there was one since the last call, or when it is over. */
  async next(): Promise<void> {
    if (!this.moved && !this.over) {
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
      this.wake = undefined
    }
    this.moved = false
  }

  close(): void {
    this.timer.cancel()
    this.stopping.removeEventListener('abort', this.onStopping)
    for (const stop of this.unsubscribe) stop()
  }

  private end(): void {
    this.over = true
    this.wake?.()
  }
}
