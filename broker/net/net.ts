// The words of this folder: what a request processor is, what is known of a connection, which limits hold.

import type { Clock } from '../time/clock.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { ConnectionCounts } from './connection-counts.ts'

/** What the broker knows of a client's connection. */
export interface ConnectionInfo {
  readonly id: number
  /** The address that the client reached: what Metadata advertises unless configured otherwise. */
  readonly localHost: string
  readonly localPort: number
  readonly remoteHost: string
  readonly remotePort: number
  /** From ApiVersions v3 and later; empty before. */
  clientSoftwareName: string
  clientSoftwareVersion: string
  /**
   * By the monotonic clock: until then nothing is read from the client, it has used more than it may. 0: it never had
   * to be silent.
   */
  mutedUntilMs: number
}

/** The reply's chunks, size prefix included; null for a request that wants none (acks=0). */
export type Reply = readonly Uint8Array[] | null

/**
 * Answers one frame (without its size prefix). What it does before it returns or first awaits happens in
 * arrival order. Throwing, or rejecting, closes the connection with the error's message in the log.
 * The frame's memory is used again once it has answered: nothing of it may be kept, or stand in the reply.
 */
export type RequestProcessor = (frame: Buffer, connection: ConnectionInfo) => Reply | Promise<Reply>

export interface NetLimits {
  clock: Clock
  /** socket.request.max.bytes: larger frames close the connection before anything is allocated. */
  requestMaxBytes: number
  inFlightRequestsPerConnection: number
  inFlightBytesPerConnection: number
  /** Over all connections. */
  inFlightBytes: number
  maxConnections: number
  /** Of one address. Asked for each connection: it may change while the listener is open. */
  maxConnectionsFrom(ip: string): number
  /** Those of the broker's other listeners are among them; the listener's own if left out. */
  counts?: ConnectionCounts
  /** For how long any new connection has to wait before it is taken; 0: not at all. Counts it. */
  delayConnection?(): number
  /** For how long a new connection from the address is kept waiting before it is closed; 0: it is welcome. */
  throttleConnection?(ip: string): number
  /** connections.max.idle.ms */
  connectionsMaxIdleMs: number
  /** Memory for large frames, and of read bytes in replies; the listener's own if left out. */
  buffers?: BufferPool
}
