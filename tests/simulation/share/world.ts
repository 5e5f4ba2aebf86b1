// One share partition with three members over a share coordinator whose log loses tails and refuses: what a real
// leader does (`SharePartitionLeader`), with a log of nothing but offsets. After every event what is known of each record
// is compared with what its members were told (expected.ts). In the end everything is done with, and the start is behind
// the last.

import { ShareCoordinator } from '../../../broker/coordinator/share/share-coordinator.ts'
import type { ShareReply } from '../../../broker/coordinator/share/share-state-machine.ts'
import type { Partition } from '../../../broker/partition/partition.ts'
import { type ErrorCode, errorCodes } from '../../../broker/protocol/errors.ts'
import { acknowledgeTypes } from '../../../broker/share/acknowledgement.ts'
import type { AcknowledgementBatch } from '../../../broker/share/offset-ranges.ts'
import { SharePartitionLeader } from '../../../broker/share/share-partition-leader.ts'
import type { ShareStateStore } from '../../../broker/share/state-store.ts'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { MemoryShardLog } from '../../world/memory-shard-log.ts'
import type { Random } from '../../world/random.ts'
import { Expected } from './expected.ts'

const RECORDS = 300
const BATCH = 5
const MEMBERS = ['a', 'b', 'c']
const LOCK_MS = 1_000
const DELIVERY_COUNT_LIMIT = 4
const MOST_LOCKS = 30
/** Batches of the log that one fetch reads. */
const MOST_READ = 12
const key = { groupId: 'g', topicId: 'a'.repeat(32), partition: 0 }
const { ACCEPT, GAP, REJECT, RELEASE, RENEW } = acknowledgeTypes

export interface Parts {
  Leader: typeof SharePartitionLeader
  Coordinator: typeof ShareCoordinator
}

export const realParts: Parts = { Leader: SharePartitionLeader, Coordinator: ShareCoordinator }

export function newCounters() {
  return {
    acquired: 0,
    acknowledged: 0,
    released: 0,
    renewed: 0,
    /** A member that is gone. */
    left: 0,
    refused: 0,
    expired: 0,
    crashes: 0,
    lost: 0,
    duplicates: 0,
    /** Acknowledged by who had it once. */
    late: 0,
    /** Said together with what is another's. */
    spoiled: 0,
    aborted: 0,
    /** The log has lost its beginning. */
    cut: 0,
    /** Another leader, of which the one before knows nothing. */
    moved: 0,
    /** The one before was asked. */
    fenced: 0,
  }
}
type Counters = ReturnType<typeof newCounters>

export class ShareWorld {
  private readonly random: Random
  private readonly counters: Counters
  private readonly parts: Parts
  private readonly clock = new ManualClock(1_000_000)
  private readonly log = new MemoryShardLog({ autoSync: false })
  private readonly expected = new Expected({
    lockMs: LOCK_MS,
    deliveryCount: DELIVERY_COUNT_LIMIT,
    // The last batch of the log that is given out is not cut.
    inFlight: MOST_LOCKS + BATCH - 1,
  })
  private coordinator!: ShareCoordinator
  private leader!: SharePartitionLeader
  private partition!: { logStartOffset: bigint }
  /** The leader before, with a record that it had given out. */
  private past: { leader: SharePartitionLeader; memberId: string; offset: number } | undefined
  /** What can be read: the log has lost its beginning, and grows. */
  private logStart = 0
  private end = BATCH
  private epoch = 0
  private events = 0
  private readonly pending = new Set<Promise<void>>()
  /** What an answer showed, thrown by the next check. */
  private failure: Error | undefined

  constructor(random: Random, counters: Counters, parts: Parts = realParts) {
    this.random = random
    this.counters = counters
    this.parts = parts
    for (let base = 0; base < RECORDS; base += BATCH)
      if (random.below(12) === 0) for (let i = 0; i < BATCH; i++) this.expected.aborted.add(base + i)
  }

  async run(events: number): Promise<void> {
    await this.begin()
    await this.initialize()
    await this.lead()
    for (; this.events < events; this.events++) {
      await this.event()
      this.check()
    }
    await this.drain()
  }

  private async event(): Promise<void> {
    const { random, log } = this
    const what = random.below(100)
    if (what < 8) this.end = Math.min(RECORDS, this.end + BATCH)
    else if (what < 36) this.fetch(this.anyone())
    else if (what < 62) this.acknowledge(this.anyone())
    else if (what < 66) this.acknowledgeLate(this.anyone())
    else if (what < 69) this.acknowledgeSpoiled(this.anyone())
    else if (what < 72) this.leave(this.anyone())
    else if (what < 83) log.sync(random.between(1, 3))
    else if (what < 91) await this.pass(random.between(1, LOCK_MS))
    else if (what < 93) log.refuseAppends = random.between(1, 2)
    else if (what < 95) await this.crash()
    else if (what < 96) await this.move()
    else if (what < 97) this.askThePast()
    else if (what < 98) this.cutLog()
    await settled()
  }

  private anyone(): string {
    return MEMBERS[this.random.below(MEMBERS.length)] as string
  }

  private async begin(): Promise<void> {
    this.coordinator = new this.parts.Coordinator({
      clock: this.clock,
      statePartitionCount: 1,
      writeTimeoutMs: 5_000,
      pruneIntervalMs: 1_000_000_000,
      partitionCount: () => 1,
      config: { snapshotUpdateRecordsPerSnapshot: 7, coldPartitionSnapshotIntervalMs: 30_000 },
      onRedundant: () => {},
    })
    await this.coordinator.openShard(0, this.log)
  }

  private async initialize(): Promise<void> {
    const asked = this.coordinator.ask({ kind: 'initialize', key, stateEpoch: 1, startOffset: 0n })
    this.log.sync()
    if ((await asked).kind !== 'done') throw new Error('the state is not made')
  }

  private async lead(): Promise<void> {
    const partition = {
      leaderEpoch: ++this.epoch,
      logStartOffset: BigInt(this.logStart),
      highWatermark: BigInt(RECORDS),
      onEnd: () => () => {},
      listOffset: () => ({ errorCode: errorCodes.NONE, offset: 0n }),
    }
    this.partition = partition
    this.leader = new this.parts.Leader(key, partition as unknown as Partition, {
      clock: this.clock,
      store: storeOf(this.coordinator),
      settings: () => ({
        deliveryCountLimit: DELIVERY_COUNT_LIMIT,
        partitionMaxRecordLocks: MOST_LOCKS,
        recordLockDurationMs: LOCK_MS,
        renewAcknowledgeEnable: true,
        isolation: 'read_committed',
        autoOffsetReset: { kind: 'earliest' },
      }),
      onEnded: () => {},
    })
    const loading = this.leader.load()
    await settled()
    this.log.sync()
    await loading
    if (this.leader.state === undefined) throw new Error(`not loaded: ${JSON.stringify(this.leader.failure)}`)
    // Locks are not kept.
    this.expected.forgetLocks()
  }

  private fetch(memberId: string): void {
    const { leader, random, expected, logStart, end } = this
    const fetchOffset = leader.beginFetch()
    if (fetchOffset === undefined) return
    if (fetchOffset < BigInt(logStart)) {
      leader.logStartMoved()
      leader.endFetch(true)
      return
    }
    const first = Math.floor(Number(fetchOffset) / BATCH) * BATCH
    const count = Math.min(MOST_READ, Math.max(0, (end - first) / BATCH))
    const bases = Array.from({ length: count }, (_, i) => first + i * BATCH)
    const batchAt = (base: number) => ({ firstOffset: BigInt(base), lastOffset: BigInt(base + BATCH - 1) })
    const aborted = bases.filter((base) => expected.aborted.has(base))
    const acquired = leader.acquire({
      memberId,
      isRecordLimit: random.below(3) === 0,
      batchSize: 10,
      maxRecords: random.between(1, 20),
      fetchOffset,
      batches: bases.map(batchAt),
      aborted: aborted.map(batchAt),
    })
    leader.endFetch(acquired.length > 0)
    this.counters.acquired += expected.acquired(acquired, memberId, end, this.clock.now())
    if (acquired.length > 0) this.counters.aborted += aborted.length
  }

  /** Some of its own, in one or more batches, each of one type or of one for each record. */
  private acknowledge(memberId: string): void {
    const { random } = this
    const own = this.expected.ownOf(memberId)
    const isRenewal = random.below(6) === 0
    const batches: AcknowledgementBatch[] = []
    let at = random.below(Math.max(1, own.length))
    do {
      const first = own[at]
      if (first === undefined) break
      let last = first
      while (own[++at] === last + 1 && random.below(4) > 0) last++
      batches.push(batchOf(first, last, () => (isRenewal ? RENEW : this.anyType()), random))
      at += random.below(3)
    } while (random.below(3) === 0)
    if (batches.length === 0) return
    const isDuplicate = random.below(8) === 0
    for (let sent = 0; sent < (isDuplicate ? 2 : 1); sent++) this.follow(memberId, batches)
    if (isDuplicate) this.counters.duplicates++
  }

  private anyType(): number {
    const types = [ACCEPT, ACCEPT, ACCEPT, RELEASE, REJECT, GAP]
    return types[this.random.below(types.length)] as number
  }

  private follow(memberId: string, batches: readonly AcknowledgementBatch[]): void {
    const { counters, expected } = this
    const start = this.leader.state?.startOffset ?? 0n
    const sentAt = this.events
    const sent = this.leader.acknowledge(memberId, batches).then(({ errorCode }) => {
      if (errorCode !== errorCodes.NONE) counters.refused++
      for (const [offset, type] of said(batches)) {
        // What was below the start already is passed over.
        if (BigInt(offset) < start) continue
        if (errorCode !== errorCodes.NONE) {
          // What is refused at once is not written.
          if (this.events !== sentAt && type !== RENEW) expected.doubted(offset)
        } else if (type === RENEW) {
          expected.renewed(offset, memberId, this.clock.now())
          counters.renewed++
        } else if (type === RELEASE) {
          expected.released(offset, memberId)
          counters.released++
        } else {
          expected.finished(offset, memberId)
          counters.acknowledged++
        }
      }
    })
    this.track(sent)
  }

  /** What it had once is not its own any more. */
  private acknowledgeLate(memberId: string): void {
    const lost = this.expected.lostBy(memberId)
    const offset = lost[this.random.below(Math.max(1, lost.length))]
    if (offset === undefined || BigInt(offset) < (this.leader.state?.startOffset ?? 0n)) return
    this.counters.late++
    this.refuse(memberId, [batchOf(offset, offset, () => this.anyType(), this.random)])
  }

  /** One part of it is another's: nothing of it counts, a renewed lock neither. */
  private acknowledgeSpoiled(memberId: string): void {
    const [own] = this.expected.ownOf(memberId)
    const other = this.expected.lostBy(memberId).find((offset) => own !== undefined && offset > own)
    if (own === undefined || other === undefined) return
    this.counters.spoiled++
    const type = this.random.below(2) === 0 ? RENEW : ACCEPT
    this.refuse(memberId, [
      batchOf(own, own, () => type, this.random),
      batchOf(other, other, () => ACCEPT, this.random),
    ])
  }

  /** This must be refused. */
  private refuse(memberId: string, batches: readonly AcknowledgementBatch[]): void {
    const start = this.leader.state?.startOffset ?? 0n
    if (batches.some(({ lastOffset }) => lastOffset < start)) return
    this.track(
      this.leader.acknowledge(memberId, batches).then(({ errorCode }) => {
        if (errorCode === errorCodes.NONE)
          throw new Error(
            `record ${batches.at(-1)?.firstOffset} is not with ${memberId}, who acknowledges it`,
          )
      }),
    )
  }

  private leave(memberId: string): void {
    const { back } = this.expected.gone(memberId)
    const { leader } = this
    this.counters.left++
    this.track(
      leader.release(memberId).then(({ errorCode }) => {
        if (errorCode !== errorCodes.NONE && leader === this.leader) back(this.clock.now())
      }),
    )
  }

  private track(work: Promise<void>): void {
    const all = work
      .catch((error: unknown) => void (this.failure ??= error as Error))
      .finally(() => this.pending.delete(all))
    this.pending.add(all)
  }

  private async pass(ms: number): Promise<void> {
    await this.clock.advance(ms)
    await settled()
    this.counters.expired += this.expected.expire(this.clock.now())
  }

  private async crash(): Promise<void> {
    this.leader.end({ errorCode: errorCodes.NOT_LEADER_OR_FOLLOWER, errorMessage: null })
    this.past = undefined
    this.coordinator.close()
    await settled()
    const { log, random } = this
    this.counters.lost += log.crash(random.below(log.unsyncedBatches + 1))
    log.refuseAppends = 0
    this.counters.crashes++
    await this.begin()
    await this.lead()
  }

  /** Another leader begins; the one before goes on as if nothing were. */
  private async move(): Promise<void> {
    const memberId = this.anyone()
    const offset = this.expected.ownOf(memberId).at(-1)
    const { leader } = this
    this.log.refuseAppends = 0
    this.counters.moved++
    await this.lead()
    this.past = offset === undefined ? undefined : { leader, memberId, offset }
  }

  private askThePast(): void {
    if (this.past === undefined) return
    const { leader, memberId, offset } = this.past
    if (BigInt(offset) < (leader.state?.startOffset ?? 0n)) return
    this.counters.fenced++
    this.track(
      leader
        .acknowledge(memberId, [batchOf(offset, offset, () => ACCEPT, this.random)])
        .then(({ errorCode }) => {
          if (errorCode === errorCodes.NONE)
            throw new Error(`a leader of the past has answered for ${offset}`)
        }),
    )
  }

  private cutLog(): void {
    const start = Number(this.leader.state?.startOffset ?? 0n)
    const to = (Math.floor(start / BATCH) + this.random.below(3)) * BATCH
    if (to <= this.logStart || to >= this.end) return
    this.logStart = to
    this.partition.logStartOffset = BigInt(to)
    this.leader.logStartMoved()
    this.expected.logStartsAt(to)
    this.counters.cut++
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure
    if (this.leader.state !== undefined) this.expected.check(this.leader.state, this.clock.now())
  }

  /** Without faults everything comes to its end. */
  private async drain(): Promise<void> {
    this.end = RECORDS
    this.log.refuseAppends = 0
    this.log.autoSync = true
    this.log.sync()
    await settled()
    for (let round = 0; round < 800; round++) {
      this.events++
      await this.pass(LOCK_MS)
      this.fetch('a')
      for (const offset of this.expected.ownOf('a'))
        this.follow('a', [batchOf(offset, offset, () => ACCEPT, this.random)])
      await settled()
      this.check()
      if (this.leader.state?.startOffset === BigInt(RECORDS)) break
    }
    const { startOffset } = this.leader.state ?? {}
    if (startOffset !== BigInt(RECORDS)) throw new Error(`the end is not reached: ${startOffset}`)
    await Promise.all(this.pending)
    if (this.failure !== undefined) throw this.failure
    this.coordinator.close()
    await this.begin()
    const reply = await this.coordinator.ask({ kind: 'summary', key })
    if (reply.kind !== 'state') throw new Error('the state is not kept')
  }
}

function batchOf(first: number, last: number, type: () => number, random: Random): AcknowledgementBatch {
  const count = random.below(2) === 0 ? 1 : last - first + 1
  return {
    firstOffset: BigInt(first),
    lastOffset: BigInt(last),
    acknowledgeTypes: Array.from({ length: count }, type),
  }
}

/** What was said of each record. */
function said(batches: readonly AcknowledgementBatch[]): [number, number][] {
  return batches.flatMap(({ firstOffset, lastOffset, acknowledgeTypes: types }) =>
    Array.from({ length: Number(lastOffset - firstOffset) + 1 }, (_, i): [number, number] => [
      Number(firstOffset) + i,
      (types.length === 1 ? types[0] : types[i]) as number,
    ]),
  )
}

function storeOf(coordinator: ShareCoordinator): ShareStateStore {
  const outcome = (reply: ShareReply): { errorCode: ErrorCode; errorMessage: string | null } =>
    reply.kind === 'refused' ? reply : { errorCode: errorCodes.NONE, errorMessage: null }
  return {
    async read(at, leaderEpoch) {
      const reply = await coordinator.ask({ kind: 'read', key: at, leaderEpoch })
      if (reply.kind !== 'state') return { ...outcome(reply), stateEpoch: 0, startOffset: 0n, batches: [] }
      return { ...outcome(reply), ...reply.state }
    },
    write: async (at, state) => outcome(await coordinator.ask({ kind: 'write', key: at, ...state })),
  }
}

/** Everything that can go on without time or the log has gone on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await Promise.resolve()
}
