// One process per data directory. Node offers no flock, so the lock is a numbered claim:
// `.logmill-lock.<n>`, a file, where the highest number counts (a folder of a name that is no partition's keeps
// Kafka from starting on the directory). Each claim is made whole by link(2), which is
// atomic and refuses an existing name, so of any number of processes that find claim n dead exactly one
// becomes n+1. A released claim is overwritten, never removed, so that a number is never given out twice;
// the holder of n removes those below it, and a slow rival that still makes a lower one sees that it is
// not the highest and withdraws.
//
// A claim names pid, process start time, boot and pid namespace. Alive means: same boot, and a process
// with that pid and that start time (a recycled pid differs in the second). A holder in another pid
// namespace of the same boot cannot be looked at: under the same host name it is this container before
// its restart and counts as dead; under another host name it is refused, to be on the safe side.
//
// Weighed against: an abstract socket (freed by the kernel, but one per network namespace: two containers
// on one volume would both get it), a socket file (left behind by kill -9, and only an asynchronous
// connect can tell), a FIFO (tells synchronously, but Node cannot make one).

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { StorageError } from './storage.ts'

const PREFIX = '.logmill-lock.'
const CLAIM = /^\.logmill-lock\.([1-9][0-9]{0,14})$/

interface Claim {
  pid: number
  /** Field 22 of /proc/<pid>/stat, '' where the system has none. */
  startTime: string
  bootId: string
  pidNamespace: string
  hostName: string
  released: boolean
}

export class DirectoryLock {
  private readonly root: string
  private readonly number: number

  private constructor(root: string, number: number) {
    this.root = root
    this.number = number
  }

  /** Throws StorageError naming the pid of the live holder; a dead holder's lock is taken over. */
  static take(root: string): DirectoryLock {
    try {
      // A round is lost only to a process that got further, so a few rounds end in success or its name.
      for (let round = 0; round < 100; round++) {
        const highest = Math.max(0, ...claimNumbers(root))
        if (highest > 0) refuseLiveHolder(root, highest)
        if (makeClaim(root, highest + 1)) return new DirectoryLock(root, highest + 1)
      }
    } catch (cause) {
      if (cause instanceof StorageError) throw cause
      throw new StorageError(root, `cannot lock the data directory: ${(cause as Error).message}`, { cause })
    }
    throw new StorageError(root, 'cannot lock the data directory: other processes keep taking and leaving it')
  }

  release(): void {
    const own = claimPath(this.root, this.number)
    const aside = `${own}.released`
    try {
      fs.writeFileSync(aside, JSON.stringify({ ...ownClaim(), released: true }), { mode: 0o600 })
      fs.renameSync(aside, own)
    } catch {
      // The directory is gone or the disk is full: the claim ends with this process at the latest.
    }
  }
}

function claimPath(root: string, number: number | string): string {
  return path.join(root, `${PREFIX}${number}`)
}

function claimNumbers(root: string): number[] {
  return fs.readdirSync(root).flatMap((name) => {
    const number = CLAIM.exec(name)?.[1]
    return number === undefined ? [] : Number(number)
  })
}

/** True where the claim was made and is the highest; false where another process was faster. */
function makeClaim(root: string, number: number): boolean {
  const aside = claimPath(root, `claim-${process.pid}-${process.hrtime.bigint()}`)
  const own = claimPath(root, number)
  fs.writeFileSync(aside, JSON.stringify(ownClaim()), { mode: 0o600, flag: 'wx' })
  try {
    fs.linkSync(aside, own)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    fs.unlinkSync(aside)
  }
  const others = claimNumbers(root).filter((other) => other !== number)
  if (others.some((other) => other > number)) {
    fs.unlinkSync(own)
    return false
  }
  for (const lower of others) fs.rmSync(claimPath(root, lower), { force: true })
  return true
}

function refuseLiveHolder(root: string, number: number): void {
  let text: string
  try {
    text = fs.readFileSync(claimPath(root, number), 'utf8')
  } catch (error) {
    // Removed since it was listed: a higher one exists, the next round finds it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const claim = parseClaim(text)
  // Claims appear whole by link(2), so an unreadable one is what a power cut left: its process is gone.
  if (claim === undefined || claim.released || !isAlive(claim)) return
  const where = claim.hostName === os.hostname() ? '' : ` on host ${claim.hostName}`
  throw new StorageError(root, `the data directory is in use by process ${claim.pid}${where}`)
}

function isAlive(claim: Claim): boolean {
  const own = ownClaim()
  if (claim.bootId !== own.bootId) return false
  if (claim.pidNamespace !== own.pidNamespace) return claim.hostName !== own.hostName
  if (claim.startTime !== '') return processStartTime(claim.pid) === claim.startTime
  try {
    process.kill(claim.pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function parseClaim(text: string): Claim | undefined {
  try {
    const claim = JSON.parse(text) as Partial<Claim> | null
    if (claim === null || typeof claim.pid !== 'number' || typeof claim.startTime !== 'string')
      return undefined
    if (typeof claim.bootId !== 'string' || typeof claim.pidNamespace !== 'string') return undefined
    if (typeof claim.hostName !== 'string' || typeof claim.released !== 'boolean') return undefined
    return claim as Claim
  } catch {
    return undefined
  }
}

function ownClaim(): Claim {
  return {
    pid: process.pid,
    startTime: processStartTime(process.pid) ?? '',
    bootId: readOr('/proc/sys/kernel/random/boot_id', ''),
    pidNamespace: linkOr('/proc/self/ns/pid', ''),
    hostName: os.hostname(),
    released: false,
  }
}

/** Clock ticks since boot at which the process started; undefined where there is no such process (or no /proc). */
function processStartTime(pid: number): string | undefined {
  const stat = readOr(`/proc/${pid}/stat`, '')
  // The second field is the command in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // A zombie holds no files any more: state is the first field after the command.
  if (fields.length < 20 || fields[0] === 'Z' || fields[0] === 'X') return undefined
  return fields[19]
}

function readOr(file: string, fallback: string): string {
  try {
    return fs.readFileSync(file, 'utf8').trim()
  } catch {
    return fallback
  }
}

function linkOr(file: string, fallback: string): string {
  try {
    return fs.readlinkSync(file)
  } catch {
    return fallback
  }
}
