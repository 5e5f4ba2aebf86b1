// Rows through a program of the operating system: one process a partition, a line for each row in, a row for each
// line out. What it wrote is held until it is read.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import { operatorFailed } from '../graph/errors.ts'
import { Once, openHeld, ownerIn, owns, type Dataset, type Held, type TaskRunner } from './dataset.ts'

const LONGEST_ERROR = 1000

export class PipedDataset<T> implements Dataset<string> {
  readonly keeps = 'always'
  readonly partitions: number
  private readonly once = new Once()
  private parent: Dataset<T> | undefined
  private readonly operator: string
  private readonly command: readonly [string, ...string[]]
  private rows: Held<string> = []
  /** By partition, once the parent is gone. */
  private owners: number[] = []

  constructor(parent: Dataset<T>, operator: string, command: readonly [string, ...string[]]) {
    this.parent = parent
    this.partitions = parent.partitions
    this.operator = operator
    this.command = command
  }

  prepare(run: TaskRunner): Promise<void> {
    return this.once.run(
      async () => {
        const parent = this.parent as Dataset<T>
        await parent.prepare(run)
        const rows: Held<string> = []
        const { peers } = run
        if (peers !== undefined) {
          this.owners = Array.from({ length: this.partitions }, (_, i) => ownerIn(parent, i, peers.count))
        }
        for (let partition = 0; partition < this.partitions; partition++) {
          const isHere = owns(parent, partition, peers)
          rows.push(isHere ? await this.through(parent, partition, run) : undefined)
        }
        this.rows = rows
      },
      { in: run, settled: () => void (this.parent = undefined) },
    )
  }

  owner(partition: number, count: number): number {
    return this.parent === undefined
      ? (this.owners[partition] as number)
      : ownerIn(this.parent, partition, count)
  }

  open(partition: number, emit: Emit<string>): RowReader {
    return openHeld(this.rows, partition, emit)
  }

  private async through(parent: Dataset<T>, partition: number, run: TaskRunner): Promise<string[]> {
    const [file, ...args] = this.command
    const child = spawn(file, args, { stdio: 'pipe' })
    let errors = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-LONGEST_ERROR)
    })
    // A program that reads only the head of its input closes it: what it wrote counts.
    child.stdin.on('error', () => {})
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    const lines: string[] = []
    const reading = (async () => {
      for await (const line of createInterface({ input: child.stdout })) lines.push(line)
    })()
    const feeding = run.drain(
      parent.open(partition, (row) => void child.stdin.write(`${String(row)}\n`)),
      () => (child.stdin.writableNeedDrain ? drained(child.stdin) : undefined),
    )
    try {
      await feeding
      child.stdin.end()
      const [code] = await Promise.all([ended, reading])
      if (code !== 0) throw new Error(`'${this.command.join(' ')}' ended with ${code}: ${errors.trim()}`)
      return lines
    } catch (error) {
      child.kill()
      ended.catch(() => {})
      throw operatorFailed(this.operator, error)
    }
  }
}

function drained(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.once('drain', done)
    stream.once('close', done)
  })
}
