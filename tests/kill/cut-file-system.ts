// A file system that can lose its power, or have no room left: ext4 on a loop device, cut off by FS_IOC_SHUTDOWN without flushing its
// journal. What was not synced by then is gone, as after a power cut; what a disk's own cache would lose or
// reorder is not shown (the faulty storage twin shows that).

import { execFileSync, spawnSync } from 'node:child_process'
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmdirSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const IMAGE_SIZE = '512M'
/** ext4 keeps some blocks for itself that it calls free. */
const UNSURE_BYTES = 16 * 1024 * 1024
/** linux/fs.h: _IOR('X', 125, __u32), and the flag that throws the journal away. */
const FS_IOC_SHUTDOWN = 0x8004587d
const GOING_FLAGS_NOLOGFLUSH = 2

const SHUTDOWN = `
import fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
fcntl.ioctl(fd, ${FS_IOC_SHUTDOWN}, struct.pack('I', ${GOING_FLAGS_NOLOGFLUSH}))
`

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/**
 * Why this machine cannot do it, or undefined. Tries it rather than guesses. `isExcused`: something is missing
 * that a machine need not have; otherwise it ought to have worked.
 */
export function whyNoCuts(): { reason: string; isExcused: boolean } | undefined {
  if (process.getuid?.() !== 0) return { reason: 'needs root', isExcused: true }
  for (const tool of ['mkfs.ext4', 'mount', 'umount', 'fallocate', 'python3']) {
    if (spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0)
      return { reason: `needs ${tool}`, isExcused: true }
  }
  let disk: CutFileSystem | undefined
  try {
    disk = new CutFileSystem()
    disk.cut()
    disk.remount()
    return undefined
  } catch (error) {
    const [line] = (error as Error).message.split('\n')
    return { reason: `no loop-mounted ext4 that can be cut off: ${line}`, isExcused: false }
  } finally {
    disk?.remove()
  }
}

export class CutFileSystem {
  readonly mountPoint: string
  private readonly directory = mkdtempSync(join(tmpdir(), 'logmill-cut-'))
  private readonly image = join(this.directory, 'image')
  private isMounted = false

  constructor() {
    this.mountPoint = join(this.directory, 'mnt')
    mkdirSync(this.mountPoint)
    try {
      run('truncate', '-s', IMAGE_SIZE, this.image)
      run('mkfs.ext4', '-q', '-F', this.image)
      this.mount()
    } catch (error) {
      this.remove()
      throw error
    }
  }

  /** From here on nothing reaches the disk; reads and writes fail with EIO. */
  cut(): void {
    run('python3', '-c', SHUTDOWN, this.mountPoint)
  }

  /** What is on the disk is there again. No process may have a file open. */
  remount(): void {
    this.unmount()
    this.mount()
  }

  /** All but so many bytes is taken. */
  fill(leftBytes: number): void {
    const { bfree, bsize } = statfsSync(this.mountPoint)
    const fast = bfree * bsize - UNSURE_BYTES
    // Of the last ones only a write says whether they can be had.
    if (fast > 0) run('fallocate', '-l', String(fast), this.filler)
    const fd = openSync(this.filler, 'a')
    try {
      const zeros = Buffer.alloc(64 * 1024)
      while (writeSync(fd, zeros) === zeros.length);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    } finally {
      ftruncateSync(fd, Math.max(0, fstatSync(fd).size - leftBytes))
      closeSync(fd)
    }
  }

  makeRoom(): void {
    rmSync(this.filler, { force: true })
  }

  private get filler(): string {
    return join(this.mountPoint, 'filler')
  }

  /** Idempotent. */
  remove(): void {
    try {
      this.unmount()
    } catch {
      // Somebody still has a file open: it goes when that process does.
      run('umount', '-l', this.mountPoint)
      this.isMounted = false
    }
    rmSync(this.image, { force: true })
    // Never recursively: should it still be mounted, nothing is deleted through it.
    rmdirSync(this.mountPoint)
    rmdirSync(this.directory)
  }

  private mount(): void {
    run('mount', '-o', 'loop', this.image, this.mountPoint)
    this.isMounted = true
  }

  private unmount(): void {
    if (!this.isMounted) return
    run('umount', this.mountPoint)
    this.isMounted = false
  }
}
