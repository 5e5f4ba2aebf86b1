// The keys of a client metrics subscription (KIP-714). They are kept and shown, as a Kafka without a metrics receiver
// does; no client is asked for metrics. Source and texts: Kafka's ClientMetricsConfigs.

import { type ConfigKey, int, InvalidConfigError, list, parseValue } from './config-def.ts'

const metrics = list('metrics', '', 'Prefixes of the names of metrics that are asked for; * is all of them.')
const intervalMs = int('interval.ms', 300000, 'How often a client is to push its metrics.')
const match = list('match', '', 'Which clients: name=pattern, where the pattern is a regular expression.')

export const clientMetricsKeys: readonly ConfigKey[] = [metrics, intervalMs, match]

const SHORTEST_INTERVAL_MS = 100
const LONGEST_INTERVAL_MS = 3600000
const MATCHED = new Set([
  'client_instance_id',
  'client_id',
  'client_software_name',
  'client_software_version',
  'client_source_address',
  'client_source_port',
])

export interface ClientMetricsProblem {
  /** INVALID_CONFIG or INVALID_REQUEST: Kafka tells a value that cannot be read from one that may not be. */
  isConfig: boolean
  message: string
}

/** What is wrong with a subscription's settings, or undefined. */
export function checkClientMetrics(settings: ReadonlyMap<string, string>): ClientMetricsProblem | undefined {
  try {
    for (const [name, value] of settings) {
      const definition = clientMetricsKeys.find((key) => key.name === name)
      if (definition === undefined) {
        return { isConfig: false, message: `Unknown client metrics configuration: ${name}` }
      }
      const parsed = parseValue(definition, value)
      if (definition === intervalMs) {
        const interval = parsed as number
        if (interval < SHORTEST_INTERVAL_MS || interval > LONGEST_INTERVAL_MS) {
          const message = `Invalid value ${interval} for interval.ms, interval must be between 100 and 3600000 (1 hour)`
          return { isConfig: false, message }
        }
      }
      const illegal = definition === match ? (parsed as string[]).find((one) => !isPattern(one)) : undefined
      if (illegal !== undefined) {
        return { isConfig: true, message: `Illegal client matching pattern: ${illegal}` }
      }
    }
    return undefined
  } catch (error) {
    if (error instanceof InvalidConfigError) return { isConfig: true, message: error.message }
    throw error
  }
}

function isPattern(text: string): boolean {
  const [name, pattern, ...more] = text.split('=')
  if (name === undefined || pattern === undefined || pattern === '' || more.length > 0) return false
  if (!MATCHED.has(name.trim())) return false
  try {
    // Read, never run: no client is matched here.
    new RegExp(pattern.trim())
    return true
  } catch {
    return false
  }
}
