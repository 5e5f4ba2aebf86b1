// One share partition with three members over a share coordinator whose log loses tails and refuses: what a real
// leader does (`SharePartitionLeader`), with a log of nothing but offsets. Checked after every event, record by record:
//
// - a record is with one member at a time, and never delivered more often than the limit;
// - one whose acknowledgement was answered is never delivered again, after a crash neither;
// - in the end every record is acknowledged or archived, and the start is behind the last.

import { ShareCoordinator } from '../../../broker/coordinator/share/share-coordinator.ts'
import type { ShareReply } from '../../../broker/coordinator/share/share-state-machine.ts'
import type { Partition } from '../../../broker/partition/partition.ts'
import { type ErrorCode, errorCodes } from '../../../broker/protocol/errors.ts'
import { SharePartitionLeader } from '../../../broker/share/share-partition-leader.ts'
import { acknowledgeTypes } from '../../../broker/share/acknowledgement.ts'
import type { ShareStateStore } from '../../../broker/share/state-store.ts'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { MemoryShardLog } from '../../world/memory-shard-log.ts'
import type { Random } from '../../world/random.ts'

const RECORDS = 120
const BATCH = 5
const MEMBERS = ['a', 'b', 'c']
const LOCK_MS = 1_000
const DELIVERY_COUNT_LIMIT = 4
const key = { groupId: 'g', topicId: 'a'.repeat(32), partition: 0 }
const { ACCEPT, REJECT, RELEASE, RENEW } = acknowledgeTypes

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
    refused: 0,
    expired: 0,
    crashes: 0,
    lost: 0,
    duplicates: 0,
  }
}
type Counters = ReturnType<typeof newCounters>

interface Held {
  memberId: string
  untilMs: number
  deliveryCount: number
}

export class ShareWorld {
  private readonly random: Random
  private readonly counters: Counters
  private readonly parts: Parts
  private readonly clock = new ManualClock(1_000_000)
  private readonly log = new MemoryShardLog({ autoSync: false })
  private coordinator!: ShareCoordinator
  private leader!: SharePartitionLeader
  /** Grows as a real one would: 0 to `end` can be read. */
  private end = BATCH
  private epoch = 0
  private readonly held = new Map<number, Held>()
  /** Answered as acknowledged: gone for good. */
  private readonly done = new Set<number>()
  private readonly pending = new Set<Promise<void>>()

  constructor(random: Random, counters: Counters, parts: Parts = realParts) {
    this.random = random
    this.counters = counters
    this.parts = parts
  }

  async run(events: number): Promise<void> {
    await this.begin()
    await this.initialize()
    await this.lead()
    for (let event = 0; event < events; event++) {
      await this.event()
      this.check()
    }
    await this.drain()
  }

  private async event(): Promise<void> {
    const { random, log } = this
    const what = random.below(100)
    if (what < 10) this.end = Math.min(RECORDS, this.end + BATCH)
    else if (what < 40) this.fetch(this.anyone())
    else if (what < 70) this.acknowledge(this.anyone())
    else if (what < 74) this.release(this.anyone())
    else if (what < 84) log.sync(random.between(1, 3))
    else if (what < 92) await this.pass(random.between(1, LOCK_MS))
    else if (what < 94) log.refuseAppends = random.between(1, 2)
    else if (what < 96) await this.crash()
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
      logStartOffset: 0n,
      highWatermark: BigInt(RECORDS),
      onEnd: () => () => {},
      listOffset: () => ({ errorCode: errorCodes.NONE, offset: 0n }),
    } as unknown as Partition
    this.leader = new this.parts.Leader(key, partition, {
      clock: this.clock,
      store: storeOf(this.coordinator),
      settings: () => ({
        deliveryCountLimit: DELIVERY_COUNT_LIMIT,
        partitionMaxRecordLocks: 30,
        recordLockDurationMs: LOCK_MS,
        renewAcknowledgeEnable: true,
        isolation: 'read_uncommitted',
        autoOffsetReset: { kind: 'earliest' },
      }),
      onEnded: () => {},
    })
    const loading = this.leader.load()
    await settled()
    this.log.sync()
    await loading
    if (this.leader.state === undefined) throw new Error(`not loaded: ${JSON.stringify(this.leader.failure)}`)
  }

  private fetch(memberId: string): void {
    const fetchOffset = this.leader.beginFetch()
    if (fetchOffset === undefined) return
    const first = Math.floor(Number(fetchOffset) / BATCH) * BATCH
    const batches = []
    for (let base = first; base < this.end; base += BATCH)
      batches.push({ firstOffset: BigInt(base), lastOffset: BigInt(base + BATCH - 1) })
    const acquired = this.leader.acquire({
      memberId,
      isRecordLimit: this.random.below(3) === 0,
      batchSize: 10,
      maxRecords: this.random.between(1, 20),
      fetchOffset,
      batches,
      aborted: [],
    })
    this.leader.endFetch(acquired.length > 0)
    for (const { firstOffset, lastOffset, deliveryCount } of acquired)
      for (let offset = Number(firstOffset); offset <= Number(lastOffset); offset++)
        this.delivered(offset, memberId, deliveryCount)
  }

  private delivered(offset: number, memberId: string, deliveryCount: number): void {
    const nowMs = this.clock.now()
    const holder = this.held.get(offset)
    if (this.done.has(offset)) throw new Error(`record ${offset} is acknowledged, and delivered again`)
    if (holder !== undefined && holder.untilMs > nowMs)
      throw new Error(`record ${offset} is with ${holder.memberId}, and delivered to ${memberId}`)
    if (deliveryCount > DELIVERY_COUNT_LIMIT)
      throw new Error(`record ${offset} is delivered ${deliveryCount} times`)
    if (offset >= this.end) throw new Error(`record ${offset} is not in the log yet`)
    this.held.set(offset, { memberId, untilMs: nowMs + LOCK_MS, deliveryCount })
    this.counters.acquired++
  }

  private acknowledge(memberId: string): void {
    const own = [...this.held].filter(([, holder]) => holder.memberId === memberId).map(([offset]) => offset)
    const offset = own.sort((a, b) => a - b)[this.random.below(own.length)]
    if (offset === undefined) return
    const types = [ACCEPT, ACCEPT, ACCEPT, RELEASE, REJECT, RENEW]
    const type = types[this.random.below(types.length)] as number
    let last = offset
    while (own.includes(last + 1) && this.random.below(4) > 0) last++
    const batch = { firstOffset: BigInt(offset), lastOffset: BigInt(last), acknowledgeTypes: [type] }
    const isDuplicate = this.random.below(8) === 0
    for (let sent = 0; sent < (isDuplicate ? 2 : 1); sent++) this.follow(memberId, batch, type)
    if (isDuplicate) this.counters.duplicates++
  }

  private follow(
    memberId: string,
    batch: { firstOffset: bigint; lastOffset: bigint; acknowledgeTypes: number[] },
    type: number,
  ): void {
    const start = this.leader.state?.startOffset ?? 0n
    const sent = this.leader.acknowledge(memberId, [batch]).then(({ errorCode }) => {
      if (errorCode !== errorCodes.NONE) {
        this.counters.refused++
        return
      }
      for (let at = batch.firstOffset; at <= batch.lastOffset; at++) {
        // What was below the start already is passed over.
        if (at < start) continue
        const offset = Number(at)
        const holder = this.held.get(offset)
        if (type === RENEW) {
          if (holder?.memberId === memberId) holder.untilMs = this.clock.now() + LOCK_MS
          continue
        }
        if (type === ACCEPT) this.done.add(offset)
        if (holder?.memberId === memberId) this.held.delete(offset)
      }
      this.counters[type === RELEASE ? 'released' : 'acknowledged']++
    })
    this.track(sent)
  }

  private release(memberId: string): void {
    for (const [offset, holder] of this.held) if (holder.memberId === memberId) this.held.delete(offset)
    this.track(this.leader.release(memberId).then(() => {}))
  }

  private track(work: Promise<void>): void {
    const all = work.finally(() => this.pending.delete(all))
    this.pending.add(all)
  }

  private async pass(ms: number): Promise<void> {
    const before = this.held.size
    await this.clock.advance(ms)
    await settled()
    for (const [offset, { untilMs }] of this.held) if (untilMs <= this.clock.now()) this.held.delete(offset)
    this.counters.expired += before - this.held.size
  }

  private async crash(): Promise<void> {
    this.leader.end({ errorCode: errorCodes.NOT_LEADER_OR_FOLLOWER, errorMessage: null })
    this.coordinator.close()
    await settled()
    const { log, random } = this
    this.counters.lost += log.crash(random.below(log.unsyncedBatches + 1))
    log.refuseAppends = 0
    // Locks are not kept: after a crash everybody's records are free.
    this.held.clear()
    this.counters.crashes++
    await this.begin()
    await this.lead()
  }

  private check(): void {
    let next: bigint | undefined
    for (const run of this.leader.state?.allRuns() ?? []) {
      if (next !== undefined && run.firstOffset !== next) throw new Error(`a hole before ${run.firstOffset}`)
      if (run.deliveryCount > DELIVERY_COUNT_LIMIT)
        throw new Error(`${run.deliveryCount} deliveries are counted`)
      next = run.lastOffset + 1n
    }
    const start = this.leader.state?.startOffset ?? 0n
    for (const [offset, { untilMs, memberId }] of this.held)
      if (BigInt(offset) < start && untilMs > this.clock.now())
        throw new Error(`record ${offset} is with ${memberId}, and the start is ${start}`)
  }

  /** Without faults everything comes to its end. */
  private async drain(): Promise<void> {
    this.end = RECORDS
    this.log.refuseAppends = 0
    this.log.autoSync = true
    this.log.sync()
    await settled()
    for (let round = 0; round < 400; round++) {
      await this.pass(LOCK_MS)
      this.fetch('a')
      const own = [...this.held.keys()].sort((a, b) => a - b)
      for (const offset of own) {
        const at = BigInt(offset)
        this.follow('a', { firstOffset: at, lastOffset: at, acknowledgeTypes: [ACCEPT] }, ACCEPT)
      }
      await settled()
      this.check()
      if (this.leader.state?.startOffset === BigInt(RECORDS)) break
    }
    const { startOffset } = this.leader.state ?? {}
    if (startOffset !== BigInt(RECORDS)) throw new Error(`the end is not reached: ${startOffset}`)
    await Promise.all(this.pending)
    this.coordinator.close()
    await this.begin()
    const reply = await this.coordinator.ask({ kind: 'summary', key })
    if (reply.kind !== 'state') throw new Error('the state is not kept')
  }
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
