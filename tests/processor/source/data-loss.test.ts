// Rows whose time in the log was over before the job could read them: what a job that may lose them tells, and reads.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { deleteRecords } from '../../../broker/protocol/apis/delete-records.ts'
import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { type Broker, startBroker } from '../../../broker/server/start-broker.ts'
import { connectKafka, type RemoteKafka } from '../../../client/connect-kafka.ts'
import { Checkpoint } from '../../../processor/checkpoint/checkpoint.ts'
import type { DataLossInfo } from '../../../processor/scheduler/listener.ts'
import { topicSource } from '../../../processor/source/remote-topic-source.ts'
import { textValues } from '../../../processor/source/row-kind.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import { SimulatedStore } from '../../simulation/exactly-once/store.ts'
import { produceLines } from '../../world/jobs.ts'
import { WireClient } from '../../world/wire-client.ts'
import { ModelLog } from '../model-log.ts'

interface LossyWorld {
  readonly clock: ManualClock
  readonly log: ModelLog
  readonly store: SimulatedStore
}

/** A life of the job: what it has kept is in the store, over all of its lives. */
function lossyContext({ clock, log, store }: LossyWorld, warn: (message: string) => void): StreamingContext {
  return new StreamingContext({
    appName: 'lossy',
    batchDuration: 1000,
    clock,
    broker: { logViews: log, output: log },
    commit: new Checkpoint({
      directory: 'memory',
      store: store.handle(() => Promise.resolve()),
      output: log,
      warn: () => {},
    }),
    warn,
  })
}

test('a job that was down for longer than its rows were kept goes on, and says what it lost', async () => {
  const clock = new ManualClock(0)
  const log = new ModelLog()
  log.createTopic('in', 1)
  const store = new SimulatedStore()
  const lost: DataLossInfo[] = []
  const warnings: string[] = []
  /** Runs until one more batch is done; gives the rows of its window of two batches. */
  async function run(values: readonly string[], failOnDataLoss: boolean): Promise<string[]> {
    const context = lossyContext({ clock, log, store }, (message) => void warnings.push(message))
    context.addStreamingListener({ onDataLoss: (info) => void lost.push(info) })
    const stream = context.createDirectStream('in', textValues, {
      name: 'rows',
      startingOffsets: 'earliest',
      failOnDataLoss,
    })
    const window = new Promise<string[]>((resolve, reject) => {
      stream.window(2000, 1000).foreachRDD(async (rdd) => resolve(await rdd.collect()))
      context.awaitTermination().catch(reject)
    })
    // Where the job does not even start, that is what is thrown.
    window.catch(() => undefined)
    await context.start()
    log.produce('in', 0, values)
    clock.tick(1000)
    try {
      return await window
    } finally {
      await context.stop()
    }
  }
  expect(await run(['a', 'b'], true)).toEqual(['a', 'b'])
  log.produce('in', 0, ['c', 'd'])
  log.at('in', 0).deleteBefore(3n)
  await expect(run([], true)).rejects.toThrow(/in-0: rows 0 to 2 are in the plan, the log has 3 to 4/)
  // The window reaches back to a batch whose rows are gone, and the next batch has lost one of its own.
  expect(await run(['e'], false)).toEqual(['d', 'e'])
  expect(lost).toEqual([
    { input: 'rows', topic: 'in', partition: 0, from: 0n, until: 2n },
    { input: 'rows', topic: 'in', partition: 0, from: 2n, until: 3n },
  ])
  expect(warnings).toContain(
    'rows: rows 2 to 3 of in-0 were deleted before they were read; the job goes on without them',
  )
})

test('what was lost of a batch is not left in the sum of a window with an inverse', async () => {
  const clock = new ManualClock(0)
  const log = new ModelLog()
  log.createTopic('in', 1)
  const store = new SimulatedStore()
  /** One more batch; gives what its window of three has. */
  async function run(value: string): Promise<string[]> {
    const context = lossyContext({ clock, log, store }, () => {})
    let counts: string[] = []
    context
      .createDirectStream('in', textValues, {
        name: 'rows',
        startingOffsets: 'earliest',
        failOnDataLoss: false,
      })
      .flatMap((text) => text.split(' '))
      .countByValueAndWindow('3s', '1s', { name: 'counts' })
      .foreachRDD(async (rdd) => void (counts = (await rdd.collect()).map(String).sort()))
    const done = new Promise<void>((resolve) =>
      context.addStreamingListener({ onBatchCompleted: () => resolve() }),
    )
    await context.start()
    for (const word of value.split(' ')) log.produce('in', 0, [word])
    clock.tick(1000)
    await Promise.race([done, context.awaitTermination()])
    await context.stop()
    return counts
  }
  expect(await run('a b')).toEqual(['a,1', 'b,1'])
  log.at('in', 0).deleteBefore(1n)
  expect(await run('c')).toEqual(['b,1', 'c,1'])
  expect(await run('d')).toEqual(['b,1', 'c,1', 'd,1'])
  expect(await run('e')).toEqual(['c,1', 'd,1', 'e,1'])
})

describe('of a Kafka that is elsewhere', () => {
  let broker: Broker
  let kafka: RemoteKafka
  beforeEach(async () => {
    broker = await startBroker({ port: 0, topics: { in: { partitions: 1 } } })
    kafka = connectKafka({ bootstrapServers: broker.bootstrapServers, retryBackoffMs: 2, deadlineMs: 5_000 })
    for (const value of ['a', 'b', 'c']) await produceLines(kafka.output, 'in', { 0: [value] })
  })
  afterEach(async () => {
    await kafka.close()
    await broker.stop()
  })

  test('rows that go between the plan and its batch are told, and what is left is read', async () => {
    const rows = async (failOnDataLoss: boolean) => {
      const options = { views: kafka.logViews, topics: 'in', rows: textValues, failOnDataLoss } as const
      const source = topicSource({ ...options, startingOffsets: 'earliest' })
      const lost: string[] = []
      source.onDataLoss?.(({ from, until }) => lost.push(`${from}..${until}`))
      await source.start([])
      const { ranges } = await source.plan({ timeMs: 0, intervalMs: undefined, maxRows: undefined })
      // A record and its marker.
      await using client = await WireClient.connect(broker.bootstrapServers)
      const offset = (ranges[0]?.from ?? 0n) + 2n
      const topics = [{ name: 'in', partitions: [{ partitionIndex: 0, offset }] }]
      await client.request(deleteRecords, 2, { topics, timeoutMs: 5_000 })
      const found: string[] = []
      try {
        await source.prepare?.(ranges)
        for (const range of ranges) {
          const reader = source.rows(range, (row) => found.push(row))
          while (reader.read(3));
          reader.close()
        }
        source.release(ranges)
        return { found, lost }
      } finally {
        await source.stop()
      }
    }
    expect(await rows(false)).toEqual({ found: ['b', 'c'], lost: ['0..2'] })
    await expect(rows(true)).rejects.toThrow(/in-0: rows 2 to 4 are in the plan, the log has 4 to 6/)
  })
})
