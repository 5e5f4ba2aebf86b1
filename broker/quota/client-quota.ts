// One kind of quota that is a rate (bytes, time): what each account has used, and for how long its clients must be
// silent. Accounts that nobody uses are forgotten after an hour, as in Kafka; their number is bounded.

import { QuotaLimits } from './quota-limits.ts'
import { type WindowConfig, WindowedRate } from './windowed-rate.ts'

/** Kafka's INACTIVE_SENSOR_EXPIRATION_TIME_SECONDS. */
const IDLE_ACCOUNT_MS = 60 * 60 * 1000
/** Client ids are the client's to choose: beyond this many accounts the idlest go first. */
const MAX_ACCOUNTS = 10_000

interface Account<Measure> {
  readonly measure: Measure
  lastUsedMs: number
}

/** The accounts of one kind of quota. */
export class Accounts<Measure> {
  private readonly open: () => Measure
  private readonly accounts = new Map<string, Account<Measure>>()

  constructor(open: () => Measure) {
    this.open = open
  }

  of(name: string, nowMs: number): Measure {
    const known = this.accounts.get(name)
    const account = known ?? { measure: this.open(), lastUsedMs: nowMs }
    account.lastUsedMs = nowMs
    // Insertion order is order of use: the first is the idlest.
    this.accounts.delete(name)
    this.accounts.set(name, account)
    for (const [idlest, { lastUsedMs }] of this.accounts) {
      if (nowMs - lastUsedMs < IDLE_ACCOUNT_MS && this.accounts.size <= MAX_ACCOUNTS) break
      this.accounts.delete(idlest)
    }
    return account.measure
  }
}

export class ClientQuota {
  /** Replaced whole when quotas change; what was used stays. */
  limits = new QuotaLimits()
  private readonly config: WindowConfig
  private readonly accounts: Accounts<WindowedRate>

  constructor(config: WindowConfig) {
    this.config = config
    this.accounts = new Accounts(() => new WindowedRate(config))
  }

  get isActive(): boolean {
    return !this.limits.isEmpty
  }

  /** Counts the use and says for how long the client must be silent; 0: it may go on. */
  record(user: string, clientId: string, used: number, nowMs: number): number {
    const client = this.limits.of(user, clientId)
    if (client === undefined) return 0
    const rate = this.accounts.of(client.account, nowMs)
    rate.record(used, nowMs)
    return rate.throttleTimeMs(client.limit, nowMs)
  }

  /** Takes back what was counted: it was not used after all. */
  unrecord(user: string, clientId: string, used: number, nowMs: number): void {
    const client = this.limits.of(user, clientId)
    if (client !== undefined) this.accounts.of(client.account, nowMs).record(-used, nowMs)
  }

  /** The most that can be used at once by who was silent before: more would be throttled whenever it came. */
  maxInWindow(user: string, clientId: string): number {
    const client = this.limits.of(user, clientId)
    const { samples, windowMs } = this.config
    return client === undefined ? Infinity : client.limit * (samples - 1) * (windowMs / 1000)
  }
}
