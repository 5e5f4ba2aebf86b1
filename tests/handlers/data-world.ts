// A broker in memory and one connection to it, with the requests that most stories send: whole requests, short
// to write, nothing hidden. Time stands still unless a story moves it.

import { apis } from '../../broker/protocol/apis/index.ts'
import { buildBatch, type BuildOptions } from '../../broker/protocol/record-batch/builder.ts'
import type { RequestInput, ResponseOf } from '../../broker/protocol/message.ts'
import type { Broker } from '../../broker/server/start-broker.ts'
import { startBroker } from '../../broker/server/start-broker.ts'
import type { BrokerOptions } from '../../broker/server/broker-options.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { WireClient } from '../world/wire-client.ts'

type ApiName = (typeof apis)[number]['name']
type ApiNamed<N extends ApiName> = Extract<(typeof apis)[number], { name: N }>
export type Answer<N extends ApiName> = ResponseOf<ApiNamed<N>>
export type Ask<N extends ApiName> = RequestInput<ApiNamed<N>>
type ProducePartition = Ask<'Produce'>['topicData'][number]['partitionData'][number]
type FetchPartition = Ask<'Fetch'>['topics'][number]['partitions'][number]

export const ZERO_ID = '0'.repeat(32)
/** An id that no topic has. */
export const STRANGE_ID = 'ab'.repeat(16)

export class DataWorld {
  readonly broker: Broker
  readonly clock: ManualClock
  readonly client: WireClient
  /** What the broker logged, warnings and errors. */
  readonly log: string[]
  private readonly clients: WireClient[] = []

  private constructor(broker: Broker, clock: ManualClock, client: WireClient, log: string[]) {
    this.broker = broker
    this.clock = clock
    this.client = client
    this.log = log
  }

  static async start(options: BrokerOptions = {}): Promise<DataWorld> {
    const clock = options.clock instanceof ManualClock ? options.clock : new ManualClock()
    const log: string[] = []
    const keep = (line: string): void => void log.push(line)
    const logger = { debug: () => undefined, info: () => undefined, warn: keep, error: keep }
    const broker = await startBroker({ logger, ...options, clock })
    return new DataWorld(broker, clock, await WireClient.connect(broker.bootstrapServers), log)
  }

  /** One more connection. */
  async connect(): Promise<WireClient> {
    const client = await WireClient.connect(this.broker.bootstrapServers)
    this.clients.push(client)
    return client
  }

  ask<N extends ApiName>(
    name: N,
    version: number,
    body: Ask<N>,
    client: WireClient = this.client,
  ): Promise<Answer<N>> {
    const api = apis.find((each) => each.name === name) as unknown as ApiNamed<N>
    return client.request(api, version, body) as Promise<Answer<N>>
  }

  /** The id of a topic that exists. */
  async topicId(name: string): Promise<string> {
    const { topics } = await this.ask('Metadata', 12, {
      topics: [{ name, topicId: ZERO_ID }],
      allowAutoTopicCreation: false,
    })
    return topics[0]?.topicId ?? ZERO_ID
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.client, ...this.clients].map((client) => client.close()))
    await this.broker.stop()
  }
}

export interface RecordText {
  key?: string | null
  value?: string | null
  timestampMs?: number
}

export const TIME_MS = 1_700_000_000_000

/** A batch of so many records, or of these. */
export function batch(records: number | readonly RecordText[] = 1, options: BuildOptions = {}): Buffer {
  const inputs =
    typeof records === 'number'
      ? Array.from({ length: records }, (_, i): RecordText => ({ key: `k${i}`, value: `v${i}` }))
      : records
  return buildBatch(
    inputs.map(({ key = null, value = 'v', timestampMs = TIME_MS }) => ({
      timestampMs,
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
    })),
    options,
  )
}

export interface ProduceTo {
  topic: string
  topicId?: string
  partition?: number
  acks?: number
  timeoutMs?: number
  transactionalId?: string | null
}

export function produceRequest(records: Buffer | null, to: ProduceTo): Ask<'Produce'> {
  const { topic, topicId = ZERO_ID, partition = 0, acks = -1, timeoutMs = 1000, transactionalId = null } = to
  const partitionData: ProducePartition[] = [{ index: partition, records }]
  return { transactionalId, acks, timeoutMs, topicData: [{ name: topic, topicId, partitionData }] }
}

/** The one partition's answer. */
export async function produce(
  world: DataWorld,
  records: Buffer | null,
  to: ProduceTo,
  version = 12,
): Promise<Answer<'Produce'>['responses'][number]['partitionResponses'][number]> {
  const { responses } = await world.ask('Produce', version, produceRequest(records, to))
  const answer = responses[0]?.partitionResponses[0]
  if (answer === undefined) throw new Error('no answer')
  return answer
}

export interface FetchFrom extends Partial<Omit<Ask<'Fetch'>, 'topics'>> {
  topic: string
  topicId?: string
  partitions?: readonly Partial<FetchPartition>[]
}

export function fetchRequest(from: FetchFrom): Ask<'Fetch'> {
  const { topic, topicId = ZERO_ID, partitions = [{}], ...rest } = from
  return {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1_000_000,
    isolationLevel: 0,
    forgottenTopicsData: [],
    topics: [
      {
        topic,
        topicId,
        partitions: partitions.map((wanted) => ({
          partition: 0,
          fetchOffset: 0n,
          partitionMaxBytes: 1_000_000,
          ...wanted,
        })),
      },
    ],
    ...rest,
  }
}

export async function fetch(
  world: DataWorld,
  from: FetchFrom,
  version = 12,
): Promise<Answer<'Fetch'>['responses'][number]['partitions']> {
  const { responses } = await world.ask('Fetch', version, fetchRequest(from))
  return responses[0]?.partitions ?? []
}
