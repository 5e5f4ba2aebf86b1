// One client's socket: bytes in, frames out to the request processor, replies back in request order.
//
// Rule kept here: replies leave in the order in which their requests came, however long each takes, and
// the memory a connection can hold is bounded. Requests that wait for an answer and replies that the
// client does not read both count; past the limit the socket is not read until some of it is gone.
//
// One request is worked on at a time, as in Kafka, so that a request sees what the one before it did and one
// reply at most is in the making. Produce is the exception: producers send ahead, and their replies are small
// and wait for a disk that serves many of them at once. What cannot be answered ends the connection after the
// replies before it.

import type { Socket } from 'node:net'
import type { Timer } from '../time/clock.ts'
import { FrameReader } from '../protocol/framing.ts'
import type { ConnectionInfo, NetLimits, RequestProcessor } from './net.ts'
import type { BufferPool } from './buffer-pool.ts'
import { plainAddress } from './plain-address.ts'
import { readInto } from './read-buffer.ts'
import type { MemoryBudget } from './memory-budget.ts'

/** A reply's place in the queue, kept from the arrival of its request until its bytes are handed to the socket. */
interface Slot {
  frame: Buffer
  frameBytes: number
  isProduce: boolean
  /** undefined: still being worked on; null: the request wants no reply. */
  reply: readonly Uint8Array[] | null | undefined
  /** Why the connection ends here. */
  failure?: string
}

const NOTHING = Buffer.alloc(0)

const PRODUCE_KEY = 0
/** No further request is started while more than this of earlier replies has not gone out. */
const UNSENT_REPLY_BYTES = 1024 * 1024

export interface ConnectionPorts {
  process: RequestProcessor
  limits: NetLimits
  budget: MemoryBudget
  buffers: BufferPool
  /** What sockets are read into; undefined: memory of their own for each read. */
  readBuffer: Buffer | undefined
  onClosed(connection: Connection, reason: string | undefined): void
}

export class Connection {
  readonly info: ConnectionInfo
  /** When the client was last heard from or answered, for the idle sweep; by the monotonic clock. */
  lastActiveMs: number
  private readonly socket: Socket
  private readonly ports: ConnectionPorts
  private readonly frames: FrameReader
  private readonly slots: Slot[] = []
  /** Frames that have arrived but wait for room; only ever what one socket chunk carried. */
  private readonly waiting: Buffer[] = []
  private inFlightBytes = 0
  private paused = false
  private admitting = false
  private closed = false
  /** A request could not be answered, or the bytes after the frames that wait could not be read. */
  private failing = false
  private brokenFrame: string | undefined
  /** The broker stops: no further request is started. */
  private draining = false
  /** The last reply has been written. */
  private ending = false
  private reason: string | undefined
  private unmute: Timer | undefined
  private readonly resume = (): void => this.admit()

  /** `accepted` must be paused. */
  constructor(accepted: Socket, id: number, nowMs: number, ports: ConnectionPorts) {
    const socket = readInto(ports.readBuffer, accepted, (chunk) => this.receive(chunk))
    this.socket = socket
    this.ports = ports
    this.lastActiveMs = nowMs
    this.info = {
      id,
      localHost: plainAddress(socket.localAddress),
      localPort: socket.localPort ?? 0,
      remoteHost: plainAddress(socket.remoteAddress),
      remotePort: socket.remotePort ?? 0,
      clientSoftwareName: '',
      clientSoftwareVersion: '',
      mutedUntilMs: 0,
    }
    this.frames = new FrameReader({
      maxFrameSizeInBytes: ports.limits.requestMaxBytes,
      onFrame: (frame) => this.waiting.push(frame),
      buffers: ports.buffers,
      copiesChunks: ports.readBuffer !== undefined,
    })
    socket.setNoDelay(true)
    socket.on('drain', () => {
      this.lastActiveMs = this.ports.limits.clock.monotonicMs()
      this.admit()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // A client that goes away without saying goodbye is no news.
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') this.reason ??= error.message
    })
    socket.on('close', () => this.finish())
  }

  /** True while no request of this client is being worked on. There may be replies that it does not read. */
  get isIdle(): boolean {
    return this.slots.length === 0
  }

  /**
   * The broker stops. Produces that have been appended are answered before the connection ends: a producer
   * that is not told sends them again, and a restarted broker may know less of what it sent. Nothing else waits.
   */
  drain(): void {
    if (this.closed || this.ending) return
    this.draining = true
    this.waiting.length = 0
    // Reading on shows when the client leaves, and keeps the end from being a reset that overtakes the replies.
    this.socket.resume()
    this.endIfDrained()
  }

  /** Ends the connection at once. The reason is logged; none is given for an orderly end. */
  close(reason?: string): void {
    this.reason ??= reason
    this.socket.destroy()
  }

  private receive(chunk: Buffer): void {
    if (this.draining) return
    this.lastActiveMs = this.ports.limits.clock.monotonicMs()
    try {
      this.frames.push(chunk)
    } catch (error) {
      this.brokenFrame = messageOf(error)
    }
    this.admit()
  }

  /** Starts the requests there is room for, in order; reads the socket only while all of them have started. */
  private admit(): void {
    // An answer that is ready at once asks for the next from inside: the loop below goes on, not a deeper call.
    if (this.closed || this.draining || this.admitting) return
    this.admitting = true
    while (this.hasRoom(this.waiting[0])) this.start(this.waiting.shift() as Buffer)
    this.admitting = false
    if (this.brokenFrame !== undefined && this.waiting.length === 0 && !this.failing) {
      this.fail(this.newSlot(NOTHING), this.brokenFrame)
    }
    if (this.failing) {
      this.socket.pause()
      return
    }
    const mutedMs = this.mutedMs()
    if (mutedMs > 0) this.unmuteLater(mutedMs)
    const shouldPause = this.waiting.length > 0 || mutedMs > 0
    // Each time: what came free may have been taken by those who were called back first.
    if (this.waiting.length > 0 && this.ports.budget.isExhausted) this.ports.budget.whenFreed(this.resume)
    if (shouldPause === this.paused) return
    this.paused = shouldPause
    if (shouldPause) this.socket.pause()
    else this.socket.resume()
  }

  private hasRoom(next: Buffer | undefined): boolean {
    if (next === undefined || this.failing || this.mutedMs() > 0) return false
    const { limits, budget } = this.ports
    if (this.socket.writableLength > UNSENT_REPLY_BYTES || budget.isExhausted) return false
    // One request is always let in, however large: the frame cap bounds it.
    const last = this.slots.at(-1)
    if (last === undefined) return true
    return (
      last.isProduce &&
      isProduce(next) &&
      this.slots.length < limits.inFlightRequestsPerConnection &&
      this.inFlightBytes < limits.inFlightBytesPerConnection
    )
  }

  /** What is left of the silence that its quota asks of the client. */
  private mutedMs(): number {
    const { mutedUntilMs } = this.info
    if (mutedUntilMs === 0) return 0
    const leftMs = mutedUntilMs - this.ports.limits.clock.monotonicMs()
    if (leftMs <= 0) this.info.mutedUntilMs = 0
    return Math.max(0, leftMs)
  }

  private unmuteLater(afterMs: number): void {
    this.unmute?.cancel()
    this.unmute = this.ports.limits.clock.setTimer(afterMs, this.resume)
  }

  private start(frame: Buffer): void {
    const slot = this.newSlot(frame)
    let answer: ReturnType<RequestProcessor>
    try {
      answer = this.ports.process(frame, this.info)
    } catch (error) {
      this.fail(slot, messageOf(error))
      return
    }
    if (answer instanceof Promise) {
      answer.then(
        (reply) => this.answer(slot, reply),
        (error: unknown) => this.fail(slot, messageOf(error)),
      )
    } else {
      this.answer(slot, answer)
    }
  }

  private newSlot(frame: Buffer): Slot {
    const slot: Slot = { frame, frameBytes: frame.length, isProduce: isProduce(frame), reply: undefined }
    this.slots.push(slot)
    this.inFlightBytes += frame.length
    this.ports.budget.take(frame.length)
    return slot
  }

  private fail(slot: Slot, failure: string): void {
    this.failing = true
    slot.failure = failure
    this.answer(slot, null)
  }

  private answer(slot: Slot, reply: readonly Uint8Array[] | null): void {
    slot.reply = reply
    this.ports.buffers.giveBack(slot.frame)
    slot.frame = NOTHING
    if (this.closed || this.ending || this.slots[0] !== slot) return
    this.socket.cork()
    for (let head = this.slots[0]; head !== undefined && head.reply !== undefined; head = this.slots[0]) {
      this.slots.shift()
      this.release(head)
      if (head.failure !== undefined) {
        this.socket.uncork()
        this.endAfterReplies(head.failure)
        return
      }
      if (head.reply !== null) this.write(head.reply)
    }
    this.socket.uncork()
    this.lastActiveMs = this.ports.limits.clock.monotonicMs()
    if (this.draining) this.endIfDrained()
    else if (this.paused || this.waiting.length > 0 || this.info.mutedUntilMs > 0) this.admit()
  }

  private endIfDrained(): void {
    if (!this.slots.some(({ isProduce: waits }) => waits)) this.endAfterReplies()
  }

  private endAfterReplies(reason?: string): void {
    this.ending = true
    this.reason ??= reason
    if (this.socket.writableLength === 0) this.socket.destroy()
    else this.socket.destroySoon()
  }

  private write(reply: readonly Uint8Array[]): void {
    const { buffers } = this.ports
    for (const chunk of reply) {
      if (buffers.owns(chunk)) this.socket.write(chunk, () => buffers.giveBack(chunk))
      else this.socket.write(chunk)
    }
  }

  private release(slot: Slot): void {
    this.inFlightBytes -= slot.frameBytes
    this.ports.budget.give(slot.frameBytes)
  }

  private finish(): void {
    if (this.closed) return
    this.closed = true
    for (const slot of this.slots) this.release(slot)
    this.slots.length = 0
    this.waiting.length = 0
    this.ports.budget.forget(this.resume)
    this.unmute?.cancel()
    this.ports.onClosed(this, this.reason)
  }
}

function isProduce(frame: Buffer): boolean {
  return frame.length >= 2 && frame.readInt16BE(0) === PRODUCE_KEY
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
