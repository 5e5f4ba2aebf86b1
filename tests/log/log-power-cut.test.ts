// Power is cut at random moments under a log that is written, synced and rolled. Whatever was synced is
// there afterwards; of the rest, what is there is a prefix of what was written, and every read agrees.

import { describe, expect, test } from 'vitest'
import type { Log } from '../../broker/log/log.ts'
import type { TailCut } from '../../broker/log/log-config.ts'
import { FaultyStorage } from '../../broker/storage/faulty-storage.ts'
import { Random, seeds } from '../world/random.ts'
import { BASE_MS, makeBatch, openLog, readAll, recordsIn } from './log-world.ts'

interface Outcome {
  /** Records that had been acknowledged and are gone. */
  lost: number
  cuts: TailCut[]
  crashes: number
  rolls: number
}

const CONFIG = { segmentBytes: 6000, indexIntervalBytes: 500 }

class World {
  readonly random: Random
  readonly storage: FaultyStorage
  log: Log
  readonly outcome: Outcome = { lost: 0, cuts: [], crashes: 0, rolls: 0 }
  /** Base offsets and sizes of all batches that were written and not lost since. */
  private written: { base: bigint; count: number }[] = []
  private acked = 0n
  private checkpointed = 0n
  private readonly acksWithoutSync: boolean

  constructor(seed: number, acksWithoutSync: boolean) {
    this.random = new Random(seed)
    this.storage = new FaultyStorage(this.random)
    this.acksWithoutSync = acksWithoutSync
    this.log = this.open()
  }

  private open(): Log {
    return openLog(this.storage, CONFIG, {
      recoveryPoint: this.acksWithoutSync ? 0n : this.checkpointed,
      onTailCut: (cut) => this.outcome.cuts.push(cut),
      onRoll: () => void this.outcome.rolls++,
    })
  }

  append(): void {
    const made = Array.from({ length: this.random.between(1, 3) }, () => this.random.between(1, 5))
    let base = this.log.endOffset
    const batches = made.map((count) => {
      const batch = makeBatch(base, count, { valueBytes: this.random.pick([1, 20, 300, 1000]) })
      this.written.push({ base, count })
      base += BigInt(count)
      return batch
    })
    this.log.appendAll(
      batches.map(({ batch }) => batch),
      batches.map(({ head }) => head),
    )
    if (this.acksWithoutSync) this.acked = this.log.endOffset
  }

  async sync(): Promise<void> {
    await this.log.sync()
    if (this.log.durableEndOffset > this.acked) this.acked = this.log.durableEndOffset
  }

  /** A sync is under way while more is written, and only some of its files get to the device. */
  async interruptedSync(): Promise<void> {
    this.storage.holdSyncs = true
    const synced = this.log.sync().catch(() => {})
    await Promise.resolve()
    this.append()
    await Promise.resolve()
    this.storage.finishSyncs(this.random.below(3))
    await this.crash()
    await synced
  }

  checkpoint(): void {
    this.checkpointed = this.log.recoveryPoint
  }

  async crash(): Promise<void> {
    this.outcome.crashes++
    this.storage.crash()
    this.storage.holdSyncs = false
    this.log = this.open()
    const { endOffset } = this.log
    if (endOffset < this.acked) this.outcome.lost += Number(this.acked - endOffset)
    this.written = this.written.filter(({ base }) => base < endOffset)
    const last = this.written[this.written.length - 1]
    expect(last === undefined ? 0n : last.base + BigInt(last.count)).toBe(endOffset)
    this.check()
    // What recovery kept is on the device before the log is used; power may be cut before that too.
    this.acked = this.log.durableEndOffset
    if (this.random.chance(0.2)) await this.crash()
    else await this.sync()
  }

  /** Every offset and timestamp leads to its record, by fetch, by cursor and by time. */
  check(): void {
    const { log } = this
    const expected = Array.from({ length: Number(log.endOffset) }, (_, i) => `${i}=v${i}`).join(' ')
    expect(asText(readAll(log))).toBe(expected)
    const target = Buffer.alloc(20_000)
    const cursor = log.cursor(0n)
    const seen: ReturnType<typeof recordsIn> = []
    for (let n = cursor.fill(target, log.endOffset); n > 0; n = cursor.fill(target, log.endOffset)) {
      seen.push(...recordsIn(target.subarray(0, n)))
    }
    cursor.close()
    expect(asText(seen)).toBe(expected)
    for (let i = 0; i < 5 && log.endOffset > 0n; i++) {
      const offset = BigInt(this.random.below(Number(log.endOffset)))
      const read = log.read(offset, 1, log.endOffset, true)
      expect(recordsIn(read?.buffer as Buffer).some((record) => record.offset === offset)).toBe(true)
      expect(log.offsetForTimestamp(BigInt(BASE_MS) + offset)?.offset).toBe(offset)
    }
  }
}

function asText(records: readonly { offset: bigint; value: string }[]): string {
  return records.map(({ offset, value }) => `${offset}=${value}`).join(' ')
}

async function live(seed: number, acksWithoutSync = false): Promise<Outcome> {
  const world = new World(seed, acksWithoutSync)
  for (let step = 0; step < 60; step++) {
    const what = world.random.below(20)
    if (what < 11) world.append()
    else if (what < 14) await (acksWithoutSync ? undefined : world.sync())
    else if (what < 15) world.log.roll()
    else if (what < 16) world.checkpoint()
    else if (what < 18) await world.crash()
    else if (acksWithoutSync) world.append()
    else await world.interruptedSync()
  }
  return world.outcome
}

function total(outcomes: readonly Outcome[]) {
  return {
    lost: outcomes.reduce((sum, outcome) => sum + outcome.lost, 0),
    crashes: outcomes.reduce((sum, outcome) => sum + outcome.crashes, 0),
    rolls: outcomes.reduce((sum, outcome) => sum + outcome.rolls, 0),
    reasons: new Set(
      outcomes.flatMap(({ cuts }) => cuts.map(({ reason }) => reason.split('; ')[1]?.split(' at byte')[0])),
    ),
  }
}

describe('a log whose sync has failed', () => {
  const FAILED = 'orders-0/sync-failed'

  /** Ten records that are synced, then ten that are not: `lost` with their sync, more behind them. */
  async function failingLog(seed: number, disturb: (storage: FaultyStorage) => void = () => {}) {
    const storage = new FaultyStorage(new Random(seed))
    const log = openLog(storage)
    const append = (count: number): void => {
      const { batch, head } = makeBatch(log.endOffset, count, { valueBytes: 700 })
      log.append(batch, head)
    }
    append(10)
    await log.sync()
    append(5)
    storage.holdSyncs = true
    storage.failNext('sync')
    const failed = log.sync()
    await Promise.resolve()
    append(5)
    storage.holdSyncs = false
    disturb(storage)
    storage.finishSyncs()
    await expect(failed).rejects.toThrow('sync failed')
    return { storage, log }
  }

  test('is opened again after a power cut, with all that was synced', async () => {
    for (const seed of seeds(1, 50)) {
      const { storage } = await failingLog(seed)
      storage.crash()
      expect(openLog(storage, {}, { recoveryPoint: 10n }).endOffset, `seed ${seed}`).toBe(10n)
    }
  })

  test('is written again where the next process finds all of it, so that it may be promised', async () => {
    for (const recoveryPoint of [0n, 10n]) {
      const { storage, log } = await failingLog(1)
      log.release()
      const second = openLog(storage, {}, { recoveryPoint })
      expect([second.endOffset, second.durableEndOffset]).toEqual([20n, recoveryPoint])
      expect(storage.exists(FAILED)).toBe(true)
      await second.sync()
      expect([second.durableEndOffset, storage.exists(FAILED)]).toEqual([20n, false])
      storage.crash()
      const third = openLog(storage, {}, { recoveryPoint: 20n })
      expect(readAll(third)).toHaveLength(20)
    }
  })

  test('also where it could be said only at the end that it has', async () => {
    const { storage, log } = await failingLog(1, (disk) => disk.failNext('open', 'EMFILE'))
    expect(storage.exists(FAILED)).toBe(false)
    log.release()
    expect(storage.exists(FAILED)).toBe(true)
  })
})

describe('a log under power cuts', () => {
  const outcomes: Outcome[] = []

  test.each(seeds(1, 300))('loses nothing that was synced, seed %i', async (seed) => {
    const outcome = await live(seed)
    expect(outcome.lost).toBe(0)
    outcomes.push(outcome)
  })

  test('and all of that really happened', () => {
    const { crashes, rolls, reasons } = total(outcomes)
    expect(crashes).toBeGreaterThan(1000)
    expect(rolls).toBeGreaterThan(300)
    expect(reasons).toEqual(
      new Set([
        'never written: a hole before the valid batch',
        'nothing valid follows',
        'the file is short of what was written',
        'the rest is zero',
      ]),
    )
  })

  test('acknowledging without a sync loses records: the test can fail', async () => {
    const careless = await Promise.all(seeds(1, 20).map((seed) => live(seed, true)))
    expect(careless.filter(({ lost }) => lost > 0).length).toBeGreaterThan(10)
  })
})
