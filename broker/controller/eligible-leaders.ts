// Eligible leader replicas (KIP-966): a replica that leaves the in-sync set while too few remain may still
// lead, for it has everything that was acknowledged. That rests on one min.insync.replicas for all brokers,
// so while the feature is on it stands in the metadata for the whole cluster and cannot be taken away, and
// a change of it makes what was eligible void.
// Source: Kafka's ConfigurationControlManager, PartitionChangeBuilder.

import { errorCodes } from '../protocol/errors.ts'
import type { Outcome } from './commands.ts'
import { type MetadataFact, RESOURCE_TYPES } from './facts.ts'
import type { MetadataImage } from './image.ts'

const FEATURE = 'eligible.leader.replicas.version'
const KEY = 'min.insync.replicas'
const { TOPIC, BROKER } = RESOURCE_TYPES

export function eligibleLeadersEnabled(levels: Readonly<Record<string, number>>): boolean {
  return (levels[FEATURE] ?? 0) > 0
}

export function hasEligibleLeaders(image: MetadataImage): boolean {
  return image.featureLevel(FEATURE) > 0
}

/** What the metadata needs when the feature is switched on: a value for the cluster, none of one broker's own. */
export function guardMinInsyncReplicas(image: MetadataImage, minInsyncReplicas: number): MetadataFact[] {
  const setting = (resourceName: string, value: string | null): MetadataFact => ({
    type: 'ConfigRecord',
    resourceType: BROKER,
    resourceName,
    name: KEY,
    value,
  })
  const facts: MetadataFact[] = []
  if (!image.settings(BROKER, '').has(KEY)) facts.push(setting('', String(minInsyncReplicas)))
  for (const { id } of image.brokers()) {
    if (image.settings(BROKER, String(id)).has(KEY)) facts.push(setting(String(id), null))
  }
  return facts
}

/** Why these settings of one resource may not change, or undefined. */
export function minInsyncReplicasProblem(
  resourceType: number,
  resourceName: string,
  changed: ReadonlyMap<string, string | null>,
  image: MetadataImage,
): Outcome | undefined {
  if (!hasEligibleLeaders(image) || resourceType !== BROKER || !changed.has(KEY)) return undefined
  const value = changed.get(KEY) ?? null
  const refused = (what: string): Outcome => ({
    errorCode: errorCodes.INVALID_CONFIG,
    errorMessage: `${what} while ELR is enabled.`,
  })
  if (resourceName !== '') return refused(`Broker-level ${KEY} cannot be altered`)
  return value === null ? refused(`Cluster-level ${KEY} cannot be removed`) : undefined
}

/** The facts that a change of settings brings with it. */
export function clearedEligibleLeaders(
  resourceType: number,
  resourceName: string,
  changed: ReadonlyMap<string, string | null>,
  image: MetadataImage,
): MetadataFact[] {
  if (!hasEligibleLeaders(image) || !changed.has(KEY)) return []
  return [{ type: 'ClearElrRecord', topicName: resourceType === TOPIC ? resourceName : '' }]
}
