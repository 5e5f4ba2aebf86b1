// Worker threads of the job that die while their process lives on: ended from outside, where nothing in the thread can
// foresee it, at a message that the driver sends to it or at any moment. Works by standing in for Worker.postMessage,
// so the program under test knows nothing of it.
//
// One death follows the other when the job has survived it: `workerDied` is said of each, `workersSurvived` when a
// batch is completed behind it, `deathsDone` when no more will die.

import { Worker } from 'node:worker_threads'
import type { StreamingListener } from '../../processor/scheduler/listener.ts'

/** Sent while batches run (processor/executor/workers/calls.ts). */
const BATCH_MESSAGES = ['begin', 'output', 'finish', 'applyState', 'committed', 'taken'] as const
/** Sent to those that take the place of the dead: who dies at one of these follows another death. */
const TAKEOVER_MESSAGES = ['build', 'resetState', 'restoreState', 'restored', 'start'] as const

export interface WorkerDeath {
  /** At which message; undefined: at any moment. */
  at?: (typeof BATCH_MESSAGES)[number] | (typeof TAKEOVER_MESSAGES)[number]
  /** `before`: it never gets the message. `after`: when it has it, so many milliseconds later. */
  moment: 'before' | 'after'
  delayMs: number
  /** The how manieth such message. */
  nth: number
  /** While its place is taken up, another one dies. */
  heir?: WorkerDeath
}

/** What dies at what, once round: all messages, both moments. */
export const DEATHS_AT_BATCHES = both(BATCH_MESSAGES)
export const DEATHS_AT_TAKEOVERS = both(TAKEOVER_MESSAGES)

function both<T>(messages: readonly T[]): readonly { at: T; moment: WorkerDeath['moment'] }[] {
  return messages.flatMap((at) => (['before', 'after'] as const).map((moment) => ({ at, moment })))
}

export function nameOfDeath({ at, moment }: Pick<WorkerDeath, 'at' | 'moment'>): string {
  return at === undefined ? 'any moment' : `${moment} ${at}`
}

export class WorkerDeaths implements StreamingListener {
  private readonly coming: WorkerDeath[]
  private readonly say: (line: object) => void
  /** Those that are alive. */
  private readonly threads = new Set<Worker>()
  private armed: { death: WorkerDeath; messagesLeft: number } | undefined
  private died = 0

  constructor(deaths: readonly WorkerDeath[], say: (line: object) => void) {
    this.coming = [...deaths]
    this.say = say
    this.watchMessages((thread, name) => this.isSent(thread, name))
  }

  /** From now on they die. */
  begin(): void {
    const death = this.coming.shift()
    if (death === undefined) this.say({ deathsDone: true })
    else this.arm(death)
  }

  onBatchCompleted(): void {
    if (this.died === 0) return
    this.say({ workersSurvived: this.died })
    this.died = 0
    this.begin()
  }

  private arm(death: WorkerDeath): void {
    this.armed = { death, messagesLeft: death.nth }
    if (death.at === undefined) this.dieSoon(death)
  }

  private watchMessages(isSent: (thread: Worker, name: string) => WorkerDeath | undefined): void {
    const { postMessage } = Worker.prototype
    const { dieSoon, die } = { dieSoon: this.dieSoon.bind(this), die: this.die.bind(this) }
    Worker.prototype.postMessage = function (this: Worker, message: unknown, ...rest: unknown[]): void {
      const death = isSent(this, (message as { name?: string }).name ?? '')
      if (death?.moment === 'before') die(death, this)
      Reflect.apply(postMessage, this, [message, ...rest])
      if (death?.moment === 'after') dieSoon(death, this)
    }
  }

  /** The death that this message brings. */
  private isSent(thread: Worker, name: string): WorkerDeath | undefined {
    const { threads, armed } = this
    if (name === 'build') {
      threads.add(thread)
      thread.once('exit', () => threads.delete(thread))
    }
    if (armed === undefined || armed.death.at !== name) return undefined
    armed.messagesLeft--
    return armed.messagesLeft === 0 ? armed.death : undefined
  }

  private dieSoon(death: WorkerDeath, thread?: Worker): void {
    setTimeout(() => {
      const { threads } = this
      const alive = [...threads]
      // It may have ended with another one by then, and others may not be there yet.
      const victim = thread !== undefined && threads.has(thread) ? thread : alive[death.nth % alive.length]
      if (victim === undefined) this.dieSoon(death)
      else this.die(death, victim)
    }, death.delayMs)
  }

  private die(death: WorkerDeath, thread: Worker): void {
    this.died++
    this.say({ workerDied: nameOfDeath(death) })
    void thread.terminate()
    this.armed = undefined
    if (death.heir !== undefined) this.arm(death.heir)
  }
}
