// A whole job, from its clock to its commit, over a model log and databases that crash: windows, state that is
// changed in place, poison records in every place where there can be one, stops of both kinds. What it has to come
// to is told by the input alone, so every life may end anywhere.

import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { Checkpoint } from '../../../processor/checkpoint/checkpoint.ts'
import { groupIdOf } from '../../../processor/checkpoint/decision.ts'
import type { BatchInfo } from '../../../processor/scheduler/listener.ts'
import { HashPartitioner } from '../../../processor/graph/partitioner.ts'
import { textValues } from '../../../processor/source/row-kind.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import type { ShuffleOptions } from '../../../processor/streams/options.ts'
import { ModelLog } from '../../processor/model-log.ts'
import { Random } from '../../world/random.ts'
import { SimulatedStore } from '../exactly-once/store.ts'
import type { Counters } from '../worlds.ts'

const SECOND = 1000
const APP = 'sim'
const PARTITIONS = 2
/** Batches that the sliding window spans: so often each record comes out of it. */
const SPAN = 3

/** What a planted bug may get at. */
export interface Plant {
  context?: (context: StreamingContext) => void
  checkpoint?: (checkpoint: Checkpoint) => void
}

class Crash extends Error {}

/**
 * Values are `kind key id`. `good` goes through; `bad` fails in the first function, `shared` in one behind two readers,
 * `late` in one behind a window that slides by two batches, and so perhaps in a later batch than its own.
 */
const KINDS = [
  'good',
  'good',
  'good',
  'good',
  'good',
  'good',
  'good',
  'good',
  'bad',
  'shared',
  'late',
] as const

export class World {
  readonly log = new ModelLog()
  private readonly random: Random
  private readonly counters: Counters
  private readonly plant: Plant
  private readonly store = new SimulatedStore()
  private readonly clock = new ManualClock(1_700_000_000_000)
  private readonly produced: string[] = []
  private isDead = false
  private stepsLeft = Number.POSITIVE_INFINITY

  constructor(seed: number, counters: Counters, plant: Plant = {}) {
    this.random = new Random(seed)
    this.counters = counters
    this.plant = plant
    this.log.createTopic('in', PARTITIONS)
    for (const topic of ['out', 'dead']) this.log.createTopic(topic, 1)
    this.log.step = (step, when) => this.step(`${step} ${when}`)
  }

  async run(lives: number): Promise<void> {
    for (let life = 0; life < lives; life++) await this.live(true)
    // At last nothing fails any more, and everything has to come out of every window.
    await this.live(false)
    this.check()
  }

  private async live(faults: boolean): Promise<void> {
    const { random, clock } = this
    this.isDead = false
    this.stepsLeft = faults && random.chance(0.7) ? random.between(1, 120) : Number.POSITIVE_INFINITY
    const context = this.job()
    let completed = 0
    context.addStreamingListener({
      onBatchCompleted: (batch) => {
        completed++
        this.countBatch(batch)
      },
    })
    try {
      await context.start()
      const batches = faults ? random.between(1, 6) : 500
      for (let batch = 0, idle = 0; batch < batches && idle < 2 * SPAN; batch++) {
        if (faults) this.produce()
        // Late wake-ups and downtime in one: the grid makes up for both.
        await clock.advance(random.chance(0.2) ? random.between(1, 4) * SECOND : SECOND)
        if (this.lag() === 0n) idle++
        else idle = 0
      }
      if (faults && random.chance(0.5)) this.produce()
      await this.stop(context, !faults || random.chance(0.6))
    } catch (error) {
      if (!isCrash(error)) throw error
      this.count('crashed')
    }
    if (faults && completed > 0) this.count('lives with batches')
    if (this.isDead) this.store.crash(random)
    this.checkSoFar()
    clock.tick(random.below(3 * SECOND))
  }

  private async stop(context: StreamingContext, graceful: boolean): Promise<void> {
    this.count(graceful ? 'stopped gracefully' : 'stopped')
    const stopped = context.stop({ graceful })
    await this.clock.advance(0)
    await stopped
    await context.awaitTermination()
  }

  private job(): StreamingContext {
    const { random, log, clock } = this
    const checkpoint = new Checkpoint({
      directory: 'simulated',
      store: this.store.handle(async (name) => this.step(name)),
      output: log,
      generationLimits: {
        batches: random.between(1, 4),
        bytes: random.between(1, 2000),
        blockBytes: random.between(1, 200),
        writeBytes: random.between(1, 400),
      },
      warn: () => {},
    })
    this.plant.checkpoint?.(checkpoint)
    const context = new StreamingContext({
      appName: APP,
      batchDuration: SECOND,
      clock,
      commit: checkpoint,
      broker: { logViews: log, output: log },
      onPoison: { deadLetterTopic: 'dead' },
      maxPendingBatches: random.between(1, 4),
      parallelism: random.between(1, 3),
      ...(random.chance(0.5) && { backpressure: { initialRate: random.between(1, 20), minRate: 2 } }),
      executor: { monotonicMs: () => clock.now() },
      warn: () => {},
    })
    const lines = context.createDirectStream('in', textValues, {
      startingOffsets: 'earliest',
      maxRatePerPartition: random.between(1, 8),
    })
    const rows = lines.map((line) => failing(line, 'bad'), { name: 'parse' })
    rows.toTopic('out', (line) => ({ value: `once ${line}` }))
    rows.map((line) => failing(line, 'shared')).toTopic('out', (line) => ({ value: `shared ${line}` }))
    rows
      .mapToPair((line) => [line.split(' ')[1] as string, line])
      .updateStateByKey(
        (values, state: { count: number } = { count: 0 }) => {
          if (values.length === 0) return state
          state.count += values.length
          return state
        },
        { name: 'counts', ...this.somePlaces() },
      )
      .changes()
      .toTopic('out', ([key, { count }]) => ({ value: `count ${key} ${count}` }))
    lines
      .window(`${SPAN}s`, '1s')
      .map((line) => failing(line, 'bad'))
      .toTopic('out', (line) => ({ value: `window ${line}` }))
    lines
      .window('4s', '2s')
      .map((line) => failing(line, 'late'))
      .toTopic('out', (line) => ({ value: `slow ${line}` }))
    this.plant.context?.(context)
    return context
  }

  /** In every life other ones: state must not depend on them. */
  private somePlaces(): ShuffleOptions<string> {
    const { random } = this
    if (random.chance(0.5)) return {}
    this.count('partitioner of its own')
    const salt = random.below(1000)
    const places = new HashPartitioner(random.between(1, 4))
    const { numPartitions } = places
    return { partitioner: { numPartitions, getPartition: (key) => places.getPartition(`${salt} ${key}`) } }
  }

  private produce(): void {
    const { random, log } = this
    for (let batches = random.between(0, 3); batches > 0; batches--) {
      const lines = Array.from({ length: random.between(1, 5) }, () => {
        const kind = random.pick(KINDS)
        // Late ones have keys of their own: what became of them before they were found stays.
        const key = kind === 'late' ? 'late' : `k${random.below(5)}`
        const line = `${kind} ${key} ${this.produced.length}`
        this.produced.push(line)
        return line
      })
      log.produce('in', random.below(PARTITIONS), lines)
    }
  }

  private step(name: string): void {
    if (!this.isDead && --this.stepsLeft > 0) return
    if (!this.isDead) this.count(`crash: ${name.replace(/state-./, 'generation')}`)
    this.isDead = true
    throw new Crash(name)
  }

  private lag(): bigint {
    const offsets = this.log.groups.get(groupIdOf(APP))
    let lag = 0n
    for (const { partition, stableEndOffset } of this.log.partitions.get('in') ?? []) {
      lag += stableEndOffset - (offsets?.get(`in-${partition}`)?.offset ?? 0n)
    }
    return lag
  }

  /** At any time: nothing twice, no poison in what it is poison for, no dead letter that is none. */
  private checkSoFar(): void {
    const dead = this.values('dead')
    this.must(new Set(dead).size === dead.length, `a dead letter twice: ${dead.join(', ')}`)
    for (const line of dead) this.must(!line.startsWith('good'), `'${line}' is no poison`)
    const once = this.valuesOf('once')
    this.must(new Set(once).size === once.length, `written twice: ${once.join(', ')}`)
    for (const [kind, poison] of [
      ['once', 'bad'],
      ['once', 'shared'],
      ['shared', 'shared'],
      ['window', 'bad'],
      ['window', 'shared'],
      ['slow', 'late'],
    ] as const) {
      const found = this.valuesOf(kind).find((line) => line.startsWith(poison))
      this.must(found === undefined, `'${found}' shows in ${kind}`)
    }
  }

  /** At the end: all of it. */
  private check(): void {
    const { produced } = this
    this.must(this.lag() === 0n, `at the end ${this.lag()} rows are left`)
    const poison = produced.filter((line) => !line.startsWith('good'))
    this.mustBeSame('dead letters', this.values('dead'), poison)
    const good = produced.filter((line) => line.startsWith('good'))
    const isGood = (line: string) => line.startsWith('good')
    for (const kind of ['once', 'shared']) this.mustBeSame(kind, this.valuesOf(kind).filter(isGood), good)
    const windows = good.flatMap((line) => Array.from({ length: SPAN }, () => line))
    this.mustBeSame('windows', this.valuesOf('window').filter(isGood), windows)
    this.mustBeSame('slow windows', this.valuesOf('slow').filter(isGood), [...good, ...good])
    const counts = new Map(this.valuesOf('count').map((line) => line.split(' ') as [string, string]))
    for (const key of new Set(good.map((line) => line.split(' ')[1] as string))) {
      const expected = good.filter((line) => line.split(' ')[1] === key).length
      this.must(
        Number(counts.get(key)) === expected,
        `${key} was counted ${counts.get(key)} times, not ${expected}`,
      )
    }
  }

  private values(topic: string): string[] {
    return this.log.values(topic).map(String)
  }

  /** Of what the output marked with this word. */
  private valuesOf(kind: string): string[] {
    return this.values('out').flatMap((value) =>
      value.startsWith(`${kind} `) ? value.slice(kind.length + 1) : [],
    )
  }

  private countBatch({ batchId, inputs, poisonRecords }: BatchInfo): void {
    this.count('committed')
    const own = (inputs['in']?.ranges ?? []).map(({ partition, from, until }) => ({ partition, from, until }))
    for (const { partition, offset } of poisonRecords) {
      const isOwn = own.some(
        (range) => range.partition === partition && range.from <= offset && offset < range.until,
      )
      this.count(isOwn ? 'poison of its batch' : 'poison of an earlier batch')
    }
    if (poisonRecords.length > 1) this.count('several poison records in a batch')
    if (batchId > 30) this.count('late batches')
  }

  private mustBeSame(what: string, found: readonly string[], expected: readonly string[]): void {
    const [is, ought] = [found.toSorted(), expected.toSorted()]
    const at = ought.findIndex((line, index) => is[index] !== line)
    this.must(
      is.length === ought.length && at < 0,
      `${what}: ${is.length} of ${ought.length}; '${is[at]}' where '${ought[at]}' ought to be`,
    )
  }

  private must(holds: boolean, what: string): void {
    if (!holds) throw new Error(what)
  }

  private count(name: string): void {
    this.counters[name] = (this.counters[name] ?? 0) + 1
  }
}

function failing(line: string, kind: string): string {
  if (line.startsWith(kind)) throw new Error(`no sense in '${line}'`)
  return line
}

function isCrash(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isCrash)
  return error instanceof Crash || (error instanceof Error && isCrash(error.cause))
}
