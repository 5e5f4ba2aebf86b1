// What every coordinator is: a synchronous machine without socket, disk or clock. `decide` reads state
// and changes nothing; `apply` is the only mutator and is shared by live traffic and replay, so a
// restart rebuilds by replay exactly what live traffic built (design law 1).

/** Made by the runtime for each submitted command that wants an answer. */
export type RequestId = number

/** Facts of one decision that belong to a producer's transaction: written as one transactional batch. */
export interface ProducerStamp {
  producerId: bigint
  producerEpoch: number
}

export interface Decision<Fact, Note, Reply> {
  /** Appended to the shard's log, then applied; replayed after a restart. */
  facts: Fact[]
  /** Applied, never written: who is waiting, who was heard from. */
  notes: Note[]
  /** None yet, one, or all that were waiting. Held back until the high watermark covers the facts. */
  replies: { to: RequestId; body: Reply }[]
  /** Set or replaced by key; null cancels. Expiry comes back as a command. */
  timers: { key: string; afterMs: number | null }[]
  /** Set when the facts are part of a producer's transaction (TxnOffsetCommit). */
  producer?: ProducerStamp
}

export interface Machine<Command, Fact, Note, Reply> {
  decide(command: Command, requestId: RequestId, nowMs: number): Decision<Fact, Note, Reply>
  /**
   * `producer` is given for facts that were written inside a producer's transaction, `offset` with all facts: the
   * place of their record in the log.
   */
  apply(change: Fact | Note, producer?: ProducerStamp, offset?: bigint): void
  /** A transaction marker reached this shard's log: its pending facts count, or are dropped. */
  completeTransaction(producer: ProducerStamp, committed: boolean): void
  /** The command that a timer's expiry is. */
  expired(timerKey: string): Command
  /** After replay: the timers that the state needs (session timeouts restart from now, as Kafka does). */
  timersAfterReplay(nowMs: number): { key: string; afterMs: number | null }[]
}

/** How facts become Kafka's key and value bytes, and back. An unknown record throws: silence forks replicas. */
export interface FactCodec<Fact> {
  encode(fact: Fact): { key: Uint8Array; value: Uint8Array | null }
  decode(key: Uint8Array, value: Uint8Array | null): Fact
}
