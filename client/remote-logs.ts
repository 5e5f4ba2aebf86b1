// Topics of a Kafka that is elsewhere, as a processor reads them: what is known of them is asked for anew before
// each plan, and planned ranges are brought here whole before a row of them is read. Rows are those that a
// read_committed consumer sees: up to the last stable offset, without what was aborted.

import { listOffsets } from '../broker/protocol/apis/list-offsets.ts'
import { errorCodes, isRetriable } from '../broker/protocol/errors.ts'
import type { Timer } from '../broker/time/clock.ts'
import type { LogRange, LogView, RemoteLogViews } from '../processor/ports.ts'
import { BroughtRange } from './brought-range.ts'
import type { Cluster } from './cluster.ts'
import { KafkaError } from './errors.ts'
import { fetchRange } from './fetch-range.ts'
import { RemoteLog, type Located } from './remote-log.ts'

const READ_COMMITTED = 1
const LATEST = -1n
const EARLIEST = -2n
/** Every so many looks at offsets, topics and partitions are looked at, too. */
const METADATA_EVERY = 10
/** A topic is gone when so many looks in a row, a retry backoff apart, did not find it: brokers start and lag. */
const GONE_AFTER_LOOKS = 3

type Reads = (topic: string, partition: number) => boolean
type TimeOf = (topic: string, partition: number) => number | undefined

interface Topic {
  readonly topicId: string
  readonly partitions: readonly Located[]
  readonly isInternal: boolean
  /** Looks since that did not find it; absent: the last one did. */
  readonly missed?: { readonly looks: number; readonly lastMs: number }
}

export class RemoteLogs implements RemoteLogViews {
  private readonly cluster: Cluster
  private readonly pollMs: number
  private topicsByName = new Map<string, Topic>()
  private readonly logs = new Map<string, RemoteLog>()
  private timer: Timer | undefined
  private looks = 0
  private closed = false

  constructor(cluster: Cluster, pollMs: number) {
    this.cluster = cluster
    this.pollMs = pollMs
  }

  topics(): string[] {
    return [...this.topicsByName].filter(([, { isInternal }]) => !isInternal).map(([name]) => name)
  }

  partitionCount(topic: string): number {
    return this.topicsByName.get(topic)?.partitions.length ?? 0
  }

  view(topic: string, partition: number): LogView {
    const log = this.logs.get(nameOf(topic, partition))
    if (log === undefined) throw new Error(`nothing is known of ${nameOf(topic, partition)} yet`)
    return log
  }

  async refresh(reads: Reads, timeOf: TimeOf = () => undefined): Promise<void> {
    await this.cluster.untilDone(async () => {
      await this.look()
      const wanted = this.found(reads)
      const [starts, ends] = await Promise.all([
        this.offsets(wanted, () => EARLIEST),
        this.offsets(wanted, () => LATEST),
      ])
      for (const [index, log] of wanted.entries()) log.moved(starts[index] as bigint, ends[index] as bigint)
      const timed = wanted.filter(({ topic, partition }) => timeOf(topic, partition) !== undefined)
      const timeAt = ({ topic, partition }: LogView) => BigInt(timeOf(topic, partition) as number)
      const found = await this.offsets(timed, timeAt)
      for (const [index, log] of timed.entries()) log.atTime(Number(timeAt(log)), found[index] as bigint)
    })
    this.poll()
  }

  async bring(range: LogRange): Promise<void> {
    const log = this.logs.get(nameOf(range.topic, range.partition))
    if (log === undefined) throw new Error(`nothing is known of ${nameOf(range.topic, range.partition)} yet`)
    const brought = new BroughtRange(range)
    let next = range.from
    let attempts = 0
    try {
      // After a failure it goes on behind what has come, and asks who leads now.
      await this.cluster.untilDone(async () => {
        if (attempts++ > 0) await this.look()
        if (log.isGone) throw new Error(`${nameOf(range.topic, range.partition)} is not there any more`)
        const connection = await this.connectionTo(log)
        await fetchRange(connection, log, { ...range, from: next }, (bytes, nextOffset) => {
          brought.append(bytes)
          next = nextOffset
        })
      })
    } catch (error) {
      brought.close()
      throw error
    }
    log.keep(brought)
  }

  letGo(range: LogRange): void {
    this.logs.get(nameOf(range.topic, range.partition))?.letGo(range)
  }

  close(): void {
    this.closed = true
    this.timer?.cancel()
    for (const log of this.logs.values()) log.close()
    this.logs.clear()
  }

  private found(reads: Reads): RemoteLog[] {
    return [...this.logs.values()].filter(({ topic, partition }) => reads(topic, partition))
  }

  /** What topics there are, and who leads their partitions. */
  private async look(): Promise<void> {
    const { topics } = await this.cluster.metadata(null)
    const found = new Map<string, Topic>()
    for (const { name, errorCode, topicId, isInternal, partitions } of topics) {
      if (name === null) continue
      const known = this.topicsByName.get(name)
      if (errorCode === errorCodes.NONE) {
        const topic = { topicId: hexOf(topicId), isInternal, partitions }
        found.set(name, { ...topic, partitions: partitionsOf(topic, known) })
      } else if (known !== undefined && isPassing(errorCode)) {
        found.set(name, { ...known, missed: undefined })
      }
    }
    for (const [name, known] of this.topicsByName) {
      const topic = found.get(name) ?? this.missed(known)
      if (topic !== undefined) found.set(name, topic)
    }
    this.topicsByName = found
    for (const [name, { topicId, partitions }] of this.topicsByName) {
      for (const located of partitions) this.locate(name, topicId, located)
    }
    for (const [key, log] of this.logs) {
      const topic = this.topicsByName.get(log.topic)
      if (topic !== undefined && log.partition < topic.partitions.length) continue
      log.gone()
      this.logs.delete(key)
    }
  }

  /** What is still held of a topic that was not found; undefined: it is gone. */
  private missed(topic: Topic): Topic | undefined {
    const { clock, retryBackoffMs } = this.cluster.options
    const nowMs = clock.monotonicMs()
    const { looks, lastMs } = topic.missed ?? { looks: 0, lastMs: Number.NEGATIVE_INFINITY }
    // Several ranges that fail at once look at once: that is one look.
    if (nowMs - lastMs < retryBackoffMs) return topic
    if (looks + 1 === GONE_AFTER_LOOKS) return undefined
    return { ...topic, missed: { looks: looks + 1, lastMs: nowMs } }
  }

  private locate(topic: string, topicId: string, located: Located): void {
    const key = nameOf(topic, located.partitionIndex)
    const known = this.logs.get(key)
    if (known !== undefined && known.topicId === topicId) known.locate(located)
    else {
      known?.gone()
      this.logs.set(key, new RemoteLog(topic, topicId, located))
    }
  }

  private connectionTo(log: RemoteLog) {
    if (log.leaderId < 0)
      throw new KafkaError(errorCodes.LEADER_NOT_AVAILABLE, nameOf(log.topic, log.partition))
    return this.cluster.toNode(log.leaderId)
  }

  /** One request to each leader; offsets in the order of the logs. */
  private async offsets(
    logs: readonly RemoteLog[],
    timestampOf: (log: RemoteLog) => bigint,
  ): Promise<bigint[]> {
    const found = new Map<RemoteLog, bigint>()
    const leaders = [...new Set(logs.map(({ leaderId }) => leaderId))]
    await Promise.all(
      leaders.map(async (leaderId) => {
        const led = logs.filter((log) => log.leaderId === leaderId)
        const connection = await this.connectionTo(led[0] as RemoteLog)
        const topics = [...new Set(led.map(({ topic }) => topic))].map((name) => ({
          name,
          partitions: led
            .filter(({ topic }) => topic === name)
            .map((log) => ({ partitionIndex: log.partition, timestamp: timestampOf(log) })),
        }))
        const { requestTimeoutMs: timeoutMs } = this.cluster.options
        const request = { replicaId: -1, isolationLevel: READ_COMMITTED, topics, timeoutMs }
        const answer = await connection.request(listOffsets, connection.versionOf(listOffsets), request)
        for (const { name, partitions } of answer.topics) {
          for (const { partitionIndex, errorCode, offset } of partitions) {
            const what = `ListOffsets of ${nameOf(name, partitionIndex)}`
            if (errorCode !== errorCodes.NONE) throw new KafkaError(errorCode, what)
            const log = led.find(({ topic, partition }) => topic === name && partition === partitionIndex)
            if (log !== undefined) found.set(log, offset)
          }
        }
      }),
    )
    return logs.map((log) => {
      const offset = found.get(log)
      if (offset === undefined)
        throw new Error(`ListOffsets: no answer for ${nameOf(log.topic, log.partition)}`)
      return offset
    })
  }

  // A Kafka elsewhere does not call: it is asked. What fails here shows at the next plan.
  private poll(): void {
    if (this.timer !== undefined || this.closed) return
    this.timer = this.cluster.options.clock.setTimer(this.pollMs, () => {
      void this.lookForMore()
        .catch(() => undefined)
        .then(() => {
          this.timer = undefined
          this.poll()
        })
    })
  }

  private async lookForMore(): Promise<void> {
    if (++this.looks % METADATA_EVERY === 0) await this.look()
    const heard = [...this.logs.values()].filter((log) => log.isHeard)
    if (heard.length === 0) return
    const ends = await this.offsets(heard, () => LATEST)
    for (const [index, log] of heard.entries()) log.moved(log.logStartOffset, ends[index] as bigint)
  }
}

function nameOf(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/** An error of a topic that says nothing about whether it is there. */
function isPassing(errorCode: number): boolean {
  return errorCode !== errorCodes.UNKNOWN_TOPIC_OR_PARTITION && isRetriable(errorCode)
}

/** In their order. A topic does not lose partitions: those that a broker does not tell of are as they were. */
function partitionsOf({ topicId, partitions }: Topic, known: Topic | undefined): Located[] {
  const told = new Set(partitions.map(({ partitionIndex }) => partitionIndex))
  const isSame = topicId !== '' && known?.topicId === topicId
  const untold = isSame ? known.partitions.filter(({ partitionIndex }) => !told.has(partitionIndex)) : []
  return [...partitions, ...untold].sort((a, b) => a.partitionIndex - b.partitionIndex)
}

/** Brokers before Kafka 2.8 have no topic ids. */
function hexOf(topicId: string): string {
  return /^0*$/.test(topicId) ? '' : topicId
}
