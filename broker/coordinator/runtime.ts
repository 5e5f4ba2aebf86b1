// Runs one machine over one partition of an internal topic. It owns the order that makes an answer a
// promise, and nothing else:
//
//   decide ─► append ─► apply facts ─► apply notes ─► set timers ─► park replies ─► release
//
// - Append comes first: if it throws, the state is untouched and there is nothing to undo (Kafka applies
//   first and needs timeline collections to revert).
// - Replies leave when the high watermark covers everything the machine had applied when it decided.
//   Reads wait too: they may have seen facts that the next leader will never have.
// - `apply` after a successful append must not throw. If it does, state and log differ: the shard closes.

import { errorCodes } from '../protocol/errors.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { FactCodec, Machine, ProducerStamp, RequestId } from './machine.ts'
import { CoordinatorError, type ShardLog } from './shard-log.ts'

/** Request id of commands that nobody waits for: timer expiries, internal housekeeping. */
const NO_REQUEST: RequestId = 0

/** How long after a refused append a timer's command is tried again (Kafka's coordinator timer: 500 ms). */
const TIMER_RETRY_MS = 500

export interface ShardRuntimeOptions<Command, Fact, Note, Reply> {
  machine: Machine<Command, Fact, Note, Reply>
  codec: FactCodec<Fact>
  log: ShardLog
  clock: Clock
  /** Longest wait for the high watermark before a reply becomes REQUEST_TIMED_OUT (offsets.commit.timeout.ms). */
  commitTimeoutMs?: number
  /** Called in log order once the high watermark covers the facts: effects (marker writing) start here. */
  onCommitted?: (facts: readonly Fact[]) => void
  /** A bug or a corrupt record closed the shard. */
  onFailed?: (error: Error) => void
}

interface Waiting<Reply> {
  resolve: (body: Reply) => void
  reject: (error: Error) => void
}

interface Parked<Fact, Reply> {
  /** Released when the high watermark is at or above this offset. */
  needs: bigint
  deadlineMs: number
  answers: { waiting: Waiting<Reply>; body: Reply }[]
  facts: readonly Fact[]
}

export type ShardState = 'new' | 'loading' | 'active' | 'closed'

export class ShardRuntime<Command, Fact, Note, Reply> {
  private readonly machine: Machine<Command, Fact, Note, Reply>
  private readonly codec: FactCodec<Fact>
  private readonly log: ShardLog
  private readonly clock: Clock
  private readonly commitTimeoutMs: number
  private readonly onCommitted: ((facts: readonly Fact[]) => void) | undefined
  private readonly onFailed: ((error: Error) => void) | undefined

  private shardState: ShardState = 'new'
  private closedWith: number = errorCodes.NOT_COORDINATOR
  private lastRequestId = NO_REQUEST
  /** End of what the machine has applied: what a decision may have seen. */
  private appliedEnd = 0n
  private readonly waiting = new Map<RequestId, Waiting<Reply>>()
  private parked: Parked<Fact, Reply>[] = []
  private parkedTimer: Timer | undefined
  private readonly timers = new Map<string, Timer>()
  private readonly unsubscribe: (() => void)[] = []

  constructor(options: ShardRuntimeOptions<Command, Fact, Note, Reply>) {
    this.machine = options.machine
    this.codec = options.codec
    this.log = options.log
    this.clock = options.clock
    this.commitTimeoutMs = options.commitTimeoutMs ?? 5_000
    this.onCommitted = options.onCommitted
    this.onFailed = options.onFailed
  }

  get state(): ShardState {
    return this.shardState
  }

  /** The coordinator's epoch: the leader epoch of its partition. */
  get epoch(): number {
    return this.log.epoch
  }

  /** Requests that have no answer yet, whether they wait for the machine or for the high watermark. */
  get unanswered(): number {
    let parked = 0
    for (const entry of this.parked) parked += entry.answers.length
    return this.waiting.size + parked
  }

  /**
   * Rebuilds the machine from the log. Until it resolves, requests get COORDINATOR_LOAD_IN_PROGRESS. A
   * record that cannot be understood rejects and closes the shard: silence there would fork the state.
   */
  async load(): Promise<void> {
    if (this.shardState !== 'new') throw new Error(`load of a shard that is ${this.shardState}`)
    this.shardState = 'loading'
    // The log may end while it is being read; then the load stops without touching the machine again.
    this.unsubscribe.push(this.log.onClosed((errorCode) => this.close(errorCode)))
    if (this.state === 'closed') return
    // A marker that lands while the replay is under way would be met twice or not at all.
    let arrived: { producer: ProducerStamp; committed: boolean; offset: bigint }[] | undefined = []
    const replayEnd = this.log.endOffset
    this.unsubscribe.push(
      this.log.onMarker((producer, committed, offset) => {
        if (arrived === undefined) this.markerAppended(producer, committed, offset)
        else if (offset >= replayEnd) arrived.push({ producer, committed, offset })
      }),
    )
    try {
      await this.log.replay({
        record: (key, value, producer, offset) => {
          if (this.shardState === 'loading')
            this.machine.apply(this.codec.decode(key, value), producer, offset)
        },
        marker: (producer, committed) => {
          if (this.shardState === 'loading') this.machine.completeTransaction(producer, committed)
        },
      })
      if (this.shardState !== 'loading') return
      this.appliedEnd = replayEnd
      for (const { producer, committed, offset } of arrived) this.markerAppended(producer, committed, offset)
      arrived = undefined
      this.shardState = 'active'
      this.unsubscribe.push(this.log.onHighWatermark(() => this.release()))
      this.setTimers(this.machine.timersAfterReplay(this.clock.now()))
    } catch (error) {
      this.fail(error)
      throw error
    }
  }

  /** Rejects with CoordinatorError for expected refusals, with any other Error for a bug. */
  submit(command: Command): Promise<Reply> {
    return new Promise<Reply>((resolve, reject) => {
      const refusal = this.refusal()
      if (refusal !== undefined) {
        reject(refusal)
        return
      }
      const requestId = ++this.lastRequestId
      this.waiting.set(requestId, { resolve, reject })
      try {
        this.run(command, requestId)
      } catch (error) {
        this.waiting.delete(requestId)
        reject(error as Error)
      }
    })
  }

  /** Cancels every timer and answers everyone who waits with `errorCode`. Idempotent. */
  close(errorCode: number = errorCodes.NOT_COORDINATOR): void {
    if (this.shardState === 'closed') return
    this.shardState = 'closed'
    this.closedWith = errorCode
    for (const stop of this.unsubscribe.splice(0)) stop()
    for (const timer of this.timers.values()) timer.cancel()
    this.timers.clear()
    this.parkedTimer?.cancel()
    this.parkedTimer = undefined
    const error = new CoordinatorError(errorCode, 'the coordinator of this shard has closed')
    const parked = this.parked
    this.parked = []
    for (const entry of parked) for (const { waiting } of entry.answers) waiting.reject(error)
    for (const waiting of this.waiting.values()) waiting.reject(error)
    this.waiting.clear()
  }

  private refusal(): CoordinatorError | undefined {
    if (this.shardState === 'active') return undefined
    if (this.shardState === 'closed') return new CoordinatorError(this.closedWith, 'the shard is closed')
    return new CoordinatorError(errorCodes.COORDINATOR_LOAD_IN_PROGRESS, 'the shard is loading')
  }

  private run(command: Command, requestId: RequestId): void {
    const decision = this.machine.decide(command, requestId, this.clock.now())
    for (const { to } of decision.replies) {
      if (!this.waiting.has(to)) throw new Error(`a reply to request ${to}, which does not wait`)
    }
    const { facts, producer } = decision
    let offset = 0n
    if (facts.length > 0) {
      const records = facts.map((fact) => this.codec.encode(fact))
      const { baseOffset, lastOffset } = this.log.append(records, producer)
      offset = baseOffset
      if (lastOffset < this.appliedEnd) {
        throw new Error(`append at ${lastOffset} below what was applied, ${this.appliedEnd}`)
      }
      this.appliedEnd = lastOffset + 1n
    }
    // From here on the log has spoken: a failure leaves state and log apart, and the shard must go.
    try {
      for (const fact of facts) this.machine.apply(fact, producer, offset++)
      for (const note of decision.notes) this.machine.apply(note)
      this.setTimers(decision.timers)
    } catch (error) {
      this.fail(error)
      throw error
    }
    this.park(decision.replies, facts)
    this.release()
  }

  private markerAppended(producer: ProducerStamp, committed: boolean, offset: bigint): void {
    try {
      this.machine.completeTransaction(producer, committed)
    } catch (error) {
      this.fail(error)
      throw error
    }
    if (offset >= this.appliedEnd) this.appliedEnd = offset + 1n
  }

  private park(replies: readonly { to: RequestId; body: Reply }[], facts: readonly Fact[]): void {
    if (replies.length === 0 && (facts.length === 0 || this.onCommitted === undefined)) return
    const answers = replies.map(({ to, body }) => {
      const waiting = this.waiting.get(to)
      if (waiting === undefined) throw new Error(`request ${to} is answered twice`)
      this.waiting.delete(to)
      return { waiting, body }
    })
    const deadlineMs = this.clock.now() + this.commitTimeoutMs
    this.parked.push({ needs: this.appliedEnd, deadlineMs, answers, facts })
  }

  private release(): void {
    const highWatermark = this.log.highWatermark
    while (this.parked.length > 0) {
      const first = this.parked[0] as Parked<Fact, Reply>
      if (first.needs > highWatermark) break
      this.parked.shift()
      if (first.facts.length > 0) this.onCommitted?.(first.facts)
      for (const { waiting, body } of first.answers) waiting.resolve(body)
    }
    if (this.parked.length > 0 && this.parkedTimer === undefined) this.armParkedTimer()
  }

  /**
   * One timer for all that is parked: it looks again when the oldest could be due, and is not reset by
   * every release. An entry with effects stays parked (its facts may yet be committed), unanswered no more.
   */
  private armParkedTimer(): void {
    const oldest = this.parked.find((entry) => entry.answers.length > 0)
    if (oldest === undefined) return
    this.parkedTimer = this.clock.setTimer(Math.max(1, oldest.deadlineMs - this.clock.now()), () => {
      this.parkedTimer = undefined
      const nowMs = this.clock.now()
      const error = new CoordinatorError(errorCodes.REQUEST_TIMED_OUT, 'not committed in time')
      for (const entry of this.parked) {
        if (entry.deadlineMs > nowMs) break
        for (const { waiting } of entry.answers.splice(0)) waiting.reject(error)
      }
      this.armParkedTimer()
    })
  }

  private setTimers(timers: readonly { key: string; afterMs: number | null }[]): void {
    for (const { key, afterMs } of timers) {
      this.timers.get(key)?.cancel()
      this.timers.delete(key)
      if (afterMs !== null)
        this.timers.set(
          key,
          this.clock.setTimer(afterMs, () => this.timerFired(key)),
        )
    }
  }

  private timerFired(key: string): void {
    this.timers.delete(key)
    if (this.shardState !== 'active') return
    try {
      this.run(this.machine.expired(key), NO_REQUEST)
    } catch (error) {
      // The log refused: the expiry is still due, so it is tried again. Anything else is a bug.
      if (error instanceof CoordinatorError) this.setTimers([{ key, afterMs: TIMER_RETRY_MS }])
      else this.fail(error)
    }
  }

  private fail(error: unknown): void {
    if (this.shardState === 'closed') return
    this.close(errorCodes.COORDINATOR_NOT_AVAILABLE)
    this.onFailed?.(error instanceof Error ? error : new Error(String(error)))
  }
}
