// The order of the runtime told as stories, over the smallest machine there is: a counter.

import { describe, expect, test } from 'vitest'
import type {
  Decision,
  FactCodec,
  Machine,
  ProducerStamp,
  RequestId,
} from '../../broker/coordinator/machine.ts'
import { ShardRuntime } from '../../broker/coordinator/runtime.ts'
import { CoordinatorError } from '../../broker/coordinator/shard-log.ts'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { ManualClock } from '../../broker/time/manual-clock.ts'
import { MemoryShardLog } from '../world/memory-shard-log.ts'

type Command =
  | { add: number; producer?: ProducerStamp }
  | { read: true }
  | { wait: true }
  | { wake: true }
  | { remind: number | null }
  | { breakApply: true }
  | { reminded: true }
interface Fact {
  added: number
}
type Note = { waits: RequestId } | { woke: true } | { broken: true }

class Counter implements Machine<Command, Fact, Note, number> {
  total = 0
  pending = new Map<bigint, number>()
  waiting: RequestId[] = []
  reminders = 0

  decide(command: Command, requestId: RequestId): Decision<Fact, Note, number> {
    const decision: Decision<Fact, Note, number> = { facts: [], notes: [], replies: [], timers: [] }
    if ('add' in command) {
      decision.facts.push({ added: command.add })
      if (command.producer !== undefined) decision.producer = command.producer
      decision.replies.push({ to: requestId, body: this.total + command.add })
    } else if ('read' in command) decision.replies.push({ to: requestId, body: this.total })
    else if ('wait' in command) decision.notes.push({ waits: requestId })
    else if ('wake' in command) {
      decision.notes.push({ woke: true })
      for (const to of [...this.waiting, requestId]) decision.replies.push({ to, body: this.total })
    } else if ('remind' in command) {
      decision.timers.push({ key: 'reminder', afterMs: command.remind })
      decision.replies.push({ to: requestId, body: 0 })
    } else if ('reminded' in command) decision.facts.push({ added: 1000 })
    else decision.notes.push({ broken: true })
    return decision
  }

  apply(change: Fact | Note, producer?: ProducerStamp): void {
    if ('broken' in change) throw new Error('a bug')
    if ('waits' in change) this.waiting.push(change.waits)
    else if ('woke' in change) this.waiting = []
    else if (producer === undefined) this.total += change.added
    else this.pending.set(producer.producerId, (this.pending.get(producer.producerId) ?? 0) + change.added)
  }

  completeTransaction(producer: ProducerStamp, committed: boolean): void {
    if (committed) this.total += this.pending.get(producer.producerId) ?? 0
    this.pending.delete(producer.producerId)
  }

  expired(): Command {
    this.reminders++
    return { reminded: true }
  }

  timersAfterReplay(): { key: string; afterMs: number | null }[] {
    return this.total >= 1 && this.total < 10 ? [{ key: 'reminder', afterMs: 50 }] : []
  }
}

const codec: FactCodec<Fact> = {
  encode: (fact) => ({ key: Buffer.from('add'), value: Buffer.from(String(fact.added)) }),
  decode: (key, value) => {
    if (Buffer.from(key).toString() !== 'add' || value === null) throw new Error('unknown record')
    return { added: Number(Buffer.from(value).toString()) }
  },
}

async function start(options: { log?: MemoryShardLog; load?: boolean } = {}) {
  const log = options.log ?? new MemoryShardLog({ autoSync: false })
  const clock = new ManualClock()
  const machine = new Counter()
  const committed: number[] = []
  const failures: Error[] = []
  const shard = new ShardRuntime({
    machine,
    codec,
    log,
    clock,
    onCommitted: (facts) => committed.push(...facts.map((fact) => fact.added)),
    onFailed: (error) => failures.push(error),
  })
  if (options.load !== false) await shard.load()
  return { log, clock, machine, shard, committed, failures }
}

/** The answer, the error code of a refusal, or 'pending': what a caller can see right now. */
async function seen(answer: Promise<number>): Promise<number | string> {
  return Promise.race([
    answer.catch((error: unknown) =>
      error instanceof CoordinatorError ? `error ${error.errorCode}` : 'bug',
    ),
    new Promise<string>((resolve) => setImmediate(() => resolve('pending'))),
  ])
}

describe('answers', () => {
  test('wait for the high watermark, and so do reads that saw what is not yet safe', async () => {
    const { shard, log } = await start()
    expect(await seen(shard.submit({ read: true }))).toBe(0)
    const added = shard.submit({ add: 5 })
    const read = shard.submit({ read: true })
    expect(await seen(added)).toBe('pending')
    expect(await seen(read)).toBe('pending')
    log.sync()
    expect(await seen(added)).toBe(5)
    expect(await seen(read)).toBe(5)
    expect(shard.unanswered).toBe(0)
  })

  test('one late command answers all who waited', async () => {
    const { shard } = await start()
    const early = [shard.submit({ wait: true }), shard.submit({ wait: true })]
    expect(await seen(early[0] as Promise<number>)).toBe('pending')
    expect(shard.unanswered).toBe(2)
    const late = shard.submit({ wake: true })
    for (const answer of [...early, late]) expect(await seen(answer)).toBe(0)
  })

  test('that are not committed in time are refused, but what they did stands', async () => {
    const { shard, log, clock, committed } = await start()
    const first = shard.submit({ add: 5 })
    const outcome = first.catch((error: unknown) => error)
    clock.tick(3_000)
    const second = shard.submit({ add: 2 })
    clock.tick(2_000)
    expect(await outcome).toMatchObject({ errorCode: errorCodes.REQUEST_TIMED_OUT })
    expect(await seen(second)).toBe('pending')
    log.sync()
    expect(await seen(second)).toBe(7)
    expect(committed).toEqual([5, 2])
  })
})

describe('a refused append', () => {
  test('changes nothing and tells only its caller', async () => {
    const { shard, log, machine } = await start()
    log.refuseAppends = 1
    expect(await seen(shard.submit({ add: 5 }))).toBe('error 19')
    expect(machine.total).toBe(0)
    expect(await seen(shard.submit({ read: true }))).toBe(0)
    expect(log.endOffset).toBe(0n)
  })

  test('of a timer is tried again', async () => {
    const { shard, log, clock, machine } = await start()
    await shard.submit({ remind: 100 })
    log.refuseAppends = 1
    clock.tick(100)
    expect([machine.reminders, machine.total]).toEqual([1, 0])
    clock.tick(500)
    expect([machine.reminders, machine.total]).toEqual([2, 1000])
    expect(clock.timersSet).toBe(0)
  })
})

describe('timers', () => {
  test('are replaced by key and cancelled by null', async () => {
    const { shard, clock, machine } = await start()
    await shard.submit({ remind: 100 })
    await shard.submit({ remind: 300 })
    clock.tick(200)
    expect(machine.reminders).toBe(0)
    await shard.submit({ remind: null })
    clock.tick(1_000)
    expect(machine.reminders).toBe(0)
    expect(clock.timersSet).toBe(0)
  })
})

describe('loading', () => {
  test('refuses requests until the log is replayed, then goes on from it', async () => {
    const before = await start()
    void before.shard.submit({ add: 5 })
    before.log.sync()
    before.shard.close()
    before.log.crash()
    const after = await start({ log: before.log, load: false })
    expect(await seen(after.shard.submit({ read: true }))).toBe('error 14')
    const loading = after.shard.load()
    expect(await seen(after.shard.submit({ read: true }))).toBe('error 14')
    await loading
    expect(await seen(after.shard.submit({ read: true }))).toBe(5)
    after.clock.tick(50)
    expect(after.machine.total).toBe(1005)
    expect(after.shard.epoch).toBe(1)
  })

  test('meets transactions as they were: committed, aborted, still open', async () => {
    const { shard, log, machine } = await start({ log: new MemoryShardLog() })
    const [one, two, three] = [1n, 2n, 3n].map((producerId) => ({ producerId, producerEpoch: 0 }))
    for (const producer of [one, two, three])
      await shard.submit({ add: 10, producer: producer as ProducerStamp })
    expect(machine.total).toBe(0)
    log.appendMarker(one as ProducerStamp, true)
    log.appendMarker(two as ProducerStamp, false)
    expect(await seen(shard.submit({ read: true }))).toBe(10)
    shard.close()
    const after = await start({ log })
    expect(after.machine.total).toBe(10)
    expect([...after.machine.pending]).toEqual([[3n, 10]])
    log.appendMarker(three as ProducerStamp, true)
    expect(after.machine.total).toBe(20)
  })

  test('meets a marker that lands while it replays exactly once', async () => {
    const { shard, log } = await start({ log: new MemoryShardLog() })
    const producer = { producerId: 7n, producerEpoch: 0 }
    await shard.submit({ add: 10, producer })
    shard.close()
    const after = await start({ log, load: false })
    const loading = after.shard.load()
    log.appendMarker(producer, true)
    await loading
    expect(after.machine.total).toBe(10)
    expect(after.machine.pending.size).toBe(0)
  })

  test('stops at a record it cannot understand, and says so', async () => {
    const log = new MemoryShardLog()
    log.append([{ key: Buffer.from('riddle'), value: null }])
    const { shard, failures } = await start({ log, load: false })
    await expect(shard.load()).rejects.toThrow('unknown record')
    expect(failures).toHaveLength(1)
    expect(await seen(shard.submit({ read: true }))).toBe(`error ${errorCodes.COORDINATOR_NOT_AVAILABLE}`)
  })
})

describe('closing', () => {
  test('answers everyone who waits, and leaves no timer', async () => {
    const { shard, clock } = await start()
    await shard.submit({ remind: 100 })
    const parked = shard.submit({ add: 1 })
    const waits = shard.submit({ wait: true })
    shard.close()
    expect(await seen(parked)).toBe('error 16')
    expect(await seen(waits)).toBe('error 16')
    expect(await seen(shard.submit({ read: true }))).toBe('error 16')
    expect(clock.timersSet).toBe(0)
  })

  test('happens by itself when the log ends', async () => {
    const { shard, log } = await start()
    const parked = shard.submit({ add: 1 })
    log.end(errorCodes.NOT_COORDINATOR)
    expect(await seen(parked)).toBe('error 16')
    expect(shard.state).toBe('closed')
  })

  test('happens when a fact cannot be applied: state and log would differ', async () => {
    const { shard, failures } = await start()
    expect(await seen(shard.submit({ breakApply: true }))).toBe(
      `error ${errorCodes.COORDINATOR_NOT_AVAILABLE}`,
    )
    expect(failures[0]?.message).toBe('a bug')
    expect(shard.state).toBe('closed')
  })
})

test('effects start only when their facts are safe, in log order', async () => {
  const { shard, log, committed, clock } = await start()
  await shard.submit({ remind: 10 })
  const added = shard.submit({ add: 1 })
  clock.tick(10)
  expect(committed).toEqual([])
  log.sync(1)
  expect(committed).toEqual([1])
  log.sync()
  expect(committed).toEqual([1, 1000])
  await added
})
