// The two ports of a processor in the same process, on a real broker: what LogViews shows, and that OutputPort
// is Kafka's transactions and nothing less. Readers look through the wire.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { errorCodes } from '../../broker/protocol/errors.ts'
import { FencedError, type OutputSession } from '../../processor/ports.ts'
import { batch, DataWorld, produce, type RecordText } from '../handlers/data-world.ts'
import { readLog } from '../world/read-log.ts'

let world: DataWorld
const sessions: OutputSession[] = []
beforeEach(async () => {
  world = await DataWorld.start({ topics: { in: { partitions: 2 }, out: {} } })
})
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close()
  await world[Symbol.asyncDispose]()
})

async function open(id = 'job'): Promise<OutputSession> {
  const session = await world.broker.output.open(id, 60_000)
  sessions.push(session)
  return session
}

async function read(isolation: 'read_committed' | 'read_uncommitted', topic = 'out'): Promise<string[]> {
  const values: string[] = []
  const from = { topic, partition: 0, fromOffset: 0n, isolation }
  await readLog(world.client, from, (_offset, _key, value) => values.push(String(value)))
  return values
}

const values = (...texts: string[]): Buffer => batch(texts.map((value): RecordText => ({ value })))

describe('output', () => {
  test('is seen by read_committed from the commit on, and not before', async () => {
    const session = await open()
    session.begin()
    await session.append('out', 0, values('a', 'b'))
    expect(await read('read_uncommitted')).toEqual(['a', 'b'])
    expect(await read('read_committed')).toEqual([])
    await session.commit()
    expect(await read('read_committed')).toEqual(['a', 'b'])
  })

  test('does not wait for a broker that has stopped', async () => {
    const session = await world.broker.output.open('late', 60_000)
    session.begin()
    await session.append('out', 0, values('a'))
    await world.broker.stop()
    await expect(session.committedOffsets('late')).rejects.toThrow('COORDINATOR_NOT_AVAILABLE')
    await expect(session.commit()).rejects.toThrow('NOT_COORDINATOR')
  })

  test('is never seen when it was aborted, and the next transaction is', async () => {
    const session = await open()
    session.begin()
    await session.append('out', 0, values('lost'))
    await session.abort()
    session.begin()
    await session.append('out', 0, values('kept'))
    await session.commit()
    expect(await read('read_uncommitted')).toEqual(['lost', 'kept'])
    expect(await read('read_committed')).toEqual(['kept'])
  })

  test('keeps the order of appends that do not wait for each other', async () => {
    const session = await open()
    session.begin()
    const texts = Array.from({ length: 50 }, (_, i) => `r${i}`)
    await Promise.all(texts.map((text) => session.append('out', 0, values(text))))
    await session.commit()
    expect(await read('read_committed')).toEqual(texts)
  })

  test('of a topic that is not there is refused, and the transaction can only be aborted', async () => {
    const session = await open()
    session.begin()
    await session.append('out', 0, values('half'))
    await expect(session.append('nowhere', 0, values('x'))).rejects.toMatchObject({
      errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    })
    await expect(session.commit()).rejects.toThrow(/UNKNOWN_TOPIC_OR_PARTITION/)
    await session.abort()
    expect(await read('read_committed')).toEqual([])
  })

  test('makes its topic when asked to', async () => {
    expect(await world.broker.output.ensureTopic('fresh')).toBe(1)
    expect(await world.broker.output.ensureTopic('in')).toBe(2)
    await expect(world.broker.output.ensureTopic('no good!')).rejects.toThrow(/INVALID_TOPIC/)
  })

  test('ends with the broker', async () => {
    const session = await open()
    session.begin()
    await session.append('out', 0, values('x'))
    await world.broker.stop()
    await expect(session.commit()).rejects.toThrow()
    sessions.length = 0
  })
})

describe('offsets', () => {
  const offsets = (offset: bigint, metadata = '') => [{ topic: 'in', partition: 1, offset, metadata }]

  test('come back as they were committed, with what was said about them', async () => {
    const session = await open()
    expect(await session.committedOffsets('group')).toEqual([])
    session.begin()
    await session.append('out', 0, values('x'))
    await session.commitOffsets('group', offsets(7n, 'batch 3'))
    await session.commit()
    expect(await session.committedOffsets('group')).toEqual(offsets(7n, 'batch 3'))
  })

  test('of an aborted transaction do not count, though it held nothing else', async () => {
    const session = await open()
    session.begin()
    await session.commitOffsets('group', offsets(7n))
    await session.abort()
    session.begin()
    await session.append('out', 0, values('x'))
    await session.commit()
    expect(await session.committedOffsets('group')).toEqual([])
  })

  test('alone are a transaction, too', async () => {
    const session = await open()
    session.begin()
    await session.commitOffsets('group', offsets(9n))
    await session.commit()
    expect(await session.committedOffsets('group')).toEqual(offsets(9n))
  })

  test('of a transaction that is still open are waited for', async () => {
    const [first, second] = [await open('one'), await open('two')]
    first.begin()
    await first.commitOffsets('group', offsets(4n))
    await first.commit()
    first.begin()
    await first.commitOffsets('group', offsets(5n))
    const asked = second.committedOffsets('group')
    await expect.poll(() => world.clock.nextDueMs).toBeLessThanOrEqual(world.clock.now() + 5)
    await first.commit()
    await world.clock.advance(5)
    expect(await asked).toEqual(offsets(5n))
  })
})

describe('a transaction', () => {
  test('that held nothing ends either way', async () => {
    const session = await open()
    session.begin()
    await session.commit()
    session.begin()
    await session.abort()
    session.begin()
    await session.append('out', 0, values('x'))
    await session.commit()
    expect(await read('read_committed')).toEqual(['x'])
  })

  test('must be begun, and begun once', async () => {
    const session = await open()
    await expect(session.append('out', 0, values('x'))).rejects.toThrow(/idle, not open/)
    session.begin()
    expect(() => session.begin()).toThrow(/while the session is open/)
  })

  test('is aborted when its session is closed', async () => {
    const session = await open()
    session.begin()
    await session.append('out', 0, values('x'))
    await session.close()
    expect(world.broker.logViews.view('out', 0).stableEndOffset).toBe(2n)
    expect(await read('read_committed')).toEqual([])
  })

  test('is aborted when its time is over, and its session is fenced', async () => {
    const session = await open()
    session.begin()
    await session.append('out', 0, values('slow'))
    await world.clock.advance(120_000)
    const late = session.commit()
    await expect(late).rejects.toThrow(FencedError)
    // Not "another instance": there is none, and whoever looks for it looks in vain.
    await expect(late).rejects.toThrow('was open for 120000 ms, its timeout is 60000 ms')
    expect(await read('read_committed')).toEqual([])
  })
})

describe('a second session of the same id', () => {
  test('fences the first and aborts what it left open', async () => {
    const first = await open()
    first.begin()
    await first.append('out', 0, values('left'))
    const second = await openAgain()
    second.begin()
    await second.append('out', 0, values('right'))
    await second.commit()
    await expect(first.append('out', 0, values('late'))).rejects.toThrow(FencedError)
    await expect(first.commit()).rejects.toThrow()
    await first.close()
    expect(await read('read_committed')).toEqual(['right'])
  })

  test('fences also offsets and the decision', async () => {
    const first = await open()
    first.begin()
    await openAgain()
    const late = [{ topic: 'in', partition: 0, offset: 1n, metadata: '' }]
    await expect(first.commitOffsets('group', late)).rejects.toThrow(FencedError)
    await first.close()
  })

  /** The coordinator ends the open transaction first: time has to pass between attempts. */
  async function openAgain(): Promise<OutputSession> {
    const opening = open()
    let opened = false
    void opening.then(() => (opened = true))
    await expect
      .poll(async () => {
        await world.clock.advance(5)
        return opened
      })
      .toBe(true)
    return opening
  }
})

describe('views', () => {
  test('show topics but the own ones of the broker', async () => {
    await open()
    const { logViews } = world.broker
    expect(logViews.topics().toSorted()).toEqual(['in', 'out'])
    expect(logViews.partitionCount('in')).toBe(2)
    expect(logViews.partitionCount('nowhere')).toBe(0)
    expect(() => logViews.view('nowhere', 0)).toThrow(/no partition nowhere-0/)
  })

  test('end where a transaction is open, and say what was aborted', async () => {
    const view = world.broker.logViews.view('out', 0)
    await produce(world, batch(3), { topic: 'out' })
    expect(view.stableEndOffset).toBe(3n)
    const session = await open()
    session.begin()
    await session.append('out', 0, values('x'))
    expect(view.stableEndOffset).toBe(3n)
    let advanced = 0
    const unsubscribe = view.onAdvance(() => advanced++)
    await session.abort()
    expect(view.stableEndOffset).toBe(5n)
    expect(advanced).toBeGreaterThan(0)
    unsubscribe()
    expect(view.abortedSpans(0n, 5n)).toEqual([
      { producerId: session.producerId, firstOffset: 3n, lastOffset: 4n },
    ])
  })
})
