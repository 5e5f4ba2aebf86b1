// A command that runs beside the test. Everything waits for a condition: a line of output, the end of the
// process; the deadline only ends a test that hangs.

import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

const COMMAND_DEADLINE_MS = 90_000

/** A running command, read line by line. */
export class Running {
  readonly child: ChildProcess
  readonly lines: string[] = []
  private readonly watchers = new Set<() => void>()
  private errorText = ''
  /** Ended, and all that it wrote has been read. */
  private isClosed = false
  readonly ended: Promise<number | null>

  constructor(command: readonly string[], env: Record<string, string> = {}) {
    const [file = '', ...args] = command
    this.child = spawn(file, args, { cwd: root, env: { ...process.env, ...env } })
    let rest = ''
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      this.lines.push(...lines)
      this.changed()
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errorText += text
      this.changed()
    })
    this.ended = new Promise((done) => {
      this.child.on('error', (error) => {
        this.errorText += error.message
        this.isClosed = true
        done(-1)
        this.changed()
      })
      this.child.on('close', (code) => {
        if (rest !== '') this.lines.push(rest)
        this.isClosed = true
        done(code)
        this.changed()
      })
    })
  }

  get stderr(): string {
    return this.errorText
  }

  /** Resolves when `found` gives something for the output so far. */
  waitFor<T>(
    what: string,
    found: (running: this) => T | undefined,
    deadlineMs = COMMAND_DEADLINE_MS,
  ): Promise<T> {
    return new Promise((done, fail) => {
      const look = (): void => {
        const value = found(this)
        if (value !== undefined) finish(() => done(value))
        else if (this.isClosed) finish(() => fail(this.failure(`ended before ${what}`)))
      }
      const finish = (act: () => void): void => {
        clearTimeout(deadline)
        this.watchers.delete(look)
        act()
      }
      const deadline = setTimeout(() => finish(() => fail(this.failure(`no ${what} in time`))), deadlineMs)
      this.watchers.add(look)
      look()
    })
  }

  failure(what: string): Error {
    return new Error(
      `${this.child.spawnargs.join(' ').slice(-300)}\n${what}\n${this.lines.slice(-20).join('\n')}\n${this.errorText.slice(-3000)}`,
    )
  }

  private changed(): void {
    for (const look of this.watchers) look()
  }
}

/** Runs to the end and gives the lines of standard output; throws with both outputs unless the exit code is 0. */
export async function run(command: readonly string[], input?: string): Promise<string[]> {
  const running = new Running(command)
  running.child.stdin?.on('error', () => undefined)
  running.child.stdin?.end(input ?? '')
  const deadline = setTimeout(() => running.child.kill('SIGKILL'), COMMAND_DEADLINE_MS)
  const code = await running.ended
  clearTimeout(deadline)
  if (code !== 0) throw running.failure(`exit code ${code}`)
  return running.lines
}
