// The keys of one group (KIP-848, KIP-932, KIP-1071), each with the broker key that is its default and the broker keys
// that bound it. What may be set, and what a group then obeys: a value that was set when the bounds were wider
// is held to those of today. Source and texts: Kafka's GroupConfig.

import { type BrokerLayers, effectiveText } from './broker-config.ts'
import { brokerKeyByName } from './broker-keys.ts'
import {
  atLeast,
  boolean,
  type ConfigKey,
  type ConfigValue,
  int,
  InvalidConfigError,
  oneOf,
  parseValue,
  string,
  textOf,
} from './config-def.ts'
import { parseOffsetReset } from './offset-reset.ts'

const positive = { validator: atLeast(1) } as const
const notNegative = { validator: atLeast(0) } as const

const groupConfigKeys = {
  consumerSessionTimeoutMs: int(
    'consumer.session.timeout.ms',
    45000,
    'A consumer without a heartbeat for this long leaves the group.',
    positive,
  ),
  consumerHeartbeatIntervalMs: int(
    'consumer.heartbeat.interval.ms',
    5000,
    'How often a consumer sends a heartbeat.',
    positive,
  ),
  consumerAssignmentIntervalMs: int(
    'consumer.assignment.interval.ms',
    1000,
    'The least time between two assignments of a consumer group.',
    notNegative,
  ),
  shareSessionTimeoutMs: int(
    'share.session.timeout.ms',
    45000,
    'A share consumer without a heartbeat for this long leaves the group.',
    positive,
  ),
  shareHeartbeatIntervalMs: int(
    'share.heartbeat.interval.ms',
    5000,
    'How often a share consumer sends a heartbeat.',
    positive,
  ),
  shareRecordLockDurationMs: int(
    'share.record.lock.duration.ms',
    30000,
    'How long a record that was fetched is kept for its consumer.',
    { validator: atLeast(1000) },
  ),
  shareDeliveryCountLimit: int(
    'share.delivery.count.limit',
    5,
    'How often a record is delivered before it is given up.',
    { validator: atLeast(2) },
  ),
  sharePartitionMaxRecordLocks: int(
    'share.partition.max.record.locks',
    2000,
    'How many records of one partition may be with consumers at a time.',
    { validator: atLeast(100) },
  ),
  shareAutoOffsetReset: string(
    'share.auto.offset.reset',
    'latest',
    'Where a share group begins in a partition: earliest, latest, or by_duration: and an ISO 8601 duration before now.',
    {
      validator: (value) =>
        parseOffsetReset(value as string) === undefined
          ? 'must be earliest, latest, or by_duration:PnDTnHnMn.nS that is not negative'
          : undefined,
    },
  ),
  shareIsolationLevel: oneOf(
    'share.isolation.level',
    ['read_committed', 'read_uncommitted'],
    'read_uncommitted',
    'Whether a share group is given records of transactions that are open or aborted.',
  ),
  shareRenewAcknowledgeEnable: boolean(
    'share.renew.acknowledge.enable',
    true,
    'Whether a share consumer may ask for more time with a record.',
  ),
  shareAssignmentIntervalMs: int(
    'share.assignment.interval.ms',
    1000,
    'The least time between two assignments of a share group.',
    notNegative,
  ),
  streamsSessionTimeoutMs: int(
    'streams.session.timeout.ms',
    45000,
    'A member of a streams group without a heartbeat for this long leaves the group.',
    positive,
  ),
  streamsHeartbeatIntervalMs: int(
    'streams.heartbeat.interval.ms',
    5000,
    'How often a member of a streams group sends a heartbeat.',
    positive,
  ),
  streamsNumStandbyReplicas: int(
    'streams.num.standby.replicas',
    0,
    'How many standby copies of each task’s state a streams group keeps.',
    notNegative,
  ),
  streamsInitialRebalanceDelayMs: int(
    'streams.initial.rebalance.delay.ms',
    3000,
    'How long the first assignment of a streams group waits for more members.',
    notNegative,
  ),
  streamsAssignmentIntervalMs: int(
    'streams.assignment.interval.ms',
    1000,
    'The least time between two assignments of a streams group.',
    notNegative,
  ),
}

export const groupConfigKeyByName: ReadonlyMap<string, ConfigKey> = new Map(
  Object.values(groupConfigKeys).map((definition): [string, ConfigKey] => [definition.name, definition]),
)

interface Bounds {
  lowest?: string
  highest?: string
}

/** `share.x` is `group.share.x`, bounded by `group.share.min.x` and `group.share.max.x`. */
const regular: Bounds = { lowest: 'min', highest: 'max' }
const boundsOf: ReadonlyMap<string, Bounds> = new Map([
  ...[
    groupConfigKeys.consumerHeartbeatIntervalMs,
    groupConfigKeys.consumerSessionTimeoutMs,
    groupConfigKeys.consumerAssignmentIntervalMs,
    groupConfigKeys.shareHeartbeatIntervalMs,
    groupConfigKeys.shareSessionTimeoutMs,
    groupConfigKeys.shareRecordLockDurationMs,
    groupConfigKeys.shareDeliveryCountLimit,
    groupConfigKeys.sharePartitionMaxRecordLocks,
    groupConfigKeys.shareAssignmentIntervalMs,
    groupConfigKeys.streamsHeartbeatIntervalMs,
    groupConfigKeys.streamsSessionTimeoutMs,
    groupConfigKeys.streamsAssignmentIntervalMs,
  ].map(({ name }): [string, Bounds] => [
    name,
    {
      lowest: `group.${name.replace('.', `.${regular.lowest}.`)}`,
      highest: `group.${name.replace('.', `.${regular.highest}.`)}`,
    },
  ]),
  [groupConfigKeys.streamsNumStandbyReplicas.name, { highest: 'group.streams.max.standby.replicas' }],
])

/** The broker key that is the default of a group key; undefined where there is none. */
export function brokerKeyOfGroup(name: string): string | undefined {
  return brokerKeyByName.has(`group.${name}`) ? `group.${name}` : undefined
}

/** What is wrong with a group's settings (INVALID_CONFIG), or undefined. */
export function checkGroupSettings(
  settings: ReadonlyMap<string, string>,
  layers: BrokerLayers,
): string | undefined {
  const values = new Map<string, ConfigValue>()
  try {
    for (const name of settings.keys()) {
      if (!groupConfigKeyByName.has(name)) return `Unknown group config name: ${name}`
    }
    for (const definition of groupConfigKeyByName.values()) {
      const text = settings.get(definition.name) ?? defaultText(definition, layers)
      values.set(definition.name, parseValue(definition, text))
    }
  } catch (error) {
    if (error instanceof InvalidConfigError) return error.message
    throw error
  }
  for (const [name, bounds] of boundsOf) {
    // The broker's own default is not the group's fault.
    if (!settings.has(name)) continue
    const { lowest, highest } = numbersOf(bounds, layers)
    const value = values.get(name) as number
    if (value < lowest) return `${name} must be greater than or equal to ${bounds.lowest}`
    if (value > highest) return `${name} must be less than or equal to ${bounds.highest}`
  }
  for (const kind of ['consumer', 'share', 'streams']) {
    const [session, heartbeat] = [`${kind}.session.timeout.ms`, `${kind}.heartbeat.interval.ms`]
    if ((values.get(session) as number) <= (values.get(heartbeat) as number)) {
      return `${session} must be greater than ${heartbeat}`
    }
  }
  return undefined
}

/** What is set for a group as it holds today: the same keys, each within the broker's bounds. */
export function effectiveGroupSettings(
  settings: ReadonlyMap<string, string>,
  layers: BrokerLayers,
): ReadonlyMap<string, string> {
  if (settings.size === 0) return settings
  const effective = new Map<string, string>()
  for (const name of settings.keys()) {
    const definition = groupConfigKeyByName.get(name)
    // A newer Kafka may have left a key that nobody here reads.
    if (definition !== undefined) effective.set(name, effectiveGroupText(definition, settings, layers))
  }
  return effective
}

/** The value of one key as text. */
export function effectiveGroupText(
  definition: ConfigKey,
  settings: ReadonlyMap<string, string>,
  layers: BrokerLayers,
): string {
  const { name, type } = definition
  const own = settings.get(name)
  if (own === undefined) return defaultText(definition, layers)
  const value = parseValue(definition, own)
  const bounds = boundsOf.get(name)
  if (bounds === undefined) return textOf(type, value)
  const { lowest, highest } = numbersOf(bounds, layers)
  return String(Math.min(Math.max(value as number, lowest), highest))
}

function defaultText(definition: ConfigKey, layers: BrokerLayers): string {
  const brokerKey = brokerKeyOfGroup(definition.name)
  return (brokerKey && brokerText(brokerKey, layers)) ?? (definition.default as string)
}

function numbersOf({ lowest, highest }: Bounds, layers: BrokerLayers): { lowest: number; highest: number } {
  const read = (name: string | undefined, otherwise: number): number =>
    Number((name && brokerText(name, layers)) ?? otherwise)
  return { lowest: read(lowest, -Infinity), highest: read(highest, Infinity) }
}

function brokerText(name: string, layers: BrokerLayers): string | undefined {
  const definition = brokerKeyByName.get(name)
  return (definition && effectiveText(layers, definition)) ?? undefined
}
