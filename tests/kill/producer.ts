// An idempotent producer (acks=all) that outlives the broker: what is not acknowledged is sent again, with the
// sequence numbers that it had, as KIP-98 producers do, until it is. It keeps nothing to itself: what was
// acknowledged goes to a callback at once.

import { setTimeout as after } from 'node:timers/promises'
import { initProducerId } from '../../broker/protocol/apis/init-producer-id.ts'
import { produce } from '../../broker/protocol/apis/produce.ts'
import { errorCodes, errorName, isRetriable } from '../../broker/protocol/errors.ts'
import { buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import { Random } from '../world/random.ts'
import { ConnectionClosedError, isConnectionError, WireClient } from '../world/wire-client.ts'
import { type Ack, INPUT_TOPIC, keyOf, lineOf, PARTITIONS } from './load.ts'

const PRODUCE_VERSION = 9
const INIT_PRODUCER_ID_VERSION = 4
/** What an idempotent producer may have unanswered per partition: the broker remembers five batches. */
const MAX_IN_FLIGHT = 5
const RECONNECT_AFTER_MS = 20
const REFILL_EVERY_MS = 5
const REQUEST_TIMEOUT_MS = 30_000

interface Batch {
  firstSequence: number
  count: number
  bytes: Buffer
}

interface Lane {
  partition: number
  nextSequence: number
  /** Sent or to be sent again, oldest first. */
  unanswered: Batch[]
}

/** An answer that an idempotent producer must never get. */
export class Fatal extends Error {}

export interface ProducerOptions {
  bootstrap: string
  seed: number
  producer: number
  recordsPerSecond: number
  onAck: (ack: Ack) => void
}

export class Producer {
  private readonly options: ProducerOptions
  private readonly random: Random
  private isEnding = false
  private isAbandoned = false
  private producerId = -1n
  private producerEpoch = -1
  /** Records that may be sent by now. */
  private allowance = 0
  private readonly lanes: Lane[] = Array.from({ length: PARTITIONS }, (_, partition) => ({
    partition,
    nextSequence: 0,
    unanswered: [],
  }))

  constructor(options: ProducerOptions) {
    this.options = options
    this.random = new Random(options.seed + options.producer)
  }

  /** Sends nothing new. */
  end(): void {
    this.isEnding = true
  }

  /** Gives up what is under way: nothing is sent any more, not even again. */
  abandon(): void {
    this.isEnding = true
    this.isAbandoned = true
  }

  /** Resolves when everything that was sent has been acknowledged and nothing more is to be sent. */
  async run(): Promise<void> {
    while (!this.isDone()) {
      try {
        await using client = await WireClient.connect(this.options.bootstrap)
        if (this.producerId < 0n) await this.identify(client)
        await this.drive(client)
      } catch (error) {
        if (error instanceof Fatal || !isConnectionError(error)) throw error
        await after(RECONNECT_AFTER_MS)
      }
    }
  }

  private isDone(): boolean {
    if (this.isAbandoned) return true
    return this.isEnding && this.lanes.every(({ unanswered }) => unanswered.length === 0)
  }

  private async identify(client: WireClient): Promise<void> {
    const answer = await client.request(initProducerId, INIT_PRODUCER_ID_VERSION, {
      transactionalId: null,
      transactionTimeoutMs: REQUEST_TIMEOUT_MS,
    })
    if (answer.errorCode !== errorCodes.NONE) {
      if (isRetriable(answer.errorCode)) throw new ConnectionClosedError(errorName(answer.errorCode))
      throw new Fatal(`InitProducerId: ${errorName(answer.errorCode)}`)
    }
    this.producerId = answer.producerId
    this.producerEpoch = answer.producerEpoch
  }

  /** Sends on one connection until it breaks or nothing is left to do. */
  private async drive(client: WireClient): Promise<void> {
    let failure: unknown
    const send = (lane: Lane, batch: Batch): void => {
      this.send(client, lane, batch).then(
        () => undefined,
        (error: unknown) => {
          failure ??= error
          // What follows in this lane was refused for want of this batch: all of it goes out again, in order.
          void client.close()
        },
      )
    }
    for (const lane of this.lanes) for (const batch of lane.unanswered) send(lane, batch)
    while (!this.isDone() && failure === undefined) {
      this.allowance = Math.min(
        this.allowance + (this.options.recordsPerSecond * REFILL_EVERY_MS) / 1000,
        2000,
      )
      while (!this.isEnding && this.allowance > 0) {
        const free = this.lanes.filter(({ unanswered }) => unanswered.length < MAX_IN_FLIGHT)
        if (free.length === 0) break
        const lane = this.random.pick(free)
        const batch = this.nextBatch(lane)
        this.allowance -= batch.count
        send(lane, batch)
      }
      const isClosed = await Promise.race([client.closed.then(() => true), after(REFILL_EVERY_MS)])
      if (isClosed === true) failure ??= new ConnectionClosedError('closed')
    }
    if (failure !== undefined) throw failure
  }

  private nextBatch(lane: Lane): Batch {
    const { seed, producer } = this.options
    const firstSequence = lane.nextSequence
    const count = this.random.between(1, 40)
    const now = Date.now()
    const records = Array.from({ length: count }, (_, i) => ({
      timestampMs: now,
      key: Buffer.from(keyOf(producer, firstSequence + i)),
      value: Buffer.from(lineOf(seed, { partition: lane.partition, producer }, firstSequence + i)),
    }))
    const { producerId, producerEpoch } = this
    const bytes = buildBatch(records, { producerId, producerEpoch, baseSequence: firstSequence })
    const batch = { firstSequence, count, bytes }
    lane.nextSequence += count
    lane.unanswered.push(batch)
    return batch
  }

  private async send(client: WireClient, lane: Lane, batch: Batch): Promise<void> {
    const { partition, unanswered } = lane
    const { responses } = await client.request(produce, PRODUCE_VERSION, {
      transactionalId: null,
      acks: -1,
      timeoutMs: REQUEST_TIMEOUT_MS,
      topicData: [{ name: INPUT_TOPIC, partitionData: [{ index: partition, records: batch.bytes }] }],
    })
    const answer = responses[0]?.partitionResponses[0]
    if (answer === undefined) throw new Fatal('a produce response without the partition')
    const { errorCode, baseOffset } = answer
    if (errorCode === errorCodes.NONE) {
      if (unanswered[0] !== batch) throw new Fatal(`partition ${partition}: acknowledged out of order`)
      unanswered.shift()
      const { firstSequence, count } = batch
      const { producer, onAck } = this.options
      onAck({ partition, producer, firstSequence, count, baseOffset })
      return
    }
    const what = `partition ${partition} record ${keyOf(this.options.producer, batch.firstSequence)}: ${errorName(errorCode)}`
    // OUT_OF_ORDER_SEQUENCE_NUMBER counts as retriable, but the oldest batch can only get it when what was
    // acknowledged before it is gone.
    const isRefusedWithoutCause =
      errorCode === errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER && unanswered[0] === batch
    if (isRefusedWithoutCause || !isTransient(errorCode)) throw new Fatal(what)
    throw new ConnectionClosedError(what)
  }
}

function isTransient(errorCode: number): boolean {
  return isRetriable(errorCode) || errorCode === errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER
}
