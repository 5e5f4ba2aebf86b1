// A broker in this process that is treated badly, what it said about it, and the check that it still serves.

import { expect } from 'vitest'
import { apiVersions } from '../../broker/protocol/apis/api-versions.ts'
import { createTopics } from '../../broker/protocol/apis/create-topics.ts'
import { produce } from '../../broker/protocol/apis/produce.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import type { ResponseOf } from '../../broker/protocol/message.ts'
import { buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import type { BrokerOptions } from '../../broker/server/broker-options.ts'
import { type Broker, startBroker } from '../../broker/server/start-broker.ts'
import { readLog } from '../world/read-log.ts'
import { WireClient } from '../world/wire-client.ts'

type PartitionAnswer = ResponseOf<typeof produce>['responses'][number]['partitionResponses'][number]

export class World {
  readonly broker: Broker
  /** Every line the broker logged: level and text. */
  readonly lines: string[]
  private served = 0

  private constructor(broker: Broker, lines: string[]) {
    this.broker = broker
    this.lines = lines
  }

  static async start(options: BrokerOptions = {}): Promise<World> {
    const lines: string[] = []
    const say =
      (level: string) =>
      (...words: unknown[]): number =>
        lines.push(`${level} ${words.join(' ')}`)
    const logger = { debug: () => undefined, info: say('info'), warn: say('warn'), error: say('error') }
    return new World(await startBroker({ logger, ...options }), lines)
  }

  connect(): Promise<WireClient> {
    return WireClient.connect(this.broker.bootstrapServers)
  }

  /** Lines about connections that were closed, without the client's address. */
  closeReasons(): string[] {
    return this.lines.flatMap((line) => /connection from \S+ closed: (.*)/.exec(line)?.[1] ?? [])
  }

  async createTopic(name: string, numPartitions = 1, config: Record<string, string> = {}): Promise<void> {
    await using client = await this.connect()
    const { topics } = await client.request(createTopics, 5, {
      topics: [
        {
          name,
          numPartitions,
          replicationFactor: 1,
          assignments: [],
          configs: Object.entries(config).map(([key, value]) => ({ name: key, value })),
        },
      ],
      timeoutMs: 10_000,
      validateOnly: false,
    })
    expect(topics[0]).toMatchObject({ name, errorCode: 0 })
  }

  /** What the broker answers to these bytes as the records of a partition. */
  async produce(topic: string, records: Uint8Array, partition = 0): Promise<PartitionAnswer> {
    await using client = await this.connect()
    const { responses } = await client.request(produce, 9, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 10_000,
      topicData: [{ name: topic, partitionData: [{ index: partition, records }] }],
    })
    return responses[0]?.partitionResponses[0] as PartitionAnswer
  }

  async values(topic: string, partition = 0): Promise<string[]> {
    await using client = await this.connect()
    const values: string[] = []
    const options = { topic, partition, fromOffset: 0n, isolation: 'read_uncommitted' } as const
    await readLog(client, options, (_offset, _key, value) => values.push(String(value)))
    return values
  }

  /** Connects, creates, writes and reads: what any client needs of a broker that is well. */
  async expectServing(): Promise<void> {
    await using client = await this.connect()
    expect((await client.request(apiVersions, 0, {})).errorCode).toBe(0)
    const topic = `serving-${++this.served}`
    await this.createTopic(topic)
    const { errorCode } = await this.produce(topic, batchOf(['still', 'here']))
    expect(errorName(errorCode)).toBe('NONE')
    expect(await this.values(topic)).toEqual(['still', 'here'])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.stop()
  }
}

export function batchOf(values: readonly string[]): Buffer {
  const timestampMs = Date.now()
  return buildBatch(values.map((value) => ({ timestampMs, key: null, value: Buffer.from(value) })))
}
