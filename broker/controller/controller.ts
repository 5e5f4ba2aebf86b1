// The controller as others use it: commands in, promises of answers out. It runs the machine over a quorum
// and keeps two images:
//
//   decide ─► append ─► apply to the machine's image ─► committed ─► apply to `image` ─► publish ─► answer
//
// The machine decides on what is appended, so that two commands in a row see each other. Everybody else
// reads `image`, which only ever holds what is committed. An answer leaves when its facts are committed and
// `publish` has resolved: a created topic can be written to when its creator hears of it.

import { errorCodes } from '../protocol/errors.ts'
import type { Clock } from '../time/clock.ts'
import type { MetadataCommand, ReplyOf } from './commands.ts'
import type { Fact, MetadataFact } from './facts.ts'
import { MetadataImage } from './image.ts'
import { MetadataMachine, type MachineOptions } from './machine.ts'
import { levelsProblem } from './features.ts'
import { decodeFact, encodeFact } from './metadata-codec.ts'
import { type Quorum, QuorumError } from './quorum.ts'
import { type SnapshotLimits, Snapshots } from './snapshots.ts'

/** One committed batch: what changed, and the image after it. */
export interface MetadataChange {
  facts: readonly MetadataFact[]
  image: MetadataImage
  /** Topics as they were before they were removed by `facts`. */
  removed: readonly { name: string; topicId: string; partitions: number }[]
}

export interface ControllerOptions {
  quorum: Quorum
  clock: Clock
  settings: MachineOptions['settings']
  rules: MachineOptions['rules']
  randomBytes: MachineOptions['randomBytes']
  /** Feature levels that a new log begins with, besides metadata.version. */
  features?: Readonly<Record<string, number>>
  /** Makes a committed change real on this node (partitions open, settings apply); in order, one at a time. */
  publish?: (change: MetadataChange) => void | Promise<void>
  /** When what is committed is put into a snapshot; left out: never. */
  snapshotLimits?: () => SnapshotLimits
  onSnapshotFailed?: (error: Error) => void
  /** A bug, or a log that cannot be understood, ended the controller. */
  onFailed?: (error: Error) => void
}

interface Parked {
  /** Answered when committedEnd is at or above it. */
  needs: bigint
  facts: readonly MetadataFact[]
  resolve: () => void
  reject: (error: Error) => void
}

export class Controller {
  /** What is committed. Read it, keep no part of it across an await. */
  readonly image = new MetadataImage()
  private readonly options: ControllerOptions
  private readonly machine: MetadataMachine
  private parked: Parked[] = []
  private publishing = false
  /** End of what `image` holds. */
  private publishedEnd = 0n
  private readonly snapshots: Snapshots | undefined
  private state: 'new' | 'active' | 'closed' = 'new'
  private readonly unsubscribe: (() => void)[] = []

  constructor(options: ControllerOptions) {
    this.options = options
    const { settings, rules, randomBytes, quorum } = options
    const { nodeId } = quorum
    const nextOffset = (): bigint => quorum.endOffset
    this.machine = new MetadataMachine({ nodeId, settings, rules, randomBytes, nextOffset })
    const { clock, snapshotLimits: limits, onSnapshotFailed: onFailed } = options
    if (limits !== undefined) {
      const failed = onFailed === undefined ? {} : { onFailed }
      this.snapshots = new Snapshots({ quorum, clock, image: this.image, limits, ...failed })
    }
  }

  get leaderId(): number {
    return this.options.quorum.leaderId
  }

  get epoch(): number {
    return this.options.quorum.epoch
  }

  /** Last offset of the log that `image` holds; -1 before there is one. It only grows. */
  get imageOffset(): bigint {
    return this.publishedEnd - 1n
  }

  /** How far the log is committed, and where it ends. */
  get logOffsets(): { highWatermark: bigint; endOffset: bigint } {
    const { committedEnd, endOffset } = this.options.quorum
    return { highWatermark: committedEnd, endOffset }
  }

  /** Rebuilds both images from the log, and writes the first records of an empty one. `publish` is not called for what was there. */
  async load(): Promise<void> {
    if (this.state !== 'new') throw new Error(`load of a controller that is ${this.state}`)
    const { quorum } = this.options
    const replay = new Replay((fact) => {
      this.machine.apply(fact)
      this.image.apply(fact)
    })
    quorum.replay((records) => {
      for (const record of records) replay.visit(decodeFact(record, 0, record.length))
    })
    // Whoever wrote that bracket died within it; closed here, or what follows would seem to belong to it.
    const wasOpen = replay.isOpen
    if (wasOpen) quorum.append([encodeFact({ type: 'AbortTransactionRecord', reason: 'no end' })])
    const problem = levelsProblem(this.image)
    if (problem !== undefined) throw new Error(problem)
    this.publishedEnd = quorum.committedEnd
    this.state = 'active'
    this.unsubscribe.push(
      quorum.onCommitted(() => this.release()),
      quorum.onClosed((error) => this.close(error)),
    )
    // A snapshot that ended inside the bracket would leave its end to the log, without a beginning.
    if (!wasOpen) this.snapshots?.moved(this.publishedEnd)
    await this.submit({ type: 'bootstrap', features: this.options.features ?? {} })
  }

  /**
   * Decides and appends within this call, answers when committed and published. Rejects with QuorumError
   * when this node is not the controller or time runs out (the facts may then still be committed).
   */
  submit<C extends MetadataCommand>(command: C, timeoutMs?: number): Promise<ReplyOf[C['type']]> {
    if (this.state !== 'active') {
      return Promise.reject(new QuorumError(errorCodes.NOT_CONTROLLER, `the controller is ${this.state}`))
    }
    const { quorum } = this.options
    try {
      const { facts, replies } = this.machine.decide(command, 1)
      const reply = replies[0]
      if (replies.length !== 1 || reply === undefined)
        throw new Error(`${replies.length} replies to one command`)
      if (facts.length > 0) {
        quorum.append(facts.map(encodeFact))
        this.applyAppended(facts)
      }
      const answer = this.park(quorum.endOffset, facts, timeoutMs).then(
        () => reply.body as ReplyOf[C['type']],
      )
      this.release()
      return answer
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  /** Everyone who waits is refused. Idempotent. */
  close(error: Error = new QuorumError(errorCodes.NOT_CONTROLLER, 'the controller has closed')): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.snapshots?.close()
    for (const stop of this.unsubscribe.splice(0)) stop()
    for (const entry of this.parked.splice(0)) entry.reject(error)
  }

  /** The log has spoken: if the machine cannot follow it, the two differ and the controller must end. */
  private applyAppended(facts: readonly MetadataFact[]): void {
    try {
      for (const fact of facts) this.machine.apply(fact)
    } catch (error) {
      this.fail(error)
      throw error
    }
  }

  private park(needs: bigint, facts: readonly MetadataFact[], timeoutMs: number | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer =
        timeoutMs === undefined
          ? undefined
          : this.options.clock.setTimer(Math.max(0, timeoutMs), () =>
              reject(new QuorumError(errorCodes.REQUEST_TIMED_OUT, `not committed within ${timeoutMs} ms`)),
            )
      this.parked.push({
        needs,
        facts,
        resolve: () => {
          timer?.cancel()
          resolve()
        },
        reject: (error) => {
          timer?.cancel()
          reject(error)
        },
      })
    })
  }

  private release(): void {
    if (this.publishing) return
    const first = this.parked[0]
    if (first === undefined || first.needs > this.options.quorum.committedEnd) return
    this.publishing = true
    this.publishFirst(first).then(
      () => {
        this.publishing = false
        this.release()
      },
      (error) => {
        this.publishing = false
        this.fail(error)
      },
    )
  }

  private async publishFirst(entry: Parked): Promise<void> {
    const { facts } = entry
    if (facts.length > 0) {
      const removed = facts.flatMap((fact) => this.removedBy(fact))
      for (const fact of facts) this.image.apply(fact)
      this.publishedEnd = entry.needs
      this.snapshots?.moved(this.publishedEnd)
      await this.options.publish?.({ facts, image: this.image, removed })
    }
    // Closed meanwhile: everyone was refused already.
    if (this.parked[0] !== entry) return
    this.parked.shift()
    entry.resolve()
  }

  private removedBy(fact: MetadataFact): MetadataChange['removed'] {
    if (fact.type !== 'RemoveTopicRecord') return []
    const topic = this.image.topicById(fact.topicId)
    if (topic === undefined) throw new Error(`removal of topic id ${fact.topicId}, which is not there`)
    return [{ name: topic.name, topicId: topic.topicId, partitions: topic.partitions.length }]
  }

  private fail(error: unknown): void {
    if (this.state === 'closed') return
    this.close(
      new QuorumError(errorCodes.UNKNOWN_SERVER_ERROR, 'the controller has failed', { cause: error }),
    )
    this.options.onFailed?.(error instanceof Error ? error : new Error(String(error)))
  }
}

type Bracket = Fact<'BeginTransactionRecord' | 'EndTransactionRecord' | 'AbortTransactionRecord'>['type']

/** Facts between BeginTransaction and EndTransaction count together at its end, or never (KIP-868). */
class Replay {
  private readonly apply: (fact: MetadataFact) => void
  private open: MetadataFact[] | undefined

  constructor(apply: (fact: MetadataFact) => void) {
    this.apply = apply
  }

  visit(fact: MetadataFact): void {
    switch (fact.type) {
      case 'BeginTransactionRecord':
        if (this.open !== undefined) this.misplaced(fact.type)
        this.open = []
        return
      case 'EndTransactionRecord':
        if (this.open === undefined) return this.misplaced(fact.type)
        for (const each of this.open) this.apply(each)
        this.open = undefined
        return
      case 'AbortTransactionRecord':
        if (this.open === undefined) this.misplaced(fact.type)
        this.open = undefined
        return
      default:
        if (this.open === undefined) this.apply(fact)
        else this.open.push(fact)
    }
  }

  get isOpen(): boolean {
    return this.open !== undefined
  }

  private misplaced(type: Bracket): never {
    throw new Error(`a ${type} out of place in the metadata log`)
  }
}
