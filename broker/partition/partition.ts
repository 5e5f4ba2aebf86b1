// One partition as its leader sees it. Puts the log, the producers' state, the leader epochs and the two
// watermarks together; each of them is decided in its own file.
//
//   writer ── log, producers, epochs ── progress ── waiters, listeners
//   reader ──┘                             ^
//              sync finished (durability 'fsync')
//
// Rules kept: whoever is called back is called outside of append (later in the same turn of the event loop),
// markers excepted; after a StorageError or CorruptLogError the partition answers KAFKA_STORAGE_ERROR to
// everybody until the broker is restarted, but where nothing has run out but room.

import { type ErrorCode, errorCodes } from '../protocol/errors.ts'
import { CorruptLogError, isTemporary, StorageError } from '../storage/storage.ts'
import { deleteSegments } from './delete-segments.ts'
import type { WaiterCallback } from './offset-waiters.ts'
import type {
  AppendOptions,
  AppendResult,
  DeleteRecordsResult,
  EpochEndOffset,
  Isolation,
  MarkerOptions,
  OffsetLookup,
  PartitionAssignment,
  PartitionConfig,
  PartitionRead,
  ReadOptions,
} from './partition-api.ts'
import { logConfigOf } from './partition-config.ts'
import type { PartitionContext, PartitionParts } from './partition-parts.ts'
import { PartitionReader } from './partition-reader.ts'
import { type MarkerCallback, PartitionWriter, type WrittenPartition } from './partition-writer.ts'
import { epochRefusal, refuseAppend, refuseRead } from './partition-answers.ts'
import type { ProducerEntry } from './producer-entry.ts'
import { Progress } from './progress.ts'

interface OpenParts extends PartitionParts {
  progress: Progress
  reader: PartitionReader
  writer: PartitionWriter
}

export class Partition implements WrittenPartition {
  readonly topic: string
  readonly index: number
  readonly topicId: string
  /** Undefined where the log could not be opened: the partition is offline from the start. */
  readonly parts: OpenParts | undefined
  private readonly context: PartitionContext
  private readonly endCallbacks = new Set<WaiterCallback>()
  private currentConfig: PartitionConfig
  private currentLeaderEpoch: number
  private offline: Error | undefined
  /** What everybody is answered once the partition can take no more; 0 until then. */
  private ended: ErrorCode = errorCodes.NONE

  /** `parts` is what recovery found, or why it found nothing. */
  constructor(assignment: PartitionAssignment, context: PartitionContext, parts: PartitionParts | Error) {
    this.topic = assignment.topic
    this.index = assignment.partition
    this.topicId = assignment.topicId
    this.currentConfig = assignment.config
    this.currentLeaderEpoch = assignment.leaderEpoch
    this.context = context
    if (parts instanceof Error) {
      this.offline = parts
      this.ended = errorCodes.KAFKA_STORAGE_ERROR
      return
    }
    const { log, producers, epochs } = parts
    const progress = new Progress(
      log,
      producers.transactions,
      assignment.config,
      context.clock,
      context.commit,
    )
    const reader = new PartitionReader(log, epochs, progress)
    const writer = new PartitionWriter(parts, progress, this, (reason) => context.onRefusing?.(this, reason))
    this.parts = { ...parts, progress, reader, writer }
  }

  get name(): string {
    return `${this.topic}-${this.index}`
  }

  get config(): PartitionConfig {
    return this.currentConfig
  }

  get leaderEpoch(): number {
    return this.currentLeaderEpoch
  }

  get isOffline(): boolean {
    return this.offline !== undefined
  }

  /** Offline, closed or deleted: it takes no more appends and answers no reads. */
  get hasEnded(): boolean {
    return this.ended !== errorCodes.NONE
  }

  /** Why the partition is offline: names the file and the position, or the operation that failed. */
  get offlineReason(): Error | undefined {
    return this.offline
  }

  /** Why the last append was refused by the disk; undefined where it was not. */
  get storageRefusal(): Error | undefined {
    return this.offline ?? this.parts?.writer.refusal
  }

  /** Exclusive; 0 where the log could not be opened, like the offsets below. */
  get endOffset(): bigint {
    return this.parts?.log.endOffset ?? 0n
  }

  get logStartOffset(): bigint {
    return this.parts?.log.logStartOffset ?? 0n
  }

  get highWatermark(): bigint {
    return this.parts?.progress.highWatermark ?? 0n
  }

  get lastStableOffset(): bigint {
    return this.parts?.progress.lastStableOffset ?? 0n
  }

  /** Records below it survive a power cut, whatever the topic's durability is. */
  get durableEndOffset(): bigint {
    return this.parts?.progress.durableEndOffset ?? 0n
  }

  get sizeInBytes(): number {
    return this.parts?.log.sizeInBytes ?? 0
  }

  /** Whether that producer epoch has begun a transaction here that has no marker yet. */
  hasOpenTransaction(producerId: bigint, producerEpoch: number): boolean {
    return this.parts?.producers.hasOpenTransaction(producerId, producerEpoch) ?? false
  }

  /** A producer's batch was refused without being looked at, and will come again: none may overtake it. */
  noteBatchPutOff(producerId: bigint, producerEpoch: number, baseSequence: number, nowMs: number): void {
    this.parts?.producers.noteBatchPutOff(producerId, producerEpoch, baseSequence, nowMs)
  }

  /** The producers that the partition knows (DescribeProducers). */
  producers(): Iterable<Readonly<ProducerEntry>> {
    return this.parts?.producers.allEntries() ?? []
  }

  /**
   * Appends one record batch as a producer sent it, or a coordinator's own. The bytes are stamped in place,
   * so they are the partition's from then on. Synchronous: when it returns, the batch has its offsets. It
   * is acknowledged when the high watermark is beyond `lastOffset` (onHighWatermark), duplicates included.
   */
  append(records: Buffer, options: AppendOptions): AppendResult {
    const refused = this.refusal(options.currentLeaderEpoch)
    if (refused !== errorCodes.NONE || this.parts === undefined)
      return refuseAppend(refused, this.offline?.message)
    return this.parts.writer.append(records, options)
  }

  /**
   * Ends a producer's transaction on this partition: appends the control batch and, for an abort, the
   * entry of the transaction index. Durable before the high watermark passes it, in every mode.
   */
  appendMarker(marker: MarkerOptions): AppendResult {
    const refused = this.refusal(undefined)
    if (refused !== errorCodes.NONE || this.parts === undefined)
      return refuseAppend(refused, this.offline?.message)
    return this.parts.writer.appendMarker(marker)
  }

  /** False where `read` would wait for a disk: then `readOffThread` is the better call. */
  isHot(fromOffset: bigint): boolean {
    return this.parts?.log.isHot(fromOffset) ?? true
  }

  /** Whole batches from the one that holds `fromOffset` on, up to the watermark that the isolation allows. */
  read(options: ReadOptions): PartitionRead {
    return this.answer(options.currentLeaderEpoch, ({ reader }) => reader.read(options), refuseRead)
  }

  /** As `read`, off the event loop. */
  async readOffThread(options: ReadOptions): Promise<PartitionRead> {
    const refused = this.refusal(options.currentLeaderEpoch)
    if (refused !== errorCodes.NONE || this.parts === undefined) return refuseRead(refused)
    try {
      return await this.parts.reader.readOffThread(options)
    } catch (error) {
      return refuseRead(this.failureCode(error))
    }
  }

  /** ListOffsets: -1 latest, -2 earliest, -3 of the largest timestamp, else the first at or after it. */
  listOffset(timestamp: bigint, isolation: Isolation, currentLeaderEpoch?: number): OffsetLookup {
    return this.answer(
      currentLeaderEpoch,
      ({ reader }) => reader.listOffset(timestamp, isolation, this.currentLeaderEpoch),
      (errorCode) => ({ errorCode, offset: -1n, timestamp: -1n, leaderEpoch: -1 }),
    )
  }

  /** OffsetForLeaderEpoch: the largest epoch at or below the asked one, and where it ends. */
  offsetForLeaderEpoch(epoch: number, currentLeaderEpoch?: number): EpochEndOffset {
    return this.answer(
      currentLeaderEpoch,
      ({ reader }) => reader.offsetForLeaderEpoch(epoch, this.currentLeaderEpoch),
      (errorCode) => ({ errorCode, leaderEpoch: -1, endOffset: -1n }),
    )
  }

  /** DeleteRecords: readers no longer see what is below `offset` (-1: the high watermark). */
  deleteRecordsBefore(offset: bigint): DeleteRecordsResult {
    const refuse = (errorCode: ErrorCode): DeleteRecordsResult => ({ errorCode, lowWatermark: -1n })
    if (this.currentConfig.cleanupPolicy === 'compact') return refuse(errorCodes.POLICY_VIOLATION)
    const until = offset === -1n ? this.highWatermark : offset
    if (until < 0n || until > this.highWatermark) return refuse(errorCodes.OFFSET_OUT_OF_RANGE)
    return this.answer(
      undefined,
      ({ log, progress, epochs, files }) => {
        log.raiseLogStartOffset(until)
        deleteSegments({ log, epochs, files }, until, this.currentConfig.durability === 'memory')
        progress.afterStartMoved()
        return { errorCode: errorCodes.NONE, lowWatermark: log.logStartOffset }
      },
      refuse,
    )
  }

  /** Calls back once the high watermark is beyond `offset`: at once where it is, else later, or with an error. */
  onHighWatermark(offset: bigint, callback: WaiterCallback): () => void {
    return this.parts?.progress.onHighWatermark(offset, callback) ?? this.answerAtOnce(callback)
  }

  /** The same for the durable end: asks for the sync that is missing, whatever the topic's durability is. */
  onDurable(offset: bigint, callback: WaiterCallback): () => void {
    return this.parts?.progress.onDurable(offset, callback) ?? this.answerAtOnce(callback)
  }

  /** onHighWatermark as a promise; resolves with an error code, never rejects. */
  whenCommitted(offset: bigint): Promise<ErrorCode> {
    return new Promise((resolve) => void this.onHighWatermark(offset, resolve))
  }

  /** onDurable as a promise; resolves with an error code, never rejects. */
  whenDurable(offset: bigint): Promise<ErrorCode> {
    return new Promise((resolve) => void this.onDurable(offset, resolve))
  }

  /** Calls back soon after high watermark, last stable offset, durable end or log start moved; coalesced. */
  onAdvance(callback: () => void): () => void {
    return this.parts?.progress.onAdvance(callback) ?? (() => {})
  }

  /** Calls back from inside appendMarker, so that markers and appends are met in log order. */
  onMarker(callback: MarkerCallback): () => void {
    return this.parts?.writer.onMarker(callback) ?? (() => {})
  }

  /**
   * Calls back once when the partition can take no more, at once where that is so: offline (56), closed (6)
   * or deleted (3).
   */
  onEnd(callback: WaiterCallback): () => void {
    if (this.hasEnded) return this.answerAtOnce(callback)
    this.endCallbacks.add(callback)
    return () => void this.endCallbacks.delete(callback)
  }

  /** A later epoch under which this broker leads; what is appended from now on carries it (I6). */
  setLeaderEpoch(leaderEpoch: number): void {
    if (leaderEpoch < this.currentLeaderEpoch) {
      throw new Error(`${this.name}: leader epoch ${leaderEpoch} after ${this.currentLeaderEpoch}`)
    }
    this.currentLeaderEpoch = leaderEpoch
  }

  /** The topic's configuration has changed: holds for the next append. */
  setConfig(config: PartitionConfig): void {
    this.currentConfig = config
    if (this.parts === undefined) return
    this.parts.log.config = logConfigOf(config)
    this.parts.progress.setConfig(config)
  }

  /** Takes the partition offline for good; later failures change nothing. */
  fail(reason: Error): void {
    if (this.offline !== undefined) return
    this.offline = reason
    this.end(errorCodes.KAFKA_STORAGE_ERROR)
    this.context.onOffline?.(this, reason)
  }

  /** Everything appended so far shall become durable soon, whatever the topic's durability is. */
  requestSync(): void {
    this.parts?.progress.requestSync()
  }

  /** Answers everybody who waits, or asks from now on, with `errorCode`. */
  end(errorCode: ErrorCode): void {
    if (this.ended !== errorCodes.NONE) return
    this.ended = errorCode
    this.parts?.progress.end(errorCode)
    for (const callback of Array.from(this.endCallbacks)) callback(errorCode)
    this.endCallbacks.clear()
  }

  private answerAtOnce(callback: WaiterCallback): () => void {
    callback(this.ended)
    return () => {}
  }

  private refusal(currentLeaderEpoch: number | undefined): ErrorCode {
    if (this.ended !== errorCodes.NONE) return this.ended
    return epochRefusal(currentLeaderEpoch, this.currentLeaderEpoch)
  }

  private answer<T>(
    currentLeaderEpoch: number | undefined,
    ask: (parts: OpenParts) => T,
    refuse: (errorCode: ErrorCode) => T,
  ): T {
    const refused = this.refusal(currentLeaderEpoch)
    if (refused !== errorCodes.NONE || this.parts === undefined) return refuse(refused)
    try {
      return ask(this.parts)
    } catch (error) {
      return refuse(this.failureCode(error))
    }
  }

  /** The code that stands for a failure of storage; anything else is a bug and goes on its way. */
  failureCode(error: unknown): ErrorCode {
    if (!(error instanceof StorageError || error instanceof CorruptLogError)) throw error
    if (isTemporary(error) && this.offline === undefined) return errorCodes.KAFKA_STORAGE_ERROR
    this.fail(error)
    return this.ended
  }
}
