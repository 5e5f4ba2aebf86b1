// The process of a job, spoken to by lines: how many batches to run, and what it says when they are complete. Its
// processor time and memory are the kernel's figures, for a JVM and for us alike.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { type Usage, usageOf } from '../child.ts'

export interface Round {
  readonly records: number
  readonly ms: number
}

export class Contestant {
  private readonly child: ChildProcessWithoutNullStreams
  private readonly ended: Promise<never>
  private readonly usage: Usage
  private readonly startedMs = performance.now()
  private onRound: (round: Round) => void = () => {}
  private isStopping = false

  constructor(command: string, args: readonly string[]) {
    this.child = spawn(command, args, { stdio: 'pipe' })
    let errors = ''
    this.child.stderr.on('data', (bytes: Buffer) => (errors = (errors + bytes.toString()).slice(-10_000)))
    // A process that has ended cannot be written to: that it has ended is said below.
    this.child.stdin.on('error', () => {})
    this.ended = new Promise((_, reject) => {
      this.child.once('error', reject)
      this.child.once('close', (code) => {
        if (code !== 0 || !this.isStopping) {
          reject(new Error(`${path.basename(command)} has ended (${code}): ${errors.trim()}`))
        }
      })
    })
    this.ended.catch(() => {})
    createInterface({ input: this.child.stdout }).on('line', (line) =>
      this.onRound(JSON.parse(line) as Round),
    )
    this.usage = usageOf(this.child)
  }

  /** The next `batches`, one after the other. */
  round(batches: number): Promise<Round> {
    const round = new Promise<Round>((resolve) => (this.onRound = resolve))
    this.child.stdin.write(`${batches}\n`)
    return Promise.race([round, this.ended])
  }

  /** The first batch; milliseconds from the start of the process until it is complete. */
  async firstBatch(): Promise<number> {
    await this.round(1)
    return performance.now() - this.startedMs
  }

  cpuSeconds(): number {
    return this.usage.cpuSeconds()
  }

  peakMb(): number {
    return this.usage.peakMb()
  }

  /** Ends the job; resolves when all that it wrote is in its files. */
  async stop(): Promise<void> {
    this.isStopping = true
    const closed = new Promise<void>((resolve) => this.child.once('close', () => resolve()))
    this.child.stdin.end()
    await Promise.race([closed, this.ended])
  }

  /** For a run that failed. */
  kill(): void {
    this.child.kill('SIGKILL')
  }
}
