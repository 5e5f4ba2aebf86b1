// What a broker key may become while the broker runs, beyond its own type and bounds: keys that depend on what holds
// now, or on each other. Texts: Kafka's DynamicThreadPool, LogCleaner, DynamicBrokerConfig, KafkaConfig.

import { type BrokerLayers, effectiveText } from './broker-config.ts'
import { brokerKeyByName } from './broker-keys.ts'
import { parseConnectionOverrides } from './connection-limits.ts'

/** Pools of threads in Kafka. Nothing corresponds to them here, but what Kafka refuses is refused. */
const THREAD_POOLS = [
  'num.io.threads',
  'num.network.threads',
  'num.replica.fetchers',
  'num.recovery.threads.per.data.dir',
  'background.threads',
  'log.cleaner.threads',
]

/** May only be set for one listener (`listener.name.<name>.`), which there are no keys for yet. */
const PER_LISTENER = /^ssl\.(keystore|truststore)\.|^ssl\.key\.password$/

/** Bounds that are not keys of their own: replication throttles, in bytes per second. */
const THROTTLES = new Set([
  'leader.replication.throttled.rate',
  'follower.replication.throttled.rate',
  'replica.alter.log.dirs.io.max.bytes.per.second',
])

export function isPerListenerKey(name: string): boolean {
  return PER_LISTENER.test(name)
}

/** What is wrong with changing `before` to `after`, or undefined. */
export function dynamicProblem(
  changed: ReadonlyMap<string, string | null>,
  before: BrokerLayers,
  after: BrokerLayers,
): string | undefined {
  for (const [name, value] of changed) {
    if (value === null) continue
    const problem =
      threadProblem(name, before, after) ?? throttleProblem(name, value) ?? fixedProblem(name, before, after)
    if (problem !== undefined) return problem
  }
  return connectionsProblem(after) ?? assignmentProblem(changed, after)
}

function numberOf(layers: BrokerLayers, name: string): number {
  const definition = brokerKeyByName.get(name)
  return Number(definition && effectiveText(layers, definition))
}

function threadProblem(name: string, before: BrokerLayers, after: BrokerLayers): string | undefined {
  if (!THREAD_POOLS.includes(name)) return undefined
  const [current, wanted] = [numberOf(before, name), numberOf(after, name)]
  if (wanted === current) return undefined
  const failed = `Dynamic thread count update validation failed for ${name}=${wanted}`
  if (wanted <= 0) return `${failed}, value should be at least 1`
  if (wanted < Math.floor(current / 2)) {
    return `${failed}, value should be at least half the current value ${current}`
  }
  if (wanted > current * 2) {
    return `${failed}, value should not be greater than double the current value ${current}`
  }
  return undefined
}

function throttleProblem(name: string, value: string): string | undefined {
  if (!THROTTLES.has(name)) return undefined
  const refused = (why: string): string => `Invalid value ${value} for configuration ${name}: ${why}`
  if (!/^[+-]?\d{1,19}$/.test(value.trim())) return refused('Not a number of type LONG')
  return BigInt(value.trim()) < 0n ? refused('Value must be at least 0') : undefined
}

/** Kafka lets these change; here they hold from start to stop. */
function fixedProblem(name: string, before: BrokerLayers, after: BrokerLayers): string | undefined {
  if (name !== 'listeners' && name !== 'listener.security.protocol.map' && name !== 'cordoned.log.dirs') {
    return undefined
  }
  const definition = brokerKeyByName.get(name)
  if (definition === undefined || effectiveText(before, definition) === effectiveText(after, definition)) {
    return undefined
  }
  return name === 'cordoned.log.dirs'
    ? `${name}: there is one log directory, without it no partition would have a place`
    : `${name} cannot change while the broker runs`
}

function connectionsProblem(after: BrokerLayers): string | undefined {
  const key = 'max.connections.per.ip.overrides'
  const definition = brokerKeyByName.get(key)
  const text = (definition && effectiveText(after, definition)) ?? ''
  const overrides = parseConnectionOverrides(text)
  if (overrides === undefined) return `${key} contains invalid addresses : ${text}`
  if (numberOf(after, 'max.connections.per.ip') === 0 && overrides.size === 0) {
    return `max.connections.per.ip can be set to zero only if ${key} property is set.`
  }
  return undefined
}

/** The time between two assignments of a group lies between bounds that are keys of their own. */
function assignmentProblem(
  changed: ReadonlyMap<string, string | null>,
  after: BrokerLayers,
): string | undefined {
  for (const kind of ['consumer', 'share', 'streams']) {
    const [name, lowest, highest] = ['', 'min.', 'max.'].map(
      (bound) => `group.${kind}.${bound}assignment.interval.ms`,
    ) as [string, string, string]
    if (!changed.has(name)) continue
    const value = numberOf(after, name)
    if (value < numberOf(after, lowest)) return `${name} must be greater than or equal to ${lowest}`
    if (value > numberOf(after, highest)) return `${name} must be less than or equal to ${highest}`
  }
  return undefined
}
