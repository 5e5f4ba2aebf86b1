// One partition of __transaction_state under this coordinator: the machine in its runtime, and the sender
// that carries out its decisions once they are durable.

import type { Clock } from '../../time/clock.ts'
import { ShardRuntime } from '../runtime.ts'
import { CoordinatorError, type ShardLog } from '../shard-log.ts'
import { errorCodes } from '../../protocol/errors.ts'
import type {
  ProducerIdAndEpoch,
  TransactionCommand,
  TransactionFact,
  TransactionNote,
  TransactionReply,
} from './commands.ts'
import type { TransactionConfig } from './config.ts'
import { MarkerSender } from './marker-sender.ts'
import type { MarkerWriter } from './marker-writer.ts'
import { transactionLogCodec } from './transaction-log.ts'
import { TransactionMachine } from './transaction-machine.ts'
import { hasPartition } from './partition-set.ts'
import type { Transaction } from './transaction.ts'
import { isIdle, isPrepared } from './transaction-state.ts'

export interface ShardOptions {
  config: TransactionConfig
  clock: Clock
  markerWriter: MarkerWriter
  spareProducerId: () => bigint | undefined
  /** How late it is at least, as far as the clock can be vouched for; undefined: nobody knows. Left out: as it says. */
  earliestMs?: (() => number | undefined) | undefined
  partitionExists: (topic: string, partition: number) => boolean
  onWarning: (message: string) => void
  onFailed: (error: Error) => void
}

export class TransactionShard {
  readonly machine: TransactionMachine
  private readonly runtime: ShardRuntime<
    TransactionCommand,
    TransactionFact,
    TransactionNote,
    TransactionReply
  >
  private readonly sender: MarkerSender
  private readonly onWarning: (message: string) => void
  /** By id, the newest of its states that the log can no longer lose. */
  private readonly durable = new Map<string, Transaction>()
  /** By id, who waits for the end of its decided transaction. */
  private readonly endings = new Map<string, Set<() => void>>()
  private readonly unsubscribe: () => void

  constructor(log: ShardLog, options: ShardOptions) {
    const { config, clock, onWarning } = options
    this.onWarning = onWarning
    this.machine = new TransactionMachine(config, options.spareProducerId, options.earliestMs)
    this.runtime = new ShardRuntime({
      machine: this.machine,
      codec: transactionLogCodec(config.transactionVersion),
      log,
      clock,
      onCommitted: (facts) => this.committed(facts),
      onFailed: (error) => {
        this.sender.close()
        options.onFailed(error)
      },
    })
    this.sender = new MarkerSender({
      writer: options.markerWriter,
      partitionExists: options.partitionExists,
      clock,
      coordinatorEpoch: log.epoch,
      workOf: (transactionalId) => this.machine.markerWork(transactionalId),
      marked: ({ transactionalId, decision }, partitions) =>
        this.runtime.submit({ type: 'marked', transactionalId, decision, partitions }),
      onWarning,
    })
    this.unsubscribe = log.onClosed(() => this.sender.close())
  }

  get isActive(): boolean {
    return this.runtime.state === 'active'
  }

  /** Replays the log, then goes on where the last coordinator stopped. */
  async load(): Promise<void> {
    await this.runtime.load()
    for (const [transactionalId, transaction] of this.machine.state)
      this.durable.set(transactionalId, transaction)
    this.resume()
  }

  /**
   * The machine's answer, but that a partition must have been added for good: were its records to outlive the
   * fact that it belongs to the transaction, nobody would ever end them.
   */
  mayAppend(
    producer: { transactionalId: string } & ProducerIdAndEpoch,
    topic: string,
    partition: number,
  ): number {
    const errorCode = this.machine.mayAppend(producer, topic, partition)
    if (errorCode !== errorCodes.NONE) return errorCode
    const durable = this.durable.get(producer.transactionalId)
    const isAdded = durable?.state === 'Ongoing' && hasPartition(durable.partitions, topic, partition)
    return isAdded ? errorCodes.NONE : errorCodes.CONCURRENT_TRANSACTIONS
  }

  /** Calls back once when this id's decided transaction has its markers, or when the shard closes. */
  onEnding(transactionalId: string, callback: () => void): () => void {
    const waiting = this.endings.get(transactionalId) ?? new Set()
    this.endings.set(transactionalId, waiting.add(callback))
    return () => {
      waiting.delete(callback)
      if (waiting.size === 0 && this.endings.get(transactionalId) === waiting)
        this.endings.delete(transactionalId)
    }
  }

  submit(command: TransactionCommand): Promise<TransactionReply> {
    return this.runtime.submit(command)
  }

  close(): void {
    this.unsubscribe()
    this.sender.close()
    this.runtime.close()
    for (const transactionalId of this.endings.keys()) this.wake(transactionalId)
  }

  private wake(transactionalId: string): void {
    const waiting = this.endings.get(transactionalId)
    if (waiting === undefined) return
    this.endings.delete(transactionalId)
    for (const callback of waiting) callback()
  }

  /** Decisions found in the log are carried out as new ones are: when the log can no longer lose them. */
  private resume(): void {
    this.runtime.submit({ type: 'undelivered' }).then(
      (reply) => {
        if (reply.type !== 'undelivered') throw new Error(`undelivered was answered with ${reply.type}`)
        for (const { transactionalId, decision } of reply.work) this.sender.start(transactionalId, decision)
      },
      (error: unknown) => {
        if (this.runtime.state !== 'active') return
        // The high watermark has not come so far in time.
        if (error instanceof CoordinatorError) this.resume()
        else this.onWarning(`undelivered markers are not taken up: ${String(error)}`)
      },
    )
  }

  private committed(facts: readonly TransactionFact[]): void {
    for (const fact of facts) {
      if (fact.type === 'transaction') this.durable.set(fact.transaction.transactionalId, fact.transaction)
      else this.durable.delete(fact.transactionalId)
      if (fact.type !== 'transaction') continue
      const { transactionalId, state } = fact.transaction
      if (isIdle(state)) this.wake(transactionalId)
      if (!isPrepared(state)) continue
      const work = this.machine.markerWork(transactionalId)
      if (work !== undefined) this.sender.start(work.transactionalId, work.decision)
    }
  }
}
