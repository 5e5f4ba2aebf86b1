// The broker's configuration: settings from all sources in, one typed object and a list of warnings out.
// A value that cannot be read is an error that names key, place and reason; all of them are told at once.
//
// Each key has up to three layers over its default (DescribeConfigs shows them):
//
//   dynamic, this broker  >  dynamic, every broker  >  static (file, environment, --set)  >  default

import { brokerKeyByName, brokerKeys } from './broker-keys.ts'
import {
  type ConfigKey,
  InvalidConfigError,
  parseValue,
  plainValue,
  textOf,
  type ValuesOf,
} from './config-def.ts'
import { type Listener, parseListeners, parseProtocolMap } from './listeners.ts'
import type { Setting } from './properties.ts'
import { resolveTopicConfig, type TopicConfig } from './topic-config.ts'
import { brokerKeyOf, topicKeyByName } from './topic-keys.ts'
import { closestName } from './closest-name.ts'

/** Values as text, by key. */
export interface BrokerLayers {
  readonly dynamicBroker: ReadonlyMap<string, string>
  readonly dynamicDefault: ReadonlyMap<string, string>
  readonly static: ReadonlyMap<string, string>
}

type BrokerValues = Omit<
  ValuesOf<typeof brokerKeys>,
  'listeners' | 'advertisedListeners' | 'logDir' | 'logDirs' | 'brokerId'
>

/** Every served key under its name in camel case, with its unit: ms and bytes as numbers. */
export interface BrokerConfig extends BrokerValues {
  /** Those of the controller quorum left out. At least one. */
  listeners: Listener[]
  /** Null: a client is told the address that it reached. */
  advertisedListeners: Listener[] | null
  /** log.dirs, or log.dir. */
  dataDirectory: string
  /** What a topic without settings of its own obeys. */
  topicDefaults: TopicConfig
  /** The same as text by topic key, for what is made of it with a topic's settings. */
  topicDefaultTexts: ReadonlyMap<string, string>
}

export interface ParsedBrokerConfig {
  config: BrokerConfig
  layers: BrokerLayers
  warnings: string[]
}

const NONE: ReadonlyMap<string, string> = new Map()

/** Reads settings in order, later ones win. Throws InvalidConfigError with one line for each wrong value. */
export function parseBrokerConfig(settings: readonly Setting[]): ParsedBrokerConfig {
  const byKey = new Map(settings.map((setting) => [setting.key, setting]))
  const warnings: string[] = []
  const problems: string[] = []
  const values = new Map<string, string>()
  for (const { key, value, origin } of byKey.values()) {
    const definition = brokerKeyByName.get(key)
    if (definition === undefined) {
      warnings.push(unknownKey(key, origin))
      continue
    }
    if (!definition.served) warnings.push(`${origin}: ${key} has no effect. ${definition.doc}`)
    values.set(key, value)
    const problem = refusalOf(() => parseValue(definition, value))
    if (problem !== undefined) problems.push(`${origin}: ${problem}`)
  }
  if (problems.length > 0) throw new InvalidConfigError('', problems.join('\n'))
  const layers: BrokerLayers = {
    static: withNodeId(values, warnings),
    dynamicBroker: NONE,
    dynamicDefault: NONE,
  }
  return { config: resolveBrokerConfig(layers, warnings), layers, warnings }
}

/** The typed object of given layers; throws InvalidConfigError where keys do not fit each other. */
export function resolveBrokerConfig(layers: BrokerLayers, warnings: string[] = []): BrokerConfig {
  const values: Record<string, unknown> = {}
  for (const [field, definition] of Object.entries(brokerKeys)) {
    const text = effectiveText(layers, definition)
    values[field] = text === null ? null : plainValue(parseValue(definition, text))
  }
  const typed = values as ValuesOf<typeof brokerKeys>
  const topicDefaultTexts = topicDefaultsOf(layers)
  const { brokerId: _, logDir, logDirs, listeners, advertisedListeners, ...plain } = typed
  return {
    ...plain,
    ...addresses(typed, listeners, advertisedListeners, warnings),
    dataDirectory: oneDirectory(logDirs ?? logDir),
    topicDefaults: resolveTopicConfig(NONE, topicDefaultTexts, typed.flushIntervalMs),
    topicDefaultTexts,
  }
}

export function effectiveText(layers: BrokerLayers, { name, default: byDefault }: ConfigKey): string | null {
  return (
    layers.dynamicBroker.get(name) ?? layers.dynamicDefault.get(name) ?? layers.static.get(name) ?? byDefault
  )
}

/** What is wrong with a dynamic value for a broker key, in Kafka's words; undefined: nothing. */
export function checkBrokerSetting(name: string, value: string): string | undefined {
  const definition = brokerKeyByName.get(name)
  return definition === undefined ? undefined : refusalOf(() => parseValue(definition, value))
}

/** Defaults of topic keys as text: broker keys in other units are converted to the topic key's. */
function topicDefaultsOf(layers: BrokerLayers): ReadonlyMap<string, string> {
  const read = (definition: ConfigKey): bigint | null => {
    const text = effectiveText(layers, definition)
    return text === null ? null : BigInt(parseValue(definition, text) as number | bigint)
  }
  const inMs = (hours: bigint | null): bigint => (hours ?? 0n) * 3_600_000n
  const minutes = read(brokerKeys.logRetentionMinutes)
  const retentionMs =
    read(brokerKeys.logRetentionMs) ??
    (minutes === null ? inMs(read(brokerKeys.logRetentionHours)) : minutes * 60_000n)
  const converted = new Map<string, bigint | null>([
    // Any negative retention is "for ever", as in Kafka.
    ['retention.ms', retentionMs < 0n ? -1n : retentionMs],
    ['segment.ms', read(brokerKeys.logRollMs) ?? inMs(read(brokerKeys.logRollHours))],
    ['segment.jitter.ms', read(brokerKeys.logRollJitterMs) ?? inMs(read(brokerKeys.logRollJitterHours))],
    ['flush.ms', read(brokerKeys.logFlushIntervalMs) ?? read(brokerKeys.logFlushSchedulerIntervalMs)],
  ])
  const defaults = new Map<string, string>()
  for (const [name, definition] of topicKeyByName) {
    const brokerKey = brokerKeyByName.get(brokerKeyOf.get(name) ?? '')
    const text = converted.get(name)?.toString() ?? (brokerKey && effectiveText(layers, brokerKey))
    const value = text ?? (definition.default as string)
    defaults.set(name, textOf(definition.type, parseValue(definition, value)))
  }
  return defaults
}

/** node.id and broker.id are one thing under two names. */
function withNodeId(values: ReadonlyMap<string, string>, warnings: string[]): ReadonlyMap<string, string> {
  const nodeId = values.get('node.id')
  const brokerId = values.get('broker.id')
  if (nodeId !== undefined && brokerId !== undefined && Number(nodeId) !== Number(brokerId)) {
    warnings.push(`broker.id ${brokerId} has no effect: node.id is ${nodeId}`)
  }
  const id = nodeId ?? (Number(brokerId ?? -1) >= 0 ? brokerId : undefined)
  return id === undefined ? values : new Map([...values, ['node.id', id], ['broker.id', id]])
}

function addresses(
  config: ValuesOf<typeof brokerKeys>,
  listenerTexts: readonly string[],
  advertisedTexts: readonly string[] | null,
  warnings: string[],
): { listeners: Listener[]; advertisedListeners: Listener[] | null } {
  const protocols = parseProtocolMap('listener.security.protocol.map', config.listenerSecurityProtocolMap)
  const ofController = new Set(config.controllerListenerNames.map((name) => name.toUpperCase()))
  // A controller's listener may be of any protocol: it is not opened.
  const known = new Map([
    ...[...ofController].map((name): [string, string] => [name, 'PLAINTEXT']),
    ...protocols,
  ])
  const all = parseListeners('listeners', listenerTexts, known)
  const listeners = all.filter(({ name }) => !ofController.has(name))
  for (const { name } of all.filter(({ name }) => ofController.has(name))) {
    warnings.push(`listeners: ${name} is not opened, the controller quorum is this one node`)
  }
  if (listeners.length === 0) throw new InvalidConfigError('listeners', 'listeners: no listener for clients')
  const unserved = listeners.find(({ securityProtocol }) => securityProtocol !== 'PLAINTEXT')
  if (unserved !== undefined) {
    throw new InvalidConfigError(
      'listeners',
      `listeners: ${unserved.name} is ${unserved.securityProtocol}, which is not served yet`,
    )
  }
  const between = config.interBrokerListenerName?.toUpperCase()
  if (between !== undefined && !listeners.some(({ name }) => name === between)) {
    throw new InvalidConfigError(
      'inter.broker.listener.name',
      `inter.broker.listener.name: no listener ${between}`,
    )
  }
  const told =
    advertisedTexts === null ? null : parseListeners('advertised.listeners', advertisedTexts, known)
  const advertisedListeners = told?.filter(({ name }) => !ofController.has(name)) ?? null
  for (const { name, host, port } of advertisedListeners ?? []) {
    const wrong = !listeners.some((listener) => listener.name === name)
      ? `no listener ${name}`
      : host === '' || host === '0.0.0.0' || host === '::'
        ? `clients cannot connect to the address ${JSON.stringify(host)}`
        : port === 0
          ? 'port 0 cannot be advertised'
          : undefined
    if (wrong !== undefined)
      throw new InvalidConfigError('advertised.listeners', `advertised.listeners: ${wrong}`)
  }
  return { listeners, advertisedListeners }
}

function oneDirectory(directories: readonly string[]): string {
  const [first, ...more] = directories
  if (first === undefined || first === '') {
    throw new InvalidConfigError('log.dirs', 'log.dirs: no data directory')
  }
  if (more.length > 0) {
    throw new InvalidConfigError('log.dirs', `log.dirs: ${directories.length} directories, one is served`)
  }
  return first
}

function unknownKey(key: string, origin: string): string {
  const near = closestName(key, [...brokerKeyByName.keys()])
  return `${origin}: unknown key ${key}, ignored${near === undefined ? '' : `; did you mean ${near}?`}`
}

function refusalOf(read: () => unknown): string | undefined {
  try {
    read()
    return undefined
  } catch (error) {
    if (error instanceof InvalidConfigError) return error.message
    throw error
  }
}
