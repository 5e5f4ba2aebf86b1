// A client that speaks the protocol with our own codec and nothing else: no retries, no metadata, no opinion.
// What the broker answers is what the test sees. Broken bytes can be sent as well as whole requests.

import { connect, type Socket } from 'node:net'
import { decodeResponse } from '../../broker/protocol/codec.ts'
import { FrameReader } from '../../broker/protocol/framing.ts'
import { decodeResponseHeader, encodeRequestFrame } from '../../broker/protocol/header.ts'
import type { Api, RequestInput, ResponseOf } from '../../broker/protocol/message.ts'

export class ConnectionClosedError extends Error {
  override readonly name = 'ConnectionClosedError'
}

/** The broker is not there, or went away. */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof ConnectionClosedError) return true
  return ['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '')
}

interface Waiter {
  resolve(frame: Buffer): void
  reject(error: Error): void
}

export class WireClient {
  /** Resolves when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>
  private readonly socket: Socket
  private readonly waiters: Waiter[] = []
  private readonly unclaimed: Buffer[] = []
  private correlationId = 0
  private isOpen = true

  private constructor(socket: Socket) {
    this.socket = socket
    const frames = new FrameReader({
      onFrame: (frame) => {
        const waiter = this.waiters.shift()
        if (waiter === undefined) this.unclaimed.push(Buffer.from(frame))
        else waiter.resolve(frame)
      },
    })
    socket.setNoDelay(true)
    socket.on('data', (chunk) => frames.push(chunk))
    socket.on('error', () => undefined)
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.isOpen = false
        for (const waiter of this.waiters.splice(0)) waiter.reject(new ConnectionClosedError('closed'))
        resolve()
      })
    })
  }

  /** `bootstrap` is `host:port`. */
  static connect(bootstrap: string): Promise<WireClient> {
    const at = bootstrap.lastIndexOf(':')
    const socket = connect(Number(bootstrap.slice(at + 1)), bootstrap.slice(0, at))
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new WireClient(socket))
      })
    })
  }

  /** Pipelines: the requests of one client are answered in order. Rejects when the connection closes first. */
  async request<A extends Api>(api: A, version: number, body: RequestInput<A>): Promise<ResponseOf<A>> {
    const correlationId = ++this.correlationId
    const header = { correlationId, clientId: 'logmill-test' }
    const answered = this.nextFrame()
    this.write(Buffer.concat(encodeRequestFrame(api, version, header, body)))
    const frame = await answered
    const head = decodeResponseHeader(api, version, frame)
    if (head.correlationId !== correlationId) {
      throw new Error(`${api.name}: reply ${head.correlationId} came for request ${correlationId}`)
    }
    return decodeResponse(api, version, frame, head.bodyStart)
  }

  write(bytes: Uint8Array): void {
    if (this.isOpen) this.socket.write(bytes)
  }

  /** The next reply without its size; rejects when the connection closes first. */
  nextFrame(): Promise<Buffer> {
    const frame = this.unclaimed.shift()
    if (frame !== undefined) return Promise.resolve(frame)
    if (!this.isOpen) return Promise.reject(new ConnectionClosedError('closed'))
    return new Promise((resolve, reject) => this.waiters.push({ resolve, reject }))
  }

  /** Half-closes: the broker sees the end of what is sent. */
  end(): void {
    this.socket.end()
  }

  close(): Promise<void> {
    this.socket.destroy()
    return this.closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
