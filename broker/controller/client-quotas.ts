// AlterClientQuotas: each entity stands for itself, its keys all or none. Checks, codes and texts: Kafka's
// ClientQuotaControlManager. Also how an entity is told from others in the image.

import { errorCodes } from '../protocol/errors.ts'
import { clientQuotaKeys, ENTITY_TYPES, ipQuotaKeys, isAddress, quotaProblem } from '../quota/quota-keys.ts'
import type { AlterClientQuotas, Outcome, Plan, QuotaOutcome } from './commands.ts'
import { OK } from './commands.ts'
import type { Fact, MetadataFact } from './facts.ts'
import type { PlanContext } from './plan-context.ts'

type Entity = Fact<'ClientQuotaRecord'>['entity']

/** The same for the same entity, in whatever order its parts are named. */
export function entityKey(entity: Entity): string {
  const parts = entity.map(({ entityType, entityName }) => [entityType, entityName])
  return JSON.stringify(parts.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)))
}

export function planAlterClientQuotas(
  command: AlterClientQuotas,
  context: PlanContext,
): Plan<QuotaOutcome[]> {
  const facts: MetadataFact[] = []
  const outcomes = new Map<string, QuotaOutcome>()
  for (const { entity, ops } of command.entries) {
    const key = entityKey(entity)
    const isKnown = outcomes.has(key)
    const repeated = ops.find((op, at) => ops.findIndex((other) => other.key === op.key) < at)
    const problem =
      isKnown || repeated !== undefined
        ? refuse(`Ignoring duplicate entity ${key}`)
        : (entityProblem(entity) ?? opsProblem(entity, ops))
    if (problem === undefined) facts.push(...changes(entity, ops, context))
    outcomes.set(key, { entity, ...(problem ?? OK) })
  }
  return { facts: command.validateOnly ? [] : facts, reply: [...outcomes.values()] }
}

function entityProblem(entity: Entity): Outcome | undefined {
  if (entity.length === 0) return refuse('Invalid empty client quota entity')
  const types = entity.map(({ entityType }) => entityType)
  for (const { entityType, entityName } of entity) {
    if (!(ENTITY_TYPES as readonly string[]).includes(entityType)) {
      return refuse(`Unhandled client quota entity type: ${entityType}`)
    }
    if (entityName === '') return refuse(`Empty ${entityType} not supported`)
  }
  const repeated = types.find((type, at) => types.indexOf(type) < at)
  if (repeated !== undefined) return refuse(`Invalid client quota entity, duplicate entity entry ${repeated}`)
  if (!types.includes('ip')) return undefined
  if (types.length > 1) {
    return refuse('Invalid quota entity combination, IP entity should not be combined with User or ClientId')
  }
  const ip = entity[0]?.entityName ?? null
  // Names are not looked up: what a name means to the broker may change while the quota stays.
  return ip === null || isAddress(ip) ? undefined : refuse(`${ip} is not a valid IP or resolvable host.`)
}

function opsProblem(entity: Entity, ops: AlterClientQuotas['entries'][number]['ops']): Outcome | undefined {
  const keys = entity[0]?.entityType === 'ip' ? ipQuotaKeys : clientQuotaKeys
  for (const { key, value, remove } of ops) {
    const problem = remove ? undefined : quotaProblem(keys, key, value)
    if (problem !== undefined) return refuse(problem)
  }
  return undefined
}

function changes(
  entity: Entity,
  ops: AlterClientQuotas['entries'][number]['ops'],
  { image }: PlanContext,
): MetadataFact[] {
  const current = image.clientQuota(entityKey(entity))?.values
  return ops
    .filter(({ key, value, remove }) => (remove ? current?.has(key) === true : current?.get(key) !== value))
    .map(({ key, value, remove }) => ({
      type: 'ClientQuotaRecord',
      entity,
      key,
      value: remove ? 0 : value,
      remove,
    }))
}

function refuse(errorMessage: string): Outcome {
  return { errorCode: errorCodes.INVALID_REQUEST, errorMessage }
}
