// A quorum whose log is an array: commits when it is told to, loses its uncommitted tail in a crash.

import { type Quorum, type QuorumAppend, QuorumError } from '../../broker/controller/quorum.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'

export class MemoryQuorum implements Quorum {
  readonly nodeId = 1
  readonly leaderId = 1
  epoch = 1
  /** False: only commitUpTo commits. */
  commitsAtOnce = true
  /** Thrown by the next append, once. */
  failNext: QuorumError | undefined
  batches: Buffer[][] = []
  /** What a restart begins with: the records of a snapshot, and the offset that they stand for. */
  snapshot: { endOffset: bigint; values: Buffer[] } | undefined
  private committed = 0n
  private readonly committedCallbacks = new Set<() => void>()
  private readonly closedCallbacks = new Set<(error: QuorumError) => void>()

  get endOffset(): bigint {
    return BigInt(this.batches.flat().length)
  }

  get committedEnd(): bigint {
    return this.committed
  }

  get snapshotEnd(): bigint {
    return this.snapshot?.endOffset ?? 0n
  }

  get bytesSinceSnapshot(): number {
    const records = this.batches.flat().slice(Number(this.snapshotEnd))
    return records.reduce((size, record) => size + record.length, 0)
  }

  replay(visit: (records: readonly Buffer[], baseOffset: bigint) => void): void {
    if (this.snapshot !== undefined) visit(this.snapshot.values, 0n)
    let at = 0n
    for (const batch of this.batches) {
      if (at >= this.snapshotEnd) visit(batch, at)
      at += BigInt(batch.length)
    }
    this.committed = at
  }

  async writeSnapshot(endOffset: bigint, values: Iterable<Uint8Array>): Promise<void> {
    if (endOffset > this.committed)
      throw new Error(`a snapshot at ${endOffset}, committed is ${this.committed}`)
    this.snapshot = { endOffset, values: Array.from(values, (value) => Buffer.from(value)) }
  }

  append(values: readonly Uint8Array[]): QuorumAppend {
    const error = this.failNext
    this.failNext = undefined
    if (error !== undefined) throw error
    const baseOffset = this.endOffset
    this.batches.push(values.map((value) => Buffer.from(value)))
    if (this.commitsAtOnce) this.commitAll()
    return { baseOffset, lastOffset: this.endOffset - 1n }
  }

  commitAll(): void {
    this.commitUpTo(this.endOffset)
  }

  commitUpTo(offset: bigint): void {
    if (offset <= this.committed) return
    this.committed = offset
    for (const callback of this.committedCallbacks) callback()
  }

  /** What survives a crash: everything committed, and `extra` batches that were lucky. */
  crash(extra = 0): MemoryQuorum {
    for (const callback of this.closedCallbacks) callback(new QuorumError(errorCodes.NOT_CONTROLLER, 'crash'))
    const next = new MemoryQuorum()
    let records = 0n
    let lucky = extra
    for (const batch of this.batches) {
      if (records >= this.committed && lucky-- <= 0) break
      next.batches.push(batch)
      records += BigInt(batch.length)
    }
    next.epoch = this.epoch + 1
    next.snapshot = this.snapshot
    return next
  }

  onCommitted(callback: () => void): () => void {
    this.committedCallbacks.add(callback)
    return () => void this.committedCallbacks.delete(callback)
  }

  onClosed(callback: (error: QuorumError) => void): () => void {
    this.closedCallbacks.add(callback)
    return () => void this.closedCallbacks.delete(callback)
  }
}
