// Where an instance may die: around each step on disk and in the log. A counter a point says that it did.

import { FencedError, type OutputPort, type OutputSession } from '../../../processor/ports.ts'
import type { ModelLog } from '../../processor/model-log.ts'
import type { Random } from '../../world/random.ts'
import type { Point } from './store.ts'

export class Crash extends Error {
  constructor(point: string) {
    super(`crash: ${point}`)
    this.name = 'Crash'
  }
}

/** When an instance dies: after so many steps, or at a step that is chosen by its name. Dead, it does nothing more. */
export class Lifetime {
  isDead = false
  private stepsLeft: number
  private readonly aim: string | undefined
  private timesLeft: number
  private readonly count: (name: string) => void

  private constructor(steps: number, aim: string | undefined, times: number, count: (name: string) => void) {
    this.stepsLeft = steps
    this.aim = aim
    this.timesLeft = times
    this.count = count
  }

  static endless(count: (name: string) => void): Lifetime {
    return new Lifetime(Number.POSITIVE_INFINITY, undefined, 0, count)
  }

  /** Of at most so many steps. */
  static short(random: Random, steps: number, count: (name: string) => void): Lifetime {
    return new Lifetime(random.between(1, steps), undefined, 0, count)
  }

  /** Until it comes to this point so many times, if it ever does: some are rare. */
  static until(point: string, times: number, count: (name: string) => void): Lifetime {
    return new Lifetime(Number.POSITIVE_INFINITY, point, times, count)
  }

  static random(
    random: Random,
    steps: number,
    points: readonly string[],
    count: (name: string) => void,
  ): Lifetime {
    if (random.chance(0.25)) return Lifetime.endless(count)
    if (random.chance(0.5)) return Lifetime.short(random, steps, count)
    return Lifetime.until(random.pick(points), random.pick([1, 1, 1, 2, 5]), count)
  }

  step(name: string): void {
    const point = name.replace(/state-./, 'generation')
    if (this.isDead) throw new Crash(`dead before ${point}`)
    const isAimed = point === this.aim && --this.timesLeft === 0
    if (--this.stepsLeft > 0 && !isAimed) return
    this.isDead = true
    this.count(`crash: ${point}`)
    throw new Crash(point)
  }
}

/** `steps` × `when`, as the names of points are made. */
export function pointsOf(steps: readonly string[], when: readonly string[]): string[] {
  return steps.flatMap((step) => when.map((each) => `${step} ${each}`))
}

/** A failure that the world itself has brought about. */
export function isOfTheWorld(error: unknown): boolean {
  if (error instanceof Crash || error instanceof FencedError) return true
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Crash || cause instanceof FencedError
}

/** The log as an instance reaches it: the instance may die before or after each request. */
export function crashing(log: ModelLog, point: Point): OutputPort {
  const around = async <T>(name: string, act: () => Promise<T>): Promise<T> => {
    await point(`${name} not asked`)
    const answer = await act()
    await point(`${name} done`)
    return answer
  }
  const wrapped = (session: OutputSession): OutputSession => ({
    producerId: session.producerId,
    producerEpoch: session.producerEpoch,
    committedOffsets: (groupId) => around('committedOffsets', () => session.committedOffsets(groupId)),
    begin: () => session.begin(),
    append: (...args) => around('append', () => session.append(...args)),
    commitOffsets: (...args) => around('commitOffsets', () => session.commitOffsets(...args)),
    commit: () => around('decision', () => session.commit()),
    abort: () => around('abort', () => session.abort()),
    close: () => around('close', () => session.close()),
  })
  return {
    open: (id) => around('open', async () => wrapped(await log.open(id))),
    ensureTopic: (topic) => log.ensureTopic(topic),
  }
}
