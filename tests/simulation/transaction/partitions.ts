// The partitions of the simulated world: the product's own producer state over a log in memory, beside what an
// onlooker writes down, who trusts nobody: who wrote what in which transaction, open until a marker comes.

import type { Marker, MarkerWriter } from '../../../broker/coordinator/transaction/marker-writer.ts'
import type { TopicPartition } from '../../../broker/coordinator/transaction/partition-set.ts'
import { fromSnapshot, toSnapshot } from '../../../broker/partition/producer-entry.ts'
import {
  type ProducerBatch,
  type ProducerMarker,
  ProducerState,
} from '../../../broker/partition/producer-state.ts'
import { applyMarker } from '../../../broker/partition/replay.ts'
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
  /** Of its producer while it writes. */
  epoch: number
}

export interface SimBatch {
  producerId: bigint
  epoch: number
  sequence: number
  /** Of a producer that adds partitions implicitly. */
  startsAtZero: boolean
  intent: Intent
}

type LogEntry = { offset: bigint } & ({ batch: ProducerBatch } | { marker: ProducerMarker })

const NOW_MS = 0

export class SimPartition {
  readonly name: string
  private producers = new ProducerState()
  private log: LogEntry[] = []
  private snapshot: { offset: bigint; entries: ReturnType<typeof toSnapshot>[] } = { offset: 0n, entries: [] }
  private readonly open = new Map<bigint, Set<Intent>>()
  /** By producer, epoch and sequence, where it stands. */
  private readonly offsets = new Map<string, bigint>()

  constructor(name: string) {
    this.name = name
  }

  hasOpenTransaction(producerId: bigint, epoch: number): boolean {
    return this.producers.hasOpenTransaction(producerId, epoch)
  }

  /** NONE and whether the batch was there already, or why it is refused. */
  append({ producerId, epoch, sequence, startsAtZero, intent }: SimBatch): {
    errorCode: number
    isDuplicate: boolean
  } {
    const batch: ProducerBatch = {
      producerId,
      producerEpoch: epoch,
      baseSequence: sequence,
      lastOffsetDelta: 0,
      maxTimestamp: 0n,
      isTransactional: true,
    }
    const decision = this.producers.decideBatch(batch, true, startsAtZero)
    const key = `${producerId}/${epoch}/${sequence}`
    const known = this.offsets.get(key)
    if (decision.kind === 'refuse') return { errorCode: decision.errorCode, isDuplicate: false }
    if (decision.kind === 'duplicate') {
      if (known !== decision.kept.lastOffset) {
        throw new Error(
          `I9: ${this.name} takes ${key} for ${decision.kept.lastOffset}, it stands at ${known}`,
        )
      }
      return { errorCode: errorCodes.NONE, isDuplicate: true }
    }
    if (known !== undefined) throw new Error(`I9: ${this.name} has ${key} at ${known} and takes it again`)
    if (sequence > 0 && !this.offsets.has(`${producerId}/${epoch}/${sequence - 1}`)) {
      throw new Error(`I9: ${this.name} takes ${key} and lacks the one before`)
    }
    // While this partition has no marker yet, what it takes will have the same fate.
    if (intent.ended !== undefined && this.open.get(producerId)?.has(intent) !== true) {
      throw new Error(`I11: ${this.name} takes ${key} into ${intent.tag}, which was ended by ${intent.ended}`)
    }
    const offset = BigInt(this.log.length)
    this.log.push({ offset, batch })
    this.producers.applyBatch(batch, offset, NOW_MS)
    this.offsets.set(key, offset)
    intent.epoch = epoch
    this.open.set(producerId, (this.open.get(producerId) ?? new Set()).add(intent))
    return { errorCode: errorCodes.NONE, isDuplicate: false }
  }

  noteBatchPutOff(producerId: bigint, epoch: number, sequence: number): void {
    this.producers.noteBatchPutOff(producerId, epoch, sequence, NOW_MS)
  }

  /** `late`: the marker was written here before; now it comes once more. */
  marker(
    { producerId, producerEpoch, committed, transactionVersion, coordinatorEpoch }: Marker,
    late = false,
  ) {
    const marker = { producerId, producerEpoch, coordinatorEpoch, commit: committed, transactionVersion }
    const refusal = this.producers.decideMarker(marker)
    if (refusal !== undefined) return refusal.errorCode
    const offset = BigInt(this.log.length)
    this.log.push({ offset, marker })
    applyMarker(this.producers, marker, offset, NOW_MS)
    const outcome = committed ? 'commit' : 'abort'
    for (const intent of this.open.get(producerId) ?? []) {
      const { tag, ended, acknowledged, epoch } = intent
      if (late) throw new Error(`I11: ${this.name} lets a late marker (${outcome}) end ${tag}`)
      if (transactionVersion >= 2 && epoch >= producerEpoch) {
        throw new Error(`I11: ${this.name} lets a marker of epoch ${producerEpoch} end ${tag} of ${epoch}`)
      }
      if (ended !== undefined && ended !== outcome) {
        throw new Error(`I11: ${this.name} ends ${tag} by ${outcome}, another partition by ${ended}`)
      }
      if (acknowledged !== undefined && acknowledged !== outcome) {
        throw new Error(`${this.name} ends ${tag} by ${outcome}, its EndTxn was told ${acknowledged}`)
      }
      intent.ended = outcome
    }
    this.open.delete(producerId)
    return errorCodes.NONE
  }

  /** A segment is rolled: what a restart begins with. */
  roll(): void {
    const entries = [...this.producers.allEntries()].map(toSnapshot)
    this.snapshot = { offset: BigInt(this.log.length), entries }
  }

  /** The process ends and starts again: the same state must come of snapshot and log. */
  restart(): void {
    const before = describe(this.producers)
    const { offset: from, entries } = this.snapshot
    const producers = new ProducerState()
    producers.restore(entries.map(fromSnapshot))
    for (const entry of this.log) {
      if (entry.offset < from) {
        if ('batch' in entry) producers.recallBatch(entry.batch, entry.offset)
      } else if ('batch' in entry) producers.applyBatch(entry.batch, entry.offset, NOW_MS)
      else {
        const { transactionVersion: _, ...asLogged } = entry.marker
        applyMarker(producers, asLogged, entry.offset, NOW_MS)
      }
    }
    this.producers = producers
    const after = describe(producers)
    if (after !== before) throw new Error(`I9: ${this.name} was ${before}, after a restart ${after}`)
  }

  get hasOpen(): boolean {
    return this.open.size > 0
  }

  openIntents(): Intent[] {
    return [...this.open.values()].flatMap((intents) => [...intents])
  }
}

function describe(producers: ProducerState): string {
  const lines = [...producers.allEntries()].map(
    ({ producerId, producerEpoch, batches, coordinatorEpoch, openSince }) =>
      `${producerId}/${producerEpoch} c${coordinatorEpoch} open ${openSince} ` +
      batches.map(({ lastSequence, lastOffset }) => `${lastSequence}@${lastOffset}`).join(' '),
  )
  return lines.sort().join('; ')
}

interface Attempt {
  marker: Marker
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

/** How many markers of the past may come once more. */
const REMEMBERED_MARKERS = 30

/** Marker writes that wait, fail, half succeed, succeed and say they failed, and happen twice. */
export class SimPartitions implements MarkerWriter {
  readonly byName = new Map<string, SimPartition>()
  attempts: Attempt[] = []
  faults = true
  /** Throws when the decision is not durable. */
  onWrite: (marker: Marker) => void = () => {}
  retries = 0
  markersOfOne = 0
  lateMarkers = 0
  lateMarkersRefused = 0
  private written: { marker: Marker; name: string }[] = []
  private readonly random: Random

  constructor(random: Random, names: readonly string[]) {
    this.random = random
    for (const name of names) this.byName.set(name, new SimPartition(name))
  }

  write(marker: Marker, partitions: readonly TopicPartition[]): Promise<number[]> {
    this.onWrite(marker)
    return new Promise((resolve, reject) => {
      this.attempts.push({ marker, partitions, resolve, reject })
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

  /**
   * A marker of transaction.version 2 comes once more, long after: it must end nothing (KIP-1228). One of the
   * versions before could, for nothing tells it from the next transaction's: it is never sent late.
   */
  sendLate(): void {
    if (this.written.length === 0) return
    const { marker, name } = this.random.pick(this.written)
    const code = this.byName.get(name)?.marker(marker, true)
    this.lateMarkers++
    if (code === errorCodes.INVALID_PRODUCER_EPOCH) this.lateMarkersRefused++
  }

  /** The process ends: each waiting write had happened, or never will; the partitions start again. */
  crash(): void {
    for (const attempt of this.attempts) if (this.random.chance(0.5)) this.apply(attempt)
    this.attempts = []
    for (const partition of this.byName.values()) partition.restart()
  }

  private apply({ marker, partitions }: Attempt): void {
    for (const partition of partitions) this.markOne(marker, partition)
  }

  private applyOne({ marker }: Attempt, partition: TopicPartition): number {
    if (!this.byName.has(nameOf(partition))) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION
    if (this.faults && this.random.chance(0.2)) {
      this.retries++
      if (this.random.chance(0.5)) this.markOne(marker, partition)
      return this.random.pick(passing)
    }
    if (this.faults && this.random.chance(0.1)) this.markOne(marker, partition)
    return this.markOne(marker, partition)
  }

  private markOne(marker: Marker, partition: TopicPartition): number {
    const name = nameOf(partition)
    const code = this.byName.get(name)?.marker(marker) ?? errorCodes.UNKNOWN_TOPIC_OR_PARTITION
    if (code === errorCodes.NONE) {
      if (marker.transactionVersion >= 2) this.written.push({ marker, name })
      else this.markersOfOne++
      if (this.written.length > REMEMBERED_MARKERS) this.written.shift()
    }
    return code
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}
