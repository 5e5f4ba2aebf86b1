// The deaths of broker and job, all from one seed: at random instants in every phase of a process's life, at every
// named point in turn, and of worker threads, whose process lives on. After fifty of them all is counted
// and the next ones begin with an empty disk.

import { setTimeout as after } from 'node:timers/promises'
import { Random } from '../world/random.ts'
import { JOB_STEPS } from './job-steps.ts'
import { FILE_KILL_POINTS, KILL_POINTS } from './kill-points.ts'
import { Life, live } from './life.ts'
import type { Victim } from './processes.ts'
import { Rotation } from './rotation.ts'
import { DEATHS_AT_BATCHES, DEATHS_AT_TAKEOVERS, nameOfDeath, type WorkerDeath } from './worker-deaths.ts'

const MOST_KILLS_A_DISK = 50
/** Longer than most phases last; what comes after it is the next phase. */
const SLOWEST_PHASE_MS = 3000
const AT_WORK_MS = 1000
/** For a named point to be reached. */
const POINT_DEADLINE_MS = 4000
const DEATHS_DEADLINE_MS = 30_000

/** In the order in which a process comes through them, and how often they are aimed at. */
const PHASES = { starting: 2, recovering: 2, 'catching up': 3, 'at work': 5 } as const
type Phase = keyof typeof PHASES
const AIMED_AT = (Object.keys(PHASES) as Phase[]).flatMap((phase) => Array<Phase>(PHASES[phase]).fill(phase))
/** What a victim says when a phase begins. */
const BEGINNINGS = { recovering: 'bootstrapServers', 'catching up': 'jobStarted', 'at work': 'jobCaughtUp' }

type Point = (typeof KILL_POINTS)[number]
const POINTS: readonly Point[] = [
  ...KILL_POINTS,
  ...(['before', 'after'] as const).flatMap((moment) =>
    JOB_STEPS.map((step) => ({
      name: `${step} of a batch`,
      operation: 'step' as const,
      file: step,
      // Generations move on, and plans go, once for many batches.
      mostNth: step === 'generation' || step === 'trim' ? 2 : 10,
      moment,
    })),
  ),
  ...FILE_KILL_POINTS,
]

const pointName = ({ moment, name }: Pick<Point, 'moment' | 'name'>): string => `${moment} ${name}`

export interface KillOptions {
  seed: number
  /** At random instants; those at named points come on top. */
  kills: number
  recordsPerSecond: number
  /** At least so many in the input for each kill. */
  recordsAKill: number
  /** Goes on until every named point was died at, of the process and of its workers. */
  isWhole: boolean
}

export class KillFigures {
  kills = 0
  /** At random instants, by what the process was doing. */
  readonly atInstants: Record<Phase, number> = {
    starting: 0,
    recovering: 0,
    'catching up': 0,
    'at work': 0,
  }
  readonly atNamedPoints = countersOf(POINTS.map(pointName))
  /** Of worker threads whose process lived on, by the message that they died at. */
  readonly ofWorkers = countersOf(
    ['any moment'].concat([...DEATHS_AT_BATCHES, ...DEATHS_AT_TAKEOVERS].map(nameOfDeath)),
  )
  /** Of these, those behind which a batch was completed. */
  workersSurvived = 0
  /** Stopped in order, under load, between kills. */
  cleanStops = 0
  /** Processes whose job ran on worker threads. */
  withExecutors = 0
  disks = 0
  /** Of everything, while the next death was coming. */
  checks = 0
  /** Of all outputs, by the reader that is there all the time. */
  readings = 0
  acknowledgedRecords = 0
  inputRecords = 0
  outputRecords = 0
  visitRecords = 0
  /** Words that mapWithState gave up. */
  timedOut = 0

  get instants(): number {
    return Object.values(this.atInstants).reduce((sum, count) => sum + count, 0)
  }
}

const countersOf = (names: readonly string[]): Record<string, number> =>
  Object.fromEntries(names.map((name) => [name, 0]))

export const reached = (counters: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(counters).filter(([, count]) => count > 0))

export const unreached = (counters: Record<string, number>): string[] =>
  Object.keys(counters).filter((name) => counters[name] === 0)

export async function killAgainAndAgain(options: KillOptions): Promise<KillFigures> {
  const world = new KillWorld(options)
  while (!world.isDone) await world.fillDisk()
  return world.figures
}

class KillWorld {
  readonly figures = new KillFigures()
  private readonly options: KillOptions
  private readonly random: Random
  private readonly phases: Rotation<Phase>
  private readonly points: Rotation<Point>
  private readonly batchDeaths: Rotation<(typeof DEATHS_AT_BATCHES)[number]>
  private readonly takeoverDeaths: Rotation<(typeof DEATHS_AT_TAKEOVERS)[number]>
  /** How often a point was not reached, by its name. */
  private readonly misses = new Map<string, number>()
  /** How long phases last here, by and by. */
  private readonly lastsMs: Record<Phase, number> = {
    starting: 1000,
    recovering: 100,
    'catching up': 100,
    'at work': AT_WORK_MS,
  }
  private processes = 0

  constructor(options: KillOptions) {
    this.options = options
    const random = (this.random = new Random(options.seed))
    this.phases = new Rotation(AIMED_AT, random)
    this.points = new Rotation(POINTS, random)
    this.batchDeaths = new Rotation(DEATHS_AT_BATCHES, random)
    this.takeoverDeaths = new Rotation(DEATHS_AT_TAKEOVERS, random)
  }

  get isDone(): boolean {
    const { instants, atNamedPoints, ofWorkers } = this.figures
    if (instants < this.options.kills) return false
    return !this.options.isWhole || unreached({ ...atNamedPoints, ...ofWorkers }).length === 0
  }

  /** Some deaths over one data directory, and the whole count of what it holds. */
  async fillDisk(): Promise<void> {
    const { figures, options } = this
    const { seed, recordsPerSecond, recordsAKill } = options
    const killsBefore = figures.kills
    const kills = () => figures.kills - killsBefore
    const life = new Life({ seed: seed + figures.disks, hasJob: true, recordsPerSecond })
    await live(
      life,
      () => `seed ${seed}, after ${figures.kills} kills, on disk ${figures.disks + 1}`,
      async () => {
        let victim = await life.begin()
        await this.die(life, victim, (alive) => this.atInstant(alive, 'at work'))
        while (kills() < MOST_KILLS_A_DISK && !this.isDone) await this.nextDeath(life)
        victim = await life.restart()
        await life.untilLoaded(kills() * recordsAKill)
        await life.finish(victim)
      },
    )
    this.count(life)
  }

  /** One process in four dies at a named point, one in sixteen outlives its workers for a while. */
  private async nextDeath(life: Life): Promise<void> {
    const turn = this.processes++ % 16
    if (turn === 1) return this.outliveWorkers(life)
    if (turn % 4 === 2) return this.dieAtPoint(life, this.points.next())
    const phase = this.phases.next()
    // Where it shall catch up, there has to be something that it has missed.
    const jobAfterMs = phase === 'catching up' ? this.random.below(600) : undefined
    const victim = life.spawn({ jobAfterMs })
    await this.die(life, victim, () => this.atInstant(victim, phase))
  }

  /** Checks all while death comes. */
  private async die(life: Life, victim: Victim, come: (victim: Victim) => Promise<void>): Promise<void> {
    const [isChecked] = await Promise.all([life.checkWhileAlive(victim), come(victim)])
    if (isChecked) this.figures.checks++
    victim.jobIsWell()
    this.figures.workersSurvived += sum(victim.said<number>('workersSurvived'))
    for (const name of victim.said<string>('workerDied')) add(this.figures.ofWorkers, name)
  }

  private async atInstant(victim: Victim, aim: Phase): Promise<void> {
    const { random, lastsMs } = this
    if (aim !== 'starting') await this.untilBegun(victim, aim)
    await Promise.race([victim.running.ended, after(random.below(lastsMs[aim] * 1.2))])
    if (!victim.isAlive) throw victim.running.failure('ended by itself')
    if (aim === 'at work' && random.chance(0.15)) {
      await victim.stop()
      this.figures.cleanStops++
    } else await this.killNow(victim)
  }

  private async killNow(victim: Victim): Promise<void> {
    this.figures.atInstants[phaseOf(victim)]++
    this.figures.kills++
    await victim.kill()
  }

  /** Measures the phases that it comes through. */
  private async untilBegun(victim: Victim, aim: Exclude<Phase, 'starting'>): Promise<void> {
    let phase: Phase = 'starting'
    let sinceMs = Date.now()
    for (const next of Object.keys(BEGINNINGS) as (keyof typeof BEGINNINGS)[]) {
      await victim.untilSaid(BEGINNINGS[next])
      const nowMs = Date.now()
      this.lastsMs[phase] = Math.min(SLOWEST_PHASE_MS, this.lastsMs[phase] * 0.8 + (nowMs - sinceMs) * 0.2)
      if (next === aim) return
      phase = next
      sinceMs = nowMs
    }
  }

  private async dieAtPoint(life: Life, point: Point): Promise<void> {
    const preparation = POINTS.find((each) => pointName(each) === point.behind)
    if (preparation !== undefined) await this.dieAtPoint(life, preparation)
    const { operation, file, moment, mostNth } = point
    const name = pointName(point)
    const misses = this.misses.get(name) ?? 0
    // The first one that comes, where a later one did not.
    const nth = misses === 0 ? this.random.between(1, mostNth) : 1
    const victim = life.spawn({ killPoint: { operation, file, moment, nth } })
    await this.die(life, victim, async () => {
      await Promise.race([victim.running.ended, this.hasWorked(victim, POINT_DEADLINE_MS)])
      if (victim.isAlive) {
        this.misses.set(name, misses + 1)
        if (misses < 5) this.points.again(point)
        await this.killNow(victim)
        return
      }
      if (victim.running.child.signalCode !== 'SIGKILL') throw victim.running.failure('ended by itself')
      this.figures.kills++
      add(this.figures.atNamedPoints, name)
    })
  }

  private async hasWorked(victim: Victim, lifeMs: number): Promise<void> {
    if (!(await victim.ready())) return
    await victim.untilSaid('jobStarted')
    await after(lifeMs)
  }

  /** Three workers die one after the other, one of them with its heir; then the process does. */
  private async outliveWorkers(life: Life): Promise<void> {
    const { random } = this
    const death = (
      where: Pick<WorkerDeath, 'at' | 'moment'>,
      mostNth: number,
      mostMs: number,
    ): WorkerDeath => ({ ...where, nth: random.between(1, mostNth), delayMs: random.below(mostMs) })
    const workerDeaths = [
      death({ moment: 'after' }, 2, 500),
      death(this.batchDeaths.next(), 6, 4),
      { ...death({ moment: 'after' }, 2, 500), heir: death(this.takeoverDeaths.next(), 2, 4) },
    ]
    const victim = life.spawn({ executors: 2, workerDeaths })
    await this.die(life, victim, async () => {
      const done = victim.untilSaid('deathsDone')
      await Promise.race([done, after(DEATHS_DEADLINE_MS)])
      await this.atInstant(victim, 'at work')
    })
  }

  private count({ checker: { input, outputs }, watcher, withExecutors }: Life): void {
    const { figures } = this
    figures.disks++
    figures.withExecutors += withExecutors
    figures.readings += watcher?.readings ?? 0
    figures.acknowledgedRecords += input.ackedCount
    figures.inputRecords += input.recordCount
    figures.outputRecords += outputs.totals.recordCount
    figures.visitRecords += outputs.visits.recordCount
    figures.timedOut += outputs.visits.goneCount
    const { kills, inputRecords } = figures
    console.log(`seed ${this.options.seed}: ${kills} kills, ${inputRecords} records, ${figures.disks} disks`)
  }
}

function phaseOf(victim: Victim): Phase {
  if (victim.hasSaid('jobCaughtUp')) return 'at work'
  if (victim.hasSaid('jobStarted')) return 'catching up'
  return victim.hasSaid('bootstrapServers') ? 'recovering' : 'starting'
}

function add(counters: Record<string, number>, name: string): void {
  counters[name] = (counters[name] ?? 0) + 1
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
