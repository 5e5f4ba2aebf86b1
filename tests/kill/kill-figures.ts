// What a run of kills has seen, for those who read its last lines, and for its own assertions: a death that never came
// has shown nothing.

import { JOB_STEPS } from './job-steps.ts'
import { FILE_KILL_POINTS, KILL_POINTS } from './kill-points.ts'
import type { Life } from './life.ts'
import { DEATHS_AT_BATCHES, DEATHS_AT_TAKEOVERS, nameOfDeath } from './worker-deaths.ts'

/** What a process is doing, in the order in which it comes through them. */
export type Phase = 'starting' | 'recovering' | 'catching up' | 'at work'

export type Point = (typeof KILL_POINTS)[number]
export const POINTS: readonly Point[] = [
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

export const pointName = ({ moment, name }: Pick<Point, 'moment' | 'name'>): string => `${moment} ${name}`

export type Counters<Name extends string = string> = Record<Name, number>

export class KillFigures {
  kills = 0
  /** At random instants, by what the process was doing. */
  readonly atInstants: Counters<Phase> = { starting: 0, recovering: 0, 'catching up': 0, 'at work': 0 }
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
  /** Of all outputs, by the readers that are there all the time. */
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

  /** Without what did not happen. */
  summary(): object {
    const { atNamedPoints, ofWorkers } = this
    return Object.assign({}, this, { atNamedPoints: reached(atNamedPoints), ofWorkers: reached(ofWorkers) })
  }

  /** A disk whose whole count is right. */
  count({ checker: { input, outputs }, watcher, withExecutors }: Life): void {
    this.disks++
    this.withExecutors += withExecutors
    this.readings += watcher?.readings ?? 0
    this.acknowledgedRecords += input.ackedCount
    this.inputRecords += input.recordCount
    this.outputRecords += outputs.totals.recordCount
    this.visitRecords += outputs.visits.recordCount
    this.timedOut += outputs.visits.goneCount
  }
}

function countersOf(names: readonly string[]): Counters {
  return Object.fromEntries(names.map((name) => [name, 0]))
}

export function add(counters: Counters, name: string): void {
  counters[name] = (counters[name] ?? 0) + 1
}

function reached(counters: Counters): Counters {
  return Object.fromEntries(Object.entries(counters).filter(([, count]) => count > 0))
}

export function unreached(counters: Counters): string[] {
  return Object.keys(counters).filter((name) => counters[name] === 0)
}
