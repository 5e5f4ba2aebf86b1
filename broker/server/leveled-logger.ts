// The embedder's logger behind a level that can be changed while the broker runs: the one logger, `root`, of the
// resource type BROKER_LOGGER (kafka-configs --entity-type broker-loggers, KIP-412). Not kept: a restart begins at INFO.

import type { BrokerLoggers } from '../handlers/broker-loggers.ts'
import type { Logger } from './broker-options.ts'

/** From what says least on; Kafka's names. */
const LEVELS = ['FATAL', 'ERROR', 'WARN', 'INFO', 'DEBUG', 'TRACE'] as const
type Level = (typeof LEVELS)[number]

const ROOT = 'root'

export class LeveledLogger implements Logger, BrokerLoggers {
  readonly validLevels: readonly string[] = [...LEVELS].sort()
  private readonly behind: Logger
  private level: Level = 'INFO'

  constructor(behind: Logger) {
    this.behind = behind
  }

  levels(): ReadonlyMap<string, string> {
    return new Map([[ROOT, this.level]])
  }

  setLevel(name: string, level: string): void {
    if (name !== ROOT) throw new Error(`there is no logger ${name}`)
    this.level = level as Level
  }

  debug(...words: unknown[]): void {
    if (this.says('DEBUG')) this.behind.debug(...words)
  }

  info(...words: unknown[]): void {
    if (this.says('INFO')) this.behind.info(...words)
  }

  warn(...words: unknown[]): void {
    if (this.says('WARN')) this.behind.warn(...words)
  }

  error(...words: unknown[]): void {
    if (this.says('ERROR')) this.behind.error(...words)
  }

  private says(level: Level): boolean {
    return LEVELS.indexOf(level) <= LEVELS.indexOf(this.level)
  }
}
