// Where and on what a run was made: without it a figure says nothing.

import { execFileSync } from 'node:child_process'
import os from 'node:os'

export interface Machine {
  commit: string
  /** Files of the product differ from that commit. */
  isModified: boolean
  cpu: string
  cores: number
  memoryGb: number
  system: string
  node: string
  /** Waiting processes over one minute when the run began: other work on the machine. */
  loadBefore: number
}

export function describeMachine(root: string): Machine {
  const cpus = os.cpus()
  return {
    commit: git(root, 'rev-parse', '--short=12', 'HEAD') || 'unknown',
    isModified: git(root, 'status', '--porcelain', '--', 'broker', 'processor', 'tools', 'client') !== '',
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGb: Math.round(os.totalmem() / 1e9),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    loadBefore: Math.round((os.loadavg()[0] ?? 0) * 100) / 100,
  }
}

function git(root: string, ...args: string[]): string {
  try {
    return execFileSync('git', args, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return ''
  }
}
