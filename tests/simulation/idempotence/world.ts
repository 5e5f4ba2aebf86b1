// Idempotent producers and one partition's producer state (I9), from one seed: connections that break with requests
// and answers on the way, requests that arrive long after, a process that dies with the unsynced tail of its log, and
// starts again from snapshot and log, epochs that are raised under a zombie, producers that are forgotten.
//
// The log is the judge: every record of a producer's epoch stands there once and in order; what was acknowledged
// stands there for good; a duplicate is told where the first one stands; and a client that only sends what it must
// gets everything through.

import { fromSnapshot, toSnapshot } from '../../../broker/partition/producer-entry.ts'
import { type ProducerBatch, ProducerState } from '../../../broker/partition/producer-state.ts'
import { errorCodes, errorName } from '../../../broker/protocol/errors.ts'
import type { Random } from '../../world/random.ts'
import { IdempotentClient, nextAfter, same, type Sent } from './client.ts'

export const newCounters = () => ({
  appended: 0,
  acknowledged: 0,
  duplicate: 0,
  duplicateAfterCrash: 0,
  gap: 0,
  staleEpoch: 0,
  putOff: 0,
  crash: 0,
  lostTail: 0,
  rolled: 0,
  broken: 0,
  ghost: 0,
  raisedEpoch: 0,
  expired: 0,
  wrapped: 0,
})
export type Counters = ReturnType<typeof newCounters>

const EXPIRATION_MS = 10_000

interface Appended {
  offset: bigint
  batch: ProducerBatch
}

export class World {
  readonly random: Random
  readonly counters: Counters
  private readonly clients: IdempotentClient[]
  private state = new ProducerState()
  private log: Appended[] = []
  private endOffset = 0n
  private durableEnd = 0n
  private snapshots: { offset: bigint; entries: ReturnType<typeof toSnapshot>[] }[] = [
    { offset: 0n, entries: [] },
  ]
  private nowMs = 0
  /** Requests of connections that have ended, which the network has not given up. */
  private ghosts: Sent[] = []
  private waiting: { sent: Sent; lastOffset: bigint }[] = []
  private hasCrashed = false
  private faults = false

  constructor(random: Random, counters: Counters) {
    this.random = random
    this.counters = counters
    const kinds = ['ofVersionTwo', 'ofVersionOne', 'nearTheLargest'] as const
    this.clients = kinds.map((kind, i) => new IdempotentClient(BigInt(i), random, kind))
    // A sequence is near its end for one that the partition has known for long.
    const veteran = this.clients.at(-1) as IdempotentClient
    veteran.send()
    this.arrive(veteran.nextRequest())
    this.sync()
    this.faults = true
  }

  run(events: number): void {
    for (let i = 0; i < events; i++) this.oneEvent()
    this.heal()
  }

  private oneEvent(): void {
    const { random } = this
    const client = random.pick(this.clients)
    const at = random.next()
    if (at < 0.35) client.send()
    else if (at < 0.72) this.arrive(client.nextRequest())
    else if (at < 0.84) this.sync()
    else if (at < 0.89) this.arriveLate()
    else if (at < 0.93) this.breakConnection(client)
    else if (at < 0.95) this.roll()
    else if (at < 0.97) this.crash()
    else if (at < 0.985) this.raiseEpoch(client)
    else this.forget(client)
  }

  private arrive(sent: Sent | undefined): void {
    if (sent === undefined) return
    const { batch, client } = sent
    const isKnown = this.state.entry(batch.producerId) !== undefined
    if (this.faults && !isKnown && this.random.chance(0.3)) {
      // Refused without being looked at, as a transaction's first batch is while its coordinator is busy.
      this.state.noteBatchPutOff(batch.producerId, batch.producerEpoch, batch.baseSequence, this.nowMs)
      this.counters.putOff++
      client.refused(sent, errorCodes.NOT_ENOUGH_REPLICAS)
      return
    }
    const decision = this.state.decideBatch(batch, true, client.startsAtZero)
    switch (decision.kind) {
      case 'append':
        return this.append(sent)
      case 'duplicate': {
        this.counters.duplicate++
        if (this.hasCrashed) this.counters.duplicateAfterCrash++
        const { lastOffset } = decision.kept
        const stands = this.log.find(
          ({ batch: other, offset }) => same(other, batch) && endOf(other, offset) === lastOffset,
        )
        if (stands === undefined)
          throw new Error(`I9: ${show(batch)} is taken for what stands at ${lastOffset}`)
        this.acknowledgeLater(sent, lastOffset)
        return
      }
      case 'refuse':
        if (decision.errorCode === errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER) this.counters.gap++
        if (decision.errorCode === errorCodes.INVALID_PRODUCER_EPOCH) this.counters.staleEpoch++
        if (this.isDue(sent)) {
          throw new Error(`I9: ${show(batch)} is due, and refused with ${errorName(decision.errorCode)}`)
        }
        client.refused(sent, decision.errorCode)
    }
  }

  private append(sent: Sent): void {
    const { batch, client } = sent
    const before = this.log.filter(
      ({ batch: other }) =>
        other.producerId === batch.producerId && other.producerEpoch === batch.producerEpoch,
    )
    const later = this.log.some(
      ({ batch: other }) =>
        other.producerId === batch.producerId && other.producerEpoch > batch.producerEpoch,
    )
    if (later) throw new Error(`I10: ${show(batch)} is taken after a later epoch`)
    const last = before.at(-1)?.batch
    const expected = last === undefined ? client.firstSequenceOf(batch.producerEpoch) : nextAfter(last)
    if (batch.baseSequence !== expected) {
      throw new Error(`I9: ${show(batch)} is taken, due is ${expected}`)
    }
    const offset = this.endOffset
    this.log.push({ offset, batch })
    this.endOffset += BigInt(batch.lastOffsetDelta + 1)
    this.state.applyBatch(batch, offset, this.nowMs)
    this.counters.appended++
    if (last !== undefined && batch.baseSequence < last.baseSequence) this.counters.wrapped++
    this.acknowledgeLater(sent, this.endOffset - 1n)
  }

  /** Whether a broker that knows the log must take this batch, or know it. */
  private isDue({ batch, client }: Sent): boolean {
    if (!client.isOldestUnanswered(batch) || batch.producerEpoch !== client.producerEpoch) return false
    const ofEpoch = this.log.filter(
      ({ batch: other }) =>
        other.producerId === batch.producerId && other.producerEpoch === batch.producerEpoch,
    )
    if (ofEpoch.some(({ batch: other }) => same(other, batch))) return true
    const last = ofEpoch.at(-1)?.batch
    return (
      batch.baseSequence ===
      (last === undefined ? client.firstSequenceOf(batch.producerEpoch) : nextAfter(last))
    )
  }

  private acknowledgeLater(sent: Sent, lastOffset: bigint): void {
    this.waiting.push({ sent, lastOffset })
    this.acknowledge()
  }

  private sync(): void {
    this.durableEnd = this.endOffset
    this.acknowledge()
  }

  private acknowledge(): void {
    const due = this.waiting.filter(({ lastOffset }) => lastOffset < this.durableEnd)
    this.waiting = this.waiting.filter(({ lastOffset }) => lastOffset >= this.durableEnd)
    for (const { sent } of due) {
      if (sent.client.answered(sent)) this.counters.acknowledged++
    }
  }

  private arriveLate(): void {
    if (this.ghosts.length === 0) return
    const [ghost] = this.ghosts.splice(this.random.below(this.ghosts.length), 1)
    this.counters.ghost++
    this.arrive(ghost)
  }

  private breakConnection(client: IdempotentClient): void {
    this.counters.broken++
    for (const lost of client.reconnect()) this.mayComeLate(lost, 0.5)
    this.waiting = this.waiting.filter(({ sent }) => sent.client !== client)
  }

  /** Of a producer of version 1 that nobody knows a later batch would be taken first: KIP-890 is against that. */
  private mayComeLate(sent: Sent, probability: number): void {
    if (this.random.chance(probability) && this.isSafeLate(sent)) this.ghosts.push(sent)
  }

  private isSafeLate({ client }: Sent): boolean {
    return client.startsAtZero || this.log.some(({ batch }) => batch.producerId === client.producerId)
  }

  private roll(): void {
    this.counters.rolled++
    this.snapshots.push({ offset: this.endOffset, entries: Array.from(this.state.allEntries(), toSnapshot) })
  }

  private crash(): void {
    this.counters.crash++
    this.hasCrashed = true
    const survives = this.log.filter(
      ({ offset, batch }) => endOf(batch, offset) < this.durableEnd || this.random.chance(0.5),
    )
    // A batch survives only with all before it.
    const kept = this.log.findIndex((entry, i) => survives[i] !== entry)
    const until = kept < 0 ? this.log.length : kept
    if (until < this.log.length) this.counters.lostTail++
    this.log = this.log.slice(0, until)
    const last = this.log.at(-1)
    this.endOffset = last === undefined ? 0n : endOf(last.batch, last.offset) + 1n
    this.durableEnd = this.endOffset
    this.snapshots = this.snapshots.filter(({ offset }) => offset <= this.endOffset)
    const { offset: from, entries } = this.snapshots.at(-1) as (typeof this.snapshots)[number]
    this.state = new ProducerState()
    this.state.restore(entries.map(fromSnapshot))
    for (const { offset, batch } of this.log) {
      if (offset < from) this.state.recallBatch(batch, offset)
      else this.state.applyBatch(batch, offset, this.nowMs)
    }
    this.waiting = []
    this.ghosts = this.ghosts.filter((ghost) => this.isSafeLate(ghost))
    for (const client of this.clients) this.breakConnection(client)
    for (const client of this.clients) {
      for (const acknowledged of client.acknowledged) {
        if (!this.log.some(({ batch }) => same(batch, acknowledged))) {
          throw new Error(`I1: ${show(acknowledged)} was acknowledged and is gone`)
        }
      }
    }
  }

  /** Its next instance, or itself after an error: what the one before sent may come still. */
  private raiseEpoch(client: IdempotentClient): void {
    this.counters.raisedEpoch++
    for (const abandoned of client.raiseEpoch()) this.mayComeLate(abandoned, 0.7)
    this.waiting = this.waiting.filter(({ sent }) => sent.client !== client)
  }

  /** A producer that has been silent for long is forgotten; nothing of it is on the way any more. */
  private forget(client: IdempotentClient): void {
    if (!client.isIdle || !client.startsAtZero || this.clients.some(({ mustResend }) => mustResend)) return
    this.ghosts = this.ghosts.filter(({ client: other }) => other !== client)
    // The others are at work meanwhile.
    for (let passedMs = 0; passedMs < EXPIRATION_MS; passedMs += EXPIRATION_MS / 2) {
      this.nowMs += EXPIRATION_MS / 2
      for (const entry of this.state.allEntries()) {
        if (entry.producerId !== client.producerId) (entry as { lastUsedMs: number }).lastUsedMs = this.nowMs
      }
      this.counters.expired += this.state.expire(this.nowMs, EXPIRATION_MS)
    }
    // What it sends next is from nowhere: only a raised epoch, or luck, lets it in.
    this.raiseEpoch(client)
  }

  /** No faults any more: everything gets through. */
  private heal(): void {
    this.faults = false
    this.ghosts = []
    for (const client of this.clients) {
      for (let tries = 0; !client.isIdle; tries++) {
        if (tries > 1_000)
          throw new Error(`I9: ${client.producerId} does not get through: ${client.describe()}`)
        const request = client.nextRequest()
        if (request === undefined) this.breakConnection(client)
        else this.arrive(request)
        this.sync()
      }
    }
  }
}

function endOf(batch: ProducerBatch, offset: bigint): bigint {
  return offset + BigInt(batch.lastOffsetDelta)
}

function show({ producerId, producerEpoch, baseSequence, lastOffsetDelta }: ProducerBatch): string {
  return `${producerId}/${producerEpoch} ${baseSequence}+${lastOffsetDelta}`
}
