// A topic's configuration: which values are accepted, and the typed object that a partition obeys, made of
// the topic's own settings over the broker's defaults. Texts of refusals are Kafka's (LogConfig.validate).

import { type ConfigValue, InvalidConfigError, parseValue, plainValue, type ValuesOf } from './config-def.ts'
import { topicKeyByName, topicKeys } from './topic-keys.ts'

type TopicValues = Omit<ValuesOf<typeof topicKeys>, 'cleanupPolicy'>

/** Times in ms, sizes in bytes; -1 (retention) is no bound, Number.MAX_SAFE_INTEGER is for ever. */
export interface TopicConfig extends TopicValues {
  cleanupPolicy: 'delete' | 'compact' | 'compact,delete'
}

/** What is wrong with a topic's settings, or undefined: the message of an INVALID_CONFIG. */
export function checkTopicSettings(
  settings: ReadonlyMap<string, string>,
  defaults: ReadonlyMap<string, string>,
): string | undefined {
  const parsed = new Map<string, ConfigValue>()
  try {
    for (const [name, value] of settings) {
      const definition = topicKeyByName.get(name)
      if (definition === undefined) return `Unknown topic config name: ${name}`
      parsed.set(name, parseValue(definition, value))
    }
  } catch (error) {
    if (error instanceof InvalidConfigError) return error.message
    throw error
  }
  const effective = (definition: (typeof topicKeys)[keyof typeof topicKeys]): ConfigValue =>
    parsed.get(definition.name) ??
    parseValue(definition, defaults.get(definition.name) ?? (definition.default as string))
  const minLagMs = effective(topicKeys.minCompactionLagMs) as bigint
  const maxLagMs = effective(topicKeys.maxCompactionLagMs) as bigint
  if (minLagMs > maxLagMs) {
    return `conflict topic config setting min.compaction.lag.ms (${minLagMs}) > max.compaction.lag.ms (${maxLagMs})`
  }
  if (parsed.get('remote.storage.enable') === true) {
    return 'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.'
  }
  return undefined
}

/**
 * The typed object. Settings were accepted before, so a value that does not parse is a bug. `flushIntervalMs`
 * stands in for a flush.ms of "for ever", or durability `interval` would never sync.
 */
export function resolveTopicConfig(
  settings: ReadonlyMap<string, string>,
  defaults: ReadonlyMap<string, string>,
  flushIntervalMs: number,
): TopicConfig {
  const values: Record<string, unknown> = {}
  for (const [field, definition] of Object.entries(topicKeys)) {
    const text = settings.get(definition.name) ?? defaults.get(definition.name) ?? definition.default
    values[field] = plainValue(parseValue(definition, text as string))
  }
  const config = values as unknown as TopicConfig & { cleanupPolicy: unknown }
  const policies = values.cleanupPolicy as string[]
  if (policies.length === 0) {
    // No policy at all: nothing is ever removed.
    config.retentionMs = -1
    config.retentionBytes = -1
  }
  const compacts = policies.includes('compact')
  config.cleanupPolicy = !compacts ? 'delete' : policies.includes('delete') ? 'compact,delete' : 'compact'
  if (config.flushMs === Number.MAX_SAFE_INTEGER) config.flushMs = flushIntervalMs
  return config
}
