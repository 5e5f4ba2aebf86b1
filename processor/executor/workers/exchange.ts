// All-to-all: each worker hands rows to each other and gets theirs. Rows go as blocks of bytes over one port per
// pair of workers, never through the driver. All workers exchange in the same order, so an exchange is known by
// its run of a batch and its number therein; its operator's name goes along and must agree.

import type { MessagePort } from 'node:worker_threads'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Peers } from '../../rdd/dataset.ts'
import { BLOCK_ROWS, decodeRows, encodeRows } from '../../rdd/row-block.ts'

interface BlockMessage {
  /** Of the batch: a batch that failed is run again under another number. */
  readonly run: number
  /** Within the run. */
  readonly exchange: number
  readonly operator: string
  readonly block: Uint8Array
  readonly isLast: boolean
}

interface Incoming {
  readonly run: number
  rows: unknown[]
  operator: string | undefined
  complete: boolean
}

export class Exchange implements Peers {
  readonly index: number
  readonly count: number
  /** By index; none to itself. */
  private readonly ports: readonly (MessagePort | undefined)[]
  private readonly incoming: Map<string, Incoming>[]
  private run = 0
  private exchanges = 0
  private failure: { error: unknown } | undefined
  private wake: (() => void) | undefined

  constructor(index: number, ports: readonly (MessagePort | undefined)[]) {
    this.index = index
    this.count = ports.length
    this.ports = ports
    this.incoming = ports.map(() => new Map<string, Incoming>())
    for (const [from, port] of ports.entries()) {
      port?.on('message', (message: BlockMessage) => this.take(from, message))
    }
  }

  async exchange<T>(operator: string, rows: readonly T[][]): Promise<T[][]> {
    const number = ++this.exchanges
    for (const [to, port] of this.ports.entries()) {
      if (port !== undefined) await this.send(port, number, operator, rows[to] as T[])
    }
    const shares: T[][] = []
    for (const [from, port] of this.ports.entries()) {
      shares.push(
        port === undefined ? (rows[from] as T[]) : ((await this.receive(from, number, operator)) as T[]),
      )
    }
    return shares
  }

  /** Ends what waits, and all that comes after: the batch is given up. */
  fail(error: unknown): void {
    this.failure ??= { error }
    this.wake?.()
  }

  /** A batch begins to run. What others have sent for an earlier run, that was given up, is let fall. */
  begin(run: number): void {
    this.run = run
    this.exchanges = 0
    this.failure = undefined
    for (const byKey of this.incoming) {
      for (const [key, { run: of }] of byKey) if (of < run) byKey.delete(key)
    }
  }

  private async send(port: MessagePort, exchange: number, operator: string, rows: readonly unknown[]) {
    let at = 0
    do {
      if (at > 0) await nextTurn()
      this.check()
      const end = Math.min(at + BLOCK_ROWS, rows.length)
      const block = encodeRows(operator, at === 0 && end === rows.length ? rows : rows.slice(at, end))
      at = end
      const message: BlockMessage = { run: this.run, exchange, operator, block, isLast: at === rows.length }
      port.postMessage(message)
    } while (at < rows.length)
  }

  private async receive(from: number, number: number, operator: string): Promise<unknown[]> {
    const incoming = this.incomingOf(from, this.run, number)
    while (!incoming.complete) {
      this.check()
      await new Promise<void>((resolve) => (this.wake = resolve))
    }
    this.incoming[from]?.delete(`${this.run}/${number}`)
    if (incoming.operator !== operator) {
      throw new Error(
        `${operator}: worker ${from} is at '${incoming.operator}': the job builds its graph, or runs a ` +
          `transform, differently in different threads`,
      )
    }
    return incoming.rows
  }

  private take(from: number, { run, exchange, operator, block, isLast }: BlockMessage): void {
    if (run < this.run) return
    const incoming = this.incomingOf(from, run, exchange)
    incoming.operator = operator
    for (const row of decodeRows(block)) incoming.rows.push(row)
    incoming.complete = isLast
    if (isLast) this.wake?.()
  }

  private incomingOf(from: number, run: number, number: number): Incoming {
    const byKey = this.incoming[from] as Map<string, Incoming>
    const key = `${run}/${number}`
    let incoming = byKey.get(key)
    if (incoming === undefined) {
      incoming = { run, rows: [], operator: undefined, complete: false }
      byKey.set(key, incoming)
    }
    return incoming
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure.error
  }
}
