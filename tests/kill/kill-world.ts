// The deaths of broker and job: at random instants in every phase of a process's life, at every named point in turn,
// and of worker threads, whose process lives on. After fifty of them all is counted and the next ones begin with an
// empty disk.

import { setTimeout as after } from 'node:timers/promises'
import { Random } from '../world/random.ts'
import { add, KillFigures, type Phase, type Point, pointName, POINTS, unreached } from './kill-figures.ts'
import { Life, live } from './life.ts'
import type { Victim } from './processes.ts'
import { Rotation } from './rotation.ts'
import { DEATHS_AT_BATCHES, DEATHS_AT_TAKEOVERS, type WorkerDeath } from './worker-deaths.ts'

const MOST_KILLS_A_DISK = 50
/** Points that were not died at by then are not on any way. */
const MOST_NAMED_KILLS = 400
/** What comes after it is the next phase. */
const SLOWEST_PHASE_MS = 3000
/** For a named point to be reached. */
const POINT_DEADLINE_MS = 4000
const DEATHS_DEADLINE_MS = 60_000

/** How often instants are aimed at in each phase. */
const AIMS = { starting: 2, recovering: 2, 'catching up': 3, 'at work': 5 } satisfies Record<Phase, number>
/** What a process says when a phase begins, in its order. */
const BEGINNINGS = [
  ['recovering', 'bootstrapServers'],
  ['catching up', 'jobStarted'],
  ['at work', 'jobCaughtUp'],
] as const

export interface KillOptions {
  seed: number
  /** At random instants; those at named points come on top. */
  kills: number
  recordsPerSecond: number
  /** At least so many in the input for each kill. */
  recordsAKill: number
  /** Goes on until every named point was died at, of the process and of its workers. */
  isWhole: boolean
  /** How many disks are worked on at once: their processes wait more than they work. */
  atOnce: number
}

export async function killAgainAndAgain(options: KillOptions): Promise<KillFigures> {
  const plan = new Plan(options)
  const fillDisks = async (): Promise<void> => {
    while (!plan.isDone) await new Deaths(plan).fillDisk()
  }
  const ended = Array.from({ length: options.atOnce }, () =>
    fillDisks().catch((error: unknown) => {
      plan.failure ??= { error }
    }),
  )
  await Promise.all(ended)
  if (plan.failure !== undefined) throw plan.failure.error
  return plan.figures
}

/** What all disks have in common: which death is next. */
class Plan {
  readonly options: KillOptions
  readonly figures = new KillFigures()
  readonly phases: Rotation<Phase>
  readonly points: Rotation<Point>
  readonly batchDeaths: Rotation<(typeof DEATHS_AT_BATCHES)[number]>
  readonly takeoverDeaths: Rotation<(typeof DEATHS_AT_TAKEOVERS)[number]>
  /** How often a point was not reached, by its name. */
  readonly misses = new Map<string, number>()
  /** How long phases last here, by and by. */
  readonly lastsMs: Record<Phase, number> = {
    starting: 1000,
    recovering: 100,
    'catching up': 100,
    'at work': 1000,
  }
  /** The first one, which ends all. */
  failure: { error: unknown } | undefined
  /** Begun so far. */
  disks = 0
  processes = 0

  constructor(options: KillOptions) {
    this.options = options
    const random = new Random(options.seed)
    const aims = (Object.keys(AIMS) as Phase[]).flatMap((phase) => Array<Phase>(AIMS[phase]).fill(phase))
    this.phases = new Rotation(aims, random)
    this.points = new Rotation(POINTS, random)
    this.batchDeaths = new Rotation(DEATHS_AT_BATCHES, random)
    this.takeoverDeaths = new Rotation(DEATHS_AT_TAKEOVERS, random)
  }

  get hasAllInstants(): boolean {
    return this.figures.instants >= this.options.kills
  }

  get isDone(): boolean {
    const { atNamedPoints, ofWorkers } = this.figures
    if (this.failure !== undefined) return true
    if (!this.hasAllInstants) return false
    if (!this.options.isWhole || this.figures.kills > this.options.kills * 2 + MOST_NAMED_KILLS) return true
    return unreached({ ...atNamedPoints, ...ofWorkers }).length === 0
  }
}

/** On one disk. */
class Deaths {
  private readonly plan: Plan
  private readonly disk: number
  private readonly random: Random
  private readonly life: Life
  private kills = 0

  constructor(plan: Plan) {
    this.plan = plan
    this.disk = ++plan.disks
    const { seed, recordsPerSecond } = plan.options
    const ownSeed = seed + this.disk
    this.random = new Random(ownSeed)
    this.life = new Life({ seed: ownSeed, hasJob: true, recordsPerSecond })
  }

  /** Some deaths, and the whole count of what is there behind them. */
  async fillDisk(): Promise<void> {
    const { life, plan } = this
    const { seed, recordsAKill } = plan.options
    await live(
      life,
      () => `seed ${seed}, disk ${this.disk}, after ${this.kills} kills`,
      async () => {
        const first = await life.begin()
        await this.die(first, () => this.atInstant(first, 'at work'))
        while (this.kills < MOST_KILLS_A_DISK && !plan.isDone) await this.nextDeath()
        const last = await life.restart()
        await life.untilLoaded(this.kills * recordsAKill)
        await life.finish(last)
      },
    )
    plan.figures.count(life)
    const { kills, instants, inputRecords, disks, atNamedPoints, ofWorkers } = plan.figures
    const left = unreached({ ...atNamedPoints, ...ofWorkers })
    console.log(
      `seed ${seed}: ${kills} kills, ${instants} at instants, ${disks} disks with ${inputRecords} records;`,
      `${left.length} points left: ${left.slice(0, 9).join(', ')}`,
    )
  }

  /** One process in four dies at a named point, one in sixteen outlives its workers for a while. */
  private async nextDeath(): Promise<void> {
    const { plan, random, life } = this
    const turn = plan.processes++ % 16
    // When the instants are through, what is left is named.
    const isLate = plan.hasAllInstants
    if (turn === 1 || (isLate && turn % 2 === 1)) return this.outliveWorkers()
    if (turn % 4 === 2 || isLate) return this.dieAtPoint(plan.points.next())
    const phase = plan.phases.next()
    // Where it shall catch up, there has to be something that it has missed.
    const jobAfterMs = phase === 'catching up' ? random.below(600) : undefined
    const victim = life.spawn({ jobAfterMs })
    await this.die(victim, () => this.atInstant(victim, phase))
  }

  /** Checks all while death comes. */
  private async die(victim: Victim, come: () => Promise<void>): Promise<void> {
    const { figures } = this.plan
    const [isChecked] = await Promise.all([this.life.checkWhileAlive(victim), come()])
    if (isChecked) figures.checks++
    victim.jobIsWell()
    figures.workersSurvived += survivedBy(victim)
    for (const name of victim.said<string>('workerDied')) add(figures.ofWorkers, name)
  }

  private async atInstant(victim: Victim, aim: Phase): Promise<void> {
    const { random, plan } = this
    if (aim !== 'starting') await this.untilBegun(victim, aim)
    await Promise.race([victim.running.ended, after(random.below(plan.lastsMs[aim] * 1.2))])
    if (!victim.isAlive) throw victim.running.failure('ended by itself')
    if (aim !== 'at work' || random.chance(0.85)) return this.killNow(victim)
    await victim.stop()
    plan.figures.cleanStops++
  }

  private async killNow(victim: Victim): Promise<void> {
    this.plan.figures.atInstants[phaseOf(victim)]++
    await victim.kill()
    this.killed()
  }

  private killed(): void {
    this.kills++
    this.plan.figures.kills++
  }

  /** Measures the phases that it comes through. */
  private async untilBegun(victim: Victim, aim: Phase): Promise<void> {
    const { lastsMs } = this.plan
    let phase: Phase = 'starting'
    let sinceMs = Date.now()
    for (const [next, told] of BEGINNINGS) {
      await victim.untilSaid(told)
      const nowMs = Date.now()
      lastsMs[phase] = Math.min(SLOWEST_PHASE_MS, lastsMs[phase] * 0.8 + (nowMs - sinceMs) * 0.2)
      if (next === aim) return
      phase = next
      sinceMs = nowMs
    }
  }

  private async dieAtPoint(point: Point): Promise<void> {
    const { plan, random, life } = this
    const preparation = POINTS.find((each) => pointName(each) === point.behind)
    if (preparation !== undefined) await this.dieAtPoint(preparation)
    const { operation, file, moment, mostNth } = point
    const name = pointName(point)
    const misses = plan.misses.get(name) ?? 0
    // The first one that comes, where a later one did not.
    const nth = misses === 0 ? random.between(1, mostNth) : 1
    const victim = life.spawn({ killPoint: { operation, file, moment, nth } })
    await this.die(victim, async () => {
      await Promise.race([victim.running.ended, this.hasWorked(victim)])
      if (victim.isAlive) {
        plan.misses.set(name, misses + 1)
        if (misses < 5) plan.points.again(point)
        return this.killNow(victim)
      }
      if (victim.running.child.signalCode !== 'SIGKILL') throw victim.running.failure('ended by itself')
      this.killed()
      add(plan.figures.atNamedPoints, name)
    })
  }

  /** Long enough to come to any point that there is. */
  private async hasWorked(victim: Victim): Promise<void> {
    if (!(await victim.ready())) return
    await victim.untilSaid('jobStarted')
    await after(POINT_DEADLINE_MS)
  }

  /** Three workers die one after the other, the last one with its heir; then the process does. */
  private async outliveWorkers(): Promise<void> {
    const { plan, random } = this
    const death = (where: Pick<WorkerDeath, 'at' | 'moment'>, nth: number, mostMs: number): WorkerDeath => ({
      ...where,
      nth: random.between(1, nth),
      delayMs: random.below(mostMs),
    })
    const atAnyMoment = (): WorkerDeath => death({ moment: 'after' }, 2, 500)
    const victim = this.life.spawn({
      executors: 2,
      workerDeaths: [
        atAnyMoment(),
        death(plan.batchDeaths.next(), 6, 4),
        { ...atAnyMoment(), heir: death(plan.takeoverDeaths.next(), 2, 4) },
      ],
    })
    await this.die(victim, async () => {
      await Promise.race([victim.untilSaid('deathsDone'), after(DEATHS_DEADLINE_MS)])
      if (victim.said('workerDied').length > survivedBy(victim))
        throw victim.running.failure('no batch is completed behind the death of a worker')
      await this.atInstant(victim, 'at work')
    })
  }
}

/** How many of its worker threads have died before a batch was completed. */
function survivedBy(victim: Victim): number {
  return victim.said<number>('workersSurvived').reduce((sum, count) => sum + count, 0)
}

function phaseOf(victim: Victim): Phase {
  return BEGINNINGS.findLast(([, told]) => victim.hasSaid(told))?.[0] ?? 'starting'
}
