// A listening socket and the connections that came through it. Accepts within the limits, closes the
// idle, and closes everything on stop without leaving a handle behind.

import { createServer, type Server, type Socket } from 'node:net'
import type { Clock, Timer } from '../time/clock.ts'
import { Connection } from './connection.ts'
import { BufferPool } from './buffer-pool.ts'
import { ConnectionCounts } from './connection-counts.ts'
import { MemoryBudget } from './memory-budget.ts'
import { plainAddress } from './plain-address.ts'
import { sharedReadBuffer } from './read-buffer.ts'
import type { ConnectionInfo, NetLimits, RequestProcessor } from './net.ts'

/** How long a stop waits for replies to go out. */
const DRAIN_MS = 2000

export interface ListenerOptions {
  host: string
  port: number
  process: RequestProcessor
  limits: NetLimits
  /** Told once for each connection that did not end in an orderly way. */
  onConnectionError(remote: string, reason: string): void
  /** Told once for each connection that was taken, when it has ended. */
  onConnectionClosed?(connection: ConnectionInfo): void
}

export class Listener {
  private readonly server: Server
  private readonly options: ListenerOptions
  private readonly budget: MemoryBudget
  private readonly buffers: BufferPool
  private readonly readBuffer = sharedReadBuffer()
  private readonly connections = new Set<Connection>()
  private readonly counts: ConnectionCounts
  /** Over the rate of the broker, and not yet taken. */
  private readonly delayed = new Set<Socket>()
  /** Over the connection rate of their address, and not yet closed. */
  private readonly turnedAway = new Set<Socket>()
  private accepted = 0
  private sweep: Timer | undefined

  private constructor(options: ListenerOptions) {
    this.options = options
    this.budget = new MemoryBudget(options.limits.inFlightBytes)
    this.buffers = options.limits.buffers ?? new BufferPool()
    this.counts = options.limits.counts ?? new ConnectionCounts()
    // Paused: nothing may be read before the connection takes it.
    this.server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => this.accept(socket))
  }

  /** Resolves when clients can connect; rejects with Node's error (EADDRINUSE, EACCES) when they cannot. */
  static open(options: ListenerOptions): Promise<Listener> {
    const listener = new Listener(options)
    return new Promise((resolve, reject) => {
      listener.server.once('error', reject)
      listener.server.listen({ host: options.host, port: options.port, backlog: 511 }, () => {
        listener.server.off('error', reject)
        // Failing to accept (out of file descriptors) must not bring the host process down.
        listener.server.on('error', (error) => options.onConnectionError('listener', error.message))
        listener.scheduleSweep()
        resolve(listener)
      })
    })
  }

  get port(): number {
    const address = this.server.address()
    if (address === null || typeof address === 'string') throw new Error('the listener is closed')
    return address.port
  }

  get connectionCount(): number {
    return this.connections.size
  }

  /** Takes no more connections and requests; resolves when what was appended is answered and all are closed. */
  close(): Promise<void> {
    this.sweep?.cancel()
    return new Promise((resolve) => {
      const deadline = this.options.limits.clock.setTimer(DRAIN_MS, () => {
        for (const connection of this.connections) connection.close()
      })
      this.server.close(() => {
        deadline.cancel()
        resolve()
      })
      for (const connection of this.connections) connection.drain()
      for (const socket of [...this.delayed, ...this.turnedAway]) socket.destroy()
    })
  }

  private accept(socket: Socket): void {
    const { limits } = this.options
    if (this.isRefused(socket)) return
    const delayMs = limits.delayConnection?.() ?? 0
    if (delayMs > 0) {
      keep(this.delayed, socket, limits.clock, delayMs, () => {
        if (!this.isRefused(socket)) this.admit(socket)
      })
    } else this.admit(socket)
  }

  /** There are too many: it is closed at once. */
  private isRefused(socket: Socket): boolean {
    const { limits, onConnectionError } = this.options
    const ip = plainAddress(socket.remoteAddress)
    const isCrowded = this.counts.from(ip) >= limits.maxConnectionsFrom(ip)
    // Those that wait hold a descriptor, too.
    const isFull = this.counts.total + this.delayed.size >= limits.maxConnections
    if (!isFull && !isCrowded) return false
    const limit = isCrowded ? 'max.connections.per.ip' : 'max.connections'
    onConnectionError(ip, `refused: ${limit} reached`)
    socket.destroy()
    return true
  }

  private admit(socket: Socket): void {
    const { limits, process, onConnectionError } = this.options
    const ip = plainAddress(socket.remoteAddress)
    const throttleTimeMs = limits.throttleConnection?.(ip) ?? 0
    if (throttleTimeMs > 0) {
      // Closed only after a while, so that who tries again at once is slowed down (KIP-612).
      keep(this.turnedAway, socket, limits.clock, throttleTimeMs, () => socket.destroy())
      return
    }
    this.counts.opened(ip)
    const connection: Connection = new Connection(socket, ++this.accepted, limits.clock.monotonicMs(), {
      process,
      limits,
      budget: this.budget,
      buffers: this.buffers,
      readBuffer: this.readBuffer,
      onClosed: (closed, reason) => {
        this.connections.delete(closed)
        this.options.onConnectionClosed?.(closed.info)
        this.counts.closed(ip)
        if (reason !== undefined) {
          onConnectionError(`${closed.info.remoteHost}:${closed.info.remotePort}`, reason)
        }
      },
    })
    this.connections.add(connection)
  }

  private scheduleSweep(): void {
    const { clock, connectionsMaxIdleMs } = this.options.limits
    if (connectionsMaxIdleMs < 0) return
    this.sweep = clock.setTimer(Math.max(1000, connectionsMaxIdleMs / 4), () => {
      const idleSinceMs = clock.monotonicMs() - connectionsMaxIdleMs
      for (const connection of this.connections) {
        if (connection.isIdle && connection.lastActiveMs < idleSinceMs) connection.close()
      }
      this.scheduleSweep()
    })
  }
}

/** Leaves the socket alone, in `among`, and calls back after a while unless its client has left. */
function keep(among: Set<Socket>, socket: Socket, clock: Clock, delayMs: number, then: () => void): void {
  const left = (): void => {
    timer.cancel()
    among.delete(socket)
  }
  const failed = (): void => {}
  const timer = clock.setTimer(delayMs, () => {
    among.delete(socket)
    socket.off('close', left)
    then()
    socket.off('error', failed)
  })
  among.add(socket)
  socket.on('error', failed)
  socket.once('close', left)
}
