// A coordinator of one shard over a memory log and a clock that stands still: what the tests of this
// folder share. Requests are short forms of the protocol's bodies at their newest versions.

import { appendErrorCode } from '../../../broker/coordinator/transaction/answers.ts'
import type { ProducerIds } from '../../../broker/coordinator/transaction/producer-ids.ts'
import {
  defaultTransactionConfig,
  type TransactionConfig,
} from '../../../broker/coordinator/transaction/config.ts'
import type { Marker, MarkerWriter } from '../../../broker/coordinator/transaction/marker-writer.ts'
import type { TopicPartition } from '../../../broker/coordinator/transaction/partition-set.ts'
import { TransactionCoordinator } from '../../../broker/coordinator/transaction/transaction-coordinator.ts'
import { errorCodes, errorName } from '../../../broker/protocol/errors.ts'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { MemoryShardLog } from '../../world/memory-shard-log.ts'

export type WrittenMarker = Marker & TopicPartition

/** Writes markers into a list; `hold` keeps them waiting, `answers` are error codes for the next ones. */
export class TestWriter implements MarkerWriter {
  written: WrittenMarker[] = []
  attempts = 0
  answers: number[] = []
  hold = false
  private held: (() => void)[] = []

  async write(marker: Marker, partitions: readonly TopicPartition[]): Promise<number[]> {
    this.attempts++
    if (this.hold) await new Promise<void>((resolve) => this.held.push(resolve))
    return partitions.map((partition) => {
      const code = this.answers.shift() ?? errorCodes.NONE
      if (code === errorCodes.NONE) {
        this.written.push({ ...partition, ...marker })
      }
      return code
    })
  }

  release(): void {
    this.hold = false
    for (const resolve of this.held.splice(0)) resolve()
  }
}

export class Fixture {
  isClockBelieved = true
  readonly clock = new ManualClock()
  readonly writer = new TestWriter()
  readonly warnings: string[] = []
  readonly missing = new Set<string>()
  readonly log: MemoryShardLog
  readonly config: TransactionConfig
  coordinator: TransactionCoordinator
  private lastProducerId = 999n
  /** Whether a producer id is at hand without waiting. */
  hasSpareId = true
  readonly producerIds: ProducerIds = {
    next: () => Promise.resolve(++this.lastProducerId),
    spare: () => (this.hasSpareId ? ++this.lastProducerId : undefined),
  }

  constructor(config: Partial<TransactionConfig> = {}, log = new MemoryShardLog()) {
    this.config = { ...defaultTransactionConfig, transactionStateLogNumPartitions: 1, ...config }
    this.log = log
    this.coordinator = this.newCoordinator()
  }

  static async loaded(config: Partial<TransactionConfig> = {}, log = new MemoryShardLog()): Promise<Fixture> {
    const fixture = new Fixture(config, log)
    await fixture.coordinator.load(0, fixture.log)
    return fixture
  }

  newCoordinator(): TransactionCoordinator {
    return new TransactionCoordinator({
      config: this.config,
      clock: this.clock,
      markerWriter: this.writer,
      producerIds: this.producerIds,
      partitionExists: (topic, partition) => !this.missing.has(topic) && partition < 10,
      earliestMs: () => (this.isClockBelieved ? this.clock.now() : undefined),
      onWarning: (message) => this.warnings.push(message),
      onShardFailed: (_, error) => this.warnings.push(`failed: ${error.message}`),
    })
  }

  /** The process ends and starts again; what was not synced is lost. */
  async restart(): Promise<void> {
    this.coordinator.close()
    this.log.crash()
    this.coordinator = this.newCoordinator()
    await this.coordinator.load(0, this.log)
  }

  /** Lets promises run to where they wait for the clock or the log. */
  settle(): Promise<void> {
    return this.clock.advance(0)
  }

  init(
    options: {
      id?: string | null
      timeoutMs?: number
      producerId?: bigint
      producerEpoch?: number
      version?: number
    } = {},
  ) {
    return this.coordinator.initProducerId(
      {
        transactionalId: options.id === undefined ? 'tx' : options.id,
        transactionTimeoutMs: options.timeoutMs ?? 60_000,
        producerId: options.producerId ?? -1n,
        producerEpoch: options.producerEpoch ?? -1,
        enable2Pc: false,
        keepPreparedTxn: false,
      },
      options.version ?? 5,
    )
  }

  /** The name of the error, of the first partition. */
  async add(
    producerId: bigint,
    producerEpoch: number,
    topic = 'a',
    partitions = [0],
    version = 3,
  ): Promise<string> {
    const response = await this.coordinator.addPartitionsToTxn(
      {
        transactions: [],
        v3AndBelowTransactionalId: 'tx',
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: producerEpoch,
        v3AndBelowTopics: [{ name: topic, partitions }],
      },
      version,
    )
    const code = response.resultsByTopicV3AndBelow[0]?.resultsByPartition[0]?.partitionErrorCode
    return code === undefined ? 'no result' : errorName(code)
  }

  async verify(
    producerId: bigint,
    producerEpoch: number,
    partitions: number[],
    version = 5,
  ): Promise<string[]> {
    const response = await this.coordinator.addPartitionsToTxn(
      {
        transactions: [
          {
            transactionalId: 'tx',
            producerId,
            producerEpoch,
            verifyOnly: true,
            topics: [{ name: 'a', partitions }],
          },
        ],
        v3AndBelowTransactionalId: '',
        v3AndBelowProducerId: 0n,
        v3AndBelowProducerEpoch: 0,
        v3AndBelowTopics: [],
      },
      version,
    )
    const results = response.resultsByTransaction[0]?.topicResults[0]?.resultsByPartition ?? []
    return results.map(({ partitionErrorCode }) => errorName(partitionErrorCode))
  }

  async addOffsets(producerId: bigint, producerEpoch: number, groupId = 'g', version = 4): Promise<string> {
    const request = { transactionalId: 'tx', producerId, producerEpoch, groupId }
    return errorName((await this.coordinator.addOffsetsToTxn(request, version)).errorCode)
  }

  async end(
    producerId: bigint,
    producerEpoch: number,
    committed: boolean,
    version = 4,
    transactionalId = 'tx',
  ): Promise<string> {
    const request = { transactionalId, producerId, producerEpoch, committed }
    return errorName((await this.coordinator.endTxn(request, version)).errorCode)
  }

  /** EndTxn v5: the error's name, and what the producer goes on with. */
  async endByEpoch(producerId: bigint, producerEpoch: number, committed: boolean) {
    const request = { transactionalId: 'tx', producerId, producerEpoch, committed }
    const { errorCode, ...next } = await this.coordinator.endTxn(request, 5)
    return { error: errorName(errorCode), next: [next.producerId, next.producerEpoch] as const }
  }

  /** What a Produce of version 12 does first. */
  async addImplicitly(producerId: bigint, producerEpoch: number, partition = 0): Promise<string> {
    const producer = { producerId, producerEpoch }
    const code = await this.coordinator.addImplicitly('tx', producer, [{ topic: 'a', partition }])
    return errorName(appendErrorCode(code, 'implicit'))
  }

  async state(transactionalId = 'tx'): Promise<string> {
    const { transactionStates } = await this.coordinator.describeTransactions({
      transactionalIds: [transactionalId],
    })
    const [first] = transactionStates
    return first?.errorCode === 0 ? first.transactionState : errorName(first?.errorCode ?? -1)
  }
}
