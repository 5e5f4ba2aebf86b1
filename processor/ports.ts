// The processor's whole knowledge of the broker: what it may read (LogView), where its output goes
// (OutputPort), and the clock. `server/` hands in the in-process side; a twin over the wire serves any
// other Kafka. Rows are cut out of segment bytes by broker/protocol/record-batch.

/** Sequential reading of one partition's segment files. */
export interface LogCursor {
  /** The offset that the next fill starts at or before (batches are whole, so it may start earlier). */
  readonly nextOffset: bigint
  /**
   * Fills `target` from its start with whole record batches, in offset order, none beyond `untilOffset`
   * (exclusive, a batch that begins below it may end beyond). Returns the bytes filled: 0 at the end of
   * the range. Throws RangeError naming the bytes needed where the next batch alone is larger than `target`.
   * The bytes belong to the caller. Aborted transactions and control batches are still among them.
   */
  fill(target: Buffer, untilOffset: bigint): number
  /** True: `fill` has checked the checksum of every batch it hands out. Else the reader does. */
  readonly checksumsChecked?: boolean
  close(): void
}

/** A producer's aborted span: its batches from firstOffset up to and including lastOffset do not count. */
export interface AbortedSpan {
  producerId: bigint
  firstOffset: bigint
  lastOffset: bigint
}

/** Keeps the segments from an offset on from being deleted while a batch still needs them. */
export interface Pin {
  release(): void
}

/** Whole record batches in one file of this process, for threads that read them by its descriptor. */
export interface FileSpan {
  readonly descriptor: number
  readonly position: number
  readonly length: number
}

/** Where the bytes of a range lie, in the order of offsets. They are kept, and open, until `release`. */
export interface FileSpans {
  readonly spans: readonly FileSpan[]
  release(): void
}

export interface LogView {
  readonly topic: string
  readonly partition: number
  /** Kafka's topic id as 32 hex digits: a topic deleted and made again has another one. */
  readonly topicId: string
  readonly logStartOffset: bigint
  /** Rows below it are committed and durable: min(last stable offset, durable end). The planner's bound. */
  readonly stableEndOffset: bigint
  cursor(fromOffset: bigint): LogCursor
  /** Aborted spans that overlap [fromOffset, untilOffset). */
  abortedSpans(fromOffset: bigint, untilOffset: bigint): AbortedSpan[]
  pin(fromOffset: bigint): Pin
  /**
   * From the batch that holds `fromOffset` on; checksums are not checked. undefined, or absent: the bytes are not
   * in files. Throws as `cursor` does.
   */
  fileSpans?(fromOffset: bigint, untilOffset: bigint): FileSpans | undefined
  /** Smallest offset whose record timestamp is at or after `timestampMs`, or undefined. */
  offsetForTimestamp(timestampMs: number): bigint | undefined
  /** Calls back (soon after, coalesced) each time stableEndOffset has moved. Returns the unsubscriber. */
  onAdvance(callback: () => void): () => void
}

export interface LogViews {
  /** Names of the topics that exist now (internal ones left out). */
  topics(): string[]
  /** How many partitions a topic has; 0 where it does not exist. */
  partitionCount(topic: string): number
  view(topic: string, partition: number): LogView
}

/** Records [from, until) of one partition. */
export interface LogRange {
  readonly topic: string
  readonly partition: number
  readonly from: bigint
  readonly until: bigint
}

/** Logs that are elsewhere: what is known of them, and the ranges that were brought here. */
export interface RemoteLogViews extends LogViews {
  /**
   * When it resolves, topics, partitions and the offsets of those that `reads` are at least as new as the call. With
   * `timeOf`, views can tell their offset for that time.
   */
  refresh(
    reads: (topic: string, partition: number) => boolean,
    timeOf?: (topic: string, partition: number) => number | undefined,
  ): Promise<void>
  /** Resolves when cursors have the rows of this range. To be let go as often as brought. */
  bring(range: LogRange): Promise<void>
  letGo(range: LogRange): void
}

export interface CommittedOffset {
  topic: string
  partition: number
  offset: bigint
  metadata: string
}

/** One Kafka transaction at a time, of one transactional id. After an error only abort() or close() may follow. */
export interface OutputSession {
  /** As of the last decision: under transaction.version 2 every one raises the epoch. */
  readonly producerId: bigint
  readonly producerEpoch: number
  /** Offsets the group committed last (stable: pending transactions awaited); absent partitions are left out. */
  committedOffsets(groupId: string): Promise<CommittedOffset[]>
  begin(): void
  /** Stamps producer id, epoch and sequence into the batch and appends it; resolves when it is durable. */
  append(topic: string, partition: number, batch: Buffer): Promise<void>
  commitOffsets(groupId: string, offsets: readonly CommittedOffset[]): Promise<void>
  /** The decision: resolves when it is durable, whatever durability the topics have. */
  commit(): Promise<void>
  abort(): Promise<void>
  close(): Promise<void>
}

export interface OutputPort {
  /** Takes the transactional id: fences the previous holder and aborts what it left open. */
  open(transactionalId: string, transactionTimeoutMs: number): Promise<OutputSession>
  /** Partitions of an output topic; creates it (auto-creation rules of the broker) where it is missing. */
  ensureTopic(topic: string): Promise<number>
}

/** The session's epoch is no longer valid: a newer instance of the same job has it, or a transaction took too long. */
export class FencedError extends Error {
  /** `overdue`: the transaction was open for longer than it may be, and so the broker aborted it. */
  constructor(
    transactionalId: string,
    options?: { cause?: unknown; overdue?: { openMs: number; timeoutMs: number } },
  ) {
    const overdue = options?.overdue
    super(
      overdue === undefined
        ? `transactional id '${transactionalId}' was taken by another instance`
        : `the transaction of '${transactionalId}' was open for ${overdue.openMs} ms, its timeout is ` +
            `${overdue.timeoutMs} ms: it was aborted, and nothing of it counts`,
      options,
    )
    this.name = 'FencedError'
  }
}
