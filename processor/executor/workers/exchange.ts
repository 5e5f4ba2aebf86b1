// All-to-all: each worker hands rows to each other and gets theirs. Rows go as blocks of bytes over one port per
// pair of workers, never through the driver, while they are given; where they arrive they wait, in memory as far as it
// is a shuffle's, then on disk. All workers exchange in the same order, so an exchange is known by its run of a batch
// and its number therein; its operator's name goes along and must agree.

import type { MessagePort } from 'node:worker_threads'
import type { Emit, RowReader } from '../../graph/contracts/rows.ts'
import type { Exchanging, Peers, Share } from '../../rdd/dataset.ts'
import {
  attempt,
  BlockCutter,
  BlocksReader,
  FileBlocks,
  MemoryBudget,
  MemoryThenFileBlocks,
  RowsThenBytes,
} from '../../rdd/held-rows.ts'
import { encodeRows } from '../../rdd/row-block.ts'
import type { SpillSpace } from '../../rdd/spill-space.ts'
import { transferable } from './transferable.ts'

interface BlockMessage {
  /** Of the batch: a batch that failed is run again under another number. */
  readonly run: number
  /** Within the run. */
  readonly exchange: number
  readonly operator: string
  /** undefined: that was all. */
  readonly block: Uint8Array | undefined
}

/** What one worker has sent for one exchange. */
class Incoming implements Share<unknown> {
  readonly run: number
  operator = ''
  complete = false
  failure: { error: unknown } | undefined
  private readonly blocks: MemoryThenFileBlocks

  constructor(run: number, blocks: MemoryThenFileBlocks) {
    this.run = run
    this.blocks = blocks
  }

  take({ operator, block }: BlockMessage): void {
    this.operator = operator
    if (block === undefined) {
      this.complete = true
    } else if (this.failure === undefined) {
      try {
        attempt(operator, () => this.blocks.add(Buffer.from(block.buffer, block.byteOffset, block.length)))
      } catch (error) {
        this.failure = { error }
      }
    }
  }

  open(emit: Emit<unknown>): RowReader {
    return new BlocksReader(this.operator, this.blocks, emit)
  }

  release(): void {
    this.blocks.release()
  }
}

export class Exchange implements Peers {
  readonly index: number
  readonly count: number
  /** By index; none to itself. */
  private readonly ports: readonly (MessagePort | undefined)[]
  private readonly spills: SpillSpace
  private readonly incoming: Map<string, Incoming>[]
  private run = 0
  private exchanges = 0
  private failure: { error: unknown } | undefined
  private wake: (() => void) | undefined
  private waitingForEnd: ((counts: boolean) => void)[] = []

  constructor(index: number, ports: readonly (MessagePort | undefined)[], spills: SpillSpace) {
    this.index = index
    this.count = ports.length
    this.ports = ports
    this.spills = spills
    this.incoming = ports.map(() => new Map<string, Incoming>())
    for (const [from, port] of ports.entries()) {
      port?.on('message', (message: BlockMessage) => this.take(from, message))
    }
  }

  begin<T>(operator: string): Exchanging<T> {
    const exchange = ++this.exchanges
    const { run, spills } = this
    const budget = new MemoryBudget(spills.limitInBytes / 2)
    const own = new RowsThenBytes<T>(operator, budget, () => new FileBlocks(() => spills.open()))
    const cutters = this.ports.map(() => new BlockCutter<T>())
    const send = (to: number) => {
      this.check()
      const block = encodeRows(operator, (cutters[to] as BlockCutter<T>).take())
      this.post(to, { run, exchange, operator, block })
    }
    return {
      give: (to, row) => {
        if (to === this.index) own.add(row)
        else if ((cutters[to] as BlockCutter<T>).add(row)) send(to)
      },
      shares: async () => {
        this.check()
        own.finish()
        for (const to of this.ports.keys()) {
          if (to === this.index) continue
          if (cutters[to]?.rows.length !== 0) send(to)
          this.post(to, { run, exchange, operator, block: undefined })
        }
        const shares: Share<T>[] = []
        for (const from of this.ports.keys()) {
          shares.push(
            from === this.index ? own : ((await this.receive(from, exchange, operator)) as Share<T>),
          )
        }
        return shares
      },
    }
  }

  whenOver(told: (counts: boolean) => void): void {
    this.waitingForEnd.push(told)
  }

  /** The run is over: it counts, or it is given up. */
  ends(counts: boolean): void {
    for (const told of this.waitingForEnd.splice(0)) told(counts)
  }

  /** Ends what waits, and all that comes after: the batch is given up. */
  fail(error: unknown): void {
    this.failure ??= { error }
    this.wake?.()
  }

  /** A batch begins to run. What others have sent for an earlier run is let fall, read or not: it may have been given up. */
  begins(run: number): void {
    this.ends(true)
    this.run = run
    this.exchanges = 0
    this.failure = undefined
    for (const byKey of this.incoming) {
      for (const [key, incoming] of byKey) {
        if (incoming.run >= run) continue
        incoming.release()
        byKey.delete(key)
      }
    }
  }

  private post(to: number, message: BlockMessage): void {
    const { block } = message
    this.ports[to]?.postMessage(message, block === undefined ? [] : transferable(block))
  }

  private async receive(from: number, number: number, operator: string): Promise<Share<unknown>> {
    const incoming = this.incomingOf(from, this.run, number)
    while (!incoming.complete) {
      this.check()
      await new Promise<void>((resolve) => (this.wake = resolve))
    }
    if (incoming.failure !== undefined) throw incoming.failure.error
    if (incoming.operator !== operator) {
      throw new Error(
        `${operator}: worker ${from} is at '${incoming.operator}': the job builds its graph, or runs a ` +
          `transform, differently in different threads`,
      )
    }
    return incoming
  }

  private take(from: number, message: BlockMessage): void {
    if (message.run < this.run) return
    const incoming = this.incomingOf(from, message.run, message.exchange)
    incoming.take(message)
    if (incoming.complete) this.wake?.()
  }

  private incomingOf(from: number, run: number, number: number): Incoming {
    const byKey = this.incoming[from] as Map<string, Incoming>
    const key = `${run}/${number}`
    let incoming = byKey.get(key)
    if (incoming === undefined) {
      const { limitInBytes } = this.spills
      // What all others send, together, has half of a shuffle's memory. It may come before this worker hears that the
      // batch has begun, so its file is not that of the batch that runs here.
      const limit = limitInBytes / 2 / Math.max(1, this.count - 1)
      incoming = new Incoming(run, new MemoryThenFileBlocks(limit, () => this.spills.open(true)))
      byKey.set(key, incoming)
    }
    return incoming
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure.error
  }
}
