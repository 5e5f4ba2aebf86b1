// A long life of one data directory: a broker on it that comes and goes, one load that outlives it, one checker.
// How the broker goes is the business of kill-world.ts and power-cut.test.ts.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { Random } from '../world/random.ts'
import { isConnectionError, WireClient } from '../world/wire-client.ts'
import { Checker } from './checker.ts'
import { Loader, Victim } from './processes.ts'
import type { VictimOptions } from './victim.ts'
import { Watcher } from './watcher.ts'

const CATCH_UP_DEADLINE_MS = 120_000

export interface LifeOptions {
  seed: number
  hasJob: boolean
  recordsPerSecond: number
  /** Where data (and the job's checkpoint) live; default: below the life's own directory. */
  dataDir?: string
  /** The file system of `dataDir` is cut off at times. */
  losesPower?: boolean
  config?: Record<string, string>
}

type HowToLive = Pick<VictimOptions, 'executors' | 'jobAfterMs' | 'killPoint' | 'workerDeaths'>

export class Life {
  readonly checker: Checker
  readonly directory = mkdtempSync(join(tmpdir(), 'logmill-kill-'))
  private readonly options: LifeOptions
  private readonly dataDir: string
  private victim: Victim | undefined
  private loader: Loader | undefined
  watcher: Watcher | undefined
  withExecutors = 0
  private readonly random: Random
  private port = 0

  constructor(options: LifeOptions) {
    this.options = options
    this.random = new Random(options.seed + 1)
    this.dataDir = options.dataDir ?? join(this.directory, 'data')
    this.checker = new Checker(options.seed, this.dataDir)
  }

  /** The first broker, and the load on it. */
  async begin(): Promise<Victim> {
    const victim = await this.restart()
    this.port = Number(victim.bootstrap.split(':')[1])
    const { seed, recordsPerSecond, hasJob, losesPower = false } = this.options
    const { bootstrap } = victim
    const ackFile = join(this.directory, 'acknowledged')
    this.loader = new Loader({ bootstrap, seed, ackFile, producers: 2, recordsPerSecond })
    if (hasJob) this.watcher = new Watcher(bootstrap, this.dataDir, losesPower)
    await this.loader.underWay()
    return victim
  }

  /** Does not wait until it is ready. */
  spawn({ executors = this.someExecutors(), ...how }: HowToLive = {}): Victim {
    if (executors !== undefined) this.withExecutors++
    this.victim = Victim.spawn({
      dataDir: this.dataDir,
      port: this.port,
      job: this.options.hasJob,
      executors,
      // So that segments roll, and indexes, snapshots and side files change, within every life.
      config: {
        'log.roll.ms': '1000',
        'log.index.interval.bytes': '1024',
        'log.flush.offset.checkpoint.interval.ms': '300',
        // Else every start opens a hundred logs that nothing is in.
        'offsets.topic.num.partitions': '5',
        'transaction.state.log.num.partitions': '5',
        ...this.options.config,
      },
      ...how,
    })
    return this.victim
  }

  /** Some lives with worker threads, some without: state must not care. */
  private someExecutors(): number | undefined {
    return this.options.hasJob && this.random.chance(0.3) ? 2 : undefined
  }

  async restart(): Promise<Victim> {
    const victim = this.spawn()
    if (!(await victim.ready())) throw victim.running.failure('died before it was ready')
    return victim
  }

  /** Nothing acknowledged so far is lost or doubled, no total is wrong. */
  async check(victim: Victim): Promise<void> {
    await this.checker.check(victim.bootstrap, this.loaded().newAcks(), this.options.hasJob)
    victim.jobIsWell()
    this.watcher?.check()
  }

  /** The same while it may die at any moment: what it does not come to is left to the next one. */
  async checkWhileAlive(victim: Victim): Promise<boolean> {
    try {
      if (!(await victim.ready())) return false
      await this.check(victim)
      return true
    } catch (error) {
      if (isConnectionError(error)) return false
      throw error
    }
  }

  /** Takes note of what was acknowledged without looking at the log. */
  note(): void {
    this.checker.take(this.loaded().newAcks())
  }

  /** Takes note of what was acknowledged, and sends nothing any more, not even again. */
  async cutLoad(): Promise<void> {
    await this.loaded().stop()
    this.note()
  }

  /** Resolves when so many records are acknowledged. */
  async untilLoaded(records: number): Promise<void> {
    this.note()
    while (this.checker.input.ackedCount < records) {
      await after(50)
      this.note()
    }
  }

  /** Resolves when something is acknowledged that was not yet. */
  async untilMoreIsAcknowledged(): Promise<void> {
    this.note()
    await this.untilLoaded(this.checker.input.ackedCount + 1)
  }

  /** Resolves when the job has put something out that it had not yet, or has ended. */
  async untilMoreIsCounted(victim: Victim): Promise<void> {
    const counted = (): number => this.watcher?.counted ?? 0
    const before = counted()
    const deadline = Date.now() + CATCH_UP_DEADLINE_MS
    while (counted() === before && victim.isAlive && !victim.hasSaid('jobFailed')) {
      this.watcher?.check()
      if (Date.now() > deadline) throw victim.running.failure('nothing more is counted')
      await after(20)
    }
  }

  /** Ends the load, waits until everything is counted, reads all of it once more, stops in order. */
  async finish(victim: Victim): Promise<void> {
    const { hasJob } = this.options
    await this.loaded().finish()
    this.note()
    if (hasJob) await this.untilCountedAll(victim)
    await this.checker.checkWhole(victim.bootstrap, hasJob)
    await this.watcher?.end()
    this.watcher?.check()
    await victim.stop()
  }

  /** Nothing is left behind but, after a failure, the files, which the failure names. */
  async end(hasFailed: boolean): Promise<void> {
    await this.victim?.kill()
    await this.watcher?.end()
    await this.loader?.end()
    if (!hasFailed) rmSync(this.directory, { recursive: true, force: true })
  }

  private loaded(): Loader {
    if (this.loader === undefined) throw new Error('the load has not begun')
    return this.loader
  }

  /** The job has caught up when its outputs have all that the input asks for. */
  private async untilCountedAll(victim: Victim): Promise<void> {
    const { checker } = this
    await using client = await WireClient.connect(victim.bootstrap)
    await checker.readInput(client)
    const { input, outputs } = checker
    const deadline = Date.now() + CATCH_UP_DEADLINE_MS
    for (;;) {
      victim.jobIsWell()
      await outputs.read(client)
      if (outputs.hasAll(input)) return
      if (Date.now() > deadline || !victim.isAlive)
        throw victim.running.failure(
          `${outputs.sum()} words and ${outputs.visits.recordCount} visits, no more come`,
        )
      await after(50)
    }
  }
}

/** Runs a life; a failure says which seed, and where the files are. */
export async function live<T>(life: Life, what: () => string, act: () => Promise<T>): Promise<T> {
  let hasFailed = true
  try {
    const result = await act()
    hasFailed = false
    return result
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Error(`${message}\n${what()}; files kept in ${life.directory}`, { cause: error })
  } finally {
    await life.end(hasFailed)
  }
}
