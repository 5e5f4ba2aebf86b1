// One connection to a broker: requests out, replies back in their order, each with a time limit. What does not
// parse, comes out of turn or too late ends the connection: nothing behind it could be believed.

import type { Socket } from 'node:net'
import { apiVersions } from '../broker/protocol/apis/api-versions.ts'
import { decodeResponse } from '../broker/protocol/codec.ts'
import { errorCodes } from '../broker/protocol/errors.ts'
import { FrameReader } from '../broker/protocol/framing.ts'
import { decodeResponseHeader, encodeRequestFrame } from '../broker/protocol/header.ts'
import type { Api, RequestInput, ResponseOf } from '../broker/protocol/message.ts'
import type { Clock, Timer } from '../broker/time/clock.ts'
import { authenticate } from './authenticate.ts'
import { UnsupportedError } from './errors.ts'
import { type Address, lostOrRefused, openSocket } from './open-socket.ts'
import type { Security } from './security.ts'

export interface ConnectionOptions {
  readonly clientId: string
  /** Until a reply is there; a broker that is silent for longer is given up. */
  readonly requestTimeoutMs: number
  readonly clock: Clock
  readonly security: Security
}

interface Waiter {
  resolve(frame: Buffer): void
  reject(error: Error): void
  readonly timer: Timer
}

const API_VERSIONS_VERSION = 3
/** Of a session's lifetime; Kafka's client begins anew between 85 and 95 %. */
const SESSION_PART = 0.85
const SOFTWARE = { clientSoftwareName: 'logmill', clientSoftwareVersion: '1' }

export class BrokerConnection {
  readonly name: string
  private readonly socket: Socket
  private readonly options: ConnectionOptions
  private readonly waiters: Waiter[] = []
  private ranges = new Map<number, { minVersion: number; maxVersion: number }>()
  private features = new Map<string, number>()
  private correlationId = 0
  private failure: Error | undefined
  private retirement: Timer | undefined
  private isRetired = false

  private constructor(socket: Socket, name: string, options: ConnectionOptions) {
    this.socket = socket
    this.name = name
    this.options = options
    const frames = new FrameReader({ onFrame: (frame) => this.took(frame) })
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      try {
        frames.push(chunk)
      } catch (error) {
        this.fail(error)
      }
    })
    socket.on('error', (error) => this.fail(error))
    socket.on('close', () => this.fail(new Error('the connection was closed')))
  }

  /**
   * Connects, asks what the broker speaks, and says who we are. Rejects with ConnectionLostError, AuthenticationError or
   * UnsupportedError.
   */
  static async open(address: Address, options: ConnectionOptions): Promise<BrokerConnection> {
    const socket = await openSocket(address, options)
    const connection = new BrokerConnection(socket, `${address.host}:${address.port}`, options)
    const { sasl } = options.security
    try {
      await connection.askVersions()
      if (sasl !== undefined) {
        connection.retireIn(await authenticate(connection, sasl))
        // Who was not known yet was perhaps not told all.
        await connection.askVersions()
      }
    } catch (error) {
      connection.close()
      throw error
    }
    return connection
  }

  /** New requests may be sent; false also where a new connection should be made for them. */
  get isOpen(): boolean {
    return this.failure === undefined && !this.isRetired
  }

  /** Nothing is waited for on it any more. */
  get isClosed(): boolean {
    return this.failure !== undefined
  }

  /** The highest version that both speak, no higher than `atMost`. Throws UnsupportedError where there is none. */
  versionOf(api: Api, atMost = api.servedVersions[1]): number {
    const range = this.ranges.get(api.key)
    const [lowest, highest] = api.servedVersions
    const version = Math.min(highest, atMost, range?.maxVersion ?? -1)
    if (range === undefined || version < Math.max(lowest, range.minVersion)) {
      throw new UnsupportedError(this.name, api.name, range)
    }
    return version
  }

  /** Finalized level of a feature of the cluster; 0: it has none. */
  feature(name: string): number {
    return this.features.get(name) ?? 0
  }

  async request<A extends Api>(api: A, version: number, body: RequestInput<A>): Promise<ResponseOf<A>> {
    const { frame, bodyStart } = await this.ask(api, version, body)
    try {
      return decodeResponse(api, version, frame, bodyStart)
    } catch (error) {
      throw this.fail(error)
    }
  }

  close(): void {
    this.fail(new Error('the client closed the connection'))
  }

  // Whoever does not know the version that is asked for answers in version 0 (KIP-511).
  private async askVersions(): Promise<void> {
    const { frame, bodyStart } = await this.ask(apiVersions, API_VERSIONS_VERSION, SOFTWARE)
    const isUnknown =
      frame.length >= bodyStart + 2 && frame.readInt16BE(bodyStart) === errorCodes.UNSUPPORTED_VERSION
    const answer = isUnknown
      ? await this.request(apiVersions, 0, {})
      : decodeResponse(apiVersions, API_VERSIONS_VERSION, frame, bodyStart)
    this.ranges = new Map(answer.apiKeys.map((range) => [range.apiKey, range]))
    this.features = new Map(
      answer.finalizedFeatures.map(({ name, maxVersionLevel }) => [name, maxVersionLevel]),
    )
  }

  private async ask<A extends Api>(
    api: A,
    version: number,
    body: RequestInput<A>,
  ): Promise<{ frame: Buffer; bodyStart: number }> {
    if (this.failure !== undefined) throw this.failure
    const correlationId = (this.correlationId = (this.correlationId + 1) & 0x7fffffff)
    const { clientId, clock, requestTimeoutMs } = this.options
    const chunks = encodeRequestFrame(api, version, { correlationId, clientId }, body)
    const frame = await new Promise<Buffer>((resolve, reject) => {
      const late = () => this.fail(new Error(`${api.name}: no reply within ${requestTimeoutMs} ms`))
      this.waiters.push({ resolve, reject, timer: clock.setTimer(requestTimeoutMs, late) })
      this.socket.cork()
      for (const chunk of chunks) this.socket.write(chunk)
      this.socket.uncork()
    })
    const head = readHead(api, version, frame)
    if (head?.correlationId !== correlationId) {
      throw this.fail(
        new Error(`${api.name}: reply ${head?.correlationId} came for request ${correlationId}`),
      )
    }
    return { frame, bodyStart: head.bodyStart }
  }

  private took(frame: Buffer): void {
    const waiter = this.waiters.shift()
    if (waiter === undefined) {
      this.fail(new Error('a reply came that nothing was asked for'))
      return
    }
    waiter.timer.cancel()
    waiter.resolve(frame)
    if (this.isRetired) this.closeIfQuiet()
  }

  // The broker ends a connection whose session is over: before it does, another one takes its place (KIP-368 would
  // also let it go on with a new exchange; a new connection needs nothing that is not there).
  private retireIn(lifetimeMs: number | undefined): void {
    if (lifetimeMs === undefined) return
    this.retirement = this.options.clock.setTimer(lifetimeMs * SESSION_PART, () => {
      this.isRetired = true
      this.closeIfQuiet()
    })
  }

  private closeIfQuiet(): void {
    if (this.waiters.length === 0) this.fail(new Error('its session is over'))
  }

  private fail(cause: unknown): Error {
    if (this.failure !== undefined) return this.failure
    this.failure = lostOrRefused(this.name, cause)
    this.retirement?.cancel()
    this.socket.destroy()
    for (const { reject, timer } of this.waiters.splice(0)) {
      timer.cancel()
      reject(this.failure)
    }
    return this.failure
  }
}

function readHead(api: Api, version: number, frame: Buffer) {
  try {
    return decodeResponseHeader(api, version, frame)
  } catch {
    return undefined
  }
}
