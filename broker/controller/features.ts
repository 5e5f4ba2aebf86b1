// Features: what this broker can do at which level, and which level is finalized (KIP-584). A level is
// finalized in a new metadata log, or by UpdateFeatures; it changes while everything runs. A directory from
// before a feature was served has no level of it: that is level 0, until somebody upgrades.
//
// Rule kept: a feature stands in the table below at the level that is really served, no higher.
// Checks, order and texts: Kafka's FeatureControlManager, QuorumFeatures, Feature.validateVersion.

import type { FeatureName } from '../coordinator/features.ts'
import { errorCodes } from '../protocol/errors.ts'
import { type Bootstrap, OK, type Outcome, type Plan, type UpdateFeatures } from './commands.ts'
import { eligibleLeadersEnabled, guardMinInsyncReplicas } from './eligible-leaders.ts'
import type { Fact } from './facts.ts'
import type { BrokerFeature, MetadataImage } from './image.ts'
import { LOWEST_METADATA_VERSION, METADATA_VERSION } from './metadata-codec.ts'
import type { PlanContext } from './plan-context.ts'

export interface ServedFeature {
  readonly name: FeatureName
  readonly minLevel: number
  /** Served up to here; a new log begins with it. */
  readonly maxLevel: number
}

/** One line a feature. Kafka 4.3 has more of them; what is missing here is not served. */
export const servedFeatures: readonly ServedFeature[] = [
  { name: 'metadata.version', minLevel: LOWEST_METADATA_VERSION, maxLevel: METADATA_VERSION },
  { name: 'share.version', minLevel: 0, maxLevel: 1 },
  { name: 'streams.version', minLevel: 0, maxLevel: 1 },
  { name: 'transaction.version', minLevel: 0, maxLevel: 2 },
  { name: 'eligible.leader.replicas.version', minLevel: 0, maxLevel: 1 },
  { name: 'group.version', minLevel: 0, maxLevel: 1 },
]

/** The levels that a new log begins with. */
export const newClusterLevels: Readonly<Record<string, number>> = Object.fromEntries(
  servedFeatures.map(({ name, maxLevel }) => [name, maxLevel]),
)

/** As a broker registers them. */
export const registeredFeatures: readonly BrokerFeature[] = servedFeatures.map(
  ({ name, minLevel, maxLevel }) => ({ name, minSupportedVersion: minLevel, maxSupportedVersion: maxLevel }),
)

/** What keeps this software from running on these levels, or undefined. */
export function levelsProblem(image: MetadataImage): string | undefined {
  for (const { name, minLevel, maxLevel } of servedFeatures) {
    const level = image.featureLevel(name)
    if (level !== 0 && (level < minLevel || level > maxLevel)) {
      return `the metadata log is of ${name} ${level}, served are ${minLevel} to ${maxLevel}`
    }
  }
  return undefined
}

/** Feature levels come first in a metadata log, metadata.version before all others. */
export function planBootstrap({ features }: Bootstrap, { image, settings }: PlanContext): Plan<Outcome> {
  if (image.features().size > 0) return { facts: [], reply: OK }
  const levels: [string, number][] = [['metadata.version', METADATA_VERSION]]
  for (const [name, level] of Object.entries(features)) {
    if (level > 0 && name !== 'metadata.version') levels.push([name, level])
  }
  const facts = levels.map(([name, level]) => levelFact(name, level))
  const guards = eligibleLeadersEnabled(Object.fromEntries(levels))
    ? guardMinInsyncReplicas(image, settings.minInsyncReplicas)
    : []
  return { facts: [...facts, ...guards], reply: OK }
}

const UPGRADE = 1
const SAFE_DOWNGRADE = 2
const UNSAFE_DOWNGRADE = 3

/** All updates together or none: the first that is refused refuses the request. */
export function planUpdateFeatures(
  { updates, validateOnly }: UpdateFeatures,
  { image, settings, nodeId }: PlanContext,
): Plan<Outcome> {
  // Of two updates of one feature the last counts.
  const byName = new Map(updates.map((update) => [update.name, update]))
  const levels: Record<string, number> = Object.fromEntries(image.features())
  for (const { name, level } of byName.values()) levels[name] = level
  const facts: Fact<'FeatureLevelRecord'>[] = []
  for (const { name, level, upgradeType } of byName.values()) {
    const current = image.featureLevel(name)
    const problem = updateProblem({ name, level, upgradeType }, current, nodeId)
    if (problem !== undefined) return { facts: [], reply: invalidVersion(problem) }
    facts.push(levelFact(name, level))
  }
  if (validateOnly) return { facts: [], reply: OK }
  const asked = Object.fromEntries([...byName.values()].map(({ name, level }) => [name, level]))
  const guards = eligibleLeadersEnabled(asked)
    ? guardMinInsyncReplicas(image, settings.minInsyncReplicas)
    : []
  return { facts: [...guards, ...facts], reply: OK }
}

function updateProblem(
  { name, level, upgradeType }: UpdateFeatures['updates'][number],
  current: number,
  nodeId: number,
): string | undefined {
  const invalid = (text: string) => `Invalid update version ${level} for feature ${name}. ${text}`
  if (upgradeType < UPGRADE || upgradeType > UNSAFE_DOWNGRADE) {
    return invalid('The controller does not support the given upgrade type.')
  }
  if (level < 0) return invalid('A feature version cannot be less than 0.')
  const served = servedFeatures.find((feature) => feature.name === name)
  const unsupported = notSupported(level, `Local controller ${nodeId}`, served)
  if (unsupported !== undefined) return invalid(unsupported)
  if (level < current && upgradeType === UPGRADE) {
    return invalid(
      "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.",
    )
  }
  if (level > current && upgradeType !== UPGRADE) return invalid("Can't downgrade to a newer version.")
  if (served === undefined) return invalid(`Feature ${name} not found.`)
  if (name === 'metadata.version' && level < current) return metadataDowngrade(current, level, upgradeType)
  return undefined
}

function notSupported(level: number, what: string, served: ServedFeature | undefined): string | undefined {
  const { minLevel, maxLevel } = served ?? { minLevel: 0, maxLevel: 0 }
  if (level >= minLevel && level <= maxLevel) return undefined
  if (maxLevel === 0) return `${what} does not support this feature.`
  return `${what} only supports versions ${minLevel === maxLevel ? minLevel : `${minLevel}-${maxLevel}`}`
}

/** Levels of metadata.version whose records a lower one may not know (MetadataVersion.didMetadataChange). */
const METADATA_CHANGES = new Set([7, 8, 11, 13, 14, 15, 17, 23, 30])

function metadataDowngrade(current: number, level: number, upgradeType: number): string | undefined {
  let lowest = current
  while (lowest > level && !METADATA_CHANGES.has(lowest)) lowest--
  if (lowest === level) return undefined
  const why =
    upgradeType === SAFE_DOWNGRADE
      ? 'Refusing to perform the requested downgrade because it might delete metadata information.'
      : 'Unsafe metadata downgrade is not supported in this version.'
  return `Unsupported metadata.version downgrade from ${current} to ${level}. ${why}`
}

function levelFact(name: string, featureLevel: number): Fact<'FeatureLevelRecord'> {
  return { type: 'FeatureLevelRecord', name, featureLevel }
}

function invalidVersion(errorMessage: string): Outcome {
  return {
    errorCode: errorCodes.INVALID_UPDATE_VERSION,
    errorMessage: `The update failed for all features since the following feature had an error: ${errorMessage}`,
  }
}
