// The moments of death, all from one seed: after a while, at a named point, before it is ready.

import { setTimeout as after } from 'node:timers/promises'
import { Random } from '../world/random.ts'
import { JOB_STEPS } from './job-steps.ts'
import { FILE_KILL_POINTS, KILL_POINTS } from './kill-points.ts'
import { Life, live } from './life.ts'
import type { Victim } from './processes.ts'

const LONGEST_LIFE_MS = 900
/** For a named point to be reached. */
const POINT_DEADLINE_MS = 2500
const STARTING_MS = 1500

/** Generations move on, and plans go, once for many batches. */
const STEPS = (['before', 'after'] as const).flatMap((moment) =>
  JOB_STEPS.map((step) => ({
    name: `${step} of a batch`,
    operation: 'step' as const,
    file: step,
    mostNth: step === 'generation' || step === 'trim' ? 2 : 20,
    moment,
  })),
)

export interface KillOptions {
  seed: number
  kills: number
  hasJob: boolean
  recordsPerSecond: number
}

export interface KillFigures {
  kills: number
  beforeReady: number
  /** Stopped in order, under load, between kills. */
  cleanStops: number
  acknowledgedRecords: number
  inputRecords: number
  outputRecords: number
  visitRecords: number
  /** Words that mapWithState gave up. */
  timedOut: number
  /** Of all outputs, by the reader that is there all the time. */
  readings: number
  /** Victims whose job ran on worker threads. */
  withExecutors: number
  /** How often each named point was died at. */
  atNamedPoints: Record<string, number>
}

export function killAgainAndAgain(options: KillOptions): Promise<KillFigures> {
  const world = new KillWorld(options)
  return live(
    world.life,
    () => `seed ${options.seed}, after ${world.kills} kills`,
    () => world.run(),
  )
}

class KillWorld {
  readonly life: Life
  kills = 0
  private beforeReady = 0
  private cleanStops = 0
  private readonly options: KillOptions
  private readonly random: Random
  private readonly atNamedPoints: Record<string, number> = {}

  constructor(options: KillOptions) {
    this.options = options
    this.random = new Random(options.seed)
    this.life = new Life(options)
  }

  async run(): Promise<KillFigures> {
    const { life, random } = this
    let victim = await life.begin()
    while (this.kills < this.options.kills) {
      if (random.chance(0.5)) {
        await this.kill(victim)
        victim = await this.reachNamedPoint()
      } else {
        if (this.options.hasJob && random.chance(0.7)) await victim.underWay()
        await Promise.race([victim.running.ended, after(random.below(LONGEST_LIFE_MS))])
      }
      if (victim.isAlive && random.chance(0.15)) {
        await victim.stop()
        this.cleanStops++
      } else {
        await this.kill(victim)
      }
      while (random.chance(0.15)) {
        victim = life.spawn()
        await after(random.below(STARTING_MS))
        if (victim.running.lines.length === 0) this.beforeReady++
        await this.kill(victim)
      }
      victim = await life.restart()
      await life.check(victim)
    }
    await life.finish(victim)
    const { input, outputs } = life.checker
    return {
      kills: this.kills,
      beforeReady: this.beforeReady,
      cleanStops: this.cleanStops,
      acknowledgedRecords: input.ackedCount,
      inputRecords: input.recordCount,
      outputRecords: outputs.totals.recordCount,
      visitRecords: outputs.visits.recordCount,
      timedOut: outputs.visits.goneCount,
      readings: life.watcher?.readings ?? 0,
      withExecutors: life.withExecutors,
      atNamedPoints: this.atNamedPoints,
    }
  }

  private async hasLived(victim: Victim, lifeMs: number): Promise<void> {
    if (!(await victim.ready())) return
    if (this.options.hasJob) await victim.underWay()
    await after(lifeMs)
  }

  private async kill(victim: Victim): Promise<void> {
    await victim.kill()
    this.kills++
  }

  /** A process that has died at its point, or that has lived long enough without coming there. */
  private async reachNamedPoint(): Promise<Victim> {
    const points = this.options.hasJob ? [...KILL_POINTS, ...STEPS, ...FILE_KILL_POINTS] : KILL_POINTS
    const { name, mostNth, operation, file, moment } = this.random.pick(points)
    const victim = this.life.spawn({ operation, file, moment, nth: this.random.between(1, mostNth) })
    await Promise.race([victim.running.ended, this.hasLived(victim, POINT_DEADLINE_MS)])
    if (victim.isAlive) return victim
    if (victim.running.child.signalCode !== 'SIGKILL') throw victim.running.failure('ended by itself')
    const point = `${moment} ${name}`
    this.atNamedPoints[point] = (this.atNamedPoints[point] ?? 0) + 1
    return victim
  }
}
