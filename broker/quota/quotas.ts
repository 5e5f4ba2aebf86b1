// All quotas of a broker, as the metadata sets them. Kafka's QuotaFactory and ClientQuotaMetadataManager.

import type { ClientQuotaImage } from './quota-keys.ts'
import { Accounts, ClientQuota } from './client-quota.ts'
import { QuotaLimits } from './quota-limits.ts'
import { TokenBucket } from './token-bucket.ts'
import { type WindowConfig, WindowedRate } from './windowed-rate.ts'

/** Who comes without authentication. */
export const ANONYMOUS = 'ANONYMOUS'

export interface QuotaConfig {
  /** quota.window.* */
  client: WindowConfig
  /** controller.quota.window.* */
  controller: WindowConfig
}

/** What a request that changes partitions may still change. */
export interface MutationQuota {
  /** Whether so many partitions may be changed now; counts them if so. */
  take(partitions: number): boolean
  /** For how long the client must be silent now. */
  throttleTimeMs(): number
}

const UNBOUNDED: MutationQuota = { take: () => true, throttleTimeMs: () => 0 }

export class Quotas {
  readonly produce: ClientQuota
  readonly fetch: ClientQuota
  /** In percent of the one thread. */
  readonly request: ClientQuota
  private readonly config: QuotaConfig
  private mutationLimits = new QuotaLimits()
  private readonly buckets: Accounts<TokenBucket>
  /** By address; the empty one is the default. */
  private connectionRates = new Map<string, number>()
  private readonly connections: Accounts<WindowedRate>
  /** Of new connections, whoever makes them. */
  private readonly allConnections: WindowedRate

  constructor(config: QuotaConfig) {
    this.config = config
    this.produce = new ClientQuota(config.client)
    this.fetch = new ClientQuota(config.client)
    this.request = new ClientQuota(config.client)
    this.buckets = new Accounts(() => new TokenBucket(config.controller))
    this.connections = new Accounts(() => new WindowedRate(config.client))
    this.allConnections = new WindowedRate(config.client)
  }

  /** Whether any request has to be looked at. */
  get watchesRequests(): boolean {
    return this.request.isActive || this.produce.isActive
  }

  /** The quotas are now these. What clients have used until now stays used. */
  changed(images: Iterable<ClientQuotaImage>): void {
    const limits = {
      producer_byte_rate: new QuotaLimits(),
      consumer_byte_rate: new QuotaLimits(),
      request_percentage: new QuotaLimits(),
      controller_mutation_rate: new QuotaLimits(),
    }
    this.connectionRates = new Map()
    for (const { entity, values } of images) {
      if (entity.has('ip')) {
        const rate = values.get('connection_creation_rate')
        if (rate !== undefined) this.connectionRates.set(entity.get('ip') ?? '', rate)
        continue
      }
      const [user, clientId] = [entity.get('user'), entity.get('client-id')]
      const who = { ...(user !== undefined && { user }), ...(clientId !== undefined && { clientId }) }
      for (const [key, of] of Object.entries(limits)) {
        const limit = values.get(key)
        if (limit !== undefined) of.set(who, limit)
      }
    }
    this.produce.limits = limits.producer_byte_rate
    this.fetch.limits = limits.consumer_byte_rate
    this.request.limits = limits.request_percentage
    this.mutationLimits = limits.controller_mutation_rate
  }

  /**
   * Time of the thread that a request took, in ms: the silence that it asks for is never longer than a window
   * (ClientRequestQuotaManager).
   */
  recordRequest(user: string, clientId: string, tookMs: number, nowMs: number): number {
    const throttleTimeMs = this.request.record(user, clientId, tookMs / 10, nowMs)
    return Math.min(throttleTimeMs, this.config.client.windowMs)
  }

  /** Strict: what is beyond the quota is refused. Otherwise it is done, and the client must be silent afterwards. */
  mutations(user: string, clientId: string, isStrict: boolean, now: () => number): MutationQuota {
    const client = this.mutationLimits.of(user, clientId)
    if (client === undefined) return UNBOUNDED
    const { account, limit } = client
    const bucket = this.buckets.of(account, now())
    return {
      take: (partitions) => {
        if (isStrict && bucket.throttleTimeMs(limit, now()) > 0) return false
        bucket.record(partitions, limit, now())
        return true
      },
      throttleTimeMs: () => bucket.throttleTimeMs(limit, now()),
    }
  }

  /** Counts a new connection of anybody; for how long it has to wait before it is taken (KIP-612, ConnectionQuotas). */
  delayConnection(perSecond: number, nowMs: number): number {
    this.allConnections.record(1, nowMs)
    return Math.min(this.allConnections.throttleTimeMs(perSecond, nowMs), this.config.client.windowMs)
  }

  /** Counts a new connection; for how long it must be kept waiting before it is closed, 0: it is welcome. */
  recordConnection(ip: string, nowMs: number): number {
    const limit = this.connectionRates.get(ip) ?? this.connectionRates.get('')
    if (limit === undefined) return 0
    const rate = this.connections.of(ip, nowMs)
    rate.record(1, nowMs)
    const throttleTimeMs = rate.throttleTimeMs(limit, nowMs)
    // A connection that is turned away does not count.
    if (throttleTimeMs > 0) rate.record(-1, nowMs)
    return Math.min(throttleTimeMs, this.config.client.windowMs)
  }
}
