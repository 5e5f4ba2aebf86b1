// What a transactional producer knows of its own transactions (in Kafka's client: TransactionManager), without a
// connection: in which phase it is, what has joined, which sequence comes next, and what a refusal means. Whoever
// produces, in this process or by the wire, asks `decide` and tells `apply` what came of it.
//
//            begun                    ended (commit)
//    idle ──────────► open ─────────────────────────────────────► idle
//                      │ failed                                     ▲
//                      ▼             aborting                       │ aborted
//                    failed ─────────────────────► aborting ────────┘   (first 'end', where something joined, then
//                      open ─────────────────────►                       'renew', where what was written is not known)
//    any but open ── closed ──► closed
//
// Rule kept: after a failure a transaction can only be aborted; nothing is sent behind its end; and a sequence whose
// fate is unknown is never gone on from.

import { type ErrorCode, errorCodes } from './errors.ts'

export interface ProducerEpoch {
  readonly producerId: bigint
  readonly producerEpoch: number
}

export interface TransactionTerms {
  /** transaction.version 2: each end of a transaction gives a new epoch, in which sequences begin at zero (KIP-890). */
  readonly byEpoch: boolean
  readonly transactionTimeoutMs: number
  /** What a failed append has written is known all the same: there is no connection that loses an answer. */
  readonly seesItsWrites: boolean
}

export type Phase = 'idle' | 'open' | 'failed' | 'aborting' | 'closed'
export type Step = 'begin' | 'write' | 'commit' | 'abort'

/**
 * `go`: do it. `end`: EndTxn is to be sent. `renew`: a new epoch is to be asked for (InitProducerId). `nothing`: there
 * is nothing to send.
 */
export type NextStep = 'go' | 'end' | 'renew' | 'nothing'

export type TransactionFact =
  | { readonly type: 'begun'; readonly atMs: number }
  /** From here on the coordinator may know of the transaction. */
  | { readonly type: 'joining'; readonly partition: string }
  | { readonly type: 'offsetsJoining' }
  /** From here on the coordinator may have committed it. */
  | { readonly type: 'committing' }
  | { readonly type: 'appended'; readonly partition: string; readonly records: number }
  /** `cause`: what whoever goes on all the same is told. */
  | { readonly type: 'failed'; readonly cause?: unknown }
  | { readonly type: 'aborting' }
  /** The coordinator has decided, as it was asked; `next`: as whom to go on. */
  | { readonly type: 'ended'; readonly next?: ProducerEpoch }
  | { readonly type: 'renewed'; readonly next: ProducerEpoch }
  | { readonly type: 'aborted' }
  | { readonly type: 'closed' }

/** What a code of Kafka's means to the producer. */
export type Refusal =
  | { readonly meaning: 'fenced' | 'refused' }
  /** The broker aborted it because it took too long. */
  | { readonly meaning: 'overdue'; readonly openMs: number; readonly timeoutMs: number }

const SEQUENCES = 0x80000000

const fencing: ReadonlySet<ErrorCode> = new Set([
  errorCodes.PRODUCER_FENCED,
  errorCodes.INVALID_PRODUCER_EPOCH,
  errorCodes.INVALID_PRODUCER_ID_MAPPING,
])

/** The code says that another has the transactional id. */
export function isFencing(errorCode: ErrorCode): boolean {
  return fencing.has(errorCode)
}

export class ProducerTransaction {
  private readonly terms: TransactionTerms
  private current: ProducerEpoch
  private at: Phase = 'idle'
  /** Next sequence of this epoch by partition name; wraps as Kafka's does. */
  private readonly sequences = new Map<string, number>()
  private readonly joined = new Set<string>()
  private hasOffsets = false
  private begunAtMs = 0
  private isUnsure = false
  private mayBeCommitted = false
  /** Of the open transaction's first failure. */
  private cause: unknown

  constructor(terms: TransactionTerms, producer: ProducerEpoch) {
    this.terms = terms
    this.current = producer
  }

  get phase(): Phase {
    return this.at
  }

  get producer(): ProducerEpoch {
    return this.current
  }

  /** The coordinator may know of the transaction, so it has to be ended there. */
  get isBegun(): boolean {
    return this.joined.size > 0 || this.hasOffsets
  }

  has(partition: string): boolean {
    return this.joined.has(partition)
  }

  /** Of the partition's next batch. */
  baseSequence(partition: string): number {
    return this.sequences.get(partition) ?? 0
  }

  /** Throws where the step is not one of this phase: after a failure, that failure. */
  decide(step: Step): NextStep {
    switch (step) {
      case 'begin':
        if (this.at !== 'idle') throw new Error(`begin while the session is ${this.at}`)
        return 'go'
      case 'write':
        this.mustBeOpen()
        return 'go'
      case 'commit':
        this.mustBeOpen()
        // As Kafka's producer does: a transaction that nothing was added to was never begun.
        return this.isBegun ? 'end' : 'nothing'
      case 'abort':
        if (this.at === 'idle' || this.at === 'closed') return 'nothing'
        if (this.isBegun) return 'end'
        return this.isUnsure ? 'renew' : 'nothing'
    }
  }

  apply(fact: TransactionFact): void {
    switch (fact.type) {
      case 'begun':
        this.expect(fact, 'idle')
        this.begunAtMs = fact.atMs
        this.cause = undefined
        this.mayBeCommitted = false
        this.at = 'open'
        return
      case 'joining':
        this.expect(fact, 'open')
        this.joined.add(fact.partition)
        return
      case 'offsetsJoining':
        this.expect(fact, 'open')
        this.hasOffsets = true
        return
      case 'committing':
        this.expect(fact, 'open')
        this.mayBeCommitted = true
        return
      case 'appended':
        this.expect(fact, 'open', 'failed', 'aborting')
        if (!this.joined.has(fact.partition))
          throw new Error(`${fact.partition} was written and never joined`)
        this.sequences.set(fact.partition, (this.baseSequence(fact.partition) + fact.records) % SEQUENCES)
        return
      case 'failed':
        this.failed(fact.cause)
        return
      case 'aborting':
        this.expect(fact, 'open', 'failed', 'aborting')
        this.at = 'aborting'
        return
      case 'ended':
        this.expect(fact, 'open', 'aborting')
        this.joined.clear()
        this.hasOffsets = false
        if (fact.next !== undefined && this.terms.byEpoch) this.goOnAs(fact.next)
        if (this.at === 'open') this.at = 'idle'
        return
      case 'renewed':
        this.expect(fact, 'aborting')
        this.goOnAs(fact.next)
        return
      case 'aborted':
        this.expect(fact, 'aborting')
        if (this.decide('abort') !== 'nothing') throw new Error('the transaction is not aborted yet')
        this.at = 'idle'
        return
      case 'closed':
        this.at = 'closed'
    }
  }

  /** What the code means to this transaction now. */
  refusal(errorCode: ErrorCode, nowMs: number): Refusal {
    const openMs = Math.round(nowMs - this.begunAtMs)
    const { transactionTimeoutMs: timeoutMs } = this.terms
    // From version 2 on EndTxn says only that a commit does not fit a transaction that was aborted.
    const mayBeAborted = isFencing(errorCode) || errorCode === errorCodes.INVALID_TXN_STATE
    if (this.isBegun && openMs >= timeoutMs && mayBeAborted) return { meaning: 'overdue', openMs, timeoutMs }
    return { meaning: isFencing(errorCode) ? 'fenced' : 'refused' }
  }

  /**
   * EndTxn(abort) was refused with this code because there is no transaction: nothing had joined, though it was asked
   * for. Under transaction.version 2 the coordinator takes an abort of this epoch all the same, and INVALID_TXN_STATE
   * says that the transaction was committed; under the older ones it says so where that had been asked for. Then it
   * cannot be gone on from, as in Kafka's client.
   */
  hadNothingToAbort(errorCode: ErrorCode): boolean {
    return errorCode === errorCodes.INVALID_TXN_STATE && !this.terms.byEpoch && !this.mayBeCommitted
  }

  private failed(cause: unknown): void {
    if (this.at === 'open') {
      this.at = 'failed'
      this.cause = cause
    }
    // Under transaction.version 2 the abort brings a new epoch anyway.
    if (this.at === 'failed' || this.at === 'aborting') {
      this.isUnsure ||= !this.terms.seesItsWrites && !this.terms.byEpoch
    }
  }

  private goOnAs(producer: ProducerEpoch): void {
    const { producerId, producerEpoch } = producer
    this.current = { producerId, producerEpoch }
    this.sequences.clear()
    this.isUnsure = false
  }

  private mustBeOpen(): void {
    // One append may hear of it before the one that failed has told its own caller: both tell why, and whether fenced.
    if (this.at === 'failed' && this.cause instanceof Error) throw this.cause
    if (this.at !== 'open') throw new Error(`the output session is ${this.at}, not open`)
  }

  private expect({ type }: TransactionFact, ...phases: Phase[]): void {
    if (!phases.includes(this.at)) throw new Error(`'${type}' while the session is ${this.at}`)
  }
}
