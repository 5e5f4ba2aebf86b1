// What is known of topics elsewhere, and what comes of leaders that move, quotas and topics that go. The cluster is a
// stand-in that answers what it is told to.

import { expect, test } from 'vitest'
import { fetch } from '../../broker/protocol/apis/fetch.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { buildBatch } from '../../broker/protocol/record-batch/builder.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import type { Cluster } from '../../client/cluster.ts'
import { mayPass } from '../../client/errors.ts'
import { RemoteLogs } from '../../client/remote-logs.ts'

const ID = 'a'.repeat(32)
const records = buildBatch([{ timestampMs: 1, key: null, value: Buffer.from('a') }])

interface Asked {
  readonly name: string
  readonly partitions: readonly { readonly partitionIndex: number }[]
}

class StandIn {
  readonly options = { clock: new ManualClock(), requestTimeoutMs: 1, retryBackoffMs: 10 }
  leaderId = 1
  exists = true
  topicId = ID
  topicError = 0
  partitionCount = 1
  /** So many of the next answers leave the topic out. */
  leftOut = 0
  end = 1n
  listings = 0
  /** By broker, what its next Fetches answer; then the record. */
  readonly answers = new Map<number, (number | 'throttled')[]>()
  readonly fetches: number[] = []

  metadata() {
    const { topicId, leaderId, topicError: errorCode } = this
    const partitions = Array.from({ length: errorCode === 0 ? this.partitionCount : 0 }, (_, index) => ({
      partitionIndex: index,
      leaderId,
      errorCode: 0,
    }))
    const topic = { name: 'in', topicId, isInternal: false, errorCode, partitions }
    return Promise.resolve({ topics: this.exists && this.leftOut-- <= 0 ? [topic] : [] })
  }

  toNode(nodeId: number) {
    return Promise.resolve({
      versionOf: () => 17,
      request: (api: unknown, _version: number, { topics }: { topics: Asked[] }) =>
        Promise.resolve(api === fetch ? this.fetched(nodeId) : this.listed(topics)),
    })
  }

  async untilDone<T>(act: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await act()
      } catch (error) {
        if (!mayPass(error) || attempt === 5) throw error
        await this.options.clock.advance(this.options.retryBackoffMs)
      }
    }
  }

  private listed(topics: readonly Asked[]) {
    this.listings++
    return {
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({
          partitionIndex,
          errorCode: 0,
          offset: this.end,
        })),
      })),
    }
  }

  private fetched(nodeId: number) {
    this.fetches.push(nodeId)
    const answer = this.answers.get(nodeId)?.shift() ?? errorCodes.NONE
    if (answer === 'throttled') return { errorCode: 0, throttleTimeMs: 100, responses: [] }
    const partition = {
      partitionIndex: 0,
      errorCode: answer,
      lastStableOffset: 1n,
      abortedTransactions: null,
    }
    return {
      errorCode: 0,
      responses: [{ partitions: [{ ...partition, records: answer === 0 ? records : null }] }],
    }
  }
}

async function known(): Promise<{ cluster: StandIn; logs: RemoteLogs }> {
  const cluster = new StandIn()
  const logs = new RemoteLogs(cluster as unknown as Cluster, 100)
  await logs.refresh(() => true)
  return { cluster, logs }
}

const RANGE = { topic: 'in', partition: 0, from: 0n, until: 1n }

test('a leader that has moved is found, and the range is brought from the new one', async () => {
  const { cluster, logs } = await known()
  cluster.answers.set(1, [errorCodes.NOT_LEADER_OR_FOLLOWER])
  cluster.leaderId = 2
  await logs.bring(RANGE)
  expect(cluster.fetches).toEqual([1, 2])
  expect(logs.view('in', 0).cursor(0n).fill(Buffer.alloc(1000), 1n)).toBe(records.length)
  logs.close()
})

test('a quota answers with nothing: it is asked again', async () => {
  const { cluster, logs } = await known()
  cluster.answers.set(1, ['throttled', 'throttled'])
  await logs.bring(RANGE)
  expect(cluster.fetches).toEqual([1, 1, 1])
  logs.close()
})

test('a topic that goes while its range is brought is told, and so are rows that were deleted', async () => {
  const { cluster, logs } = await known()
  cluster.answers.set(1, [
    ...Array<number>(3).fill(errorCodes.UNKNOWN_TOPIC_ID),
    errorCodes.OFFSET_OUT_OF_RANGE,
  ])
  cluster.exists = false
  await expect(logs.bring(RANGE)).rejects.toThrow(/in-0 is not there any more/)
  expect(logs.partitionCount('in')).toBe(0)
  cluster.exists = true
  await logs.refresh(() => true)
  await expect(logs.bring(RANGE)).rejects.toThrow(/OFFSET_OUT_OF_RANGE/)
  expect(() => logs.view('in', 0).cursor(0n)).toThrow(/were not brought/)
  logs.close()
})

test.each<[string, (cluster: StandIn) => void, (cluster: StandIn) => void]>([
  [
    'is told with an error that passes',
    (cluster) => (cluster.topicError = errorCodes.LEADER_NOT_AVAILABLE),
    (cluster) => (cluster.topicError = 0),
  ],
  ['is left out', (cluster) => (cluster.leftOut = 2), () => {}],
  [
    'has fewer partitions',
    (cluster) => (cluster.partitionCount = 0),
    (cluster) => (cluster.partitionCount = 1),
  ],
])(
  'a topic that %s, by a broker that has just started, keeps the ranges that are here',
  async (_, start, end) => {
    const { cluster, logs } = await known()
    await logs.bring(RANGE)
    const view = logs.view('in', 0)
    start(cluster)
    for (let look = 0; look < 2; look++) {
      await logs.refresh(() => true)
      expect([logs.topics(), logs.partitionCount('in')]).toEqual([['in'], 1])
      await cluster.options.clock.advance(10)
    }
    end(cluster)
    await logs.refresh(() => true)
    expect(logs.view('in', 0)).toBe(view)
    expect(view.cursor(0n).fill(Buffer.alloc(1000), 1n)).toBe(records.length)
    logs.close()
  },
)

test('looks that come at once count as one, and only looks in a row count', async () => {
  const { cluster, logs } = await known()
  cluster.leftOut = 5
  await Promise.all(Array.from({ length: 5 }, () => logs.refresh(() => true)))
  expect(logs.partitionCount('in')).toBe(1)
  for (const leftOut of [0, 2, 0, 2]) {
    cluster.leftOut = leftOut
    for (let look = 0; look < Math.max(leftOut, 1); look++) {
      await cluster.options.clock.advance(10)
      await logs.refresh(() => true)
    }
    expect(logs.partitionCount('in')).toBe(1)
  }
  logs.close()
})

test('a topic of the same name and another id is another topic at once', async () => {
  const { cluster, logs } = await known()
  await logs.bring(RANGE)
  cluster.topicId = 'b'.repeat(32)
  await logs.refresh(() => true)
  expect(() => logs.view('in', 0).cursor(0n)).toThrow(/were not brought/)
  logs.close()
})

test('between batches it is asked for more only where somebody listens, and nothing is after close', async () => {
  const { cluster, logs } = await known()
  const { clock } = cluster.options
  const asked = async () => {
    const before = cluster.listings
    await clock.advance(100)
    return cluster.listings - before
  }
  expect(await asked()).toBe(0)
  let calls = 0
  const unsubscribe = logs.view('in', 0).onAdvance(() => calls++)
  expect([await asked(), calls]).toEqual([1, 0])
  cluster.end = 5n
  expect([await asked(), calls]).toEqual([1, 1])
  expect(logs.view('in', 0).stableEndOffset).toBe(5n)
  unsubscribe()
  expect(await asked()).toBe(0)
  logs.close()
  await clock.advance(1000)
  expect(clock.timersSet).toBe(0)
})
