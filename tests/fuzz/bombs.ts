// `node --import tsx tests/fuzz/bombs.ts`: prints, as one line of JSON, the longest that a produce of well-formed, highly
// compressed batches held the event loop, by codec and shape. For the bench, which tells it.

import { readFileSync } from 'node:fs'
import { produce } from '../../broker/protocol/apis/produce.ts'
import { RecordBatchBuilder } from '../../broker/protocol/record-batch/builder.ts'
import { startBroker } from '../../broker/server/start-broker.ts'
import { WireClient } from '../world/wire-client.ts'

const TIME_MS = Date.now()
const PARTITIONS = 60
const ROUNDS = 5

/** So many records of so many zeros each. */
function bomb(codec: 'gzip' | 'snappy' | 'lz4' | 'zstd', records: number, valueBytes: number): Buffer {
  const builder = new RecordBatchBuilder()
  const value = Buffer.alloc(valueBytes)
  for (let i = 0; i < records; i++) builder.append(TIME_MS, null, value)
  return builder.build({ codec })
}

/** Snappy stands for no more than 21 times its bytes. */
const shapes: { shape: string; batches: Buffer[] }[] = [
  ...(['gzip', 'lz4', 'zstd'] as const).map((codec) => ({
    shape: `${codec}, 60 MB`,
    batches: [bomb(codec, 60, 1_000_000)],
  })),
  { shape: 'snappy, 20 MB', batches: [bomb('snappy', 20, 1_000_000)] },
  { shape: 'gzip, a million records', batches: [bomb('gzip', 1_000_000, 0)] },
  { shape: 'gzip, 60 times 1 MB', batches: Array<Buffer>(PARTITIONS).fill(bomb('gzip', 1, 1_000_000)) },
]

const quiet = (): void => {}
const broker = await startBroker({
  topics: { orders: { partitions: PARTITIONS } },
  config: { 'message.max.bytes': 8 * 1024 * 1024 },
  logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
})
const client = await WireClient.connect(broker.bootstrapServers)

/** Time that this thread has had of a processor, other threads and processes left out; undefined where Linux is not. */
function threadMs(): number | undefined {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6
  } catch {
    return undefined
  }
}

/** The longest between two turns of the event loop while the batches are produced, in ms. */
async function stallOf(batches: readonly Buffer[]): Promise<number> {
  let longestMs = 0
  let isOver = false
  const read = () => ({ wallMs: performance.now(), ownMs: threadMs() })
  let last = read()
  const turn = (): void => {
    const now = read()
    const ownMs = (now.ownMs ?? Infinity) - (last.ownMs ?? 0)
    longestMs = Math.max(longestMs, Math.min(now.wallMs - last.wallMs, ownMs))
    last = now
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  const { responses } = await client.request(produce, 9, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: 'orders', partitionData: batches.map((records, index) => ({ index, records })) }],
  })
  isOver = true
  const refused = responses[0]?.partitionResponses.find(({ errorCode }) => errorCode !== 0)
  if (refused !== undefined) throw new Error(`refused with ${refused.errorCode}: ${refused.errorMessage}`)
  return longestMs
}

const stalls: Record<string, number> = {}
for (const { shape, batches } of shapes) {
  // The machine may be busy with others: the best of a few is what the broker does.
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) rounds.push(await stallOf(batches))
  stalls[shape] = Math.min(...rounds)
}
await client.close()
await broker.stop()
console.log(JSON.stringify(stalls))
