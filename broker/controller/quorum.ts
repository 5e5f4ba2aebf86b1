// The port between the controller and the log that its quorum agrees on. One node is a quorum of one
// (single-node-quorum.ts); raft fills the same port with more. The quorum knows bytes and offsets, the
// controller knows what they mean.
//
//   append ──► offsets are given at once, one batch for all: all of it is committed, or none
//   committed ──► no leader to come will lack it; only then may anybody be told
//   closed ──► this node no longer leads; what was appended and not committed is of unknown fate

import type { ErrorCode } from '../protocol/errors.ts'

export interface QuorumAppend {
  baseOffset: bigint
  /** Inclusive. */
  lastOffset: bigint
}

export interface Quorum {
  readonly nodeId: number
  /** Of the current leader; -1: none known. */
  readonly leaderId: number
  readonly epoch: number
  /** Offset that the next record gets. */
  readonly endOffset: bigint
  /** First offset that is not committed. */
  readonly committedEnd: bigint

  /** First offset that no snapshot covers. */
  readonly snapshotEnd: bigint
  /** How much log there is behind the newest snapshot, in bytes. */
  readonly bytesSinceSnapshot: number

  /**
   * Reads the newest snapshot and what the log holds behind it, in order, each batch of records apart; control batches
   * are the quorum's own and left out. Slices are only valid during the call. To be called before the first append.
   */
  replay(visit: (records: readonly Buffer[], baseOffset: bigint) => void): void

  /** Appends record values as one batch. Throws QuorumError: then nothing was appended. */
  append(values: readonly Uint8Array[]): QuorumAppend

  /**
   * Keeps what all records below `endOffset`, all committed, come to, as records that can be applied in their order.
   * When it resolves a restart begins there, and the log may lose what two snapshots cover. Rejects with
   * StorageError; nothing is lost then. `values` are asked for in later turns too: what makes them must stay as it is.
   */
  writeSnapshot(endOffset: bigint, values: Iterable<Uint8Array>): Promise<void>

  /** Calls back whenever committedEnd has moved. Returns how to stop. */
  onCommitted(callback: () => void): () => void

  /** Calls back once, when the quorum can take no more here. Returns how to stop. */
  onClosed(callback: (error: QuorumError) => void): () => void
}

/** An expected refusal: not the controller, storage gone, too large. Becomes a reply's error code. */
export class QuorumError extends Error {
  readonly errorCode: ErrorCode

  constructor(errorCode: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'QuorumError'
    this.errorCode = errorCode
  }
}
