// The partitions of the simulated world, as naive as producer state can be: who wrote what under which
// transaction, open until a marker comes. They check what no partition may ever see.

import type { MarkerWriter } from '../../../broker/coordinator/transaction/marker-writer.ts'
import type { TopicPartition } from '../../../broker/coordinator/transaction/partition-set.ts'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import type { Random } from '../../world/random.ts'

export type Outcome = 'commit' | 'abort'

/** One transaction as its client means it. */
export interface Intent {
  tag: number
  transactionalId: string
  /** What a partition's marker made of it, the same everywhere. */
  ended: Outcome | undefined
  /** What an EndTxn was answered NONE for. */
  acknowledged: Outcome | undefined
  records: number
}

export class SimPartition {
  readonly name: string
  private readonly epochs = new Map<bigint, number>()
  private readonly open = new Map<bigint, Set<Intent>>()
  /** Appends that were verified against the coordinator; a marker makes them void (verification guard). */
  private readonly guards = new Map<bigint, Set<object>>()

  constructor(name: string) {
    this.name = name
  }

  guard(producerId: bigint): object {
    const guard = {}
    const guards = this.guards.get(producerId) ?? new Set()
    this.guards.set(producerId, guards.add(guard))
    return guard
  }

  append(producerId: bigint, epoch: number, intent: Intent, guard: object): boolean {
    if (!this.guards.get(producerId)?.delete(guard)) return false
    if (epoch < (this.epochs.get(producerId) ?? -1)) return false
    this.epochs.set(producerId, epoch)
    this.open.set(producerId, (this.open.get(producerId) ?? new Set()).add(intent))
    intent.records++
    return true
  }

  marker(producerId: bigint, epoch: number, outcome: Outcome): number {
    if (epoch < (this.epochs.get(producerId) ?? -1)) return errorCodes.INVALID_PRODUCER_EPOCH
    this.epochs.set(producerId, epoch)
    this.guards.delete(producerId)
    for (const intent of this.open.get(producerId) ?? []) {
      if (intent.ended !== undefined && intent.ended !== outcome) {
        throw new Error(
          `I11: ${this.name} ends ${intent.tag} by ${outcome}, another partition by ${intent.ended}`,
        )
      }
      if (intent.acknowledged !== undefined && intent.acknowledged !== outcome) {
        throw new Error(
          `${this.name} ends ${intent.tag} by ${outcome}, its EndTxn was told ${intent.acknowledged}`,
        )
      }
      intent.ended = outcome
    }
    this.open.delete(producerId)
    return errorCodes.NONE
  }

  get hasOpen(): boolean {
    return this.open.size > 0
  }

  openIntents(): Intent[] {
    return [...this.open.values()].flatMap((intents) => [...intents])
  }
}

interface Attempt {
  producerId: bigint
  epoch: number
  outcome: Outcome
  partitions: readonly TopicPartition[]
  resolve: (codes: number[]) => void
  reject: (error: Error) => void
}

const passing = [
  errorCodes.NOT_LEADER_OR_FOLLOWER,
  errorCodes.NOT_ENOUGH_REPLICAS,
  errorCodes.REQUEST_TIMED_OUT,
  errorCodes.KAFKA_STORAGE_ERROR,
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
] as const

/** Marker writes that wait, fail, half succeed, succeed and say they failed, and happen twice. */
export class SimPartitions implements MarkerWriter {
  readonly byName = new Map<string, SimPartition>()
  attempts: Attempt[] = []
  faults = true
  /** Throws when the decision is not durable. */
  onWrite: (producerId: bigint, epoch: number, outcome: Outcome) => void = () => {}
  retries = 0
  private readonly random: Random

  constructor(random: Random, names: readonly string[]) {
    this.random = random
    for (const name of names) this.byName.set(name, new SimPartition(name))
  }

  write(
    producerId: bigint,
    epoch: number,
    committed: boolean,
    _coordinatorEpoch: number,
    partitions: readonly TopicPartition[],
  ): Promise<number[]> {
    const outcome = committed ? 'commit' : 'abort'
    this.onWrite(producerId, epoch, outcome)
    return new Promise((resolve, reject) => {
      this.attempts.push({ producerId, epoch, outcome, partitions, resolve, reject })
      if (!this.faults) this.settleOne()
    })
  }

  /** One waiting attempt meets its fate. */
  settleOne(): void {
    const at = this.random.below(Math.max(1, this.attempts.length))
    const [attempt] = this.attempts.splice(at, 1)
    if (attempt === undefined) return
    if (this.faults && this.random.chance(0.1)) {
      if (this.random.chance(0.5)) this.apply(attempt)
      this.retries++
      attempt.reject(new Error('the connection broke'))
      return
    }
    attempt.resolve(attempt.partitions.map((partition) => this.applyOne(attempt, partition)))
  }

  /** The process ends: each waiting write had happened, or never will. */
  crash(): void {
    for (const attempt of this.attempts) if (this.random.chance(0.5)) this.apply(attempt)
    this.attempts = []
  }

  private apply(attempt: Attempt): void {
    for (const { topic, partition } of attempt.partitions) {
      this.byName.get(`${topic}-${partition}`)?.marker(attempt.producerId, attempt.epoch, attempt.outcome)
    }
  }

  private applyOne(attempt: Attempt, { topic, partition }: TopicPartition): number {
    const target = this.byName.get(`${topic}-${partition}`)
    if (target === undefined) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION
    const { producerId, epoch, outcome } = attempt
    if (this.faults && this.random.chance(0.2)) {
      this.retries++
      if (this.random.chance(0.5)) target.marker(producerId, epoch, outcome)
      return this.random.pick(passing)
    }
    if (this.faults && this.random.chance(0.1)) target.marker(producerId, epoch, outcome)
    return target.marker(producerId, epoch, outcome)
  }
}
