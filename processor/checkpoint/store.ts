// What the checkpoint asks of the disk: a few databases of ordered keys, each of which writes a set of
// changes whole or not at all. `level` is the real one; tests have one that crashes.

export interface Writes {
  put(key: Buffer, value: Buffer): void
  del(key: Buffer): void
  /**
   * All or nothing. Synced: durable when it resolves. Else it is lost at the latest as a suffix of the writes before
   * the last synced one, and where much is written perhaps even in front of that: nothing may depend on it.
   */
  write(options: { sync: boolean }): Promise<void>
}

export interface Database {
  get(key: Buffer): Promise<Buffer | undefined>
  /** Entries with from <= key < until by rising key, as they stood at the call, in blocks. */
  entries(from: Buffer, until: Buffer): AsyncIterable<readonly (readonly [Buffer, Buffer])[]>
  /** As `entries`, without the values. */
  keys(from: Buffer, until: Buffer): AsyncIterable<readonly Buffer[]>
  writes(): Writes
  close(): Promise<void>
}

export interface CheckpointStore {
  /** Where it is, for messages. */
  readonly location: string
  /** Makes the database where it is missing. Throws where it is damaged or another process holds it. */
  open(name: string): Promise<Database>
  /** Makes an empty database in place of a damaged one. */
  replace(name: string): Promise<Database>
}

/** Something in the checkpoint is not what was written. */
export class DamagedError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'DamagedError'
  }
}

/** The job cannot run from this checkpoint; the message says why and what may be done. */
export class CheckpointError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'CheckpointError'
  }
}
