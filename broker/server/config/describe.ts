// What DescribeConfigs says of a key: its value, where the value comes from, and what would hold without it.
// Source: Kafka's ConfigHelper; that the synonyms of a key only begin where its own name is set is Kafka's
// too (a topic's segment.ms shows no synonym while only log.roll.hours gives it).

import { type BrokerLayers, effectiveText } from './broker-config.ts'
import { brokerKeyByName, brokerSynonyms, isDynamicBrokerKey } from './broker-keys.ts'
import { clientMetricsKeys } from './client-metrics-keys.ts'
import { CONFIG_TYPE_IDS, type ConfigKey, parseValue, textOf, UNKNOWN_CONFIG_TYPE_ID } from './config-def.ts'
import { brokerKeyOfGroup, effectiveGroupText, groupConfigKeyByName } from './group-keys.ts'
import { brokerKeyOf, topicKeyByName } from './topic-keys.ts'

/** Kafka's numbers of where a value comes from. */
export const CONFIG_SOURCES = {
  UNKNOWN: 0,
  TOPIC_CONFIG: 1,
  DYNAMIC_BROKER_CONFIG: 2,
  DYNAMIC_DEFAULT_BROKER_CONFIG: 3,
  STATIC_BROKER_CONFIG: 4,
  DEFAULT_CONFIG: 5,
  DYNAMIC_BROKER_LOGGER_CONFIG: 6,
  CLIENT_METRICS_CONFIG: 7,
  GROUP_CONFIG: 8,
} as const

export interface ConfigSynonym {
  name: string
  /** Null where it is secret. */
  value: string | null
  source: number
}

export interface ConfigDescription {
  name: string
  /** Null where there is none, or where it is secret. */
  value: string | null
  readOnly: boolean
  configSource: number
  isSensitive: boolean
  /** Empty unless asked for. */
  synonyms: ConfigSynonym[]
  configType: number
  /** Null unless asked for. */
  documentation: string | null
}

export interface DescribeOptions {
  /** Null: every key. */
  keys: readonly string[] | null
  includeSynonyms: boolean
  includeDocumentation: boolean
}

/** All keys of a topic, its own settings over the broker's. */
export function describeTopicConfigs(
  settings: ReadonlyMap<string, string>,
  layers: BrokerLayers,
  /** What holds for topics without settings (BrokerConfig.topicDefaultTexts). */
  defaults: ReadonlyMap<string, string>,
  options: DescribeOptions,
): ConfigDescription[] {
  return wanted(topicKeyByName.values(), options).map((definition) => {
    const { name, type } = definition
    const own = settings.get(name)
    const value = textOf(type, parseValue(definition, own ?? (defaults.get(name) as string)))
    const brokerKey = brokerKeyOf.get(name)
    const synonyms = brokerKey === undefined ? [] : synonymsOf(brokerKey, layers)
    if (own !== undefined) synonyms.unshift({ name, value, source: CONFIG_SOURCES.TOPIC_CONFIG })
    return description(definition, value, false, synonyms, options)
  })
}

/** All keys of one broker, with whatever else was set for it. */
export function describeBrokerConfigs(layers: BrokerLayers, options: DescribeOptions): ConfigDescription[] {
  const known = wanted(brokerKeyByName.values(), options).map((definition) => {
    const text = effectiveText(layers, definition)
    return description(
      definition,
      text === null ? null : canonical(definition, text),
      !isDynamicBrokerKey(definition.name),
      synonymsOf(definition.name, layers),
      options,
    )
  })
  return [...known, ...unknownKeys(layers, options)]
}

/** What was set for every broker: nothing but that. */
export function describeDefaultBrokerConfigs(
  dynamicDefault: ReadonlyMap<string, string>,
  options: DescribeOptions,
): ConfigDescription[] {
  const layers: BrokerLayers = { static: new Map(), dynamicBroker: new Map(), dynamicDefault }
  const set = [...brokerKeyByName.values()].filter(({ name }) => dynamicDefault.has(name))
  const known = wanted(set, options).map((definition) => {
    const { name } = definition
    const value = canonical(definition, dynamicDefault.get(name) as string)
    const synonyms = synonymsOf(name, layers).filter(
      ({ source }) => source === CONFIG_SOURCES.DYNAMIC_DEFAULT_BROKER_CONFIG,
    )
    return description(definition, value, !isDynamicBrokerKey(name), synonyms, options)
  })
  return [...known, ...unknownKeys(layers, options)]
}

/** All keys of a group, its own settings over the broker's. */
export function describeGroupConfigs(
  settings: ReadonlyMap<string, string>,
  layers: BrokerLayers,
  options: DescribeOptions,
): ConfigDescription[] {
  return wanted(groupConfigKeyByName.values(), options).map((definition) => {
    const { name } = definition
    const own = settings.get(name)
    const brokerKey = brokerKeyOfGroup(name)
    const synonyms =
      brokerKey === undefined
        ? [{ name, value: definition.default, source: CONFIG_SOURCES.DEFAULT_CONFIG }]
        : synonymsOf(brokerKey, layers)
    if (own === undefined) {
      return description(
        definition,
        effectiveGroupText(definition, settings, layers),
        false,
        synonyms,
        options,
      )
    }
    const value = canonical(definition, own)
    const set = { name, value, source: CONFIG_SOURCES.GROUP_CONFIG }
    return description(definition, value, false, [set, ...synonyms], options)
  })
}

/** All keys of a client metrics subscription, which may be one that nobody has made. */
export function describeClientMetrics(
  settings: ReadonlyMap<string, string>,
  options: DescribeOptions,
): ConfigDescription[] {
  return wanted(clientMetricsKeys, options).map((definition) => {
    const { name } = definition
    const own = settings.get(name)
    const value = canonical(definition, own ?? (definition.default as string))
    const synonyms = own === undefined ? [] : [{ name, value, source: CONFIG_SOURCES.CLIENT_METRICS_CONFIG }]
    return description(definition, value, false, synonyms, options)
  })
}

function wanted(keys: Iterable<ConfigKey>, options: DescribeOptions): ConfigKey[] {
  const names = options.keys === null ? undefined : new Set(options.keys)
  return [...keys].filter(({ name }) => names === undefined || names.has(name))
}

function canonical(definition: ConfigKey, text: string): string {
  // A default is written as Kafka shows it; it is not parsed, or 1.7976931348623157E308 would change.
  return text === definition.default ? text : textOf(definition.type, parseValue(definition, text))
}

function description(
  { name, type, doc }: ConfigKey,
  value: string | null,
  readOnly: boolean,
  synonyms: ConfigSynonym[],
  options: DescribeOptions,
): ConfigDescription {
  const isSensitive = type === 'PASSWORD'
  return {
    name,
    value: isSensitive ? null : value,
    readOnly,
    configSource: synonyms[0]?.source ?? CONFIG_SOURCES.DEFAULT_CONFIG,
    isSensitive,
    synonyms: options.includeSynonyms ? synonyms : [],
    configType: CONFIG_TYPE_IDS[type],
    documentation: options.includeDocumentation ? doc : null,
  }
}

/** Where a broker key gets its value from, what counts most first. */
function synonymsOf(name: string, layers: BrokerLayers): ConfigSynonym[] {
  const names = brokerSynonyms(name)
  const found: ConfigSynonym[] = []
  const add = (source: number, textOfKey: (key: string) => string | null | undefined): void => {
    for (const key of names) {
      const text = textOfKey(key)
      if (text === undefined || text === null) continue
      const secret = brokerKeyByName.get(key)?.type === 'PASSWORD'
      found.push({ name: key, value: secret ? null : text, source })
    }
  }
  add(CONFIG_SOURCES.DYNAMIC_BROKER_CONFIG, (key) => layers.dynamicBroker.get(key))
  add(CONFIG_SOURCES.DYNAMIC_DEFAULT_BROKER_CONFIG, (key) => layers.dynamicDefault.get(key))
  add(CONFIG_SOURCES.STATIC_BROKER_CONFIG, (key) => layers.static.get(key))
  add(CONFIG_SOURCES.DEFAULT_CONFIG, (key) => brokerKeyByName.get(key)?.default)
  const first = found.findIndex((synonym) => synonym.name === name)
  return first < 0 ? [] : found.slice(first)
}

/** Keys that were set and that nobody knows: shown, their values hidden, for they may be secrets. */
function unknownKeys(layers: BrokerLayers, options: DescribeOptions): ConfigDescription[] {
  const found: ConfigDescription[] = []
  const seen = new Set<string>()
  for (const [values, source] of [
    [layers.dynamicBroker, CONFIG_SOURCES.DYNAMIC_BROKER_CONFIG],
    [layers.dynamicDefault, CONFIG_SOURCES.DYNAMIC_DEFAULT_BROKER_CONFIG],
  ] as const) {
    for (const name of values.keys()) {
      if (brokerKeyByName.has(name) || seen.has(name)) continue
      if (options.keys !== null && !options.keys.includes(name)) continue
      seen.add(name)
      found.push({
        name,
        value: null,
        readOnly: true,
        configSource: source,
        isSensitive: true,
        synonyms: options.includeSynonyms ? [{ name, value: null, source }] : [],
        configType: UNKNOWN_CONFIG_TYPE_ID,
        documentation: null,
      })
    }
  }
  return found
}
