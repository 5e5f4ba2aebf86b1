// Keyed state that the workers have, as the commit protocol handles it in the driver: kept values go to the worker
// that owns their key's partition, what a batch changed comes back as bytes.

import { ByteReader } from '../../checkpoint/bytes.ts'
import { IncrementsReader, IncrementsWriter } from '../../checkpoint/increments.ts'
import { ElsewherePartition } from '../../checkpoint/local-state.ts'
import { readKey } from '../../checkpoint/plain-data.ts'
import type {
  KeptPlace,
  StagedValues,
  StateHost,
  StateOperator,
  StatePartition,
} from '../../graph/contracts/state.ts'
import { type KeyPlaces, placesOf } from '../../graph/partitioner.ts'
import { ownerOf } from '../../rdd/dataset.ts'
import type { StagedShare, WorkerCalls } from './calls.ts'
import type { Link } from './link.ts'

/** Of kept values that all workers together were sent and have not taken up: what is beyond waits on disk. */
const LIMIT_BYTES = 32 * 1024 * 1024

export class RemoteState implements StateHost {
  /** Of the pool at work: another one after a worker died. */
  links: readonly Link<WorkerCalls>[]
  /** Of a worker that dies meanwhile, whoever starts the job hears when it starts the others. */
  isStarting = true
  private readonly operators: readonly StateOperator[]
  private byNumber = new Map<number, KeyPlaces>()
  /** Kept values on their way to the workers. */
  private outgoing: IncrementsWriter[] = []
  private shares: readonly StagedShare[] | undefined
  private committedSizes = new Map<string, number[]>()
  private stagedSizes: Map<string, number[]> | undefined
  private bytesUnderWay = 0
  private waiters: (() => void)[] = []

  constructor(operators: readonly StateOperator[], links: readonly Link<WorkerCalls>[]) {
    this.operators = operators
    this.links = links
  }

  /** Keys of each partition as of the last batch that counts. */
  get sizes(): ReadonlyMap<string, readonly number[]> {
    return this.committedSizes
  }

  // The driver never looks at values: graphs run in the workers.
  open<S>({ id, partitions }: StateOperator<S>): Promise<readonly StatePartition<S>[]> {
    return Promise.resolve(
      Array.from({ length: partitions }, (_, index) => new ElsewherePartition(id, index)),
    )
  }

  reset(places: ReadonlyMap<string, KeptPlace>): void {
    this.byNumber = new Map(
      this.operators.map((operator) => [(places.get(operator.id) as KeptPlace).number, placesOf(operator)]),
    )
    this.outgoing = this.links.map(() => new IncrementsWriter())
    this.shares = undefined
    this.stagedSizes = undefined
    for (const link of this.links) link.note('resetState', { places })
  }

  restore(number: number, chunk: Buffer): void {
    const places = this.byNumber.get(number)
    if (places === undefined) return
    const { outgoing } = this
    for (const writer of outgoing) writer.operator(number)
    const entry = new IncrementsReader(chunk)
    const field = new ByteReader(chunk)
    while (entry.next()) {
      const partition = places.partitionOf(readKey(field.within(entry.keyFrom, entry.keyUntil)))
      const writer = outgoing[ownerOf(partition, places.partitions, outgoing.length)] as IncrementsWriter
      writer.entry(chunk, entry.from, entry.until)
    }
    for (const [worker, writer] of outgoing.entries()) this.send(worker, writer.take())
  }

  room(): Promise<void> | undefined {
    if (this.bytesUnderWay < LIMIT_BYTES) return undefined
    return new Promise((resolve) => this.waiters.push(resolve))
  }

  async restored(): Promise<void> {
    for (const [worker, writer] of this.outgoing.entries()) this.send(worker, writer.finish())
    const { links } = this
    try {
      this.committedSizes = sum(await Promise.all(links.map((link) => link.call('restored', undefined))))
    } catch (error) {
      if (!this.isStarting || !links.some(({ isBroken }) => isBroken)) throw error
    }
  }

  /** What the workers staged at the end of the batch. */
  collect(shares: readonly StagedShare[]): void {
    this.shares = shares
    this.stagedSizes = sum(shares.map(({ sizes }) => sizes))
  }

  stage(): Promise<StagedValues> {
    const { shares, stagedSizes } = this
    if (shares === undefined || stagedSizes === undefined) throw new Error('the workers have staged nothing')
    const keys = [...stagedSizes].map(([id, sizes]) => [id, sizes.reduce((a, b) => a + b, 0)] as const)
    const increments = shares.flatMap((share) => share.increments.map(bufferOf))
    return Promise.resolve({ increments, keys: new Map(keys) })
  }

  apply(): Promise<void> {
    for (const link of this.links) link.note('applyState', undefined)
    this.committedSizes = this.stagedSizes ?? this.committedSizes
    this.forgetStaged()
    return Promise.resolve()
  }

  drop(): Promise<void> {
    for (const link of this.links) link.note('dropState', undefined)
    this.forgetStaged()
    return Promise.resolve()
  }

  private send(worker: number, increments: readonly Buffer[]): void {
    if (increments.length === 0) return
    const bytes = increments.reduce((sum, { length }) => sum + length, 0)
    this.bytesUnderWay += bytes
    const taken = () => {
      this.bytesUnderWay -= bytes
      if (this.bytesUnderWay < LIMIT_BYTES) for (const resolve of this.waiters.splice(0)) resolve()
    }
    // What became of it, also that the worker is gone, `restored` tells.
    this.links[worker]?.call('restoreState', { increments }).then(taken, taken)
  }

  private forgetStaged(): void {
    this.shares = undefined
    this.stagedSizes = undefined
  }
}

function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length)
}

/** A partition's keys are with one worker, and 0 with all others. */
function sum(of: readonly ReadonlyMap<string, readonly number[]>[]): Map<string, number[]> {
  const total = new Map<string, number[]>()
  for (const sizes of of) {
    for (const [id, ofPartitions] of sizes) {
      const known = total.get(id)
      total.set(
        id,
        known === undefined ? [...ofPartitions] : known.map((size, i) => size + (ofPartitions[i] as number)),
      )
    }
  }
  return total
}
