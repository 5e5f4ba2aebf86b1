// Many clients in one process, each with a connection and one request under way: what a connection costs the
// broker, and how long its answers take. Run by suites/connections.ts; one line of JSON on standard output.
//
//   swarm produce  BROKER TOPIC PARTITIONS CONNECTIONS SECONDS CODEC
//   swarm fetch    BROKER TOPIC PARTITIONS CONNECTIONS SECONDS
//   swarm transact BROKER TOPIC PARTITIONS CONNECTIONS SECONDS
//
// A client has PARTITIONS ÷ CONNECTIONS partitions, one at least, all of them in each request. transact measures
// whole transactions: partitions added, one batch each, ended.

import { performance } from 'node:perf_hooks'
import { addPartitionsToTxn } from '../../broker/protocol/apis/add-partitions-to-txn.ts'
import { endTxn } from '../../broker/protocol/apis/end-txn.ts'
import { fetch } from '../../broker/protocol/apis/fetch.ts'
import { initProducerId } from '../../broker/protocol/apis/init-producer-id.ts'
import { produce } from '../../broker/protocol/apis/produce.ts'
import { errorName } from '../../broker/protocol/errors.ts'
import { RecordBatchBuilder } from '../../broker/protocol/record-batch/builder.ts'
import { type Codec, lastOffsetOf } from '../../broker/protocol/record-batch/header.ts'
import { percentile } from './figure.ts'
import { textLines } from './text.ts'
import { Wire } from './wire.ts'

const VALUE_BYTES = 100
/** Of all batches of a request together. */
const RECORDS_PER_REQUEST = 100
const PARTITION_MAX_BYTES = 64 * 1024
/** Not counted: connections are made, code gets warm. */
const WARM_UP_MS = 500
const RETRY_MS = 20
const nextLine = textLines(VALUE_BYTES)
const builder = new RecordBatchBuilder()

interface Client {
  /** One request, or one transaction; how many bytes it moved. */
  turn(): Promise<number>
}

const [verb = '', broker = '', topic = '', partitionsText, connectionsText, secondsText, codec = 'none'] =
  process.argv.slice(2)
const partitions = Number(partitionsText)
const connections = Number(connectionsText)
const durationMs = Number(secondsText) * 1000

const clients = await Promise.all(Array.from({ length: connections }, (_, i) => open(i)))
let latenciesMs: number[] = []
let bytes = 0
let isOver = false
const all = Promise.all(clients.map((client) => work(client)))
await pause(WARM_UP_MS)
latenciesMs = []
bytes = 0
const startMs = performance.now()
process.stderr.write('measuring\n')
await pause(durationMs)
const result = {
  requests: latenciesMs.length,
  bytes,
  seconds: (performance.now() - startMs) / 1000,
  p50Ms: percentile(latenciesMs, 0.5),
  p99Ms: percentile(latenciesMs, 0.99),
  p999Ms: percentile(latenciesMs, 0.999),
}
process.stdout.write(`${JSON.stringify(result)}\n`)
isOver = true
await all
process.exit(0)

async function work(client: Client): Promise<void> {
  while (!isOver) {
    const sentMs = performance.now()
    const moved = await client.turn()
    latenciesMs.push(performance.now() - sentMs)
    bytes += moved
  }
}

async function open(index: number): Promise<Client> {
  const wire = await Wire.connect(broker)
  const own = Math.max(1, Math.floor(partitions / connections))
  const mine = Array.from({ length: own }, (_, i) => (index * own + i) % partitions)
  switch (verb) {
    case 'produce':
      return producer(wire, mine)
    case 'fetch':
      return fetcher(wire, mine)
    case 'transact':
      return transactor(wire, mine, `swarm-${index}`)
    default:
      throw new Error(`swarm cannot ${verb}`)
  }
}

/** `of`: how many batches the request has. */
function batch(
  of: number,
  producer: { producerId?: bigint; producerEpoch?: number; baseSequence?: number } = {},
): Buffer {
  builder.reset()
  const nowMs = Date.now()
  const count = Math.max(1, Math.round(RECORDS_PER_REQUEST / of))
  for (let i = 0; i < count; i++) builder.append(nowMs, null, Buffer.from(nextLine(), 'latin1'))
  return builder.build({
    codec: codec as Codec,
    ...producer,
    isTransactional: producer.producerId !== undefined,
  })
}

async function send(
  wire: Wire,
  transactionalId: string | null,
  batches: { index: number; records: Buffer }[],
): Promise<number> {
  const { responses } = await wire.request(produce, 9, {
    transactionalId,
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: topic, partitionData: batches }],
  })
  for (const { errorCode } of responses[0]?.partitionResponses ?? []) check('produce', errorCode)
  return batches.reduce((sum, { records }) => sum + records.length, 0)
}

function producer(wire: Wire, mine: number[]): Client {
  const records = batch(mine.length)
  const batches = mine.map((index) => ({ index, records }))
  return { turn: () => send(wire, null, batches) }
}

/** Reads its partitions over and over. */
function fetcher(wire: Wire, mine: number[]): Client {
  const offsets = new Map(mine.map((partition) => [partition, 0n]))
  return {
    async turn() {
      const { responses } = await wire.request(fetch, 11, {
        maxWaitMs: 1000,
        minBytes: 1,
        topics: [
          {
            topic,
            partitions: [...offsets].map(([partition, fetchOffset]) => ({
              partition,
              fetchOffset,
              partitionMaxBytes: PARTITION_MAX_BYTES,
            })),
          },
        ],
        forgottenTopicsData: [],
      })
      let moved = 0
      for (const { partitionIndex, errorCode, highWatermark, records } of responses[0]?.partitions ?? []) {
        check('fetch', errorCode)
        if (records === null || records.length === 0) continue
        moved += records.length
        const next = lastOffsetOf(records as Buffer, 0) + 1n
        // Far from the end there is always more; what is read does not matter.
        offsets.set(partitionIndex, next * 2n < highWatermark ? next : 0n)
      }
      return moved
    },
  }
}

async function transactor(wire: Wire, mine: number[], transactionalId: string): Promise<Client> {
  const known = await insist(() =>
    wire.request(initProducerId, 3, { transactionalId, transactionTimeoutMs: 60_000 }),
  )
  const { producerId, producerEpoch } = known
  let baseSequence = 0
  return {
    async turn() {
      await insist(async () => {
        const topics = [{ name: topic, partitions: mine }]
        const { resultsByTopicV3AndBelow } = await wire.request(addPartitionsToTxn, 3, {
          v3AndBelowTransactionalId: transactionalId,
          v3AndBelowProducerId: producerId,
          v3AndBelowProducerEpoch: producerEpoch,
          v3AndBelowTopics: topics,
        })
        return { errorCode: resultsByTopicV3AndBelow[0]?.resultsByPartition[0]?.partitionErrorCode ?? -1 }
      })
      const records = batch(mine.length, { producerId, producerEpoch, baseSequence })
      baseSequence += Math.max(1, Math.round(RECORDS_PER_REQUEST / mine.length))
      const moved = await send(
        wire,
        transactionalId,
        mine.map((index) => ({ index, records })),
      )
      check(
        'end',
        (await wire.request(endTxn, 3, { transactionalId, producerId, producerEpoch, committed: true }))
          .errorCode,
      )
      return moved
    },
  }
}

/** Asks again while the coordinator is still at work on the transaction before. */
async function insist<T extends { errorCode: number }>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    const answer = await ask()
    const name = errorName(answer.errorCode)
    if (name === 'NONE') return answer
    if (!/^(CONCURRENT_TRANSACTIONS|COORDINATOR_|NOT_COORDINATOR)/.test(name))
      check('transaction', answer.errorCode)
    await pause(name === 'CONCURRENT_TRANSACTIONS' ? 1 : RETRY_MS)
  }
}

function check(what: string, errorCode: number): void {
  if (errorCode !== 0) throw new Error(`${what}: ${errorName(errorCode)}`)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
