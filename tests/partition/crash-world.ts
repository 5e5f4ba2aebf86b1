// One partition on a disk that crashes, beside a model that is nothing but the list of what was appended.
// After every event the invariants are held against that list; a reader's view is worked out anew from it.
//
//   I1 acknowledged survives   I2 offsets dense   I3 an offset keeps its record   I4 watermarks never go back
//   I5 no watermark above what is durable   I9 a sequence is appended once   I11 read_committed

import { expect } from 'vitest'
import type { Partition } from '../../broker/partition/partition.ts'
import type { AppendResult, Durability } from '../../broker/partition/partition-api.ts'
import { errorCodes, errorName } from '../../broker/protocol/errors.ts'
import { RecordCursor } from '../../broker/protocol/record-batch/cursor.ts'
import { readEndTxnMarker } from '../../broker/protocol/record-batch/control.ts'
import { readBatchHeader } from '../../broker/protocol/record-batch/header.ts'
import { splitBatches } from '../../broker/protocol/record-batch/validate.ts'
import { type Storage, StorageError } from '../../broker/storage/storage.ts'
import { FaultyStorage } from '../../broker/storage/faulty-storage.ts'
import { Random } from '../world/random.ts'
import { batchOf, World } from './fixture.ts'

/** One batch or marker, as it was appended. */
interface Entry {
  baseOffset: bigint
  values: string[]
  producerId: bigint
  producerEpoch: number
  baseSequence: number
  isTransactional: boolean
  marker: { commit: boolean } | undefined
  /** Acknowledged, and with a promise that a power cut cannot take back. */
  isPromised: boolean
}

/** What the list says about one producer. */
interface ProducerView {
  epoch: number
  nextSequence: number
  openSince: bigint | undefined
  batches: Entry[]
}

const PRODUCERS = [1n, 2n, 3n]
const NOW_MS = 1_700_000_000_000

/** The disk as one process sees it: after a power cut the process is dead, and writes nothing any more. */
function untilCrash(storage: FaultyStorage): Storage {
  const life = storage.crashes
  return new Proxy<Storage>(storage, {
    get(target, name: keyof Storage) {
      const method = target[name] as (...given: unknown[]) => unknown
      return (...given: unknown[]) => {
        if (storage.crashes !== life) throw new StorageError('', 'power was cut')
        return method.apply(target, given)
      }
    },
  })
}

export class CrashWorld {
  /** Producers of which a batch found no room while nothing else of them was there. */
  private readonly heldUp = new Set<bigint>()
  readonly counters = {
    crashes: 0,
    restarts: 0,
    lostTails: 0,
    cleanStops: 0,
    duplicates: 0,
    refused: 0,
    aborted: 0,
    failed: 0,
    withoutRoom: 0,
  }
  private readonly random: Random
  private readonly storage: FaultyStorage
  private world!: World
  private readonly durability: Durability
  /** What acknowledging promises: for a negative control it claims more than the durability gives. */
  private readonly promised: (forced: boolean) => boolean
  private partition!: Partition
  private entries: Entry[] = []
  private highest = { highWatermark: 0n, lastStableOffset: 0n, logStartOffset: 0n }
  private epochs = new Map(PRODUCERS.map((producerId) => [producerId, 0]))
  private leaderEpoch = 0
  private appended = 0
  private step = 0

  constructor(seed: number, durability: Durability, claimed: Durability = durability) {
    this.random = new Random(seed)
    this.durability = durability
    this.promised = (forced) => claimed === 'fsync' || forced
    this.storage = new FaultyStorage(this.random)
  }

  async run(steps: number): Promise<void> {
    await this.open()
    for (this.step = 1; this.step <= steps; this.step++) {
      await this.event()
      await settled()
      if (this.partition.isOffline) await this.startAgain()
      this.checkWatermarks()
      if (this.step % 20 === 0) this.checkReaders()
    }
    await this.crash()
    await this.stop()
  }

  private async event(): Promise<void> {
    const { random } = this
    const kind = random.below(100)
    if (kind < 18) this.appendPlain()
    else if (kind < 38) this.appendSequenced(false)
    else if (kind < 62) this.appendSequenced(true)
    else if (kind < 72) this.appendMarker()
    else if (kind < 88) this.storage.finishSyncs(random.chance(0.5) ? undefined : 1)
    else if (kind < 91) this.world.partitions.writeCheckpoints().catch(() => {})
    else if (kind < 92) this.world.partitions.applyRetention()
    else if (kind < 94) this.deleteRecords()
    else if (kind < 96) this.failSomething()
    else if (kind < 98) await this.stop()
    else await this.crash()
  }

  private values(): string[] {
    return Array.from(
      { length: this.random.between(1, 3) },
      () => `v${++this.appended}${'.'.repeat(this.random.below(80))}`,
    )
  }

  private appendPlain(): void {
    const values = this.values()
    const forceDurable = this.random.chance(0.2)
    const result = this.partition.append(batchOf(values), { nowMs: NOW_MS, fromClient: true, forceDurable })
    if (this.accepted(result, 'append')) {
      this.note(
        result,
        {
          values,
          producerId: -1n,
          producerEpoch: -1,
          baseSequence: -1,
          isTransactional: false,
          marker: undefined,
        },
        forceDurable,
      )
    }
  }

  /** A new batch, a retry of one of the last few, or a sequence that leaves a gap. */
  private appendSequenced(wantsTransaction: boolean): void {
    const { random } = this
    const producerId = random.pick(PRODUCERS)
    const view = this.view(producerId)
    const producerEpoch = this.epochs.get(producerId) as number
    const retried = random.chance(0.3) ? random.pick([undefined, ...view.batches.slice(-5)]) : undefined
    const isTransactional = retried?.isTransactional ?? (wantsTransaction || view.openSince !== undefined)
    const values = retried?.values ?? this.values()
    const isNew = view.epoch !== producerEpoch
    const gap = retried === undefined && random.chance(0.05) ? 1 : 0
    const baseSequence = retried?.baseSequence ?? (isNew ? 0 : view.nextSequence) + gap
    const epochOfBatch = retried?.producerEpoch ?? producerEpoch
    const result = this.partition.append(
      batchOf(values, { producerId, producerEpoch: epochOfBatch, baseSequence, isTransactional }),
      { nowMs: NOW_MS, fromClient: true },
    )
    if (retried !== undefined && result.isDuplicate) {
      this.counters.duplicates++
      expect(result.baseOffset, this.say('a duplicate answers with its first offset')).toBe(
        retried.baseOffset,
      )
      this.acknowledge(result, retried, false)
      return
    }
    if (retried !== undefined) {
      // Only the last batch survives a clean stop (Kafka's snapshot keeps one): an older retry is refused.
      expect(retried, this.say('the last batch is known to be one')).not.toBe(view.batches.at(-1))
      expect(result.errorCode, this.say('a retry is never appended again')).toBe(
        errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
      )
      this.counters.refused++
      return
    }
    // Of an unknown producer any sequence is the first, unless one before it was refused for want of room.
    if (view.epoch < 0 && this.isWithoutRoom(result)) this.heldUp.add(producerId)
    const isHeldUp = gap === 1 && view.epoch < 0 && this.heldUp.has(producerId)
    if (isHeldUp && result.errorCode === errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER) {
      this.counters.refused++
      return
    }
    const expected = gap === 1 && view.epoch >= 0 ? 'OUT_OF_ORDER_SEQUENCE_NUMBER' : 'append'
    if (this.accepted(result, expected)) {
      this.note(
        result,
        { values, producerId, producerEpoch, baseSequence, isTransactional, marker: undefined },
        false,
      )
    }
  }

  private appendMarker(): void {
    const { random } = this
    const producerId = random.pick(PRODUCERS)
    const bump = random.chance(0.3) ? 1 : 0
    const producerEpoch = (this.epochs.get(producerId) as number) + bump
    const commit = random.chance(0.5)
    const result = this.partition.appendMarker({
      producerId,
      producerEpoch,
      commit,
      coordinatorEpoch: 0,
      transactionVersion: 0,
      nowMs: NOW_MS,
    })
    if (!this.accepted(result, 'append')) return
    this.epochs.set(producerId, producerEpoch)
    this.note(
      result,
      { values: [], producerId, producerEpoch, baseSequence: -1, isTransactional: true, marker: { commit } },
      true,
    )
  }

  private deleteRecords(): void {
    const { highWatermark, logStartOffset } = this.partition
    const offset = logStartOffset + BigInt(this.random.below(Number(highWatermark - logStartOffset) / 2 + 1))
    expect(this.partition.deleteRecordsBefore(offset), this.say('DeleteRecords')).toMatchObject({
      errorCode: 0,
    })
  }

  private failSomething(): void {
    if (this.random.chance(0.8)) return this.runOutOfSomething()
    const operation = this.random.pick(['append', 'sync'] as const)
    this.counters.failed++
    this.storage.failNext(operation, 'EIO')
  }

  /** The disk is full, or all descriptors are taken, for a while. */
  private runOutOfSomething(): void {
    const { random } = this
    const [operation, code] = random.pick([
      ['append', 'ENOSPC'],
      ['append', 'ENOSPC'],
      ['open', 'ENOSPC'],
      ['open', 'EMFILE'],
      ['syncDirectory', 'EMFILE'],
    ] as const)
    for (let times = random.between(1, 6); times > 0; times--) {
      this.storage.failNext(operation, code, { nth: random.between(1, 3) })
    }
  }

  private isWithoutRoom(result: AppendResult): boolean {
    return result.errorCode === errorCodes.KAFKA_STORAGE_ERROR && !this.partition.isOffline
  }

  private accepted(result: AppendResult, expected: string): boolean {
    if (this.isWithoutRoom(result)) {
      this.counters.withoutRoom++
      expect(this.partition.endOffset, this.say('without room nothing is appended')).toBe(this.endOfEntries())
      return false
    }
    if (result.errorCode === errorCodes.KAFKA_STORAGE_ERROR) {
      expect(this.partition.isOffline, this.say('a storage error is for good')).toBe(true)
      return false
    }
    const answer = result.errorCode === 0 ? 'append' : errorName(result.errorCode)
    expect(answer, this.say(`append: ${result.errorMessage}`)).toBe(expected)
    return result.errorCode === 0
  }

  private note(result: AppendResult, what: Omit<Entry, 'baseOffset' | 'isPromised'>, forced: boolean): void {
    const entry: Entry = { ...what, baseOffset: result.baseOffset, isPromised: false }
    expect(result.baseOffset, this.say('I2: offsets are dense')).toBe(this.endOfEntries())
    this.entries.push(entry)
    expect(result.lastOffset + 1n, this.say('I2: offsets are dense')).toBe(this.endOfEntries())
    this.acknowledge(result, entry, forced)
  }

  private acknowledge(result: AppendResult, entry: Entry, forced: boolean): void {
    this.partition.onHighWatermark(result.lastOffset, (errorCode) => {
      if (errorCode === 0 && this.promised(forced)) entry.isPromised = true
    })
  }

  private async open(): Promise<void> {
    this.storage.holdSyncs = false
    this.leaderEpoch += this.random.below(2)
    this.world = new World({ storage: untilCrash(this.storage), defer: (act) => queueMicrotask(act) })
    this.partition = await this.world.open(
      { durability: this.durability, segmentBytes: 700, retentionBytes: 4000, indexIntervalBytes: 100 },
      { leaderEpoch: this.leaderEpoch },
    )
    this.storage.holdSyncs = true
    expect(this.partition.offlineReason, this.say('recovery')).toBeUndefined()
  }

  private async crash(): Promise<void> {
    this.counters.crashes++
    this.storage.crash()
    await settled()
    this.world.partitions.close().catch(() => {})
    await settled()
    await this.open()
    const { endOffset } = this.partition
    const lost = this.entries.filter(({ baseOffset }) => baseOffset >= endOffset)
    if (lost.length > 0) this.counters.lostTails++
    expect(
      lost.filter(({ isPromised }) => isPromised),
      this.say('I1: acknowledged is not lost'),
    ).toEqual([])
    this.entries = this.entries.filter(({ baseOffset }) => baseOffset < endOffset)
    this.checkReopened()
  }

  /** The disk has failed. Power is cut; or it is not, and what the disk has lost can still be read. */
  private async startAgain(): Promise<void> {
    if (this.random.chance(0.5)) return this.crash()
    this.counters.restarts++
    this.storage.holdSyncs = false
    this.storage.clearFaults()
    this.storage.finishSyncs()
    expect(await this.world.partitions.close(), this.say('a stop after a failure')).toBe(false)
    await this.open()
    this.checkReopened()
  }

  private async stop(): Promise<void> {
    this.storage.holdSyncs = false
    this.storage.clearFaults()
    this.storage.finishSyncs()
    const isClean = await this.world.partitions.close()
    expect(isClean, this.say('a stop is clean unless the disk failed')).toBe(!this.partition.isOffline)
    if (!isClean) return this.startAgain()
    this.counters.cleanStops++
    await this.open()
    this.checkReopened()
  }

  private checkReopened(): void {
    const { partition } = this
    expect(partition.endOffset, this.say('the log ends at a batch')).toBe(this.endOfEntries())
    expect(partition.highWatermark, this.say('all of it may be read')).toBe(partition.endOffset)
    // A new life is a new epoch: in it the watermarks begin where the disk says.
    this.highest = { ...this.watermarks(), lastStableOffset: 0n }
    for (const producerId of PRODUCERS) {
      const view = this.view(producerId)
      const entry = partition.parts?.producers.entry(producerId)
      // What lies below the log start may be forgotten (KIP-360); what is known must be right.
      if (entry === undefined) {
        const left = this.entries.filter(
          (one) => one.producerId === producerId && one.baseOffset >= partition.logStartOffset,
        )
        expect(left, this.say(`producer ${producerId} is known`)).toEqual([])
        this.forget(producerId)
        continue
      }
      const last = entry.batches.at(-1)
      expect(
        { epoch: entry.producerEpoch, openSince: entry.openSince, next: (last?.lastSequence ?? -1) + 1 },
        this.say(`state of producer ${producerId} equals its replay`),
      ).toEqual({ epoch: view.epoch, openSince: view.openSince, next: view.nextSequence })
      this.epochs.set(producerId, view.epoch)
    }
    this.checkReaders()
  }

  private forget(producerId: bigint): void {
    for (const entry of this.entries) if (entry.producerId === producerId) entry.producerId = -2n
    this.epochs.set(producerId, this.epochs.get(producerId) ?? 0)
  }

  private watermarks(): CrashWorld['highest'] {
    const { highWatermark, lastStableOffset, logStartOffset } = this.partition
    return { highWatermark, lastStableOffset, logStartOffset }
  }

  private checkWatermarks(): void {
    const { partition, highest } = this
    const now = this.watermarks()
    for (const key of ['highWatermark', 'lastStableOffset', 'logStartOffset'] as const) {
      this.hold(now[key] >= highest[key], () => `I4: ${key} ${now[key]} after ${highest[key]}`)
    }
    this.highest = now
    const { durableEndOffset, endOffset } = partition
    this.hold(now.lastStableOffset <= now.highWatermark, () => 'stable is below the high watermark')
    this.hold(durableEndOffset <= endOffset, () => `durable end ${durableEndOffset} beyond ${endOffset}`)
    if (this.durability === 'fsync') {
      this.hold(
        now.highWatermark <= durableEndOffset,
        () => `I5: ${now.highWatermark} beyond ${durableEndOffset}`,
      )
    }
    const stable = this.stableOffset()
    this.hold(
      now.lastStableOffset === stable,
      () => `stable ${now.lastStableOffset}, the list says ${stable}`,
    )
  }

  /** First offset of a transaction that has no marker below the high watermark, else the high watermark. */
  private stableOffset(): bigint {
    const { highWatermark, logStartOffset } = this.partition
    let stable = highWatermark
    for (const { firstOffset, markerOffset } of this.transactions()) {
      const isDecided = markerOffset !== undefined && markerOffset < highWatermark
      if (!isDecided && firstOffset < stable) stable = firstOffset
    }
    return stable < logStartOffset ? logStartOffset : stable
  }

  private *transactions(): Generator<{
    firstOffset: bigint
    markerOffset: bigint | undefined
    aborted: boolean
    entries: Entry[]
  }> {
    for (const producerId of [...PRODUCERS, -2n]) {
      let open: Entry[] = []
      for (const entry of this.entries.filter((one) => one.producerId === producerId)) {
        if (entry.marker === undefined) {
          if (entry.isTransactional) open.push(entry)
        } else {
          const first = open[0]
          if (first !== undefined) {
            yield {
              firstOffset: first.baseOffset,
              markerOffset: entry.baseOffset,
              aborted: !entry.marker.commit,
              entries: open,
            }
          }
          open = []
        }
      }
      const first = open[0]
      if (first !== undefined)
        yield { firstOffset: first.baseOffset, markerOffset: undefined, aborted: false, entries: open }
    }
  }

  private checkReaders(): void {
    const { highWatermark, lastStableOffset } = this.partition
    expect(this.read('read_uncommitted'), this.say('I3: read_uncommitted')).toEqual(
      this.visible(highWatermark, new Set()),
    )
    const aborted = new Set<Entry>()
    for (const transaction of this.transactions()) {
      if (!transaction.aborted) continue
      this.counters.aborted++
      for (const entry of transaction.entries) aborted.add(entry)
    }
    expect(this.read('read_committed'), this.say('I11: read_committed')).toEqual(
      this.visible(lastStableOffset, aborted),
    )
  }

  private visible(until: bigint, hidden: ReadonlySet<Entry>): string[] {
    const { logStartOffset } = this.partition
    return this.entries
      .filter((entry) => !hidden.has(entry) && entry.marker === undefined)
      .flatMap(({ baseOffset, values }) =>
        values.map((value, i) => ({ offset: baseOffset + BigInt(i), value })),
      )
      .filter(({ offset }) => offset >= logStartOffset && offset < until)
      .map(({ offset, value }) => `${offset} ${value}`)
  }

  /** Reads as a client does: fetch by fetch, leaving out what the aborted list says (KIP-98). */
  private read(isolation: 'read_uncommitted' | 'read_committed'): string[] {
    const seen: string[] = []
    const cursor = new RecordCursor()
    for (let offset = this.partition.logStartOffset; ; ) {
      const fetched = this.partition.read({
        fromOffset: offset,
        maxBytes: 1500,
        isolation,
        minOneBatch: true,
      })
      this.hold(fetched.errorCode === 0, () => `fetch at ${offset} answers ${fetched.errorCode}`)
      if (fetched.records.length === 0) return seen
      const pending = (fetched.abortedTransactions ?? []).toSorted((a, b) =>
        a.firstOffset < b.firstOffset ? -1 : 1,
      )
      const aborting = new Set<bigint>()
      for (const at of splitBatches(fetched.records, 0, fetched.records.length)) {
        const head = readBatchHeader(fetched.records, at)
        const lastOffset = head.baseOffset + BigInt(head.lastOffsetDelta)
        while (pending[0] !== undefined && pending[0].firstOffset <= lastOffset) {
          aborting.add((pending.shift() as { producerId: bigint }).producerId)
        }
        if (head.isControl) {
          if (readEndTxnMarker(fetched.records, at)?.isCommit === false) aborting.delete(head.producerId)
        } else if (!head.isTransactional || !aborting.has(head.producerId)) {
          cursor.reset(fetched.records, at)
          while (cursor.next()) {
            const recordOffset = head.baseOffset + BigInt(cursor.offsetDelta)
            const value = cursor.buffer.toString('utf8', cursor.valueStart, cursor.valueEnd)
            if (recordOffset >= offset) seen.push(`${recordOffset} ${value}`)
          }
        }
        if (lastOffset >= offset) offset = lastOffset + 1n
      }
    }
  }

  private view(producerId: bigint): ProducerView {
    const view: ProducerView = { epoch: -1, nextSequence: 0, openSince: undefined, batches: [] }
    for (const entry of this.entries) {
      if (entry.producerId !== producerId) continue
      if (entry.producerEpoch !== view.epoch) {
        view.epoch = entry.producerEpoch
        view.nextSequence = 0
        view.batches = []
      }
      if (entry.marker !== undefined) view.openSince = undefined
      else {
        view.nextSequence = entry.baseSequence + entry.values.length
        view.batches.push(entry)
        if (entry.isTransactional) view.openSince ??= entry.baseOffset
      }
    }
    return view
  }

  private endOfEntries(): bigint {
    const last = this.entries.at(-1)
    return last === undefined
      ? 0n
      : last.baseOffset + BigInt(last.marker === undefined ? last.values.length : 1)
  }

  /** As expect, for what is asked after every event: the message is made only when it is needed. */
  private hold(holds: boolean, what: () => string): void {
    if (!holds) expect.fail(this.say(what()))
  }

  private say(what: string): string {
    return `seed ${this.random.seed} step ${this.step}, durability ${this.durability}: ${what}`
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
