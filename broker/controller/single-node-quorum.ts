// A quorum of one: this node votes for itself, and what its disk has synced is committed. The files are
// KRaft's, so that Kafka's tools read them and raft can take over:
//
//   __cluster_metadata-0/
//     00000000000000000000.log     a LeaderChange control batch at the start of every epoch, then records
//     <offset>-<epoch>.checkpoint  what all records below the offset come to (snapshot-file.ts)
//     leader-epoch-checkpoint      at which offset each epoch began
//     quorum-state                 leader and epoch; synced before the epoch's first batch
//     partition.metadata           the reserved topic id ...0001
//     recovery-point-offset-checkpoint   ours: everything below it was synced, so damage there is no torn tail
//
// Every start is a new epoch. Rule kept: committedEnd never passes what a sync has covered.

import type { EpochCheckpointEntry } from '../log/epoch-checkpoint.ts'
import { Log } from '../log/log.ts'
import { defaultLogConfig, type TailCut } from '../log/log-config.ts'
import { encodeMessage } from '../protocol/codec.ts'
import { errorCodes } from '../protocol/errors.ts'
import { RecordBatchBuilder } from '../protocol/record-batch/builder.ts'
import { controlTypes } from '../protocol/record-batch/control.ts'
import { lastOffsetOf, readBatchHeader, stampBatch } from '../protocol/record-batch/header.ts'
import { leaderChangeMessage } from '../protocol/records/raft.ts'
import { CorruptLogError, isTemporary, type Storage, StorageError } from '../storage/storage.ts'
import { Breathing } from '../time/breathing.ts'
import type { Clock, Timer } from '../time/clock.ts'
import {
  DIRECTORY,
  type FoundLog,
  readLog,
  readQuorumState,
  readRecoveryPoint,
  writeRecoveryPoint,
  writeSideFiles,
} from './metadata-directory.ts'
import { type Quorum, type QuorumAppend, QuorumError } from './quorum.ts'
import { encodeSnapshot, type QuorumControls, recordValues, type SnapshotId } from './snapshot-file.ts'
import { SnapshotStore } from './snapshot-store.ts'

const RETRY_MS = 100
/** Kafka's internal.metadata.max.batch.size.in.bytes. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024

export interface SingleNodeQuorumOptions {
  storage: Storage
  clock: Clock
  nodeId: number
  /** Nothing survives the process, so nothing is synced. */
  isVolatile?: boolean
  /** Resolves when others have had their turn of the event loop; left out: at once. */
  nextTurn?: () => Promise<void>
  onTailCut?: (cut: TailCut) => void
  /** A snapshot is damaged: an older one, or the log itself, is read in its place. */
  onDamagedSnapshot?: (error: CorruptLogError) => void
}

export class SingleNodeQuorum implements Quorum {
  readonly nodeId: number
  readonly leaderId: number
  readonly epoch: number
  private readonly storage: Storage
  private readonly clock: Clock
  private readonly log: Log
  private readonly isVolatile: boolean
  private readonly nextTurn: () => Promise<void>
  private readonly snapshots: SnapshotStore
  /** What the replay begins with. */
  private readonly startedFrom: SnapshotId | undefined
  private readonly controls: QuorumControls
  private readonly epochs: readonly EpochCheckpointEntry[]
  private covered: bigint
  private uncoveredBytes = 0
  private lastTimestampMs = 0
  private committed = 0n
  private syncing = false
  private closedBy: QuorumError | undefined
  /** A sync that could not begin is tried again. */
  private retry: Timer | undefined
  private readonly committedCallbacks = new Set<() => void>()
  private readonly closedCallbacks = new Set<(error: QuorumError) => void>()

  /**
   * Opens the metadata log and begins an epoch. Throws CorruptLogError, StorageError, and Error where the
   * log belongs to other voters.
   */
  static async open(options: SingleNodeQuorumOptions): Promise<SingleNodeQuorum> {
    const { storage, nodeId } = options
    const previousEpoch = readQuorumState(storage, nodeId)
    const log = Log.open(storage, DIRECTORY, defaultLogConfig, {
      clock: options.clock,
      recoveryPoint: readRecoveryPoint(storage),
      logStartOffset: 0n,
      cleanShutdown: false,
      ...(options.onTailCut === undefined ? {} : { onTailCut: options.onTailCut }),
    })
    try {
      const found = readLog(log, new SnapshotStore(storage, DIRECTORY), options)
      const epoch = Math.max(previousEpoch, found.epochs.at(-1)?.epoch ?? 0, found.snapshot?.epoch ?? 0) + 1
      found.epochs.push({ epoch, startOffset: log.endOffset })
      await writeSideFiles(storage, nodeId, epoch, found.epochs)
      const quorum = new SingleNodeQuorum(options, log, epoch, found)
      quorum.appendLeaderChange()
      await quorum.settle()
      return quorum
    } catch (error) {
      log.release()
      throw error
    }
  }

  private constructor(options: SingleNodeQuorumOptions, log: Log, epoch: number, found: FoundLog) {
    this.storage = options.storage
    this.clock = options.clock
    this.nodeId = options.nodeId
    this.leaderId = options.nodeId
    this.isVolatile = options.isVolatile ?? false
    this.nextTurn = options.nextTurn ?? (() => Promise.resolve())
    this.log = log
    this.epoch = epoch
    this.snapshots = found.store
    this.startedFrom = found.snapshot
    this.controls = found.controls
    this.epochs = found.epochs
    this.covered = found.snapshot?.endOffset ?? 0n
    this.uncoveredBytes = found.uncoveredBytes
  }

  get snapshotEnd(): bigint {
    return this.covered
  }

  get bytesSinceSnapshot(): number {
    return this.uncoveredBytes
  }

  get endOffset(): bigint {
    return this.log.endOffset
  }

  get committedEnd(): bigint {
    return this.committed
  }

  replay(visit: (records: readonly Buffer[], baseOffset: bigint) => void): void {
    const { startedFrom, snapshots } = this
    if (startedFrom !== undefined) snapshots.read(startedFrom, { records: (records) => visit(records, 0n) })
    const from = startedFrom?.endOffset ?? 0n
    this.log.replay(from, (head, buffer, at) => {
      if (head.isControl || lastOffsetOf(buffer, at) < from) return
      const records = recordValues(buffer, at, (why) => {
        throw new CorruptLogError(DIRECTORY, at, `${why}, in the batch at ${head.baseOffset}`)
      })
      // A batch that a snapshot of Kafka's ends within counts from there on.
      const covered = head.baseOffset < from ? Number(from - head.baseOffset) : 0
      visit(records.slice(covered), head.baseOffset + BigInt(covered))
    })
  }

  async writeSnapshot(endOffset: bigint, values: Iterable<Uint8Array>): Promise<void> {
    if (this.closedBy !== undefined) throw this.closedBy
    if (endOffset > this.committed || endOffset <= this.covered) {
      throw new Error(`a snapshot at ${endOffset} of a log that is [${this.covered}, ${this.committed})`)
    }
    const epoch = this.epochs.findLast(({ startOffset }) => startOffset < endOffset)?.epoch ?? this.epoch
    const bytesBefore = this.uncoveredBytes
    const content = await encodeSnapshot({
      epoch,
      lastContainedLogTimestamp: BigInt(this.lastTimestampMs),
      controls: this.controls,
      values,
      now: () => this.clock.now(),
      breathing: new Breathing(this.clock, this.nextTurn),
    })
    if (this.closedBy !== undefined) throw this.closedBy
    try {
      await this.snapshots.add({ endOffset, epoch }, content)
      if (this.closedBy !== undefined) return
      this.covered = endOffset
      this.uncoveredBytes -= bytesBefore
      // Whole segments go, so one ends here.
      this.log.roll()
      const mayBegin = this.snapshots.prune()
      this.log.deleteSegmentsBelow(mayBegin)
      if (this.log.logStartOffset > mayBegin) {
        throw new Error(`the log begins at ${this.log.logStartOffset}, snapshots need it from ${mayBegin} on`)
      }
      if (!this.isVolatile) await this.log.sync()
    } catch (error) {
      if (!(error instanceof StorageError) || error.isTemporary) throw error
      this.end(new QuorumError(errorCodes.KAFKA_STORAGE_ERROR, error.message, { cause: error }))
      throw error
    }
  }

  append(values: readonly Uint8Array[]): QuorumAppend {
    if (this.closedBy !== undefined) throw this.closedBy
    const nowMs = this.clock.now()
    const builder = new RecordBatchBuilder()
    for (const value of values) builder.append(nowMs, null, value)
    if (builder.sizeInBytes > MAX_BATCH_BYTES) {
      throw new QuorumError(
        errorCodes.POLICY_VIOLATION,
        `the change takes ${builder.sizeInBytes} bytes of metadata, one batch holds ${MAX_BATCH_BYTES}`,
      )
    }
    return this.appendBatch(builder.build())
  }

  onCommitted(callback: () => void): () => void {
    this.committedCallbacks.add(callback)
    return () => void this.committedCallbacks.delete(callback)
  }

  onClosed(callback: (error: QuorumError) => void): () => void {
    this.closedCallbacks.add(callback)
    return () => void this.closedCallbacks.delete(callback)
  }

  /** Syncs what there is, remembers it as the recovery point, and lets go of the files. Idempotent. */
  async close(): Promise<void> {
    const failed = this.closedBy !== undefined
    this.end(new QuorumError(errorCodes.NOT_CONTROLLER, 'the quorum has closed'))
    if (failed) return this.log.release()
    if (!this.isVolatile) {
      await this.log.sync()
      await writeRecoveryPoint(this.storage, this.log.recoveryPoint)
    }
    this.log.close()
  }

  private appendLeaderChange(): void {
    const voters = [{ voterId: this.nodeId }]
    const key = Buffer.alloc(4)
    key.writeInt16BE(controlTypes.leaderChange, 2)
    const value = encodeMessage(leaderChangeMessage, 0, {
      version: 0,
      leaderId: this.nodeId,
      voters,
      grantingVoters: voters,
    })
    const builder = new RecordBatchBuilder()
    builder.append(this.clock.now(), key, value)
    this.appendBatch(builder.build({ isControl: true }))
  }

  private appendBatch(batch: Buffer): QuorumAppend {
    const baseOffset = this.log.endOffset
    stampBatch(batch, 0, baseOffset, this.epoch)
    try {
      const head = readBatchHeader(batch, 0)
      this.log.append(batch, head)
      this.uncoveredBytes += batch.length
      this.lastTimestampMs = Number(head.maxTimestamp)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      const refusal = new QuorumError(errorCodes.KAFKA_STORAGE_ERROR, error.message, { cause: error })
      // For want of room this change alone is refused: all is as it was before it.
      if (!error.isTemporary) this.end(refusal)
      throw refusal
    }
    if (this.isVolatile) this.commit(this.log.endOffset)
    else void this.syncOn()
    return { baseOffset, lastOffset: this.log.endOffset - 1n }
  }

  /** One sync at a time; what is appended meanwhile is covered by the next. A failed sync is final. */
  private async syncOn(): Promise<void> {
    if (this.syncing) return
    this.syncing = true
    try {
      while (this.closedBy === undefined && this.committed < this.log.endOffset) {
        const covered = this.log.endOffset
        await this.log.sync()
        this.commit(covered)
      }
    } catch (error) {
      if (isTemporary(error)) {
        this.retry = this.clock.setTimer(RETRY_MS, () => void this.syncOn())
        return
      }
      const message = error instanceof Error ? error.message : String(error)
      this.end(new QuorumError(errorCodes.KAFKA_STORAGE_ERROR, message, { cause: error }))
    } finally {
      this.syncing = false
    }
  }

  private commit(upTo: bigint): void {
    if (this.closedBy !== undefined) return
    this.committed = upTo
    for (const callback of this.committedCallbacks) callback()
  }

  /** Resolves when everything appended so far is committed. */
  private settle(): Promise<void> {
    const target = this.log.endOffset
    return new Promise((resolve, reject) => {
      if (this.committed >= target) return resolve()
      const stop = [
        this.onCommitted(() => {
          if (this.committed < target) return
          for (const each of stop) each()
          resolve()
        }),
        this.onClosed((error) => {
          for (const each of stop) each()
          reject(error)
        }),
      ]
      if (this.closedBy !== undefined) reject(this.closedBy)
    })
  }

  private end(error: QuorumError): void {
    if (this.closedBy !== undefined) return
    this.closedBy = error
    this.retry?.cancel()
    for (const callback of this.closedCallbacks) callback(error)
  }
}
