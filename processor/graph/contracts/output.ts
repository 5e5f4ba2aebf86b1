// What `toTopic` needs of the sink: records of one batch, written inside that batch's transaction, seen
// by readers only if the batch is decided.

export interface OutputRecord {
  /** Strings are UTF-8. undefined and null are both Kafka's null key. */
  readonly key?: string | Uint8Array | null
  /** null is a tombstone. */
  readonly value: string | Uint8Array | null
  /** Names may repeat, order is kept. */
  readonly headers?: readonly (readonly [string, Uint8Array | null])[]
  /** Default: the batch's time, so that a rerun writes the same record. */
  readonly timestampMs?: number
  /** Default: by Kafka's murmur2 of the key, or spread evenly without a key. */
  readonly partition?: number
}

export interface TopicWriter {
  /** Takes the record's bytes before it returns; synchronous, so it can end a fused pass. */
  write(record: OutputRecord): void
  /** Enough is buffered: await `flush()` before pushing many more rows. */
  readonly isFull: boolean
  /** Hands what is buffered to the transaction. Need not be durable before `commit`. */
  flush(): Promise<void>
}

/** Takes whole record batches that were built elsewhere, for a topic of so many partitions. */
export interface BatchSink {
  readonly partitions: number
  /** Takes over the bytes. */
  append(partition: number, batch: Buffer, records: number): void
  /** Await `drained()` before appending much more. */
  readonly isFull: boolean
  drained(): Promise<void>
}

/** The output side of one batch, from `begin` to `commit` or `abort`. */
export interface BatchOutput {
  /** One writer per operator and topic; the topic is created by the broker's rules where it is missing. */
  writer(operatorId: string, topic: string): Promise<TopicWriter>
  /** As `writer`, for those who build record batches themselves; absent: records are wanted. */
  batches?(operatorId: string, topic: string): Promise<BatchSink>
  /** What is written is let fall: the batch's records are in their topics already. */
  readonly discards?: boolean
}
