// An idempotent producer as clients are: up to five batches unanswered, sent in order on one connection, all of them
// sent again in order on the next; sequences that begin anew with the epoch.

import type { ProducerBatch } from '../../../broker/partition/producer-state.ts'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import type { Random } from '../../world/random.ts'

export interface Sent {
  client: IdempotentClient
  batch: ProducerBatch
  /** Answers of an ended connection reach nobody. */
  connection: number
}

/** A broker takes the first batch of a producer as it comes, but of one of transaction.version 2. */
export type Kind = 'ofVersionTwo' | 'ofVersionOne' | 'nearTheLargest'

const MOST_IN_FLIGHT = 5

export class IdempotentClient {
  readonly producerId: bigint
  producerEpoch = 0
  /** Kafka from transaction.version 2 on: no first sequence but 0. */
  readonly startsAtZero: boolean
  acknowledged: ProducerBatch[] = []
  private readonly random: Random
  private nextSequence: number
  private readonly firstSequences: number[]
  /** Oldest first; sent, or to be sent again. */
  private unanswered: ProducerBatch[] = []
  private connection = 0
  /** Something was refused; what is on the way meets its fate first. */
  mustResend = false
  /** Sent on this connection, and not yet arrived. */
  private onTheWay: Sent[] = []

  constructor(producerId: bigint, random: Random, kind: Kind) {
    this.producerId = producerId
    this.random = random
    this.startsAtZero = kind === 'ofVersionTwo'
    this.nextSequence = kind === 'nearTheLargest' ? 2 ** 31 - random.between(1, 40) : 0
    this.firstSequences = [this.nextSequence]
  }

  get isIdle(): boolean {
    return this.unanswered.length === 0
  }

  firstSequenceOf(epoch: number): number {
    return this.firstSequences[epoch] ?? 0
  }

  isOldestUnanswered(batch: ProducerBatch): boolean {
    const [oldest] = this.unanswered
    return oldest !== undefined && same(oldest, batch)
  }

  send(): void {
    if (this.unanswered.length >= MOST_IN_FLIGHT) return
    const batch: ProducerBatch = {
      producerId: this.producerId,
      producerEpoch: this.producerEpoch,
      baseSequence: this.nextSequence,
      lastOffsetDelta: this.random.below(3),
      maxTimestamp: 0n,
      isTransactional: false,
    }
    this.nextSequence = nextAfter(batch)
    this.unanswered.push(batch)
    if (!this.mustResend) this.put(batch)
  }

  nextRequest(): Sent | undefined {
    if (this.onTheWay.length === 0 && this.mustResend) this.reconnect()
    return this.onTheWay.shift()
  }

  /** The connection breaks; what was on the way is given back, and all that is unanswered is sent again. */
  reconnect(): Sent[] {
    this.mustResend = false
    const lost = this.onTheWay
    this.connection++
    this.onTheWay = []
    for (const batch of this.unanswered) this.put(batch)
    return lost
  }

  /** What the epoch before has sent and not heard of. */
  raiseEpoch(): Sent[] {
    const abandoned = this.unanswered.map((batch) => ({ client: this, batch, connection: -1 }))
    this.producerEpoch++
    this.unanswered = []
    this.nextSequence = 0
    this.reconnect()
    return abandoned
  }

  /** Whether anybody hears it. */
  answered({ batch, connection }: Sent): boolean {
    if (connection !== this.connection) return false
    this.unanswered = this.unanswered.filter((other) => !same(other, batch))
    this.acknowledged.push(batch)
    return true
  }

  refused({ connection }: Sent, errorCode: number): void {
    if (connection !== this.connection) return
    if (errorCode === errorCodes.INVALID_PRODUCER_EPOCH)
      throw new Error(`${this.producerId} is fenced by nobody`)
    // What is on the way will be refused for want of this one; then all goes out again, in order.
    this.mustResend = true
  }

  describe(): string {
    return `${this.producerEpoch} [${this.unanswered.map(({ baseSequence }) => baseSequence).join()}]`
  }

  private put(batch: ProducerBatch): void {
    this.onTheWay.push({ client: this, batch, connection: this.connection })
  }
}

/** As Kafka counts: int32, 0 after the largest. */
export function nextAfter({ baseSequence, lastOffsetDelta }: ProducerBatch): number {
  return (baseSequence + lastOffsetDelta + 1) % 2 ** 31
}

export function same(a: ProducerBatch, b: ProducerBatch): boolean {
  return (
    a.producerId === b.producerId && a.producerEpoch === b.producerEpoch && a.baseSequence === b.baseSequence
  )
}
