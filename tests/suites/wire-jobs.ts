// Jobs on a Kafka that is elsewhere: the same stories for logmill behind a socket and for Apache Kafka.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createTopics } from '../../broker/protocol/apis/create-topics.ts'
import { deleteTopics } from '../../broker/protocol/apis/delete-topics.ts'
import { buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import type { Codec } from '../../broker/protocol/record-batch/header.ts'
import { connectKafka, type KafkaOptions, type RemoteKafka } from '../../client/connect-kafka.ts'
import { FencedError, type OutputPort, type OutputSession } from '../../processor/ports.ts'
import { Receiver } from '../../processor/source/receiver.ts'
import { topicSource } from '../../processor/source/remote-topic-source.ts'
import { textValues } from '../../processor/source/row-kind.ts'
import type { TopicSourceOptions } from '../../processor/source/topic-source.ts'
import { StreamingContext } from '../../processor/streaming-context.ts'
import type { ProcessorHost } from '../../processor/streaming-context-options.ts'
import { until } from '../world/jobs.ts'
import { WireClient } from '../world/wire-client.ts'

export interface Kafka extends AsyncDisposable {
  readonly bootstrapServers: string
  /** Where jobs connect instead, and how. */
  readonly secured?: Partial<KafkaOptions>
}

export function wireJobs(name: string, start: () => Promise<Kafka>): void {
  describe(name, () => {
    let broker: Kafka
    let kafka: RemoteKafka
    let admin: WireClient
    let directory: string
    let run = 0

    beforeAll(async () => {
      broker = await start()
      admin = await WireClient.connect(broker.bootstrapServers)
    }, 180_000)
    afterAll(async () => {
      await admin.close()
      await broker[Symbol.asyncDispose]()
    })
    beforeEach(() => {
      run++
      kafka = connectKafka({
        bootstrapServers: broker.bootstrapServers,
        pollMs: 5,
        retryBackoffMs: 5,
        deadlineMs: 20_000,
        ...broker.secured,
      })
      directory = mkdtempSync(join(tmpdir(), 'logmill-wire-'))
    })
    afterEach(async () => {
      await kafka.close()
      rmSync(directory, { recursive: true, force: true })
    })

    /** Of this test alone. */
    const own = (topic: string) => `${topic}-${run}`

    async function create(topic: string, numPartitions: number): Promise<void> {
      const topics = [{ name: topic, numPartitions, replicationFactor: 1, assignments: [], configs: [] }]
      const answer = await admin.request(createTopics, 7, { topics, timeoutMs: 10_000 })
      expect(answer.topics[0]?.errorCode).toBe(0)
      await until(undefined, async () => (await kafka.output.ensureTopic(topic)) === numPartitions)
    }

    async function produce(
      topic: string,
      partition: number,
      values: readonly string[],
      {
        end = 'commit',
        codec = 'none',
        timestampMs = 1,
      }: { end?: 'commit' | 'abort'; codec?: Codec; timestampMs?: number } = {},
    ): Promise<void> {
      const session = await kafka.output.open(own('producer'), 10_000)
      session.begin()
      const records = values.map((value) => ({ timestampMs, key: null, value: Buffer.from(value) }))
      await session.append(topic, partition, buildBatch(records, { codec }))
      await session[end]()
      await session.close()
    }

    /** What a reader of committed records sees. */
    async function committed(
      topic: string,
      options: Partial<TopicSourceOptions<string>> = {},
    ): Promise<string[]> {
      const views = kafka.logViews
      const source = topicSource({
        views,
        topics: topic,
        rows: textValues,
        startingOffsets: 'earliest',
        ...options,
      })
      await source.start([])
      const { ranges } = await source.plan({ timeMs: 0, intervalMs: undefined, maxRows: undefined })
      await source.prepare?.(ranges)
      const rows: string[] = []
      for (const range of ranges) {
        const reader = source.rows(range, (row) => rows.push(row))
        while (reader.read(3));
        reader.close()
      }
      await source.stop()
      return rows
    }

    function counting(host: ProcessorHost, from?: ProcessorHost): StreamingContext {
      const context = new StreamingContext({
        appName: own('count'),
        trigger: 'asap',
        broker: host,
        checkpoint: join(directory, 'checkpoint'),
        warn: () => {},
      })
      context
        .createDirectStream(own('lines'), textValues, {
          startingOffsets: 'earliest',
          ...(from && { broker: from }),
        })
        .mapToPair((line) => [line, 1])
        .updateStateByKey<number>((values, total) => values.length + (total ?? 0), { name: 'total' })
        .changes()
        .toTopic(own('counts'), ([word, total]) => ({ key: word, value: `${word} ${total}` }))
      return context
    }

    test('committed rows are read, in every codec, and aborted ones are not; markers leave no holes', async () => {
      const topic = own('rows')
      await create(topic, 2)
      await produce(topic, 0, ['a', 'b'])
      await produce(topic, 0, ['no'], { end: 'abort' })
      for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const)
        await produce(topic, 1, [codec], { codec })
      await produce(topic, 0, ['c'])
      const open = await kafka.output.open(own('open'), 10_000)
      open.begin()
      await open.append(topic, 0, buildBatch([{ timestampMs: 1, key: null, value: Buffer.from('open') }]))
      expect(await committed(topic)).toEqual(['a', 'b', 'c', 'gzip', 'snappy', 'lz4', 'zstd'])
      await open.abort()
      expect(await committed(topic)).toEqual(['a', 'b', 'c', 'gzip', 'snappy', 'lz4', 'zstd'])
    })

    test('more than memory keeps is brought over a file, and a batch that is larger than a block comes whole', async () => {
      const topic = own('large')
      await create(topic, 1)
      const values = Array.from({ length: 14 }, (_, index) => String(index % 10).repeat(700_000))
      for (const value of values) await produce(topic, 0, [value])
      expect((await committed(topic)).map((value) => `${value[0]} ${value.length}`)).toEqual(
        values.map((value) => `${value[0]} 700000`),
      )
    })

    test('starts at a time, and by pattern', async () => {
      const topic = own('timed')
      await create(topic, 1)
      // Later than the markers, which have a time, too.
      const soonMs = Date.now() + 600_000
      await produce(topic, 0, ['old'], { timestampMs: soonMs })
      await produce(topic, 0, ['new'], { timestampMs: soonMs + 2 })
      expect(await committed(topic, { startingTimestamp: soonMs + 1 })).toEqual(['new'])
      await expect(committed(topic, { startingTimestamp: soonMs + 3 })).rejects.toThrow(
        /no record at or after/,
      )
      expect(await committed('', { topics: { subscribePattern: `t.med-${run}` } })).toEqual(['old', 'new'])
    })

    test('a job dies at each step of its commits, is started again, and every line counts once', async () => {
      await create(own('lines'), 2)
      await create(own('counts'), 2)
      const expected: string[] = []
      const words = new Map<string, number>()
      const steps = ['open', 'begin', 'append', 'commitOffsets', 'commit'].flatMap((step) =>
        (['before', 'after'] as const).map((when) => ({ step, when })),
      )
      for (const [index, { step, when }] of steps.entries()) {
        const word = `w${index % 3}`
        await produce(own('lines'), index % 2, [word])
        words.set(word, (words.get(word) ?? 0) + 1)
        expected.push(`${word} ${words.get(word)}`)
        const dying = counting({ logViews: kafka.logViews, output: dyingAt(kafka.output, step, when) })
        await expect(dying.start().then(() => dying.awaitTermination())).rejects.toThrow(/killed/)
        const next = counting(kafka)
        await next.start()
        await until(next, async () => (await committed(own('counts'))).length >= expected.length)
        await next.stop()
        expect((await committed(own('counts'))).sort(), `killed ${when} ${step}`).toEqual(expected.toSorted())
      }
      const session = await kafka.output.open(own('somebody'), 10_000)
      const offsets = await session.committedOffsets(`logmill-job-${own('count')}`)
      expect(offsets.map(({ topic, partition }) => `${topic}-${partition}`).sort()).toEqual([
        `${own('lines')}-0`,
        `${own('lines')}-1`,
      ])
      for (const { metadata } of offsets) expect(metadata).toMatch(/^logmill 1 batch \d+ /)
    }, 120_000)

    test('a second instance takes over: the first one ends fenced, and nothing counts twice', async () => {
      await create(own('lines'), 1)
      await create(own('counts'), 1)
      const first = counting(kafka)
      await first.start()
      await produce(own('lines'), 0, ['a'])
      await until(first, async () => (await committed(own('counts'))).length === 1)
      const taken = await kafka.output.open(`logmill-job-${own('count')}`, 10_000)
      await produce(own('lines'), 0, ['a'])
      const ended = first.awaitTermination()
      await expect(ended).rejects.toThrow(/taken by another instance/)
      await expect(ended.catch((error: Error) => error.cause)).resolves.toBeInstanceOf(FencedError)
      await taken.close()
      const second = counting(kafka)
      await second.start()
      await until(second, async () => (await committed(own('counts'))).length === 2)
      await second.stop()
      expect(await committed(own('counts'))).toEqual(['a 1', 'a 2'])
    }, 60_000)

    test('a poison record is read again where it lies, and put aside there, in the transaction of its batch', async () => {
      for (const topic of ['lines', 'copies', 'dead']) await create(own(topic), 1)
      // Enough that appends are under way when the poison is met.
      const lines = Array.from({ length: 40 }, (_, i) => `${i} ${'x'.repeat(50_000)}`)
      for (let i = 0; i < lines.length; i += 10) await produce(own('lines'), 0, lines.slice(i, i + 10))
      await produce(own('lines'), 0, ['bad 1', 'last', 'bad 2'])
      const context = new StreamingContext({
        appName: own('poisoned'),
        trigger: 'asap',
        broker: kafka,
        onPoison: { deadLetterTopic: own('dead') },
        warn: () => {},
      })
      context
        .createDirectStream(own('lines'), textValues, { startingOffsets: 'earliest' })
        .map((line) => {
          if (line.startsWith('bad')) throw new Error('no sense')
          return line
        })
        .toTopic(own('copies'), (value) => ({ value }))
      await context.start()
      await until(context, async () => (await committed(own('copies'))).length > lines.length)
      await context.stop()
      expect(await committed(own('copies'))).toEqual([...lines, 'last'])
      expect(await committed(own('dead'))).toEqual(['bad 1', 'bad 2'])
    }, 60_000)

    test('what a receiver stores is in a topic there first, and files are decided there: each row once over restarts', async () => {
      await create(own('out'), 1)
      mkdirSync(join(directory, 'in'))
      const expected: string[] = []
      for (const part of ['a', 'b']) {
        const receiver = new Handmade()
        const context = new StreamingContext({
          appName: own('received'),
          trigger: 'asap',
          broker: kafka,
          checkpoint: join(directory, 'checkpoint'),
          warn: () => {},
        })
        const received = context.receiverStream(receiver, { name: 'rows', blockInterval: 5 })
        const files = context.textFileStream(join(directory, 'in'))
        context.union([received, files]).toTopic(own('out'), (value) => ({ value }))
        await context.start()
        await receiver.store(`${part} acknowledged`)
        writeFileSync(join(directory, 'in', part), `${part} file\n`)
        expected.push(`${part} acknowledged`, `${part} file`)
        await until(context, async () => (await committed(own('out'))).length === expected.length)
        void receiver.store(`${part} at the end`)
        expected.push(`${part} at the end`)
        await context.stop({ graceful: true })
        await context.awaitTermination()
        // Decided it is; the markers that show it come behind the decision.
        await until(undefined, async () => (await committed(own('out'))).length === expected.length)
        expect((await committed(own('out'))).sort()).toEqual(expected.toSorted())
      }
    }, 60_000)

    test('partitions that come are found, and a topic that goes ends the job by name', async () => {
      const topics = own('coming')
      const rows: string[] = []
      const context = new StreamingContext({
        appName: own('coming'),
        trigger: 'asap',
        broker: kafka,
        warn: () => {},
      })
      context
        .createDirectStream({ subscribePattern: `${topics}.*` }, textValues, { discoveryIntervalMs: 20 })
        .foreachRDD(async (rdd) => void rows.push(...(await rdd.collect())))
      let completed = 0
      context.addStreamingListener({ onBatchCompleted: () => void completed++ })
      await context.start()
      await create(`${topics}-late`, 1)
      await produce(`${topics}-late`, 0, ['first'])
      await until(context, () => completed === 1)
      await admin.request(deleteTopics, 6, {
        topics: [{ name: `${topics}-late`, topicId: ZERO }],
        timeoutMs: 10_000,
      })
      await create(`${topics}-other`, 1)
      await produce(`${topics}-other`, 0, ['second'])
      await expect(context.awaitTermination()).rejects.toThrow(/does not exist any more/)
      expect(rows).toEqual(['first'])
    }, 60_000)
  })
}

class Handmade extends Receiver<string> {
  onStart(): void {}
  onStop(): void {}
}

const ZERO = '0'.repeat(32)

/** As if the process were killed there: nothing is aborted or closed. */
function dyingAt(port: OutputPort, step: string, when: 'before' | 'after'): OutputPort {
  const killed = () => Promise.reject(new Error('killed'))
  let dead = false
  const around = async <T>(name: string, act: () => Promise<T>): Promise<T> => {
    if (dead) return killed()
    dead = step === name && when === 'before'
    if (dead) return killed()
    const done = await act()
    dead ||= step === name && when === 'after'
    return dead ? killed() : done
  }
  return {
    ensureTopic: (topic) => port.ensureTopic(topic),
    open: (...args) =>
      around('open', async () => {
        const session = await port.open(...args)
        const silent = () => Promise.resolve()
        const dying: OutputSession = {
          producerId: session.producerId,
          producerEpoch: session.producerEpoch,
          committedOffsets: (groupId) => session.committedOffsets(groupId),
          begin() {
            if (step === 'begin' && when === 'before') dead = true
            if (dead) throw new Error('killed')
            session.begin()
            if (step === 'begin') dead = true
          },
          append: (...batch) => around('append', () => session.append(...batch)),
          commitOffsets: (...offsets) => around('commitOffsets', () => session.commitOffsets(...offsets)),
          commit: () => around('commit', () => session.commit()),
          abort: silent,
          close: silent,
        }
        return dying
      }),
  }
}
