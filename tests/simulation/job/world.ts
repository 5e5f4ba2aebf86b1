// A whole job, from its clock to its commit, over a model log, databases and files that crash: windows, state that is
// changed in place or times out, poison records in every place where there can be one, stops of both kinds, another
// number of partitions in each life. What it has to come to is told by the input alone, so every life may end anywhere.

import { ManualClock } from '../../../broker/time/manual-clock.ts'
import { Checkpoint } from '../../../processor/checkpoint/checkpoint.ts'
import { HashPartitioner } from '../../../processor/graph/partitioner.ts'
import type { BatchInfo } from '../../../processor/scheduler/listener.ts'
import { StreamingContext } from '../../../processor/streaming-context.ts'
import type { ShuffleOptions } from '../../../processor/streams/options.ts'
import { ModelLog } from '../../processor/model-log.ts'
import { Random } from '../../world/random.ts'
import { Crash, Lifetime, pointsOf } from '../exactly-once/faults.ts'
import { SimulatedStore, smallGenerations } from '../exactly-once/store.ts'
import type { Counters } from '../worlds.ts'
import { FILE_STEPS, SimulatedDisk } from './disk.ts'
import { APP, Model } from './model.ts'
import { build, kindOf, type Parts, SECOND, SPAN, someParts } from './program.ts'

const PARTITIONS = 2

/** Where an instance may die: each step on disk and in the log; of a start, and of its work. */
const STARTING = [
  ...pointsOf(['journal', 'generation'], ['opened']),
  ...pointsOf(['open'], ['before', 'after']),
  'committedOffsets before',
  ...pointsOf(['drop'], ['not written', 'written']),
]
const WORKING = [
  ...pointsOf(
    ['plan', 'redo', 'note', 'generation blocks', 'generation', 'trim'],
    ['not written', 'written'],
  ),
  ...pointsOf(['append', 'commitOffsets', 'commit', 'abort', 'close'], ['before', 'after']),
]
/** … and among the files. */
const SETTLING = pointsOf(
  ['settling', 'file removed', 'aside removed', 'shown', 'shown name synced'],
  ['before', 'after'],
)
/** What happens beside the batches, and not in each life. */
const RARE = pointsOf(['generation blocks', 'generation', 'trim'], ['not written', 'written'])
const SHOWING = pointsOf(FILE_STEPS, ['before', 'after'])
export const POINTS = [...new Set([...STARTING, ...WORKING, ...SETTLING, ...SHOWING])]

/** What a planted bug may get at. */
export interface Plant {
  /** Parts that the bug is to be met in. */
  parts?: Partial<Parts>
  context?: (context: StreamingContext) => void
  checkpoint?: (checkpoint: Checkpoint, log: ModelLog) => void
}

export class World {
  readonly log = new ModelLog()
  private readonly random: Random
  private readonly counters: Counters
  private readonly plant: Plant
  private readonly parts: Parts
  private readonly model: Model
  private readonly store = new SimulatedStore()
  private readonly disk = new SimulatedDisk()
  private readonly clock = new ManualClock(1_700_000_000_000)
  private lifetime = Lifetime.endless(() => {})
  private committed = 0
  private parallelism = 0
  /** Batches without rows in a row. */
  private idle = 0

  constructor(seed: number, counters: Counters, plant: Plant = {}) {
    this.random = new Random(seed)
    this.counters = counters
    this.plant = plant
    this.parts = someParts(this.random, plant.parts ?? {})
    this.model = new Model(this.log, this.disk, this.parts)
    this.log.createTopic('in', PARTITIONS)
    for (const topic of ['out', 'dead']) this.log.createTopic(topic, 1)
    this.log.step = (step, when) => this.lifetime.step(`${step} ${when}`)
  }

  /** `batches`: lives follow one another until so many batches have been committed. */
  async run({ lives = 0, batches = 0 }: { lives?: number; batches?: number }): Promise<void> {
    for (const [part, has] of Object.entries(this.parts)) this.count(`with ${part}: ${has}`)
    // Recoveries cost more than batches: a long programme has fewer of them for each.
    for (let life = 0; life < lives || this.committed < batches; life++) await this.live(batches > 0 ? 12 : 6)
    // At last nothing fails any more, and everything has to come out of every window.
    await this.live(undefined)
    this.model.check()
  }

  /** Of so many batch times at most; undefined: nothing fails, until all has come out. */
  private async live(longest: number | undefined): Promise<void> {
    const { random, clock } = this
    const faults = longest !== undefined
    this.lifetime = this.nextLifetime(faults)
    const context = this.job()
    const before = this.committed
    context.addStreamingListener({ onBatchCompleted: (batch) => this.completed(batch) })
    try {
      await context.start()
      const batches = longest === undefined ? 500 : random.between(1, longest)
      // Batches may be late: it is those without rows that tell that all has come out.
      this.idle = 0
      for (let batch = 0; batch < batches && this.idle <= 2 * SPAN; batch++) {
        if (faults) this.produce()
        // Late wake-ups and downtime in one: the grid makes up for both.
        await clock.advance(random.chance(0.2) ? random.between(1, 4) * SECOND : SECOND)
      }
      if (faults && random.chance(0.5)) this.produce()
      await this.stop(context, !faults || random.chance(0.6))
    } catch (error) {
      if (!isCrash(error)) throw error
      this.count('crashed')
    }
    if (faults && this.committed > before) this.count('lives with batches')
    if (this.lifetime.isDead) {
      this.store.crash(random)
      this.disk.crash(random)
    }
    this.model.checkSoFar()
    if (!this.lifetime.isDead) this.model.checkShown()
    clock.tick(random.below(3 * SECOND))
  }

  /** A start that follows a crash has more to do than others: it is there that it shall be hit. */
  private nextLifetime(faults: boolean): Lifetime {
    const { random, parts } = this
    const count = (name: string) => this.count(name)
    if (!faults) return Lifetime.endless(count)
    if (this.lifetime.isDead && random.chance(0.6)) {
      const points = parts.files && random.chance(0.6) ? SETTLING : STARTING
      return Lifetime.until(random.pick(points), 1, count)
    }
    if (random.chance(0.1)) return Lifetime.until(random.pick(RARE), 1, count)
    return Lifetime.random(random, 160, parts.files ? [...WORKING, ...SHOWING] : WORKING, count)
  }

  private async stop(context: StreamingContext, graceful: boolean): Promise<void> {
    this.count(graceful ? 'stopped gracefully' : 'stopped')
    const stopped = context.stop({ graceful })
    await this.clock.advance(0)
    await stopped
    await context.awaitTermination()
  }

  private job(): StreamingContext {
    const { random, log, clock, parts } = this
    const checkpoint = new Checkpoint({
      directory: 'simulated',
      store: this.store.handle(async (name) => this.lifetime.step(name)),
      output: log,
      generationLimits: smallGenerations(random),
      warn: () => {},
    })
    this.plant.checkpoint?.(checkpoint, log)
    const parallelism = random.between(1, 3)
    if (this.committed > 0 && parallelism !== this.parallelism) this.count('rescaled')
    this.parallelism = parallelism
    const context = new StreamingContext({
      appName: APP,
      batchDuration: SECOND,
      clock,
      commit: checkpoint,
      broker: { logViews: log, output: log },
      fileSystem: this.disk.handle((step, when) => this.lifetime.step(`${step} ${when}`)),
      onPoison: parts.poison === 'skip' ? 'skip' : { deadLetterTopic: 'dead' },
      maxPendingBatches: random.between(1, 4),
      parallelism,
      ...(random.chance(0.5) && { backpressure: { initialRate: random.between(1, 20), minRate: 2 } }),
      executor: { monotonicMs: () => clock.now() },
      warn: () => {},
    })
    build(context, parts, random, this.somePlaces())
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
    const { random, model } = this
    for (let batches = random.between(0, 3); batches > 0; batches--) {
      const first = model.lines
      const lines = Array.from({ length: random.between(1, 5) }, (_, index) => {
        const kind = kindOf(random, this.parts)
        // Late ones have keys of their own: what became of them before they were found stays.
        const key = kind === 'late' ? 'late' : `k${random.below(5)}`
        return `${kind} ${key} ${first + index}`
      })
      model.produce(random.below(PARTITIONS), lines)
    }
  }

  private completed({ batchId, inputs, poisonRecords }: BatchInfo): void {
    this.committed++
    this.count('committed')
    const own = inputs['in']?.ranges ?? []
    this.idle = own.some(({ from, until }) => from < until) || this.model.lag() > 0n ? 0 : this.idle + 1
    for (const record of poisonRecords) {
      this.model.tell(record)
      const { partition, offset } = record
      const isOwn = own.some(
        (range) => range.partition === partition && range.from <= offset && offset < range.until,
      )
      this.count(isOwn ? 'poison of its batch' : 'poison of an earlier batch')
    }
    if (poisonRecords.length > 1) this.count('several poison records in a batch')
    if (batchId > 30) this.count('late batches')
  }

  private count(name: string): void {
    this.counters[name] = (this.counters[name] ?? 0) + 1
  }
}

function isCrash(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isCrash)
  return error instanceof Crash || (error instanceof Error && isCrash(error.cause))
}
