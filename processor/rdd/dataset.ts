// What the engine runs: rows in partitions, read by pushing (see graph/contracts/rows.ts). The public RDD
// is a face over it. A dataset is described first and computed when it is prepared and opened.

import type { Emit, RowReader } from '../graph/contracts/rows.ts'
import type { Partitioner } from '../graph/partitioner.ts'
import { ArrayReader } from './array-reader.ts'
import type { SpillSpace } from './spill-space.ts'

/** Drives readers; the executor decides where and in how large slices. */
export interface TaskRunner {
  /** Who else runs the same batch with the same graph; undefined: this thread runs all of it. */
  readonly peers?: Peers | undefined
  /** Where rows go that memory shall not hold. */
  readonly spills: SpillSpace
  /**
   * Reads to the end, or until `enough()`, and closes the reader in every case. After each slice `pause` may
   * hand back a promise to be awaited first (a full output buffer).
   */
  drain(reader: RowReader, pause?: () => Promise<void> | undefined, enough?: () => boolean): Promise<void>
}

/**
 * The threads that run a batch together. All have the same graph and prepare the same datasets in the same order,
 * each reading the partitions that it owns.
 */
export interface Peers {
  /** Of this thread, below `count`. */
  readonly index: number
  readonly count: number
  /**
   * Rows are going to change threads: all must call it at the same point. `operator` names it, also where a row is no
   * plain data and so cannot travel.
   */
  begin<T>(operator: string): Exchanging<T>
  /**
   * Hears whether the run of the batch counts, once it is over. One that is given up may have stopped other threads inside of
   * what this one has done: it must be done again, or threads would be at different exchanges.
   */
  whenOver(told: (counts: boolean) => void): void
}

/** Rows on their way between threads: they go while they are given, and wait where they arrive, on disk if need be. */
export interface Exchanging<T> {
  /** One more row for a thread, which may be this one. */
  give(to: number, row: T): void
  /** Nothing more is given: what each thread had for this one, by their indexes. */
  shares(): Promise<readonly Share<T>[]>
}

/** Rows to be read once. */
export interface Share<T> {
  open(emit: Emit<T>): RowReader
  /** Gives back what it holds. */
  release(): void
}

/** Few rows, which all have at hand: hands `rows[i]` to thread i and gives what each had for this one. */
export async function exchangeFew<T>(
  peers: Peers,
  operator: string,
  rows: readonly (readonly T[])[],
  run: TaskRunner,
): Promise<T[][]> {
  const exchanging = peers.begin<T>(operator)
  for (const [to, of] of rows.entries()) for (const row of of) exchanging.give(to, row)
  const taken: T[][] = []
  for (const share of await exchanging.shares()) {
    const list: T[] = []
    taken.push(list)
    await run.drain(share.open((row) => void list.push(row)))
    share.release()
  }
  return taken
}

/** Where rows are added, and what makes room for them: for TaskRunner.drain. */
export interface Adding<R> {
  readonly emit: Emit<R>
  readonly pause?: (() => Promise<void> | undefined) | undefined
}

/** Pushes what each thread had for this one, in their order. */
export async function takeAll<T>(
  exchanging: Exchanging<T>,
  run: TaskRunner,
  emit: Emit<T>,
  pause?: () => Promise<void> | undefined,
): Promise<void> {
  for (const share of await exchanging.shares()) {
    await run.drain(share.open(emit), pause)
    share.release()
  }
}

/**
 * How long rows can be read again without running a user's function again: not at all, while their batch
 * runs, or as long as the dataset is held.
 */
export type Keeps = 'no' | 'batch' | 'always'

export interface Dataset<T> {
  readonly partitions: number
  readonly keeps: Keeps
  /** Its rows are pairs, and lie where this puts their keys; absent or undefined: nobody knows. */
  readonly partitioner?: Partitioner | undefined
  /** Which of `count` threads has the partition; absent: dealt out in order (ownerOf). */
  owner?(partition: number, count: number): number
  /** Absent or undefined: a partition is read as a whole, by its owner. */
  readonly slices?: Slices<T> | undefined
  /** Runs what must be whole before a partition can be opened (shuffles, state). Does its work once. */
  prepare(run: TaskRunner): Promise<void>
  /** Only after `prepare`. */
  open(partition: number, emit: Emit<T>): RowReader
  /** Gives back what it holds outside of the heap: it is not read any more. */
  release?(): void
}

/** Rows that any thread can read, from the middle too: sources, arrays, and row by row what is made of them. */
export interface Slices<T> {
  /** Rows of each partition, or a guess at them. */
  readonly rows: readonly number[]
  /** Rows [from, until) of a partition; the last slice of one ends at its number in `rows`. */
  open(partition: number, from: number, until: number, emit: Emit<T>): RowReader
}

/** Partitions dealt out in order: the first ones to the first thread. */
export function ownerOf(partition: number, partitions: number, count: number): number {
  return Math.floor((partition * count) / partitions)
}

/** The thread that has a partition, among `count`. */
export function ownerIn(dataset: Dataset<unknown>, partition: number, count: number): number {
  return dataset.owner?.(partition, count) ?? ownerOf(partition, dataset.partitions, count)
}

/** Who runs the work, and what follows of it. */
export interface Outcome {
  readonly in: TaskRunner
  /** It is done for good: what it was made of can go. */
  settled?(): void
  /** It counts no more, and may be done again. */
  undone?(): void
}

/**
 * Runs `work` at the first call; later callers share the outcome. Where it fails, the next call begins anew; with an
 * `outcome` also where the run of the batch in which it was done is given up.
 */
export class Once {
  private done: Promise<void> | undefined

  run(work: () => Promise<void>, outcome?: Outcome): Promise<void> {
    this.done ??= this.attempt(work, outcome)
    return this.done
  }

  private async attempt(work: () => Promise<void>, outcome: Outcome | undefined): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.done = undefined
      throw error
    }
    const peers = outcome?.in.peers
    if (peers === undefined) outcome?.settled?.()
    else peers.whenOver((counts) => this.over(counts, outcome as Outcome))
  }

  private over(counts: boolean, outcome: Outcome): void {
    if (counts) {
      outcome.settled?.()
      return
    }
    this.done = undefined
    outcome.undone?.()
  }
}

/**
 * Prepares the dataset and pushes the rows that are this thread's to read: each row is some thread's, and their
 * shares, one after the other, are the dataset's rows in their order. Without peers: all rows.
 */
export async function drainShare<T>(
  dataset: Dataset<T>,
  run: TaskRunner,
  emit: Emit<T>,
  pause?: () => Promise<void> | undefined,
): Promise<void> {
  await dataset.prepare(run)
  for (const open of shareOf(dataset, run.peers)) await run.drain(open(emit), pause)
}

/**
 * Prepares the dataset and pushes all its rows, partition after partition: with peers in every thread, so each
 * is brought all rows. What can do with a share takes drainShare.
 */
export async function drainAll<T>(
  dataset: Dataset<T>,
  run: TaskRunner,
  emit: Emit<T>,
  pause?: () => Promise<void> | undefined,
): Promise<void> {
  const { peers } = run
  if (peers === undefined) return await drainShare(dataset, run, emit, pause)
  const exchanging = peers.begin<T>('all rows')
  await drainShare(dataset, run, (row) => {
    for (let to = 0; to < peers.count; to++) exchanging.give(to, row)
  })
  await takeAll(exchanging, run, emit, pause)
}

/** Partitions that a thread holds; those of other threads are undefined. */
export type Held<T> = (T[] | undefined)[]

/** As Held, where rows may lie elsewhere than in an array. */
export type HeldOrSpilled<T> = readonly (readonly T[] | Pick<Share<T>, 'open'> | undefined)[]

/** Opens a held partition. Throws where it is another thread's. */
export function openHeld<T>(rows: HeldOrSpilled<T>, partition: number, emit: Emit<T>): RowReader {
  const held = rows[partition]
  if (held === undefined) throw heldElsewhere(partition, rows.length)
  return 'open' in held ? held.open(emit) : new ArrayReader(held, emit)
}

export function heldElsewhere(partition: number, partitions: number): Error {
  return new Error(
    `partition ${partition} of ${partitions} is another worker's: an operator that brings partitions ` +
      `together without a shuffle cannot run with executors`,
  )
}

/** The partitions of a dataset that this thread has. */
export function owns(dataset: Dataset<unknown>, partition: number, peers: Peers | undefined): boolean {
  return peers === undefined || ownerIn(dataset, partition, peers.count) === peers.index
}

type Open<T> = (emit: Emit<T>) => RowReader

function shareOf<T>(dataset: Dataset<T>, peers: Peers | undefined): Open<T>[] {
  const partitions = Array.from({ length: dataset.partitions }, (_, partition) => partition)
  const whole = (partition: number) => (emit: Emit<T>) => dataset.open(partition, emit)
  if (peers === undefined) return partitions.map(whole)
  const { slices } = dataset
  if (slices !== undefined) return shareOfSlices(slices, peers)
  return partitions.filter((partition) => owns(dataset, partition, peers)).map(whole)
}

// Contiguous, so that all shares together are in the order of the rows.
function shareOfSlices<T>(slices: Slices<T>, { index, count }: Peers): Open<T>[] {
  const total = slices.rows.reduce((sum, rows) => sum + rows, 0)
  const begin = Math.floor((index * total) / count)
  const end = Math.floor(((index + 1) * total) / count)
  const share: Open<T>[] = []
  let first = 0
  for (const [partition, rows] of slices.rows.entries()) {
    const from = Math.max(begin, first) - first
    const until = Math.min(end, first + rows) - first
    if (from < until) share.push((emit) => slices.open(partition, from, until, emit))
    first += rows
  }
  return share
}
