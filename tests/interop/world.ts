// A broker process for foreign commands to talk to.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Running } from '../world/running.ts'

export { Running, run } from '../world/running.ts'

export const here = import.meta.dirname

export interface ServerOptions {
  dataDir?: string
  port?: number
  set?: Record<string, string>
}

/**
 * A `logmill start` process. With LOGMILL_INTEROP_REFERENCE=host:port the suite runs against that broker
 * instead (a fresh Apache Kafka, say): what fails there is the suite's own mistake.
 */
export class Server {
  readonly bootstrap: string
  readonly dataDir: string
  private readonly running: Running
  private ownsData: boolean

  private constructor(running: Running, bootstrap: string, dataDir: string, ownsData: boolean) {
    this.running = running
    this.bootstrap = bootstrap
    this.dataDir = dataDir
    this.ownsData = ownsData
  }

  static async start({ dataDir, port = 0, set = {} }: ServerOptions = {}): Promise<Server> {
    const reference = process.env.LOGMILL_INTEROP_REFERENCE
    if (reference !== undefined) return new Server(new Running(['sleep', '3600']), reference, '', false)
    const directory = dataDir ?? mkdtempSync(join(tmpdir(), 'logmill-interop-'))
    const settings = Object.entries(set).flatMap(([key, value]) => ['--set', `${key}=${value}`])
    const running = new Running([
      process.execPath,
      '--import',
      'tsx',
      'tools/cli/main.ts',
      'start',
      '--format',
      'json',
      '--listen',
      `127.0.0.1:${port}`,
      '--data',
      directory,
      ...settings,
    ])
    const ready = await running.waitFor('ready line', ({ lines }) =>
      lines.find((line) => line.startsWith('{')),
    )
    const { bootstrapServers } = JSON.parse(ready) as { bootstrapServers: string }
    return new Server(running, bootstrapServers, directory, dataDir === undefined)
  }

  get port(): number {
    return Number(this.bootstrap.split(':').at(-1))
  }

  /** Stops the process cleanly; the data directory stays. */
  async stop(): Promise<void> {
    this.running.child.kill('SIGTERM')
    const code = await this.running.ended
    if (code !== 0) throw this.running.failure(`stopped with ${code}`)
  }

  /** Stops it cleanly and starts another on the same directory and port; this one is of no use then. */
  async restart(): Promise<Server> {
    if (process.env.LOGMILL_INTEROP_REFERENCE !== undefined) return this
    await this.stop()
    const next = await Server.start({ dataDir: this.dataDir, port: this.port })
    next.ownsData = this.ownsData
    return next
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.running.child.kill('SIGKILL')
    await this.running.ended
    if (this.ownsData) rmSync(this.dataDir, { recursive: true, force: true })
  }
}
