// The processes of these tests: the one that dies and the one that loads it.

import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { inject } from 'vitest'
import { Running } from '../world/running.ts'
import { type Ack, parseAck } from './load.ts'
import type { VictimOptions } from './victim.ts'

const program = (name: string, ...args: string[]): string[] => [
  process.execPath,
  join(inject('programs'), 'tests/kill', name),
  ...args,
]

/** The state is the first word behind the program's name, which stands in parentheses. */
function isStopped(statFile: string): boolean {
  let text: string
  try {
    text = readFileSync(statFile, 'utf8')
  } catch {
    return true // a thread that has ended
  }
  return text[text.lastIndexOf(')') + 2] === 'T'
}

/** A broker, with or without the job, that can be killed. */
export class Victim {
  readonly running: Running
  bootstrap = ''

  private constructor(running: Running) {
    this.running = running
  }

  /** Does not wait: it may be killed before it is ready. */
  static spawn(options: VictimOptions): Victim {
    return new Victim(new Running(program('victim.js', JSON.stringify(options))))
  }

  get isAlive(): boolean {
    const { exitCode, signalCode } = this.running.child
    return exitCode === null && signalCode === null
  }

  /** Resolves when clients can connect, or with false when the process was killed before. */
  async ready(): Promise<boolean> {
    const told = () => this.said<string>('bootstrapServers')[0]
    const bootstrap = await this.running.waitFor('ready line', told).catch((error: unknown) => {
      if (this.running.child.signalCode === 'SIGKILL') return undefined
      throw error
    })
    if (bootstrap === undefined) return false
    this.bootstrap = bootstrap
    return true
  }

  /** Whether a line says so by now. */
  hasSaid(what: string): boolean {
    return this.running.lines.some((line) => line.startsWith(`{"${what}"`))
  }

  /** What all such lines say. */
  said<T>(what: string): T[] {
    return this.running.lines
      .filter((line) => line.startsWith(`{"${what}"`))
      .map((line) => (JSON.parse(line) as Record<string, T>)[what] as T)
  }

  /** Resolves when it has said so, or the process or the job has ended. */
  async untilSaid(what: string): Promise<void> {
    const told = () => (this.hasSaid(what) || this.hasSaid('jobFailed') ? true : undefined)
    await this.running.waitFor(what, told).catch((error: unknown) => {
      if (this.isAlive) throw error
    })
  }

  /** Throws when the job has ended by an error, which is the process's last word about it. */
  jobIsWell(): void {
    const [failure] = this.said<string>('jobFailed')
    if (failure !== undefined) throw new Error(failure)
  }

  /** Resolves when every thread stands still, none of them within a system call. */
  async freeze(): Promise<void> {
    const { child } = this.running
    child.kill('SIGSTOP')
    const tasks = `/proc/${child.pid}/task`
    while (this.isAlive && readdirSync(tasks).some((task) => !isStopped(`${tasks}/${task}/stat`)))
      await after(1)
  }

  thaw(): void {
    this.running.child.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    this.running.child.kill('SIGKILL')
    await this.running.ended
  }

  async stop(): Promise<void> {
    this.running.child.kill('SIGTERM')
    const code = await this.running.ended
    if (code !== 0) throw this.running.failure(`stopped with ${code}`)
  }
}

export interface LoadOptions {
  bootstrap: string
  seed: number
  ackFile: string
  producers: number
  recordsPerSecond: number
}

/** The loader and the file in which it keeps what was acknowledged. */
export class Loader {
  private readonly running: Running
  private readonly fd: number
  private position = 0

  constructor({ bootstrap, seed, ackFile, producers, recordsPerSecond }: LoadOptions) {
    writeFileSync(ackFile, '')
    this.fd = openSync(ackFile, 'r')
    const args = [bootstrap, seed, ackFile, producers, recordsPerSecond].map(String)
    this.running = new Running(program('loader.js', ...args))
  }

  /** Resolves when it has begun: something is acknowledged. */
  async underWay(): Promise<void> {
    while (fstatSync(this.fd).size === 0) {
      if (this.running.child.exitCode !== null) throw this.running.failure('the loader gave up')
      await after(10)
    }
  }

  /** What was acknowledged since the last call. Throws when the loader has given up. */
  newAcks(): Ack[] {
    if (this.running.child.exitCode !== null && this.running.child.exitCode !== 0)
      throw this.running.failure('the loader gave up')
    const chunk = Buffer.alloc(1024 * 1024)
    let text = ''
    for (let count = 1; count > 0; ) {
      count = readSync(this.fd, chunk, 0, chunk.length, this.position + text.length)
      text += chunk.toString('latin1', 0, count)
    }
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    this.position += whole.length
    return whole.split('\n').slice(0, -1).map(parseAck)
  }

  /** Sends nothing new and ends when all that was sent is acknowledged. */
  async finish(): Promise<void> {
    this.running.child.stdin?.end()
    if ((await this.running.ended) !== 0) throw this.running.failure('the loader gave up')
  }

  async stop(): Promise<void> {
    this.running.child.kill('SIGKILL')
    await this.running.ended
  }

  async end(): Promise<void> {
    await this.stop()
    closeSync(this.fd)
  }
}
