// What an embedder may say about a broker, and how that becomes Kafka's own settings. Names are those of the
// public API; everything that Kafka has a key for is such a key, so that there is one way to configure.

import type { Clock } from '../time/clock.ts'
import { parseSetting, type Setting } from './config/properties.ts'

export type Logger = Pick<Console, 'debug' | 'info' | 'warn' | 'error'>

export interface TopicOptions {
  /** Left out: num.partitions. */
  partitions?: number
  /** Kafka's topic configuration keys. */
  config?: Record<string, string | number | boolean>
}

export interface BrokerOptions {
  /** Where logs and metadata live. Left out: in memory, gone when the broker stops. */
  dataDir?: string
  /** Default 127.0.0.1. An address beyond loopback needs `insecure`. */
  host?: string
  /** Default 0: a free port. */
  port?: number
  /** Kafka's server.properties keys. They win over `host`, `port` and `dataDir`. */
  config?: Record<string, string | number | boolean>
  /** Topics that exist when the broker is ready; those that were there already are left as they are. */
  topics?: Record<string, TopicOptions>
  /** Moves retention, sessions and timeouts; the system's clock if left out. */
  clock?: Clock
  /** Default: warnings and errors go to the console. */
  logger?: Logger
  /** Stops the broker when it is aborted. */
  signal?: AbortSignal
  /** Listen beyond loopback although there is no authentication. */
  insecure?: boolean
  /** Settings with their origin (a file's line, --set), for messages; they win over `config`. */
  settings?: readonly Setting[]
}

export const quietLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (...words) => console.warn(...words),
  error: (...words) => console.error(...words),
}

/** All settings in the order in which they count, the last one wins. */
export function settingsOf(options: BrokerOptions): Setting[] {
  const { host = '127.0.0.1', port = 0, dataDir, config = {}, settings = [] } = options
  const address = host.includes(':') ? `[${host}]` : host
  const implied: [string, string][] = [['listeners', `PLAINTEXT://${address}:${port}`]]
  if (dataDir === undefined) {
    // Nobody waits three seconds for a first member in a test.
    implied.push(['group.initial.rebalance.delay.ms', '0'])
  } else {
    implied.push(['log.dirs', dataDir])
  }
  return [
    ...implied.map(([key, value]): Setting => ({ key, value, origin: 'options' })),
    ...Object.entries(config).map(([key, value]) => parseSetting(`${key}=${value}`, 'config')),
    ...settings,
  ]
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host)
}
