// A reader that is there all the time: while the job works, while it dies, while it begins again. What it has seen
// once must stand, and go on from there.

import { setTimeout as after } from 'node:timers/promises'
import { isConnectionError, WireClient } from '../world/wire-client.ts'
import { Anomaly } from './history.ts'
import { Outputs } from './outputs.ts'

const READ_EVERY_MS = 10
const RECONNECT_AFTER_MS = 20

/** What the file system, and a broker on it, answer from when the power goes until it is there again. */
const POWER_IS_OFF = ['EIO', 'KAFKA_STORAGE_ERROR']

export class Watcher {
  /** Complete readings of all outputs, over all lives. */
  readings = 0
  private readonly bootstrap: string
  private readonly outputs: Outputs
  private readonly losesPower: boolean
  private readonly ended: Promise<void>
  private isEnding = false
  private failure: Error | undefined

  /** `losesPower`: the data directory goes away at times; nobody can read it then, and that is no anomaly. */
  constructor(bootstrap: string, dataDir: string, losesPower: boolean) {
    this.losesPower = losesPower
    this.bootstrap = bootstrap
    this.outputs = new Outputs(dataDir)
    this.ended = this.watch().catch((error: Error) => void (this.failure = error))
  }

  /** Totals, so far. */
  get counted(): number {
    return this.outputs.totals.recordCount
  }

  /** Throws what it has found. */
  check(): void {
    const { failure } = this
    if (failure === undefined) return
    const kind = failure instanceof Anomaly ? failure.kind : 'unreadable'
    throw new Error(`seen while the job was at work: ${kind}: ${failure.message}`, { cause: failure })
  }

  async end(): Promise<void> {
    this.isEnding = true
    await this.ended
  }

  private async watch(): Promise<void> {
    while (!this.isEnding) {
      try {
        await using client = await WireClient.connect(this.bootstrap)
        while (!this.isEnding) {
          await this.outputs.read(client)
          this.readings++
          await after(READ_EVERY_MS)
        }
      } catch (error) {
        if (!isConnectionError(error) && !this.isPowerOff(error)) throw error
        await after(RECONNECT_AFTER_MS)
      }
    }
  }

  private isPowerOff(error: unknown): boolean {
    return this.losesPower && POWER_IS_OFF.includes((error as NodeJS.ErrnoException).code ?? '')
  }
}
