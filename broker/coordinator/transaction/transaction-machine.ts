// The transaction coordinator of one partition of __transaction_state, without log, clock or network
// (design law 1). `decide` chooses, `apply` changes; a restart rebuilds by replay what live traffic built.
//
// The rule it keeps (I12): an outcome is decided by one fact, PrepareCommit or PrepareAbort; no later
// fact changes it, and nothing of the id moves again before every partition has the marker. The markers
// are not written here: `undelivered` and `markerWork` tell the marker sender what to do, and it may only
// be told once the decision is durable.

import { errorCodes } from '../../protocol/errors.ts'
import type { Decision, Machine, RequestId } from '../machine.ts'
import type {
  MarkerWork,
  ProducerIdAndEpoch,
  RememberedEpoch,
  TransactionCommand,
  TransactionFact,
  TransactionNote,
  TransactionReply,
} from './commands.ts'
import type { TransactionConfig } from './config.ts'
import { decideEnd, ownershipError } from './end-transaction.ts'
import { decideInit } from './init-producer-id.ts'
import { containsAll, hasPartition, noPartitions, without } from './partition-set.ts'
import { matches } from './read-side.ts'
import {
  completed,
  decided,
  EPOCH_PER_TRANSACTION,
  fencedAndAborted,
  fenceVersion,
  needsNextProducerId,
  NO_PRODUCER_ID,
  successor,
  type Transaction,
  withPartitions,
} from './transaction.ts'
import { isIdle, isPrepared } from './transaction-state.ts'

type TransactionDecision = Decision<TransactionFact, TransactionNote, TransactionReply>
type Of<T extends TransactionCommand['type']> = Extract<TransactionCommand, { type: T }>

const EXPIRE_IDS = 'expireIds'
const TIME_OUT = 'timeOut:'

/** Until a producer id is at hand. */
const SPARE_ID_RETRY_MS = 500

/** Tombstones written in one batch; what is left follows at once. */
const MOST_EXPIRED_AT_ONCE = 1_000

export class TransactionMachine
  implements Machine<TransactionCommand, TransactionFact, TransactionNote, TransactionReply>
{
  private readonly config: TransactionConfig
  /** A producer id that nobody has, if one is at hand: for a decision that no request waits for. */
  private readonly spareProducerId: () => bigint | undefined
  private readonly earliestMs: (() => number | undefined) | undefined
  private readonly transactions = new Map<string, Transaction>()
  private readonly remembered = new Map<string, RememberedEpoch>()
  private readonly undelivered = new Map<string, MarkerWork>()
  private decisions = 0

  constructor(
    config: TransactionConfig,
    spareProducerId: () => bigint | undefined,
    earliestMs?: () => number | undefined,
  ) {
    this.config = config
    this.spareProducerId = spareProducerId
    this.earliestMs = earliestMs
  }

  /** Everything that the log keeps, by transactional id. */
  get state(): ReadonlyMap<string, Transaction> {
    return this.transactions
  }

  /** What the current decision of this id still wants; undefined when nothing does. */
  markerWork(transactionalId: string): MarkerWork | undefined {
    return this.undelivered.get(transactionalId)
  }

  /**
   * Whether this partition may take this producer's transactional records now: NONE, or why not. It looks
   * at what is applied, so whoever appends in the same turn needs no guard against a decision in between.
   */
  mayAppend(
    producer: { transactionalId: string } & ProducerIdAndEpoch,
    topic: string,
    partition: number,
  ): number {
    const known = this.owned(producer)
    if (typeof known === 'number') return known
    if (isPrepared(known.state)) return errorCodes.CONCURRENT_TRANSACTIONS
    return hasPartition(known.partitions, topic, partition)
      ? errorCodes.NONE
      : errorCodes.TRANSACTION_ABORTABLE
  }

  decide(command: TransactionCommand, requestId: RequestId, nowMs: number): TransactionDecision {
    switch (command.type) {
      case 'init':
        return this.init(command, requestId, nowMs)
      case 'addPartitions':
        return this.addPartitions(command, requestId, nowMs)
      case 'verifyPartitions':
        return this.verifyPartitions(command, requestId)
      case 'end':
        return this.end(command, requestId, nowMs)
      case 'timeOut':
        return this.timeOut(command, nowMs)
      case 'marked':
        return this.marked(command, requestId, nowMs)
      case 'undelivered':
        return answer(requestId, { type: 'undelivered', work: [...this.undelivered.values()] })
      case 'describe':
        return answer(requestId, {
          type: 'described',
          transaction: this.transactions.get(command.transactionalId),
          unmarked: this.undelivered.get(command.transactionalId)?.partitions ?? noPartitions,
        })
      case 'list':
        return answer(requestId, {
          type: 'listed',
          transactions: [...this.transactions.values()].filter((known) =>
            matches(command.filter, known, nowMs),
          ),
        })
      case 'expireIds':
        return this.expireIds(nowMs)
    }
  }

  apply(change: TransactionFact | TransactionNote): void {
    switch (change.type) {
      case 'transaction':
        this.put(change.transaction)
        break
      case 'tombstone':
        this.forget(change.transactionalId)
        break
      case 'initialized': {
        const { transactionalId, lastProducerEpoch } = change
        this.remembered.set(transactionalId, { lastProducerEpoch })
        break
      }
      case 'marked': {
        const work = this.undelivered.get(change.transactionalId)
        if (work === undefined || work.decision !== change.decision) {
          throw new Error(
            `${change.transactionalId}: markers of decision ${change.decision}, not of ${work?.decision}`,
          )
        }
        this.undelivered.set(work.transactionalId, {
          ...work,
          partitions: without(work.partitions, change.partitions),
        })
        break
      }
    }
  }

  /** Nobody's transaction includes this log; a marker that lands here all the same changes nothing. */
  completeTransaction(): void {}

  expired(timerKey: string): TransactionCommand {
    if (timerKey === EXPIRE_IDS) return { type: 'expireIds' }
    if (timerKey.startsWith(TIME_OUT)) {
      return { type: 'timeOut', transactionalId: timerKey.slice(TIME_OUT.length) }
    }
    throw new Error(`no timer is called ${timerKey}`)
  }

  /** An open transaction keeps its time across a restart; a clock set back does not lengthen it. */
  timersAfterReplay(nowMs: number): { key: string; afterMs: number | null }[] {
    const timers: { key: string; afterMs: number | null }[] = [this.expireTimer()]
    for (const {
      transactionalId,
      state,
      startTimestampMs,
      transactionTimeoutMs,
    } of this.transactions.values()) {
      if (state === 'Ongoing') {
        const leftMs = startTimestampMs + transactionTimeoutMs - nowMs
        const afterMs = Math.max(0, Math.min(leftMs, transactionTimeoutMs))
        timers.push({ key: TIME_OUT + transactionalId, afterMs })
      } else if (state === 'PrepareEpochFence') {
        timers.push({ key: TIME_OUT + transactionalId, afterMs: 0 })
      }
    }
    return timers
  }

  private init(command: Of<'init'>, requestId: RequestId, nowMs: number): TransactionDecision {
    const { transactionalId } = command
    const known = this.transactions.get(transactionalId)
    const { transactionVersion } = this.config
    const remembered = this.remembered.get(transactionalId)
    const outcome = decideInit(command, known, remembered, transactionVersion(), nowMs)
    switch (outcome.type) {
      case 'needsProducerId':
        return answer(requestId, { type: 'needsProducerId' })
      case 'refused':
        return refuse(requestId, outcome.errorCode)
      case 'written': {
        const { transaction, errorCode, remember } = outcome
        if (errorCode !== errorCodes.NONE)
          return this.write(transaction, requestId, { type: 'done', errorCode })
        const { producerId, producerEpoch } = transaction
        const body: TransactionReply = { type: 'producer', errorCode, producerId, producerEpoch }
        const decision = this.write(transaction, requestId, body)
        if (remember !== undefined) decision.notes.push({ type: 'initialized', transactionalId, ...remember })
        return decision
      }
    }
  }

  private addPartitions(
    command: Of<'addPartitions'>,
    requestId: RequestId,
    nowMs: number,
  ): TransactionDecision {
    const known = this.owned(command)
    if (typeof known === 'number') return refuse(requestId, known)
    if (isPrepared(known.state) || known.state === 'PrepareEpochFence') {
      return refuse(requestId, errorCodes.CONCURRENT_TRANSACTIONS)
    }
    if (known.state === 'Ongoing' && containsAll(known.partitions, command.partitions)) {
      return refuse(requestId, errorCodes.NONE)
    }
    const open = withPartitions(known, command.partitions, command.clientTransactionVersion, nowMs)
    const decision = this.write(open, requestId, { type: 'done', errorCode: errorCodes.NONE })
    if (known.state !== 'Ongoing') {
      decision.timers.push({ key: TIME_OUT + open.transactionalId, afterMs: open.transactionTimeoutMs })
    }
    return decision
  }

  /** May these partitions take this producer's records? Asked by partitions before they open a transaction. */
  private verifyPartitions(command: Of<'verifyPartitions'>, requestId: RequestId): TransactionDecision {
    const known = this.owned(command)
    if (typeof known === 'number') return refuse(requestId, known)
    if (isPrepared(known.state)) return refuse(requestId, errorCodes.CONCURRENT_TRANSACTIONS)
    const missing = without(command.partitions, known.partitions)
    return answer(requestId, { type: 'verified', errorCode: errorCodes.NONE, missing })
  }

  private end(command: Of<'end'>, requestId: RequestId, nowMs: number): TransactionDecision {
    const { transactionalId, committed, clientTransactionVersion, freshProducerId } = command
    const known = this.transactions.get(transactionalId)
    if (known === undefined) return refuse(requestId, errorCodes.INVALID_PRODUCER_ID_MAPPING)
    const outcome = decideEnd(command, known)
    const goesOn = (from: Transaction): TransactionReply => ({
      type: 'producer',
      errorCode: errorCodes.NONE,
      ...successor(from),
    })
    if (outcome.type === 'answer') {
      const { errorCode } = outcome
      return errorCode === errorCodes.NONE ? answer(requestId, goesOn(known)) : refuse(requestId, errorCode)
    }
    const isSpent = needsNextProducerId(known, clientTransactionVersion)
    if (isSpent && freshProducerId === undefined) return answer(requestId, { type: 'needsProducerId' })
    const nextProducerId = isSpent ? (freshProducerId as bigint) : NO_PRODUCER_ID
    const transaction = decided(known, committed, { clientTransactionVersion, nextProducerId }, nowMs)
    return this.write(transaction, requestId, goesOn(transaction))
  }

  private timeOut({ transactionalId }: Of<'timeOut'>, nowMs: number): TransactionDecision {
    const known = this.transactions.get(transactionalId)
    if (known === undefined || (known.state !== 'Ongoing' && known.state !== 'PrepareEpochFence'))
      return nothing()
    const clientTransactionVersion = fenceVersion(this.config.transactionVersion())
    const isSpent = needsNextProducerId(known, clientTransactionVersion)
    const nextProducerId = isSpent ? this.spareProducerId() : NO_PRODUCER_ID
    if (nextProducerId === undefined) {
      return { ...nothing(), timers: [{ key: TIME_OUT + transactionalId, afterMs: SPARE_ID_RETRY_MS }] }
    }
    return this.write(fencedAndAborted(known, { clientTransactionVersion, nextProducerId }, nowMs))
  }

  private marked(command: Of<'marked'>, requestId: RequestId, nowMs: number): TransactionDecision {
    const { transactionalId, decision, partitions } = command
    const work = this.undelivered.get(transactionalId)
    const known = this.transactions.get(transactionalId)
    // The sender works for an earlier decision: whatever it did has been told already.
    if (work === undefined || known === undefined || work.decision !== decision) {
      return refuse(requestId, errorCodes.INVALID_TXN_STATE)
    }
    const body: TransactionReply = { type: 'done', errorCode: errorCodes.NONE }
    if (without(work.partitions, partitions).size === 0) {
      return this.write(completed(known, nowMs), requestId, body)
    }
    return { ...answer(requestId, body), notes: [{ type: 'marked', transactionalId, decision, partitions }] }
  }

  private expireIds(nowMs: number): TransactionDecision {
    const decision = nothing()
    // What expires is gone for good: a clock that was set wrong must not be enough for it.
    const earliestMs = this.earliestMs === undefined ? nowMs : this.earliestMs()
    if (earliestMs === undefined) {
      decision.timers.push(this.expireTimer())
      return decision
    }
    const unusedSinceMs = earliestMs - this.config.transactionalIdExpirationMs
    for (const { transactionalId, state, lastUpdateTimestampMs } of this.transactions.values()) {
      if (!isIdle(state) || lastUpdateTimestampMs > unusedSinceMs) continue
      if (decision.facts.length === MOST_EXPIRED_AT_ONCE) {
        decision.timers.push({ key: EXPIRE_IDS, afterMs: 0 })
        return decision
      }
      decision.facts.push({ type: 'tombstone', transactionalId })
    }
    decision.timers.push(this.expireTimer())
    return decision
  }

  private expireTimer(): { key: string; afterMs: number } {
    return { key: EXPIRE_IDS, afterMs: this.config.removeExpiredTransactionCleanupIntervalMs }
  }

  /** The id if this producer owns it, otherwise the error code. */
  private owned(command: { transactionalId: string } & ProducerIdAndEpoch): Transaction | number {
    const known = this.transactions.get(command.transactionalId)
    return ownershipError(command, known) ?? (known as Transaction)
  }

  /** The time of a transaction runs while it is open, and a decision ends it. */
  private write(
    transaction: Transaction,
    requestId?: RequestId,
    body?: TransactionReply,
  ): TransactionDecision {
    const decision = requestId === undefined || body === undefined ? nothing() : answer(requestId, body)
    decision.facts.push({ type: 'transaction', transaction })
    if (isPrepared(transaction.state)) {
      decision.timers.push({ key: TIME_OUT + transaction.transactionalId, afterMs: null })
    }
    return decision
  }

  private put(transaction: Transaction): void {
    const { transactionalId, producerId, producerEpoch, state, partitions } = transaction
    const transactionVersion = transaction.clientTransactionVersion
    const before = this.transactions.get(transactionalId)
    if (state === 'Dead') {
      this.forget(transactionalId)
      return
    }
    if (isPrepared(state) && transactionVersion >= EPOCH_PER_TRANSACTION) {
      // Kept where the id changes with the end of the transaction: it is what the producer last knew.
      this.remembered.set(transactionalId, { lastProducerEpoch: producerEpoch - 1 })
    } else if (state === 'Empty' || (isPrepared(state) && before?.producerEpoch !== producerEpoch)) {
      this.remembered.delete(transactionalId)
    }
    this.transactions.set(transactionalId, transaction)
    this.undelivered.delete(transactionalId)
    if (isPrepared(state)) {
      const committed = state === 'PrepareCommit'
      const decision = ++this.decisions
      const work = { transactionalId, decision, producerId, producerEpoch, committed, partitions }
      this.undelivered.set(transactionalId, { ...work, transactionVersion })
    }
  }

  private forget(transactionalId: string): void {
    this.transactions.delete(transactionalId)
    this.remembered.delete(transactionalId)
    this.undelivered.delete(transactionalId)
  }
}

function nothing(): TransactionDecision {
  return { facts: [], notes: [], replies: [], timers: [] }
}

function answer(to: RequestId, body: TransactionReply): TransactionDecision {
  return { facts: [], notes: [], replies: [{ to, body }], timers: [] }
}

/** An answer without facts. NONE when there is nothing left to do. */
function refuse(to: RequestId, errorCode: number): TransactionDecision {
  return answer(to, { type: 'done', errorCode })
}
