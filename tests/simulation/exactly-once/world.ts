// A job on the real commit protocol, source and sink, over a model log and databases that crash. Each input
// record goes out once, numbered within its key by the key's state; so the output tells whether state, offsets
// and output were ever out of step. A sink outside the log takes each batch id once.

import type { Checkpoint } from '../../../processor/checkpoint/checkpoint.ts'
import { transactionalIdOf } from '../../../processor/checkpoint/decision.ts'
import { CheckpointError } from '../../../processor/checkpoint/store.ts'
import type { Recovered } from '../../../processor/graph/contracts/commit.ts'
import { FencedError } from '../../../processor/ports.ts'
import { ModelLog } from '../../processor/model-log.ts'
import { Random } from '../../world/random.ts'
import type { Counters } from '../worlds.ts'
import { Crash, isOfTheWorld, Lifetime, pointsOf } from './faults.ts'
import { APP, Instance, WINDOW } from './job.ts'
import { Model, must } from './model.ts'
import { SimulatedStore } from './store.ts'

const INPUTS = 2
const KEYS = 12

/** Where an instance may die: each step on disk and in the log. */
export const POINTS = [
  ...pointsOf(
    ['plan', 'redo', 'note', 'generation blocks', 'generation', 'trim', 'drop'],
    ['not written', 'written'],
  ),
  ...pointsOf(['append', 'commitOffsets', 'decision', 'abort', 'close'], ['not asked', 'done']),
  ...pointsOf(['open', 'committedOffsets'], ['not asked', 'done']),
  ...pointsOf(['journal', 'generation'], ['opened']),
  'generation not replaced',
]

/** What a planted bug may get at. */
export interface Plant {
  checkpoint?: (checkpoint: Checkpoint) => void
  recovered?: (recovered: Recovered) => Recovered
}

export class World {
  readonly log = new ModelLog()
  private readonly model = new Model(this.log)
  private readonly random: Random
  private readonly counters: Counters
  private readonly plant: Plant
  private store = new SimulatedStore()
  private produced = 0
  /** Batch id → ids of its input records: what a sink outside the log has. First writer of an id wins. */
  private readonly external = new Map<number, readonly string[]>()
  private isDamaged = false
  private hasFailed = false
  private committed = 0
  private partitions = 1

  constructor(seed: number, counters: Counters, plant: Plant = {}) {
    this.random = new Random(seed)
    this.counters = counters
    this.plant = plant
    this.log.createTopic('in', INPUTS)
    this.log.createTopic('out', 3)
  }

  /** `batches`: instances follow one another until so many batches have been committed. */
  async run({ lives = 0, batches = 0 }: { lives?: number; batches?: number }): Promise<void> {
    for (let life = 0; life < lives || this.committed < batches; life++) {
      this.produce()
      if (this.random.chance(0.02)) await this.tearBoth()
      // Recoveries cost more than batches: a long programme has fewer of them for each.
      await this.live(this.random.between(1, batches > 0 ? 12 : 5), true)
    }
    // At last nothing fails any more, and everything has to come out.
    this.produce()
    while ((await this.live(4, false)) || this.model.lag() > 0n);
    this.model.checkOutput()
    must(this.model.lag() === 0n, `at the end ${this.model.lag()} rows are left`)
    this.model.checkExternal(this.external)
  }

  /** One instance, from recovery to its end. Returns whether it was ended by a failure. */
  private async live(batches: number, faults: boolean): Promise<boolean> {
    const { random } = this
    const instance = this.instance(faults ? 14 * batches : undefined)
    let failed = false
    try {
      await this.work(instance, batches, faults)
      if (faults && random.chance(0.15)) return await this.takeOver(instance)
      await instance.close()
      this.count('stopped in order')
      this.isDamaged = false
    } catch (error) {
      failed = true
      this.mustBeExpected(error)
      await instance.close().catch(() => {})
    }
    instance.lifetime.isDead = true
    this.hasFailed = failed
    if (failed) this.store.crash(random)
    if (failed && faults) this.damage()
    this.model.checkOutput()
    return failed
  }

  /** It may die within so many steps; undefined: it does not. */
  private instance(steps: number | undefined): Instance {
    const { random } = this
    const count = (name: string) => this.count(name)
    return new Instance(this.store, this.log, random, this.lifetime(steps, count))
  }

  /** Where there is something rare to be done, it is often there that it dies. */
  private lifetime(steps: number | undefined, count: (name: string) => void): Lifetime {
    const { random } = this
    if (steps === undefined) return Lifetime.endless(count)
    if (this.isDamaged && random.chance(0.3)) return Lifetime.until('generation not replaced', 1, count)
    if (this.hasFailed && random.chance(0.2)) {
      return Lifetime.until(random.pick(['drop not written', 'drop written']), 1, count)
    }
    return Lifetime.random(random, steps, POINTS, count)
  }

  /** The instance goes on, on a copy of its directory, while another one takes its place. */
  private async takeOver(instance: Instance): Promise<boolean> {
    this.count('taken over')
    this.store = this.store.copy()
    this.produce()
    await this.live(2, false)
    const before = this.model.visible
    let fenced = false
    try {
      // The world outside it cannot reach either: that is the sink's own fencing, by batch id.
      for (let batch = 0; batch < 3; batch++) await this.runNext(instance, false, new Map())
    } catch (error) {
      fenced = error instanceof FencedError || (error as Error).cause instanceof FencedError
      if (!fenced) this.mustBeExpected(error)
    }
    instance.lifetime.isDead = true
    if (fenced) this.count('zombie fenced')
    must(before === this.model.visible, 'I18: a zombie wrote what readers see')
    this.model.checkOutput()
    return false
  }

  private async work(instance: Instance, batches: number, faults: boolean): Promise<void> {
    this.plant.checkpoint?.(instance.checkpoint)
    const recovered = await instance.start(this.plant.recovered)
    if (recovered !== undefined && instance.partitions !== this.partitions) this.count('rescaled')
    this.partitions = instance.partitions
    this.checkRecovered(instance, recovered)
    for (let batch = 0; batch < batches; batch++) {
      if (faults && this.random.chance(0.05)) await this.failOne(instance)
      if (faults && this.random.chance(0.5)) this.produce()
      if (this.random.chance(0.3)) await instance.plan()
      // Planning ahead goes on while a batch runs.
      await Promise.all([
        this.runNext(instance, faults),
        this.random.chance(0.2) ? instance.plan() : undefined,
      ])
      this.checkState(instance)
      this.model.checkOutput()
    }
  }

  private async runNext(instance: Instance, faults = false, external = this.external): Promise<void> {
    if (instance.queue.length === 0) await instance.plan()
    const plan = instance.queue[0]
    if (plan === undefined) return
    await instance.runBatch(plan, (ids) => {
      if (!external.has(plan.batchId)) external.set(plan.batchId, ids)
      if (faults && this.random.chance(0.03) && this.log.timeOut(transactionalIdOf(APP)))
        this.count('timed out')
    })
    this.committed++
    this.count('committed')
  }

  /** A user's function fails: the batch is aborted, and the job ends. */
  private async failOne(instance: Instance): Promise<void> {
    if (instance.queue.length === 0) await instance.plan()
    const plan = instance.queue[0]
    if (plan === undefined) return
    this.count('aborted')
    await instance.abortBatch(plan)
    throw new Crash('the job ended with a failed batch')
  }

  private produce(): void {
    const { random, log } = this
    for (let batches = random.between(0, 3); batches > 0; batches--) {
      const partition = random.below(INPUTS)
      const records = Array.from({ length: random.between(1, 6) }, () => {
        // A key lives in one partition, so that its order is given.
        const key = `k${random.below(KEYS / INPUTS) * INPUTS + partition}`
        return { key: Buffer.from(key), value: Buffer.from(`${key}/${++this.produced}`) }
      })
      log.produce('in', partition, records, random.chance(0.05) ? 'gzip' : 'none')
    }
  }

  /** Strikes again only after a life in which all could be made good: two generations outlive one blow. */
  private damage(): void {
    const { random, store } = this
    if (this.isDamaged) return
    if (random.chance(0.15) && store.damage('journal', 'r', random)) {
      this.count('redo record damaged')
      this.isDamaged = true
      if (random.chance(0.2) && store.damage('journal', 's', random))
        this.count('and what is known of its batch')
    }
    const name = random.pick(['state-0', 'state-1'])
    if (random.chance(0.15) && store.damage(name, random.chance(0.5) ? '\xff' : '\0', random)) {
      this.count('generation damaged')
      this.isDamaged = true
    }
  }

  /** Both generations at once are more than it can make good: it must say so, and change nothing. */
  private async tearBoth(): Promise<void> {
    const { random } = this
    const whole = this.store.copy()
    const torn = ['state-0', 'state-1'].filter((name) => this.store.damage(name, '\xff', random))
    if (torn.length === 2) {
      const instance = this.instance(undefined)
      this.plant.checkpoint?.(instance.checkpoint)
      let told = 'nothing'
      try {
        await instance.start(undefined)
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error
        told = error.message
      }
      instance.lifetime.isDead = true
      must(/both generations/.test(told), `both generations are damaged, and recovery says ${told}`)
      this.count('both generations damaged')
    }
    this.store = whole
    this.model.checkOutput()
  }

  private mustBeExpected(error: unknown): void {
    if (isOfTheWorld(error)) return
    if (error instanceof CheckpointError)
      throw new Error(`recovery refused: ${error.message}`, { cause: error })
    throw error
  }

  private checkState(instance: Instance): void {
    this.model.checkState(instance.allState(), (partition) => instance.committedOffset(partition))
  }

  private checkRecovered(instance: Instance, recovered: Recovered | undefined): void {
    const { decided } = this.model
    const last = recovered?.lastCommitted?.batchId ?? 0
    if (last < decided) this.count('computed again')
    must(last >= decided || recovered !== undefined, `recovered nothing, the log decided ${decided}`)
    const history = recovered?.history.map(({ batchId }) => batchId) ?? []
    for (let id = Math.max(1, last - WINDOW + 1); id <= last; id++) {
      must(history.includes(id), `the plan of batch ${id} is gone, and windows behind batch ${last} reach it`)
    }
    this.checkState(instance)
  }

  private count(name: string): void {
    this.counters[name] = (this.counters[name] ?? 0) + 1
  }
}
