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

class StandIn {
  readonly options = { clock: new ManualClock(), requestTimeoutMs: 1 }
  leaderId = 1
  exists = true
  end = 1n
  listings = 0
  /** By broker, what its next Fetches answer; then the record. */
  readonly answers = new Map<number, (number | 'throttled')[]>()
  readonly fetches: number[] = []

  metadata() {
    const partitions = [{ partitionIndex: 0, leaderId: this.leaderId, errorCode: 0 }]
    const topic = { name: 'in', topicId: ID, isInternal: false, errorCode: 0, partitions }
    return Promise.resolve({ topics: this.exists ? [topic] : [] })
  }

  toNode(nodeId: number) {
    return Promise.resolve({
      versionOf: () => 17,
      request: (api: unknown, _version: number, { topics }: { topics: { name: string }[] }) =>
        Promise.resolve(api === fetch ? this.fetched(nodeId) : this.listed(topics)),
    })
  }

  async untilDone<T>(act: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await act()
      } catch (error) {
        if (!mayPass(error) || attempt === 5) throw error
      }
    }
  }

  private listed(topics: readonly { name: string }[]) {
    this.listings++
    const partitions = [{ partitionIndex: 0, errorCode: 0, offset: this.end }]
    return { topics: topics.map(({ name }) => ({ name, partitions })) }
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
  cluster.answers.set(1, [errorCodes.UNKNOWN_TOPIC_ID, errorCodes.OFFSET_OUT_OF_RANGE])
  cluster.exists = false
  await expect(logs.bring(RANGE)).rejects.toThrow(/in-0 is not there any more/)
  expect(logs.partitionCount('in')).toBe(0)
  cluster.exists = true
  await logs.refresh(() => true)
  await expect(logs.bring(RANGE)).rejects.toThrow(/OFFSET_OUT_OF_RANGE/)
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
