// The processes of these tests: the one that dies and the one that loads it.

import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { Running } from '../world/running.ts'
import { type Ack, parseAck } from './load.ts'
import type { VictimOptions } from './victim.ts'

const here = import.meta.dirname
const program = (name: string, ...args: string[]): string[] => [
  process.execPath,
  '--import',
  'tsx',
  resolve(here, name),
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
    return new Victim(new Running(program('victim.ts', JSON.stringify(options))))
  }

  get isAlive(): boolean {
    const { exitCode, signalCode } = this.running.child
    return exitCode === null && signalCode === null
  }

  /** Resolves when clients can connect, or with false when the process was killed before. */
  async ready(): Promise<boolean> {
    const line = await this.running
      .waitFor('ready line', ({ lines }) => lines.find((text) => text.includes('bootstrapServers')))
      .catch((error: unknown) => {
        if (this.running.child.signalCode === 'SIGKILL') return undefined
        throw error
      })
    if (line === undefined) return false
    this.bootstrap = (JSON.parse(line) as { bootstrapServers: string }).bootstrapServers
    return true
  }

  /** Resolves when the job has started, or the process or the job has ended. */
  async underWay(): Promise<void> {
    const told = ({ lines }: Running) => lines.find((text) => /jobStarted|jobFailed/.test(text))
    await this.running.waitFor('start of the job', told).catch((error: unknown) => {
      if (this.isAlive) throw error
    })
  }

  /** Throws when the job has ended by an error, which is the process's last word about it. */
  jobIsWell(): void {
    const line = this.running.lines.find((text) => text.includes('jobFailed'))
    if (line !== undefined) throw new Error((JSON.parse(line) as { jobFailed: string }).jobFailed)
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
    this.running = new Running(program('loader.ts', ...args))
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
