// One compacted partition beside a naive model: the list of all that was ever appended, and the rules of
// compaction said over that list in a few lines. The disk may lose power at any of its operations.
//
//   a record in the log is as it was appended, under its offset   the last committed value of each key is there
//   nothing but that is left below what is clean                  a tombstone stays for delete.retention.ms
//   nothing younger than min.compaction.lag.ms has gone           no aborted record is read, no offset is given twice
//   a producer's epoch, sequence and open transaction are known   a marker stays while its transaction has data

import { expect } from 'vitest'
import type { Partition } from '../../broker/partition/partition.ts'
import type { AppendResult } from '../../broker/partition/partition-api.ts'
import { defaultCleanerConfig } from '../../broker/partition/log-cleaner.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import { buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import { readEndTxnMarker } from '../../broker/protocol/record-batch/control.ts'
import { RecordCursor } from '../../broker/protocol/record-batch/cursor.ts'
import { CODECS, readBatchHeader } from '../../broker/protocol/record-batch/header.ts'
import { splitBatches } from '../../broker/protocol/record-batch/validate.ts'
import { FaultyStorage } from '../../broker/storage/faulty-storage.ts'
import { type Storage, StorageError, type StorageFile } from '../../broker/storage/storage.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { Random } from '../world/random.ts'
import { World } from './fixture.ts'

interface ModelRecord {
  offset: bigint
  key: string
  value: string | null
  timestampMs: number
  batch: ModelBatch
}

interface ModelBatch {
  baseOffset: bigint
  records: ModelRecord[]
  producerId: bigint
  producerEpoch: number
  baseSequence: number
  isTransactional: boolean
  marker: { commit: boolean } | undefined
  /** When its tombstones may go: set when the batch is first cleaned with one. */
  horizonMs: number | undefined
}

export interface CompactionOptions {
  crashes: boolean
  deleteRetentionMs?: number
  minCompactionLagMs?: number
  dedupeBufferBytes?: number
}

const PRODUCERS = [1n, 2n, 3n]
const UNLIMITED = 1 << 26
const MINUTE_MS = 60_000

export class CompactionWorld {
  readonly counters = {
    runs: 0,
    removed: 0,
    crashes: 0,
    crashesInRuns: 0,
    restarts: 0,
    partial: 0,
    expired: 0,
  }
  readonly clock = new ManualClock()
  private readonly random: Random
  private readonly storage: FaultyStorage
  private readonly options: Required<CompactionOptions>
  private world!: World
  private partition!: Partition
  private batches: ModelBatch[] = []
  private epochs = new Map(PRODUCERS.map((producerId) => [producerId, 0]))
  private operationsLeft = Number.POSITIVE_INFINITY
  private step = 0
  private made = 0

  constructor(seed: number, options: CompactionOptions) {
    this.random = new Random(seed)
    this.storage = new FaultyStorage(this.random)
    this.options = {
      deleteRetentionMs: 60 * MINUTE_MS,
      minCompactionLagMs: 0,
      dedupeBufferBytes: UNLIMITED,
      ...options,
    }
  }

  async run(steps: number): Promise<void> {
    await this.open()
    for (this.step = 1; this.step <= steps; this.step++) await this.event()
    await this.settleAll()
    this.check()
    await this.restart()
  }

  private async event(): Promise<void> {
    const { random } = this
    const kind = random.below(100)
    if (kind < 30) this.append(undefined, false)
    else if (kind < 42) this.append(random.pick(PRODUCERS), false)
    else if (kind < 58) this.append(random.pick(PRODUCERS), true)
    else if (kind < 75) this.appendMarker()
    else if (kind < 84) this.clock.tick(random.below(20 * MINUTE_MS))
    else if (kind < 96) await this.clean()
    else if (kind < 98) await this.restart()
    else if (this.options.crashes) await this.crash()
    await settled()
    if (this.step % 10 === 0) this.check()
  }

  private append(producerId: bigint | undefined, wantsTransaction: boolean): void {
    const { random } = this
    const view = producerId === undefined ? undefined : this.view(producerId)
    const isTransactional = view !== undefined && (wantsTransaction || view.openSince !== undefined)
    const records = Array.from({ length: random.between(1, 4) }, () => ({
      key: `k${random.below(12)}`,
      value: random.chance(0.2) ? null : `v${++this.made}${'.'.repeat(random.below(60))}`,
      timestampMs: this.clock.now() - random.below(50),
    }))
    const producerEpoch = producerId === undefined ? -1 : (this.epochs.get(producerId) as number)
    const baseSequence = view === undefined ? -1 : view.epoch === producerEpoch ? view.nextSequence : 0
    const bytes = buildBatch(
      records.map(({ key, value, timestampMs }, i) => ({
        timestampMs,
        key: Buffer.from(key),
        value: value === null ? null : Buffer.from(value),
        ...(i % 2 === 0 ? {} : { headers: [{ key: 'h', value: Buffer.from(key) }] }),
      })),
      {
        codec: random.pick(CODECS),
        ...(producerId === undefined ? {} : { producerId, producerEpoch, baseSequence, isTransactional }),
      },
    )
    const result = this.partition.append(bytes, { nowMs: this.clock.now(), fromClient: true })
    if (!this.accepted(result)) return
    const batch: ModelBatch = {
      baseOffset: result.baseOffset,
      records: [],
      producerId: producerId ?? -1n,
      producerEpoch,
      baseSequence,
      isTransactional,
      marker: undefined,
      horizonMs: undefined,
    }
    batch.records = records.map((record, i) => ({ ...record, offset: result.baseOffset + BigInt(i), batch }))
    this.batches.push(batch)
  }

  private appendMarker(): void {
    const producerId = this.random.pick(PRODUCERS)
    const producerEpoch = (this.epochs.get(producerId) as number) + (this.random.chance(0.3) ? 1 : 0)
    const commit = this.random.chance(0.6)
    const nowMs = this.clock.now()
    const result = this.partition.appendMarker({
      producerId,
      producerEpoch,
      commit,
      coordinatorEpoch: 0,
      nowMs,
    })
    if (!this.accepted(result)) return
    this.epochs.set(producerId, producerEpoch)
    this.batches.push({
      baseOffset: result.baseOffset,
      records: [],
      producerId,
      producerEpoch,
      baseSequence: -1,
      isTransactional: true,
      marker: { commit },
      horizonMs: undefined,
    })
  }

  private accepted(result: AppendResult): boolean {
    const answer = result.errorCode === 0 ? 'append' : errorName(result.errorCode)
    expect(answer, this.say(`append: ${result.errorMessage}`)).toBe('append')
    expect(result.baseOffset, this.say('no offset is given twice')).toBe(this.endOffset())
    return true
  }

  /** A run of the cleaner; where the disk may fail, it loses power somewhere on the way, or has no room. */
  private async clean(): Promise<void> {
    await this.settleAll()
    const { random } = this
    const isCut = this.options.crashes && random.chance(0.4)
    if (isCut) this.operationsLeft = random.between(1, 60)
    else if (random.chance(0.2)) this.storage.failNext('append', 'ENOSPC', { nth: random.between(1, 4) })
    if ((await this.world.partitions.cleaner.run()) > 1) this.counters.partial++
    this.storage.clearFaults()
    if (this.operationsLeft <= 0) {
      this.counters.crashesInRuns++
      await this.reopenAfterCrash()
    }
    this.operationsLeft = Number.POSITIVE_INFINITY
    expect(this.partition.offlineReason, this.say('cleaning')).toBeUndefined()
    this.check()
  }

  private onCleaned(cleanOffset: bigint): void {
    this.counters.runs++
    const nowMs = this.clock.now()
    const last = this.lastOfKeys(cleanOffset)
    for (const batch of this.batches) {
      const left = batch.records.filter((record) => last.get(record.key) === record)
      const hasTombstone = left.some(({ value }) => value === null)
      if (!hasTombstone) continue
      if (batch.horizonMs === undefined) batch.horizonMs = nowMs + this.options.deleteRetentionMs
    }
    this.checkNothingStale(cleanOffset)
  }

  /** Below `cleanOffset` there is the last committed record of each key and nothing else. */
  private checkNothingStale(cleanOffset: bigint): void {
    if (this.options.dedupeBufferBytes !== UNLIMITED) return
    const last = this.lastOfKeys(cleanOffset)
    const nowMs = this.clock.now()
    const expected = [...last.values()]
      .filter(
        ({ value, batch }) => value !== null || batch.horizonMs === undefined || nowMs < batch.horizonMs,
      )
      .map(({ offset }) => offset)
    const found = this.read('read_uncommitted')
      .map(({ offset }) => offset)
      .filter((offset) => offset < cleanOffset)
    this.counters.expired += last.size - expected.length
    // A run that a power cut ended may have got further, and taken more.
    const allowed = this.options.crashes ? expected.filter((offset) => found.includes(offset)) : expected
    expect(found, this.say(`what is left below ${cleanOffset}`)).toEqual(allowed.sort(compare))
  }

  private async open(): Promise<void> {
    const { deleteRetentionMs, minCompactionLagMs, dedupeBufferBytes } = this.options
    this.world = new World({
      clock: this.clock,
      storage: this.watched(),
      defer: (act) => queueMicrotask(act),
      cleanerConfig: () => ({
        ...defaultCleanerConfig,
        backoffMs: 1e12,
        dedupeBufferBytes,
        ioBufferBytes: 1,
      }),
      onCleaned: (_, { cleanOffset, bytesBefore, bytesAfter }) => {
        this.counters.removed += bytesBefore - bytesAfter
        this.onCleaned(cleanOffset)
      },
      onUncleanable: (_, reason) => expect.fail(this.say(`uncleanable: ${reason.stack}`)),
    })
    this.partition = await this.world.open({
      cleanupPolicy: 'compact',
      segmentBytes: 900,
      indexIntervalBytes: 150,
      minCleanableDirtyRatio: 0,
      deleteRetentionMs,
      minCompactionLagMs,
    })
    expect(this.partition.offlineReason, this.say('recovery')).toBeUndefined()
    // Or the cleaner would not know how late it is: see clock-guard.
    this.world.partitions.applyRetention()
    this.clock.tick(10 * MINUTE_MS)
    this.world.partitions.applyRetention()
  }

  private async restart(): Promise<void> {
    this.counters.restarts++
    await this.settleAll()
    expect(await this.world.partitions.close(), this.say('a clean stop')).toBe(true)
    await this.open()
    this.checkReopened()
  }

  private async crash(): Promise<void> {
    this.storage.crash()
    await this.reopenAfterCrash()
  }

  private async reopenAfterCrash(): Promise<void> {
    this.counters.crashes++
    this.operationsLeft = Number.POSITIVE_INFINITY
    await settled()
    this.world.partitions.close().catch(() => {})
    await settled()
    await this.open()
    this.batches = this.batches.filter(({ baseOffset }) => baseOffset < this.partition.endOffset)
    this.checkReopened()
  }

  private checkReopened(): void {
    expect(this.partition.endOffset, this.say('the log ends where it ended')).toBe(this.endOffset())
    for (const producerId of PRODUCERS) {
      const view = this.view(producerId)
      const entry = this.partition.parts?.producers.entry(producerId)
      const last = entry?.batches.at(-1)
      expect(
        {
          epoch: entry?.producerEpoch ?? -1,
          openSince: entry?.openSince,
          next: (last?.lastSequence ?? -1) + 1,
        },
        this.say(`state of producer ${producerId}`),
      ).toEqual({ epoch: view.epoch, openSince: view.openSince, next: view.nextSequence })
      this.epochs.set(producerId, Math.max(0, view.epoch))
    }
    this.check()
  }

  /** All of it is synced, and producer snapshots are written. */
  private async settleAll(): Promise<void> {
    if (this.partition.endOffset > 0n) await this.partition.whenDurable(this.partition.endOffset - 1n)
    await this.partition.parts?.files.settled()
    await settled()
  }

  private check(): void {
    const all = this.read('read_uncommitted')
    const known = new Map(this.batches.flatMap(({ records }) => records.map((one) => [one.offset, one])))
    for (const { offset, text } of all) {
      const expected = textOf(known.get(offset))
      this.hold(text === expected, () => `offset ${offset} has ${text}, not ${expected}`)
    }
    const present = new Set(all.map(({ offset }) => offset))
    const stable = this.partition.lastStableOffset
    const last = this.lastOfKeys(stable)
    const nowMs = this.clock.now()
    for (const record of last.values()) {
      const mayBeGone = record.value === null && record.timestampMs + this.options.deleteRetentionMs <= nowMs
      this.hold(
        mayBeGone || present.has(record.offset),
        () => `the last of ${record.key} at ${record.offset} is gone`,
      )
    }
    for (const { offset, timestampMs } of known.values()) {
      if (timestampMs <= nowMs - this.options.minCompactionLagMs) continue
      this.hold(present.has(offset), () => `${offset} is younger than the lag, and gone`)
    }
    const committed = this.read('read_committed')
    const values = new Map<string, string | null>()
    for (const { text } of committed) {
      const { key, value } = JSON.parse(text) as { key: string; value: string | null }
      values.set(key, value)
    }
    for (const [key, { value }] of last) {
      const found = values.get(key) ?? null
      this.hold(found === value, () => `${key} has the value ${found}, not ${value}`)
    }
    const undecided = new Set(
      this.notCommitted().flatMap(({ records }) => records.map(({ offset }) => offset)),
    )
    expect(
      committed.filter(({ offset }) => undecided.has(offset)),
      this.say('no aborted record is read'),
    ).toEqual([])
    this.checkMarkers(present)
  }

  private checkMarkers(present: ReadonlySet<bigint>): void {
    const markers = new Set(this.controlOffsets())
    for (const producerId of PRODUCERS) {
      let open: ModelBatch[] = []
      for (const batch of this.batches.filter((one) => one.producerId === producerId)) {
        if (batch.marker === undefined) {
          if (batch.isTransactional) open.push(batch)
          continue
        }
        const hasData = open.some(({ records }) => records.some(({ offset }) => present.has(offset)))
        this.hold(
          !hasData || markers.has(batch.baseOffset),
          () => `the marker at ${batch.baseOffset} is gone`,
        )
        open = []
      }
    }
  }

  /** The last committed record of each key below `until`. */
  private lastOfKeys(until: bigint): Map<string, ModelRecord> {
    const hidden = new Set(this.notCommitted())
    const last = new Map<string, ModelRecord>()
    for (const batch of this.batches) {
      if (hidden.has(batch)) continue
      for (const record of batch.records) if (record.offset < until) last.set(record.key, record)
    }
    return last
  }

  /** Data batches of transactions that were aborted or are open. */
  private notCommitted(): ModelBatch[] {
    const hidden: ModelBatch[] = []
    for (const producerId of PRODUCERS) {
      let open: ModelBatch[] = []
      for (const batch of this.batches) {
        if (batch.producerId !== producerId) continue
        if (batch.marker === undefined) {
          if (batch.isTransactional) open.push(batch)
        } else {
          if (!batch.marker.commit) hidden.push(...open)
          open = []
        }
      }
      hidden.push(...open)
    }
    return hidden
  }

  private view(producerId: bigint): { epoch: number; nextSequence: number; openSince: bigint | undefined } {
    const view = { epoch: -1, nextSequence: 0, openSince: undefined as bigint | undefined }
    for (const batch of this.batches) {
      if (batch.producerId !== producerId) continue
      if (batch.producerEpoch !== view.epoch) {
        view.epoch = batch.producerEpoch
        view.nextSequence = 0
      }
      if (batch.marker !== undefined) view.openSince = undefined
      else {
        view.nextSequence = batch.baseSequence + batch.records.length
        if (batch.isTransactional) view.openSince ??= batch.baseOffset
      }
    }
    return view
  }

  private endOffset(): bigint {
    const last = this.batches.at(-1)
    if (last === undefined) return 0n
    return last.baseOffset + BigInt(last.marker === undefined ? last.records.length : 1)
  }

  private controlOffsets(): bigint[] {
    const offsets: bigint[] = []
    this.walk('read_uncommitted', (buffer, at) => {
      const head = readBatchHeader(buffer, at)
      if (head.isControl) offsets.push(head.baseOffset)
    })
    return offsets
  }

  /** As a client reads: batch by batch, aborted transactions left out as the answers say. */
  private read(isolation: 'read_uncommitted' | 'read_committed'): { offset: bigint; text: string }[] {
    const seen: { offset: bigint; text: string }[] = []
    const cursor = new RecordCursor()
    const aborting = new Set<bigint>()
    this.walk(isolation, (buffer, at, beginning) => {
      const head = readBatchHeader(buffer, at)
      for (const producerId of beginning(head.baseOffset + BigInt(head.lastOffsetDelta)))
        aborting.add(producerId)
      if (head.isControl) {
        if (head.recordCount > 0 && readEndTxnMarker(buffer, at)?.isCommit === false) {
          aborting.delete(head.producerId)
        }
        return
      }
      if (head.isTransactional && aborting.has(head.producerId)) return
      cursor.reset(buffer, at)
      while (cursor.next()) {
        const key = cursor.key()?.toString() ?? ''
        const value = cursor.value()?.toString() ?? null
        const headers = cursor.headers().map((header) => String(header.value))
        const text = JSON.stringify({ key, value, timestampMs: cursor.timestampMs, headers })
        const before = seen.at(-1)?.offset ?? -1n
        this.hold(cursor.offset() > before, () => `${cursor.offset()} after ${before}`)
        seen.push({ offset: cursor.offset(), text })
      }
    })
    return seen
  }

  private walk(
    isolation: 'read_uncommitted' | 'read_committed',
    visit: (buffer: Buffer, at: number, beginning: (until: bigint) => bigint[]) => void,
  ): void {
    for (let offset = this.partition.logStartOffset; ; ) {
      const fetched = this.partition.read({
        fromOffset: offset,
        maxBytes: 1500,
        isolation,
        minOneBatch: true,
      })
      this.hold(fetched.errorCode === 0, () => `fetch at ${offset} answers ${fetched.errorCode}`)
      if (fetched.records.length === 0) return
      const pending = (fetched.abortedTransactions ?? []).toSorted((a, b) =>
        compare(a.firstOffset, b.firstOffset),
      )
      const beginning = (until: bigint): bigint[] => {
        const found: bigint[] = []
        while (pending[0] !== undefined && pending[0].firstOffset <= until) {
          found.push((pending.shift() as { producerId: bigint }).producerId)
        }
        return found
      }
      for (const at of splitBatches(fetched.records, 0, fetched.records.length)) {
        visit(fetched.records, at, beginning)
      }
      this.hold(fetched.nextOffset > offset, () => `fetch at ${offset} goes on at ${fetched.nextOffset}`)
      offset = fetched.nextOffset
    }
  }

  /** The disk as one process sees it: power may go at any operation, and then the process is dead. */
  private watched(): Storage {
    const { storage } = this
    const life = storage.crashes
    const guard = (): void => {
      if (storage.crashes === life && --this.operationsLeft <= 0) storage.crash()
      if (storage.crashes !== life) throw new StorageError('', 'power was cut')
    }
    const wrap = <T extends object>(target: T): T =>
      new Proxy(target, {
        get(_, name) {
          const member = target[name as keyof T]
          if (typeof member !== 'function') return member
          return (...given: unknown[]) => {
            guard()
            const result: unknown = (member as (...args: unknown[]) => unknown).apply(target, given)
            return name === 'open' ? wrap(result as StorageFile) : result
          }
        },
      })
    return wrap<Storage>(storage)
  }

  /** As expect, for what is asked of every record: the message is made only when it is needed. */
  private hold(holds: boolean, what: () => string): void {
    if (!holds) expect.fail(this.say(what()))
  }

  private say(what: string): string {
    return `seed ${this.random.seed} step ${this.step}: ${what}`
  }
}

function textOf(record: ModelRecord | undefined): string {
  if (record === undefined) return 'no record'
  const { key, value, timestampMs, batch, offset } = record
  const headers = Number(offset - batch.baseOffset) % 2 === 0 ? [] : [key]
  return JSON.stringify({ key, value, timestampMs, headers })
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
