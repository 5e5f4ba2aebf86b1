// Plan for IncrementalAlterConfigs and AlterConfigs, for topics, brokers, groups and client metrics. A resource's changes are
// accepted together or not at all. Codes and texts: Kafka's ConfigAdminManager and
// ConfigurationControlManager.

import { errorCodes } from '../protocol/errors.ts'
import {
  CONFIG_OPERATIONS,
  type ConfigOutcome,
  type ConfigResource,
  OK,
  type Outcome,
  type Plan,
  type SetConfigs,
} from './commands.ts'
import { clearedEligibleLeaders, minInsyncReplicasProblem } from './eligible-leaders.ts'
import { type MetadataFact, RESOURCE_TYPES } from './facts.ts'
import type { ConfigRules, PlanContext } from './plan-context.ts'
import { topicNameProblem } from './topic-name.ts'

const { TOPIC, GROUP, CLIENT_METRICS } = RESOURCE_TYPES
/** Of a value, in characters. */
const LONGEST_VALUE = 32767

type Changes = SetConfigs['resources'][number]

const { SET, DELETE, APPEND, SUBTRACT } = CONFIG_OPERATIONS
const OPERATION_NAMES = ['SET', 'DELETE', 'APPEND', 'SUBTRACT']

export function planSetConfigs(command: SetConfigs, context: PlanContext): Plan<ConfigOutcome[]> {
  const facts: MetadataFact[] = []
  const reply: ConfigOutcome[] = []
  for (const resource of command.resources) {
    const { resourceType, resourceName } = resource
    const planned = isNamedTwice(resource, command.resources)
      ? refuse(errorCodes.INVALID_REQUEST, 'Each resource must appear at most once.')
      : planResource(resource, context)
    if ('facts' in planned) facts.push(...planned.facts)
    const { errorCode, errorMessage } = 'facts' in planned ? OK : planned
    reply.push({ resourceType, resourceName, errorCode, errorMessage })
  }
  return { facts: command.validateOnly ? [] : facts, reply }
}

function planResource(resource: Changes, context: PlanContext): { facts: MetadataFact[] } | Outcome {
  const { resourceType, resourceName } = resource
  const { image, rules } = context
  const malformed = resourceProblem(resource, context) ?? changesProblem(resource)
  if (malformed !== undefined) return malformed
  const before = image.settings(resourceType, resourceName)
  const after = new Map(resource.replaceAll === true ? [] : before)
  for (const { name, configOperation, value } of resource.configs) {
    if (configOperation === SET) after.set(name, value as string)
    else if (configOperation === DELETE) after.delete(name)
    else {
      const list = rules.defaultList(resourceType, name)
      if (list === undefined) {
        return refuse(
          errorCodes.INVALID_CONFIG,
          `Can't ${OPERATION_NAMES[configOperation]} to key ${name} because its type is not LIST.`,
        )
      }
      after.set(name, changedList(after.get(name), list, configOperation, value as string).join(','))
    }
  }
  const changed = changesBetween(before, after)
  const problem = settingsProblem(resource, after, changed, rules)
  if (problem !== undefined) return problem
  const guarded = minInsyncReplicasProblem(resourceType, resourceName, changed, image)
  if (guarded !== undefined) return guarded
  const facts = [...changed].map(
    ([name, value]): MetadataFact => ({ type: 'ConfigRecord', resourceType, resourceName, name, value }),
  )
  return { facts: [...facts, ...clearedEligibleLeaders(resourceType, resourceName, changed, image)] }
}

/** What is wrong with the settings that the resource would have. */
function settingsProblem(
  { resourceType, resourceName }: ConfigResource,
  after: ReadonlyMap<string, string>,
  changed: ReadonlyMap<string, string | null>,
  rules: ConfigRules,
): Outcome | undefined {
  const long = [...changed].find(([, value]) => value !== null && value.length > LONGEST_VALUE)
  if (long !== undefined) {
    const text = `The configuration value cannot be added because it exceeds the maximum value size of ${LONGEST_VALUE} bytes.`
    return refuse(errorCodes.INVALID_CONFIG, text)
  }
  if (resourceType === TOPIC) return invalid(rules.topicProblem(after))
  if (resourceType === GROUP) return invalid(rules.groupProblem(after))
  if (resourceType === CLIENT_METRICS) {
    const problem = rules.clientMetricsProblem(after)
    if (problem === undefined) return undefined
    const errorCode = problem.isConfig ? errorCodes.INVALID_CONFIG : errorCodes.INVALID_REQUEST
    return refuse(errorCode, problem.message)
  }
  const problem = rules.brokerProblem(resourceName, changed)
  return problem === undefined ? undefined : refuse(errorCodes.INVALID_REQUEST, problem)
}

function invalid(problem: string | undefined): Outcome | undefined {
  return problem === undefined ? undefined : refuse(errorCodes.INVALID_CONFIG, problem)
}

function resourceProblem(
  { resourceType, resourceName }: ConfigResource,
  { image }: PlanContext,
): Outcome | undefined {
  if (resourceType === RESOURCE_TYPES.TOPIC) {
    if (resourceName === '') {
      return refuse(errorCodes.INVALID_REQUEST, 'Default topic resources are not allowed.')
    }
    const problem = topicNameProblem(resourceName)
    if (problem !== undefined) return refuse(errorCodes.INVALID_TOPIC_EXCEPTION, problem)
    if (image.topic(resourceName) !== undefined) return undefined
    return refuse(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `The topic '${resourceName}' does not exist.`)
  }
  if (resourceType === RESOURCE_TYPES.BROKER) {
    if (resourceName === '') return undefined
    const id = /^\d{1,10}$/.test(resourceName) ? Number(resourceName) : undefined
    if (id !== undefined && image.broker(id) !== undefined) return undefined
    return refuse(errorCodes.INVALID_REQUEST, `No broker with id ${resourceName} found.`)
  }
  if (resourceType === GROUP) {
    return resourceName === ''
      ? refuse(errorCodes.INVALID_REQUEST, 'Default group resources are not allowed.')
      : undefined
  }
  if (resourceType === CLIENT_METRICS) {
    return resourceName === ''
      ? refuse(errorCodes.INVALID_REQUEST, "Subscription name can't be empty")
      : undefined
  }
  return refuse(errorCodes.INVALID_REQUEST, `Unexpected resource type ${resourceType}.`)
}

/** What is wrong with the changes themselves, whatever they are of. */
export function changesProblem({ configs }: Pick<Changes, 'configs'>): Outcome | undefined {
  const names = configs.map(({ name }) => name)
  if (new Set(names).size !== names.length) {
    return refuse(errorCodes.INVALID_REQUEST, 'Error due to duplicate config keys')
  }
  const without = configs.filter(({ configOperation, value }) => configOperation !== DELETE && value === null)
  if (without.length > 0) {
    return refuse(
      errorCodes.INVALID_REQUEST,
      `Null value not supported for : ${without.map(({ name }) => name).join(', ')}`,
    )
  }
  const unknown = configs.find(({ configOperation }) => OPERATION_NAMES[configOperation] === undefined)
  return unknown === undefined
    ? undefined
    : refuse(errorCodes.INVALID_REQUEST, `Unknown operation ${unknown.configOperation} for ${unknown.name}`)
}

/** APPEND adds what is not there yet, SUBTRACT takes away what is; both start from the default. */
function changedList(
  current: string | undefined,
  byDefault: readonly string[],
  operation: number,
  value: string,
): string[] {
  const items = current === undefined ? [...byDefault] : itemsOf(current)
  const named = itemsOf(value)
  if (operation === SUBTRACT) return items.filter((item) => !named.includes(item))
  if (operation !== APPEND) throw new Error(`operation ${operation} does not change a list`)
  return [...new Set([...items, ...named])]
}

function itemsOf(text: string): string[] {
  return text === '' ? [] : text.split(',').map((item) => item.trim())
}

function changesBetween(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): Map<string, string | null> {
  const changed = new Map<string, string | null>()
  for (const [name, value] of after) if (before.get(name) !== value) changed.set(name, value)
  for (const name of before.keys()) if (!after.has(name)) changed.set(name, null)
  return changed
}

export function isNamedTwice(resource: ConfigResource, resources: readonly ConfigResource[]): boolean {
  const isSame = ({ resourceType, resourceName }: ConfigResource): boolean =>
    resourceType === resource.resourceType && resourceName === resource.resourceName
  return resources.filter(isSame).length > 1
}

function refuse(errorCode: number, errorMessage: string): Outcome {
  return { errorCode, errorMessage }
}
