// The rule of fetch sessions: replies laid one over the other say what full replies would. A client and a broker
// play at random, beside a model that keeps everything in lists; a failure names its seed.

import { describe, expect, test } from 'vitest'
import { type FetchContext, fetchContext, nextEpoch } from '../../../broker/handlers/fetch/fetch-context.ts'
import { SessionCache } from '../../../broker/handlers/fetch/session-cache.ts'
import type {
  AnsweredPartition,
  PartitionAnswer,
  WantedPartition,
} from '../../../broker/handlers/fetch/session.ts'
import type { Request } from '../../../broker/handlers/context.ts'
import { errorCodes } from '../../../broker/protocol/errors.ts'
import { Random } from '../../world/random.ts'

type FetchRequest = Request<'Fetch'>
const ZERO = '0'.repeat(32)
const idOf = (topic: string): string => Buffer.from(topic.padEnd(16, '.')).toString('hex')
const NOTHING = Buffer.alloc(0)

interface State {
  topic: string
  partition: number
  highWatermark: bigint
  logStartOffset: bigint
  errorCode: number
}

/** A broker's partitions, changing at random. */
class Partitions {
  readonly states: State[] = []
  readonly unnamed = new Set<string>()

  constructor(topics: readonly string[], count: number) {
    for (const topic of topics) {
      for (let partition = 0; partition < count; partition++) {
        this.states.push({ topic, partition, highWatermark: 5n, logStartOffset: 0n, errorCode: 0 })
      }
    }
  }

  change(random: Random): void {
    for (let i = random.below(3); i > 0; i--) {
      const state = this.states[random.below(this.states.length)] as State
      const what = random.below(4)
      if (what === 0) state.highWatermark += BigInt(1 + random.below(3))
      if (what === 1 && state.logStartOffset < state.highWatermark) state.logStartOffset++
      if (what === 2) state.errorCode = 0
      if (what === 3)
        state.errorCode =
          [errorCodes.KAFKA_STORAGE_ERROR, errorCodes.FENCED_LEADER_EPOCH][random.below(2)] ?? 0
    }
  }

  /** What a full fetch says of a partition now. */
  answer({ topic, topicId, partition, fetchOffset }: WantedPartition, hasRoom: boolean): PartitionAnswer {
    const state = this.states.find(
      (each) =>
        (topic === undefined ? idOf(each.topic) === topicId : each.topic === topic) &&
        each.partition === partition,
    )
    const isUnknown = topic === undefined || state === undefined
    const errorCode = isUnknown ? errorCodes.UNKNOWN_TOPIC_ID : state.errorCode
    if (errorCode !== 0 || state === undefined) {
      return {
        partitionIndex: partition,
        errorCode: errorCode as never,
        highWatermark: -1n,
        logStartOffset: -1n,
        records: NOTHING,
      }
    }
    const { highWatermark, logStartOffset } = state
    const records = hasRoom && fetchOffset < highWatermark ? Buffer.alloc(1) : NOTHING
    return { partitionIndex: partition, errorCode: 0, highWatermark, logStartOffset, records }
  }

  /** In order, and records of the first few only, as with a small limit. */
  read(wanted: readonly WantedPartition[], limit: number): AnsweredPartition[] {
    let given = 0
    return wanted.map((each) => {
      const answer = this.answer(each, given < limit)
      given += answer.records?.length ?? 0
      return { wanted: each, answer }
    })
  }
}

interface Known {
  fetchOffset: bigint
  told: { highWatermark: bigint; logStartOffset: bigint; errorCode: number } | undefined
}

describe.each([12, 18])('version %i', (apiVersion) => {
  test('laid one over the other, replies say what a full one would', () => {
    for (let seed = 1; seed <= 100; seed++) {
      try {
        play(new Random(seed), apiVersion)
      } catch (error) {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error })
      }
    }
  })
})

function play(random: Random, apiVersion: number): void {
  const usesIds = apiVersion >= 13
  const partitions = new Partitions(['a', 'b', 'c'], 4)
  partitions.unnamed.add('c')
  const cache = new SessionCache({ slots: 3, random: (bound) => random.below(bound) })
  let nowMs = 0
  /** What the client wants, in the order in which the broker reads: the model of the session. */
  const model = new Map<string, Known>()
  let sessionId = 0
  let epoch = 0
  const named = (keys: Iterable<string>) =>
    [...keys].map((key) => {
      const [topic = '', partition = '0'] = key.split('/')
      return { topic, partition: Number(partition), fetchOffset: model.get(key)?.fetchOffset ?? 0n }
    })
  const ask = (
    keys: Iterable<string>,
    forgotten: Iterable<string>,
    place: { sessionId: number; sessionEpoch: number },
  ) => {
    const request = {
      ...place,
      topics: named(keys).map(({ topic, partition, fetchOffset }) => ({
        topic: usesIds ? '' : topic,
        topicId: usesIds ? idOf(topic) : ZERO,
        partitions: [
          { partition, fetchOffset, partitionMaxBytes: 1, currentLeaderEpoch: -1, lastFetchedEpoch: -1 },
        ],
      })),
      forgottenTopicsData: named(forgotten).map(({ topic, partition }) => ({
        topic: usesIds ? '' : topic,
        topicId: usesIds ? idOf(topic) : ZERO,
        partitions: [partition],
      })),
    } as unknown as FetchRequest
    const topicName = (id: string): string | undefined =>
      ['a', 'b', 'c'].find((topic) => idOf(topic) === id && !partitions.unnamed.has(topic))
    return fetchContext(cache, request, { apiVersion, isFromFollower: false, topicName, nowMs })
  }
  const keyOf = ({ topic, topicId, partition }: WantedPartition): string =>
    `${topic ?? Buffer.from(topicId, 'hex').toString().replaceAll('.', '')}/${partition}`

  for (let step = 0; step < 60; step++) {
    nowMs += random.below(90_000)
    partitions.change(random)
    if (random.below(20) === 0) partitions.unnamed.clear()
    // Others come and go, and push the client's session out at times.
    if (random.below(6) === 0) {
      const other = ask([`a/${random.below(4)}`], [], { sessionId: 0, sessionEpoch: 0 })
      other.answer(partitions.read(other.wanted, 9), nowMs)
    }
    // What the client wants changes: more, less, from elsewhere.
    const changed = new Set<string>()
    const forgotten = new Set<string>()
    for (let i = random.below(4); i > 0; i--) {
      const key = `${'abc'[random.below(3)]}/${random.below(4)}`
      const isWanted = model.has(key)
      if (isWanted && random.below(3) === 0) {
        if (changed.has(key)) continue
        model.delete(key)
        forgotten.add(key)
      } else if (!forgotten.has(key)) {
        const told = model.get(key)?.told
        model.set(key, { fetchOffset: BigInt(random.below(12)), told })
        changed.add(key)
      }
    }
    const isFull = epoch === 0
    const context: FetchContext = isFull
      ? ask(model.keys(), [], { sessionId, sessionEpoch: 0 })
      : ask(changed, forgotten, { sessionId, sessionEpoch: epoch })
    if (context.errorCode !== errorCodes.NONE) {
      // Pushed out: the client begins again with all that it wants.
      expect(context.errorCode).toBe(errorCodes.FETCH_SESSION_ID_NOT_FOUND)
      epoch = 0
      sessionId = 0
      for (const known of model.values()) known.told = undefined
      continue
    }
    if (context.wanted.length > 0 || isFull || model.size > 0) {
      expect(context.wanted.map(keyOf)).toEqual([...model.keys()])
    }
    const limit = 1 + random.below(3)
    const answered = partitions.read(context.wanted, limit)
    const news = context.news(answered)
    const wouldBe = news.length
    // What a read may leave out is what nobody would be told.
    for (const each of answered) {
      const { errorCode, records, highWatermark, logStartOffset = -1n } = each.answer
      if (errorCode !== 0 || (records?.length ?? 0) > 0) continue
      const isKnown = context.isKnown(each.wanted, highWatermark, logStartOffset)
      if (isKnown === news.includes(each)) throw new Error(`${keyOf(each.wanted)} is known and told`)
    }
    const isThrottled = random.below(10) === 0
    const reply = isThrottled ? context.emptyReply() : context.answer(answered, nowMs)
    if (!isThrottled) expect(reply.answered).toHaveLength(wouldBe)
    for (const { wanted, answer } of reply.answered) {
      const known = model.get(keyOf(wanted))
      if (known === undefined) throw new Error(`${keyOf(wanted)} was not asked for`)
      const { highWatermark, errorCode, logStartOffset = -1n } = answer
      const hasRecords = (answer.records?.length ?? 0) > 0
      const told = { highWatermark, logStartOffset, errorCode }
      const isSame = isTold(known, told)
      // Never what is known already, but for errors and records.
      if (!isFull && !hasRecords && errorCode === 0 && isSame) throw new Error(`${keyOf(wanted)} is no news`)
      known.told = told
      if (hasRecords && !isFull) {
        model.delete(keyOf(wanted))
        model.set(keyOf(wanted), known)
      }
    }
    if (!isThrottled) {
      for (const { wanted, answer } of answered) {
        const { highWatermark, errorCode, logStartOffset = -1n } = answer
        const known = model.get(keyOf(wanted))
        if (known === undefined || !isTold(known, { highWatermark, logStartOffset, errorCode })) {
          throw new Error(`${keyOf(wanted)} is not as the client was told`)
        }
      }
    }
    if (reply.sessionId === 0) {
      epoch = 0
      sessionId = 0
    } else {
      sessionId = reply.sessionId
      epoch = nextEpoch(epoch)
    }
    // A request that is sent twice: the second has an epoch that was, and changes nothing.
    if (epoch > 1 && random.below(8) === 0) {
      const again = ask([`a/0`], [], { sessionId, sessionEpoch: epoch - 1 })
      const isThere = cache.get(sessionId) !== undefined
      expect(again.errorCode).toBe(
        isThere ? errorCodes.INVALID_FETCH_SESSION_EPOCH : errorCodes.FETCH_SESSION_ID_NOT_FOUND,
      )
    }
  }
}

function isTold({ told }: Known, now: NonNullable<Known['told']>): boolean {
  return (
    told !== undefined &&
    told.highWatermark === now.highWatermark &&
    told.logStartOffset === now.logStartOffset &&
    told.errorCode === now.errorCode
  )
}

test.each([
  [0, 1],
  [1, 2],
  [0x7ffffffe, 0x7fffffff],
  [0x7fffffff, 1],
  [-1, -1],
])('after epoch %i comes %i', (epoch, next) => {
  expect(nextEpoch(epoch)).toBe(next)
})
