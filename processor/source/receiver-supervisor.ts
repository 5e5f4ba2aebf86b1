// Looks after a receiver: starts, stops and restarts it, and puts its rows into blocks, one per interval. A block is
// handed on whole, one after the other in their order.
//
//    stopped ── start ──► started ── stop ──► stopped        failed: a block was lost, or could not be written;
//       ▲                    │ restart, or onStart threw     the job is told with its next plan
//       └── after the delay ─┘

import type { Clock, Timer } from '../../broker/time/clock.ts'
import type { ReceiverEvent, ReceiverReport, ReceiverStatus } from '../graph/contracts/receiver.ts'
import type { IntakeRate } from './intake-rate.ts'
import { type Receiver, ReceiverFullError, type ReceiverHost } from './receiver.ts'

/** Where blocks go. */
export interface BlockSink<T> {
  /** Takes rows into the block, all or, where it throws, none; returns their size in what `limit` is counted in. */
  add(rows: Iterable<T>): number
  addBytes(rows: Iterable<Uint8Array>): number
  /** Hands on what was taken since. Resolves when it is durable; one at a time. */
  cut(): () => Promise<void>
  /** Above it `isFull`; above eight times as much store throws. */
  readonly limit: number
}

export interface SupervisorOptions<T> {
  readonly receiver: Receiver<T>
  readonly sink: BlockSink<T>
  readonly clock: Clock
  readonly description: string
  readonly blockIntervalMs: number
  /** How many rows it may store. */
  readonly intake: IntakeRate
  readonly report: ReceiverReport
  /** Rows were lost that were stored: `failure` says why. */
  readonly onFailure: () => void
}

/** Spark's receiverRestartDelay. */
const RESTART_DELAY_MS = 2000
const PATIENCE = 8

interface Block {
  readonly durable: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class ReceiverSupervisor<T> implements ReceiverHost<T> {
  isStarted = false
  /** What makes it useless to go on. */
  failure: { readonly error: unknown } | undefined
  private readonly options: SupervisorOptions<T>
  private block: Block | undefined
  private blockSize = 0
  private waitingSize = 0
  private writing: Promise<void> = Promise.resolve()
  private readonly waiters: (() => void)[] = []
  private blockTimer: Timer | undefined
  private restartTimer: Timer | undefined
  private isOver = false
  /** The last onStop: nothing starts, and nothing ends, before it is through. */
  private ceasing: Promise<void> = Promise.resolve()
  private lastError: Pick<ReceiverStatus, 'lastErrorMessage' | 'lastError' | 'lastErrorTimeMs'> = {
    lastErrorMessage: undefined,
    lastError: undefined,
    lastErrorTimeMs: undefined,
  }

  constructor(options: SupervisorOptions<T>) {
    this.options = options
    options.receiver.attach(this)
  }

  start(): void {
    this.cutAgain()
    void this.begin()
  }

  /** Stops it for good, and resolves when all that it stored is durable, or cannot be. */
  async end(): Promise<void> {
    this.isOver = true
    this.restartTimer?.cancel()
    this.blockTimer?.cancel()
    this.wake()
    await this.cease()
    this.cut()
    await this.writing
  }

  get isFull(): boolean {
    return this.hasFilledBlock || this.waitMs > 0
  }

  store(row: T): Promise<void> {
    return this.take([row], (rows) => this.options.sink.add(rows))
  }

  storeAll(rows: Iterable<T>): Promise<void> {
    return this.take(rows, (all) => this.options.sink.add(all))
  }

  storeBytes(rows: Iterable<Uint8Array>): Promise<void> {
    return this.take(rows, (all) => this.options.sink.addBytes(all))
  }

  async ready(): Promise<void> {
    while (this.isFull && this.failure === undefined) {
      if (this.hasFilledBlock) {
        this.cut()
        await new Promise<void>((resolve) => this.waiters.push(resolve))
      } else {
        const { clock } = this.options
        const rested = new Promise<void>((resolve) => this.waiters.push(resolve))
        const timer = clock.setTimer(this.waitMs, () => this.wake())
        await rested
        timer.cancel()
      }
    }
  }

  private get hasFilledBlock(): boolean {
    return this.blockSize + this.waitingSize > this.options.sink.limit
  }

  /** Until its rate lets it store again. Who has ended is not held up: what it has may still come in. */
  private get waitMs(): number {
    const { intake, clock } = this.options
    return this.isOver ? 0 : intake.waitMs(clock.monotonicMs())
  }

  private wake(): void {
    for (const resolve of this.waiters.splice(0)) resolve()
  }

  reportError(message: string, error: unknown): void {
    this.lastError = {
      lastErrorMessage: message,
      lastError: error,
      lastErrorTimeMs: this.options.clock.now(),
    }
    this.tell('onReceiverError')
  }

  restart(message: string, error: unknown, delayMs = RESTART_DELAY_MS): void {
    if (this.isOver || this.restartTimer !== undefined) return
    this.reportError(`restarting in ${delayMs} ms: ${message}`, error)
    this.restartTimer = this.options.clock.setTimer(delayMs, () => {
      void this.cease().then(() => {
        this.restartTimer = undefined
        return this.begin()
      })
    })
    void this.cease()
  }

  stop(message: string, error: unknown): void {
    if (this.isOver) return
    this.isOver = true
    this.restartTimer?.cancel()
    if (error !== undefined) this.reportError(message, error)
    void this.cease()
  }

  private async begin(): Promise<void> {
    if (this.isOver || this.isStarted) return
    this.isStarted = true
    this.tell('onReceiverStarted')
    try {
      await this.options.receiver.onStart()
    } catch (error) {
      this.restart(textOf(error), error)
    }
  }

  private cease(): Promise<void> {
    if (this.isStarted) {
      this.isStarted = false
      this.ceasing = this.halt()
    }
    return this.ceasing
  }

  private async halt(): Promise<void> {
    try {
      await this.options.receiver.onStop()
    } catch (error) {
      this.reportError(`could not be stopped: ${textOf(error)}`, error)
    }
    this.tell('onReceiverStopped')
  }

  private take<R>(rows: Iterable<R>, add: (rows: Iterable<R>) => number): Promise<void> {
    if (this.failure !== undefined) return rejected(this.failure.error)
    const { intake, clock, sink } = this.options
    const waiting = this.blockSize + this.waitingSize
    if (waiting > sink.limit * PATIENCE) {
      throw new ReceiverFullError(`${waiting} bytes are stored and not taken yet`)
    }
    if (!this.isOver && intake.isRefused(clock.monotonicMs())) {
      throw new ReceiverFullError('far more rows are stored than maxRate or backpressure allow')
    }
    let count = Array.isArray(rows) ? rows.length : 0
    this.blockSize += add(Array.isArray(rows) ? (rows as R[]) : counted(rows, () => count++))
    intake.stored(count)
    this.block ??= newBlock()
    const { durable } = this.block
    if (this.blockSize > this.options.sink.limit / 2) this.cut()
    return durable
  }

  private cutAgain(): void {
    const { clock, blockIntervalMs } = this.options
    this.blockTimer = clock.setTimer(blockIntervalMs, () => {
      this.cut()
      if (!this.isOver || this.block !== undefined) this.cutAgain()
    })
  }

  private cut(): void {
    const { block, blockSize } = this
    if (block === undefined) return
    this.block = undefined
    this.blockSize = 0
    this.waitingSize += blockSize
    const write = this.options.sink.cut()
    this.writing = this.writing.then(async () => {
      try {
        if (this.failure !== undefined) throw this.failure.error
        await write()
        block.resolve()
      } catch (error) {
        block.reject(error)
        this.fail(error)
      }
      this.waitingSize -= blockSize
      this.wake()
    })
  }

  private fail(error: unknown): void {
    if (this.failure !== undefined) return
    this.failure = { error }
    this.stop(`rows could not be written: ${textOf(error)}`, error)
    this.options.onFailure()
  }

  private tell(event: ReceiverEvent): void {
    const { description, report } = this.options
    report(event, { description, active: this.isStarted, ...this.lastError })
  }
}

// Not as an array: a row may be good only until the next one is asked for.
function* counted<R>(rows: Iterable<R>, count: () => void): Generator<R> {
  for (const row of rows) {
    count()
    yield row
  }
}

function newBlock(): Block {
  let resolve!: () => void
  let reject!: (error: unknown) => void
  const durable = new Promise<void>((done, failed) => {
    resolve = done
    reject = failed
  })
  // Who does not wait for it hears of it by the job's end.
  durable.catch(() => undefined)
  return { durable, resolve, reject }
}

function rejected(error: unknown): Promise<never> {
  const promise = Promise.reject(error)
  promise.catch(() => undefined)
  return promise
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
