// Quotas as requests meet them: what a request used is counted when its answer is there, the answer tells for how
// long its client must be silent, and its connection is not read for as long (KIP-124, KIP-219: answer first, then
// mute). Kafka: RequestHandlerHelper and the quota parts of KafkaApis.

import type { Api } from '../protocol/message.ts'
import type { Clock } from '../time/clock.ts'
import { ANONYMOUS, type MutationQuota, type Quotas } from '../quota/quotas.ts'
import type { RequestContext } from './context.ts'

/** `strictSince`: the first version that is refused what is beyond the quota. */
export type MutationQuotaOf = (context: RequestContext, strictSince: number) => MutationQuota

export interface RequestQuotasOptions {
  quotas: Quotas
  clock: Clock
  /** Time of the thread, in ms; only differences count. */
  threadMs: () => number
}

/** What a request has come to. */
export interface Handled {
  /** Of the request, without its size prefix. */
  sizeInBytes: number
  /** Of the thread, in ms. */
  tookMs: number
  /** Null where the client wants none. */
  isAnswered: boolean
}

const PRODUCE = 0
/** Between brokers, and never throttled. */
const WRITE_TXN_MARKERS = 27

export class RequestQuotas {
  private readonly options: RequestQuotasOptions

  constructor(options: RequestQuotasOptions) {
    this.options = options
  }

  /** When the request's time begins; undefined while no quota is set that every request must be held against. */
  begin(): number | undefined {
    return this.options.quotas.watchesRequests ? this.options.threadMs() : undefined
  }

  tookMs(beganMs: number): number {
    return this.options.threadMs() - beganMs
  }

  /** No time of day: a silence is as long as it was told, however the machine's clock is set meanwhile. */
  now(): number {
    return this.options.clock.monotonicMs()
  }

  /** For how long the client must be silent, in ms: the longest that any of its quotas asks for. */
  record({ key }: Api, { clientId }: RequestContext, { sizeInBytes, tookMs, isAnswered }: Handled): number {
    const { quotas } = this.options
    const nowMs = this.now()
    const client = clientId ?? ''
    const forBytes = key === PRODUCE ? quotas.produce.record(ANONYMOUS, client, sizeInBytes, nowMs) : 0
    const isExempt = key === WRITE_TXN_MARKERS || !isAnswered
    const forTime = isExempt ? 0 : quotas.recordRequest(ANONYMOUS, client, tookMs, nowMs)
    return Math.max(forBytes, forTime)
  }

  /** The most bytes that a fetch may ask for: more would be throttled whenever it came (KIP-13). */
  fetchMaxBytes({ clientId }: RequestContext): number {
    const { fetch } = this.options.quotas
    return fetch.isActive ? Math.floor(fetch.maxInWindow(ANONYMOUS, clientId ?? '')) : Infinity
  }

  /** Counts fetched bytes. Above 0: they must not be sent and do not count, and the client is silent for so many ms. */
  recordFetch({ clientId }: RequestContext, bytesOf: () => number): number {
    const { fetch } = this.options.quotas
    if (!fetch.isActive) return 0
    const sizeInBytes = bytesOf()
    const nowMs = this.now()
    const throttleTimeMs = fetch.record(ANONYMOUS, clientId ?? '', sizeInBytes, nowMs)
    if (throttleTimeMs > 0) fetch.unrecord(ANONYMOUS, clientId ?? '', sizeInBytes, nowMs)
    return throttleTimeMs
  }

  /** Counts bytes that are sent whatever comes of it; for how long the client must be silent then. */
  recordSent({ clientId }: RequestContext, bytesOf: () => number): number {
    const { fetch } = this.options.quotas
    return fetch.isActive ? fetch.record(ANONYMOUS, clientId ?? '', bytesOf(), this.now()) : 0
  }

  readonly mutations: MutationQuotaOf = ({ apiVersion, clientId }, strictSince) =>
    this.options.quotas.mutations(ANONYMOUS, clientId ?? '', apiVersion >= strictSince, () => this.now())
}
