// Processes under measurement: started, waited for until they say where they are, watched in /proc, ended.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

/** What a process has used, by the kernel's figures. */
export interface Usage {
  /** Processor time so far, all threads, kernel included. */
  cpuSeconds(): number
  residentMb(): number
  /** The most that was ever resident. */
  peakMb(): number
}

export interface BrokerProcess extends Usage {
  readonly bootstrapServers: string
  stop(): Promise<void>
}

const CLOCK_TICKS_PER_SECOND = 100
const ADDRESS = /127\.0\.0\.1:\d+/

/** Resolves when the process has printed the address that it listens on. */
export async function startProcess(command: string, args: readonly string[]): Promise<BrokerProcess> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const bootstrapServers = await addressOf(child)
  return {
    bootstrapServers,
    ...usageOf(child),
    stop: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}

export function usageOf({ pid }: ChildProcess): Usage {
  const megabytes = (field: string): number => {
    const status = fs.readFileSync(`/proc/${pid}/status`, 'latin1')
    const [, kilobytes] = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status) ?? []
    return Number(kilobytes) / 1000
  }
  return {
    cpuSeconds: () => {
      // The name, in parentheses, may hold blanks.
      const fields = fs.readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
      return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND
    },
    residentMb: () => megabytes('VmRSS'),
    peakMb: () => megabytes('VmHWM'),
  }
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = ''
    let errors = ''
    child.stdout?.on('data', (bytes: Buffer) => {
      output += bytes.toString()
      const found = ADDRESS.exec(output)
      if (found !== null) resolve(found[0])
    })
    child.stderr?.on('data', (bytes: Buffer) => (errors += bytes.toString()))
    child.once('error', reject)
    child.once('close', () => reject(new Error(`the process ended: ${output}${errors}`.trim())))
  })
}

/** The built command, or what keeps it from being there. */
export function builtFile(root: string, ...names: string[]): { file: string } | { reason: string } {
  const file = path.join(root, 'dist', ...names)
  return fs.existsSync(file) ? { file } : { reason: `${path.relative(root, file)} is missing: npm run build` }
}

/** The built command over a data directory. */
export function startLogmill(cli: string, dir: string, durability: string): Promise<BrokerProcess> {
  const args = ['start', '--data', dir, '--listen', '127.0.0.1:0', '--format', 'json']
  return startProcess(process.execPath, [cli, ...args, '--set', `logmill.durability=${durability}`])
}

/** Runs a command to its end and returns what it printed; throws with what it said where it fails. */
export function run(command: string, args: readonly string[], cwd?: string): string {
  return execFileSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  })
}

/** As run, off the event loop: for clients of a broker in this process. `onSaid` is called with its first error output. */
export function runBeside(command: string, args: readonly string[], onSaid?: () => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    if (onSaid !== undefined) child.stderr.once('data', onSaid)
    child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()))
    child.stderr.on('data', (bytes: Buffer) => (errors += bytes.toString()))
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0
        ? resolve(output)
        : reject(new Error(`${path.basename(command)}: ${errors || `exit code ${code}`}`)),
    )
  })
}
