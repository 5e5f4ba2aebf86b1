// Where settings come from: a Java properties file, `--set key=value`, the environment. Later sources win;
// each setting remembers its origin, so that an error or a warning can point at it.
//
// The file's form (java.util.Properties): `#` and `!` begin a comment, `=`, `:` or white space end a key,
// a backslash escapes, and at the end of a line joins the next one to it without its leading white space.

import { InvalidConfigError } from './config-def.ts'

export interface Setting {
  key: string
  value: string
  /** For messages: `server.properties line 3`, `--set`, `environment variable KAFKA_…`. */
  origin: string
}

const BLANK = /[ \t\f]/

export function parseProperties(text: string, source: string): Setting[] {
  const settings: Setting[] = []
  const lines = text.split(/\r\n|\n|\r/)
  for (let at = 0; at < lines.length; at++) {
    const origin = `${source} line ${at + 1}`
    let line = (lines[at] as string).replace(/^[ \t\f]+/, '')
    // A comment or blank line is never continued.
    if (line === '' || line.startsWith('#') || line.startsWith('!')) continue
    while (endsInContinuation(line) && at + 1 < lines.length) {
      line = line.slice(0, -1) + (lines[++at] as string).replace(/^[ \t\f]+/, '')
    }
    if (endsInContinuation(line)) line = line.slice(0, -1)
    settings.push({ ...splitLine(line, origin), origin })
  }
  return settings
}

/** An odd number of backslashes at the end. */
function endsInContinuation(line: string): boolean {
  let slashes = 0
  while (slashes < line.length && line[line.length - 1 - slashes] === '\\') slashes++
  return slashes % 2 === 1
}

function splitLine(line: string, origin: string): { key: string; value: string } {
  let end = 0
  while (end < line.length && !/[=: \t\f]/.test(line[end] as string)) end += line[end] === '\\' ? 2 : 1
  let start = Math.min(end, line.length)
  while (start < line.length && BLANK.test(line[start] as string)) start++
  if (line[start] === '=' || line[start] === ':') start++
  while (start < line.length && BLANK.test(line[start] as string)) start++
  return { key: unescape(line.slice(0, end), origin), value: unescape(line.slice(start), origin) }
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' }

function unescape(text: string, origin: string): string {
  if (!text.includes('\\')) return text
  return text.replace(/\\(u[0-9A-Fa-f]{4}|u|[\s\S]|$)/g, (_, escaped: string) => {
    if (escaped === 'u')
      throw new InvalidConfigError('', `${origin}: \\u must be followed by four hex digits`)
    if (escaped.length === 5) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
    return ESCAPES[escaped] ?? escaped
  })
}

/** `--set key=value`; the value may be empty and may contain `=`. */
export function parseSetting(argument: string, origin = '--set'): Setting {
  const at = argument.indexOf('=')
  const key = argument.slice(0, Math.max(at, 0)).trim()
  if (key === '') throw new InvalidConfigError('', `${origin} ${argument}: not key=value`)
  return { key, value: argument.slice(at + 1), origin }
}

/** Variables of this prefix that are no broker keys: for Kafka's start scripts, and for clients. */
const NOT_KEYS = new Set([
  'KAFKA_BOOTSTRAP_SERVERS',
  'KAFKA_BROKERS',
  'KAFKA_CLUSTER_ID',
  'KAFKA_GC_LOG_OPTS',
  'KAFKA_HEAP_OPTS',
  'KAFKA_HOME',
  'KAFKA_JMX_HOSTNAME',
  'KAFKA_JMX_OPTS',
  'KAFKA_JMX_PORT',
  'KAFKA_JVM_PERFORMANCE_OPTS',
  'KAFKA_LOG4J_LOGGERS',
  'KAFKA_LOG4J_OPTS',
  'KAFKA_LOG4J_ROOT_LOGLEVEL',
  'KAFKA_OPTS',
  'KAFKA_TOOLS_LOG4J_LOGLEVEL',
  'KAFKA_VERSION',
])

/**
 * `KAFKA_LOG_RETENTION_MS` → `log.retention.ms`, by the rules of Kafka's container image: `_` is a dot,
 * `__` an underscore, `___` a dash. `LOGMILL_DURABILITY` → `logmill.durability`.
 */
export function settingsFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Setting[] {
  const settings: Setting[] = []
  for (const name of Object.keys(environment).sort()) {
    const value = environment[name]
    const match = /^(KAFKA_|LOGMILL_)([A-Z0-9_]+)$/.exec(name)
    if (match === null || value === undefined || NOT_KEYS.has(name)) continue
    const rest = (match[2] as string)
      .toLowerCase()
      .replace(/_+/g, (bars) => (bars.length === 1 ? '.' : bars.length === 2 ? '_' : '-'))
    const key = match[1] === 'KAFKA_' ? rest : `logmill.${rest}`
    settings.push({ key, value, origin: `environment variable ${name}` })
  }
  return settings
}
