// Dying at a named point: the n-th write, sync, rename… of a file is when the process kills itself, before it,
// after it, or with half of the bytes written. Works by standing in for functions of node:fs, so the program
// under test knows nothing of it.

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

export interface KillPoint {
  /** `step`: of the job's commit, see job-steps.ts. */
  operation: 'write' | 'sync' | 'open' | 'rename' | 'truncate' | 'remove' | 'step'
  /** A regular expression over the path; of a step, its name. */
  file: string
  /** The how manieth such operation. */
  nth: number
  /** `half`: of a write's bytes. `after`, of a sync: when it is done and nobody has been told. */
  moment: 'before' | 'half' | 'after'
}

/** Where a run may die, by the step that it is in. */
export const KILL_POINTS: readonly (Omit<KillPoint, 'nth'> & {
  name: string
  mostNth: number
  /** Another one that makes it come: moment and name. */
  behind?: string
})[] = [
  ...(['before', 'half', 'after'] as const).flatMap((moment) => [
    {
      name: 'append to the input',
      operation: 'write',
      file: '/lines-\\d/\\d+\\.log$',
      mostNth: 400,
      moment,
    } as const,
    {
      name: 'append to the output',
      operation: 'write',
      file: '/totals-\\d/\\d+\\.log$',
      mostNth: 8,
      moment,
    } as const,
    {
      name: 'a transaction is noted',
      operation: 'write',
      file: '/__transaction_state-.*log$',
      mostNth: 12,
      moment,
    } as const,
    {
      name: 'offsets are noted',
      operation: 'write',
      file: '/__consumer_offsets-.*log$',
      mostNth: 6,
      moment,
    } as const,
    { name: 'an index entry', operation: 'write', file: 'index$', mostNth: 20, moment } as const,
    {
      name: 'a side file',
      operation: 'write',
      file: '(snapshot|checkpoint)[^/]*$',
      mostNth: 4,
      moment,
    } as const,
  ]),
  ...(['before', 'after'] as const).flatMap((moment) => [
    {
      name: 'a segment is opened',
      operation: 'open',
      file: '/lines-\\d/0*[1-9]\\d*\\.log$',
      mostNth: 4,
      moment,
    } as const,
    { name: 'the input is synced', operation: 'sync', file: '/lines-\\d/', mostNth: 200, moment } as const,
    { name: 'the output is synced', operation: 'sync', file: '/totals-\\d/', mostNth: 6, moment } as const,
    {
      name: 'a decision is synced',
      operation: 'sync',
      file: '/__transaction_state-',
      mostNth: 8,
      moment,
    } as const,
    { name: 'a side file is put in place', operation: 'rename', file: '.', mostNth: 6, moment } as const,
    {
      name: 'a tail is cut',
      operation: 'truncate',
      file: '.',
      mostNth: 1,
      behind: 'half append to the input',
      moment,
    } as const,
    { name: 'a file is removed', operation: 'remove', file: '.', mostNth: 1, moment } as const,
  ]),
]

/** Of the directories of batches (processor/sink/batch-files.ts), which are put aside under names with a dot. */
export const FILE_KILL_POINTS: typeof KILL_POINTS = (['before', 'after'] as const).flatMap((moment) =>
  (
    [
      { name: 'a part is opened', operation: 'open', file: '/\\.totals-.*/part-', mostNth: 20 },
      { name: 'a part is synced', operation: 'sync', file: '/\\.totals-.*/part-', mostNth: 20 },
      { name: 'files are whole', operation: 'sync', file: '/\\.totals-.*/_SUCCESS$', mostNth: 10 },
      { name: 'files are aside', operation: 'sync', file: 'word-count-files$', mostNth: 10 },
      { name: 'files are shown', operation: 'rename', file: '/totals-\\d+$', mostNth: 10 },
    ] as const
  ).map((point) => ({ ...point, moment })),
)

type Call = (...args: unknown[]) => unknown
const functions = fs as unknown as Record<string, Call>

export function armKillPoint(point: KillPoint): void {
  if (point.operation === 'step') return
  const pattern = new RegExp(point.file)
  const paths = new Map<number, string>()
  let left = point.nth
  const isNow = (operation: KillPoint['operation'], path: string): boolean =>
    operation === point.operation && pattern.test(path) && --left === 0
  const pathOf = (of: unknown): string => (typeof of === 'number' ? (paths.get(of) ?? '') : String(of))

  const replace = (name: string, make: (original: Call) => Call): void => {
    functions[name] = make((functions[name] as Call).bind(fs))
  }
  const around = (name: string, operation: KillPoint['operation'], which: number): void =>
    replace(name, (original) => (...args) => {
      if (!isNow(operation, pathOf(args[which]))) return original(...args)
      if (point.moment === 'half' && operation === 'write') writeHalf(args)
      if (point.moment === 'after') original(...args)
      die()
    })

  replace('openSync', (original) => (...args) => {
    const now = isNow('open', String(args[0]))
    if (now && point.moment === 'before') die()
    const fd = original(...args) as number
    if (now) die()
    paths.set(fd, String(args[0]))
    return fd
  })
  around('writeSync', 'write', 0)
  around('writevSync', 'write', 0)
  around('ftruncateSync', 'truncate', 0)
  around('renameSync', 'rename', 1)
  around('unlinkSync', 'remove', 0)
  const { open, rename } = fs.promises
  fs.promises.rename = async (from, to) => {
    const now = isNow('rename', String(to))
    if (now && point.moment === 'before') die()
    await rename(from, to)
    if (now) die()
  }
  fs.promises.open = async (path, ...rest) => {
    const now = isNow('open', String(path))
    if (now && point.moment === 'before') die()
    const file = await open(path, ...rest)
    if (now) die()
    const sync = file.sync.bind(file)
    file.sync = async () => {
      const isSync = isNow('sync', String(path))
      if (isSync && point.moment === 'before') die()
      await sync()
      if (isSync) die()
    }
    return file
  }
  // For those who import a function by its name.
  syncBuiltinESMExports()
  for (const name of ['fdatasync', 'fsync']) {
    replace(name, (original) => (fd, callback) => {
      if (!isNow('sync', pathOf(fd))) return original(fd, callback)
      if (point.moment === 'before') die()
      return original(fd, die)
    })
  }
}

function writeHalf([fd, bytes, ...rest]: unknown[]): void {
  const chunks = (Array.isArray(bytes) ? bytes : [bytes]) as Uint8Array[]
  const [start, length] = Array.isArray(bytes) ? [0, undefined] : (rest as (number | undefined)[])
  const position = rest.at(-1) as number | undefined
  const whole = Buffer.concat(chunks).subarray(start ?? 0)
  const half = Math.floor((length ?? whole.length) / 2)
  if (half > 0) writeWhole(fd as number, whole, 0, half, position ?? null)
}

// Kept before anything stands in for it.
const writeWhole = fs.writeSync.bind(fs)

export function die(): never {
  process.kill(process.pid, 'SIGKILL')
  // The signal is there when the system call returns; nothing of the program may run in between.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}
