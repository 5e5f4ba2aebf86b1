// The batch machine under any order of events: what may never happen, and what must.

import { expect, test } from 'vitest'
import type { BatchStamp } from '../../../processor/graph/contracts/rows.ts'
import { BatchMachine, type Action } from '../../../processor/scheduler/machine.ts'
import { Random, seeds } from '../../world/random.ts'

/** An `expect` that costs nothing: it stands in every step of every seed. */
function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(what)
}

/** Carries out what the machine decides, at times of its own choosing, and checks every step. */
class Simulation {
  nowMs = 10_000
  readonly machine: BatchMachine
  readonly random: Random
  readonly intervalMs: number | undefined
  readonly maxPending: number
  readonly maxRunning: number
  readonly planned: BatchStamp[] = []
  readonly finished: BatchStamp[] = []
  wakeAtMs: number | undefined
  unread = 0
  failures = 0
  begun = 0
  overtaken = 0
  mayPlanLast = true
  lastPlans = 0
  private planMayBeEmpty = true
  ended = false
  private expectedId = 1
  private lastMs: number

  constructor(seed: number) {
    this.random = new Random(seed)
    this.intervalMs = this.random.chance(0.5) ? 100 : undefined
    this.maxPending = this.random.between(1, 4)
    this.maxRunning = this.random.chance(0.5) ? 1 : this.random.between(2, 3)
    const { intervalMs, maxPending, maxRunning } = this
    this.machine = new BatchMachine({ intervalMs, maxPending, maxRunning })
    const pending = Array.from({ length: this.random.below(4) }, (_, i) => ({
      batchId: i + 1,
      timeMs: 8000 + i * 100,
    }))
    this.planned.push(...pending)
    this.expectedId = pending.length + 1
    this.lastMs = pending.at(-1)?.timeMs ?? 7900
    const nextMs = this.lastMs + (this.intervalMs ?? 0)
    this.on({ type: 'started', pending, nextBatchId: this.expectedId, lastMs: this.lastMs, nextMs })
  }

  on(event: Parameters<BatchMachine['apply']>[0]): void {
    this.machine.apply(event)
    for (let action = this.machine.decide(this.nowMs); action; action = this.machine.decide(this.nowMs)) {
      this.check(action)
      this.machine.apply({ type: 'begun', action })
    }
    this.checkNotStuck()
  }

  private check(action: Action): void {
    const { machine } = this
    must(!this.ended, 'an action after the end')
    switch (action.type) {
      case 'plan': {
        const { batchId, timeMs } = action.batch
        must(machine.planning === undefined, 'two plans at once')
        must(machine.phase === 'active' || (this.mayPlanLast && !action.mayBeEmpty), 'a plan while stopping')
        if (machine.phase === 'draining') this.mayPlanLast = false
        must(machine.queue.length < this.maxPending, 'the queue is full')
        must(batchId === this.expectedId, `batch ${batchId} where ${this.expectedId} follows`)
        if (this.intervalMs !== undefined) {
          must(timeMs === this.lastMs + this.intervalMs, `${timeMs} after ${this.lastMs}`)
          must(timeMs <= this.nowMs || machine.phase === 'draining', 'a batch before its time')
          must(action.mayBeEmpty === (machine.phase === 'active'), 'a grid time without a batch')
        } else {
          must(timeMs > this.lastMs, `${timeMs} after ${this.lastMs}`)
          must(machine.running.length < this.maxRunning, 'planned ahead without a grid')
          must(!action.mayBeEmpty, 'an empty batch without a grid')
        }
        this.expectedId++
        this.lastMs = timeMs
        this.planMayBeEmpty = action.mayBeEmpty
        return
      }
      case 'run':
        must(machine.running.length < this.maxRunning, 'too many batches at once')
        must(action.batch.batchId === this.planned[this.begun]?.batchId, 'a batch out of turn')
        this.begun++
        return
      case 'wake':
        this.wakeAtMs = action.atMs
        must(action.atMs > this.nowMs, 'a timer for the past')
        return
      case 'cancel':
        must(machine.running.length > 0, 'cancelled nothing')
        return
      case 'end':
        must(machine.running.length === 0, 'ended while a batch runs')
        must(machine.planning === undefined, 'ended while a batch is planned')
        this.ended = true
    }
  }

  /** Nothing in flight and nothing to wait for would be the end of the job, unannounced. */
  private checkNotStuck(): void {
    const { machine } = this
    if (this.ended || machine.running.length > 0 || machine.planning !== undefined) return
    must(machine.phase === 'active', `${machine.phase} with nothing in flight`)
    if (this.intervalMs === undefined) must(this.unread === 0, 'rows, and nothing that would read them')
    else must(this.wakeAtMs === this.lastMs + this.intervalMs, 'no timer for the next batch')
  }

  step(): void {
    const { machine, random } = this
    const choice = random.below(10)
    if (choice < 3 && machine.planning !== undefined) this.endPlan()
    else if (choice < 6 && machine.running.length > 0) this.endRun()
    else if (choice < 8) this.pass(random.below(250))
    else if (random.chance(0.3)) this.arrive()
  }

  private endPlan(): void {
    const batch = this.machine.planning as BatchStamp
    if (!this.planMayBeEmpty && this.unread === 0) {
      this.expectedId--
      this.on({ type: 'nothingToPlan' })
      return
    }
    const took = Math.min(this.unread, this.random.between(1, 3))
    this.unread -= took
    if (this.machine.phase === 'draining') this.lastPlans++
    this.planned.push(batch)
    this.on({ type: 'planned', more: this.unread > 0 })
  }

  private endRun(): void {
    const failed = this.random.chance(0.002)
    const batch = this.random.pick(this.machine.running)
    if (failed) this.failures++
    else this.finished.push(batch)
    if (batch !== this.machine.running[0]) this.overtaken++
    const { batchId } = batch
    this.on({ type: failed ? 'failed' : 'finished', batchId })
  }

  private pass(ms: number): void {
    this.nowMs += ms
    if (this.wakeAtMs === undefined || this.wakeAtMs > this.nowMs) return
    this.wakeAtMs = undefined
    this.on({ type: 'woke' })
  }

  private arrive(): void {
    this.unread += 2
    this.on({ type: 'moved' })
  }

  /** Lets everything in flight come to its end. */
  settle(): void {
    for (let i = 0; i < 1000 && !this.ended; i++) {
      if (this.machine.planning !== undefined) this.endPlan()
      else if (this.machine.running.length > 0) this.endRun()
    }
  }
}

test.each(seeds(1, 200))(
  'one batch at a time, in order, without gaps; a stop comes to an end, seed %i',
  (seed) => {
    const world = new Simulation(seed)
    for (let step = 0; step < 400 && !world.ended; step++) world.step()
    const graceful = world.random.chance(0.5)
    const before = world.finished.length
    const inFlight = world.machine.running.length
    if (!world.ended) world.on({ type: 'stopAsked', graceful })
    world.settle()
    expect(world.ended, `seed ${seed}`).toBe(true)
    expect(world.machine.phase).toBe('stopped')
    const byId = world.finished.toSorted((a, b) => a.batchId - b.batchId)
    if (world.failures > 0) return
    expect(byId).toEqual(world.planned.slice(0, world.finished.length))
    if (graceful) expect(byId, `seed ${seed}`).toEqual(world.planned)
    else expect(world.finished.length - before).toBeLessThanOrEqual(inFlight)
  },
)

test('the simulation reaches what it is for', () => {
  const worlds = seeds(1, 200).map((seed) => {
    const world = new Simulation(seed)
    for (let step = 0; step < 400 && !world.ended; step++) world.step()
    return world
  })
  expect(worlds.filter((world) => world.failures > 0).length).toBeGreaterThan(0)
  expect(
    worlds.filter((world) => world.intervalMs === undefined && world.finished.length > 5).length,
  ).toBeGreaterThan(0)
  expect(worlds.filter((world) => world.machine.queue.length === world.maxPending).length).toBeGreaterThan(0)
  expect(worlds.filter((world) => world.overtaken > 0).length).toBeGreaterThan(0)
  for (const world of worlds) {
    if (!world.ended) world.on({ type: 'stopAsked', graceful: true })
    world.settle()
  }
  expect(
    worlds.filter((world) => world.lastPlans > 0 && world.intervalMs !== undefined).length,
  ).toBeGreaterThan(0)
})

test('a last batch is never further ahead of its time than Kafka takes timestamps', () => {
  for (const [intervalMs, action] of [
    [3_600_000, 'plan'],
    [7_200_000, 'end'],
  ] as const) {
    const machine = new BatchMachine({ intervalMs, maxPending: 1 })
    machine.apply({ type: 'started', pending: [], nextBatchId: 1, lastMs: 0, nextMs: intervalMs })
    machine.apply({ type: 'stopAsked', graceful: true })
    expect(machine.decide(1)?.type).toBe(action)
  }
})

test('a stop before the start ends at once', () => {
  const machine = new BatchMachine({ intervalMs: 100, maxPending: 1 })
  machine.apply({ type: 'stopAsked', graceful: false })
  expect(machine.decide(0)).toEqual({ type: 'end' })
})
