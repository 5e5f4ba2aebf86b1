// Tokens that come back at a steady rate, up to a burst: for changes of partitions, of which one request may make
// many at once (KIP-599). What is there may be overdrawn once; then nothing is given until it is above zero again.
// Kafka's TokenBucket.

import type { WindowConfig } from './windowed-rate.ts'

export class TokenBucket {
  private readonly config: WindowConfig
  private tokens = 0
  /** undefined: never, and it is full. */
  private updatedMs: number | undefined

  constructor(config: WindowConfig) {
    this.config = config
  }

  record(count: number, perSecond: number, nowMs: number): void {
    this.refill(perSecond, nowMs)
    this.tokens -= count
  }

  /** How long until there is something again; 0 while there is. */
  throttleTimeMs(perSecond: number, nowMs: number): number {
    this.refill(perSecond, nowMs)
    return this.tokens < 0 ? Math.round((-this.tokens / perSecond) * 1000) : 0
  }

  private refill(perSecond: number, nowMs: number): void {
    const { samples, windowMs } = this.config
    const burst = samples * (windowMs / 1000) * perSecond
    const gained = this.updatedMs === undefined ? burst : (perSecond * (nowMs - this.updatedMs)) / 1000
    this.tokens = Math.min(burst, this.tokens + gained)
    this.updatedMs = nowMs
  }
}
