// Carries out durable decisions: writes the marker into every partition and tells the machine, until
// nothing is left. The rules it keeps:
//
// - It is only told of decisions that the log can no longer lose (I12).
// - One attempt at a time: an attempt that is still under way when the transaction completes could end
//   the producer's next one.
// - A partition is given up only when writer and metadata both say that it does not exist. Everything
//   else is tried again, with a growing pause, for as long as the shard lives.

import { errorCodes } from '../../protocol/errors.ts'
import type { Clock, Timer } from '../../time/clock.ts'
import { CoordinatorError } from '../shard-log.ts'
import type { MarkerWork } from './commands.ts'
import type { MarkerWriter } from './marker-writer.ts'
import { type PartitionSet, partitionSet, partitionsOf, type TopicPartition } from './partition-set.ts'

const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 1_000

export interface MarkerSenderOptions {
  writer: MarkerWriter
  partitionExists: (topic: string, partition: number) => boolean
  clock: Clock
  coordinatorEpoch: number
  /** What the current decision of an id still wants. */
  workOf: (transactionalId: string) => MarkerWork | undefined
  /** Tells the machine; resolves when it was accepted. */
  marked: (work: MarkerWork, partitions: PartitionSet) => Promise<unknown>
  /** Something an operator should read. */
  onWarning: (message: string) => void
}

export class MarkerSender {
  private readonly options: MarkerSenderOptions
  /** By decision, not by id: the next decision of an id may become durable in the same turn as this one's end. */
  private readonly active = new Set<number>()
  private readonly pauses = new Map<Timer, () => void>()
  private closed = false

  constructor(options: MarkerSenderOptions) {
    this.options = options
  }

  /** Decisions that are being carried out. */
  get underWay(): number {
    return this.active.size
  }

  /** Begins to carry out a decision that is durable. Told twice, or of an old decision, it does nothing. */
  start(transactionalId: string, decision: number): void {
    if (this.closed || this.active.has(decision)) return
    if (this.options.workOf(transactionalId)?.decision !== decision) return
    this.active.add(decision)
    this.deliver(transactionalId, decision).then(
      () => this.active.delete(decision),
      (error: unknown) => {
        // It stays active: a decision that cannot be carried out is taken up again after a restart.
        this.options.onWarning(`${transactionalId}: its markers are not sent any more: ${describe(error)}`)
      },
    )
  }

  close(): void {
    this.closed = true
    for (const [timer, wake] of this.pauses) {
      timer.cancel()
      wake()
    }
    this.pauses.clear()
  }

  private async deliver(transactionalId: string, decision: number): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; !this.closed; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const work = this.options.workOf(transactionalId)
      if (work === undefined || work.decision !== decision) return
      const finished = await this.attempt(work)
      if (this.closed) return
      if (await this.told(work, finished)) {
        if (this.options.workOf(transactionalId)?.decision !== decision) return
        // Some markers arrived: those that are left are not worse off than at the start.
        if (finished.length > 0) pauseMs = FIRST_PAUSE_MS
      }
      await this.pause(pauseMs)
    }
  }

  /** The partitions that want no marker any more. */
  private async attempt(work: MarkerWork): Promise<TopicPartition[]> {
    const { transactionalId, producerId, producerEpoch, committed, transactionVersion } = work
    const partitions = partitionsOf(work.partitions)
    if (partitions.length === 0) return []
    const { writer, coordinatorEpoch, partitionExists, onWarning } = this.options
    const marker = { producerId, producerEpoch, committed, transactionVersion, coordinatorEpoch }
    let codes: readonly number[]
    try {
      codes = await writer.write(marker, partitions)
    } catch (error) {
      onWarning(`${transactionalId}: markers could not be written: ${describe(error)}`)
      return []
    }
    if (codes.length !== partitions.length) {
      throw new Error(`${codes.length} results for the markers of ${partitions.length} partitions`)
    }
    return partitions.filter(({ topic, partition }, i) => {
      switch (codes[i]) {
        case errorCodes.NONE:
          return true
        case errorCodes.UNKNOWN_TOPIC_OR_PARTITION:
          return !partitionExists(topic, partition)
        case errorCodes.INVALID_PRODUCER_EPOCH:
        case errorCodes.TRANSACTION_COORDINATOR_FENCED:
          throw new Error(
            `${topic}-${partition} has met a later epoch (error ${codes[i]}) than ${producerEpoch}`,
          )
        default:
          return false
      }
    })
  }

  /** Whether the machine knows; if its log refused to take it, the markers are told of again later. */
  private async told(work: MarkerWork, finished: TopicPartition[]): Promise<boolean> {
    if (finished.length === 0 && work.partitions.size > 0) return false
    try {
      await this.options.marked(
        work,
        partitionSet(finished.map(({ topic, partition }) => ({ topic, partitionIds: [partition] }))),
      )
      return true
    } catch (error) {
      if (!(error instanceof CoordinatorError)) throw error
      return false
    }
  }

  private pause(pauseMs: number): Promise<void> {
    if (this.closed) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.options.clock.setTimer(pauseMs, () => {
        this.pauses.delete(timer)
        resolve()
      })
      this.pauses.set(timer, resolve)
    })
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
