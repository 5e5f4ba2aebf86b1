// The rules of configuration keys as the controller asks for them, over the broker's own layers. Texts are
// those of Kafka's DynamicBrokerConfig.

import { checkBrokerSetting, type BrokerLayers, resolveBrokerConfig } from './broker-config.ts'
import { brokerKeyByName, isDynamicBrokerKey } from './broker-keys.ts'
import { checkClientMetrics, type ClientMetricsProblem } from './client-metrics-keys.ts'
import { InvalidConfigError } from './config-def.ts'
import { dynamicProblem, isPerListenerKey } from './dynamic-broker.ts'
import { checkGroupSettings } from './group-keys.ts'
import { checkTopicSettings } from './topic-config.ts'
import { topicKeyByName, topicKeys } from './topic-keys.ts'

const TOPIC = 2
const BROKER = 4

interface ConfigRules {
  topicProblem(settings: ReadonlyMap<string, string>): string | undefined
  groupProblem(settings: ReadonlyMap<string, string>): string | undefined
  clientMetricsProblem(settings: ReadonlyMap<string, string>): ClientMetricsProblem | undefined
  brokerProblem(resourceName: string, changed: ReadonlyMap<string, string | null>): string | undefined
  isUncleanElectionAllowed(settings: ReadonlyMap<string, string>): boolean
  defaultList(resourceType: number, key: string): readonly string[] | undefined
}

/** `layers` gives the broker's settings as they stand: defaults of topics, and what a change would touch. */
export function configRules(layers: () => BrokerLayers): ConfigRules {
  return {
    topicProblem: (settings) =>
      settings.size === 0
        ? undefined
        : checkTopicSettings(settings, resolveBrokerConfig(layers()).topicDefaultTexts),
    groupProblem: (settings) => checkGroupSettings(settings, layers()),
    clientMetricsProblem: checkClientMetrics,
    brokerProblem(resourceName, changed) {
      const names = [...changed.keys()]
      const fixed = names.filter((name) => brokerKeyByName.has(name) && !isDynamicBrokerKey(name))
      if (fixed.length > 0) return `Cannot update these configs dynamically: [${fixed.join(', ')}]`
      const secrets = names.filter(
        (name) => isPerListenerKey(name) || brokerKeyByName.get(name)?.type === 'PASSWORD',
      )
      if (secrets.length > 0) {
        // There are no per-listener keys yet, so this keeps every secret out of the metadata log.
        return `These security configs can be dynamically updated only per-listener using the listener prefix: [${secrets.join(', ')}]`
      }
      const ofOneBroker = names.filter(
        (name) => name.startsWith('listener.name.') || brokerKeyByName.get(name)?.update === 'per-broker',
      )
      if (resourceName === '' && ofOneBroker.length > 0) {
        return `Cannot update these configs at default cluster level, broker id must be specified: [${ofOneBroker.join(', ')}]`
      }
      for (const [name, value] of changed) {
        const problem = value === null ? undefined : checkBrokerSetting(name, value)
        if (problem !== undefined) return problem
      }
      return problemTogether(layers(), resourceName, changed)
    },
    isUncleanElectionAllowed: (settings) => {
      const key = topicKeys.uncleanLeaderElectionEnable.name
      return (settings.get(key) ?? resolveBrokerConfig(layers()).topicDefaultTexts.get(key)) === 'true'
    },
    defaultList(resourceType, key) {
      const keys =
        resourceType === TOPIC ? topicKeyByName : resourceType === BROKER ? brokerKeyByName : undefined
      const definition = keys?.get(key)
      if (definition === undefined || definition.type !== 'LIST') return undefined
      return (definition.default ?? '') === '' ? [] : (definition.default as string).split(',')
    },
  }
}

/** Keys that are fine alone may not fit each other. */
function problemTogether(
  layers: BrokerLayers,
  resourceName: string,
  changed: ReadonlyMap<string, string | null>,
): string | undefined {
  const layer = resourceName === '' ? 'dynamicDefault' : 'dynamicBroker'
  const after = new Map(layers[layer])
  for (const [name, value] of changed) {
    if (value === null) after.delete(name)
    else after.set(name, value)
  }
  try {
    const changedLayers = { ...layers, [layer]: after }
    resolveBrokerConfig(changedLayers)
    return dynamicProblem(changed, layers, changedLayers)
  } catch (error) {
    if (error instanceof InvalidConfigError) return error.message
    throw error
  }
}
