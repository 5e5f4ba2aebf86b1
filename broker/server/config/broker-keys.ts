// Every broker key there is: those that logmill reads, typed, and those it only knows by name.

import type { ConfigKey } from './config-def.ts'
import { consumerGroupKeys, groupKeys, transactionKeys } from './coordinator-keys.ts'
import { ignoredKeys } from './ignored-keys.ts'
import { logKeys } from './log-keys.ts'
import {
  fetchKeys,
  logmillKeys,
  nodeKeys,
  offsetsTopicKeys,
  requestKeys,
  quotaKeys,
  socketKeys,
  topicCreationKeys,
} from './server-keys.ts'
import { shareCoordinatorKeys, shareGroupKeys } from './share-keys.ts'
import { streamsGroupKeys } from './streams-group-keys.ts'

export const brokerKeys = {
  ...nodeKeys,
  ...socketKeys,
  ...quotaKeys,
  ...topicCreationKeys,
  ...fetchKeys,
  ...requestKeys,
  ...offsetsTopicKeys,
  ...logKeys,
  ...groupKeys,
  ...shareGroupKeys,
  ...shareCoordinatorKeys,
  ...streamsGroupKeys,
  ...consumerGroupKeys,
  ...transactionKeys,
  ...logmillKeys,
}

export const brokerKeyByName: ReadonlyMap<string, ConfigKey> = new Map(
  [...Object.values(brokerKeys), ...ignoredKeys].map((definition): [string, ConfigKey] => [
    definition.name,
    definition,
  ]),
)

/** Keys that say the same in other units; the first that is set counts. */
const synonymGroups: readonly (readonly string[])[] = [
  ['log.roll.ms', 'log.roll.hours'],
  ['log.roll.jitter.ms', 'log.roll.jitter.hours'],
  ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'],
  ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'],
]

/** A key and those that stand in for it, in the order in which they count. */
export function brokerSynonyms(name: string): readonly string[] {
  return synonymGroups.find((group) => group.includes(name)) ?? [name]
}

/** The keys that a broker may be given while it runs (Kafka's DynamicBrokerConfig). */
export function isDynamicBrokerKey(name: string): boolean {
  const definition = brokerKeyByName.get(name)
  return definition !== undefined && definition.update !== 'read-only'
}
