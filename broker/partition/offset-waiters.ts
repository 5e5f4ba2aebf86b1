// Callbacks that wait for a growing offset, released in offset order. Appends register in offset order,
// so adding is nearly always a push; releasing takes from the front.
// Rule kept: a callback is called exactly once, or never after its cancellation.

import { type ErrorCode, errorCodes } from '../protocol/errors.ts'

export type WaiterCallback = (errorCode: ErrorCode) => void

interface Waiter {
  /** Released when the watched offset is beyond this one. */
  offset: bigint
  callback: WaiterCallback | undefined
}

export class OffsetWaiters {
  private waiting: Waiter[] = []

  get count(): number {
    return this.waiting.reduce((sum, { callback }) => sum + (callback === undefined ? 0 : 1), 0)
  }

  /** Waits until the watched offset is greater than `offset`. Returns the canceller. */
  add(offset: bigint, callback: WaiterCallback): () => void {
    const waiter: Waiter = { offset, callback }
    let at = this.waiting.length
    while (at > 0 && (this.waiting[at - 1] as Waiter).offset > offset) at--
    if (at === this.waiting.length) this.waiting.push(waiter)
    else this.waiting.splice(at, 0, waiter)
    return () => {
      waiter.callback = undefined
    }
  }

  /** Calls back all that wait for offsets below `end`. */
  release(end: bigint): void {
    let count = 0
    while (count < this.waiting.length && (this.waiting[count] as Waiter).offset < end) count++
    if (count > 0) callEach(this.waiting.splice(0, count), errorCodes.NONE)
  }

  /** Calls back everybody with an error: nothing more will come. */
  fail(errorCode: ErrorCode): void {
    callEach(this.waiting.splice(0), errorCode)
  }
}

/** One that throws does not keep the others from being called; its error is thrown once all were. */
function callEach(waiters: readonly Waiter[], errorCode: ErrorCode): void {
  let failure: unknown
  for (const waiter of waiters) {
    const { callback } = waiter
    waiter.callback = undefined
    try {
      callback?.(errorCode)
    } catch (error) {
      failure ??= error
    }
  }
  if (failure !== undefined) throw failure
}
