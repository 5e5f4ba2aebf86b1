// A run of a batch that is given up while one worker is through with something and another is inside of it: what a
// program has made outside of batches stays, and the next run must find both at the same point of it.

import { MessageChannel } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { BatchContext } from '../../../../processor/batch-context.ts'
import { CallingThreadExecutor } from '../../../../processor/executor/calling-thread.ts'
import { Exchange } from '../../../../processor/executor/workers/exchange.ts'
import { CancelledError } from '../../../../processor/graph/errors.ts'
import { type Dataset, type Exchanging, ownerIn, type Peers } from '../../../../processor/rdd/dataset.ts'
import { RangePartitioner } from '../../../../processor/rdd/range-partitioner.ts'
import type { RDD } from '../../../../processor/rdd/rdd.ts'
import { SpillSpace } from '../../../../processor/rdd/spill-space.ts'
import { StreamingContext } from '../../../../processor/streaming-context.ts'
import { ModelLog } from '../../model-log.ts'
import type { GivenUpParameters } from './given-up-jobs.ts'

/** Of a worker that stops where it has all rows of an exchange in hand, or goes on, and then tells when it is through. */
class StoppedPeers implements Peers {
  readonly index: number
  readonly count = 2
  readonly exchange: Exchange
  begun = 0
  stopAt: number | undefined
  watchAt: number | undefined
  private hasRows = false
  isThrough = false

  constructor(index: number, exchange: Exchange) {
    this.index = index
    this.exchange = exchange
  }

  begin<T>(operator: string): Exchanging<T> {
    const place = ++this.begun
    this.isThrough = this.hasRows
    const exchanging = this.exchange.begin<T>(operator)
    return {
      give: exchanging.give,
      shares: async () => {
        this.isThrough = this.hasRows
        const shares = await exchanging.shares()
        if (place === this.stopAt) throw new CancelledError()
        this.hasRows ||= place === this.watchAt
        return shares
      },
    }
  }

  whenOver(told: (counts: boolean) => void): void {
    this.exchange.whenOver(told)
  }
}

function newWorker(index: number, exchange: Exchange, spills: SpillSpace) {
  const peers = new StoppedPeers(index, exchange)
  return { peers, run: new CallingThreadExecutor({ peers, spills }), exchange }
}

const letters = 'the quick brown fox jumps over the lazy dog'.split('')
type Build = (context: BatchContext) => RDD<unknown>
const pairsOf = (context: BatchContext) =>
  context.parallelize(
    letters.map((letter, at): [string, number] => [letter, at]),
    4,
  )
const sum = (a: number, b: number) => a + b

test.each<[string, stopAt: number, Build]>([
  ['reduceByKey', 1, (context) => pairsOf(context).reduceByKey(sum, 3)],
  ['partitionBy', 1, (context) => pairsOf(context).partitionBy(3)],
  ['a second shuffle', 2, (context) => pairsOf(context).reduceByKey(sum, 3).groupByKey(5)],
  ['join', 2, (context) => pairsOf(context).join(pairsOf(context), 3)],
  ['repartition', 2, (context) => pairsOf(context).repartition(3)],
  ['sortByKey', 1, (context) => pairsOf(context).sortByKey({ numPartitions: 3 })],
  ['cache', 1, (context) => pairsOf(context).reduceByKey(sum, 3).map(String).persist('MEMORY_AND_DISK')],
  ['zip', 1, (context) => pairsOf(context).partitionBy(2).zip(pairsOf(context).partitionBy(2))],
  [
    'the sample of a RangePartitioner',
    1,
    (context) => pairsOf(context).partitionBy(new RangePartitioner(3, pairsOf(context))),
  ],
  [
    'the ranges of a sortByKey',
    1,
    (context) => pairsOf(context).join(pairsOf(context).sortByKey({ numPartitions: 3 })),
  ],
])(
  '%s: where the other worker was stopped inside of it, both do it again, once',
  async (_, stopAt, build) => {
    const { port1, port2 } = new MessageChannel()
    const spills = new SpillSpace()
    const quick = newWorker(0, new Exchange(0, [undefined, port1], spills), spills)
    const slow = newWorker(1, new Exchange(1, [port2, undefined], spills), spills)
    const workers = [quick, slow] as const
    const datasets = workers.map(({ peers }) => build(new BatchContext({ executor: { peers } })).dataset)
    const prepare = () => workers.map(({ run }, index) => (datasets[index] as Dataset<unknown>).prepare(run))
    const begin = (run: number) => {
      for (const { exchange, peers } of workers) {
        exchange.begins(run)
        peers.begun = 0
      }
    }
    try {
      begin(1)
      slow.peers.stopAt = quick.peers.watchAt = stopAt
      const [first, second] = prepare() as [Promise<void>, Promise<void>]
      const through = first.then(() => void (quick.peers.isThrough = true))
      through.catch(() => {})
      await expect(second).rejects.toThrow(CancelledError)
      while (!quick.peers.isThrough) await new Promise((resolve) => setImmediate(resolve))
      quick.exchange.fail(new CancelledError())
      await Promise.allSettled([through])

      for (const { exchange } of workers) exchange.ends(false)
      slow.peers.stopAt = undefined
      begin(2)
      await Promise.all(prepare())
      const parts: unknown[][] = []
      for (let partition = 0; partition < (datasets[0]?.partitions as number); partition++) {
        const owner = ownerIn(datasets[0] as Dataset<unknown>, partition, 2)
        const rows: unknown[] = []
        const reader = (datasets[owner] as Dataset<unknown>).open(partition, (row) => void rows.push(row))
        await workers[owner]?.run.drain(reader)
        parts.push(rows)
      }
      expect(parts).toEqual(await build(new BatchContext()).glom().collect())

      // That run counted: nothing is done again.
      for (const { exchange } of workers) exchange.ends(true)
      begin(3)
      await Promise.all(prepare())
      expect(workers.map(({ peers }) => peers.begun)).toEqual([0, 0])
    } finally {
      port1.close()
    }
  },
  5_000,
)

test('a job goes on without its poison record, though a worker was stopped in sums that are of no batch', async () => {
  const log = new ModelLog()
  for (const topic of ['lines', 'out']) log.createTopic(topic, 2)
  const found = new Int32Array(new SharedArrayBuffer(4))
  const context = new StreamingContext({
    appName: 'given-up',
    trigger: 'asap',
    broker: { logViews: log, output: log },
    parallelism: 2,
    executors: 2,
    onPoison: 'skip',
    warn: () => {},
    job: new URL('./given-up-jobs.ts', import.meta.url),
    jobParameters: { found } satisfies GivenUpParameters,
  })
  const done = new Promise<void>((resolve) =>
    context.addStreamingListener({ onBatchCompleted: () => resolve() }),
  )
  log.produce('lines', 0, ['bad', 'good'])
  await context.start()
  await Promise.race([done, context.awaitTermination()])
  await context.stop({ graceful: true })
  await context.awaitTermination()
  const rows = log.values('out').map(String).sort()
  expect(rows).toEqual(['good 1', ...Array.from({ length: 100 }, (_, key) => `n${key} 2`)].sort())
}, 20_000)
