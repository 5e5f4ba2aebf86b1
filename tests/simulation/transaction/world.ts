// The simulated world of the transaction coordinator: producers and their zombies, partitions, a log that
// loses its tail, a clock that jumps, a transaction.version that goes up and down, all from one seed. After every
// event it is asked whether all is well.
//
// What it cannot ask of transaction.version 0 and 1: an EndTxn, or a marker, that comes late, under the epoch of a
// transaction begun since, ends that one. They are sent late under older epochs only (a late AddPartitionsToTxn may
// come at any time). KIP-890 closes the gap: what is of version 2 comes late whenever it likes.

import { defaultTransactionConfig } from '../../../broker/coordinator/transaction/config.ts'
import { TransactionCoordinator } from '../../../broker/coordinator/transaction/transaction-coordinator.ts'
import { newTransaction } from '../../../broker/coordinator/transaction/transaction.ts'
import type { Marker } from '../../../broker/coordinator/transaction/marker-writer.ts'
import { transactionLogCodec } from '../../../broker/coordinator/transaction/transaction-log.ts'
import type { TransactionShard } from '../../../broker/coordinator/transaction/shard.ts'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { MemoryShardLog } from '../../world/memory-shard-log.ts'
import { Random } from '../../world/random.ts'
import { type Intent, type Outcome, SimPartitions } from './partitions.ts'
import { SimProducer } from './producer.ts'
import { isOpen, Shadow, sameTransaction, show } from './shadow.ts'

export const newCounters = () => ({
  crash: 0,
  tornTail: 0,
  lostBatches: 0,
  fenced: 0,
  initFence: 0,
  timeoutAbort: 0,
  markerRetry: 0,
  committed: 0,
  aborted: 0,
  expiredId: 0,
  newProducerId: 0,
  refusedAppend: 0,
  lateRequest: 0,
  droppedPartition: 0,
  levelUp: 0,
  levelDown: 0,
  goneOver: 0,
  hastyWrite: 0,
  implicitAdd: 0,
  raisedByDecision: 0,
  emptyAbort: 0,
  abortAfterTimeout: 0,
  usedUpByDecision: 0,
  usedUpByFence: 0,
  noSpareId: 0,
  duplicateBatch: 0,
  markerOfOne: 0,
  lateMarker: 0,
  lateMarkerRefused: 0,
  rolledPartition: 0,
  recoveredEmpty: 0,
  recoveredOngoing: 0,
  recoveredPrepareCommit: 0,
  recoveredPrepareAbort: 0,
  recoveredCompleteCommit: 0,
  recoveredCompleteAbort: 0,
})
export type Counters = ReturnType<typeof newCounters>

interface Sent {
  transactionalId: string
  producerId: bigint
  epoch: number
  /** May come late under the current epoch too. */
  harmless: boolean
  send: () => Promise<unknown>
}

const LONGEST_TIMEOUT_MS = 4_000
const EXPIRATION_MS = 60_000

export class World {
  readonly random: Random
  readonly clock = new ManualClock()
  readonly log = new MemoryShardLog({ autoSync: false })
  readonly partitions: SimPartitions
  readonly counters: Counters
  readonly partitionNames: string[]
  /** transaction.version as it is finalized. */
  level: number
  private coordinator!: TransactionCoordinator
  /** All that was appended, and what of it cannot be lost any more. */
  private shadow = new Shadow()
  private durable = new Shadow()
  private readonly producers: SimProducer[] = []
  /** By InitProducerId: who came before is fenced. */
  private readonly owner = new Map<string, { producerId: bigint; epoch: number }>()
  /** By InitProducerId or a decision. */
  private readonly latest = new Map<string, { producerId: bigint; epoch: number }>()
  private readonly sent: Sent[] = []
  private readonly intents: Intent[] = []
  private readonly failures: unknown[] = []
  private readonly timeoutMs = new Map<string, number>()
  private producerIdsGiven = 1_000n
  private readonly weightOfAll: number
  private readonly weights: [weight: number, event: () => void | Promise<void>][]

  constructor(seed: number, counters: Counters) {
    this.random = new Random(seed)
    this.counters = counters
    this.level = this.random.pick([0, 1, 2, 2, 2])
    this.partitionNames = ['a-0', 'a-1', 'b-0', 'doomed-0', '__consumer_offsets-0', '__consumer_offsets-1']
    this.partitions = new SimPartitions(this.random, this.partitionNames)
    this.partitions.onWrite = (marker) => this.mustBeDurable(marker)
    for (const id of ['x', 'y', 'z']) {
      this.timeoutMs.set(id, this.random.between(200, LONGEST_TIMEOUT_MS))
      this.producers.push(new SimProducer(this, id))
    }
    this.seedWornOutId()
    const some = (most: number) => this.random.next() * most
    this.weights = [
      [60, () => this.act()],
      [10 + some(20), () => this.log.sync(this.random.between(1, 4))],
      [5 + some(20), () => this.partitions.settleOne()],
      [2 + some(6), () => this.clock.advance(this.random.between(1, 100))],
      [some(1), () => this.clock.advance(this.random.between(500, LONGEST_TIMEOUT_MS + 2_000))],
      [some(0.1), () => this.clock.advance(EXPIRATION_MS * 2)],
      [some(2), () => this.crash()],
      [some(2), () => this.refuse()],
      [some(3), () => this.replaceProducer()],
      [some(5), () => this.sendLate()],
      [some(0.2), () => this.deleteTopic()],
      [some(0.6), () => this.changeLevel()],
      [some(4), () => this.partitions.sendLate()],
      [some(1), () => this.roll()],
    ]
    this.weightOfAll = this.weights.reduce((sum, [weight]) => sum + weight, 0)
  }

  get shard(): TransactionShard {
    const [shard] = this.coordinator['shards'].all
    if (shard === undefined) throw new Error('the shard is gone')
    return shard
  }

  async start(): Promise<void> {
    this.coordinator = new TransactionCoordinator({
      config: {
        ...defaultTransactionConfig,
        transactionStateLogNumPartitions: 1,
        offsetsTopicNumPartitions: 2,
        transactionalIdExpirationMs: EXPIRATION_MS,
        removeExpiredTransactionCleanupIntervalMs: 10_000,
        transactionVersion: () => this.level,
      },
      clock: this.clock,
      markerWriter: this.partitions,
      producerIds: {
        next: () => Promise.resolve(this.producerIdsGiven++),
        spare: () => {
          if (this.random.chance(0.4)) return this.producerIdsGiven++
          this.counters.noSpareId++
          return undefined
        },
      },
      partitionExists: (topic, partition) => this.partitions.byName.has(`${topic}-${partition}`),
      onWarning: (message) => {
        if (!message.includes('the connection broke')) this.failures.push(new Error(message))
      },
      onShardFailed: (_, error) => this.failures.push(error),
    })
    this.shadow = new Shadow((before, after) => {
      if (after?.state === 'CompleteCommit') this.counters.committed++
      if (after?.state === 'CompleteAbort') this.counters.aborted++
      if (after === undefined) this.counters.expiredId++
      if (before !== undefined && after !== undefined && before.producerId !== after.producerId) {
        this.counters.newProducerId++
      }
      if (after?.state.startsWith('Prepare') && after.clientTransactionVersion >= 2) {
        this.counters.raisedByDecision++
      }
    })
    this.durable = new Shadow()
    const loading = this.coordinator.load(0, this.log)
    const { machine } = this.shard
    const decide = machine.decide.bind(machine)
    machine.decide = (command, requestId, nowMs) => {
      const decision = decide(command, requestId, nowMs)
      const [fact] = decision.facts
      const aborts = fact?.type === 'transaction' && fact.transaction.state === 'PrepareAbort'
      if (command.type === 'timeOut' && aborts) this.counters.timeoutAbort++
      if (command.type === 'init' && aborts) this.counters.initFence++
      if (fact?.type === 'transaction' && fact.transaction.nextProducerId !== -1n) {
        if (command.type === 'end') this.counters.usedUpByDecision++
        else this.counters.usedUpByFence++
      }
      return decision
    }
    await loading
  }

  async run(events: number): Promise<void> {
    await this.start()
    this.check()
    for (let i = 0; i < events; i++) {
      await this.oneEvent()
      await settle()
      this.check()
    }
    this.counters.markerRetry += this.partitions.retries
    this.counters.markerOfOne += this.partitions.markersOfOne
    this.counters.lateMarker += this.partitions.lateMarkers
    this.counters.lateMarkerRefused += this.partitions.lateMarkersRefused
    await this.heal()
  }

  // What producers ask of the coordinator, in the words of the protocol.

  async init(transactionalId: string, producerId: bigint, producerEpoch: number) {
    const response = await this.coordinator.initProducerId(
      {
        transactionalId,
        transactionTimeoutMs: this.timeoutMs.get(transactionalId) ?? 1_000,
        producerId,
        producerEpoch,
        enable2Pc: false,
        keepPreparedTxn: false,
      },
      5,
    )
    if (response.errorCode === errorCodes.NONE) {
      const epoch = response.producerEpoch
      const isNew = this.handedOut(transactionalId, response.producerId, epoch)
      if (isNew) this.owner.set(transactionalId, { producerId: response.producerId, epoch })
      if (!isNew && producerId === -1n) {
        throw new Error(`I10: ${transactionalId} was given ${response.producerId}/${epoch} a second time`)
      }
    }
    return response
  }

  /** Whether nobody was given as much before. */
  private handedOut(transactionalId: string, producerId: bigint, epoch: number): boolean {
    const latest = this.latest.get(transactionalId)
    if (latest !== undefined && isBefore(producerId, epoch, latest)) return false
    const isNew = latest?.producerId !== producerId || latest.epoch !== epoch
    this.latest.set(transactionalId, { producerId, epoch })
    return isNew
  }

  async add(transactionalId: string, producerId: bigint, epoch: number, name: string): Promise<number> {
    const { topic, partition } = parse(name)
    if (topic === '__consumer_offsets') {
      const groupId = partition === 0 ? 'b' : 'a'
      const request = { transactionalId, producerId, producerEpoch: epoch, groupId }
      return (await this.coordinator.addOffsetsToTxn(request, 4)).errorCode
    }
    const response = await this.coordinator.addPartitionsToTxn(
      {
        transactions: [],
        v3AndBelowTransactionalId: transactionalId,
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: epoch,
        v3AndBelowTopics: [{ name: topic, partitions: [partition] }],
      },
      3,
    )
    return codeOf(response.resultsByTopicV3AndBelow[0])
  }

  addImplicitly(transactionalId: string, producerId: bigint, epoch: number, name: string): Promise<number> {
    const producer = { producerId, producerEpoch: epoch }
    return this.coordinator.addImplicitly(transactionalId, producer, [parse(name)])
  }

  /** Asked in the turn in which a partition appends. */
  verifyNow(
    transactionalId: string,
    producerId: bigint,
    epoch: number,
    name: string,
    speaksTwo: boolean,
  ): number {
    const { topic, partition } = parse(name)
    const support = speaksTwo ? 'implicit' : 'abortable'
    return this.coordinator.verifyTransaction(transactionalId, producerId, epoch, topic, partition, support)
  }

  async end(
    transactionalId: string,
    producerId: bigint,
    epoch: number,
    outcome: Outcome,
    speaksTwo: boolean,
  ): Promise<{ errorCode: number; next: { producerId: bigint; epoch: number } }> {
    const request = { transactionalId, producerId, producerEpoch: epoch, committed: outcome === 'commit' }
    const response = await this.coordinator.endTxn(request, speaksTwo ? 5 : 4)
    const next = { producerId: response.producerId, epoch: response.producerEpoch }
    if (response.errorCode === errorCodes.NONE && speaksTwo) {
      this.handedOut(transactionalId, next.producerId, next.epoch)
    }
    return { errorCode: response.errorCode, next }
  }

  newIntent(transactionalId: string): Intent {
    const tag = this.intents.length
    const intent: Intent = { tag, transactionalId, ended: undefined, acknowledged: undefined, epoch: -1 }
    this.intents.push(intent)
    return intent
  }

  isSuperseded(transactionalId: string, producerId: bigint, epoch: number): boolean {
    const owner = this.owner.get(transactionalId)
    return owner !== undefined && isBefore(producerId, epoch, owner)
  }

  remember(sent: Sent): void {
    this.sent.push(sent)
    if (this.sent.length > 50) this.sent.shift()
  }

  track(answer: Promise<unknown>): void {
    answer.catch((error: unknown) => this.failures.push(error))
  }

  // Events.

  private async oneEvent(): Promise<void> {
    let at = this.random.next() * this.weightOfAll
    for (const [weight, event] of this.weights) {
      at -= weight
      if (at < 0) return event()
    }
  }

  private act(): void {
    for (let tries = 0; tries < 4; tries++) if (this.random.pick(this.producers).act()) return
    const idle = this.producers.findIndex((producer) => producer.phase === 'fenced')
    const fenced = this.producers[idle]
    if (fenced === undefined) return
    // A fenced producer's process ends; the last one of an id is started again.
    this.producers.splice(idle, 1)
    const { transactionalId } = fenced
    if (!this.producers.some((producer) => producer.transactionalId === transactionalId)) {
      this.producers.push(new SimProducer(this, transactionalId))
    }
  }

  private replaceProducer(): void {
    if (this.producers.length < 8) {
      this.producers.push(new SimProducer(this, this.random.pick(this.producers).transactionalId))
    }
  }

  private refuse(): void {
    this.log.refuseAppends = this.random.between(1, 2)
    this.counters.refusedAppend++
  }

  /** A request arrives once more, long after its answer. */
  private sendLate(): void {
    const late = this.sent.filter(
      ({ transactionalId, producerId, epoch, harmless }) =>
        harmless || this.isSuperseded(transactionalId, producerId, epoch),
    )
    if (late.length === 0) return
    this.counters.lateRequest++
    this.track(this.random.pick(late).send())
  }

  private deleteTopic(): void {
    if (this.partitions.byName.delete('doomed-0')) this.counters.droppedPartition++
  }

  private changeLevel(): void {
    const level = this.random.below(3)
    if (level > this.level) this.counters.levelUp++
    if (level < this.level) this.counters.levelDown++
    this.level = level
  }

  private roll(): void {
    this.random.pick([...this.partitions.byName.values()]).roll()
    this.counters.rolledPartition++
  }

  private async crash(): Promise<void> {
    this.coordinator.close()
    this.partitions.crash()
    const kept = this.random.below(this.log.unsyncedBatches + 1)
    const lost = this.log.crash(kept)
    this.counters.crash++
    this.counters.lostBatches += lost
    if (lost > 0 && kept > 0) this.counters.tornTail++
    await settle()
    await this.start()
    for (const { state } of this.shard.machine.state.values()) {
      this.counters[`recovered${state}` as keyof Counters]++
    }
  }

  /** Faults stop: everything ends within its timeout + 10 s. */
  private async heal(): Promise<void> {
    this.partitions.faults = false
    this.log.refuseAppends = 0
    this.log.autoSync = true
    this.log.sync()
    while (this.partitions.attempts.length > 0) this.partitions.settleOne()
    await settle()
    const deadlineMs = this.clock.now() + LONGEST_TIMEOUT_MS + 10_000
    while (this.clock.now() < deadlineMs) await this.clock.advance(500)
    this.check()
    for (const transaction of this.shadow.state.values()) {
      if (isOpen(transaction)) throw new Error(`I12: ${show(transaction)} has not ended`)
    }
    for (const partition of this.partitions.byName.values()) {
      const [open] = partition.openIntents()
      if (open !== undefined) throw new Error(`I12: ${partition.name} still waits for the end of ${open.tag}`)
    }
    if (this.shard['sender'].underWay > 0) throw new Error('markers are still being sent')
    this.coordinator.close()
    await settle()
    if (this.clock.timersSet > 0) throw new Error(`${this.clock.timersSet} timers are left after close`)
  }

  // Invariants.

  private check(): void {
    if (this.failures.length > 0) throw this.failures[0]
    const live = this.shard.machine.state
    this.shadow.follow(this.log)
    if (live.size !== this.shadow.state.size) {
      throw new Error(`state knows ${live.size} ids, the log ${this.shadow.state.size}`)
    }
    for (const [id, logged] of this.shadow.state) {
      if (!sameTransaction(live.get(id), logged)) {
        throw new Error(`state ${show(live.get(id))}, the log says ${show(logged)}`)
      }
    }
    for (const partition of this.partitions.byName.values()) {
      if (!partition.hasOpen) continue
      for (const { tag, transactionalId } of partition.openIntents()) {
        const logged = this.shadow.state.get(transactionalId)
        if (logged === undefined || !isOpen(logged)) {
          throw new Error(`I11: ${partition.name} holds ${tag} open, ${transactionalId} is ${logged?.state}`)
        }
      }
    }
  }

  private mustBeDurable({ producerId, producerEpoch: epoch, committed }: Marker): void {
    const state = committed ? 'PrepareCommit' : 'PrepareAbort'
    for (const known of this.durable.follow(this.log, this.log.highWatermark).state.values()) {
      if (known.producerId === producerId && known.producerEpoch === epoch && known.state === state) return
    }
    throw this.fail(
      new Error(`I12: a marker (${state}) for ${producerId}/${epoch} before its decision is durable`),
    )
  }

  private fail(error: Error): Error {
    this.failures.push(error)
    return error
  }

  /** One id begins with few epochs left, so that many worlds see a producer id run out. */
  private seedWornOutId(): void {
    const producerEpoch = this.random.between(32_750, 32_766)
    const transaction = { ...newTransaction('x', 7n, 1_000, this.clock.now()), producerEpoch }
    this.log.append([transactionLogCodec(() => this.level).encode({ type: 'transaction', transaction })])
    this.log.sync()
  }
}

function parse(name: string): { topic: string; partition: number } {
  const dash = name.lastIndexOf('-')
  return { topic: name.slice(0, dash), partition: Number(name.slice(dash + 1)) }
}

function codeOf(
  result: { resultsByPartition: readonly { partitionErrorCode: number }[] } | undefined,
): number {
  const code = result?.resultsByPartition[0]?.partitionErrorCode
  if (code === undefined) throw new Error('no result for a partition')
  return code
}

/** Producer ids are given in rising order, so a later one is a later owner. */
function isBefore(producerId: bigint, epoch: number, latest: { producerId: bigint; epoch: number }): boolean {
  return producerId < latest.producerId || (producerId === latest.producerId && epoch < latest.epoch)
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
